"""The record, proved: every case's chain, the log over all of them, its signed heads, and what others kept of them.

`examine` walks everything; with a case it checks that case's chain and its places in the log, and
reads little else. What is checked is in the report's words. Source: ARCHITECTURE "One idea";
RELIABILITY §5; ADR 0008, 0014.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from app.db import settings, table
from app.errors import NotFound
from app.models import Case, Event, LogCase, LogEntry, LogHead
from app.rules import merkle
from app.services.audit import anchors, log_walk, look_log, outside, signing_keys, stored_rows, tree
from app.services.audit.anchors import Anchor
from app.services.audit.chains import START, Chains, Keyring
from app.services.audit.findings import Break, Report
from app.services.audit.log_walk import Walk
from app.services.audit.outside import Stored, Walked
from app.services.audit.signing_keys import Keys
from app.services.audit.stored_rows import Octets
from app.text import Text

CASE, EVENT, ENTRY, REACH, HEAD = (table(model) for model in (Case, Event, LogEntry, LogCase, LogHead))
Anchors = Iterable[Anchor | str]
EVENTS = select(*stored_rows.PLACE, *stored_rows.COLUMNS).select_from(
    EVENT.outerjoin(ENTRY, ENTRY.c.event_id == EVENT.c.id)
)
"""Events with their places in the log, where they have one."""


def verify() -> list[Break]:
    """Everything that does not hold; empty when the whole record does."""
    return examine().breaks


def examine(case_id: int | None = None, files: Sequence[Path] = (), *, sealed: bool = True) -> Report:
    """Check the whole record, or one case; also against our own anchors and those in `files`.

    Without `sealed`, what is encrypted is left closed: quicker, and no key is used. Raises NotFound.
    """
    report, keys = Report(), signing_keys.keys()
    kept = _kept(files, report)
    with stored_rows.snapshot() as connection:
        if case_id is None:
            _everything(connection, keys, report, kept, sealed=sealed)
        else:
            _one(connection, case_id, keys, report, kept, sealed=sealed)
    if not keys.trusted:
        report.remark("这里没有公钥，没有检查签名。", "There is no public key here: signatures were not checked.")
    if not report.anchors:
        report.remark("没有可比对的存证：有数据库和密钥的人改写全部记录，这样查不出来。",
                      "There was no anchor to compare with: who has the database and the key could have rewritten all"
                      " of this unseen.")  # fmt: skip
    return report


def _kept(files: Sequence[Path], report: Report) -> Iterator[Anchor | str]:
    """The anchors of our own file and of these, as far as they are written now: the snapshot comes after, and has them."""
    own = settings().audit_anchors
    ours = _ours(own, own.stat().st_size, report) if own is not None and own.is_file() else iter(())
    theirs = [anchors.read_file(path, path.stat().st_size) for path in files]
    return chain(ours, *theirs)


def _ours(path: Path, end: int, report: Report) -> Iterator[Anchor | str]:
    """The anchors of our own file; what a crash left half written there, and is written again behind, is no fault."""
    for anchor in anchors.read_file(path, end):
        if isinstance(anchor, str):
            report.remark(
                f"本机存证有一行读不出来：{anchor[:40]}", f"A line of our own anchors cannot be read: {anchor[:40]}"
            )
        else:
            yield anchor


def _everything(connection: Connection, keys: Keys, report: Report, anchors: Anchors, *, sealed: bool) -> None:
    walk = Walk(connection, keys, report, sealed=sealed)
    walk.run()
    outside.compare(connection, Walked(walk.leaves, walk.heads), anchors, keys, report)
    look_log.check(connection, report)
    _unplaced(report)


def _unplaced(report: Report) -> None:
    left = report.events - report.entries
    if left > 0:
        report.remark(f"最新 {left} 条还没有登入总日志。", f"The newest {left} events have no place in the log yet.")


# --- one case ----------------------------------------------------------------------------


def _one(connection: Connection, case_id: int, keys: Keys, report: Report, anchors: Anchors, *, sealed: bool) -> None:
    kept = select(
        CASE.c.last_seq, *(Octets(column).label(column.name) for column in (CASE.c.last_hash, CASE.c.wrapped_key))
    )
    row = connection.execute(kept.where(CASE.c.id == case_id)).first()
    if row is None:
        raise NotFound("no_case", Text("没有这个个案。", "There is no such case."), case=case_id)
    log, chains = Stored(connection), Chains(report, Keyring({case_id: row.wrapped_key}) if sealed else None)
    _newest(connection, keys, report, log)
    query = EVENTS.where(EVENT.c.case_id == case_id).order_by(EVENT.c.seq)
    for rows in stored_rows.stream(connection, query):
        for placed in rows:
            position, leaf, event = placed[0], placed[1], placed[2:]
            found = tree.leaf_of(chains.check(event, position), event[-1])
            if position is not None:
                _place(report, log, event, position, leaf, found)
    report.cases, (report.events, head) = 1, chains.ends.get(case_id, START)
    if (report.events, head) != (row.last_seq, row.last_hash):
        report.add("end", case_id=case_id, seq=max(report.events, row.last_seq))
    reach = connection.scalar(select(REACH.c.seq).where(REACH.c.case_id == case_id)) or 0
    if reach != report.entries:
        report.add("reach", case_id=case_id, seq=report.entries, reach=reach)
    last = select(EVENT.c.id).where(EVENT.c.case_id == case_id, EVENT.c.seq == row.last_seq)
    erased = connection.scalar(last.where(EVENT.c.kind == log_walk.ERASED)) is not None
    log_walk.check_key(report, case_id, gone=row.wrapped_key is None, erased=erased)
    outside.compare(connection, log, anchors, keys, report, case_id)
    _unplaced(report)


def _newest(connection: Connection, keys: Keys, report: Report, log: Stored) -> None:
    """Check the newest head: the events of the case are then shown to be in the tree that it signs."""
    row = connection.execute(log_walk.HEADS.order_by(None).order_by(HEAD.c.n.desc()).limit(1)).first()
    if row is None:
        return
    report.last = log_walk.read_head(row)
    if report.last is None:
        report.add("head_form", head=row.n)
        return
    head = report.last.head
    if keys.trusted and not report.last.holds(keys):
        report.add("signature", head=head.n)
    if head.size > log.size:
        report.add("short", head=head.n, size=head.size, now=log.size)
    elif log.root(head.size) != head.root:
        report.add("root", head=head.n, start=0, end=head.size)


def _place(report: Report, log: Stored, event: Sequence[Any], position: int, leaf: bytes, found: bytes) -> None:
    """Check that the event stands at its place in the signed tree."""
    report.entries += 1
    case_id, seq, last = event[0], event[1], report.last.head if report.last else None
    if found != leaf:
        report.add("leaf", case_id=case_id, seq=seq, position=position)
    elif (
        last
        and position < last.size
        and not merkle.included(leaf, position, last.size, log.path(position, last.size), last.root)
    ):
        report.add("root", case_id=case_id, seq=seq, position=position, head=last.n, start=0, end=last.size)
