"""The books' own test: a record or a state that was altered does not pass."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.db import transaction
from tests.property import ledger
from tests.world import DEADLINE, EVENT, INSTANCE, World


def begin(world: World) -> None:
    """A case with a few steps."""
    world.child()
    world.start("missing_search_started")
    world.send("t1", "missing-child-search")
    ledger.check(world)


def test_an_altered_event_shows(world: World) -> None:
    begin(world)
    world.honest = False
    with transaction() as session:
        body = sa.func.replace(EVENT.c.body, "FUTURE", "LIKELY")
        session.execute(sa.update(EVENT).where(EVENT.c.kind == "step").values(body=body))
    with pytest.raises(AssertionError):
        ledger.check_chains(world)


def test_a_state_put_back_to_an_older_one_shows(world: World) -> None:
    begin(world)
    world.honest = False
    (before,) = world.instances()
    world.arrive("child_found")
    with transaction() as session:
        session.execute(sa.update(INSTANCE).values(state=before["state"]))
    with pytest.raises(AssertionError):
        world.prove()


def test_a_lost_timer_shows(world: World) -> None:
    begin(world)
    world.honest = False
    with transaction() as session:
        session.execute(sa.delete(DEADLINE).where(DEADLINE.c.kind == "timer"))
    with pytest.raises(AssertionError):
        ledger.check_instances(world)
