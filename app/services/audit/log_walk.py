"""The whole record, walked once in the order of the log: chains, places, leaves, tree and heads together.

What the log should be is computed from the events alone and compared with what is stored; of the
whole log only the leaves' hashes stay in memory (32 bytes for each event). Source: ADR 0014.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, func, select

from app.db import table
from app.models import Case, Event, LogCase, LogHead, LogNode, LogState
from app.rules.merkle import Frontier
from app.services.audit import stored_rows, tree
from app.services.audit.chains import START, Chains, Keyring
from app.services.audit.findings import Report
from app.services.audit.heads import Head, SignedHead
from app.services.audit.signing_keys import Keys
from app.services.audit.stored_rows import Octets

CASE, EVENT = table(Case), table(Event)
STATE, REACH, NODE, HEAD = (table(model) for model in (LogState, LogCase, LogNode, LogHead))
HEADS = select(HEAD.c.n, HEAD.c.size, Octets(HEAD.c.body), Octets(HEAD.c.signature)).order_by(HEAD.c.n)
KEYS = select(CASE.c.id, CASE.c.wrapped_key)
ERASED = "erased"
"""The kind of the event with which a case's erasure goes on record."""
BEGUN = (CASE.c.last_seq != 0) | (func.length(CASE.c.last_hash) > 0)
ENDS = select(
    CASE.c.id.cast(BigInteger), CASE.c.last_seq.cast(BigInteger), Octets(CASE.c.last_hash).label("last_hash"),
    CASE.c.wrapped_key.is_(None).label("keyless"),
).where(BEGUN | CASE.c.wrapped_key.is_(None))  # fmt: skip
"""Where each case says that its chain ends, and whether its key is gone; for most of what a register holds, nothing has begun."""
ERASURES = select(EVENT.c.case_id, EVENT.c.seq).where(EVENT.c.kind == ERASED)
FOREVER = 1 << 62
NOTHING = hashlib.sha256(b"").digest()


class Walk:
    """One walk over a snapshot; what it finds goes into `report`."""

    def __init__(self, connection: Connection, keys: Keys, report: Report, *, sealed: bool) -> None:
        self.connection, self.report, self._deep = connection, report, sealed
        self.leaves = bytearray()
        self._placed: dict[int, int] = {}
        self._gone = 0
        self._frontier = Frontier()
        self.heads: dict[int, bytes] = {}
        """The hash of each head, by its number."""
        self._heads = _Heads(connection, keys, report, self.heads)
        self._chains = Chains(report, Keyring(dict(connection.execute(KEYS).all())) if sealed else None)

    def run(self) -> None:
        """Walk, then compare what was found with what is said elsewhere."""
        self._nodes: dict[tuple[int, int], bytes] = {
            (level, index): node for level, index, node in self.connection.execute(select(NODE))
        }
        self._heads.reached(self._frontier)
        for rows in stored_rows.stream(self.connection, stored_rows.PLACED, ahead=True):
            self._batch(rows)
        self.report.entries = self._frontier.size
        self._placed = {case_id: seq for case_id, (seq, _) in self._chains.ends.items()}
        self._unplaced()
        self._heads.end(self._frontier)
        for level, index in self._nodes:
            self.report.add("node", position=index << level)
        self._compare()
        self.report.cases = self.connection.scalar(select(func.count()).select_from(CASE)) or 0
        self.report.events = sum(seq for seq, _ in self._chains.ends.values())

    def _unplaced(self) -> None:
        """Follow the chains through what has no place yet; where every event has one, nothing is looked for."""
        if self.connection.scalar(select(func.count()).select_from(EVENT)) == self.report.entries - self._gone:
            return
        for rows in stored_rows.stream(self.connection, stored_rows.UNPLACED):
            for row in rows:
                self._chains.check(row)

    def _batch(self, rows: Sequence[Any]) -> None:
        """Check some entries. What is sound passes a single test; only what is not is looked at closely."""
        sha256, ends, first, found = hashlib.sha256, self._chains.ends, self._frontier.size, []
        for due, row in enumerate(rows, start=first):
            position, leaf, case_id, seq, prev, hash_, body, begin, end, sealed = row
            if case_id is None or position != due:
                found.append(self._misplaced(row, due))
                continue
            content = sha256(prev + body).digest()
            mine = sha256(b"\0" + content + (sha256(sealed).digest() if sealed else NOTHING)).digest()
            if self._deep or not (
                (seq - 1, prev) == ends.get(case_id, START) and content == hash_ and mine == leaf
                and begin is not None and body.startswith(begin) and end is not None and body.endswith(end)
            ):  # fmt: skip
                self._closely(row)
            ends[case_id] = seq, hash_
            found.append(mine)
        self.leaves += b"".join(found)
        self._grow(found)

    def _grow(self, leaves: Sequence[bytes]) -> None:
        """Let the tree grow, from head to head: each is looked at when the tree has its size."""
        while leaves:
            until = self._heads.next_size - self._frontier.size
            for level, first, nodes in self._frontier.extend(leaves[:until]):
                if level % tree.STRIDE == 0:
                    self._compare_nodes(level, first, nodes)
            leaves = leaves[until:]
            self._heads.reached(self._frontier)

    def _compare_nodes(self, level: int, first: int, nodes: Sequence[bytes]) -> None:
        for index, node in enumerate(nodes, start=first):
            if self._nodes.pop((level, index), None) != node:
                self.report.add("node", position=index << level)

    def _misplaced(self, row: Any, due: int) -> bytes:
        """An entry that stands elsewhere than it should, or whose event is gone; returns the leaf to go on with."""
        position, leaf, case_id = row[:3]
        if position != due:
            self.report.add("place", position=position, due=due)
        if case_id is None:
            self._gone += 1
            self.report.add("gone", position=position)
            return bytes(leaf)
        return self._closely(row)

    def _closely(self, row: Any) -> bytes:
        """An entry, test by test; returns the leaf that its event has."""
        position, leaf, event = row[0], row[1], row[2:]
        found = tree.leaf_of(self._chains.check(event, position), event[-1])
        if found != leaf:
            self.report.add("leaf", case_id=event[0], seq=event[1], position=position)
        return found

    def _compare(self) -> None:
        """The ends of chains, how far the log reaches in each, the state row, and what was erased."""
        self._compare_ends()
        for case_id, reach in self.connection.execute(select(REACH.c.case_id, REACH.c.seq)):
            seq = self._placed.pop(case_id, 0)
            if reach != seq:
                self.report.add("reach", case_id=case_id, seq=seq, reach=reach)
        for case_id, seq in self._placed.items():
            self.report.add("reach", case_id=case_id, seq=seq, reach=0)
        state = self.connection.execute(select(STATE).where(STATE.c.id == 1)).first()
        if state is None or (state.size, state.frontier) != (self._frontier.size, self._frontier.dump()):
            self.report.add("state")
        if state is not None and state.heads != self.report.heads:
            self.report.add("heads_end", due=state.heads, now=self.report.heads)

    def _compare_ends(self) -> None:
        left, erased = dict(self._chains.ends), {tuple(row) for row in self.connection.execute(ERASURES)}
        for rows in stored_rows.stream(self.connection, ENDS):
            for case_id, last_seq, last_hash, keyless in rows:
                check_key(self.report, case_id, gone=bool(keyless), erased=(case_id, last_seq) in erased)
                seq, hash_ = left.pop(case_id, START)
                if (seq, hash_) != (last_seq, last_hash):
                    self.report.add("end", case_id=case_id, seq=max(seq, last_seq))
        for case_id, (seq, _) in left.items():
            self.report.add("end", case_id=case_id, seq=seq)


