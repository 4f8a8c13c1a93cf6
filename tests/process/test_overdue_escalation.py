"""What is overdue goes to whoever stands above, once more one level up, and then stops."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db, table
from app.errors import NotFound, Refused
from app.models import Task
from app.rules.access import Person
from app.services import escalations, oversight, people
from app.services.views import OverdueRow
from tests.process.moves import Move, do, fires, in_days, play
from tests.world import EVENT, World

TASK = table(Task)
ESCALATION = "overdue-escalation"
DIRECT = {"escalation_action": "direct"}
EXTEND = {"escalation_action": "extend", "new_due_at": in_days(5)}
RELEASE = {"escalation_action": "not_applicable"}
REASSIGN = {"escalation_action": "reassign"}
LATE = do("legal-aid.t1")
UP = (do("t1", **DIRECT), fires("c2"))
SILENT = (fires("b3"),)
PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "extended": ((do("t1", **EXTEND),), "x3"),
    "does not apply": ((do("t1", **RELEASE),), "x4"),
    "directed and done": ((do("t1", **DIRECT), LATE), "x5"),
    "done before anybody decided": ((LATE,), "x7"),
    "one level up, done there": ((*UP, LATE), "x8"),
    "one level up, directed": ((*UP, do("t2", **DIRECT)), "x1"),
    "one level up, reassigned": ((do("t1", **REASSIGN), fires("c2"), do("t2", **REASSIGN)), "x2"),
    "one level up, extended": ((*UP, do("t2", **EXTEND)), "x3"),
    "one level up, does not apply": ((*UP, do("t2", **RELEASE)), "x4"),
    "supervisor silent, directed one level up": ((*SILENT, do("t2", **DIRECT)), "x1"),
    "supervisor silent, done one level up": ((*SILENT, LATE), "x8"),
    "nobody answers": ((*SILENT, fires("b4")), "x6"),
}


def overdue(world: World) -> None:
    """A task of the township worker that has passed its limit."""
    world.child()
    world.start("legal_aid_needed")
    world.pass_time(world.open("legal-aid", "t1")["due_at"])


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end = PATHS[path]
    overdue(world)
    assert world.todo() == ["legal-aid.t1", f"{ESCALATION}.t1"], "the late task stays open"
    play(world, ESCALATION, moves)
    assert [end] in world.ended(ESCALATION)


def test_nobody_above_the_head_of_the_county(world: World) -> None:
    """A task of the county head's own, late: asked once, and not again."""
    world.child()
    world.start("placement_needed", reason="no_carer")
    play(
        world,
        "temporary-placement",
        [do("h1", child_view="agrees", place_kind="relief"), do("h2", accepted="yes"), do("h5")],
    )
    play(world, "temporary-care-review", [do("t0")])
    world.pass_time("P1Y")
    world.pass_time("P7D")
    play(world, "temporary-care-review", [do("t1"), do("t2", care_result="continue")])
    late = world.open("temporary-care-review", "t4")
    world.pass_time(late["due_at"])
    (mine,) = [one for one in world.instances(ESCALATION) if one["context"]["task_id"] == late["id"]]
    (task,) = [task for task in world.open_tasks("t1", ESCALATION) if task["instance_id"] == mine["id"]]
    assert task["role"] == "county_head"
    world.send_task(task, DIRECT)
    world.pass_time("P30D")
    assert mine["id"] not in [one["id"] for one in world.instances(ESCALATION)]
    assert ["x6"] in world.ended(ESCALATION)


def test_the_supervisor_and_then_whoever_stands_above(world: World) -> None:
    overdue(world)
    assert world.open(ESCALATION, "t1")["role"] == "township_lead"
    play(world, ESCALATION, UP)
    assert world.open(ESCALATION, "t2")["role"] == "county_lead"


def test_a_silent_supervisor_is_passed_by_after_a_day(world: World) -> None:
    overdue(world)
    asked = world.open(ESCALATION, "t1")
    assert world.pass_time(asked["due_at"] - timedelta(minutes=1)) == 0
    assert world.open(ESCALATION, "t1")["id"] == asked["id"]
    world.pass_time(asked["due_at"])
    assert world.todo() == ["legal-aid.t1", f"{ESCALATION}.t2"], "the late task stays open"
    (closed,) = world.rows(sa.select(TASK).where(TASK.c.id == asked["id"]))
    assert (closed["status"], closed["closed_by"]) == ("cancelled", None)
    upper = world.open(ESCALATION, "t2")
    assert (upper["role"], upper["due_at"] - world.now) == ("county_lead", timedelta(hours=24))
    assert seen_by(world, asked).handled == oversight.HANDLED["supervised"]
    assert seen_by(world, upper).may == oversight.ALL_DECISIONS
    world.pass_time(upper["due_at"])
    assert world.todo() == ["legal-aid.t1"]
    assert not world.instances(ESCALATION)
    row = seen_by(world, upper)
    assert (row.handled, row.may, row.escalation_task_ids) == (oversight.HANDLED["over"], oversight.ALL_DECISIONS, ())


