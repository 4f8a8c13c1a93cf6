"""Applications to test with: real SQLite files, a real PostgreSQL server, a fixed clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app import clock, create_app
from app.db import db
from app.settings import Settings
from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday, 09:00 in Zhangye


def settings(url: str, folder: Path, *, demo: bool = True) -> Settings:
    """Settings of a test installation."""
    return Settings(url, "a-secret-for-tests-only", bytes(range(32)), 8000, demo, folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a browser first: they take longest, and workers that begin with them end together."""
    items.sort(key=lambda item: "browser" not in item.path.parts)


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL server of our own, started once for the run."""
    with postgres.running() as started:
        yield started


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database with all migrations applied, to copy from."""
    folder = tmp_path_factory.mktemp("template")
    migrate(f"sqlite:///{folder / 'empty.db'}", folder)
    return folder / "empty.db"


def migrate(url: str, folder: Path) -> None:
    """Apply the project's own migrations to the database at `url`."""
    environment = {**os.environ, "DATABASE_URL": url, "DEMO": "1", "INSTANCE_DIR": str(folder)}
    command = [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="session")
def postgres_template(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated, empty PostgreSQL database, to copy from."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    server.create(name)
    migrate(server.url(name), tmp_path_factory.mktemp("pg"))
    return name


@contextmanager
def copied(request: pytest.FixtureRequest, file: Path, of_file: str, of_database: str) -> Iterator[str]:
    """Where SQLAlchemy finds a copy, on the database that the fixture's parameter says, of what those fixtures made."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue(of_file), file)
        yield f"sqlite:///{file}"
    else:
        server: postgres.Server = request.getfixturevalue("server")
        with server.copy(request.getfixturevalue(of_database)) as url:
            yield url


MakeApp = Callable[[], Flask]


@pytest.fixture(params=["sqlite", "postgresql"])
def make_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeApp]:
    """Makes applications on one fresh database, each as another process would have it."""
    made: list[Flask] = []

    def make() -> Flask:
        app = create_app(settings(url, tmp_path))
        made.append(app)
        return app

    with copied(request, tmp_path / "test.db", "sqlite_template", "postgres_template") as url:
        yield make
        for app in made:
            with app.app_context():
                db.session.remove()
                db.engine.dispose()


@pytest.fixture
def app(make_app: MakeApp) -> Iterator[Flask]:
    """One application, with its context pushed."""
    made = make_app()
    with made.app_context():
        yield made


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """A clock that stands at START until it is moved."""
    with clock.fixed(START) as move:
        yield move


def rows(table: sa.Table) -> list[dict[str, object]]:
    """Every row of a table, as a test looks at it."""
    found = [dict(row) for row in db.session.execute(sa.select(table)).mappings()]
    db.session.rollback()
    return found
