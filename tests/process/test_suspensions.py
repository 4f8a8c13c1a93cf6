"""What waits, and what does not: our own reminders are held, the law's are not; work, danger, a day or a person end it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from app.clock import LAW_ZONE
from app.db import db, table
from app.errors import Forbidden, Invalid, NotFound, Refused
from app.models import Unit
from app.rules.access import Person
from app.rules.calendar import midnight_after
from app.services import deadlines, oversight, people, suspensions
from app.services.audit import reexecution
from app.services.history import story
from tests.process.county import POST
from tests.world import DEADLINE, EVENT, TASK, World

UNIT = table(Unit)
ESCALATION = "overdue-escalation"


def waiting(world: World) -> dict[str, Any]:
    """A task whose limit is our own choice: help to apply for legal aid, three working days."""
    world.child()
    world.start("legal_aid_needed")
    return world.open("legal-aid", "t1")


def above(world: World, task: dict[str, Any]) -> Person:
    """Whoever answers for the task, first of all."""
    role = world.library.roles[task["role"]]["escalates_to"]
    place = world.rows(sa.select(UNIT.c.path).where(UNIT.c.id == task["unit_id"]))[0]["path"]
    posts = sa.select(POST.c.user_id, UNIT.c.path).join(UNIT, UNIT.c.id == POST.c.unit_id)
    found = [row["user_id"] for row in world.rows(posts.where(POST.c.role == role)) if place.startswith(row["path"])]
    return people.person(db.session(), found[0])


def lead(world: World) -> Person:
    """Whoever answers for the open task of the run."""
    return above(world, world.open_tasks("", "legal-aid")[0])


def in_days(world: World, days: int) -> str:
    return (world.now.astimezone(LAW_ZONE).date() + timedelta(days=days)).isoformat()


def suspend(world: World, task: dict[str, Any], days: int = 20, person: Person | None = None) -> datetime:
    """Suspend the task's run; returns when it ends."""
    until = in_days(world, days)
    suspensions.suspend(person or lead(world), task["instance_id"], until, "等法院排期")
    return midnight_after(date.fromisoformat(until))


def said(world: World, task: dict[str, Any]) -> list[tuple[str, Any]]:
    """What the record says of the run's suspensions."""
    rows = world.rows(
        sa.select(EVENT).where(EVENT.c.instance_id == task["instance_id"], EVENT.c.kind.in_(("suspended", "resumed")))
        .order_by(EVENT.c.seq)
    )  # fmt: skip
    return [(row["kind"], orjson.loads(row["body"])["data"].get("why")) for row in rows]


def test_our_own_reminder_is_held_until_its_day_and_then_comes(either_world: World) -> None:
    world, task = either_world, waiting(either_world)
    end = suspend(world, task)
    world.pass_time(end - timedelta(seconds=1))
    assert world.todo() == ["legal-aid.t1"], "the limit has passed and nobody was asked"
    (row,) = oversight.page(lead(world)).overdue
    assert (row.task.late, row.handled, row.may_wait) == (True, oversight.HANDLED["suspended"], False)
    world.pass_time(end)
    assert world.todo() == ["legal-aid.t1", f"{ESCALATION}.t1"]
    assert said(world, task) == [("suspended", None), ("resumed", "date")]
    kinds = [
        row["kind"]
        for row in world.rows(sa.select(EVENT).where(EVENT.c.case_id == task["case_id"]).order_by(EVENT.c.seq))
    ]
    assert kinds.index("resumed") < kinds.index("deadline"), "first it goes on, then what came due comes"
    assert reexecution.reexecute(task["case_id"]).divergences == ()


def test_what_came_due_comes_in_order_though_the_ticker_stood_still(world: World) -> None:
    """By a query at now: no job has to end the suspension first."""
    task = waiting(world)
    end = suspend(world, task)
    world.move(end + timedelta(days=2))
    assert deadlines.fire(limit(world, task)), "the reminder by itself, before the row that ends the suspension"
    assert said(world, task) == [("suspended", None), ("resumed", "date")]
    assert world.open(ESCALATION, "t1")


