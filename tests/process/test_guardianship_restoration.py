"""Restoration of guardianship: restored or not, after asking the court."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, comes, do, fires, play
from tests.world import World

RESTORATION = "guardianship-restoration"
CHECKED = (do("t1"), do("t2"), do("t3"))
JUDGED = comes("restoration_judgment_received")
PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "restored": ((*CHECKED, JUDGED, do("t5", restored="yes"), do("t4")), "x1"),
    "asked after twice, not restored": (
        (*CHECKED, fires("c2"), do("t6"), fires("c2"), do("t6"), JUDGED, do("t5", restored="no")), "x2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end = PATHS[path]
    begin(world)
    play(world, RESTORATION, moves)
    assert world.ended(RESTORATION) == [[end]]


def begin(world: World) -> None:
    """A guardian who asks to have guardianship back."""
    world.child()
    world.arrive("restoration_requested", guardian_id=world.guardians()[0])


def test_after_a_restoration_monthly_visits_and_a_clock_that_begins_afresh(world: World) -> None:
    begin(world)
    play(world, RESTORATION, PATHS["restored"][0])
    visits = world.instances("home-visit", status=("scheduled",))
    assert [visit["start_at"].month for visit in visits] == [4, 5, 6, 7, 8, 9]
    assert world.case_row()["facts"][f"clock_from_{world.guardians()[0]}"] == world.now.date().isoformat()
