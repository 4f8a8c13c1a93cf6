"""Re-execution: every recorded command is run through the engine again, and must do what the record says.

An instance is rebuilt from its step events alone, with the recorded clock and facts, and with what
operations and deadline rules answered then; after each step the transitions and the hash of the
state are compared, at the end the state that is stored. What operations wrote into tables is not
proved by this: see docs/reexecution.md. Source: ARCHITECTURE "One idea"; DECISIONS 1, 5, 10; ADR 0008.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson
from cryptography.exceptions import InvalidTag
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import engine
from app.db import Row, db, table
from app.errors import NotFound, Refused
from app.models import Case, Event, Instance
from app.services import _seal
from app.services._rebuilt import Rebuilt
from app.services._recorded import Recorded
from app.services._step import ENGINE
from app.services.audit._proofs import Differs, Divergence, Proof, Tally
from app.services.library import library
from app.text import Text

__all__ = ["Differs", "Divergence", "Proof", "Tally", "case_ids", "reexecute", "reexecute_instance"]
log = logging.getLogger(__name__)
CASE, EVENT, INSTANCE = table(Case), table(Event), table(Instance)
STEPS = select(EVENT.c.seq, EVENT.c.instance_id, EVENT.c.body, EVENT.c.sealed).where(EVENT.c.kind == "step")
BATCH = 500
"""Events read at a time: a long history is walked, never held."""
UNBEGUN = "scheduled"


def case_ids() -> list[int]:
    """Every case, oldest first."""
    found = list(db.session.scalars(select(CASE.c.id).order_by(CASE.c.id)))
    db.session.rollback()
    return found


def reexecute(case_id: int) -> Proof:
    """Run every step of a case's instances again. Raises NotFound."""
    with _one_moment() as session:
        return _prove(session, case_id, None)


def reexecute_instance(instance_id: int) -> Proof:
    """Run every step of one instance again. Raises NotFound."""
    with _one_moment() as session:
        case_id = session.scalar(select(INSTANCE.c.case_id).where(INSTANCE.c.id == instance_id))
        if case_id is None:
            raise NotFound("no_instance", Text("没有这个实例。", "There is no such instance."), instance=instance_id)
        return _prove(session, case_id, instance_id)


@contextmanager
def _one_moment() -> Iterator[Session]:
    """A read transaction that sees one moment, though people go on working (SQLite's always does)."""
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    try:
        yield db.session()
    finally:
        db.session.rollback()


def _prove(session: Session, case_id: int, only: int | None) -> Proof:
    case = session.execute(select(CASE.c.id, CASE.c.wrapped_key).where(CASE.c.id == case_id)).first()
    if case is None:
        raise NotFound("no_case", Text("没有这个个案。", "There is no such case."), case=case_id)
    if case.wrapped_key is None:
        return Proof(case_id, erased=True)
    try:
        run = _Run(session, case_id, _seal.open_key(case.wrapped_key))
    except InvalidTag:
        return Proof(case_id, divergences=(Divergence(case_id, 0, 0, "", "key"),))
    chosen = INSTANCE.c.case_id == case_id if only is None else INSTANCE.c.id == only
    run.instances = {row["id"]: row for row in session.execute(select(INSTANCE).where(chosen)).mappings()}
    for event in _steps(session, case_id):
        if only is None or event["instance_id"] == only:
            run.step(event)
    for row in run.instances.values():
        run.finish(row)
    return run.proof()


def _steps(session: Session, case_id: int) -> Iterator[Row]:
    after = 0
    query = STEPS.where(EVENT.c.case_id == case_id).order_by(EVENT.c.seq).limit(BATCH)
    while found := session.execute(query.where(EVENT.c.seq > after)).mappings().all():
        yield from found
        after = found[-1]["seq"]


