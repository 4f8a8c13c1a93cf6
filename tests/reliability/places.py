"""Where reliability is tried: copies of one founded county, with work waiting, on both databases.

`Waiting` says what is open: a known child's response to a report, and a second report of the same
child that is about to be accepted. Accepting it runs two operations and writes everywhere: links,
notices, and a message to another case, which travels by the outbox.
"""

from __future__ import annotations

import json
import random
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import clock, create_app
from app.db import db
from app.demo.answers import plausible
from app.services import people
from app.services._work import Actor
from tests import conftest, postgres
from tests.world import TASK, World, found

Fresh = Callable[[], "Place"]
SAFE = {"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open task with what to send, and who may send it."""

    case: int
    task: int
    version: int
    raw: dict[str, Any]
    people: tuple[int, int]
    role: str
    known: int
    """The case of the child that the report is about."""


@dataclass(frozen=True, slots=True)
class Place:
    """A database of one test's own, and the work that waits in it."""

    url: str
    folder: Path
    waiting: Waiting

    @classmethod
    def at(cls, url: str, folder: Path) -> Place:
        """The place whose folder says what waits."""
        kept: dict[str, Any] = json.loads((folder / "waiting.json").read_text())
        return cls(url, folder, Waiting(**{**kept, "people": tuple(kept["people"])}))

    @contextmanager
    def running(self) -> Iterator[Flask]:
        """An application on it, as another process would have it, its context pushed."""
        app = create_app(conftest.settings(self.url, self.folder))
        with app.app_context():
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()

    @property
    def sqlite(self) -> bool:
        """True on a SQLite file."""
        return self.url.startswith("sqlite")

    def actor(self, number: int = 0) -> Actor:
        """One of the two people whose work it is."""
        return Actor(self.waiting.people[number], self.waiting.role)


def lay_out(world: World) -> Waiting:
    """Bring the county to where the second report is about to be accepted."""
    (known,) = world.accepted()
    case = world.report()
    world.send("t2", "report-intake", case, **SAFE)
    world.send(
        "t3", "report-intake", case, matches=[{"child_ref": "1 林小禾", "candidate": str(known), "match": "same"}]
    )
    task = world.open("report-intake", "t4", case)
    form = world.library.form("F04")
    raw = plausible(form, {}, random.Random(4), clock.now(), {"intake_decision": "accept"})
    first = world.actor(task["role"], task["unit_id"])
    second = people.add_user("colleague", "同事", "*", [(task["role"], world.unit(task)["code"])])
    return Waiting(case, task["id"], task["version"], raw, (first.user_id or 0, second), task["role"], known)


def _keep(world: World, folder: Path) -> None:
    (folder / "waiting.json").write_text(json.dumps(asdict(lay_out(world)), ensure_ascii=False))


@contextmanager
def _county(url: str, folder: Path) -> Iterator[World]:
    app = create_app(conftest.settings(url, folder))
    with app.app_context(), clock.fixed(conftest.START) as move:
        try:
            found()
            yield World(move)
        finally:
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_waiting(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a SQLite file, and what waits in it."""
    folder = tmp_path_factory.mktemp("waiting")
    shutil.copy(sqlite_template, folder / "waiting.db")
    with _county(f"sqlite:///{folder / 'waiting.db'}", folder) as world:
        _keep(world, folder)
    return folder


@pytest.fixture(scope="session")
def postgres_waiting(
    server: postgres.Server, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[postgres.Server, str, Path]:
    """The same on PostgreSQL: the server, the database to copy, and where it is written what waits."""
    folder, name = tmp_path_factory.mktemp("waiting"), f"waiting_{postgres_template}"
    server.create(name, template=postgres_template)
    with _county(server.url(name), folder) as world:
        _keep(world, folder)
    return server, name, folder


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Makes places of the test's own, on SQLite files, then on PostgreSQL."""
    if request.param == "sqlite":
        kept: Path = request.getfixturevalue("sqlite_waiting")
        return lambda: _copy_of_file(kept, tmp_path)
    return lambda: _copy_of_database(*request.getfixturevalue("postgres_waiting"), tmp_path)


def _copy_of_file(kept: Path, folder: Path) -> Place:
    name = uuid.uuid4().hex
    shutil.copy(kept / "waiting.db", folder / f"{name}.db")
    shutil.copy(kept / "waiting.json", folder)
    return Place.at(f"sqlite:///{folder / name}.db", folder)


def _copy_of_database(server: postgres.Server, template: str, kept: Path, folder: Path) -> Place:
    name = f"place_{uuid.uuid4().hex[:12]}"
    server.create(name, template=template)
    shutil.copy(kept / "waiting.json", folder)
    return Place.at(server.url(name), folder)


@pytest.fixture
def place(fresh: Fresh) -> Place:
    """One place."""
    return fresh()


@pytest.fixture
def postgres_place(postgres_waiting: tuple[postgres.Server, str, Path], tmp_path: Path) -> Place:
    """One place on PostgreSQL, for what can be tried there only."""
    return _copy_of_database(*postgres_waiting, tmp_path)


@pytest.fixture
def still() -> Iterator[None]:
    """The clock stands at the start."""
    with clock.fixed(conftest.START):
        yield


def open_tasks(case: int) -> list[Mapping[str, Any]]:
    """What is to do in a case."""
    query = sa.select(TASK).where(TASK.c.status == "open", TASK.c.case_id == case).order_by(TASK.c.id)
    rows = list(db.session.execute(query).mappings())
    db.session.rollback()
    return rows
