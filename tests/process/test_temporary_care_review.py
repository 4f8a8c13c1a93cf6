"""Temporary care: reviewed on its day and on a change, at most one year, every way out."""

from __future__ import annotations

import pytest

from app.errors import Refused
from tests.process.moves import Move, comes, do, fathers, fires, play
from tests.world import World

REVIEW = "temporary-care-review"
LOOK = (comes("case_changed"), do("t1"))
GO_ON = (fires("c1"), do("t1"), do("t2", care_result="continue"))
YEAR = (*GO_ON, *LOOK, do("t2", care_result="continue"))
PETITION = do("t2", care_result="petition", petition_guardians=fathers)
PATHS: dict[str, tuple[tuple[Move, ...], list[list[str]]]] = {
    "home": ((*LOOK, do("t2", care_result="home"), do("t3")), [["x0", "x1"]]),
    "to a relative": ((*LOOK, do("t2", care_result="relative"), do("t3")), [["x0", "x1"]]),
    "long-term": ((*LOOK, do("t2", care_result="longterm")), [["x0", "x2"]]),
    "goes on, then a petition, then goes on": ((*GO_ON, *LOOK, PETITION, *GO_ON), []),
    "ran away, is looked for, review goes on": ((comes("child_left_placement"), *GO_ON), []),
}


def placed(world: World) -> None:
    """A child in temporary care, checked on the first day."""
    world.child()
    world.start("placement_needed", reason="no_carer")
    moves = [do("h1", child_view="agrees", place_kind="relief"), do("h2", accepted="yes"), do("h5")]
    play(world, "temporary-placement", moves)
    play(world, REVIEW, [do("t0")])


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, ends = PATHS[path]
    placed(world)
    play(world, REVIEW, moves)
    assert world.ended(REVIEW) == ends


@pytest.mark.parametrize(
    ("decision", "end"), [("home", "x1"), ("relative", "x1"), ("petition", ""), ("longterm", "x3")]
)
def test_after_one_year_the_county_head_decides(world: World, decision: str, end: str) -> None:
    placed(world)
    world.pass_time("P1Y")
    world.pass_time("P7D")
    play(world, REVIEW, [do("t1"), do("t2", care_result="continue")])
    assert world.todo_of(REVIEW) == ["t4"]
    play(world, REVIEW, [do("t4", final_result=decision, petition_guardians=fathers)])
    if end == "x1":
        play(world, REVIEW, [do("t3")])
    assert world.ended(REVIEW) == ([["x0", end]] if end else [])
    assert bool(world.instances("revocation-petition")) is (decision == "petition")


def test_a_child_who_ran_away_is_searched_for(world: World) -> None:
    placed(world)
    world.arrive("child_left_placement")
    assert "missing-child-search.t1" in world.todo()


def test_a_child_who_runs_away_is_searched_for_at_once_whoever_is_behind_with_what(world: World) -> None:
    """Before the check-up, and while a review is being written."""
    world.child()
    world.start("placement_needed", reason="no_carer")
    moves = [do("h1", child_view="agrees", place_kind="relief"), do("h2", accepted="yes"), do("h5")]
    play(world, "temporary-placement", moves)
    world.arrive("child_left_placement")
    assert world.todo() == ["missing-child-search.t1", f"{REVIEW}.t0"]
    play(world, "missing-child-search", [do("t1"), comes("child_found"), do("t3", found_next="home")])
    world.arrive("case_changed")
    assert world.todo_of(REVIEW) == ["t0", "t1"]
    world.arrive("child_left_placement")
    assert world.todo() == ["missing-child-search.t1", f"{REVIEW}.t0", f"{REVIEW}.t1"]


@pytest.mark.parametrize("news", ["parents_returned", "carer_named"])
def test_who_came_back_or_takes_the_child_leads_to_a_review(world: World, news: str) -> None:
    placed(world)
    world.arrive(news)
    assert world.todo_of(REVIEW) == ["t1"]
    assert world.case_row()["facts"]["carer_named_at"]


def test_news_of_the_parents_is_kept_while_a_review_goes_on(world: World) -> None:
    placed(world)
    play(world, REVIEW, LOOK)
    world.arrive("parents_returned")
    play(world, REVIEW, [do("t2", care_result="continue")])
    assert world.todo_of(REVIEW) == ["t1"], "what came meanwhile is looked at next"


def test_news_that_nobody_waits_for_is_refused(world: World) -> None:
    """Without a placement and with nobody looking for the parents."""
    world.child()
    world.start("legal_aid_needed")
    with pytest.raises(Refused):
        world.arrive("parents_returned")


def test_a_conference_adds_its_ground_to_a_petition_that_runs_and_adds_it_once(world: World) -> None:
    placed(world)
    world.start("petition_started", guardian_id=world.guardians()[0], ground="g2")
    play(world, REVIEW, [*LOOK, PETITION, *LOOK, PETITION])
    (petition,) = world.instances("revocation-petition")
    assert petition["facts"]["grounds"] == ["g2", "cc36"]
    assert len([one for one in world.events("message") if one["data"]["message"] == "petition_started"]) == 2


def test_back_home_a_visit_within_a_week(world: World) -> None:
    placed(world)
    play(world, REVIEW, PATHS["home"][0])
    assert world.instances("home-visit", status=("scheduled",))


def test_reviews_come_seven_thirty_and_ninety_days_after_the_placement(world: World) -> None:
    placed(world)
    begun, days = world.local_day(), []
    for _ in range(3):
        play(world, REVIEW, GO_ON)
        days.append((world.local_day() - begun).days)
    assert days == [8, 31, 92], "each at the end of its last day; 31 May is a Sunday"


def test_running_away_is_no_review_so_the_next_one_keeps_its_day(world: World) -> None:
    placed(world)
    before = world.timer("c1")
    world.arrive("child_left_placement")
    assert world.timer("c1") == before
