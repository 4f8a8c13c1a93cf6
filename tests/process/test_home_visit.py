"""Home visits: seen or not, what was found, where the child is; and the next visit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.process.moves import Move, do, play
from tests.world import World

VISIT = "home-visit"
UNSEEN = (do("t1", seen="no"), do("t2", seen="no"))
PATHS: dict[str, tuple[tuple[Move, ...], list[str]]] = {
    "normal": ((do("t1", seen="alone", finding="normal"),), []),
    "key concern": ((do("t1", seen="with", finding="key"),), ["assessment-help.t1"]),
    "danger": ((do("t1", seen="alone", finding="danger"),), []),
    "seen the second time": ((do("t1", seen="no"), do("t2", seen="alone", finding="normal")), []),
    "safe elsewhere": ((*UNSEEN, do("t3", whereabouts="safe")), []),
    "moved": ((*UNSEEN, do("t3", whereabouts="moved")), ["case-transfer.t1"]),
    "missing": ((*UNSEEN, do("t3", whereabouts="missing")), []),
}


def begin(world: World) -> None:
    """A visit that falls due tomorrow."""
    world.child()
    world.schedule(VISIT, world.now + timedelta(days=1), child_id=1)
    assert world.todo() == []
    world.pass_time("P1D")


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    """Danger and a missing child are reported to the police: a report of its own, about this child."""
    moves, then = PATHS[path]
    begin(world)
    play(world, VISIT, moves)
    assert world.ended(VISIT) == [["x1"]]
    assert world.todo() == then
    drafted = [case for case in world.cases("report") if world.todo(case) == ["report-intake.t1"]]
    assert len(drafted) == (path in ("danger", "missing"))
    assert [one["status"] for one in world.instances(VISIT)] == ["scheduled"]


def test_the_next_visit_comes_by_the_level_of_risk(world: World) -> None:
    world.child()
    world.start("assessment_started", cause="emergency_done")
    play(world, "assessment-help", [do("t1"), do("t2"), do("t3", level="red")])
    world.schedule(VISIT, world.now + timedelta(hours=1), child_id=1)
    world.pass_time("PT1H")
    world.send("t1", VISIT, seen="alone", finding="normal")
    (visit,) = world.instances(VISIT)
    assert timedelta(days=6) < visit["start_at"] - world.now < timedelta(days=7)


def test_a_child_not_seen_is_looked_for_the_next_day(world: World) -> None:
    begin(world)
    play(world, VISIT, PATHS["safe elsewhere"][0])
    (visit,) = world.instances(VISIT)
    assert visit["start_at"] - world.now <= timedelta(days=31)
