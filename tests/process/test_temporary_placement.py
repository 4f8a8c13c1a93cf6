"""Placement: nobody receives, the child objects, the place refuses; then reviews and notices begin."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, do, play
from tests.world import World

PLACEMENT = "temporary-placement"
HANDED_OVER = (do("h2", accepted="yes"), do("h5"))
PATHS: dict[str, tuple[Move, ...]] = {
    "agreed and received": (do("h1", child_view="agrees", place_kind="relief"), *HANDED_OVER),
    "nobody receives: the county names a body": (do("h1", child_view="unable", place_kind="none"), do("h0"), *HANDED_OVER),
    "the child objects, another place; it refuses; the child objects again in vain": (
        do("h1", child_view="objects", place_kind="welfare"), do("h6", objection_result="change"),
        do("h1", child_view="agrees", place_kind="relief"), do("h2", accepted="no"),
        do("h1", child_view="objects", place_kind="none"), do("h0"), do("h6", objection_result="keep"), *HANDED_OVER,
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    world.child()
    world.start("placement_needed", reason="no_carer")
    play(world, PLACEMENT, PATHS[path])
    assert world.ended(PLACEMENT) == [["x1"]]
    assert world.todo_of("temporary-care-review") == ["t0"]
    assert [one["status"] for one in world.instances("notify-parents")] == ["scheduled"]


def test_one_placement_at_a_time(world: World) -> None:
    world.child()
    world.start("placement_needed", reason="no_carer")
    assert not world.tell("placement_needed", reason="harm")
    assert len(world.instances(PLACEMENT)) == 1
