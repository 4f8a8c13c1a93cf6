"""What a step writes past SQLAlchemy's own path: the same rows come back, and a refused write takes all with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.clock import LAW_ZONE
from app.db import Write, db, in_one_go, table, transaction
from app.models import Event, Outbox, Submission
from app.services import _queue, _route, _tasks, _work, commands, submissions
from app.services._work import CASE, DEADLINE, INSTANCE, TASK
from tests.reliability.outcome import everything
from tests.reliability.places import Place

pytestmark = pytest.mark.usefixtures("still")
NOON = datetime(2026, 8, 31, 12, 30, 15, 250, tzinfo=LAW_ZONE)

ROWS: dict[str, tuple[Write, sa.Table, dict[str, Any]]] = {
    "case": (_work.ADD_CASE, CASE, {
        "kind": "child", "status": "open", "path": "/620000/", "risk": "", "sealed": True, "held": False, "facts": {"地点": ["村", None, 7]},
        "wrapped_key": None, "opened_at": NOON, "version": 0, "last_seq": 0, "last_hash": b"\x00\xff",
    }),
    "instance": (_queue.ADD_INSTANCE, INSTANCE, {
        "case_id": 1, "release_id": 1, "process": "home-visit", "status": "running", "state": b"\x00{}", "context": {},
        "facts": {"seen": False}, "timers": [["c1.5", NOON.isoformat(), "c1"]], "awaits": [], "mailbox": [], "version": 0,
        "started_at": NOON,
    }),
    "task": (_tasks.ADD, TASK, {
        "case_id": 1, "instance_id": 1, "engine_id": 99, "process": "home-visit", "element": "t1", "item": None,
        "role": "village_worker", "unit_id": 1, "assignee_id": None, "status": "open", "version": 0, "opened_at": NOON,
        "deadline_id": "D21a", "due_at": NOON, "due": {"zh": "三日内"}, "escalations": 0, "opens": True,
    }),
    "deadline": (_queue.ADD_DEADLINE, DEADLINE, {
        "case_id": 1, "instance_id": 1, "kind": "task", "key": "k", "due_at": NOON, "state": "due", "rule": "D21a",
        "provisional": True, "law_date": date(2026, 8, 31), "task_id": None, "attempts": 0,
    }),
    "submission": (submissions.ADD, table(Submission), {
        "case_id": 1, "instance_id": None, "task_id": None, "user_id": None, "form": "F32", "element": "home-visit.t1",
        "answers": {"seen": "yes"}, "secret": b"\x01\x02", "occurred_at": NOON, "recorded_at": NOON, "idempotency_key": None,
    }),
    "outbox": (_route.POST, table(Outbox), {
        "case_id": 1, "kind": "notice", "key": "k", "target_case_id": None, "payload": {"ids": {"a": 1}}, "state": "waiting",
        "attempts": 0, "due_at": NOON,
    }),
    "notice": (_route.TELL, table(Outbox), {
        "case_id": 1, "kind": "notice", "key": "told once", "target_case_id": None, "payload": {"ids": {"a": 1}},
        "state": "waiting", "attempts": 0, "due_at": NOON,
    }),
    "event": (_work.ADD_EVENTS, table(Event), {
        "case_id": 1, "seq": 900, "kind": "step", "instance_id": None, "task_id": None, "actor_id": None, "occurred_at": NOON,
        "recorded_at": NOON, "body": '{"a":"“引号”"}', "sealed": None, "prev": b"", "hash": b"\x09" * 32,
    }),
}  # fmt: skip
NEWEST = {name: sa.select(target).order_by(target.c.id.desc()).limit(1) for name, (_, target, _) in ROWS.items()}


def stored(name: str) -> Mapping[str, Any]:
    """The newest row of a table, as the program reads it."""
    row = db.session.execute(NEWEST[name]).mappings().one()
    db.session.rollback()
    return row


def test_what_is_written_is_what_is_read(place: Place) -> None:
    with place.running():
        for name, (write, _, values) in ROWS.items():
            with transaction() as session:
                write.send_all(session.connection(), [values])
            row = stored(name)
            assert {column: row[column] for column in values} == values
            instants = [value for value in row.values() if isinstance(value, datetime)]
            assert {value.tzinfo for value in instants} <= {UTC}


def test_a_new_row_gives_its_id(place: Place) -> None:
    with place.running(), transaction() as session:
        write, target, values = ROWS["case"]
        row = write.ask(session.connection(), values)
        assert row is not None
        assert session.scalar(sa.select(target.c.opened_at).where(target.c.id == row[0])) == NOON


def test_writes_in_one_go_say_what_they_met(place: Place) -> None:
    with place.running(), transaction() as session:
        connection = session.connection()
        case = session.execute(sa.select(CASE.c.id, CASE.c.version)).first()
        assert case is not None
        with in_one_go(connection):
            met = [
                _work.SAVE_CASE.send(connection, {"risk": "red", "_id": case.id, "_version": case.version + ahead})
                for ahead in (0, 1, 7)
            ]
        assert [cursor.rowcount for cursor in met] == [1, 1, 0]


def test_a_refused_write_takes_all_with_it(place: Place) -> None:
    """On PostgreSQL the refusal comes at the end of the journey; nothing that travelled with it is kept."""
    write, _, values = ROWS["deadline"]

    def four() -> None:
        with transaction() as session, in_one_go(session.connection()):
            for later in (0, 1, 0, 2):
                write.send(session.connection(), values | {"due_at": NOON + timedelta(days=later)})

    with place.running():
        before = everything()
        with pytest.raises(Exception, match=r"(?i)unique"):
            four()
        assert everything() == before


def test_a_draft_is_dropped_by_its_key(place: Place) -> None:
    with place.running(), transaction() as session:
        cursor = commands.DROP_DRAFT.send(session.connection(), {"user_id": 1, "key": "task:1"})
        assert cursor.rowcount == 0
