"""What fails inside a step: everything rolls back, the draft stays, one incident is kept, and a later try works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock, operations
from app.db import Read, db
from app.models import Draft
from app.services import _route, _step, _work, commands, deadlines, people, tasks
from app.services._work import DEADLINE, LOCK_CASE, Work
from tests import conftest
from tests.reliability import faults
from tests.reliability.outcome import everything, unsound
from tests.reliability.places import Place
from tests.reliability.together import at_once

pytestmark = pytest.mark.usefixtures("still")
OVERDUE = conftest.START + timedelta(days=40)
TYPED = {"reason": "写了一半"}
KEPT_APART = ("incident",)
"""Tables that a failure writes to."""


class Broke(Exception):
    """An operation broke."""


def complete(place: Place) -> Any:
    waiting = place.waiting
    return commands.complete(waiting.task, waiting.version, waiting.raw, place.actor())


def breaks(*_: Any) -> Any:
    """An operation that breaks."""
    raise Broke


def drafted(place: Place) -> bool:
    """Whether the person finds what they had typed."""
    person = people.person(db.session(), place.waiting.people[0])
    page = tasks.page(person, place.waiting.task)
    db.session.rollback()
    return page.draft_saved_at is not None and page.answers == TYPED


def incidents() -> list[tuple[str, str, int]]:
    """Incidents as code, state and how often."""
    query = sa.select(commands.INCIDENT.c.code, commands.INCIDENT.c.state, commands.INCIDENT.c.attempts)
    found = [tuple(row) for row in db.session.execute(query)]
    db.session.rollback()
    return found


@contextmanager
def begun(place: Place) -> Iterator[dict[str, list[str]]]:
    """Somebody has typed something; gives what stands in the database."""
    with place.running():
        tasks.save_draft(
            people.person(db.session(), place.waiting.people[0]), place.waiting.task, {"reason": "写了一半"}
        )
        yield everything()


def changed(before: dict[str, list[str]]) -> list[str]:
    """Tables that are not as they were, what failures write to aside."""
    now = everything()
    return [name for name in before if name not in KEPT_APART and now[name] != before[name]]


def test_an_operation_that_breaks_leaves_the_draft_and_one_incident(place: Place, patch: faults.Patch) -> None:
    with begun(place) as before:
        whole = operations.run
        patch(operations, "run", breaks)
        for _ in range(3):
            with pytest.raises(Broke):
                complete(place)
        assert changed(before) == []
        assert drafted(place)
        assert incidents() == [("Broke", "open", 3)]
        patch(operations, "run", whole)
        complete(place)
        assert not drafted(place)
        assert incidents() == [("Broke", "closed", 3)]
        assert unsound() == []


def test_two_failures_at_once_are_one_incident(place: Place) -> None:
    with place.running() as app:
        fail = [lambda: commands.record_incident(place.waiting.case, "task", place.waiting.task, Broke())] * 4
        assert at_once(app, *fail) == [None] * 4
        assert incidents() == [("Broke", "open", 4)]


def test_a_step_that_cannot_be_taken_is_an_incident_too(place: Place, patch: faults.Patch) -> None:
    """A refusal that no answer can mend is not the person's to bear alone."""
    with begun(place) as before:
        patch(_step, "MOST_STEPS", 0)
        with pytest.raises(commands.Refused):
            complete(place)
        assert changed(before) == []
        assert incidents() == [("endless", "open", 1)]


def test_an_incident_in_the_same_transaction_is_lost(place: Place, patch: faults.Patch) -> None:
    """Broken twin."""
    with begun(place):
        patch(operations, "run", breaks)
        patch(commands, "record_incident", lambda *_: None)
        patch(_step, "carry_out", _records_inside(_step.carry_out))
        with pytest.raises(Broke):
            complete(place)
        assert incidents() == []


def _records_inside(whole: Any) -> Any:
    def carry_out(work: Work) -> None:
        try:
            whole(work)
        except Broke:
            (case_id,) = work.cases
            values = {"case_id": case_id, "source": "task", "source_id": 1, "code": "Broke", "opened_at": work.now}
            work.session.execute(sa.insert(commands.INCIDENT).values(values))
            raise

    return carry_out


