"""Deadlines that have come: each fired in one transaction with its effect, by whichever worker is first.

Due ids are read without a lock; then the case row is locked, the deadline re-checked and the
effect made. A worker that dies leaves nothing half-done: its transaction rolls back. Source:
ARCHITECTURE rule 3, RELIABILITY §2; ADR 0004.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, literal, or_, select, tuple_, update
from sqlalchemy import case as when

from app import clock, engine
from app.db import Row, db, table, transaction
from app.models import Deadline, Task, Unit
from app.services import _held, _queue, _tasks, commands, practice, units
from app.services._work import SYSTEM, OpenCase, Work

log = logging.getLogger(__name__)
DEADLINE, TASK, UNIT = table(Deadline), table(Task), table(Unit)
BY_ID = select(DEADLINE).where(DEADLINE.c.id == bindparam("id"))
COMES = when((DEADLINE.c.held_until > DEADLINE.c.due_at, DEADLINE.c.held_until), else_=DEADLINE.c.due_at)
"""When a deadline fires, held or not."""
ESCALATION = "overdue-escalation"
AT_A_TIME = 20
"""Deadlines read at a time; others may fire some of them meanwhile."""
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720))
"""How long to wait before the next try; after the last, a person must look at the incident."""


def due_ids(limit: int = AT_A_TIME) -> list[int]:
    """Ids of deadlines that have come, oldest first; a failed one waits for its next try."""
    return [row["id"] for row in _due(limit)]


def _due(limit: int, after: Row | None = None) -> Sequence[Row]:
    """Deadlines that have come, oldest first, from the one `after` which to go on."""
    ready = or_(DEADLINE.c.retry_at.is_(None), DEADLINE.c.retry_at <= clock.real_now())
    query = select(DEADLINE.c.due_at, DEADLINE.c.id).order_by(DEADLINE.c.due_at, DEADLINE.c.id).limit(limit)
    now = practice.now()
    query = query.where(DEADLINE.c.state == "due", DEADLINE.c.due_at <= now, ready, free(now))
    if after is not None:
        last = tuple_(literal(after["due_at"], DEADLINE.c.due_at.type), after["id"])
        query = query.where(tuple_(DEADLINE.c.due_at, DEADLINE.c.id) > last)
    found = db.session.execute(query).mappings().all()
    db.session.rollback()
    return found


def free(now: datetime) -> Any:
    """True for deadlines that nobody holds."""
    return or_(DEADLINE.c.held_until.is_(None), DEADLINE.c.held_until <= now)


def fire(deadline_id: int) -> bool:
    """Fire one deadline if it is still due; False when another worker had it first or it failed.

    A failure is kept as an incident and tried again after a while.
    """
    case_id = 0
    try:
        with commands.work_on(SYSTEM) as work:
            case = work.lock_of_deadline(deadline_id)
            if case is None:
                return False
            case_id = case.id
            row = work.connection.execute(BY_ID, {"id": deadline_id}).mappings().one()
            due = _is_due(row, work.now)
            if due:
                _act(work, case, row)
            if row["attempts"] and (due or row["state"] != "due"):  # it went through, or has become pointless
                work.write(commands.CLOSE_INCIDENT, {"_source": "deadline", "_id": deadline_id})
        return due
    except Exception as error:
        log.exception("deadline failed", extra={"deadline": deadline_id, "case": case_id})
        if case_id:
            _put_off(deadline_id)
            commands.record_incident(case_id, "deadline", deadline_id, error)
        return False


def _is_due(row: Row, now: datetime) -> bool:
    """Whether it is to fire, as it stands under the lock: somebody may have held it meanwhile."""
    return bool(row["state"] == "due" and row["due_at"] <= now and (row["held_until"] or now) <= now)


def _act(work: Work, case: OpenCase, row: Row) -> None:
    if case.held:
        _held.lift_over(work, case)
    if row["kind"] == _held.END:  # ending the suspension has closed the row
        return
    case.chain.append("deadline", {"kind": row["kind"], "rule": row["rule"], "due": row["due_at"].isoformat()}, at=work.now,
                      occurred_at=row["due_at"], instance_id=row["instance_id"], task_id=row["task_id"])  # fmt: skip
    if row["kind"] == "timer":  # the step itself closes the row, by difference
        work.queue.append((work.instance(row["instance_id"]), engine.Fire(row["key"])))
        return
    work.session.execute(update(DEADLINE).where(DEADLINE.c.id == row["id"]).values(state="done", done_at=work.now))
    if row["kind"] == "start":
        _queue.begin(work, work.instance(row["instance_id"]))
    else:
        _escalate(work, case, row)


def _escalate(work: Work, case: OpenCase, row: Row) -> None:
    """Start the escalation of a task past its limit; what asks a supervisor is not itself escalated.

    Where a unit of another place has the task, those who answer there are asked as well as those here.
    """
    task = work.session.execute(select(TASK).where(TASK.c.id == row["task_id"])).mappings().one()
    if task["status"] != "open" or task["process"] == ESCALATION:
        return
    overdue = work.instance(row["instance_id"])
    roles = overdue.library.roles
    first = roles[task["role"]].get("escalates_to") or task["role"]
    second = roles[first].get("escalates_to") or first
    context = {"task_id": task["id"], "supervisor": first, "supervisor_upper": second}
    _queue.start(work, case, ESCALATION, context, overdue.release_id)
    place = work.session.scalar(select(UNIT.c.path).where(UNIT.c.id == task["unit_id"]))
    if roles[task["role"]]["level"] in units.LEVELS and place not in units.ancestors(case.path):
        _queue.start(work, case, ESCALATION, context | {_tasks.BESIDE: place}, overdue.release_id)
    work.session.execute(update(TASK).where(TASK.c.id == task["id"]).values(escalations=TASK.c.escalations + 1))


def _put_off(deadline_id: int) -> None:
    with transaction() as session:
        row = session.get(Deadline, deadline_id)
        assert row is not None, "deadlines are never deleted"
        row.retry_at = clock.real_now() + BACK_OFF[min(row.attempts, len(BACK_OFF) - 1)]
        row.attempts += 1


def tick() -> int:
    """Fire everything that has come, and what comes of it at once; returns how many. One transaction for each."""
    fired = 0
    while done := _pass_by():
        fired += done
    return fired


def _pass_by() -> int:
    """Try each once, oldest first: one that fails, or whose case is being worked on, holds up no other."""
    fired, last = 0, None
    while rows := _due(AT_A_TIME, last):
        fired += sum(fire(row["id"]) for row in rows)
        last = rows[-1]
    return fired


def travel(to: datetime) -> int:
    """Move the practice clock to `to`, deadline by deadline, each on its own day; returns how many fired."""
    fired = 0
    while True:
        query = select(func.min(COMES)).where(DEADLINE.c.state == "due", DEADLINE.c.attempts == 0, to >= COMES)
        next_due = db.session.scalar(query)
        if next_due is None:
            break
        practice.move_to(max(next_due, practice.now()))
        fired += tick()
    practice.move_to(to)
    return fired + tick()
