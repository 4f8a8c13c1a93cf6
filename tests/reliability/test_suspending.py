"""A supervisor suspends or resumes while the limit passes: whoever has the lock first wins, and nothing happens twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import clock
from app.clock import LAW_ZONE
from app.db import db
from app.rules.access import Person
from app.services import _held, deadlines, people, suspensions
from app.services._work import DEADLINE, TASK
from tests import conftest
from tests.process.county import EVENT
from tests.reliability import faults
from tests.reliability.outcome import unsound
from tests.reliability.places import Place
from tests.reliability.together import at_once, holding
from tests.world import World

OVERDUE = conftest.START + timedelta(days=10)
UNTIL = (OVERDUE.astimezone(LAW_ZONE) + timedelta(days=5)).date().isoformat()
pytestmark = pytest.mark.usefixtures("still")


@dataclass
class Run:
    """A run whose only open task is past a limit that is our own choice, and who answers for it."""

    app: Flask
    instance: int
    case: int
    limit: int
    chief: Person

    def suspend(self) -> None:
        suspensions.suspend(self.chief, self.instance, UNTIL, "等")

    def fire(self) -> bool:
        return deadlines.fire(self.limit)

    def asked(self) -> int:
        """How often a supervisor has been asked."""
        query = sa.select(TASK.c.id).where(TASK.c.process == deadlines.ESCALATION, TASK.c.case_id == self.case)
        return self._count(query)

    def told(self, kind: str) -> int:
        return self._count(sa.select(EVENT.c.id).where(EVENT.c.case_id == self.case, EVENT.c.kind == kind))

    @staticmethod
    def _count(query: Any) -> int:
        found = len(db.session.execute(query).all())
        db.session.rollback()
        return found


def begun(app: Flask, move: Callable[[datetime], None]) -> Run:
    """Legal aid is needed; nobody has begun."""
    move(conftest.START)
    world = World(move)
    case = world.child()
    world.start("legal_aid_needed")
    task = world.open("legal-aid", "t1", case)
    user = world.actor("township_lead", task["unit_id"]).user_id or 0
    limit = db.session.scalar(sa.select(DEADLINE.c.id).where(DEADLINE.c.task_id == task["id"])) or 0
    made = Run(app, task["instance_id"], case, limit, people.person(db.session(), user))
    db.session.rollback()
    move(OVERDUE)
    return made


def race(place: Place, patch: faults.Patch, *, first: str) -> tuple[Run, list[Any], tuple[int, int]]:
    """Both at once; `first` has the lock until the other asks for it."""
    owner, name = {"suspend": (_held, "begin"), "fire": (deadlines, "_act")}[first]
    with place.running() as app, clock.fixed(OVERDUE) as move:
        run = begun(app, move)
        held = holding(patch, owner, name)

        def second(act: Callable[[], Any]) -> Callable[[], Any]:
            def wait_and_do() -> Any:
                held.wait(1)
                return act()

            return wait_and_do

        acts = (run.suspend, second(run.fire)) if first == "suspend" else (second(run.suspend), run.fire)
        ended = at_once(app, *acts)
        assert unsound() == []
        return run, ended, (run.asked(), run.told("suspended"))


def test_suspended_first_and_nobody_is_asked(place: Place, patch: faults.Patch) -> None:
    _, ended, (asked, suspended) = race(place, patch, first="suspend")
    assert ended == [None, False]
    assert (asked, suspended) == (0, 1)


def test_the_limit_first_and_the_supervisor_was_asked(place: Place, patch: faults.Patch) -> None:
    _, ended, (asked, suspended) = race(place, patch, first="fire")
    assert ended == [None, True]
    assert (asked, suspended) == (1, 1)


def read_before(place: Place) -> tuple[bool, int]:
    """A worker has read what is due; then it is suspended; then the worker comes to it."""
    with place.running() as app, clock.fixed(OVERDUE) as move:
        run = begun(app, move)
        assert run.limit in deadlines.due_ids()
        run.suspend()
        assert run.limit not in deadlines.due_ids()
        return run.fire(), run.asked()


def test_what_was_read_before_is_looked_at_again(place: Place) -> None:
    assert read_before(place) == (False, 0)


def test_without_looking_again_under_the_lock_they_are_asked_all_the_same(place: Place, patch: faults.Patch) -> None:
    """Broken twin: what was due when it was read is fired."""
    patch(deadlines, "_is_due", lambda row, now: row["state"] == "due" and row["due_at"] <= now)
    assert read_before(place) == (True, 1)


def test_its_day_comes_once_whoever_is_first(place: Place) -> None:
    """Workers at the same moment: the row that ends it, the reminder, and a supervisor who resumes."""
    with place.running() as app, clock.fixed(OVERDUE) as move:
        run = begun(app, move)
        run.suspend()
        move(OVERDUE + timedelta(days=7))
        end = db.session.scalar(sa.select(DEADLINE.c.id).where(DEADLINE.c.kind == _held.END)) or 0
        db.session.rollback()
        at_once(app, run.fire, lambda: deadlines.fire(end), run.fire,
                lambda: suspensions.resume(run.chief, run.instance))  # fmt: skip
        deadlines.tick()
        assert (run.asked(), run.told("resumed")) == (1, 1)
        assert unsound() == []
