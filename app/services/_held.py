"""Suspensions under the case's lock: begun, and ended by a person, by their day, by work, or by danger.

What is held are the escalations of tasks whose limit is only our own choice: their rows in `deadline` carry
`held_until`, so that a query, not a job, says when they come. Timers of diagrams and limits of law or plan are never
held. Whatever moves a suspended instance ends the suspension, and so does danger. Source: ADR 0023.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.db import Row, table
from app.errors import Refused
from app.models import Deadline, Instance, Suspension, Task
from app.rules import suspension as rule
from app.services import _queue
from app.services._work import Live, OpenCase, Work
from app.text import Text

SUSPENSION, DEADLINE, INSTANCE, TASK = map(table, (Suspension, Deadline, Instance, Task))
END = "resume"
"""The kind of the deadline at which a suspension ends."""
Why = Literal["person", "date", "moved", "danger"]
TOO_LATE = Text("有一个暂停还没有结束，先恢复再说。", "It is suspended already; resume it first.")


def begin(work: Work, live: Live, until: datetime, reason: str) -> None:
    """Suspend an instance. Raises Refused when it may not be, or is suspended already."""
    if forbidden := why_not(work, live):
        raise Refused("not_suspendable", forbidden, instance=live.id)
    if _lasting(work, live.case, SUSPENSION.c.instance_id == live.id):
        raise Refused("suspended", TOO_LATE, instance=live.id)
    held = _reminders(work, live)
    data = {"process": live.process, "until": until.isoformat(), "held": held, "length": len(reason)}
    seq = live.case.chain.append("suspended", data, at=work.now, actor_id=work.actor.user_id, instance_id=live.id,
                                 secret={"words": reason})  # fmt: skip
    work.session.execute(insert(SUSPENSION).values(
        case_id=live.case.id, seq=seq, instance_id=live.id, user_id=work.actor.user_id, began_at=work.now, until=until,
    ))  # fmt: skip
    work.session.execute(update(DEADLINE).where(DEADLINE.c.id.in_(held)).values(held_until=until))
    _queue.add_deadline(work, live, kind=END, key=f"{END}:{seq}", due_at=until)
    live.case.held = True


def lift(work: Work, live: Live, why: Why) -> bool:
    """End the suspension of an instance; False when it has none. What came due meanwhile comes now, in its order."""
    found = _lasting(work, live.case, SUSPENSION.c.instance_id == live.id)
    for row in found:
        _end(work, live.case, row, why)
    return bool(found)


def lift_over(work: Work, case: OpenCase) -> None:
    """End what has reached its day, before anything else of that day happens."""
    for row in _lasting(work, case, SUSPENSION.c.until <= work.now):
        _end(work, case, row, "date")


def lift_endangered(work: Work) -> None:
    """End every suspension that may no longer be, in the cases of this transaction."""
    for case in [case for case in work.cases.values() if case.held]:
        for row in _lasting(work, case):
            if why_not(work, work.instance(row["instance_id"])):
                _end(work, case, row, "danger")


def why_not(work: Work, live: Live) -> Text | None:
    """Why the instance may not be suspended, as this transaction has it."""
    work.flush()
    return rule.forbids(live.process, live.known(), live.case.risk, *around(work.session, live.case.id))


def around(session: Session, case_id: int) -> tuple[set[str], set[tuple[str, str]]]:
    """What else goes on in the case: the processes that run, and the steps that are asked for."""
    running = session.scalars(
        select(INSTANCE.c.process).where(INSTANCE.c.case_id == case_id, INSTANCE.c.status == "running")
    )
    asked = session.execute(
        select(TASK.c.process, TASK.c.element).where(TASK.c.case_id == case_id, TASK.c.status == "open")
    )
    return set(running), {(row.process, row.element) for row in asked}


def _reminders(work: Work, live: Live) -> list[int]:
    """The limits that are only our choice, and of which nobody was reminded yet."""
    where = (DEADLINE.c.instance_id == live.id, DEADLINE.c.kind == "task", DEADLINE.c.state == "due")
    rows = work.session.execute(select(DEADLINE.c.id, DEADLINE.c.rule).where(*where).order_by(DEADLINE.c.id))
    return [row.id for row in rows if live.library.deadlines.describe(row.rule).is_choice]


def _lasting(work: Work, case: OpenCase, *where: Any) -> list[Row]:
    query = select(SUSPENSION).where(SUSPENSION.c.case_id == case.id, SUSPENSION.c.ended_at.is_(None), *where)
    return list(work.session.execute(query.order_by(SUSPENSION.c.id)).mappings())


def _end(work: Work, case: OpenCase, row: Row, why: Why) -> None:
    work.session.execute(update(SUSPENSION).where(SUSPENSION.c.id == row["id"]).values(ended_at=work.now))
    mine = (DEADLINE.c.instance_id == row["instance_id"], DEADLINE.c.state == "due")
    work.session.execute(update(DEADLINE).where(*mine, DEADLINE.c.held_until.is_not(None)).values(held_until=None))
    ended = update(DEADLINE).where(*mine, DEADLINE.c.kind == END)
    work.session.execute(ended.values(state="done" if why == "date" else "cancelled", done_at=work.now))
    case.chain.append("resumed", {"why": why, "suspended": row["seq"]}, at=work.now, actor_id=work.actor.user_id,
                      instance_id=row["instance_id"])  # fmt: skip
    case.held = bool(_lasting(work, case))