@dataclass(slots=True)
class _Run:
    """One case being run again: its instances as they are rebuilt, and where they differ."""

    session: Session
    case_id: int
    key: _seal.CaseKey
    instances: dict[int, Row] = field(default_factory=dict)
    rebuilt: dict[int, Rebuilt] = field(default_factory=dict)
    divergences: dict[int, Divergence] = field(default_factory=dict)
    last_seq: dict[int, int] = field(default_factory=dict)

    def step(self, event: Row) -> None:
        """Run one event's command again, unless its instance differs already."""
        instance_id, name = event["instance_id"], ""
        if instance_id in self.divergences:
            return
        self.last_seq[instance_id] = event["seq"]
        try:
            told = self._read(event)
            rebuilt = self._rebuilt(instance_id)
            name = rebuilt.called(told.command)
            rebuilt.take(told)
        except Differs as wrong:
            self._differs(instance_id, event["seq"], name or self._kind(event), wrong)
        except Exception as error:  # one broken record must not end the run over all cases
            log.exception("re-execution failed", extra={"case": self.case_id, "event": event["seq"]})
            failed = Differs("failed", again=type(error).__name__)
            self._differs(instance_id, event["seq"], name or self._kind(event), failed)

    def finish(self, row: Row) -> None:
        """Compare what is stored with what the record leads to."""
        if row["id"] in self.divergences or (row["status"] == UNBEGUN and row["state"] is None):
            return
        try:
            self._compare(row)
        except Differs as wrong:
            self._differs(row["id"], self.last_seq.get(row["id"], 0), "", wrong)

    def proof(self) -> Proof:
        """What was found."""
        done = self.rebuilt.values()
        return Proof(
            case_id=self.case_id,
            instances=len(self.rebuilt),
            steps=sum(one.steps for one in done),
            exact=sum(one.exact for one in done),
            divergences=tuple(sorted(self.divergences.values(), key=lambda one: one.seq)),
            redated=tuple(
                Divergence(self.case_id, instance_id, seq, name, "redated", recorded, again)
                for instance_id, one in self.rebuilt.items()
                for seq, name, recorded, again in one.redated
            ),
        )

    def _read(self, event: Row) -> Recorded:
        if event["sealed"] is None:
            raise Differs("unsealed")
        try:
            opened = self.key.open(event["sealed"], f"event.sealed:{self.case_id}:{event['seq']}")
        except Refused as error:
            raise Differs("seal") from error
        return Recorded.read(event["body"], opened)

    def _rebuilt(self, instance_id: int) -> Rebuilt:
        row = self.instances.get(instance_id)
        if row is None:
            raise Differs("instance")
        if instance_id not in self.rebuilt:
            self.rebuilt[instance_id] = self._begun(row)
        return self.rebuilt[instance_id]

    def _begun(self, row: Row) -> Rebuilt:
        try:
            books = library(self.session, row["release_id"])
            return Rebuilt(books.definition(row["process"]), books.deadlines)
        except Refused as error:
            raise Differs("definition", again=error.code) from error

    def _compare(self, row: Row) -> None:
        one = self.rebuilt.get(row["id"])
        if one is None or row["state"] is None:
            raise Differs("unrecorded")
        if one.completed == (row["status"] == "running"):
            raise Differs("status", row["status"], "done" if one.completed else "running")
        try:
            stored = engine.open_state(_seal.state_key(), row["id"], one.definition.hash, row["version"], row["state"])
        except engine.EngineError as error:
            raise Differs("stored_seal") from error
        if one.engines == {ENGINE} and stored != one.state:
            raise Differs("stored")

    @staticmethod
    def _kind(event: Row) -> str:
        """The process and kind of command that the event's open part names, when the rest cannot be read."""
        try:
            data = orjson.loads(event["body"])["data"]
            return f"{data['process']}: {data['command']}"
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return ""

    def _differs(self, instance_id: int, seq: int, name: str, wrong: Differs) -> None:
        self.divergences[instance_id] = Divergence(
            self.case_id, instance_id, seq, name, wrong.code, wrong.recorded, wrong.again
        )
