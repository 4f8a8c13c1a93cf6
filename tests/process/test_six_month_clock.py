"""The six-month clock: each alert on its day, every answer to it, and never a petition by itself."""

from __future__ import annotations

from datetime import date

import pytest

from tests.process.moves import Move, comes, do, father, fires, play, wait
from tests.world import World

CLOCK = "six-month-clock"


def today(world: World) -> str:
    """The day it is."""
    return world.now.date().isoformat()


REFUSES = {"guardian": father, "state": "fails", "refusal_known": "yes", "observed_on": today}
PERFORMS = {"guardian": father, "state": "performs", "refusal_known": "yes", "observed_on": today}
CHANGED = comes("performance_changed", **PERFORMS | {"source": "visit"})
THREE, EVIDENCE, SIX = (wait("P3M"), wait("P1D")), (wait("P1M"), wait("P16D")), (wait("P1M"), wait("P15D"))
TO_SIX = (do("t1", **REFUSES), *THREE, do("t2"), *EVIDENCE, do("t3"), *SIX)
STOPPED = (do("t1", **REFUSES), CHANGED, comes("performance_changed", **PERFORMS | {"source": "school"}), wait("P31D"))
PATHS: dict[str, tuple[tuple[Move, ...], list[list[str]]]] = {
    "six months, no ground, monitoring goes on": ((*TO_SIX, do("t4", petition_ground="none")), []),
    "six months, a ground": ((*TO_SIX, do("t4", petition_ground="g2")), []),
    "another ground found": ((do("t1", **REFUSES), comes("ground_found", ground="g1"), do("t4", petition_ground="g1")), []),
    "care restored": ((*STOPPED, do("t6", restored_ok="yes")), [["x1"]]),
    "care said to be restored, not confirmed": ((*STOPPED, do("t6", restored_ok="no")), []),
    "nothing to count yet": ((do("t1", **PERFORMS), fires("c1")), []),
}  # fmt: skip


def begin(world: World) -> None:
    """Monitoring of the father."""
    world.child()
    world.start("monitoring_started", guardian_id=world.guardians()[0])


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, ends = PATHS[path]
    begin(world)
    play(world, CLOCK, moves)
    assert world.ended(CLOCK) == ends


def test_six_months_ask_a_lawyer_and_only_a_persons_answer_opens_the_petition(world: World) -> None:
    begin(world)
    play(world, CLOCK, TO_SIX)
    assert world.todo_of(CLOCK) == ["t4"]
    assert world.open_tasks("t4", CLOCK)[0]["role"] == "county_legal"
    world.pass_time("P3M")
    assert not world.instances("revocation-petition")
    world.send("t4", CLOCK, petition_ground="g2")
    (petition,) = world.instances("revocation-petition")
    assert petition["context"]["ground"] == "g2"


def test_each_alert_comes_the_day_after_its_months_are_full(world: World) -> None:
    """Observed on 2 March, counted from the 3rd: 2 June, 17 July and 2 September are the last days."""
    begin(world)
    world.send("t1", CLOCK, guardian=world.guardians()[0], state="fails", refusal_known="yes", observed_on="2026-03-02")
    days = []
    for task in ("t2", "t3", "t4"):
        while not world.open_tasks(task, CLOCK):
            world.pass_time("P1D")
        days.append(world.local_day())
        answers = {"petition_ground": "none"} if task == "t4" else {}
        world.send(task, CLOCK, **answers)
    assert days == [date(2026, 6, 3), date(2026, 7, 18), date(2026, 9, 3)]


def test_an_end_of_monitoring_ends_the_clock(world: World) -> None:
    begin(world)
    play(world, CLOCK, [do("t1", **REFUSES)])
    world.tell("monitoring_ended", guardian_id=world.guardians()[0])
    assert world.ended(CLOCK) == [["x3"]]


def test_a_home_visit_writes_what_it_saw_of_the_guardian_who_is_watched(world: World) -> None:
    begin(world)
    play(world, CLOCK, [do("t1", **REFUSES)])
    world.schedule("home-visit", world.at("P1D"), child_id=1)
    world.pass_time("P1D")
    world.send("t1", "home-visit", seen="alone", finding="normal", parent_contact="no")
    assert [row["state"] for row in world.performance()] == ["fails", "fails"]


def test_one_clock_for_each_guardian(world: World) -> None:
    begin(world)
    assert not world.tell("monitoring_started", guardian_id=world.guardians()[0])
    world.start("monitoring_started", guardian_id=world.guardians()[1])
    assert len(world.instances(CLOCK)) == 2
