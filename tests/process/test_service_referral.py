"""Referral of a service: done, stopped, refused."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from app.clock import LAW_ZONE
from app.errors import Invalid
from tests.process.moves import Move, do, play
from tests.world import COUNTY, TOWNSHIP, World

REFERRAL = "service-referral"
PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "done": ((do("t1"), do("t2", referral_answer="accept"), do("t3", service_result="done")), "x1"),
    "stopped": ((do("t1"), do("t2", referral_answer="accept"), do("t3", service_result="stopped")), "x2"),
    "refused": ((do("t1"), do("t2", referral_answer="refuse")), "x2"),
}


def planned(world: World, *providers: str, by_when: date | None = None) -> None:
    """A plan with one service from each of the providers, to be done by that day, else by today."""
    world.child()
    world.start("assessment_started", cause="emergency_done")
    services = [
        {"kind": "mind", "provider": unit, "by_when": (by_when or world.local_day()).isoformat()} for unit in providers
    ]
    answers = {"need_services": "yes", "services": services, "need_aid": "no", "need_legal": "no", "need_pairing": "no"}
    play(world, "assessment-help", [do("t1"), do("t2"), do("t3"), do("t4", **answers)])


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    """What fails is told to the assessment, if one waits."""
    moves, end = PATHS[path]
    planned(world, world.unit_at(COUNTY, "social_work"))
    play(world, REFERRAL, moves)
    assert world.ended(REFERRAL) == [[end]]
    assert world.todo() == (["assessment-help.t7"] if end == "x2" else [])


def test_each_referral_goes_to_the_provider_that_the_plan_names(world: World) -> None:
    clinic, social_work = world.unit_at(COUNTY, "health"), world.unit_at(COUNTY, "social_work")
    planned(world, clinic, social_work)
    for task in world.open_tasks("t1", REFERRAL):
        world.send_task(task)
    assert [str(task["unit_id"]) for task in world.open_tasks("t2", REFERRAL)] == [clinic, social_work]


def test_the_record_of_a_service_is_due_a_week_after_the_day_the_plan_names(world: World) -> None:
    """Not a week after somebody agreed to it (D14s)."""
    planned(world, world.unit_at(COUNTY, "social_work"), by_when=date(2026, 4, 15))
    play(world, REFERRAL, [do("t1"), do("t2", referral_answer="accept")])
    task = world.open(REFERRAL, "t3")
    assert world.local_day() < date(2026, 4, 1)
    assert task["due_at"].astimezone(LAW_ZONE) == datetime(2026, 4, 23, tzinfo=LAW_ZONE), "the end of 22 April"


def test_only_those_who_give_services_can_be_planned(world: World) -> None:
    with pytest.raises(Invalid):
        planned(world, world.unit_at(COUNTY, "police"))
    form = world.library.form("F21")
    offered = {unit for unit, _ in world.offered(form, world.case)["providers"]}
    kinds = {world.unit({"unit_id": int(unit)})["sector"] for unit in offered}
    assert kinds == {"health", "social_work"}
    assert world.unit_at(TOWNSHIP, "health") in offered
