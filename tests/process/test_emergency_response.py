"""Emergency response: founded or not, every situation alone and together, what it hands on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.process.moves import Move, do, fathers, play
from tests.world import COUNTY, TOWNSHIP, World

EMERGENCY = "emergency-response"
SCENE = do("t1", seen_child="yes")
NO_MORE = do("t9", help_needed="no")
UNREACHED = do("reach-parents.t1", parents_reached="unreached")


def found(*situations: str) -> Move:
    """What the police established."""
    return do("t2", founded="yes", situations=list(situations))


def help_(intervene: str, failure: str, reward: str) -> Move:
    """Help is needed; what else follows."""
    return do(
        "t9",
        help_needed="yes",
        intervene=intervene,
        intervene_guardians=fathers,
        failure_found=failure,
        reward_due=reward,
    )


STOPPED = (
    do("stop-harm.d1", placement_now="no", suspect_role="other"), do("stop-harm.d2"), do("stop-harm.d3"),
    do("stop-harm.d4"), do("stop-harm.d5"), do("stop-harm.d6", protection_order="no"),
)  # fmt: skip

PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "unfounded, sent back once": (
        (SCENE, do("t2", founded="no"), do("n1"), do("n2", unfounded_ok="no"), do("t2", founded="no"), do("n1"),
         do("n2", unfounded_ok="yes"), NO_MORE), "x0",
    ),
    "sent back, then founded": (
        (SCENE, do("t2", founded="no"), do("n1"), do("n2", unfounded_ok="no"), found("other"), do("t3"), NO_MORE), "x0",
    ),
    "alone": ((SCENE, found("living_alone"), UNREACHED, help_("no", "no", "no")), "x1"),
    "nobody fit": ((SCENE, found("lost_capacity"), UNREACHED, help_("yes", "no", "no")), "x1"),
    "missing": ((SCENE, found("missing"), help_("no", "yes", "no")), "x1"),
    "harm": ((SCENE, found("violence"), *STOPPED, help_("no", "no", "yes")), "x1"),
    "other": ((SCENE, found("other"), do("t3"), help_("yes", "yes", "yes")), "x1"),
    "suspected": ((SCENE, do("t2", founded="suspected", situations=["other"]), do("t3"), NO_MORE), "x0"),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end = PATHS[path]
    world.child()
    world.start("emergency_started", report_id=1)
    play(world, EMERGENCY, moves)
    assert world.ended(EMERGENCY) == [[end]]


def test_abuse_and_nobody_to_care_run_at_once_and_the_response_waits_for_both(world: World) -> None:
    world.child()
    world.start("emergency_started")
    play(world, EMERGENCY, [SCENE, found("harm", "not_performing", "missing")])
    assert world.todo() == ["missing-child-search.t1", "reach-parents.t1", "stop-harm.d1"]
    play(world, EMERGENCY, [*STOPPED])
    assert f"{EMERGENCY}.t9" not in world.todo()
    play(world, EMERGENCY, [UNREACHED])
    assert f"{EMERGENCY}.t9" in world.todo()


def test_both_branches_may_ask_for_a_placement_and_there_is_one(world: World) -> None:
    world.child()
    world.start("emergency_started")
    placed = do("stop-harm.d1", placement_now="yes", suspect_role="guardian")
    play(world, EMERGENCY, [SCENE, found("violence", "living_alone"), placed, UNREACHED])
    assert len(world.instances("temporary-placement")) == 1


def test_the_first_notice_is_sent_once_though_the_finding_is_made_twice(world: World) -> None:
    world.child()
    world.start("emergency_started")
    play(world, EMERGENCY, [SCENE, do("t2", founded="no"), do("n1"), do("n2", unfounded_ok="no"), found("other")])
    assert world.notices() == [("first_notice", "township_worker"), ("first_notice", "county_worker")]


def test_a_second_emergency_runs_beside_the_first(world: World) -> None:
    world.child()
    world.start("emergency_started")
    world.start("emergency_started")
    assert world.todo() == [f"{EMERGENCY}.t1"] * 2


def test_help_starts_an_assessment_an_intervention_and_duties_for_what_is_not_drawn(world: World) -> None:
    """A reward is about the report, so the duty stands in the report's case; the failure about a unit there too."""
    world.child()
    (report,) = world.cases("report")
    world.start("emergency_started", report_id=1)
    play(world, EMERGENCY, [SCENE, found("other"), do("t3"), help_("yes", "yes", "yes")])
    assert world.todo() == ["assessment-help.t1", "guardianship-intervention.t0"]
    duties = world.open_tasks("t1", "manual-duty", report)
    assert {task["role"] for task in duties} == {"superior_body", "county_government"}


@pytest.mark.parametrize(
    ("place", "sector", "above"),
    [
        (TOWNSHIP, "education", "education"),
        (TOWNSHIP, "police", "police"),
        (COUNTY, "health", "county_government"),
        (TOWNSHIP, "township_government", "county_government"),
    ],
)
def test_who_stands_above_the_unit_that_failed_to_report_looks_into_it(
    world: World, place: str, sector: str, above: str
) -> None:
    """The county body of the same kind, else the county's government."""
    world.child()
    (report,) = world.cases("report")
    world.start("emergency_started", report_id=1)
    failed = world.unit_at(place, sector)
    answers = {"help_needed": "yes", "intervene": "no", "failure_found": "yes", "failure_unit": failed}
    play(world, EMERGENCY, [SCENE, found("other"), do("t3"), do("t9", reward_due="no", **answers)])
    looks = world.unit(world.open("manual-duty", "t1", report))
    assert (looks["path"], looks["sector"]) == (COUNTY, above)


def test_danger_shortens_the_limit_to_half_an_hour(world: World) -> None:
    (case,) = world.accepted()
    assert world.limit(world.open(EMERGENCY, "t1", case)) == timedelta(hours=24)
    (case,) = world.accepted(children=[{"name": "林小麦"}], life_threat="yes")
    assert world.limit(world.open(EMERGENCY, "t1", case)) == timedelta(minutes=30)
