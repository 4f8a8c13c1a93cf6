"""A deadline whose step failed is an incident; tried again it has its effect, exactly once, or is settled as pointless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.db import db, transaction
from app.rules.access import Person
from app.services import deadlines, oversight, people
from tests.process.county import INCIDENT
from tests.process.moves import do, play
from tests.world import DEADLINE, INSTANCE, World

CLOCK = "six-month-clock"
WRONG = b"not a state of ours"


def begin(world: World) -> int:
    """A clock that runs since today; returns the deadline of its first date."""
    world.honest = False  # its end is not looked at: an incident stays on record
    world.child()
    guardian = world.guardians()[0]
    world.start("monitoring_started", guardian_id=guardian)
    world.start("legal_aid_needed")
    fails = {"state": "fails", "refusal_known": "yes", "observed_on": world.local_day().isoformat()}
    play(world, CLOCK, [do("t1", guardian=str(guardian), **fails)])
    query = sa.select(DEADLINE.c.id).where(DEADLINE.c.kind == "timer", DEADLINE.c.state == "due")
    (timer,) = world.rows(query)
    return int(timer["id"])


@contextmanager
def broken(world: World) -> Iterator[None]:
    """The clock's state is not its own for a while: no step of it can be taken."""
    (one,) = world.instances(CLOCK)
    _store(one["id"], WRONG)
    yield
    _store(one["id"], one["state"])


def _store(instance_id: int, state: bytes) -> None:
    with transaction() as session:
        session.execute(sa.update(INSTANCE).where(INSTANCE.c.id == instance_id).values(state=state))


def failed(world: World) -> tuple[int, int]:
    """A first date that came and failed twice over; returns its deadline, and the incident."""
    timer = begin(world)
    with broken(world):
        world.move(world.timer("c1"))
        deadlines.fire(timer)
        deadlines.fire(timer)
    (row,) = world.rows(sa.select(DEADLINE).where(DEADLINE.c.id == timer))
    (incident,) = world.rows(sa.select(INCIDENT))
    assert (row["state"], row["attempts"], incident["state"], incident["attempts"]) == ("due", 2, "open", 2)
    return timer, int(incident["id"])


def supervisor(world: World) -> Person:
    """Somebody who answers for the work in the case."""
    (task,) = world.open_tasks("t1", "legal-aid")
    role = world.library.roles[task["role"]]["escalates_to"]
    actor = world.actor(role, task["unit_id"])
    found = people.person(db.session(), actor.user_id or 0)
    db.session.rollback()
    return found


def fired(world: World) -> tuple[list[str], int, list[str]]:
    """What the clock asks for, how often its date is on record, and what became of the incident."""
    days = [event for event in world.events("deadline") if event["data"]["kind"] == "timer"]
    return world.todo_of(CLOCK), len(days), [row["state"] for row in world.rows(sa.select(INCIDENT))]


def test_tried_again_by_a_person_it_fires_once(either_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    timer, incident = failed(either_world)
    assert fired(either_world) == ([], 0, ["open"])
    assert oversight.retry(supervisor(either_world), incident)
    assert fired(either_world) == (["t2"], 1, ["closed"])
    later = clock.datetime.now(clock.UTC) + timedelta(days=1)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    deadlines.tick()
    assert not deadlines.fire(timer)
    assert oversight.retry(supervisor(either_world), incident), "it is settled, and stays so"
    assert fired(either_world) == (["t2"], 1, ["closed"])


def test_tried_again_by_the_clock_it_fires_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, incident = failed(world)
    deadlines.tick()
    assert fired(world) == ([], 0, ["open"]), "it waits for its next try"
    later = clock.datetime.now(clock.UTC) + timedelta(days=1)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    deadlines.tick()
    assert fired(world) == (["t2"], 1, ["closed"])
    assert oversight.retry(supervisor(world), incident)
    assert fired(world) == (["t2"], 1, ["closed"])


def test_what_still_fails_is_not_settled(world: World) -> None:
    _, incident = failed(world)
    with broken(world):
        assert not oversight.retry(supervisor(world), incident)
    assert fired(world) == ([], 0, ["open"])


def test_a_date_that_has_become_pointless_is_settled(world: World) -> None:
    """The clock heard of something else meanwhile, and has another date."""
    timer, incident = failed(world)
    with transaction() as session:
        session.execute(sa.update(DEADLINE).where(DEADLINE.c.id == timer).values(state="cancelled"))
    assert oversight.retry(supervisor(world), incident)
    assert fired(world) == ([], 0, ["closed"])
