"""Assessment and help: every service, every reason to look again, closing refused and granted."""

from __future__ import annotations

from datetime import timedelta

from app.db import db
from app.services import people, reports
from tests.process.moves import Move, comes, do, fathers, fires, hears, play
from tests.world import TOWNSHIP, World

HELP = "assessment-help"
NOTHING = {"need_services": "no", "need_aid": "no", "need_legal": "no", "need_pairing": "no"}
ALL = {"need_services": "yes", "need_aid": "yes", "need_legal": "yes", "need_pairing": "yes"}
ASSESSED = (do("t1"), do("t2"), do("t3", level="orange"))
ON = do("t7", review_result="continue")
CLOSE = do("t7", review_result="close")
AGAIN = hears("re_endangered")


def begin(world: World, *moves: Move) -> None:
    """An assessment, and what happened in it."""
    world.child()
    world.start("assessment_started", cause="emergency_done")
    play(world, HELP, [*ASSESSED, *moves])


def test_all_help_opens_its_own_work_and_the_assessment_waits(world: World) -> None:
    begin(world, do("t4", **ALL))
    services = world.open_tasks("t1", "service-referral")
    assert services
    expected = ["legal-aid.t1", "manual-duty.t1", "manual-duty.t1", *["service-referral.t1"] * len(services)]
    assert world.todo() == expected
    assert {task["role"] for task in world.open_tasks("t1", "manual-duty")} == {"township_worker"}


def test_going_on_after_the_date_a_change_and_new_danger(world: World) -> None:
    plan = do("t4", **NOTHING)
    begin(world, plan, fires("c1"), ON, plan, comes("case_changed"), ON, plan, AGAIN, ON, plan)
    assert world.todo_of(HELP) == []
    assert world.instances(HELP)


def test_a_service_under_way_is_not_referred_twice(world: World) -> None:
    begin(world, do("t4", **ALL))
    before = len(world.instances("service-referral"))
    play(world, HELP, [comes("case_changed"), ON])
    row = world.latest("F21")["services"][0]
    play(world, HELP, [do("t4", **ALL | {"services": [row]})])
    assert len(world.instances("service-referral")) == before


def test_an_intervention_for_the_guardian_named(world: World) -> None:
    begin(
        world,
        do("t4", **NOTHING),
        comes("case_changed"),
        do("t7", review_result="intervene", intervene_guardians=fathers),
    )
    assert world.todo() == [f"{HELP}.t4", "guardianship-intervention.t0"]
    assert world.instances("guardianship-intervention")[0]["context"]["guardian_id"] == world.guardians()[0]


def test_closing_is_broken_off_by_danger_and_by_change_at_both_steps(world: World) -> None:
    begin(
        world, do("t4", **NOTHING), comes("case_changed"), CLOSE, AGAIN, CLOSE, comes("case_changed"), CLOSE,
        do("t8"), AGAIN, CLOSE, do("t8"), comes("case_changed"), CLOSE, do("t8"), do("t9", close_ok="no"),
    )  # fmt: skip
    assert world.todo() == [f"{HELP}.t4"]


def test_closed_with_visits_to_come(world: World) -> None:
    begin(world, do("t4", **NOTHING), comes("case_changed"), CLOSE, do("t8"), do("t9", close_ok="yes"))
    assert world.ended(HELP) == [["x1"]]
    assert [one["status"] for one in world.instances("home-visit")] == ["scheduled"]


def test_a_second_reason_to_assess_reaches_the_assessment_at_work(world: World) -> None:
    begin(world, do("t4", **NOTHING))
    assert world.tell("assessment_started", cause="visit_finding") == 1
    assert world.todo() == [f"{HELP}.t7"]


def test_a_child_in_danger_again_gets_a_new_response_in_the_same_case_and_the_assessment_hears_of_it(
    world: World,
) -> None:
    """Somebody at work on the case says so: no new report, no new file."""
    begin(world, do("t4", **NOTHING))
    worker = world.actor("township_worker", int(world.unit_at(TOWNSHIP, "township_government")))
    reports.new_danger(people.person(db.session(), worker.user_id or 0), world.case, worker)
    world.settle()
    assert world.todo() == [f"{HELP}.t7", "emergency-response.t1"]
    assert world.limit(world.open("emergency-response", "t1")) == timedelta(minutes=30)
