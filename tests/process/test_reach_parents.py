"""Reaching the parents: reached or not, back or not, the carer fit or not."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, comes, do, fires, in_days, play
from tests.world import World

REACH = "reach-parents"
ORDER = {"return_by": in_days(7)}
PATHS: dict[str, tuple[str, tuple[Move, ...], str]] = {
    "not reached": ("living_alone", (do("t1", parents_reached="unreached"),), "x2"),
    "alone; the mother came back": (
        "living_alone",
        (do("t1", parents_reached="mother"), do("t2", **ORDER), do("t3"), comes("parents_returned"),
         do("t5", carer_ok="yes", seen="alone", relation="parent")), "x1",
    ),
    "nobody fit; a carer named; not sure, then not suitable": (
        "lost_capacity",
        (do("t1", parents_reached="both"), do("t4", **ORDER), comes("carer_named"), do("t5", carer_ok="unsure"),
         do("t5", carer_ok="yes", seen="no"), do("t5", carer_ok="no")), "x2",
    ),
    "alone; nobody came in time": (
        "living_alone", (do("t1", parents_reached="father"), do("t2", **ORDER), do("t3"), fires("c3")), "x2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    situation, moves, end = PATHS[path]
    reach(world, situation)
    play(world, REACH, moves)
    assert world.todo_of("emergency-response") == ["t9"]
    assert bool(world.instances("temporary-placement")) is (end == "x2")


def reach(world: World, situation: str) -> None:
    """An emergency that has come to the parents."""
    world.child()
    world.start("emergency_started")
    world.send("t1", "emergency-response")
    world.send("t2", "emergency-response", founded="yes", situations=[situation])


def test_who_comes_back_while_the_order_is_being_written_is_not_forgotten(world: World) -> None:
    """A return registered too early waits in the mailbox until somebody waits for it."""
    reach(world, "living_alone")
    world.send("t1", REACH, parents_reached="mother")
    world.arrive("parents_returned")
    world.send("t2", REACH, return_by=world.at("P7D"))
    world.send("t3", REACH)
    assert world.todo() == [f"{REACH}.t5"]


def test_a_fit_carer_is_on_record_as_entrusted(world: World) -> None:
    reach(world, "living_alone")
    answers = {"carer_ok": "yes", "seen": "with", "relation": "grandparent"}
    play(
        world,
        REACH,
        [do("t1", parents_reached="mother"), do("t2", **ORDER), do("t3"), comes("carer_named"), do("t5", **answers)],
    )
    assert world.case_row()["facts"]["entrustment_id"]
    assert len(world.guardians()) == 3
