"""A case moves with the child: its open work goes to the units of the new place, with the dates it has.

What was done before stays with who did it: they may look up their own tasks, and no longer open the case.
Clocks and limits are not touched. Source: proposal:transfer-keeps-duty; ADR 0022.
"""

from __future__ import annotations

from sqlalchemy import select, update

from app.db import table
from app.models import Task, Unit
from app.services import _route, _tasks, units
from app.services._work import Live, Work

TASK, UNIT = table(Task), table(Unit)
GOVERNMENT = "township_worker"
"""Whose unit a notice speaks of: the township that had the duty, and the one that has it."""


def move(work: Work, live: Live, place: str) -> None:
    """Lay the case of `live` at `place`; nothing happens when it lies there already."""
    case = live.case
    if place == case.path:
        return
    role = live.library.roles[GOVERNMENT]
    former = units.resolve(work.connection, role, case.path)
    case.path = place
    work.flush()
    moved = _hand_on(work, live)
    _leave_behind(work, live)
    receiving = units.resolve(work.connection, role, place)
    data = {"from": former, "to": receiving, "tasks": moved}
    case.chain.append("case_moved", data, at=work.now, occurred_at=work.occurred_at, actor_id=work.actor.user_id,
                      instance_id=live.id)  # fmt: skip
    _tell(work, live, former)


def _hand_on(work: Work, live: Live) -> list[int]:
    """Give each open task of the case to the unit that has it by its role's rule now; returns those that changed hands."""
    mine = (TASK.c.case_id == live.case.id, TASK.c.status == "open", TASK.c.instance_id != live.id)
    moved = []
    for task in work.session.execute(select(TASK).where(*mine).order_by(TASK.c.id)).mappings():
        one = work.instance(task["instance_id"])
        unit_id = _tasks.unit_for(work, one, one.library.roles[task["role"]])
        if unit_id != task["unit_id"]:
            values = {"unit_id": unit_id, "assignee_id": None, "owner_id": None, "version": TASK.c.version + 1}
            work.session.execute(update(TASK).where(TASK.c.id == task["id"]).values(values))
            moved.append(task["id"])
    return moved


def _leave_behind(work: Work, live: Live) -> None:
    """Finished work opens the case only to units that answer for the new place, or still have work in it."""
    here = select(UNIT.c.id).where(UNIT.c.path.in_(units.ancestors(live.case.path)))
    mine = (TASK.c.case_id == live.case.id, TASK.c.instance_id != live.id)
    working = select(TASK.c.unit_id).where(*mine, TASK.c.status == "open")
    left = (TASK.c.case_id == live.case.id, TASK.c.unit_id.not_in(here), TASK.c.unit_id.not_in(working))
    work.session.execute(update(TASK).where(*left).values(opens=False))


def _tell(work: Work, live: Live, former: int) -> None:
    """A notice to the township that had the duty; it leads to what they sent."""
    sent = select(TASK.c.id).where(TASK.c.instance_id == live.id, TASK.c.unit_id == former, TASK.c.status == "done")
    task_id = work.session.scalar(sent.order_by(TASK.c.id.desc()).limit(1))
    payload = {"kind": "transfer_accepted", "role": GOVERNMENT, "receipt": True, "unit_id": former,
               "ids": {"task_id": task_id} if task_id else {}}  # fmt: skip
    work.write(_route.POST, {
        "case_id": live.case.id, "kind": "notice", "key": f"notice:{live.id}:{live.version}:moved", "payload": payload,
        "target_case_id": None, "state": "waiting", "attempts": 0, "due_at": work.now,
    })  # fmt: skip
