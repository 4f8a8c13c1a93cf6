"""Report and intake: every decision, the wait for a receipt, several children, a child we know."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.errors import Invalid
from app.services import reports
from tests.process.moves import Move, comes, do, fires, play
from tests.world import TOWNSHIP, World

INTAKE = "report-intake"
SAFE = {"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}
CHECKED = (do("t2", **SAFE), do("t3"))

PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "accepted": ((*CHECKED, do("t4", intake_decision="accept"), do("t8")), "x_ok"),
    "danger not ruled out": ((do("t2", **SAFE | {"injured_now": "unknown"}), do("t3"), do("t4", intake_decision="accept"), do("t8")), "x_ok"),
    "advice only": ((*CHECKED, do("t4", intake_decision="consult"), do("t6")), "x_con"),
    "refused, upheld": ((*CHECKED, do("t4", intake_decision="refuse"), do("t9", refusal_review="uphold"), do("t6")), "x_con"),
    "refused, overturned": ((*CHECKED, do("t4", intake_decision="refuse"), do("t9", refusal_review="overturn"), do("t8")), "x_ok"),
    "transferred": ((*CHECKED, do("t4", intake_decision="transfer"), comes("transfer_receipt")), "x_tr"),
    "transferred, chased, receipt late": (
        (*CHECKED, do("t4", intake_decision="transfer"), fires("c2"), do("t5", transfer_next="wait"), fires("c2"),
         do("t5", transfer_next="wait"), comes("transfer_receipt")), "x_tr",
    ),
    "transferred, taken back": (
        (*CHECKED, do("t4", intake_decision="transfer"), fires("c2"), do("t5", transfer_next="take"), do("t8")), "x_ok",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end = PATHS[path]
    world.case = world.report()
    play(world, INTAKE, moves)
    assert world.ended(INTAKE) == [[end]]


def test_the_police_of_the_place_get_the_report(world: World) -> None:
    case = world.report()
    assert world.unit(world.open(INTAKE, "t2", case))["path"] == TOWNSHIP


def test_each_child_of_a_report_gets_a_case_and_siblings_are_linked(world: World) -> None:
    cases = world.accepted(children=[{"name": "林小禾"}, {"name": "林小麦"}, {"name": "林小苗"}])
    assert len(cases) == 3
    for case in cases:
        assert world.todo(case) == ["emergency-response.t1"]
    first, *others = cases
    assert world.links() == [(first, other, "incident") for other in others]


def test_in_danger_each_child_has_one_response_and_matching_adds_no_second(world: World) -> None:
    cases = world.accepted(children=[{"name": "林小禾"}, {"name": "林小麦"}], injured_now="yes")
    assert [world.todo(case) for case in cases] == [["emergency-response.t1"]] * 2


def test_a_second_report_of_a_child_at_work_is_attached(world: World) -> None:
    """Without danger, those at work hear of it; no second response begins."""
    (known,) = world.accepted()
    again = world.report()
    match = [{"child_ref": "1 林小禾", "candidate": known, "match": "same"}]
    play_in(world, again, [do("t2", **SAFE), do("t3", matches=match), do("t4", intake_decision="accept")])
    assert world.todo(known) == ["emergency-response.t1"]
    assert world.report_links(known) == ["opened", "attached"]


def test_a_child_in_danger_again_gets_a_new_response_in_the_same_case(world: World) -> None:
    (known,) = world.accepted()
    again = world.report()
    match = [{"child_ref": "1 林小禾", "candidate": known, "match": "same"}]
    moves = [do("t2", **SAFE | {"life_threat": "yes"}), do("t3", matches=match), do("t4", intake_decision="accept")]
    play_in(world, again, moves)
    provisional = [case for case in world.cases("child") if case != known]
    assert [world.todo(case) for case in (known, *provisional)] == [["emergency-response.t1"]] * 2
    assert world.links() == [(provisional[0], known, "same_child")]


def test_a_report_of_a_child_nobody_works_for_any_more_begins_a_response_in_the_same_case(world: World) -> None:
    (known,) = world.accepted()
    moves = [do("t1"), do("t2", founded="no"), do("n1"), do("n2", unfounded_ok="yes"), do("t9", help_needed="no")]
    world.case = known
    play(world, "emergency-response", moves)
    assert world.todo() == []
    again = world.report()
    match = [{"child_ref": "1 林小禾", "candidate": known, "match": "same"}]
    play_in(world, again, [do("t2", **SAFE), do("t3", matches=match), do("t4", intake_decision="accept")])
    assert world.todo(known) == ["emergency-response.t1"]
    assert world.cases("child") == [known]


def test_the_urgent_file_of_a_report_is_not_offered_as_a_child_we_know(world: World) -> None:
    (known,) = world.accepted()
    again = world.report()
    play_in(world, again, [do("t2", **SAFE | {"life_threat": "yes"})])
    urgent = [case for case in world.cases("child") if case != known]
    offered = world.offered(world.library.form("F03"), again)["candidates"]
    assert urgent
    assert [value for value, _ in offered] == [str(known)]
    with pytest.raises(Invalid):
        world.send("t3", INTAKE, again, matches=[{"child_ref": "1 林小禾", "candidate": urgent[0], "match": "same"}])


def test_a_child_not_surely_known_gets_a_file_of_its_own_that_says_so(world: World) -> None:
    (known,) = world.accepted()
    again = world.report()
    match = [{"child_ref": "1 林小禾", "candidate": known, "match": "pending"}]
    play_in(world, again, [do("t2", **SAFE), do("t3", matches=match), do("t4", intake_decision="accept")])
    assert world.provisional() == [False, True]


def test_once_matched_an_urgent_file_is_provisional_no_more(world: World) -> None:
    report = world.report()
    play_in(world, report, [do("t2", **SAFE | {"life_threat": "yes"})])
    assert world.provisional() == [True]
    play_in(world, report, [do("t3"), do("t4", intake_decision="accept")])
    assert world.provisional() == [False]


def stage(world: World, *moves: Move) -> str:
    """What a reporter who asks is told after these moves."""
    receipt = world.file_report()
    world.case = receipt.case_id
    world.send("t1", INTAKE, children=[{"name": "林小禾", "safe_adult_now": "yes"}])
    play(world, INTAKE, moves)
    return reports.ask(receipt.number, receipt.code).stage.en


ASKED: dict[str, tuple[tuple[Move, ...], str]] = {
    "at once": ((), "Received; the police station is dealing with it."),
    "accepted": ((*CHECKED, do("t4", intake_decision="accept")), "Accepted; people are working on it."),
    "transferred": ((*CHECKED, do("t4", intake_decision="transfer")), "Passed on to the police with jurisdiction."),
    "transferred and received there": (PATHS["transferred"][0], "Passed on to the police with jurisdiction."),
    "taken back": (PATHS["transferred, taken back"][0][:-1], "Accepted; people are working on it."),
    "refusal overturned": (PATHS["refused, overturned"][0][:-1], "Accepted; people are working on it."),
    "answered": (PATHS["advice only"][0], "Closed."),
}


@pytest.mark.parametrize("when", ASKED)
def test_what_the_reporter_is_told(world: World, when: str) -> None:
    moves, told = ASKED[when]
    assert stage(world, *moves) == told


def play_in(world: World, case: int, moves: list[Move]) -> None:
    """Make the moves in this case."""
    world.case = case
    play(world, INTAKE, moves)
    world.case = 0


def test_a_receipt_that_comes_after_its_limit_is_kept_though_the_chase_goes_first(world: World) -> None:
    """The ticker slept: the timer is due and has not fired when the receipt is registered."""
    world.case = world.report()
    play(world, INTAKE, [*CHECKED, do("t4", intake_decision="transfer")])
    world.move(world.now + timedelta(days=30))
    world.arrive("transfer_receipt")
    assert world.todo() == [f"{INTAKE}.t5"]
    world.send("t5", INTAKE, transfer_next="wait")
    assert world.ended(INTAKE) == [["x_tr"]]
