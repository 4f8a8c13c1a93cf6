"""The record after steps: one altered byte shows, in what is open and in what is sealed; time never runs backwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock
from app.db import db, table, transaction
from app.models import Event
from app.services import commands
from app.services._work import Work
from app.services.audit import chains, verification
from tests import conftest
from tests.reliability import driver, faults
from tests.reliability.places import Place
from tests.reliability.together import Count, at_once, meeting

EVENT = table(Event)


def last_step(case: int) -> Any:
    """The newest step of a case."""
    query = sa.select(EVENT).where(EVENT.c.case_id == case, EVENT.c.kind == "step").order_by(EVENT.c.seq.desc())
    row = db.session.execute(query.limit(1)).mappings().one()
    db.session.rollback()
    return row


def alter(event: Any, **values: Any) -> None:
    """Change a stored event behind the program's back."""
    with transaction() as session:
        session.execute(EVENT.update().where(EVENT.c.id == event["id"]).values(values))


def flipped(data: bytes, at: int) -> bytes:
    """`data` with one bit of one byte changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def broken() -> list[tuple[int, int]]:
    """Where the record does not hold: case and number."""
    return [(one.case_id, one.seq) for one in verification.verify()]


@pytest.mark.usefixtures("still")
def test_one_byte_of_the_body_shows(place: Place) -> None:
    with place.running():
        driver.complete(place)
        assert broken() == []
        event = last_step(place.waiting.case)
        body = event["body"].encode()
        for at in (body.index(b"commitment") + 14, body.index(b'"seq":') + 6, body.index(b"definition") + 13):
            alter(event, body=flipped(body, at).decode())
            assert broken()[:1] == [(event["case_id"], event["seq"])]
        alter(event, body=event["body"])
        assert broken() == []


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("column", ["hash", "prev"])
def test_one_byte_of_the_chain_shows(place: Place, column: str) -> None:
    with place.running():
        driver.complete(place)
        event = last_step(place.waiting.case)
        alter(event, **{column: flipped(event[column], 7)})
        assert {case for case, _ in broken()} == {event["case_id"]}


@pytest.mark.usefixtures("still")
def test_one_byte_of_what_is_sealed_shows(place: Place) -> None:
    with place.running():
        driver.complete(place)
        event = last_step(place.waiting.case)
        for at in (0, 5, 40, len(event["sealed"]) - 1):
            alter(event, sealed=flipped(event["sealed"], at))
            assert broken() == [(event["case_id"], event["seq"])]


@pytest.mark.usefixtures("still")
def test_a_verifier_that_does_not_hash_sees_nothing(place: Place, patch: faults.Patch) -> None:
    """Broken twin: what is written is believed."""
    patch(chains.Chains, "_fault", lambda *_: None)
    with place.running():
        driver.complete(place)
        event = last_step(place.waiting.case)
        alter(event, body=event["body"].replace('"step"', '"stop"'))
        assert broken() == []


# --- time --------------------------------------------------------------------------------


def waited(place: Place, patch: faults.Patch) -> list[str]:
    """Somebody waits for a case while another holds it and the clock goes on; gives the record's times."""
    held, begun, case_id = Count(), Count(), place.waiting.case

    def hold() -> None:
        with commands.work_on(commands.SYSTEM) as work:
            case = work.lock(case_id)
            held.come()
            begun.wait(2)
            move(conftest.START + timedelta(minutes=1))
            case.chain.append("facts_added", {}, at=clock.now())

    def wait() -> None:
        held.wait(1)
        with commands.work_on(commands.SYSTEM) as work:
            work.lock(case_id).chain.append("facts_added", {}, at=work.now)

    meeting(patch, Work, "__init__", begun.come)
    with clock.fixed(conftest.START) as move, place.running() as app:
        assert at_once(app, hold, wait) == [None, None]
        query = sa.select(EVENT.c.recorded_at).where(EVENT.c.case_id == case_id).order_by(EVENT.c.seq)
        return [at.isoformat() for at in db.session.scalars(query)]


def test_time_never_runs_backwards_in_a_record(postgres_place: Place, patch: faults.Patch) -> None:
    """On PostgreSQL, where the transaction begins before its lock; SQLite's begins with it."""
    times = waited(postgres_place, patch)
    assert times == sorted(times)


def test_a_clock_read_before_the_lock_runs_backwards(postgres_place: Place, patch: faults.Patch) -> None:
    """Broken twin."""
    whole = Work._locked

    def locked(self: Work, statement: Any, row_id: int) -> Any:
        before = self.now
        case = whole(self, statement, row_id)
        self.now = before
        return case

    patch(Work, "_locked", locked)
    times = waited(postgres_place, patch)
    assert times != sorted(times)
