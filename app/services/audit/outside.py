"""What others kept of us, held against the database: the only check that no owner of the database can cheat."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sqlalchemy import Connection, func, select

from app.db import table
from app.models import Event, LogEntry, LogHead
from app.rules import merkle
from app.rules.merkle import HASH_BYTES
from app.services.audit import tree
from app.services.audit.anchors import Anchor, Leaf
from app.services.audit.findings import Report
from app.services.audit.signing_keys import Keys
from app.services.audit.stored_rows import Octets

ENTRY, EVENT, HEAD = table(LogEntry), table(Event), table(LogHead)


class Log(Protocol):
    """The log as it was found: any leaves of it, any root, any head."""

    size: int

    def head(self, n: int) -> bytes:
        """The hash of head `n`; empty where there is none."""

    def leaves(self, start: int, end: int) -> bytes:
        """The leaves of the events at these places, one after the other; shorter where the log ends."""

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves."""


def compare(
    connection: Connection,
    log: Log,
    anchors: Iterable[Anchor | str],
    keys: Keys,
    report: Report,
    case_id: int | None = None,
) -> None:
    """Hold each anchored head, and each leaf that came with it (of one case), against the log."""
    for anchor in anchors:
        if isinstance(anchor, str):
            report.add("anchor_line", line=anchor[:60])
            continue
        report.anchors += 1
        report.anchored = max(report.anchored, anchor.signed.head.size)
        same = log.head(anchor.signed.head.n) == anchor.signed.head.hash()
        if keys.trusted and not same and not anchor.signed.holds(keys):
            report.add("anchor_signature", head=anchor.signed.head.n)
            continue
        _head(log, anchor, report, same=same)
        if case_id is not None or log.leaves(anchor.first, anchor.signed.head.size) != anchor.digests():
            for leaf in anchor.leaves(case_id):
                if log.leaves(leaf.position, leaf.position + 1) != leaf.leaf:
                    _moved(connection, leaf, report)


def _head(log: Log, anchor: Anchor, report: Report, *, same: bool) -> None:
    head = anchor.signed.head
    if not same:
        report.add("anchor_head", head=head.n)
    if head.size > log.size:
        report.add("anchor_short", head=head.n, position=log.size, size=head.size, now=log.size)
    elif not same and log.root(head.size) != head.root:
        report.add("anchor_root", head=head.n, size=head.size)


def _moved(connection: Connection, leaf: Leaf, report: Report) -> None:
    """Say which event stood where another stands now, or none."""
    query = select(EVENT.c.case_id, EVENT.c.seq).join(ENTRY, ENTRY.c.event_id == EVENT.c.id)
    now: Any = connection.execute(query.where(ENTRY.c.position == leaf.position)).first()
    zh, en = "什么也没有", "there is nothing"
    if now is not None and (now.case_id, now.seq) == (leaf.case_id, leaf.seq):
        zh, en = "内容不同了", "its content is another"
    elif now is not None:
        zh, en = f"是个案 {now.case_id} 的第 {now.seq} 条", f"event {now.seq} of case {now.case_id} does"
    report.add("anchor_event", case_id=leaf.case_id, seq=leaf.seq, position=leaf.position, now=zh, now_en=en)


class Walked:
    """The log as a walk computed it."""

    def __init__(self, leaves: bytearray, heads: Mapping[int, bytes]) -> None:
        self._leaves, self._heads = leaves, heads
        self.size = len(leaves) // HASH_BYTES

    def head(self, n: int) -> bytes:
        """The hash of head `n`; empty where there is none."""
        return self._heads.get(n, b"")

    def leaves(self, start: int, end: int) -> bytes:
        """The leaves of the events at these places."""
        return bytes(self._leaves[start * HASH_BYTES : end * HASH_BYTES])

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves."""
        frontier = merkle.Frontier()
        for position in range(size):
            frontier.append(self.leaves(position, position + 1))
        return frontier.root()


class Stored:
    """The log as it is stored."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._tree = connection, tree.stored(connection)
        self.size = connection.scalar(select(func.count()).select_from(ENTRY)) or 0

    def head(self, n: int) -> bytes:
        """The hash of head `n`; empty where there is none."""
        body = self._connection.scalar(select(Octets(HEAD.c.body)).where(HEAD.c.n == n))
        return hashlib.sha256(body).digest() if body else b""

    def leaves(self, start: int, end: int) -> bytes:
        """The leaves at these places; nothing where one is missing."""
        try:
            return b"".join(self._tree(0, position) for position in range(start, end))
        except LookupError:
            return b""

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves; empty where the tree has a hole."""
        try:
            return merkle.root(size, self._tree)
        except LookupError:
            return b""

    def path(self, position: int, size: int) -> list[bytes]:
        """The audit path of this place in the log of `size`; empty where the tree has a hole."""
        try:
            return merkle.inclusion(position, size, self._tree)
        except LookupError:
            return []
