"""One transaction's worth of stepping: cases locked, instances loaded, differences written at the end.

The case row is always the first lock (FOR NO KEY UPDATE, or BEGIN IMMEDIATE on SQLite), and
every write re-checks the version it read. Of a row read in one statement with the lock, only the
case's own columns are fresh; the rest is read after it. Hot statements are Core, built once and
given their values as parameters. Source: ARCHITECTURE rules 1-3; ADR 0004.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.orm import Session

from app import clock, engine
from app.db import Cursor, Read, Row, Write, in_one_go, table
from app.errors import NotFound, Stale
from app.models import Case, Deadline, Event, Instance, Task
from app.services import _seal
from app.services._log import Chain
from app.services.library import Library, library
from app.text import Text

NO_LIMIT = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands in a task's `due_at` when it has no limit, so that lists need one order only."""

CASE, INSTANCE, TASK, DEADLINE = table(Case), table(Instance), table(Task), table(Deadline)
LOCK_CASE = Read(select(CASE).where(CASE.c.id == bindparam("id")).with_for_update(key_share=True))
LOCK_CASE_OF_TASK = Read(
    select(CASE)
    .join(TASK, TASK.c.case_id == CASE.c.id)
    .where(TASK.c.id == bindparam("id"))
    .with_for_update(of=CASE, key_share=True)
)
LOCK_CASE_OF_DEADLINE = Read(
    select(CASE)
    .join(DEADLINE, DEADLINE.c.case_id == CASE.c.id)
    .where(DEADLINE.c.id == bindparam("id"))
    .with_for_update(of=CASE, key_share=True, skip_locked=True)
)
ADD_CASE = Write(insert(CASE).returning(CASE.c.id))
ADD_EVENTS = Write(insert(table(Event)))
INSTANCE_BY_ID = Read(select(INSTANCE).where(INSTANCE.c.id == bindparam("id")))
LIVE_OF_CASE = Read(select(INSTANCE).where(INSTANCE.c.case_id == bindparam("case_id"), INSTANCE.c.status == "running"))
SAVE_CASE = Write(
    update(CASE)
    .where(CASE.c.id == bindparam("_id"), CASE.c.version == bindparam("_version"))
    .values(version=CASE.c.version + 1)
)
SAVE_INSTANCE = Write(
    update(INSTANCE)
    .where(INSTANCE.c.id == bindparam("_id"), INSTANCE.c.version == bindparam("_version"))
    .values(version=INSTANCE.c.version + 1)
)
CHANGED = Text(
    "刚才有人改动了这件事。你填的内容还在，请看看有什么变化再提交。",
    "Somebody changed this meanwhile. What you typed is kept; see what changed, then send again.",
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a step: a person in a role, or the system itself (no user); `stands_in_for` somebody away."""

    user_id: int | None = None
    role: str = "system"
    stands_in_for: int | None = None


SYSTEM = Actor()


@dataclass(slots=True)
class OpenCase:
    """A case under its lock: the row as read, what changed, and the end of its chain."""

    id: int
    kind: str
    path: str
    risk: str
    status: str
    facts: dict[str, Any]
    version: int
    wrapped_key: bytes
    key: _seal.CaseKey
    chain: Chain
    held: bool = False
    sent: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Live:
    """An instance loaded in this transaction."""

    id: int
    case: OpenCase
    process: str
    release_id: int
    library: Library
    status: str
    state: bytes | None
    context: dict[str, Any]
    facts: dict[str, Any]
    timers: list[Any]
    awaits: list[Any]
    mailbox: list[Any]
    version: int
    started_at: datetime
    definition: engine.Definition
    submission_id: int | None = None
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    under_lock: dict[int, tuple[int, int]] = field(default_factory=dict)  # open tasks as read: id, escalations
    promised: list[str] = field(default_factory=list)
    changed: bool = False
    moved: bytes | None = None  # the engine's state after steps of this transaction

    def engine_state(self) -> bytes | None:
        """The engine's state as of now. Raises EngineError when the stored one is not this instance's own."""
        if self.moved is None and self.state is not None:
            return engine.open_state(_seal.state_key(), self.id, self.definition.hash, self.version, self.state)
        return self.moved

    def sealed_state(self) -> bytes | None:
        """The engine's state as the next version of the row keeps it: whatever changed, the seal names that version."""
        state = self.engine_state()
        if state is None:
            return None
        return engine.seal_state(_seal.state_key(), self.id, self.definition.hash, self.version + 1, state)

    def known(self) -> dict[str, Any]:
        """What deadline rules may read: the context, the case's facts, then the instance's own."""
        return {**self.context, **self.case.facts, "risk": self.case.risk, **self.facts}


class Work:
    """Everything one command touches, in one transaction."""

    def __init__(self, session: Session, actor: Actor, ahead: timedelta) -> None:
        self.session = session
        self.connection = cast(Connection, session.bind)
        self.actor = actor
        self.ahead = ahead
        self.now = self.occurred_at = clock.now(ahead)
        self.queue: deque[tuple[Live, engine.Command]] = deque()
        self.cases: dict[int, OpenCase] = {}
        self.instances: dict[int, Live] = {}
        self._known_whole: set[int] = set()
        self.opened_tasks: list[int] = []
        self._waiting: list[tuple[Write, Mapping[str, Any]]] = []

    def lock(self, case_id: int) -> OpenCase:
        """The case under its lock. Raises NotFound."""
        if case_id in self.cases:
            return self.cases[case_id]
        case = self._locked(LOCK_CASE, case_id)
        if case is None:
            raise NotFound("no_case", Text("没有这个个案。", "There is no such case."), case=case_id)
        return case

    def lock_of_task(self, task_id: int) -> OpenCase:
        """The case of a task under its lock, found and locked at once. Raises NotFound."""
        case = self._locked(LOCK_CASE_OF_TASK, task_id)
        if case is None:
            raise NotFound("no_task", Text("没有这件待办。", "There is no such task."), task=task_id)
        return case

    def lock_of_deadline(self, deadline_id: int) -> OpenCase | None:
        """The case of a deadline under its lock; None when somebody else holds it now."""
        return self._locked(LOCK_CASE_OF_DEADLINE, deadline_id)

    def _locked(self, statement: Read, row_id: int) -> OpenCase | None:
        row = statement.first(self.connection, {"id": row_id})
        if row is None:
            return None
        if not self.cases:  # waiting for the lock took time: a case's record never runs backwards
            self.now = self.occurred_at = clock.now(self.ahead)
        return self._remember(dict(zip(CASE.c.keys(), row, strict=True)))

    def _remember(self, row: Row) -> OpenCase:
        key = _seal.open_key(row["wrapped_key"])
        case = OpenCase(
            id=row["id"], kind=row["kind"], path=row["path"], risk=row["risk"],
            status=row["status"], facts=dict(row["facts"]), version=row["version"], wrapped_key=row["wrapped_key"], key=key,
            chain=Chain(row["id"], row["last_seq"], row["last_hash"], key, self.actor.stands_in_for), held=row["held"],
        )  # fmt: skip
        self.cases[case.id] = case
        return case

    def open_case(self, kind: str, path: str, *, sealed: bool = False) -> OpenCase:
        """A new case, in this transaction; its first event says that it was opened."""
        values = {
            "kind": kind, "status": "open", "path": path, "risk": "", "sealed": sealed, "held": False, "facts": {},
            "wrapped_key": _seal.new_key(), "opened_at": self.now, "version": 0, "last_seq": 0, "last_hash": b"",
        }  # fmt: skip
        case = self._remember(values | {"id": self.add(ADD_CASE, values)})
        self._known_whole.add(case.id)
        case.chain.append("case_opened", {"kind": kind}, at=self.now, actor_id=self.actor.user_id)
        return case

    def instance(self, instance_id: int) -> Live:
        """The instance, fresh under its case's lock. Raises NotFound."""
        if instance_id in self.instances:
            return self.instances[instance_id]
        row = INSTANCE_BY_ID.first(self.connection, {"id": instance_id})
        if row is None:
            raise NotFound("no_instance", Text("没有这个实例。", "There is no such instance."), instance=instance_id)
        return self.remember(dict(zip(INSTANCE.c.keys(), row, strict=True)))

    def remember(self, row: Row) -> Live:
        """Take an instance row, read under the lock, into this transaction."""
        if row["id"] in self.instances:
            return self.instances[row["id"]]
        books = library(self.session, row["release_id"])
        live = Live(
            id=row["id"], case=self.lock(row["case_id"]), process=row["process"], release_id=row["release_id"],
            library=books, definition=books.definition(row["process"]), status=row["status"], state=row["state"],
            context=dict(row["context"]), facts=dict(row["facts"]), timers=list(row["timers"]),
            awaits=list(row["awaits"]), mailbox=list(row["mailbox"]), version=row["version"],
            started_at=row["started_at"],
        )  # fmt: skip
        self.instances[live.id] = live
        return live

    def live_of(self, case: OpenCase) -> list[Live]:
        """Every running instance of the case, those started in this transaction included."""
        if case.id not in self._known_whole:
            self._known_whole.add(case.id)
            for row in LIVE_OF_CASE.all(self.connection, {"case_id": case.id}):
                self.remember(dict(zip(INSTANCE.c.keys(), row, strict=True)))
        running = (live for live in self.instances.values() if live.case is case and live.status == "running")
        return sorted(running, key=lambda live: live.id)

    def add(self, statement: Write, values: Mapping[str, Any]) -> int:
        """Insert a row now; returns its id."""
        row = statement.ask(self.connection, values)
        assert row is not None, "an insert gives its id back"
        return int(row[0])

    def write(self, statement: Write, values: Mapping[str, Any]) -> None:
        """Write this before the transaction ends, together with the rest; for what needs no answer."""
        self._waiting.append((statement, values))

    def flush(self) -> None:
        """Send what waits to be written, before something reads it."""
        if self._waiting:
            with in_one_go(self.connection):
                self._send()

    def _send(self) -> None:
        for statement, values in self._waiting:
            statement.send(self.connection, values)
        self._waiting.clear()

    def save(self) -> None:
        """Write every difference. Raises Stale when a version is no longer the one that was read."""
        with in_one_go(self.connection):
            self._send()
            for case in self.cases.values():
                if case.chain.rows:
                    ADD_EVENTS.send_all(self.connection, case.chain.rows)
            saved = [*self._save_instances(), *self._save_cases()]
        if any(cursor.rowcount != 1 for cursor in saved):
            raise Stale("changed", CHANGED)

    def _save_instances(self) -> Iterator[Cursor]:
        for live in self.instances.values():
            if live.changed:
                yield SAVE_INSTANCE.send(self.connection, {
                    "state": live.sealed_state(), "status": live.status, "facts": live.facts, "timers": live.timers,
                    "awaits": live.awaits, "mailbox": live.mailbox,
                    "ended_at": None if live.status in ("running", "scheduled") else self.now,
                    "_id": live.id, "_version": live.version,
                })  # fmt: skip

    def _save_cases(self) -> Iterator[Cursor]:
        for case in self.cases.values():
            if case.chain.rows:
                yield SAVE_CASE.send(self.connection, {
                    "facts": case.facts, "risk": case.risk, "path": case.path, "status": case.status,
                    "held": case.held,
                    "last_seq": case.chain.seq, "last_hash": case.chain.head,
                    "_id": case.id, "_version": case.version,
                })  # fmt: skip