def check_key(report: Report, case_id: int, *, gone: bool, erased: bool) -> None:
    """A case without a key must end with its erasure, and one that ends so must have none."""
    if gone and erased:
        report.erased += 1
    elif gone or erased:
        report.add("key_gone" if gone else "key_back", case_id=case_id)


class _Heads:
    """The heads, one after the other, met as the walk reaches the size that each was signed over."""

    def __init__(self, connection: Connection, keys: Keys, report: Report, hashes: dict[int, bytes]) -> None:
        self._keys, self._report, self._hashes = keys, report, hashes
        self._rows: Iterator[Any] = (row for rows in stored_rows.stream(connection, HEADS) for row in rows)
        self._next()
        self._before: Head | None = None
        self._sound = 0

    def _next(self) -> None:
        self._row = next(self._rows, None)
        self.next_size = FOREVER if self._row is None else self._row[1]
        """The size over which the next head was signed, as its column says."""

    def reached(self, frontier: Frontier) -> None:
        """Check every head over a log of this size."""
        while self._row is not None and self.next_size <= frontier.size:
            self._check(self._row, frontier)
            self._next()

    def end(self, frontier: Frontier) -> None:
        """Check the heads over more than there is."""
        while self._row is not None:
            self._report.add("short", head=self._row[0], size=self.next_size, now=frontier.size)
            self._check(self._row, None)
            self._next()
        left = frontier.size - (self._before.size if self._before else 0)
        if left > 0:
            self._report.remark(
                f"最新 {left} 条已登入日志，还没有签名。", f"The newest {left} entries are not signed yet."
            )

    def _check(self, row: Any, frontier: Frontier | None) -> None:
        report, before, n = self._report, self._before, row[0]
        report.heads += 1
        if n != report.heads:
            report.add("head_number", head=n, due=report.heads)
        signed = read_head(row)
        if signed is None:
            report.add("head_form", head=n)
            return
        head = signed.head
        self._hashes[n] = head.hash()
        if head.prev != (self._hashes[before.n] if before else b""):
            report.add("head_link", head=n)
        if before and (head.size < before.size or head.at < before.at):
            report.add("head_back", head=n)
        if self._keys.trusted and not signed.holds(self._keys):
            report.add("signature", head=n)
        if frontier and head.root != frontier.root():
            report.add("root", head=n, start=self._sound, end=head.size)
        else:
            self._sound = head.size
        self._before, report.last = head, signed


def read_head(row: Any) -> SignedHead | None:
    """The head of a row of HEADS; None when it cannot be read or its columns say otherwise."""
    n, size, body, signature = row
    try:
        head = Head.read(body)
    except ValueError:
        return None
    return SignedHead(head, signature) if (head.n, head.size) == (n, size) else None
