"""Fixtures: a world on SQLite, or on both databases, each test with a copy of one founded county.

When a test ends, what its cases walked through is noted down for the coverage test (tests.process.reach).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from app import clock, create_app
from app.db import db
from tests import conftest, postgres
from tests.process import reach
from tests.world import World, found


@contextmanager
def running(url: str, folder: Path) -> Iterator[Flask]:
    """An application on that database, its context pushed; its connections are closed at the end."""
    app = create_app(conftest.settings(url, folder))
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_county(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the county founded, to copy from."""
    folder = tmp_path_factory.mktemp("county")
    shutil.copy(sqlite_template, folder / "county.db")
    with running(f"sqlite:///{folder / 'county.db'}", folder), clock.fixed(conftest.START):
        found()
    return folder / "county.db"


@pytest.fixture(scope="session")
def postgres_county(
    server: postgres.Server, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[postgres.Server, str]:
    """A PostgreSQL database with the county founded, to copy from."""
    name = f"county_{uuid.uuid4().hex[:8]}"
    server.create(name, template=postgres_template)
    with running(server.url(name), tmp_path_factory.mktemp("county")), clock.fixed(conftest.START):
        found()
    return server, name


@contextmanager
def _world(url: str, folder: Path) -> Iterator[World]:
    with running(url, folder), clock.fixed(conftest.START) as move:
        world = World(move)
        yield world
        if world.honest:
            world.settle()
            world.prove()
        reach.note_down()


@pytest.fixture
def world(sqlite_county: Path, tmp_path: Path) -> Iterator[World]:
    """A world on a SQLite file of its own."""
    shutil.copy(sqlite_county, tmp_path / "world.db")
    with _world(f"sqlite:///{tmp_path / 'world.db'}", tmp_path) as made:
        yield made


@pytest.fixture
def postgres_world(postgres_county: tuple[postgres.Server, str], tmp_path: Path) -> Iterator[World]:
    """A world on a PostgreSQL database of its own."""
    server, template = postgres_county
    with server.copy(template) as url, _world(url, tmp_path) as made:
        yield made


@pytest.fixture(params=["world", "postgres_world"], ids=["sqlite", "postgresql"])
def either_world(request: pytest.FixtureRequest) -> World:
    """A world on SQLite, then one on PostgreSQL."""
    made: World = request.getfixturevalue(request.param)
    return made
