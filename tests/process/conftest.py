"""Scenario tests put on record what they reach; coverage is judged when the last of them has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import reach
from tests.process.worlds import either_world, postgres_county, postgres_world, sqlite_county, world

__all__ = ["either_world", "postgres_county", "postgres_world", "sqlite_county", "world"]
HERE = Path(__file__).parent
COVERAGE = "test_coverage"
SCENARIOS = pytest.StashKey[list[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Coverage is judged after every scenario, and only when all of them were chosen."""
    scenarios = [item for item in items if item.path.parent == HERE and item.path.stem != COVERAGE]
    last = [item for item in items if item.path.parent == HERE and item.path.stem == COVERAGE]
    items[:] = [item for item in items if item not in last] + last
    config.stash[SCENARIOS] = [item.nodeid for item in scenarios]
    chosen = {item.path.stem for item in scenarios}
    everything = {path.stem for path in HERE.glob("test_*.py")} - {COVERAGE}
    partial = config.option.keyword or config.option.deselect or chosen < everything
    for item in last if partial else ():
        item.add_marker(pytest.mark.skip(reason="only some of the scenarios were chosen"))


@pytest.fixture(scope="session")
def reached(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> reach.Record:
    """The record that all workers of this run share."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if hasattr(request.config, "workerinput") else folder
    return reach.Record(shared, request.config.stash[SCENARIOS])


@pytest.fixture(autouse=True)
def on_record(request: pytest.FixtureRequest, reached: reach.Record) -> Iterator[None]:
    """What a scenario reached goes on record when it ends."""
    reach.pad.clear()
    yield
    if request.path.stem != COVERAGE and (missing := reached.end(request.node.nodeid)):
        pytest.fail(f"not reached by any scenario: {missing}")
