"""What a correction teaches: facts that rested on the former answers, and the limits that started at them.

Only what still rests on those answers changes: a fact that something else has taught since stays. The
engine is not asked; its timers and what it decided stay as they are. Source: ARCHITECTURE rules 4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app.db import Row, table
from app.models import Deadline, Event, Instance, Task
from app.rules import facts as learned
from app.rules.deadlines import DeadlineDue
from app.services import _queue
from app.services._tasks import arrival
from app.services._work import Live, Work

TASK, DEADLINE, INSTANCE, EVENT = table(Task), table(Deadline), table(Instance), table(Event)
Lessons = Mapping[str, learned.Learned]


def learn(
    work: Work, live: Live, form: str, before: Mapping[str, Any], after: Mapping[str, Any], at: datetime
) -> list[str]:
    """Learn the corrected answers of a form that was sent `at`; returns the facts that changed, and resets limits."""
    old, new = learned.facts_of_submission(form, before, at), learned.facts_of_submission(form, after, at)
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    changed = [name for name in names if _change(live, name, old, new)]
    if changed:
        for row in _open_tasks(work, live):
            _set_again(work, row, changed)
    return changed


def _change(live: Live, name: str, old: Lessons, new: Lessons) -> bool:
    """Give a fact its new value where it still has the old one; True when it did."""
    scope = (new.get(name) or old[name]).scope
    known = live.case.facts if scope == "case" else live.facts
    if scope == "instance" and live.status != "running":
        return False
    if known.get(name) != (old[name].value if name in old else None):
        return False
    if name in new:
        _queue.learn(live, {name: new[name]})
    else:
        del known[name]
        live.case.risk = "" if name == "risk" else live.case.risk
    live.changed = live.changed or scope == "instance"
    return True


def _open_tasks(work: Work, live: Live) -> Iterator[Row]:
    query = select(TASK).where(TASK.c.case_id == live.case.id, TASK.c.status == "open").order_by(TASK.c.id)
    yield from work.session.execute(query).mappings().all()


def _set_again(work: Work, task: Row, changed: list[str]) -> None:
    """Reckon an open task's limit again, if it starts at a fact that changed and no supervisor has moved it."""
    told = task["due"]
    if told.get("start") not in changed or _moved_by_a_supervisor(work, task["id"]):
        return
    live = work.instance(task["instance_id"])
    element = live.definition.element(task["process"], task["element"])
    due = live.library.deadlines.due(
        task["deadline_id"], arrival(task["opened_at"], element, live.known()), task["opened_at"]
    )
    if due is None or due.at == task["due_at"]:
        return
    work.session.execute(
        update(TASK).where(TASK.c.id == task["id"]).values(due_at=due.at, due=due.plain(), version=TASK.c.version + 1)
    )
    _put_down(work, live, task["id"], due)
    data = {"rule": task["deadline_id"], "before": task["due_at"].isoformat(), "due": due.at.isoformat()}
    live.case.chain.append("deadline_settled", data, at=work.now, actor_id=work.actor.user_id, instance_id=live.id,
                           task_id=task["id"])  # fmt: skip


def _moved_by_a_supervisor(work: Work, task_id: int) -> bool:
    query = select(EVENT.c.id).where(EVENT.c.task_id == task_id, EVENT.c.kind == "task_changed").limit(1)
    return work.session.scalar(query) is not None


def _put_down(work: Work, live: Live, task_id: int, due: DeadlineDue) -> None:
    """Move the instant at which the task falls due; one that has passed and was noticed is put down anew."""
    values: dict[str, Any] = {"due_at": due.at, "law_date": due.law_date, "provisional": due.provisional}
    waiting = (DEADLINE.c.task_id == task_id, DEADLINE.c.state == "due")
    if not work.session.execute(update(DEADLINE).where(*waiting).values(values)).rowcount and due.at > work.now:  # type: ignore[attr-defined]
        _queue.add_deadline(work, live, kind="task", key=f"task:{task_id}", rule=due.id, task_id=task_id, **values)