def limit(world: World, task: dict[str, Any]) -> int:
    (row,) = world.rows(sa.select(DEADLINE.c.id).where(DEADLINE.c.task_id == task["id"], DEADLINE.c.state == "due"))
    return int(row["id"])


def test_limits_of_law_and_plan_run_on(world: World) -> None:
    task = waiting(world)
    world.send("t1", "legal-aid")
    later = world.open_tasks("", "legal-aid")[0]
    assert later["deadline_id"] == "D15", "the seven days of the law"
    suspend(world, later, 29, above(world, later))
    world.pass_time(later["due_at"])
    assert f"{ESCALATION}.t1" in world.todo()
    assert task["instance_id"] == later["instance_id"]


def test_doing_the_task_ends_it(either_world: World) -> None:
    """Nothing typed is refused: what was waited for has come."""
    world, task = either_world, waiting(either_world)
    suspend(world, task)
    world.send("t1", "legal-aid")
    assert said(world, task) == [("suspended", None), ("resumed", "moved")]
    assert suspensions.of_instance(db.session(), task["instance_id"]) is None
    assert not world.rows(sa.select(DEADLINE).where(DEADLINE.c.held_until.is_not(None)))
    assert not world.rows(sa.select(DEADLINE).where(DEADLINE.c.kind == "resume", DEADLINE.c.state == "due"))


def test_a_supervisor_ends_it_and_what_came_due_meanwhile_comes_at_once(world: World) -> None:
    task = waiting(world)
    suspend(world, task)
    world.pass_time("P10D")
    suspensions.resume(lead(world), task["instance_id"])
    assert deadlines.tick() == 1
    assert world.open(ESCALATION, "t1")
    with pytest.raises(Refused, match="not_suspended"):
        suspensions.resume(lead(world), task["instance_id"])


def test_danger_ends_it_in_the_same_step(either_world: World) -> None:
    world, task = either_world, waiting(either_world)
    suspend(world, task)
    world.start("emergency_started", learned_at=world.now.isoformat())
    assert said(world, task) == [("suspended", None), ("resumed", "danger")]


@pytest.mark.parametrize(("days", "reason", "wrong"), [
    (31, "等", {"until"}), (-1, "等", {"until"}), (5, " ", {"reason"}), (5, "等" * 1001, {"reason"}),
])  # fmt: skip
def test_it_must_end_and_say_why(world: World, days: int, reason: str, wrong: set[str]) -> None:
    task = waiting(world)
    with pytest.raises(Invalid) as refused:
        suspensions.suspend(lead(world), task["instance_id"], in_days(world, days), reason)
    assert refused.value.fields.keys() == wrong
    with pytest.raises(Invalid):
        suspensions.suspend(lead(world), task["instance_id"], "soon", "等")
    assert said(world, task) == []


def test_thirty_days_are_the_longest_and_twice_is_once_too_often(world: World) -> None:
    task = waiting(world)
    assert suspensions.ask(lead(world), task["instance_id"]).latest.isoformat() == in_days(world, 30)
    suspend(world, task, 30)
    with pytest.raises(Refused, match="suspended"):
        suspend(world, task, 5)


def test_only_who_answers_for_the_work(world: World) -> None:
    task = waiting(world)
    for role, error in (("township_worker", Forbidden), ("police_chief", NotFound)):
        with pytest.raises(error):
            suspend(world, task, 5, anyone(world, role))


def anyone(world: World, role: str) -> Person:
    return people.person(db.session(), world.rows(sa.select(POST.c.user_id).where(POST.c.role == role))[0]["user_id"])


def test_the_story_tells_it_without_the_reason(world: World) -> None:
    task = waiting(world)
    suspend(world, task)
    lines = [line.sentence.zh for line in story.Teller(db.session(), task["case_id"], "zh").lines()]
    assert any("暂停到" in line and "照走" in line for line in lines)
    assert not any("等法院排期" in line for line in lines)
    told = suspensions.of_instance(db.session(), task["instance_id"])
    assert told is not None
    assert told.reason == "等法院排期"
    assert world.rows(sa.select(TASK.c.status).where(TASK.c.id == task["id"]))[0]["status"] == "open"
