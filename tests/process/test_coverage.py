"""Last of all: everything drawn was reached by a scenario, computed from the record."""

from __future__ import annotations

import pytest

from tests.process import reach


@pytest.mark.parametrize("stem", reach.diagrams())
def test_everything_drawn_was_reached(stem: str) -> None:
    assert not reach.missing([stem])