def test_a_draft_dropped_by_itself_is_lost(place: Place, patch: faults.Patch) -> None:
    """Broken twin."""
    with begun(place):
        patch(operations, "run", breaks)
        whole = commands.complete

        def drops_first(*arguments: Any) -> Any:
            with commands.transaction() as session:
                session.execute(sa.delete(Draft))
            return whole(*arguments)

        patch(commands, "complete", drops_first)
        with pytest.raises(Broke):
            complete(place)
        assert not drafted(place)


# --- deadlines ---------------------------------------------------------------------------


def refuses(*_: Any) -> Any:
    """No unit does this work: a refusal, not a crash."""
    raise commands.NotFound("no_unit", commands.CHANGED)


def test_a_deadline_that_is_refused_waits_and_lets_others_by(place: Place, patch: faults.Patch) -> None:
    """More of them than a tick takes at once: each is put off, none is forgotten, and the rest go on."""
    with place.running(), clock.fixed(OVERDUE):
        _copies(place, 25)
        whole = deadlines._escalate
        patch(
            deadlines,
            "_escalate",
            lambda work, case, row: refuses() if case.id == place.waiting.case else whole(work, case, row),
        )
        assert deadlines.tick() > 0
        left = _due(place)
        assert len(left) == 26
        assert all(row["attempts"] == 1 and row["retry_at"] for row in left)
        assert [code for code, _, _ in incidents()] == ["no_unit"] * 26
        assert _due(place, others=True) == []


def test_what_failed_is_tried_again_and_its_incident_closed(place: Place, patch: faults.Patch) -> None:
    with place.running(), clock.fixed(OVERDUE):
        whole = deadlines._escalate
        patch(deadlines, "_escalate", refuses)
        assert deadlines.tick() == 0
        patch(deadlines, "_escalate", whole)
        assert deadlines.tick() == 0, "it waits for its next try"
        patch(clock, "real_now", lambda: clock.datetime.now(clock.UTC) + timedelta(hours=1))
        assert deadlines.tick() > 0
        assert {state for _, state, _ in incidents()} == {"closed"}
        assert unsound() == []


def _copies(place: Place, count: int) -> None:
    """More limits of the same case, earlier than any other."""
    with commands.transaction() as session:
        row = session.execute(sa.select(DEADLINE).where(DEADLINE.c.task_id == place.waiting.task)).mappings().one()
        for number in range(count):
            given = {"key": f"copy:{number}", "due_at": row["due_at"] - timedelta(hours=1)}
            kept = {name: value for name, value in row.items() if name != "id"}
            session.execute(sa.insert(DEADLINE).values(kept | given))


def _due(place: Place, *, others: bool = False) -> list[Any]:
    own = DEADLINE.c.case_id == place.waiting.case
    query = sa.select(DEADLINE).where(DEADLINE.c.state == "due", DEADLINE.c.due_at <= OVERDUE, ~own if others else own)
    found = list(db.session.execute(query).mappings())
    db.session.rollback()
    return found


# --- two cases ---------------------------------------------------------------------------


def posting(place: Place) -> list[Any]:
    """Two cases each put a message for the other in the outbox, at the same moment, each under its own lock."""
    both = threading.Barrier(2)

    def post(here: int, there: int) -> None:
        with commands.work_on(commands.SYSTEM) as work:
            case = work.lock(here)
            both.wait(30)
            _route.post(work, case, there, "case_changed", {}, f"test:{here}")
            case.chain.append("message", {}, at=work.now)

    one, other = place.waiting.case, place.waiting.known
    with place.running() as app:
        return at_once(app, lambda: post(one, other), lambda: post(other, one))


def test_two_cases_write_to_each_other_without_waiting(postgres_place: Place) -> None:
    assert posting(postgres_place) == [None, None]


def test_a_lock_that_blocks_references_is_a_deadlock(postgres_place: Place, patch: faults.Patch) -> None:
    """Broken twin: FOR UPDATE, which also keeps others from referring to the case."""
    patch(_work, "LOCK_CASE", Read(LOCK_CASE.statement.with_for_update()))
    assert any(isinstance(one, Exception) for one in posting(postgres_place))
