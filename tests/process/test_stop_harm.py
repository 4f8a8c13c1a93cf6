"""Stopping harm: with and without a placement, the suspect in care or not, an order or not."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, do, father, play
from tests.world import World

HARM = "stop-harm"
AT_ONCE = (do("d3"), do("d4"), do("d2"))
PATHS: dict[str, tuple[Move, ...]] = {
    "placed, the carer suspected, an order asked for": (
        do("d1", placement_now="yes", suspect_role="carer"), *AT_ONCE, do("d5", measure=["caution", "accept"]),
        do("d6", protection_order="yes", respondent_id=father),
    ),
    "stays, suspect not known, no order": (
        do("d1", placement_now="no", suspect_role="unknown"), *AT_ONCE, do("d5", measure=["none"]),
        do("d6", protection_order="no"),
    ),
}  # fmt: skip
LED_TO = {
    "placed, the carer suspected, an order asked for": ["protection-order", "temporary-placement"],
    "stays, suspect not known, no order": [],
}


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    harm(world)
    play(world, HARM, PATHS[path])
    assert world.todo_of("emergency-response") == ["t9"]
    begun = sorted(one["process"] for one in world.instances() if one["process"] != "emergency-response")
    assert begun == LED_TO[path]


def harm(world: World) -> None:
    """An emergency where a child was hurt."""
    world.child()
    world.start("emergency_started")
    world.send("t1", "emergency-response")
    world.send("t2", "emergency-response", founded="yes", situations=["violence"])


def test_evidence_care_and_appraisal_go_at_once_and_all_must_be_done(world: World) -> None:
    harm(world)
    world.send("d1", HARM, placement_now="no", suspect_role="other")
    assert world.todo() == [f"{HARM}.d2", f"{HARM}.d3", f"{HARM}.d4"]
    world.send("d4", HARM)
    world.send("d2", HARM)
    assert world.todo() == [f"{HARM}.d3"]


def test_an_entrusted_carer_who_is_suspected_is_barred_and_the_parents_are_told(world: World) -> None:
    harm(world)
    world.send("d1", HARM, placement_now="no", suspect_role="carer")
    assert ("entrustment_ended", "parents") in world.notices()
    assert "entrustment_ended_at" in world.case_row()["facts"]


def test_the_order_is_asked_against_the_person_named(world: World) -> None:
    harm(world)
    play(world, HARM, PATHS["placed, the carer suspected, an order asked for"])
    (order,) = world.instances("protection-order")
    assert order["context"]["respondent_id"] == world.guardians()[0]
