"""Anchors: heads kept where the database's administrator cannot reach, in a file and at a second office.

Each head goes out with the leaves that it added (hash, case, number in the case), so that whoever
keeps the lines can say which event was changed, and not only that one was. Delivery is repeated
until it succeeds, and may happen twice; the lines say the same then. What lies between two anchors
is the window in which a cheat can go unseen. Source: RELIABILITY §5; ADR 0014.
"""

from __future__ import annotations

import logging
import os
import re
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app import clock
from app.db import changed, db, settings, table, transaction
from app.models import Event, LogAnchor, LogEntry, LogHead
from app.services.audit.heads import Head, SignedHead
from app.services.deadlines import BACK_OFF

log = logging.getLogger(__name__)
ANCHOR, HEAD, ENTRY, EVENT = (table(model) for model in (LogAnchor, LogHead, LogEntry, Event))
FILE, OFFICE = "file", "office"
DIGITS = 64
LEAVES = re.compile(r"([0-9a-f]{64} \d+ \d+\n)*", re.ASCII)
TIMEOUT = 10
"""Seconds to wait for the second office."""
LEASE = BACK_OFF[0]
"""How long one worker has to deliver before another tries."""
TAILS = (1 << 12, 1 << 20, 1 << 62)
"""Bytes from the end of the file in which to look for the last head: the first will do unless a crash left leaves there."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An event as it was anchored: where in the log, its leaf, which event of which case."""

    position: int
    leaf: bytes
    case_id: int
    seq: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head as it was kept outside, with the lines of the leaves that came with it (none on paper)."""

    signed: SignedHead
    lines: tuple[str, ...] = ()

    @property
    def first(self) -> int:
        """The place of the first of these leaves."""
        return self.signed.head.size - len(self.lines)

    def digests(self) -> bytes:
        """The leaves one after the other; quickly compared."""
        return bytes.fromhex("".join(line[:DIGITS] for line in self.lines))

    def leaves(self, case_id: int | None = None) -> Iterator[Leaf]:
        """The leaves one by one, of all cases or of one."""
        wanted = None if case_id is None else f" {case_id} "
        for position, line in enumerate(self.lines, start=self.first):
            if wanted is None or wanted in line:
                digest, case, seq = line.split(" ")
                yield Leaf(position, bytes.fromhex(digest), int(case), int(seq))


# --- going out ---------------------------------------------------------------------------


def targets() -> Mapping[str, Callable[[bytes], None]]:
    """Where heads go, as the settings say."""
    known = settings()
    found: dict[str, Callable[[bytes], None]] = {}
    if known.audit_anchors:
        found[FILE] = _append
    if known.audit_anchor_url:
        found[OFFICE] = _post
    return found


def announce(session: Session, n: int, now: datetime) -> None:
    """Put head `n` down for every place that must get it."""
    rows = [{"n": n, "target": target, "state": "waiting", "attempts": 0, "due_at": now} for target in targets()]
    if rows:
        session.execute(insert(ANCHOR), rows)


def deliver() -> int:
    """Send out what waits, oldest first; a place that fails is tried again after a while. Returns how many went."""
    done = 0
    for target, send in targets().items():
        while (n := _claim(target)) is not None:
            try:
                send(block(n))
            except OSError as error:
                log.warning("anchor failed", extra={"target": target, "head": n, "error": type(error).__name__})
                _put_off(target, n)
                break
            _mark(target, n)
            done += 1
    return done


def _claim(target: str) -> int | None:
    """The oldest head that this place has not got, if it may be tried now; others leave it to us for a while."""
    waiting = select(ANCHOR.c.n, ANCHOR.c.due_at).where(ANCHOR.c.target == target, ANCHOR.c.state == "waiting")
    row = db.session.execute(waiting.order_by(ANCHOR.c.n).limit(1)).first()
    db.session.rollback()
    now = clock.now()
    if row is None or row.due_at > now:
        return None
    with transaction() as session:
        mine = update(ANCHOR).where(*_of(target, row.n), ANCHOR.c.due_at == row.due_at).values(due_at=now + LEASE)
        return row.n if changed(session, mine) else None


def _of(target: str, n: int) -> tuple[Any, ...]:
    return ANCHOR.c.target == target, ANCHOR.c.n == n, ANCHOR.c.state == "waiting"


def _mark(target: str, n: int) -> None:
    with transaction() as session:
        session.execute(update(ANCHOR).where(*_of(target, n)).values(state="done", done_at=clock.now()))


def _put_off(target: str, n: int) -> None:
    with transaction() as session:
        attempts = session.scalar(select(ANCHOR.c.attempts).where(*_of(target, n))) or 0
        due_at = clock.now() + BACK_OFF[min(attempts, len(BACK_OFF) - 1)]
        session.execute(update(ANCHOR).where(*_of(target, n)).values(attempts=attempts + 1, due_at=due_at))


def block(n: int) -> bytes:
    """Head `n` as it goes out: a line for each leaf that it adds, then its own."""
    session = db.session()
    row = session.execute(select(HEAD.c.body, HEAD.c.signature).where(HEAD.c.n == n)).one()
    start = session.scalar(select(HEAD.c.size).where(HEAD.c.n == n - 1)) or 0
    signed = SignedHead(Head.read(row.body.encode()), row.signature)
    query = select(ENTRY.c.leaf, EVENT.c.case_id, EVENT.c.seq).join(EVENT, EVENT.c.id == ENTRY.c.event_id)
    query = query.where(ENTRY.c.position >= start, ENTRY.c.position < signed.head.size).order_by(ENTRY.c.position)
    lines = [f"{leaf.hex()} {case_id} {seq}" for leaf, case_id, seq in session.execute(query)]
    session.rollback()
    return "".join(f"{line}\n" for line in (*lines, signed.line())).encode()


def _append(lines: bytes) -> None:
    """Add to the file, and see that it lies on the disk; half a line left by a crash is ended first."""
    path = settings().audit_anchors
    assert path is not None, "the file is a target only where it is set"
    with path.open("ab+") as file:
        file.seek(max(0, file.tell() - 1))
        torn = file.read(1) not in (b"", b"\n")
        file.write(b"\n" + lines if torn else lines)
        file.flush()
        os.fsync(file.fileno())


class _Refuse(urllib.request.HTTPRedirectHandler):
    """An office that moved is not followed: a POST would arrive there as a GET, and look delivered."""

    def redirect_request(self, *_: Any) -> None:
        """Nowhere: urllib then raises HTTPError."""


def _post(lines: bytes) -> None:
    """Send to the second office. Raises OSError unless it answers with a 2xx."""
    request = urllib.request.Request(  # noqa: S310 - settings allow http and https only
        settings().audit_anchor_url, data=lines, headers={"Content-Type": "text/plain; charset=utf-8"}
    )
    with urllib.request.build_opener(_Refuse).open(request, timeout=TIMEOUT):
        pass


# --- coming back -------------------------------------------------------------------------


def last_kept() -> SignedHead | None:
    """The last head in our own file; None where there is no file or none in it."""
    path = settings().audit_anchors
    if path is None or not path.is_file():
        return None
    for tail in TAILS:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - tail))
            lines = file.read().decode(errors="replace").splitlines()
        for line in reversed(lines):
            try:
                return SignedHead.of_line(line)
            except ValueError:
                continue
    return None


def read_file(path: Path, end: int) -> Iterator[Anchor | str]:
    """The anchors in the first `end` bytes of a file; a line that cannot be read comes as it is.

    A last line without its end is being written just now, or was left by a crash: it is passed over.
    """
    with path.open("rb") as file:
        yield from read(_whole_lines(file, end))


def _whole_lines(file: BinaryIO, end: int) -> Iterator[str]:
    for line in file:
        end -= len(line)
        if end < 0 or not line.endswith(b"\n"):
            return
        yield line.decode(errors="replace")


def read(lines: Iterable[str]) -> Iterator[Anchor | str]:
    """The anchors in these lines, whoever kept them: blocks as they went out, or heads copied from paper."""
    held: list[str] = []
    for line in lines:
        text = line.strip()
        if text[DIGITS : DIGITS + 1] == " ":
            held.append(f"{text}\n")
            continue
        if not text:
            continue
        if not LEAVES.fullmatch("".join(held)):
            yield from (leaf.strip() for leaf in held if not LEAVES.fullmatch(leaf))
            held = [leaf for leaf in held if LEAVES.fullmatch(leaf)]
        try:
            yield Anchor(SignedHead.of_line(text), tuple(held))
        except ValueError:
            yield text
        held = []
