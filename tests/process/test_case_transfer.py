"""A child moves away: the duty stays until somebody takes it, and then goes over whole, with every date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db
from app.errors import NotFound, Refused, Stale
from app.rules.access import Person
from app.services import _moves, access, commands, oversight, people, tasks
from tests.process.county import OTHER_TOWNSHIP, POST, UNIT
from tests.process.moves import Move, comes, do, fires, play
from tests.world import CASE, DEADLINE, TASK, TOWNSHIP, VILLAGE, World

TRANSFER, AID, CLOCK = "case-transfer", "legal-aid", "six-month-clock"
THERE = OTHER_TOWNSHIP + "620702102201/"


def receiving(world: World) -> str:
    """The other township, as a form names it."""
    return world.unit_at(OTHER_TOWNSHIP, "township_government")


PROPOSED = do("t1", transfer_wanted="yes", to_unit=receiving, handover="外婆照料，药在书包里")
ACCEPTED = do("t2", transfer_answer="accept", village="620702102201")
LOST = (PROPOSED, do("t2", transfer_answer="lost"))
RETURNED = (PROPOSED, do("t2", transfer_answer="return"))
SEEN = do("t6", seen="alone", finding="normal")
PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "accepted": ((PROPOSED, ACCEPTED, SEEN), "x1"),
    "accepted, and danger found": ((PROPOSED, ACCEPTED, do("t6", seen="alone", finding="danger")), "x1"),
    "accepted, and not found at home": ((PROPOSED, ACCEPTED, do("t6", seen="no")), "x1"),
    "not wanted any more": ((do("t1", transfer_wanted="no"),), "x2"),
    "returned, and kept": ((*RETURNED, do("t4", duty="source")), "x2"),
    "returned, and decided": ((*RETURNED, do("t4", duty="target", village="620702102201"), SEEN), "x1"),
    "withdrawn before the answer": ((PROPOSED, comes("transfer_withdrawn")), "x4"),
    "withdrawn before the decision": ((*RETURNED, comes("transfer_withdrawn")), "x4"),
    "nobody knows where": ((*LOST, do("t5", traced="gone")), "x3"),
    "found after a second search": (
        (*LOST, do("t5", traced="again", trace_again_at=lambda world: (world.local_day() + timedelta(days=30)).isoformat()), fires("w1"),
         do("t5", traced="found"), PROPOSED, ACCEPTED, SEEN),
        "x1",
    ),
}  # fmt: skip


def begin(world: World) -> None:
    """A child of the first village with legal aid applied for, said to be moving to the other township."""
    world.child()
    world.start("legal_aid_needed")
    world.arrive("transfer_needed", to_unit=receiving(world))


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end = PATHS[path]
    begin(world)
    play(world, TRANSFER, moves)
    assert world.ended(TRANSFER) == [[end]]
    moved = end == "x1"
    assert world.case_row()["path"] == (THERE if moved else VILLAGE)
    assert world.unit(world.open(AID, "t1"))["path"] == (OTHER_TOWNSHIP if moved else TOWNSHIP)


def test_until_it_is_accepted_everything_stays(world: World) -> None:
    """The control: neither the proposal nor the search moves a task, a date or the case."""
    begin(world)
    before = world.open(AID, "t1")
    play(world, TRANSFER, [PROPOSED])
    assert world.unit(world.open(TRANSFER, "t2"))["path"] == OTHER_TOWNSHIP
    assert (world.open(AID, "t1"), world.case_row()["path"]) == (before, VILLAGE)
    play(world, TRANSFER, [do("t2", transfer_answer="return")])
    assert (world.open(AID, "t1"), world.case_row()["path"]) == (before, VILLAGE)


def limits(world: World) -> list[tuple[int, Any]]:
    """Every date that the case's open tasks have, and every one that the ticker waits for, but the transfer's own."""
    mine = sa.select(DEADLINE.c.id, DEADLINE.c.due_at).where(
        DEADLINE.c.case_id == world.case, DEADLINE.c.state == "due", DEADLINE.c.instance_id.in_(others(world))
    )
    told = sa.select(TASK.c.id, TASK.c.due_at).where(TASK.c.status == "open", TASK.c.instance_id.in_(others(world)))
    return [tuple(row.values()) for query in (mine, told) for row in world.rows(query.order_by("id"))]  # type: ignore[misc]


def others(world: World) -> list[int]:
    return [one["id"] for one in world.instances() if one["process"] != TRANSFER]


def test_every_date_and_the_clock_run_on(either_world: World) -> None:
    world = either_world
    begin(world)
    world.start("monitoring_started", guardian_id=world.guardians()[0])
    world.send("t1", AID)
    world.schedule("home-visit", world.at("P3D"), child_id=1)
    world.pass_time("P1D")
    play(world, TRANSFER, [PROPOSED])
    before, clock = limits(world), world.instances(CLOCK)
    play(world, TRANSFER, [ACCEPTED])
    assert (limits(world), world.instances(CLOCK)) == (before, clock)
    (moved,) = world.events("case_moved")
    assert moved["data"]["tasks"] == [task["id"] for task in world.open_tasks() if task["process"] == CLOCK]
    assert world.unit(world.open(AID, "t2"))["sector"] == "justice", "the county answers for both townships"
    world.pass_time("P3D")
    assert world.unit(world.open("home-visit", "t1"))["path"] == THERE, (
        "a visit put down before comes to the new village"
    )


def test_an_answer_that_does_not_come_is_late_for_both_supervisors(world: World) -> None:
    begin(world)
    play(world, TRANSFER, [PROPOSED])
    world.pass_time(world.open(TRANSFER, "t2")["due_at"])
    late = [task for task in world.open_tasks("t1", "overdue-escalation") if about(world, task) == "t2"]
    assert {world.unit(task)["path"] for task in late} == {TOWNSHIP, OTHER_TOWNSHIP}
    assert {task["role"] for task in late} == {"township_lead"}
    play(world, TRANSFER, [ACCEPTED])
    left = [about(world, task) for task in world.open_tasks("t1", "overdue-escalation")]
    assert "t2" not in left, "both are over with the answer"


@pytest.mark.parametrize("action", ["direct", "extend", "not_applicable"])
def test_both_ladders_lead_to_one_post_which_decides_once(world: World, action: str) -> None:
    begin(world)
    play(world, TRANSFER, [PROPOSED])
    late = world.open(TRANSFER, "t2")
    world.pass_time(late["due_at"])
    world.pass_time(max(task["due_at"] for task in world.open_tasks("t1", "overdue-escalation")))
    upper = [task for task in world.open_tasks("t2", "overdue-escalation") if about(world, task) == "t2"]
    asked = [task["id"] for task in upper]
    county = people.person(db.session(), world.actor(upper[0]["role"], upper[0]["unit_id"]).user_id or 0)
    (row,) = [row for row in oversight.page(county).overdue if row.task.id == late["id"]]
    assert (len(asked), row.escalation_task_ids) == (2, tuple(asked))
    until = {"new_due_at": (world.now + timedelta(days=2)).isoformat()} if action == "extend" else {}
    words = {"instruction": "今天答复"} if action == "direct" else {"reason": "对方在开会"}
    oversight.decide(county, late["id"], {"escalation_action": action, **words, **until})
    left = [about(world, task) for task in world.open_tasks("", "overdue-escalation")]
    assert "t2" not in left, "neither asks any more"


def about(world: World, task: Any) -> str:
    """The element of the task that an escalation is about."""
    (one,) = [one for one in world.instances() if one["id"] == task["instance_id"]]
    return str(world.rows(sa.select(TASK.c.element).where(TASK.c.id == one["context"]["task_id"]))[0]["element"])


def person(world: World, role: str, path: str) -> Person:
    """Somebody who holds `role` at a place."""
    query = sa.select(POST.c.user_id).join(UNIT, UNIT.c.id == POST.c.unit_id)
    (found,) = world.rows(query.where(POST.c.role == role, UNIT.c.path == path))
    with_posts = people.person(db.session(), found["user_id"])
    assert with_posts is not None
    return with_posts


def sees(world: World, who: Person) -> bool:
    """Whether the case's page opens to them, and whether it stands in their list: never one without the other."""
    session = db.session()
    page = bool(access.policy(session).can(who, "see", access.case_resource(session, world.case)))
    listed = session.scalar(sa.select(CASE.c.id).where(CASE.c.id == world.case, access.seen_cases(session, who)))
    assert page == (listed is not None)
    session.rollback()
    return page


