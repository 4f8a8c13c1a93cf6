"""Effects of operations, applied in the transaction: cases opened, rows added, messages sent.

An operation asks, in plain values; here they become rows. New ids are put in where the
operation named them (`NewId`). Source: DECISIONS 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, insert, update

from app import operations
from app.db import changed, table
from app.errors import Refused
from app.models import CaseLink, ClockAlert, Deadline, Performance, Placement, ReportLink, Task
from app.services import _moves, _queue, _registers, _route
from app.services._work import NO_LIMIT, Live, OpenCase, Work
from app.text import Text

PLAIN: Mapping[str, Table] = {
    model.__tablename__: table(model) for model in (CaseLink, ClockAlert, Performance, Placement, ReportLink)
}
TASK, DEADLINE = table(Task), table(Deadline)
PAST_LIMIT = Text(
    "新的期限已经过去了，请填一个以后的时间。", "The new limit has passed already; give a time that is still to come."
)


class Applied:
    """What one operation's effects made, by the keys the operation gave."""

    def __init__(self, work: Work, live: Live, name: str) -> None:
        self.work, self.live, self.name = work, live, name
        self.made: dict[str, int] = {}
        self.opened: dict[str, OpenCase] = {}

    def value(self, value: Any) -> Any:
        """The value with a new id put in where one was named."""
        return self.made[value.key] if isinstance(value, operations.NewId) else value

    def values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All values of a mapping, with new ids put in."""
        return {name: self.value(value) for name, value in values.items()}

    def case(self, ref: operations.CaseRef) -> OpenCase | None:
        """The case meant, when it is in this transaction; None for another that exists elsewhere."""
        if ref == operations.OWN:
            return self.live.case
        if isinstance(ref, int):
            return self.work.cases.get(ref)
        return self.opened[ref.removeprefix("new:")]


def apply(work: Work, live: Live, name: str, effects: operations.Effects) -> dict[str, Any]:
    """Do what operation `name` asks for; returns the variables it sets, with real ids."""
    done = Applied(work, live, name)
    for wanted in effects.cases:
        done.opened[wanted.key] = _registers.open_case(work, live, wanted)
        done.made[wanted.key] = done.opened[wanted.key].id
    for row in effects.rows:
        _add_row(done, row)
    for change in effects.tasks:
        _change_task(done, change)
    for begun in effects.starts:
        case = done.case(begun.case) or work.lock(int(begun.case))
        _queue.start(work, case, begun.stem, done.values(begun.context), live.release_id, begun.start_at)
    for message in effects.messages:
        _send(done, message)
    if effects.place is not None:
        _moves.move(work, live, effects.place)
    for index, notice in enumerate(effects.notices):
        _notify(done, notice, index)
    return done.values(effects.variables)


def _add_row(done: Applied, row: operations.Row) -> None:
    values = done.values(row.values)
    case = done.case(row.case)
    if row.table == "fact":
        target = case or done.work.lock(int(row.case))
        target.facts[str(values["name"])] = values["value"]
        return
    if row.table == "report":
        assert case is not None, "a report is drafted in a case of its own"
        done.made[row.key] = _registers.draft_report(done.work, done.live, case, values)
        return
    table = PLAIN[row.table]
    case_id = case.id if case else int(row.case)
    known = {"case_id": case_id, "recorded_at": done.work.now}
    found = done.work.session.execute(insert(table).values({**known, **values}).returning(table.c.id)).scalar_one()
    if row.key:
        done.made[row.key] = found
    if row.table == "report_link":
        _registers.link_child(done.work, values["report_id"], values["child_ref"], case_id, values["kind"])


def _send(done: Applied, message: operations.Message) -> None:
    work, live = done.work, done.live
    case = done.case(message.case)
    origin = _route.Origin(live.release_id, live.library, live)
    payload = done.values(message.payload)
    if case is not None:
        _route.route(work, case, message.name, {**payload, "case_id": case.id}, origin)
    else:
        case_id = int(message.case)
        about = "-".join(str(part) for _, part in sorted(payload.items()))
        key = f"{live.id}:{live.version}:{done.name}:{about}"
        _route.post(work, live.case, case_id, message.name, {**payload, "case_id": case_id}, key)


def _notify(done: Applied, notice: operations.Notice, index: int) -> None:
    case = done.case(notice.case) or done.live.case
    work, live = done.work, done.live
    payload = {"kind": notice.kind, "role": notice.role, "ids": done.values(notice.ids), "receipt": notice.receipt}
    _route.notify(work, case.id, f"{live.id}:{live.version}:{done.name}:{notice.kind}:{index}", payload)
    live.facts["notices_sent"] = [*live.facts.get("notices_sent", []), notice.kind]


def _put_down(work: Work, task_id: int, due_at: datetime) -> None:
    """The deadline of a task whose limit was moved; the one that was there for that instant, where there was one."""
    there = update(DEADLINE).where(
        DEADLINE.c.task_id == task_id, DEADLINE.c.kind == "task", DEADLINE.c.due_at == due_at
    )
    if changed(work.session, there.values(state="due", done_at=None)):
        return
    task = work.session.execute(TASK.select().where(TASK.c.id == task_id)).mappings().one()
    overdue = work.instance(task["instance_id"])
    _queue.add_deadline(work, overdue, kind="task", key=f"task:{task_id}", due_at=due_at,
                        rule=task["deadline_id"], task_id=task_id)  # fmt: skip


def _change_task(done: Applied, change: operations.TaskChange) -> None:
    """A supervisor's decision: another person, a later limit, or none; the form is never locked."""
    work = done.work
    if change.due_at is not None and change.due_at <= work.now:
        raise Refused("past_limit", PAST_LIMIT, task=change.task_id)
    work.flush()
    values: dict[str, Any] = {"version": TASK.c.version + 1}
    if change.assignee_id is not None:
        values["assignee_id"] = change.assignee_id
    if change.due_at is not None:
        values["due_at"] = change.due_at
    if change.not_applicable:
        values["due_at"] = NO_LIMIT
    work.session.execute(update(TASK).where(TASK.c.id == change.task_id, TASK.c.status == "open").values(values))
    if change.due_at is not None or change.not_applicable:
        where = (DEADLINE.c.task_id == change.task_id, DEADLINE.c.state == "due")
        work.session.execute(update(DEADLINE).where(*where).values(state="cancelled", done_at=work.now))
    if change.due_at is not None:
        _put_down(work, change.task_id, change.due_at)
    data = {"due": change.due_at.isoformat() if change.due_at else None, "assignee": change.assignee_id,
            "not_applicable": change.not_applicable, "reason": change.reason_id}  # fmt: skip
    done.live.case.chain.append("task_changed", data, at=work.now, actor_id=work.actor.user_id,
                                instance_id=done.live.id, task_id=change.task_id)  # fmt: skip
