"""Referral of a service: done, stopped, refused."""

from __future__ import annotations

import pytest

from tests.process.moves import Move, do, play
from tests.world import World

REFERRAL = "service-referral"
PATHS: dict[str, tuple[tuple[Move, ...], str]] = {
    "done": ((do("t1"), do("t2", referral_answer="accept"), do("t3", service_result="done")), "x1"),
    "stopped": ((do("t1"), do("t2", referral_answer="accept"), do("t3", service_result="stopped")), "x2"),
    "refused": ((do("t1"), do("t2", referral_answer="refuse")), "x2"),
}


@pytest.mark.parametrize("path", PATHS)
def test_path(world: World, path: str) -> None:
    """What fails is told to the assessment, if one waits."""
    moves, end = PATHS[path]
    world.child()
    world.start("assessment_started", cause="emergency_done")
    services = [{"kind": "mind", "provider": world.provider(), "by_when": world.now.date().isoformat()}]
    answers = {"need_services": "yes", "services": services, "need_aid": "no", "need_legal": "no", "need_pairing": "no"}
    play(world, "assessment-help", [do("t1"), do("t2"), do("t3"), do("t4", **answers)])
    play(world, REFERRAL, moves)
    assert world.ended(REFERRAL) == [[end]]
    assert world.todo() == (["assessment-help.t7"] if end == "x2" else [])
