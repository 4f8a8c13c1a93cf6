"""Reliability is tried on copies of one prepared county; what a test broke is mended after it."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from app.db import _begin
from tests.reliability import faults
from tests.reliability.places import fresh, place, postgres_place, postgres_waiting, sqlite_waiting, still

__all__ = ["fresh", "place", "postgres_place", "postgres_waiting", "sqlite_waiting", "still"]


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> Iterator[faults.Patch]:
    """Puts a point or a broken variant in place for one test."""
    yield monkeypatch.setattr
    if not sa.event.contains(sa.Engine, "begin", _begin):
        sa.event.listen(sa.Engine, "begin", _begin)
