"""Looks in the record: each is hashed, the hashes are folded in batches into a chain, and can be compared with the rows later.

A batch is an event "looked" of the installation's own chain of looks: for each look its number, its case, and SHA-256 of
its row as the database itself writes it down. So a look that was changed, taken away, slipped in or exchanged with another
is found by its number, and of one that is gone the record still says whose file it was. Source: ADR 0025.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Literal

import orjson
from sqlalchemy import BigInteger, Connection, func, literal, select, update
from sqlalchemy.orm import Session

from app.db import db, table
from app.models import Event, LogState, Look
from app.services import commands
from app.services._work import SYSTEM
from app.services.audit import register, stored_rows
from app.services.audit.findings import Report
from app.services.audit.stored_rows import Iso, Octets

LOOK, EVENT, STATE = table(Look), table(Event), table(LogState)
KIND = "looked"
BATCH = 200
"""Looks in one event, which then has some 20 kB."""
MOST_NAMED = 50
"""Looks that do not hold are named one by one so far."""
Standing = Literal["kept", "waits", "differs"]
Folded = Mapping[int, tuple[int, str]]
"""Looks of a batch by number: whose case it was, and the hash."""

_C = LOOK.c
LINE = Octets(
    literal('{"at":"') + Iso(_C.at) + literal('","case":') + stored_rows.text(_C.case_id) + literal(',"id":')
    + stored_rows.text(_C.id) + literal(',"kind":"') + _C.kind + literal('","record":') + stored_rows.text(_C.record_id)
    + literal(',"role":"') + _C.role + literal('","unit":') + stored_rows.number(_C.unit_id) + literal(',"user":')
    + stored_rows.text(_C.user_id) + literal(',"via":"') + _C.via + literal('"}')
).label("line")  # fmt: skip
"""A look as canonical JSON."""
ROWS = select(
    _C.batch.cast(BigInteger).label("batch"), _C.id.cast(BigInteger).label("id"), _C.case_id.cast(BigInteger).label("case_id"), LINE
).order_by(_C.batch, _C.id)  # fmt: skip
WAITING = _C.batch.is_(None)
BATCHES = (
    select(EVENT.c.seq.cast(BigInteger), Octets(EVENT.c.body))
    .where(EVENT.c.case_id == register.number_of(register.LOOKS), EVENT.c.kind == KIND)
    .order_by(EVENT.c.seq)
)


# --- folding ---------------------------------------------------------------------------------


def fold() -> int:
    """Put every look that waits into the record; returns how many."""
    folded = 0
    while db.session.scalar(select(_C.id).where(WAITING).limit(1)) is not None and (count := _fold()):
        folded += count
    db.session.rollback()
    return folded


def _fold() -> int:
    """One batch; how many looks it has. The log's own row is locked, so that two workers never fold the same."""
    with commands.work_on(SYSTEM) as work:
        work.session.execute(select(STATE.c.id).where(STATE.c.id == 1).with_for_update())
        rows = work.session.execute(ROWS.where(WAITING).limit(BATCH)).all()
        if rows:
            told = [[row.id, row.case_id, _hash(row.line)] for row in rows]
            batch = register.enter(work, KIND, {"looks": told}, register.LOOKS)
            work.session.execute(update(LOOK).where(_C.id.in_([row.id for row in rows])).values(batch=batch))
    return len(rows)


def _hash(line: bytes | None) -> str:
    return sha256(line or b"").hexdigest()


# --- comparing -------------------------------------------------------------------------------


def check(connection: Connection, report: Report) -> None:
    """Compare every look with what the record keeps of it; both are walked, neither is held."""
    named = 0
    for batch, told, kept in _side_by_side(_told(connection), _kept(connection)):
        report.looks += len(kept)
        for look in sorted(told.keys() | kept.keys()):
            if told.get(look) != kept.get(look):
                named += 1
                if named <= MOST_NAMED:
                    _name(report, batch, look, told.get(look), kept.get(look))
    if named > MOST_NAMED:
        report.add("looks_more", count=named - MOST_NAMED)
    waiting = connection.scalar(select(func.count()).select_from(LOOK).where(WAITING))
    if waiting:
        report.remark(f"最新 {waiting} 次查看还没有封进记录，改了查不出来。",
                      f"The newest {waiting} looks are not folded into the record yet; changing them would not show.")  # fmt: skip


def _name(report: Report, batch: int, look: int, told: tuple[int, str] | None, kept: tuple[int, str] | None) -> None:
    code = "look_gone" if kept is None else "look_added" if told is None else "look_changed"
    report.add(code, look=look, case_id=(told or kept or (None,))[0], batch=batch)


def _told(connection: Connection) -> Iterator[tuple[int, int, Folded]]:
    """What the record says of each batch."""
    for rows in stored_rows.stream(connection, BATCHES):
        for seq, body in rows:
            yield seq, 0, _read(body)


def _read(body: bytes) -> Folded:
    """The looks in an event's body; none where it cannot be read, which the chain shows."""
    try:
        return {look: (case_id, hashed) for look, case_id, hashed in orjson.loads(body)["data"]["looks"]}
    except (ValueError, TypeError, KeyError):
        return {}


def _kept(connection: Connection) -> Iterator[tuple[int, int, Folded]]:
    """What there is of each batch."""
    rows = chain.from_iterable(stored_rows.stream(connection, ROWS.where(_C.batch.is_not(None))))
    for batch, looks in groupby(rows, key=itemgetter(0)):
        yield batch, 1, {look: (case_id, _hash(line)) for _, look, case_id, line in looks}


def _side_by_side(
    told: Iterator[tuple[int, int, Folded]], kept: Iterator[tuple[int, int, Folded]]
) -> Iterator[tuple[int, Folded, Folded]]:
    both = heapq.merge(told, kept, key=itemgetter(0, 1))
    for batch, sides in groupby(both, key=itemgetter(0)):
        found = {side: looks for _, side, looks in sides}
        yield batch, found.get(0, {}), found.get(1, {})


def standing(session: Session, looks: Collection[int]) -> dict[int, tuple[int | None, Standing]]:
    """Of each of these looks, its batch, and whether its row is what the record keeps of it."""
    rows = session.execute(ROWS.where(_C.id.in_(looks))).all()
    batches = {row.batch for row in rows}
    told = {seq: _read(body) for seq, body in session.execute(BATCHES.where(EVENT.c.seq.in_(batches)))}

    def stands(row: Any) -> Standing:
        if row.batch is None:
            return "waits"
        return "kept" if told.get(row.batch, {}).get(row.id) == (row.case_id, _hash(row.line)) else "differs"

    return {row.id: (row.batch, stands(row)) for row in rows}
