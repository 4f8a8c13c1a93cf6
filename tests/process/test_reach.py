"""The judges are judged: what is not reached is named, what is stuck is seen."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from app.db import transaction
from tests.process import reach
from tests.world import SUBSCRIPTION, TASK, World


def test_what_is_not_reached_is_named_once_the_last_test_has_ended(tmp_path: Path) -> None:
    record = reach.Record(tmp_path, ["one", "two"])
    assert record.end("one") == []
    assert record.ask() is None, "two has not ended yet"
    left = record.end("two")
    assert 'report-intake.g2 → o2 “受理” intake_decision == "accept"' in left
    assert any(line.startswith("six-month-clock.c1 timer") for line in left)
    assert record.ask() == left


def test_a_branch_counts_only_when_it_was_taken() -> None:
    moves = [[5, "report-intake", "g2", "READY", "COMPLETED"], [6, "report-intake", "g3", "FUTURE", "READY"]]
    taken = set(reach.walked(moves))
    g3 = next(
        flow.id
        for flow in reach.diagrams()["report-intake"].element("report-intake", "g2").flows
        if flow.target == "g3"
    )
    assert taken == {"report-intake.g2", f"report-intake.{g3}"}


def test_every_element_of_every_diagram_is_asked_for() -> None:
    asked = [of for stem in reach.diagrams() for of in reach.wanted(stem)]
    assert len(reach.diagrams()) == 20
    assert len(asked) == len(reach.missing([])) > 450


def test_an_instance_that_nobody_can_move_is_seen(world: World) -> None:
    world.child()
    world.start("legal_aid_needed")
    assert not world.stuck()
    world.honest = False
    with transaction() as session:
        session.execute(sa.update(TASK).values(status="cancelled"))
        session.execute(sa.delete(SUBSCRIPTION))
    assert [one["process"] for one in world.stuck()] == ["legal-aid"]
