"""The search: found safe, found in danger, found without a carer, not found."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, comes, do, fires, play
from tests.world import World

SEARCH = "missing-child-search"
FOUND = (do("t1"), comes("child_found"))
GO_ON = (fires("c2"), do("t2", search_next="continue"))
PATHS: dict[str, tuple[tuple[Move, ...], str, list[str]]] = {
    "home safe": ((*FOUND, do("t3", found_next="home")), "x1", []),
    "in danger": ((*FOUND, do("t3", found_next="danger")), "x3", ["emergency-response.t1"]),
    "no carer": ((*FOUND, do("t3", found_next="placement")), "x4", ["temporary-placement.h1"]),
    "found at the third look": ((do("t1"), *GO_ON, *GO_ON, *GO_ON, comes("child_found"), do("t3", found_next="home")), "x1", []),
    "not found: a person concludes": (
        (do("t1"), *GO_ON, fires("c2"), do("t2", search_next="conclude"), do("t4")), "x2", [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    moves, end, then = PATHS[path]
    world.child()
    world.start("missing_search_started")
    play(world, SEARCH, moves)
    assert world.ended(SEARCH) == [[end]]
    assert [task for task in world.todo() if not task.startswith("overdue")] == then


def test_a_child_found_while_the_police_write_is_not_forgotten(world: World) -> None:
    world.child()
    world.start("missing_search_started")
    world.arrive("child_found")
    world.send("t1", SEARCH)
    assert world.todo() == [f"{SEARCH}.t3"]


def test_a_search_of_half_a_year_goes_on_until_a_person_concludes(world: World) -> None:
    world.child()
    world.start("missing_search_started")
    world.send("t1", SEARCH)
    for _ in range(40):
        world.fires("c2", SEARCH)
        world.send("t2", SEARCH, search_next="continue")
    assert world.instances(SEARCH)
