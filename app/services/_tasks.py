"""Task rows: the inbox as a projection of the engine's open tasks, each with its legal deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from app import engine
from app.db import Write, table
from app.models import Deadline, Task, Unit
from app.rules.access import TASK_ONLY
from app.rules.deadlines import DeadlineDue
from app.services import _needs, _queue, _route, units
from app.services._work import NO_LIMIT, Live, Work

TASK, DEADLINE, UNIT = table(Task), table(Deadline), table(Unit)
ADD = Write(insert(TASK).returning(TASK.c.id))
CLOSED = (
    update(TASK)
    .where(TASK.c.status == "open")
    .values(
        status=bindparam("_status"), closed_at=bindparam("_at"), closed_by=bindparam("_by"), version=TASK.c.version + 1
    )
)
CLOSE = Write(CLOSED.where(TASK.c.id == bindparam("_task")))
FIND_AND_CLOSE = Write(
    CLOSED.where(
        TASK.c.case_id == bindparam("_case"),
        TASK.c.instance_id + 0 == bindparam("_instance"),  # + 0: by what is open in the case, not by all history
        TASK.c.engine_id == bindparam("_engine"),
    ).returning(TASK.c.id, TASK.c.escalations)
)
CLOSE_DEADLINE = Write(
    update(DEADLINE)
    .where(DEADLINE.c.task_id == bindparam("_task"), DEADLINE.c.state == "due")
    .values(state=bindparam("_state"), done_at=bindparam("_at"))
)
ANSWERED_BY_CONTEXT = ("supervisor", "supervisor_upper", "duty_role")
"""Roles that a diagram leaves open: the instance's context names who it is."""
FOUND_BY: Mapping[str, Callable[[Work, Live], int | None]] = {
    "service_id": _needs.provider_of,
    "to_unit": _needs.receiving_unit,
}
"""Names of units for which a form has to be read."""
BESIDE = "place"
"""In an instance's context: it is for those who answer for this place, where the case itself does not lie."""
SUPERIOR = "superior_body"
"""The role of whoever stands above a unit that failed."""
UNIT_OF_KIND = select(UNIT.c.id, UNIT.c.path, UNIT.c.sector).where(
    UNIT.c.path == bindparam("path"), UNIT.c.sector == bindparam("sector")
)
UNIT_BY_ID = select(UNIT.c.id, UNIT.c.path, UNIT.c.sector).where(UNIT.c.id == bindparam("id"))


def arrival(now: datetime, element: engine.Element, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as they are when a token arrives at `element`."""
    return {**facts, "role": element.role, "task_opened_at": now.isoformat()}


def open_new(work: Work, live: Live, step: engine.Step) -> None:
    """Give every task that became ready a row, a unit and a deadline."""
    for opened in step.opened:
        element = opened.element
        due = _due(work, live, element, step)
        role = str(live.context[element.role] if element.role in ANSWERED_BY_CONTEXT else element.role)
        values = {
            "case_id": live.case.id, "instance_id": live.id, "engine_id": opened.id, "process": opened.process,
            "element": element.id, "item": None if opened.item is None else str(opened.item), "role": role,
            "unit_id": unit_for(work, live, live.library.roles[role]), "assignee_id": None,
            "status": "open", "version": 0, "opened_at": work.now, "deadline_id": element.deadline,
            "due_at": due.at if due else NO_LIMIT, "due": due.plain() if due else {}, "escalations": 0,
            "opens": BESIDE not in live.context and role not in TASK_ONLY,
        }  # fmt: skip
        task_id = work.add(ADD, values)
        work.opened_tasks.append(task_id)
        if due:
            _queue.add_deadline(
                work, live, kind="task", key=f"task:{task_id}", due_at=due.at, rule=element.deadline, task_id=task_id,
                law_date=due.law_date, provisional=due.provisional,
            )  # fmt: skip
            if due.urgent:
                _tell(work, live, task_id, values)
        data = {"process": opened.process, "element": element.id, "role": role, "deadline": element.deadline,
                "due": due.at.isoformat() if due else None}  # fmt: skip
        live.case.chain.append("task_opened", data, at=work.now, instance_id=live.id, task_id=task_id)


def _tell(work: Work, live: Live, task_id: int, task: Mapping[str, Any]) -> None:
    """Tell the post that it must set out now: once for the post in this instance, whatever else opens there."""
    post = {"unit_id": task["unit_id"], "role": task["role"]}
    notice = {"kind": "task_urgent", **post, "ids": {"task_id": task_id}, "receipt": True}
    _route.notify(work, live.case.id, f"urgent:{live.id}:{post['unit_id']}:{post['role']}", notice)


def unit_for(work: Work, live: Live, role: Mapping[str, Any]) -> int:
    """The unit that gets a role's work: one that the instance names, if its kind is the role's, else by the child's place."""
    kind, _, variable = role["resolver"].partition(":")
    named = _named(work, live, variable) if kind == "variable" else None
    if named is not None and role["id"] == SUPERIOR:
        named = _above(work, named, role)
    if named is not None and (role["sectors"] == ["all"] or named.sector in role["sectors"]):
        return int(named.id)
    return units.resolve(work.connection, role, live.context.get(BESIDE) or live.case.path)


def _named(work: Work, live: Live, variable: str) -> Any:
    """The unit that the instance's context names under `variable`, or that a form of the instance does."""
    unit_id = FOUND_BY[variable](work, live) if variable in FOUND_BY else live.context.get(variable)
    return work.session.execute(UNIT_BY_ID, {"id": int(unit_id)}).first() if unit_id else None


def _above(work: Work, unit: Any, role: Mapping[str, Any]) -> Any:
    """The body of the same kind above `unit`, at the role's level; where there is none, the government."""
    level = units.depth(role["level"])
    place = next(path for path in units.ancestors(unit.path) if path.count("/") <= level + 1)
    alike = place != unit.path and unit.sector in role["sectors"]
    sector = unit.sector if alike else role["sectors"][-1]
    return work.session.execute(UNIT_OF_KIND, {"path": place, "sector": sector}).first()


def _due(work: Work, live: Live, element: engine.Element, step: engine.Step) -> DeadlineDue | None:
    facts = live.known()
    facts["round"] = step.counts.get(f"{element.process}.{element.id}", 1)
    return live.library.deadlines.due(element.deadline or "D00", arrival(work.now, element, facts), work.now)


def close(work: Work, live: Live, closed: Sequence[engine.ClosedTask]) -> None:
    """Close the rows of tasks that the step finished or cancelled, and their deadlines."""
    for gone in closed:
        values = {"_status": gone.how, "_at": work.now, "_by": work.actor.user_id}
        row = live.under_lock.get(gone.id)
        if row is not None:
            work.write(CLOSE, values | {"_task": row[0]})
        else:
            place = {"_case": live.case.id, "_instance": live.id, "_engine": gone.id}
            row = FIND_AND_CLOSE.ask(work.connection, values | place)
        if row is None:
            continue
        task_id, escalations = row
        work.write(CLOSE_DEADLINE, {"_task": task_id, "_state": gone.how, "_at": work.now})
        live.case.chain.append(
            f"task_{gone.how}", {"process": gone.element.process, "element": gone.element.id}, at=work.now,
            occurred_at=work.occurred_at, actor_id=work.actor.user_id, instance_id=live.id, task_id=task_id,
        )  # fmt: skip
        if escalations:
            _route.broadcast(work, live.case, "overdue_task_done", {"case_id": live.case.id, "task_id": task_id})
