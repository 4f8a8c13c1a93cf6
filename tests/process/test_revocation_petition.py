"""Petition for revocation: who applies, what the court answers, how it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.process.moves import Move, comes, do, fires, play
from tests.world import World

PETITION = "revocation-petition"
YES = do("t1", petition_decision="petition")
FILED = (do("t3"), do("t4"))
CIVIL = (YES, do("t2", applicant_kind="civil"), *FILED)
OTHERS = (YES, do("t2", applicant_kind="other"))
ACCEPTED, REFUSED = comes("court_accepted"), comes("court_refused")
REJECTED = (comes("judgment_received"), do("t11", judgment="rejected"), do("t8"))
PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "no petition for now": ((do("t1", petition_decision="more"),), "x3"),
    "revoked": (
        (*CIVIL, ACCEPTED, comes("judgment_received"), do("t11", judgment="revoked"), do("t6"), do("t7")), "x1",
    ),
    "withdrawn after asking for the docketing and the judgment": (
        (*CIVIL, fires("c6"), do("t10"), ACCEPTED, fires("c8"), do("t12"), comes("judgment_received"),
         do("t11", judgment="withdrawn")), "x5",
    ),
    "others file; rejected; new facts; rejected again": (
        (*OTHERS, comes("other_petition_filed"), do("t4r"), ACCEPTED, *REJECTED, do("t9", new_facts="yes"), *FILED,
         ACCEPTED, *REJECTED, do("t9", new_facts="no")), "x2",
    ),
    "others do not file; corrected, refused, appealed, filed again, stopped": (
        (*OTHERS, fires("c2"), *FILED, comes("court_correction"), *FILED, REFUSED, do("t5", refusal_next="appeal"),
         REFUSED, do("t5", refusal_next="refile"), *FILED, REFUSED, do("t5", refusal_next="stop")), "x4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end = PATHS[path]
    begin(world)
    play(world, PETITION, moves)
    assert world.ended(PETITION) == [[end]]


def begin(world: World) -> None:
    """A petition on the six-month ground."""
    world.child()
    world.start("petition_started", guardian_id=world.guardians()[0], ground="g2")


def test_a_second_ground_does_not_start_a_second_petition(world: World) -> None:
    begin(world)
    assert world.tell("petition_started", guardian_id=world.guardians()[0], ground="g3")
    (petition,) = world.instances(PETITION)
    assert petition["facts"]["grounds"] == ["g2", "g3"]


@pytest.mark.parametrize(("added", "days"), [("g3", 7), ("g1", 30)])
def test_limits_follow_the_gravest_ground_from_when_it_is_known(world: World, added: str, days: int) -> None:
    """Serious harm: others have a week to file, not a month (D16)."""
    begin(world)
    for ground in (added, "cc36"):
        world.tell("petition_started", guardian_id=world.guardians()[0], ground=ground)
    (petition,) = world.instances(PETITION)
    assert petition["facts"]["grounds"] == ["g2", added, "cc36"]
    play(world, PETITION, OTHERS)
    assert (world.timer("c2") - world.now) // timedelta(days=1) in (days, days + 1)


def test_a_rejected_petition_is_told_to_the_assessment(world: World) -> None:
    begin(world)
    world.start("assessment_started", cause="emergency_done")
    nothing = {"need_services": "no", "need_aid": "no", "need_legal": "no", "need_pairing": "no"}
    play(world, "assessment-help", [do("t1"), do("t2"), do("t3", level="yellow"), do("t4", **nothing)])
    play(world, PETITION, [*CIVIL, ACCEPTED, *REJECTED])
    assert world.todo() == ["assessment-help.t7", f"{PETITION}.t9"]


def test_the_court_keeps_its_level_of_protection(world: World) -> None:
    begin(world)
    play(
        world,
        PETITION,
        [*CIVIL, ACCEPTED, comes("judgment_received"), do("t11", judgment="rejected"), do("t8", level="red")],
    )
    assert world.case_row()["risk"] == "red"


def test_papers_that_came_while_somebody_was_busy_are_taken_in_their_order(world: World) -> None:
    begin(world)
    play(world, PETITION, [*CIVIL, fires("c6"), comes("judgment_received"), ACCEPTED])
    assert world.todo() == [f"{PETITION}.t10"]
    play(world, PETITION, [do("t10")])
    assert world.todo() == [f"{PETITION}.t11"]