def test_access_goes_over_with_the_duty(either_world: World) -> None:
    world = either_world
    begin(world)
    world.send("t1", AID)
    world.send("t2", AID, legal_decision="supplement")
    old, new = person(world, "township_worker", TOWNSHIP), person(world, "township_worker", OTHER_TOWNSHIP)
    asked, lead = person(world, "township_in", OTHER_TOWNSHIP), person(world, "township_lead", OTHER_TOWNSHIP)
    legal = person(world, "legal_aid", world.case_row()["path"][:22])
    play(world, TRANSFER, [PROPOSED])
    task = world.open(TRANSFER, "t2")
    tasks.claim(asked, task["id"])
    world.pass_time("P7D")
    assert [sees(world, who) for who in (old, new, asked, lead, legal)] == [True, False, False, False, True]
    shown = tasks.page(asked, task["id"])
    assert shown.answers["handover"] == "外婆照料，药在书包里"
    mine = world.open(AID, "t1")
    play(world, TRANSFER, [ACCEPTED])
    assert [sees(world, who) for who in (old, new, asked, lead, legal)] == [False, True, False, True, True]
    done = world.rows(sa.select(TASK.c.id).where(TASK.c.process == AID, TASK.c.status == "done").order_by(TASK.c.id))
    assert tasks.page(old, done[0]["id"]).closed, "their own past they can still answer for"
    with pytest.raises(NotFound):
        tasks.page(old, mine["id"])
    with pytest.raises(NotFound):
        tasks.page(new, done[0]["id"])


