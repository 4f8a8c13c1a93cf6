"""A deadline whose step failed is an incident; tried again it has its effect, exactly once, or is settled as pointless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock, engine, operations
from app.db import db, transaction
from app.errors import Invalid
from app.rules.access import Person
from app.services import _faults, deadlines, incidents, people, remarks
from app.text import Text
from tests.process.county import INCIDENT
from tests.process.moves import do, play
from tests.world import DEADLINE, EVENT, INSTANCE, World

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
    assert incidents.retry(supervisor(either_world), incident)
    assert fired(either_world) == (["t2"], 1, ["closed"])
    later = clock.datetime.now(clock.UTC) + timedelta(days=1)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    deadlines.tick()
    assert not deadlines.fire(timer)
    assert incidents.retry(supervisor(either_world), incident), "it is settled, and stays so"
    assert fired(either_world) == (["t2"], 1, ["closed"])


def test_tried_again_by_the_clock_it_fires_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, incident = failed(world)
    deadlines.tick()
    assert fired(world) == ([], 0, ["open"]), "it waits for its next try"
    later = clock.datetime.now(clock.UTC) + timedelta(days=1)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    deadlines.tick()
    assert fired(world) == (["t2"], 1, ["closed"])
    assert incidents.retry(supervisor(world), incident)
    assert fired(world) == (["t2"], 1, ["closed"])


def test_what_still_fails_is_not_settled(world: World) -> None:
    _, incident = failed(world)
    with broken(world):
        assert not incidents.retry(supervisor(world), incident)
    assert fired(world) == ([], 0, ["open"])


def test_a_date_that_has_become_pointless_is_settled(world: World) -> None:
    """The clock heard of something else meanwhile, and has another date."""
    timer, incident = failed(world)
    with transaction() as session:
        session.execute(sa.update(DEADLINE).where(DEADLINE.c.id == timer).values(state="cancelled"))
    assert incidents.retry(supervisor(world), incident)
    assert fired(world) == ([], 0, ["closed"])


def test_what_failed_is_told_in_plain_words(world: World) -> None:
    """What it was, why, since when, what it holds up; and which form of the run may be corrected."""
    timer, incident = failed(world)
    (row,) = incidents.index(db.session(), supervisor(world))
    assert (row.id, row.source, row.attempts, row.by_hand) == (incident, "deadline", 2, None)
    assert "到了时间" in row.what.zh
    assert row.why.zh
    assert row.why.en
    due = world.rows(sa.select(DEADLINE.c.due_at).where(DEADLINE.c.id == timer))[0]["due_at"]
    assert (row.due_at, row.since) == (due, world.now)
    assert row.process == world.library.process_name(CLOCK)


def test_it_is_done_by_hand_meanwhile_and_still_goes_through(world: World) -> None:
    _, incident = failed(world)
    chief = supervisor(world)
    with pytest.raises(Invalid):
        incidents.by_hand(chief, incident, " ")
    task = incidents.by_hand(chief, incident, "先到家里看孩子，写清楚时间。")
    (duty,) = world.open_tasks("t1", "manual-duty")
    assert duty["id"] == task
    told = remarks.of_task(db.session(), {**duty, "wrapped_key": world.case_row(duty["case_id"])["wrapped_key"]})
    assert [one.words for one in told] == ["先到家里看孩子，写清楚时间。"]
    (row,) = incidents.index(db.session(), chief)
    assert row.by_hand == duty["instance_id"], "it is still listed, and names the duty"
    incidents.retry(chief, incident)
    kinds = [one["kind"] for one in world.rows(sa.select(EVENT.c.kind).where(EVENT.c.case_id == duty["case_id"]))]
    assert (kinds.count("done_by_hand"), kinds.count("tried_again")) == (1, 1)


def test_the_reason_holds_no_words_of_people() -> None:
    """Names of operations and facts, texts of the program; of what nobody foresaw only its kind."""
    unforeseen = _faults.detail(ValueError("林小禾"))
    assert "林小禾" not in str(unforeseen)
    assert "ValueError" in unforeseen["zh"]
    missing = _faults.detail(operations.MissingFacts("clock.alert: ['today']"))
    assert "clock.alert" in missing["zh"]
    assert "today" in missing["en"]
    where = _faults.detail(engine.EngineError("stuck", Text("走不动", "stuck"), process="home-visit", element="g1"))
    assert where == {"zh": "走不动", "en": "stuck", "process": "home-visit", "element": "g1"}
