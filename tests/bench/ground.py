"""What is measured on: a founded county on a fresh database, and cases that go round in a loop.

The loop is the plan's own: the police call a report unfounded, the reviewer disagrees, they look
again (emergency-response t2 → n1 → n2 → t2). One round closes three tasks, each with a form, a
role, a legal deadline and a record; one of the three steps runs an operation.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
import sqlalchemy as sa

from app import clock, create_app
from app.db import db, table
from app.demo.answers import plausible
from app.models import Instance, Post, Task
from app.services import _queue, commands, releases
from app.services._work import SYSTEM, Actor
from app.settings import Settings
from tests import conftest, postgres
from tests.world import VILLAGE, World, found

PROCESS = "emergency-response"
LOOP: Mapping[str, Mapping[str, Any]] = {"t2": {"founded": "no"}, "n1": {}, "n2": {"unfounded_ok": "no"}}
"""The tasks of one round, in order, and the answers that keep it going round."""

TASK, INSTANCE, POST = table(Task), table(Instance), table(Post)


class Raw(Protocol):
    """A driver's own connection: SQL and commit, nothing between."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """Send one statement."""

    def commit(self) -> None:
        """Make it last."""


@dataclass(slots=True)
class Ground:
    """A database with the county founded; `move` sets the clock."""

    name: str
    world: World
    raw: Raw
    mark: str
    """How the driver marks a parameter."""

    def case(self) -> int:
        """A child's case in which nothing runs yet."""
        with commands.work_on(SYSTEM) as work:
            return work.open_case("child", VILLAGE).id

    def start(self, case_id: int) -> int:
        """Start an emergency response in the case; returns the instance."""
        with commands.work_on(SYSTEM) as work:
            case = work.lock(case_id)
            live = _queue.start(work, case, PROCESS, {"report_id": 1}, releases.current(work.session))
        return live.id


class Answers:
    """What is sent at each task of the loop, and by whom; made once."""

    def __init__(self, world: World) -> None:
        rng, self.raw, self.actor = random.Random(2016), {}, {}
        definition = world.library.definition(PROCESS)
        for element, wanted in {"t1": {"seen_child": "yes"}, **LOOP}.items():
            drawn = definition.element(PROCESS, element)
            form = world.library.form(drawn.form or "")
            self.raw[element] = plausible(form, {}, rng, clock.now(), wanted)
            self.actor[element] = _somebody(world, drawn.role or "")


def _somebody(world: World, role: str) -> Actor:
    held = world.rows(sa.select(sa.func.min(POST.c.user_id).label("user")).where(POST.c.role == role))
    return Actor(held[0]["user"], role)


class Loop:
    """A case that goes round: each `step` closes one task and opens the next."""

    def __init__(self, ground: Ground, answers: Answers) -> None:
        self.world, self.answers = ground.world, answers
        self.instance = ground.start(ground.case())
        self.look()
        self.complete()

    def look(self) -> None:
        """Find the task that is open now."""
        query = sa.select(TASK).where(TASK.c.instance_id == self.instance, TASK.c.status == "open")
        (self.task,) = self.world.rows(query)

    def step(self) -> None:
        """Close the open task, as a person does."""
        element = self.task["element"]
        commands.complete(self.task["id"], self.task["version"], self.answers.raw[element], self.answers.actor[element])

    def complete(self) -> None:
        """Close the open task and find the next one."""
        self.step()
        self.look()

    def stored(self) -> dict[str, Any]:
        """The instance's row."""
        (row,) = self.world.rows(sa.select(INSTANCE).where(INSTANCE.c.id == self.instance))
        return row


# --- databases ---------------------------------------------------------------------------


@contextmanager
def sqlite() -> Iterator[Ground]:
    """A county on a SQLite file."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    raw = sqlite3.connect(folder / "bench.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        raw.execute(f"PRAGMA {pragma}")
    try:
        with _county("sqlite", f"sqlite:///{folder / 'bench.db'}", folder, raw, "?") as ground:
            yield ground
    finally:
        raw.close()
        shutil.rmtree(folder)


@contextmanager
def postgresql() -> Iterator[Ground]:
    """A county on a PostgreSQL server started for this."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    with postgres.running(durable=True) as server:
        server.create("bench")
        url = server.url("bench")
        with (
            psycopg.connect(url.replace("+psycopg", "")) as raw,
            _county("postgresql", url, folder, raw, "%s") as ground,
        ):
            yield ground
    shutil.rmtree(folder)


@contextmanager
def _county(name: str, url: str, folder: Path, raw: Raw, mark: str) -> Iterator[Ground]:
    conftest.migrate(url, folder)
    settings: Settings = conftest.settings(url, folder, demo=False)
    app = create_app(settings)
    with app.app_context(), clock.fixed(conftest.START) as move:
        found()
        yield Ground(name, World(move), raw, mark)
        db.session.remove()
        db.engine.dispose()
