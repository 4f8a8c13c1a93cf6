"""Limits that were reckoned before the year's holiday schedule was out: reckoned again, and logged, once it is.

Until then a page marks them provisional. Only the calendar is new: the rule and the start stay
those that held when the task opened. Source: ARCHITECTURE rule 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from app.db import db, table
from app.models import Deadline, Task
from app.rules.calendar import LAW, Calendar, end_of, instant
from app.rules.deadlines import DeadlineDue
from app.services import commands
from app.services._work import SYSTEM, Work

DEADLINE, TASK = table(Deadline), table(Task)


def recompute(calendar: Calendar = LAW) -> int:
    """Reckon every provisional limit of an open task again; returns how many are settled now."""
    where = (DEADLINE.c.provisional, DEADLINE.c.state == "due", DEADLINE.c.task_id.is_not(None))
    query = select(DEADLINE.c.id, DEADLINE.c.case_id, TASK.c.due).join(TASK, TASK.c.id == DEADLINE.c.task_id)
    rows = db.session.execute(query.where(*where).order_by(DEADLINE.c.id)).all()
    db.session.rollback()
    return sum(_settle(row.id, row.case_id, calendar) for row in rows if not _again(row.due, calendar).provisional)


def _again(told: Mapping[str, Any], calendar: Calendar) -> DeadlineDue:
    """The limit that a task's row remembers, by `calendar`."""
    started_at = instant(told["started_at"])
    end = end_of(started_at, told["rule"], calendar)
    return DeadlineDue(
        at=end.at, provisional=end.provisional, law_date=end.law_date, rule=end.rule, rolled_from=end.rolled_from,
        id=told["id"], start=told["start"], started_at=started_at, assumed=told["assumed"],
        remind_at=tuple(instant(at) for at in told["remind_at"]),
    )  # fmt: skip


def _settle(deadline_id: int, case_id: int, calendar: Calendar) -> bool:
    with commands.work_on(SYSTEM) as work:
        case = work.lock(case_id)
        row = work.session.execute(select(DEADLINE).where(DEADLINE.c.id == deadline_id)).mappings().one()
        if not row["provisional"] or row["state"] != "due":
            return False
        told = work.session.execute(select(TASK.c.due).where(TASK.c.id == row["task_id"])).scalar_one()
        due = _again(told, calendar)
        _write(work, deadline_id, row["task_id"], due)
        data = {"rule": row["rule"], "before": row["due_at"].isoformat(), "due": due.at.isoformat()}
        case.chain.append("deadline_settled", data, at=work.now, instance_id=row["instance_id"], task_id=row["task_id"])
    return True


def _write(work: Work, deadline_id: int, task_id: int, due: DeadlineDue) -> None:
    settled = {"due_at": due.at, "law_date": due.law_date, "provisional": False}
    work.session.execute(update(DEADLINE).where(DEADLINE.c.id == deadline_id).values(settled))
    changed = {"due_at": due.at, "due": due.plain(), "version": TASK.c.version + 1}
    work.session.execute(update(TASK).where(TASK.c.id == task_id, TASK.c.status == "open").values(changed))
