"""Somebody who holds the database and its keys, and rewrites what was recorded.

Careless, they change a row; careful, they also make the commitment and the chain fit again. The chain
alone then holds: what the commands really lead to does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
import sqlalchemy as sa

from app import engine
from app.db import db, table, transaction
from app.models import Case, Event, Instance
from app.services import _seal
from app.services._log import canonical, digest_of

CASE, EVENT, INSTANCE = table(Case), table(Event), table(Instance)
Edit = Callable[[dict[str, Any], dict[str, Any]], object]
"""Changes an event's body and what was sealed with it, in place."""


class Forger:
    """Rewrites the record of one case."""

    def __init__(self, case_id: int) -> None:
        self.case_id = case_id
        wrapped = db.session.scalar(sa.select(CASE.c.wrapped_key).where(CASE.c.id == case_id))
        db.session.rollback()
        self.key = _seal.open_key(wrapped)

    def steps(self, process: str = "") -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
        """Number, body and opened secret of each step, in order."""
        query = sa.select(EVENT).where(EVENT.c.case_id == self.case_id, EVENT.c.kind == "step").order_by(EVENT.c.seq)
        found = [(row["seq"], orjson.loads(row["body"]), self._open(row)["secret"])
                 for row in db.session.execute(query).mappings()]  # fmt: skip
        db.session.rollback()
        return [step for step in found if process in ("", step[1]["data"]["process"])]

    def change(self, seq: int, edit: Edit, *, careful: bool = True) -> None:
        """Rewrite one event; `careful` makes its commitment fit and chains everything after it again."""
        with transaction() as session:
            row = dict(session.execute(self._event(seq)).mappings().one())
            body, opened = orjson.loads(row["body"]), self._open(row)
            edit(body, opened["secret"])
            if careful:
                body["commitment"] = digest_of(opened["salt"], opened["secret"])
            values = {"body": canonical(body).decode(), "sealed": self.key.seal(opened, self._place(seq))}
            session.execute(sa.update(EVENT).where(EVENT.c.id == row["id"]).values(values))
            if careful:
                self._chain_again(session)

    def drop(self, seq: int) -> None:
        """Take one event out, close the gap in the numbers, seal and chain again."""
        with transaction() as session:
            session.execute(sa.delete(EVENT).where(EVENT.c.case_id == self.case_id, EVENT.c.seq == seq))
            later = sa.select(EVENT).where(EVENT.c.case_id == self.case_id, EVENT.c.seq > seq).order_by(EVENT.c.seq)
            for row in session.execute(later).mappings().all():
                body = orjson.loads(row["body"]) | {"seq": row["seq"] - 1}
                sealed = self.key.seal(self._open(row), self._place(row["seq"] - 1)) if row["sealed"] else None
                values = {"seq": row["seq"] - 1, "body": canonical(body).decode(), "sealed": sealed}
                session.execute(sa.update(EVENT).where(EVENT.c.id == row["id"]).values(values))
            self._chain_again(session)

    def store(self, instance_id: int, state: bytes, definition_hash: str) -> None:
        """Put another state in an instance's row, sealed with the right key."""
        with transaction() as session:
            version = session.scalar(sa.select(INSTANCE.c.version).where(INSTANCE.c.id == instance_id)) or 0
            sealed = engine.seal_state(_seal.state_key(), instance_id, definition_hash, version, state)
            session.execute(sa.update(INSTANCE).where(INSTANCE.c.id == instance_id).values(state=sealed))

    def _chain_again(self, session: Any) -> None:
        seq, head = 0, b""
        query = sa.select(EVENT).where(EVENT.c.case_id == self.case_id).order_by(EVENT.c.seq)
        for row in session.execute(query).mappings().all():
            seq, prev, head = row["seq"], head, hashlib.sha256(head + row["body"].encode()).digest()
            session.execute(sa.update(EVENT).where(EVENT.c.id == row["id"]).values(prev=prev, hash=head))
        session.execute(sa.update(CASE).where(CASE.c.id == self.case_id).values(last_seq=seq, last_hash=head))

    def _event(self, seq: int) -> Any:
        return sa.select(EVENT).where(EVENT.c.case_id == self.case_id, EVENT.c.seq == seq)

    def _place(self, seq: int) -> str:
        return f"event.sealed:{self.case_id}:{seq}"

    def _open(self, row: Any) -> dict[str, Any]:
        opened: dict[str, Any] = self.key.open(row["sealed"], self._place(row["seq"]))
        return opened
