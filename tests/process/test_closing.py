"""A case closes with the last thing in it, opens when something begins again, and says both."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.db import transaction
from tests.process.moves import do, play
from tests.world import CASE, World

AID = (do("t1"), do("t2", legal_decision="grant"), do("t3"))


def marks(world: World) -> list[str]:
    """What the record says of the case's being open."""
    return [kind for kind in ("case_closed", "case_reopened") for _ in world.events(kind)]


def test_a_case_closes_with_the_last_thing_in_it_and_opens_again(either_world: World) -> None:
    either_world.child()
    either_world.start("legal_aid_needed")
    assert either_world.case_row()["status"] == "open"
    play(either_world, "legal-aid", AID)
    assert either_world.case_row()["status"] == "closed"
    either_world.start("legal_aid_needed")
    assert either_world.case_row()["status"] == "open"
    play(either_world, "legal-aid", AID)
    assert either_world.case_row()["status"] == "closed"
    assert marks(either_world) == ["case_closed", "case_closed", "case_reopened"]


def test_it_stays_open_while_anything_runs_or_is_put_down_for_a_day(world: World) -> None:
    world.child()
    world.start("legal_aid_needed")
    world.schedule("home-visit", world.at("P1D"), child_id=1)
    play(world, "legal-aid", AID)
    assert world.case_row()["status"] == "open"
    assert not marks(world)


def test_what_one_step_ends_and_begins_leaves_it_open_without_a_word(world: World) -> None:
    """A visit ends in the step that puts down the next one."""
    world.child()
    world.schedule("home-visit", world.at("P1D"), child_id=1)
    world.pass_time("P1D")
    world.send("t1", "home-visit", seen="alone", finding="normal", parent_contact="yes")
    assert world.ended("home-visit")
    assert world.instances("home-visit")
    assert not marks(world)


def test_a_report_is_closed_when_its_children_have_cases_of_their_own(world: World) -> None:
    (child,) = world.accepted()
    (report,) = world.cases("report")
    while world.open_tasks(case=report):
        world.send_task(world.open_tasks(case=report)[0])
    assert world.case_row(report)["status"] == "closed"
    assert world.case_row(child)["status"] == "open"


def test_a_wrong_mark_is_noticed(world: World) -> None:
    world.child()
    world.start("legal_aid_needed")
    world.honest = False
    with transaction() as session:
        session.execute(sa.update(CASE).where(CASE.c.id == world.case).values(status="closed"))
    with pytest.raises(AssertionError, match="open or closed"):
        world.settle()
