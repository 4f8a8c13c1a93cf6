"""Intervention with a guardian: refusing or unable, grave or not, what it leads to."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, do, father, play
from tests.world import World

INTERVENTION = "guardianship-intervention"
UNABLE = do("t0", neglect_kind="unable", guardian=father)
REFUSING = (do("t0", neglect_kind="refusing", guardian=father), do("t1"))
MONITORED = ["six-month-clock"]
PATHS: dict[str, tuple[tuple[Move, ...], str, list[str]]] = {
    "unable, care settled": ((UNABLE, do("t10", carer_ok="yes", seen="alone")), "x3", []),
    "unable, not sure, child not seen, then no care": (
        (UNABLE, do("t10", carer_ok="unsure"), do("t10", carer_ok="yes", seen="no"), do("t10", carer_ok="no")),
        "x2", ["revocation-petition", "temporary-placement"],
    ),
    "minor": ((*REFUSING, do("t2", serious_harm="no", gravity="minor")), "x1", MONITORED),
    "harm not known: monitored, a ground found later can still open the petition": (
        (*REFUSING, do("t2", serious_harm="unknown", gravity="minor")), "x1", MONITORED,
    ),
    "public order": ((*REFUSING, do("t2", serious_harm="no", gravity="public_order"), do("t3")), "x1", MONITORED),
    "a crime and serious harm: the petition starts at once": (
        (do("t0", neglect_kind="harm", guardian=father), do("t1"), do("t2", serious_harm="yes", gravity="crime"), do("t4")),
        "x1", ["revocation-petition", *MONITORED],
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end, then = PATHS[path]
    world.child()
    world.start("intervention_started", guardian_id=world.guardians()[0])
    play(world, INTERVENTION, moves)
    assert world.ended(INTERVENTION) == [[end]]
    assert sorted(one["process"] for one in world.instances()) == sorted(then)


def test_serious_harm_does_not_wait_for_the_punishment(world: World) -> None:
    world.child()
    world.start("intervention_started", guardian_id=world.guardians()[0])
    play(world, INTERVENTION, [*REFUSING, do("t2", serious_harm="yes", gravity="public_order")])
    assert world.todo() == [f"{INTERVENTION}.t3", "revocation-petition.t1"]


def test_each_guardian_has_an_intervention_of_their_own(world: World) -> None:
    world.child()
    father_id, mother_id = world.guardians()
    world.start("intervention_started", guardian_id=father_id)
    world.start("intervention_started", guardian_id=mother_id)
    assert not world.tell("intervention_started", guardian_id=father_id)
    assert world.todo() == [f"{INTERVENTION}.t0"] * 2