def test_the_control_without_leaving_behind_the_old_place_still_sees(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_moves, "_leave_behind", lambda *_: None)
    begin(world)
    world.send("t1", AID)
    old = person(world, "township_worker", TOWNSHIP)
    play(world, TRANSFER, [PROPOSED, ACCEPTED])
    assert sees(world, old)


def test_a_form_that_the_old_place_had_open_is_refused(world: World) -> None:
    begin(world)
    mine = world.open(AID, "t1")
    play(world, TRANSFER, [PROPOSED, ACCEPTED])
    with pytest.raises(Stale):
        commands.complete(mine["id"], mine["version"], {}, world.anybody())


def test_the_old_place_is_told_and_led_to_what_it_sent(world: World) -> None:
    begin(world)
    play(world, TRANSFER, [PROPOSED, ACCEPTED])
    assert ("transfer_accepted", "township_worker") in world.notices()
    world.child()
    world.arrive("transfer_needed", to_unit=receiving(world))
    play(world, TRANSFER, [*RETURNED, do("t4", duty="source")])
    assert ("transfer_refused", "township_worker") in world.notices()


def test_one_transfer_at_a_time(world: World) -> None:
    begin(world)
    assert len(world.instances(TRANSFER)) == 1
    with pytest.raises(Refused) as refused:
        world.arrive("transfer_needed", to_unit=receiving(world))
    assert refused.value.code == "nobody_waits"
    assert len(world.instances(TRANSFER)) == 1


def test_new_danger_meanwhile_is_for_those_who_have_the_duty(world: World) -> None:
    begin(world)
    play(world, TRANSFER, [PROPOSED])
    world.start("emergency_started")
    assert {world.unit(task)["path"] for task in world.open_tasks(process="emergency-response")} == {TOWNSHIP}