def over(world: World) -> tuple[Mapping[str, Any], Person, Person]:
    """A late task of which nobody is asked any more, and both who were."""
    overdue(world)
    asked = world.open(ESCALATION, "t1")
    world.pass_time(asked["due_at"])
    upper = world.open(ESCALATION, "t2")
    world.pass_time(upper["due_at"])
    return world.open("legal-aid", "t1"), *(person(world, task) for task in (asked, upper))


def person(world: World, asked: Mapping[str, Any]) -> Person:
    return people.person(db.session(), world.actor(asked["role"], asked["unit_id"]).user_id or 0)


def test_who_answers_for_it_may_take_it_up_again(either_world: World) -> None:
    """The chief one level up decides, though nobody asks: the same four answers, in an escalation of its own."""
    world = either_world
    late, below, above = over(world)
    oversight.decide(above, late["id"], {"escalation_action": "direct", "instruction": "先去看孩子。"})
    assert world.open("legal-aid", "t1")["escalations"] == 2
    rungs = escalations.ladder(below, late["id"]).rungs
    assert [(rung.role.zh, rung.how) for rung in rungs[:2]] == [
        (world.library.role_name("township_lead").zh, "silent"), (world.library.role_name("county_lead").zh, "silent"),
    ]  # fmt: skip
    decision = rungs[2].decision
    assert decision is not None
    assert (decision.action, decision.words, rungs[2].how) == ("direct", "先去看孩子。", "decided")
    with pytest.raises(NotFound, match="not_asked"):
        oversight.decide(below, late["id"], DIRECT)
    kinds = [row["kind"] for row in world.rows(sa.select(EVENT.c.kind).where(EVENT.c.case_id == late["case_id"]))]
    assert kinds.count("asked_again") == 1
    world.send("t1", "legal-aid")
    assert not world.instances(ESCALATION), "it ends with the task, as any other"


def test_it_is_taken_up_by_one_of_two_and_a_slip_is_told(world: World) -> None:
    late, below, above = over(world)
    with pytest.raises(Refused):
        oversight.decide(below, late["id"], {"escalation_action": "extend", "reason": "雪"})
    assert seen_by(world, world.open(ESCALATION, "t1")).escalation_task_ids, "they are asked now, and may correct it"
    with pytest.raises(NotFound, match="not_asked"):
        oversight.decide(above, late["id"], DIRECT)
    assert [rung.how for rung in escalations.ladder(below, late["id"]).rungs] == ["silent", "silent", "waits"]
    with pytest.raises(NotFound):
        escalations.again(
            people.person(db.session(), world.actor("township_worker", late["unit_id"]).user_id or 0), late["id"]
        )


def seen_by(world: World, asked: Mapping[str, Any]) -> OverdueRow:
    """The one late task on the oversight page of whoever was asked."""
    supervisor = world.actor(asked["role"], asked["unit_id"]).user_id
    assert supervisor is not None
    (row,) = oversight.page(people.person(db.session(), supervisor)).overdue
    db.session.rollback()
    return row


def test_an_answer_in_time_stops_the_clock_of_silence(world: World) -> None:
    overdue(world)
    world.send("t1", ESCALATION, escalation_action="direct")
    world.pass_time("P1D")
    assert not world.open_tasks("t2", ESCALATION), "who answered is not passed by"


def test_an_extended_task_that_is_late_again_is_escalated_again(world: World) -> None:
    overdue(world)
    world.send("t1", ESCALATION, escalation_action="extend", new_due_at=world.now + timedelta(days=5))
    assert world.open("legal-aid", "t1")["due_at"] - world.now == timedelta(days=5)
    world.pass_time("P4D")
    assert not world.open_tasks("t1", ESCALATION)
    world.pass_time("P1D")
    assert len(world.open_tasks("t1", ESCALATION)) == 1


def test_a_reassigned_task_has_its_new_owner(world: World) -> None:
    overdue(world)
    world.send("t1", ESCALATION, escalation_action="reassign")
    assert world.open("legal-aid", "t1")["assignee_id"]


def test_an_escalation_is_not_itself_escalated(world: World) -> None:
    overdue(world)
    world.pass_time("P1Y")
    assert len(world.instances(ESCALATION, status=("running", "done"))) == 1
    assert world.ended(ESCALATION) == [["x6"]]


def test_a_limit_cannot_be_extended_to_a_time_that_has_passed(world: World) -> None:
    """A slip of the pen is told to whoever made it; the decision stays theirs to make."""
    overdue(world)
    passed = world.open("legal-aid", "t1")["due_at"]
    with pytest.raises(Refused, match="past_limit"):
        world.send("t1", ESCALATION, escalation_action="extend", new_due_at=passed)
    assert world.open(ESCALATION, "t1")
