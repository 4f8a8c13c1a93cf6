"""Records to audit: chains of many cases, as the product writes them, made in bulk."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import clock
from app.db import db, table, transaction
from app.models import Case, Event
from app.services import _seal
from app.services._log import Chain

CASE, EVENT = table(Case), table(Event)
PLACE = "/620000/620700/620702/620702101/620702101201/"
KINDS = ("step", "task_opened", "task_done", "step", "deadline", "message")
"""Drawn from as the product's own events are spread."""


def grow(case_ids: list[int], events: int, rng: random.Random, *, every: int = 2_000) -> None:
    """Add `events` events to these cases, in turns left to chance."""
    left = events
    while left:
        count = min(left, every)
        with transaction() as session:
            add(session, rng.choices(case_ids, k=count), rng)
        left -= count


def open_cases(count: int) -> list[int]:
    """Cases in which nothing has happened yet."""
    made: list[int] = []
    with transaction() as session:
        for _ in range(count):
            values = {"kind": "child", "path": PLACE, "opened_at": clock.now(), "wrapped_key": _seal.new_key()}
            made.append(session.scalar(sa.insert(Case).values(**values).returning(Case.id)))
    return made


def add(session: Any, turns: list[int], rng: random.Random) -> None:
    """One event for each turn, in a transaction of the caller's."""
    query = sa.select(CASE.c.id, CASE.c.last_seq, CASE.c.last_hash, CASE.c.wrapped_key).where(CASE.c.id.in_(set(turns)))
    chains = {row.id: Chain(row.id, row.last_seq, row.last_hash, _seal.open_key(row.wrapped_key))
              for row in session.execute(query)}  # fmt: skip
    times = moments(clock.now())
    for turn in turns:
        happen(chains[turn], rng, next(times))
    order = {case_id: iter(chain.rows) for case_id, chain in chains.items()}
    session.execute(sa.insert(EVENT), [next(order[turn]) for turn in turns])
    ends = [{"_id": chain.case_id, "last_seq": chain.seq, "last_hash": chain.head} for chain in chains.values()]
    session.execute(sa.update(CASE).where(CASE.c.id == sa.bindparam("_id")), ends)


def moments(start: datetime) -> Iterator[datetime]:
    """Instants one after the other, some of them whole seconds."""
    return (start + timedelta(microseconds=250_000 * number) for number in itertools.count())


def happen(chain: Chain, rng: random.Random, at: datetime) -> None:
    """One event of a likely kind and size."""
    kind = rng.choice(KINDS)
    data: dict[str, Any] = {"process": "emergency-response", "element": f"t{rng.randrange(30)}"}
    secret = None
    if kind == "step":
        data |= {"definition": rng.randbytes(32).hex(), "state": rng.randbytes(32).hex(), "command": "complete",
                 "engine": "SpiffWorkflow 3.2.0, house 1",
                 "transitions": [[number, "emergency-response", f"t{number}", "READY", "COMPLETED"]
                                 for number in range(rng.randrange(2, 8))]}  # fmt: skip
        secret = {"command": {"kind": "Complete", "task": 3}, "facts": {"risk": "high", "round": rng.randrange(9)},
                  "results": [["operation", "emergency-response", "s1", {"value": rng.randrange(99)}]]}  # fmt: skip
    chain.append(kind, data, at=at, occurred_at=at - timedelta(minutes=rng.choice((0, 0, 0, 7))),
                 actor_id=rng.choice((None, 3, 14)), instance_id=7, task_id=rng.choice((None, 21)), secret=secret)  # fmt: skip


def tables() -> dict[str, list[dict[str, Any]]]:
    """Every row of the record and of the log, to compare or to put back."""
    names = ("case", "event", "log_state", "log_case", "log_entry", "log_node", "log_head", "log_anchor")
    found = {
        name: [dict(row) for row in db.session.execute(sa.select(db.metadata.tables[name])).mappings()]
        for name in names
    }
    db.session.rollback()
    return found
