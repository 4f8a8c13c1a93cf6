"""What must be done within hours puts up a notice: one for each post and emergency, with the task, and never by halves."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.db import Write, db, table
from app.models import Notice
from app.rules.deadlines import NOW
from app.services import _route, _step, commands, notices, people
from tests.process.moves import do, play
from tests.world import OUTBOX, TASK, World

EMERGENCY = "emergency-response"
SCENE = do("t1", seen_child="yes")
HARMED = do("t2", founded="yes", situations=["violence"])
NOTICE = table(Notice)


def urged(world: World, case: int = 0) -> list[tuple[str, str]]:
    """What was urged in a case: on which task, and of which post."""
    query = (
        sa.select(NOTICE, OUTBOX.c.payload)
        .join(OUTBOX, OUTBOX.c.id == NOTICE.c.outbox_id)
        .where(NOTICE.c.kind == "task_urgent", NOTICE.c.case_id == (case or world.case))
    )
    rows = world.rows(query.order_by(NOTICE.c.id))
    return [(_place(world, row["payload"]["ids"]["task_id"]), row["role"]) for row in rows]


def _place(world: World, task_id: int) -> str:
    (task,) = world.rows(sa.select(TASK).where(TASK.c.id == task_id))
    return f"{task['process']}.{task['element']}"


def test_police_who_must_go_now_are_told_once_however_many_tasks_open(either_world: World) -> None:
    world = either_world
    world.child()
    world.start("emergency_started", danger_now=True)
    assert urged(world) == [(f"{EMERGENCY}.t1", "police_officer")]
    play(world, EMERGENCY, [SCENE, HARMED])
    assert world.todo() == ["stop-harm.d1"]
    play(world, EMERGENCY, [do("stop-harm.d1", placement_now="yes", suspect_role="guardian")])
    places = [place for place, role in urged(world)]
    assert len(set(urged(world))) == len(urged(world)), "nobody is told twice"
    assert places.count("temporary-placement.h1") == 1, "the county finds a bed tonight"
    assert [role for _place, role in urged(world)].count("police_officer") == 1


def test_another_emergency_of_the_same_child_urges_again(world: World) -> None:
    world.child()
    for _ in range(2):
        world.start("emergency_started", danger_now=True)
    assert urged(world) == [(f"{EMERGENCY}.t1", "police_officer")] * 2


def test_two_children_of_one_report_are_two_emergencies(world: World) -> None:
    children = world.accepted([{"name": "林小禾"}, {"name": "林小麦"}], injured_now="yes")
    assert [urged(world, case) for case in children] == [[(f"{EMERGENCY}.t1", "police_officer")]] * 2
    (report,) = world.cases("report")
    assert [role for _place, role in urged(world, report)] == ["police_intake"], "one for all four steps of intake"


def test_what_has_days_urges_nobody(world: World) -> None:
    world.child()
    world.start("assessment_started", cause="emergency_done")
    assert world.todo() == ["assessment-help.t1"]
    assert urged(world) == []


def test_a_step_that_urges_nobody_writes_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_route, "TELL", None)
    world.child()
    world.start("assessment_started", cause="emergency_done")
    world.send("t1", "assessment-help")


def test_without_the_conflict_clause_the_second_task_could_not_open(
    either_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken twin: a plain INSERT refuses the second copy, and with it the whole step."""
    monkeypatch.setattr(_route, "TELL", Write(sa.insert(OUTBOX)))
    either_world.child()
    either_world.start("emergency_started", danger_now=True)
    with pytest.raises(Exception, match=re.compile("unique", re.IGNORECASE)):
        either_world.send("t1", EMERGENCY, seen_child="yes")
    assert either_world.todo() == [f"{EMERGENCY}.t1"]
    either_world.honest = False


def test_a_step_that_fails_urges_nobody(world: World) -> None:
    """In one transaction with the task: where that does not open, nothing goes out."""
    world.child()
    before = world.rows(sa.select(sa.func.count().label("n")).select_from(OUTBOX))
    with pytest.raises(RuntimeError, match="after it"):
        _fail_after_the_step(world)
    assert world.rows(sa.select(sa.func.count().label("n")).select_from(OUTBOX)) == before


def _fail_after_the_step(world: World) -> None:
    with commands.work_on(world.anybody()) as work:
        case = work.lock(world.case)
        _route.route(work, case, "emergency_started", {"danger_now": True}, _route.origin_of(work, case))
        _step.carry_out(work)
        raise RuntimeError("after it")


def test_what_is_done_urges_nobody_any_more(either_world: World) -> None:
    world = either_world
    world.child()
    world.start("emergency_started", danger_now=True)
    task = world.open(EMERGENCY, "t1")
    holder = people.person(db.session(), world.actor(task["role"], task["unit_id"]).user_id or 0)
    assert notices.unread_kinds(db.session(), holder).counts["task_urgent"] == 1
    row = next(row for row in notices.page(holder).rows if row.leads == "task")
    assert (row.target, row.over) == (task["id"], False)
    play(world, EMERGENCY, [SCENE, do("t2", founded="no")])
    assert notices.unread_kinds(db.session(), holder).counts["task_urgent"] == 0


def test_a_few_hours_are_urgent_and_a_day_is_not(world: World) -> None:
    """The choice as it stands against the limits of the plan."""
    rules = world.library.deadlines
    facts = {"task_opened_at": world.now.isoformat()}
    hours = {id_: due.at - due.started_at for id_ in rules.ids if (due := rules.due(id_, facts | {"danger_now": True}, world.now)) and due.urgent}  # fmt: skip
    assert {"D03", "D03d", "D06a", "D09p", "D02"} <= hours.keys()
    assert max(hours.values()) <= NOW == timedelta(hours=4)
    calm = rules.due("D03", facts, world.now)
    assert calm is not None
    assert not calm.urgent
