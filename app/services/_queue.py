"""What puts work in a transaction's queue: an instance started, a message given to one that waits.

Nothing here advances an instance; _step does, when it empties the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from app import engine
from app.db import Write, table
from app.models import Deadline
from app.rules import facts as learned
from app.services import _closing
from app.services._work import INSTANCE, Live, OpenCase, Work

ADD_INSTANCE = Write(insert(INSTANCE).returning(INSTANCE.c.id))
ADD_DEADLINE = Write(insert(table(Deadline)))


def start(
    work: Work,
    case: OpenCase,
    process: str,
    context: Mapping[str, Any],
    release_id: int,
    start_at: datetime | None = None,
) -> Live:
    """Start an instance of `process` in `case` now, or put it down for `start_at`."""
    later = start_at if start_at is not None and start_at > work.now else None
    values = {
        "case_id": case.id, "release_id": release_id, "process": process, "status": "scheduled" if later else "running",
        "state": None, "context": {"case_id": case.id, **context}, "facts": {}, "timers": [], "awaits": [],
        "mailbox": [], "version": 0, "started_at": work.now,
    }  # fmt: skip
    _closing.reopen(work, case)
    live = work.remember(values | {"id": work.add(ADD_INSTANCE, values)})
    if later:
        add_deadline(work, live, kind="start", key="start", due_at=later)
        case.chain.append("scheduled", {"process": process, "start_at": later.isoformat()}, at=work.now,
                          actor_id=work.actor.user_id, instance_id=live.id)  # fmt: skip
    else:
        begin(work, live)
    return live


def begin(work: Work, live: Live) -> None:
    """Put the first command of an instance in the queue."""
    live.status, live.changed = "running", True
    known = {name: live.context[name] for name in live.definition.variables if name in live.context}
    work.queue.append((live, engine.Start(known)))


def deliver(work: Work, live: Live, message: str, payload: Mapping[str, Any]) -> None:
    """Queue a message for an instance that waits for it, and keep what it teaches."""
    learn(live, learned.facts_of_message(message, payload, work.now))
    live.facts |= {name: value for name, value in payload.items() if name not in live.context}
    known = {name: payload[name] for name in live.definition.variables if name in payload}
    live.promised.append(message)
    work.queue.append((live, engine.Deliver(message, known)))


def learn(live: Live, facts: Mapping[str, learned.Learned]) -> None:
    """Keep what a submission, message or operation teaches, with the case or the instance."""
    for name, fact in facts.items():
        if fact.scope == "case":
            live.case.facts[name] = fact.value
            if name == "risk":
                live.case.risk = str(fact.value or "")
        else:
            live.facts[name] = fact.value


def add_deadline(work: Work, live: Live, *, kind: str, key: str, due_at: datetime, **more: Any) -> None:
    """Put down an instant at which the ticker must act."""
    values = {"case_id": live.case.id, "instance_id": live.id, "kind": kind, "key": key, "due_at": due_at,
              "state": "due", "rule": "", "provisional": False, "law_date": None, "task_id": None, "attempts": 0}  # fmt: skip
    work.write(ADD_DEADLINE, values | more)
