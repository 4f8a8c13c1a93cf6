"""How figures are taken: wall and processor time of one call, statements counted, medians, one line each."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.db import Prepared, Write


@dataclass(frozen=True, slots=True)
class Span:
    """How long one call took, in milliseconds: on the wall clock, and of this process's processor time."""

    wall: float
    cpu: float


Pair = tuple[Span, Span]
"""Two calls made one after the other in the same round, the second being what the first is measured against."""


def span_of(act: Callable[[], object]) -> Span:
    """Run `act` once and say how long it took."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    act()
    return Span((time.perf_counter_ns() - wall) / 1e6, (time.process_time_ns() - cpu) / 1e6)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement sent until the block ends, through SQLAlchemy or past it; begin and commit are not counted."""
    sent: list[str] = []
    one, many = Prepared.send, Write.send_all

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    def counted(whole: Callable[..., Any]) -> Callable[..., Any]:
        return lambda write, *rest: (sent.append(str(write)), whole(write, *rest))[1]

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    Prepared.send, Write.send_all = counted(one), counted(many)  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        Prepared.send, Write.send_all = one, many  # type: ignore[method-assign]
        sa.event.remove(sa.Engine, "before_cursor_execute", count)


@dataclass(frozen=True, slots=True)
class Report:
    """Writes figures of one database, one JSON line each."""

    on: str

    def figure(self, name: str, value: float, unit: str, vs: str | None = None) -> None:
        """One line: what was measured, the figure, and what it is measured against."""
        line = {"name": name, "value": round(value, 3), "unit": unit, "vs": vs, "on": self.on}
        print(json.dumps(line), flush=True)

    def spans(self, name: str, spans: Sequence[Span], vs: str | None = None) -> None:
        """The median of calls, as `name`_ms and `name`_cpu_ms."""
        self.figure(f"{name}_ms", statistics.median(span.wall for span in spans), "ms", vs)
        self.figure(f"{name}_cpu_ms", statistics.median(span.cpu for span in spans), "ms", vs)

    def ratio(self, name: str, pairs: Sequence[Pair], vs: str) -> None:
        """The median of paired ratios, on the wall clock and of processor time."""
        self.figure(name, statistics.median(one.wall / other.wall for one, other in pairs), "ratio", vs)
        self.figure(f"{name}_cpu", statistics.median(one.cpu / other.cpu for one, other in pairs), "ratio", vs)
