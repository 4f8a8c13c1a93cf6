"""What a correction does to what rests on answers: the clock's observations, rounds, the plan, and nothing that was decided."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db
from app.errors import Invalid, Stale
from app.rules.access import Person
from app.services import _seal, clocks, corrections, people, submissions
from tests.process import test_main_job as job
from tests.process.county import CASE, PERFORMANCE, SUBMISSION
from tests.world import TASK, World


def closed(world: World, process: str, element: str) -> dict[str, Any]:
    """The last task done there."""
    where = (
        TASK.c.case_id == world.case,
        TASK.c.process == process,
        TASK.c.element == element,
        TASK.c.status == "done",
    )
    return world.rows(sa.select(TASK).where(*where).order_by(TASK.c.id.desc()))[0]


def correct(world: World, task: dict[str, Any], **wanted: Any) -> int:
    """Correct it as its author; returns the new submission."""
    row = submissions.newest_of_task(db.session(), task["id"])
    assert row is not None
    me: Person = people.person(db.session(), task["closed_by"])
    done = corrections.correct(me, task["id"], row["id"], {**told(world, row), **wanted}, "记错了")
    world.settle()
    return done.submission_id


def told(world: World, row: Any) -> dict[str, Any]:
    """All answers of a submission."""
    return submissions.read(row, _seal.open_key(world.case_row(row["case_id"])["wrapped_key"]))


def clock_of(world: World) -> Any:
    row = (
        db.session.execute(sa.select(CASE, CASE.c.id.label("case_id")).where(CASE.c.id == world.case)).mappings().one()
    )
    (found,) = clocks.of(db.session(), row, world.now, "zh")
    return found


def test_the_clock_counts_the_corrected_observation_and_not_the_former(either_world: World) -> None:
    world = either_world
    for chapter in (job.report_in_danger, job.respond, job.place, job.assess, job.intervene):
        chapter(world)
    on = world.now.date()
    refusal = {"state": "fails", "refusal_known": "yes"}
    world.pass_time("P10D")
    world.send("t1", "six-month-clock", guardian=world.guardians()[0], observed_on=on.isoformat(), **refusal)
    before = clock_of(world)
    correct(world, closed(world, "six-month-clock", "t1"), observed_on=(on + timedelta(days=5)).isoformat())
    after = clock_of(world)
    assert after.spans[0][0] == before.spans[0][0] + timedelta(days=5)
    rows = world.rows(
        sa.select(PERFORMANCE.c.observed_on).where(PERFORMANCE.c.case_id == world.case).order_by(PERFORMANCE.c.id)
    )
    assert [row["observed_on"] for row in rows] == [on, on + timedelta(days=5)], "observations are only ever added"
    correct(world, closed(world, "six-month-clock", "t1"), state="performs")
    assert clock_of(world).state in ("NONE", "HOLD", "STOP")
    assert isinstance(on, date)


def test_a_correction_is_no_further_round(either_world: World) -> None:
    world = either_world
    job.report_in_danger(world)
    world.send("t1", "emergency-response", seen_child="yes")
    task = closed(world, "emergency-response", "t1")
    (first,) = world.rows(sa.select(SUBMISSION).where(SUBMISSION.c.task_id == task["id"]))
    correct(world, task, seen_child="no")
    where = (SUBMISSION.c.instance_id == first["instance_id"], SUBMISSION.c.form == first["form"], submissions.FIRST)
    assert len(world.rows(sa.select(SUBMISSION.c.id).where(*where))) == 1


def test_what_a_corrected_form_says_is_what_the_instance_reads_next(either_world: World) -> None:
    """An older form that is corrected does not pass for the last one sent."""
    world = either_world
    world.child()
    world.schedule("home-visit", world.now)
    world.pass_time("P1D")
    visit = world.open("home-visit")
    world.send_task(visit, {"seen": "with", "finding": "normal", "parent_contact": "yes"})
    newest = submissions.newest_of_task(db.session(), visit["id"])
    assert newest is not None
    id_ = correct(world, closed(world, "home-visit", visit["element"]), parent_contact="no")
    again = submissions.newest_of_task(db.session(), visit["id"])
    assert again is not None
    assert (again["id"], again["origin_id"]) == (id_, newest["id"])


def test_stale_and_same_are_refused(world: World) -> None:
    job.report_in_danger(world)
    world.send("t1", "emergency-response", seen_child="yes")
    task = closed(world, "emergency-response", "t1")
    row = submissions.newest_of_task(db.session(), task["id"])
    assert row is not None
    me, answers = people.person(db.session(), task["closed_by"]), told(world, row)
    with pytest.raises(Invalid):
        corrections.correct(me, task["id"], row["id"], answers, "一样的")
    correct(world, task, seen_child="no")
    with pytest.raises(Stale):
        corrections.correct(me, task["id"], row["id"], {**answers, "seen_child": "no"}, "晚了一步")
