"""Protection order: granted, refused, reviewed, changed, extended, expired."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, comes, do, fires, in_days, play
from tests.world import World

ORDER = "protection-order"
RULING = comes("ruling_received")
GRANTED = do("t5", ruling="granted", remind_at=lambda world: in_days(150)(world).date().isoformat())
REFUSED = do("t5", ruling="refused")
PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "asked after, refused, reviewed, refused for good": (
        (do("t1"), fires("c2"), do("t6"), RULING, REFUSED, do("t3", ask_review="yes"), RULING, REFUSED,
         do("t3", ask_review="no")), "x2",
    ),
    "granted, extended, expires": (
        (do("t1"), RULING, GRANTED, do("t2"), fires("c3"), do("t4", extend="yes"), do("t1"), RULING, GRANTED, do("t2"),
         fires("c3"), do("t4", extend="no")), "x1",
    ),
    "granted, changed, lifted": (
        (do("t1"), RULING, GRANTED, do("t2"), comes("order_changed"), GRANTED, do("t2"), comes("order_changed"), REFUSED,
         do("t3", ask_review="no")), "x2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end = PATHS[path]
    world.child()
    world.arrive("protection_order_needed", respondent_id=world.guardians()[0])
    play(world, ORDER, moves)
    assert world.ended(ORDER) == [[end]]
