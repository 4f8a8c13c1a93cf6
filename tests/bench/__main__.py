"""`python -m tests.bench`: one JSON line for each figure, on SQLite and then on PostgreSQL.

Figures are printed, never judged: speed depends on the machine. docs/performance.md says what
each name means and what is hoped for.
"""

from __future__ import annotations

import logging

from tests.bench import audit, inboxes, pages, replay, steps, ticks
from tests.bench.ground import postgresql, sqlite
from tests.bench.measure import Report


def main() -> None:
    """Measure on both databases."""
    logging.disable(logging.WARNING)
    for database in (sqlite, postgresql):
        with database() as ground:
            report = Report(ground.name)
            steps.measure(ground, report)
            pages.measure(ground, report)
            ticks.measure(ground, report)
            replay.measure(ground, report)
            audit.measure(ground, report)
            inboxes.measure(ground, report)


if __name__ == "__main__":
    main()
