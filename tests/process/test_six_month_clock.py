"""The six-month clock: each alert on its day, every answer to it, and never a petition by itself."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.db import db
from app.errors import Invalid
from app.rules.calendar import add_months
from app.services import people, releases, tasks
from app.settings import ROOT
from tests.audit import histories
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
FAILS_AGAIN = comes("performance_changed", **REFUSES | {"source": "visit"})
PATHS: dict[str, tuple[tuple[Move, ...], list[list[str]]]] = {
    "six months, no ground, monitoring goes on": ((*TO_SIX, do("t4", petition_ground="none")), []),
    "six months, a ground": ((*TO_SIX, do("t4", petition_ground="g2")), []),
    "another ground found": ((do("t1", **REFUSES), comes("ground_found", ground="g1"), do("t4", petition_ground="g1")), []),
    "care restored": ((*STOPPED, do("t6", restored_ok="yes")), [["x4", "x1", "x3"]]),
    "care said to be restored, not confirmed": ((*STOPPED, do("t6", restored_ok="no")), []),
    "confirmed when care had failed again": ((*STOPPED, FAILS_AGAIN, do("t6", restored_ok="yes")), []),
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


def test_who_judges_sees_the_figures_beside_a_draft_and_afterwards(world: World) -> None:
    begin(world)
    play(world, CLOCK, TO_SIX)
    task = world.open(CLOCK, "t4")
    judge = people.person(db.session(), world.actor(task["role"], task["unit_id"]).user_id or 0)

    def figures() -> str:
        db.session.rollback()
        return str(tasks.page(judge, task["id"]).answers["clock_figures"])

    said = figures()
    assert said.startswith("当前连续 6 个月 0 天，最长连续 6 个月 0 天")
    tasks.save_draft(judge, task["id"], {"reason": "再想想"})
    assert figures() == said
    play(world, CLOCK, [do("t4", petition_ground="none")])
    world.pass_time("P9D")
    assert figures() == said, "as it was when it was sent"


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


UNDONE: dict[str, tuple[Move, ...]] = {
    "every review": (do("t1", **REFUSES), wait("P4M"), wait("P40D")),
    "the first observation too": (comes("performance_changed", **REFUSES), wait("P4M"), wait("P40D")),
    "a review of another ground": (do("t1", **REFUSES), comes("ground_found", ground="g1"), wait("P4M"), wait("P40D")),
    "a confirmation of care that failed again": (*STOPPED, FAILS_AGAIN, wait("P4M"), wait("P40D")),
}


def lawyers_day(world: World) -> date:
    """The day on which the clock raises one more review of the lawyer's, looked at day by day for a year."""
    before = len(world.open_tasks("t4", CLOCK))
    for _ in range(366):
        world.pass_time("P1D")
        if len(world.open_tasks("t4", CLOCK)) > before:
            return world.local_day()
    raise AssertionError(f"no review within a year; to do: {world.todo_of(CLOCK)}")


def legal_day(world: World) -> date:
    """The day after the six months that followed the last failure on record."""
    failed = max(row["observed_on"] for row in world.performance() if row["state"] == "fails")
    return add_months(failed, 6) + timedelta(days=1)


@pytest.mark.parametrize("what", UNDONE)
def test_the_six_month_alert_comes_on_its_day_whatever_was_left_undone(world: World, what: str) -> None:
    begin(world)
    play(world, CLOCK, UNDONE[what])
    left = world.todo_of(CLOCK)
    assert {"t2", "t3"} <= set(left), "the reviews before it are open, and nobody does them"
    assert lawyers_day(world) == legal_day(world)
    assert world.todo_of(CLOCK) == sorted([*left, "t4"])


def test_a_clock_that_its_reviews_hold_back_is_found_out(world: World, tmp_path: Path) -> None:
    """The broken twin: the diagram as it once was, on which a review left undone stopped the clock."""
    for folder in ("bpmn", "forms"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    twin = histories.read()["six-month-clock.99ab5ccd.1"].sources["bpmn/six-month-clock.bpmn"]
    (tmp_path / "bpmn" / "six-month-clock.bpmn").write_bytes(twin)
    releases.publish(releases.load(tmp_path))
    begin(world)
    play(world, CLOCK, UNDONE["every review"])
    with pytest.raises(AssertionError, match="no review within a year"):
        lawyers_day(world)
    assert world.todo_of(CLOCK) == ["t2"]


def test_a_ground_is_heard_and_an_end_too_while_reviews_stand_open(world: World) -> None:
    begin(world)
    world.arrive("ground_found", ground="g1")
    assert world.todo_of(CLOCK) == ["t1", "t4"]
    world.tell("monitoring_ended", guardian_id=world.guardians()[0])
    world.send("t4", CLOCK, petition_ground="none")
    world.send("t1", CLOCK, guardian=father(world))
    assert world.ended(CLOCK) == [["x3", "x7", "x4"]]


def test_an_end_of_monitoring_ends_the_clock(world: World) -> None:
    begin(world)
    play(world, CLOCK, [do("t1", **REFUSES)])
    world.tell("monitoring_ended", guardian_id=world.guardians()[0])
    assert world.ended(CLOCK) == [["x4", "x3"]]


def test_a_home_visit_writes_what_it_saw_of_the_guardian_who_is_watched(world: World) -> None:
    begin(world)
    play(world, CLOCK, [do("t1", **REFUSES)])
    world.schedule("home-visit", world.at("P1D"), child_id=1)
    world.pass_time("P1D")
    world.send("t1", "home-visit", seen="alone", finding="normal", parent_contact="no")
    assert [row["state"] for row in world.performance()] == ["fails", "fails"]


@pytest.mark.parametrize(("message", "form"), [("monitoring_started", "F25"), ("intervention_started", "F46")])
def test_what_is_about_one_guardian_offers_that_one_only(world: World, message: str, form: str) -> None:
    world.child()
    mother = world.guardians()[1]
    instance = world.start(message, guardian_id=mother)
    asked = world.library.form(form)
    assert [value for value, _ in world.offered(asked, world.case, instance)["guardians"]] == [str(mother)]
    at_the_desk = world.offered(asked, world.case)["guardians"]
    assert [value for value, _ in at_the_desk] == [str(one) for one in world.guardians()]


def test_the_first_observation_is_of_the_guardian_who_is_watched(world: World) -> None:
    begin(world)
    with pytest.raises(Invalid):
        world.send("t1", CLOCK, guardian=str(world.guardians()[1]))


def test_one_clock_for_each_guardian(world: World) -> None:
    begin(world)
    assert not world.tell("monitoring_started", guardian_id=world.guardians()[0])
    world.start("monitoring_started", guardian_id=world.guardians()[1])
    assert len(world.instances(CLOCK)) == 2
