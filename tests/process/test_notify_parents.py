"""Notices to parents of a child in care: daily, then weekly, until somebody comes back."""

from __future__ import annotations

from tests.process.moves import do, play
from tests.world import World

NOTIFY = "notify-parents"


def placed(world: World) -> None:
    """A child in temporary care."""
    world.child()
    world.start("placement_needed", reason="no_carer")
    moves = [do("h1", child_view="agrees", place_kind="relief"), do("h2", accepted="yes"), do("h5")]
    play(world, "temporary-placement", moves)


def notified(world: World) -> int:
    """Let time pass to the next notice and give it; returns after how many days it opened."""
    before = world.now
    world.pass_time(world.instances(NOTIFY, status=("scheduled",))[0]["start_at"])
    world.send("t1", NOTIFY, parents_reached="unreached")
    return round((world.now - before).total_seconds() / 86400)


def test_daily_for_a_week_then_weekly(world: World) -> None:
    placed(world)
    assert [notified(world) for _ in range(9)] == [1, 1, 1, 1, 1, 1, 1, 7, 7]
    assert world.ended(NOTIFY) == [["x1"]] * 9


def test_none_after_the_child_has_left_care(world: World) -> None:
    placed(world)
    world.send("t0", "temporary-care-review")
    world.arrive("case_changed")
    play(world, "temporary-care-review", [do("t1"), do("t2", care_result="longterm")])
    notified(world)
    assert not world.instances(NOTIFY)
