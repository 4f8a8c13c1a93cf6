"""Last of all: everything drawn was reached by a scenario, computed from the record."""

from __future__ import annotations

import pytest

from tests.process.reach import Record


def test_every_end_branch_and_timer_was_reached(reached: Record) -> None:
    missing = reached.ask()
    if missing is None:
        pytest.skip("other workers still run scenarios; the last one of them to end checks it")
    assert not missing
