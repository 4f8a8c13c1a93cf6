"""Scenario tests share worlds; the coverage test comes last."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.process.worlds import either_world, postgres_county, postgres_world, sqlite_county, world

__all__ = ["either_world", "postgres_county", "postgres_world", "sqlite_county", "world"]
HERE = Path(__file__).parent
COVERAGE = "test_coverage"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Coverage is judged after every scenario, and only when all of them were chosen."""
    scenarios = [item for item in items if item.path.parent == HERE and item.path.stem != COVERAGE]
    last = [item for item in items if item.path.parent == HERE and item.path.stem == COVERAGE]
    items[:] = [item for item in items if item not in last] + last
    chosen = {item.path.stem for item in scenarios}
    partial = bool(config.option.keyword) or chosen < {path.stem for path in HERE.glob("test_*.py")} - {COVERAGE}
    for item in (*scenarios, *last):
        item.add_marker(pytest.mark.xdist_group("process"))  # one worker sees the whole record (--dist loadgroup)
    for item in last if partial else ():
        item.add_marker(pytest.mark.skip(reason="only some of the scenarios were chosen"))
