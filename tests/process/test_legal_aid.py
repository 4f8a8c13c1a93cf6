"""Legal aid: granted, sent back for more, refused."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, do, play
from tests.world import World

AID = "legal-aid"
MORE = (do("t1"), do("t2", legal_decision="supplement"))
PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "granted": ((do("t1"), do("t2", legal_decision="grant"), do("t3")), "x1"),
    "more asked for twice, then refused": ((*MORE, *MORE, do("t1"), do("t2", legal_decision="refuse"), do("t4")), "x2"),
}


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end = PATHS[path]
    world.child()
    world.start("legal_aid_needed")
    play(world, AID, moves)
    assert world.ended(AID) == [[end]]
