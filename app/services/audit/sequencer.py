"""The sequencer: gives every committed event its place in one order without gaps, and signs heads.

Events commit in many transactions at once, so their ids say little about their order; on PostgreSQL
a lower id may become visible later. What counts is each case's own chain: the next event to be placed
is the one after the last placed of its case, and the case's row says how far the chain goes. So no event
is ever skipped, however late it commits. One row is locked while a batch is placed; business
transactions never touch it. Source: RELIABILITY §5; ADR 0014.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, literal, select, update
from sqlalchemy.orm import Session

from app import clock
from app.db import db, table, transaction
from app.errors import Refused
from app.models import Case, Event, LogCase, LogEntry, LogHead, LogNode, LogState
from app.rules import merkle
from app.rules.merkle import Frontier
from app.services.audit import anchors, signing_keys, tree
from app.services.audit.heads import Head, SignedHead, sign
from app.services.audit.signing_keys import Keys
from app.text import Text

CASE, EVENT = table(Case), table(Event)
STATE, REACH, ENTRY, NODE, HEAD = (table(model) for model in (LogState, LogCase, LogEntry, LogNode, LogHead))
BATCH = 2_000
"""Events placed in one transaction, and the most that one head adds where there is a key."""
HEARTBEAT = timedelta(hours=1)
"""A head is signed at least so often, also when nothing happened: its silence would show."""
FORKED = Text(
    "日志和以前签过名的不一致，已停止签名。请运行 audit verify，并告诉审计员。",
    "The log contradicts what was signed before; nothing more is signed. Run audit verify, and tell the auditor.",
)
NO_KEY = Text(
    "没有签名密钥，不能给日志签名。请设置 AUDIT_KEY_FILE。",
    "There is no key to sign the log with. Set AUDIT_KEY_FILE.",
)

_reach = func.coalesce(REACH.c.seq, 0)
WAITING = (
    select(literal(1)).select_from(CASE.outerjoin(REACH, REACH.c.case_id == CASE.c.id)).where(CASE.c.last_seq > _reach)
)
NEW_CASES = insert(REACH).from_select(
    ["case_id", "seq"],
    select(CASE.c.id, literal(0)).where(CASE.c.last_seq > 0, CASE.c.id.not_in(select(REACH.c.case_id))),
)
FIRST = (
    select(func.min(EVENT.c.id))
    .join(CASE, CASE.c.id == EVENT.c.case_id)
    .join(REACH, REACH.c.case_id == CASE.c.id)
    .where(CASE.c.last_seq > REACH.c.seq, EVENT.c.seq == REACH.c.seq + 1)
)
NEXT = (
    select(EVENT.c.id, EVENT.c.case_id, EVENT.c.seq, EVENT.c.hash, EVENT.c.sealed, REACH.c.seq.label("reach"))
    .join(REACH, REACH.c.case_id == EVENT.c.case_id)
    .where(EVENT.c.id >= bindparam("first"), EVENT.c.seq > REACH.c.seq)
    .order_by(EVENT.c.id)
    .limit(BATCH)
)
LAST_HEAD = select(HEAD.c.n, HEAD.c.body, HEAD.c.signature).order_by(HEAD.c.n.desc()).limit(1)


def tick() -> int:
    """Place every event that waits, sign, and send heads out; returns how many events were placed."""
    placed = 0
    while _something_to_do() and (count := extend()):
        placed += count
    anchors.deliver()
    return placed


def _something_to_do() -> bool:
    session = db.session()
    try:
        if session.scalar(WAITING.limit(1)) is not None:
            return True
        if signing_keys.signing_keys().signer is None:
            return False
        last = newest(session)
        return last is None or clock.now() - last.head.at >= HEARTBEAT
    finally:
        session.rollback()


def newest(session: Session) -> SignedHead | None:
    """The head signed last. Raises Refused("log_forked") when what stands there is no head."""
    row = session.execute(LAST_HEAD).first()
    try:
        return SignedHead(Head.read(row.body.encode()), row.signature) if row else None
    except ValueError as error:
        raise Refused("log_forked", FORKED) from error


def head_now() -> SignedHead:
    """Place what waits and sign a head over everything, this moment. Raises Refused("no_audit_key"), Refused("log_forked")."""
    while extend(on_demand=True) == BATCH:
        pass
    signed = newest(db.session())
    db.session.rollback()
    if signed is None:
        raise Refused("no_audit_key", NO_KEY)
    return signed


def extend(*, on_demand: bool = False) -> int:
    """Place one batch of events and sign a head over it, in one transaction; returns how many were placed.

    On demand it waits for another worker that is at it, and signs even if nothing is new.
    Raises Refused("log_forked").
    """
    with transaction() as session:
        locked = select(STATE).where(STATE.c.id == 1).with_for_update(skip_locked=not on_demand)
        state = session.execute(locked).first()
        if state is None:
            return 0
        frontier = Frontier.load(state.size, state.frontier)
        placed = _place(session, frontier)
        signed = _sign(session, state, frontier, signing_keys.signing_keys(), on_demand=on_demand)
        if placed or signed:
            values = {"size": frontier.size, "frontier": frontier.dump(), "heads": state.heads + signed}
            session.execute(update(STATE).where(STATE.c.id == 1).values(values))
        return placed


def _place(session: Session, frontier: Frontier) -> int:
    """Append the next events to the tree; returns how many."""
    session.execute(NEW_CASES)
    first = session.scalar(FIRST)
    if first is None:
        return 0
    entries: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    reach: dict[int, int] = {}
    for row in session.execute(NEXT, {"first": first}):
        if row.seq != reach.get(row.case_id, row.reach) + 1:
            continue  # the one before it is not there: its turn comes later, or never
        reach[row.case_id] = row.seq
        leaf = tree.leaf_of(row.hash, row.sealed)
        entries.append({"position": frontier.size, "event_id": row.id, "leaf": leaf})
        completed = frontier.append(leaf)
        nodes += ({"level": level, "index": index, "hash": node}
                  for level, index, node in tree.kept(frontier.size, completed))  # fmt: skip
    session.execute(insert(ENTRY), entries)
    if nodes:
        session.execute(insert(NODE), nodes)
    moved = update(REACH).where(REACH.c.case_id == bindparam("_case")).values(seq=bindparam("_seq"))
    session.execute(moved, [{"_case": case_id, "_seq": seq} for case_id, seq in reach.items()])
    return len(entries)


def _sign(session: Session, state: Row[Any], frontier: Frontier, keys: Keys, *, on_demand: bool) -> int:
    """Sign a head where there is something to say and a key to say it with; returns how many, none or one."""
    if keys.signer is None:
        return 0
    last, now = newest(session), clock.now().replace(microsecond=0)
    if last and not on_demand and last.head.size == frontier.size and now - last.head.at < HEARTBEAT:
        return 0
    if not _follows(session, Frontier.load(state.size, state.frontier), last):
        raise Refused("log_forked", FORKED)
    signed = sign(_after(last, frontier, now, keys.own), keys)
    session.execute(insert(HEAD).values(
        n=signed.head.n, size=signed.head.size, body=signed.head.body().decode(), signature=signed.signature
    ))  # fmt: skip
    anchors.announce(session, signed.head.n, now)
    return 1


def _after(last: SignedHead | None, frontier: Frontier, now: datetime, key: str) -> Head:
    """The head to be signed next; never earlier than the one before it, whatever the machine's clock does."""
    n, prev, at = (last.head.n + 1, last.head.hash(), max(now, last.head.at)) if last else (1, b"", now)
    return Head(n, frontier.size, frontier.root(), at, prev, key)


def _follows(session: Session, before: Frontier, last: SignedHead | None) -> bool:
    """Whether the stored log still continues what was signed: by its own last head, and by the last one kept outside.

    So whoever rewrites the database does not get the new history signed by us.
    """
    subtree = tree.stored(session)
    outside = anchors.last_kept()
    try:
        if merkle.root(before.size, subtree) != before.root():
            return False
        return all(_continues(signed.head, before.size, subtree) for signed in (last, outside) if signed)
    except LookupError:
        return False


def _continues(head: Head, size: int, tree: merkle.Subtree) -> bool:
    return head.size <= size and merkle.root(head.size, tree) == head.root
