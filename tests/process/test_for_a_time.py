"""Who is called in for one piece of work sees the case while it is theirs, and not afterwards."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.db import db
from app.errors import Forbidden, NotFound
from app.rules.access import Person
from app.services import access, cases, people, tasks
from tests.process.moves import do, play
from tests.world import CASE, World

HELP = "assessment-help"


def holder(world: World, role: str) -> Person:
    """The person who has the open task of that role."""
    (task,) = [task for task in world.open_tasks() if task["role"] == role]
    found = people.person(db.session(), world.actor(role, task["unit_id"]).user_id or 0)
    db.session.rollback()
    return Person(found.id, tuple(post for post in found.posts if post.role == role))


def sees(person: Person, case: int) -> tuple[bool, bool]:
    """Whether the case's page opens for them, and whether their list shows it."""
    try:
        cases.page(person, case)
        opens = True
    except (Forbidden, NotFound):
        opens = False
    query = sa.select(CASE.c.id).where(CASE.c.id == case, access.seen_cases(db.session(), person))
    shown = db.session.scalar(query) is not None
    db.session.rollback()
    return opens, shown


def assessed(world: World) -> tuple[Person, Person, Person]:
    """An assessment done; who asked for it, who made it, and whoever supervises that one's work."""
    world.child()
    world.start("assessment_started", cause="emergency_done")
    worker = holder(world, "township_worker")
    world.send("t1", HELP)
    team = holder(world, "assessment_team")
    assert sees(team, world.case) == (True, True)
    play(world, HELP, [do("t2")])
    lead = holder(world, "township_lead")
    return worker, team, lead


def test_the_case_closes_to_the_assessment_team_with_its_task(either_world: World) -> None:
    worker, team, lead = assessed(either_world)
    assert sees(team, either_world.case) == (False, False)
    assert sees(worker, either_world.case) == (True, True), "a post with lasting work is not touched"
    assert sees(lead, either_world.case) == (True, True)


def test_without_that_limit_it_stays_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: any task that ever was opens the case for ever."""
    for limit in ("LASTS", "OPENS"):
        monkeypatch.setattr(access, limit, sa.true())
    _, team, _ = assessed(world)
    assert sees(team, world.case) == (True, True)


def test_the_closed_task_stays_with_who_did_it(world: World) -> None:
    _, team, _ = assessed(world)
    (done,) = [row for row in world.rows(sa.text("select id, role from task")) if row["role"] == "assessment_team"]
    assert tasks.page(team, done["id"]).closed
    colleague = Person(team.id + 10_000, team.posts)
    with pytest.raises((Forbidden, NotFound)):
        tasks.page(colleague, done["id"])
    db.session.rollback()
