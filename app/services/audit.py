"""The record, proved: every case's events are numbered without gaps and each hash follows from the one before.

The newest hash also stands in the case's row, so that cutting off the end shows too. Source:
ARCHITECTURE "One idea"; RELIABILITY §5; ADR 0008.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.errors import NotFound
from app.models import Case, Event
from app.services._log import canonical
from app.text import Text

CASE, EVENT = table(Case), table(Event)
BATCH = 500
"""Events read at a time: a long history is walked, never held."""
WRONG = {
    "number": Text("编号不连续，前面可能少了记录", "The numbers have a gap: events before this one may be missing"),
    "link": Text("接不上前一条记录", "It does not follow the event before it"),
    "hash": Text("内容和校验值不符，可能被改过", "The content does not fit its hash: it may have been altered"),
    "form": Text("内容的写法不规范，不是本系统写入的", "The content is not in canonical form: this system did not write it"),
    "column": Text("列里的值和记录内容不一致", "A column differs from the content of the record"),
    "end": Text("个案登记的末条和记录不符，末尾可能被删", "The case names another last event: the end may have been cut off"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold: the case, the event's number, and why."""

    case_id: int
    seq: int
    code: str

    @property
    def text(self) -> Text:
        """What is wrong, in words."""
        return WRONG[self.code]


def verify() -> list[Break]:
    """The first break of each case's chain; none when the whole record holds."""
    session = db.session()
    try:
        return [broken for case in _cases(session) if (broken := _verify(session, case))]
    finally:
        session.rollback()


def verify_case(case_id: int) -> Break | None:
    """The first break of one case's chain, or None. Raises NotFound."""
    session = db.session()
    row = session.execute(_ENDS.where(CASE.c.id == case_id)).mappings().first()
    if row is None:
        raise NotFound("no_case", Text("没有这个个案。", "There is no such case."), case=case_id)
    return _verify(session, row)


def export(case_id: int | None = None) -> Iterator[dict[str, Any]]:
    """Every event (of one case) as it is chained, to be checked by other means; what is sealed stays out.

    `hash` is SHA-256 over the bytes of `prev`, then of `body`; both hashes in hexadecimal.
    """
    session = db.session()
    for case in _cases(session) if case_id is None else [{"id": case_id}]:
        for event in _events(session, case["id"]):
            yield {"case": event["case_id"], "seq": event["seq"], "prev": event["prev"].hex(),
                   "hash": event["hash"].hex(), "body": event["body"]}  # fmt: skip


_ENDS = select(CASE.c.id, CASE.c.last_seq, CASE.c.last_hash)


def _cases(session: Session) -> list[Row]:
    return list(session.execute(_ENDS.order_by(CASE.c.id)).mappings())


def _events(session: Session, case_id: int) -> Iterator[Row]:
    after = 0
    query = select(EVENT).where(EVENT.c.case_id == case_id).order_by(EVENT.c.seq).limit(BATCH)
    while found := session.execute(query.where(EVENT.c.seq > after)).mappings().all():
        yield from found
        after = found[-1]["seq"]


def _verify(session: Session, case: Row) -> Break | None:
    seq, head = 0, b""
    for event in _events(session, case["id"]):
        code = _fault(event, seq + 1, head)
        if code:
            return Break(case["id"], event["seq"], code)
        seq, head = event["seq"], event["hash"]
    whole = (seq, head) == (case["last_seq"], case["last_hash"])
    return None if whole else Break(case["id"], max(seq, case["last_seq"]), "end")


def _fault(event: Row, seq: int, head: bytes) -> str | None:
    """What is wrong with an event that should be number `seq` after hash `head`."""
    if event["seq"] != seq:
        return "number"
    if event["prev"] != head:
        return "link"
    text = event["body"].encode()
    if hashlib.sha256(head + text).digest() != event["hash"]:
        return "hash"
    body = _read(text)
    if body is None:
        return "form"
    return "column" if any(body.get(name) != value for name, value in _columns(event).items()) else None


def _read(text: bytes) -> dict[str, Any] | None:
    """The body, when it is canonical JSON."""
    try:
        body: dict[str, Any] = orjson.loads(text)
        return body if canonical(body) == text else None
    except ValueError:
        return None


def _columns(event: Row) -> dict[str, Any]:
    """What the body must say, from the columns that lists and pages read."""
    return {
        "case": event["case_id"], "seq": event["seq"], "kind": event["kind"], "at": event["recorded_at"].isoformat(),
        "occurred": event["occurred_at"].isoformat(), "actor": event["actor_id"], "instance": event["instance_id"],
        "task": event["task_id"],
    }  # fmt: skip
