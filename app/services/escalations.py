"""The escalations of a late task: who was asked, what they decided, who read it; and asking once more when all is silent.

An escalation goes one level up and then stops. A supervisor who still answers for the task may begin another,
which asks them first, and goes on as any other. Source: DECISIONS 16; issue "daily work", part 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.errors import NotFound
from app.models import Instance, Notice, Outbox, Submission, Task, Unit, User
from app.rules.access import Person
from app.services import _filled, _queue, _seal, _tasks, access, children, commands, deadlines, practice, submissions
from app.services._work import Actor, Live, Work
from app.services.inbox import listing
from app.services.library import library
from app.services.views import Direction, InboxRow
from app.text import Text

INSTANCE, NOTICE, OUTBOX, SUBMISSION = map(table, (Instance, Notice, Outbox, Submission))
TASK, UNIT, USER = map(table, (Task, Unit, User))
NOT_ASKED = Text(
    "这件事已经有人处理，或者不归你督办。", "Somebody has dealt with this, or it is not for you to decide."
)
How = Literal["waits", "decided", "silent", "done"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One post that was asked about the task: since when and until when, and how it ended.

    `how`: waits; decided (`decision` says what); silent until the limit; done (the task was done meanwhile).
    """

    role: Text
    unit: str
    asked_at: datetime
    due_at: datetime
    how: How
    ended_at: datetime | None
    decision: Direction | None


@dataclass(frozen=True, slots=True)
class Ladder:
    """All that became of a task's lateness, oldest first, and who read what was decided."""

    task: InboxRow
    rungs: tuple[Rung, ...]
    read: tuple[tuple[str, datetime], ...]


def ladder(person: Person, task_id: int, lang: str = "zh") -> Ladder:
    """The escalations of a task. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "see", access.task_resource(session, task_id))
    task = session.execute(listing.base().where(TASK.c.id == task_id)).mappings().one()
    sensitive = _filled.reads_sensitive(session, person, task_id)
    words = sensitive and task["wrapped_key"] is not None
    shown = listing.rows(session, [task], person, practice.now(), lang)[0]
    return Ladder(
        shown if sensitive else replace(shown, child=children.veiled(shown.child)),
        tuple(_rung(session, row, task, words=words, lang=lang) for row in _asked(session, task)),
        _read(session, task),
    )


def _asked(session: Session, task: Row) -> Sequence[Row]:
    query = (
        select(TASK, INSTANCE.c.release_id, INSTANCE.c.context, UNIT.c.name_zh, UNIT.c.name_en)
        .join(INSTANCE, INSTANCE.c.id == TASK.c.instance_id).join(UNIT, UNIT.c.id == TASK.c.unit_id)
        .where(TASK.c.case_id == task["case_id"], TASK.c.process == deadlines.ESCALATION)
    )  # fmt: skip
    rows = session.execute(query.order_by(TASK.c.id)).mappings()
    return [row for row in rows if row["context"]["task_id"] == task["id"]]


def _rung(session: Session, row: Row, task: Row, *, words: bool, lang: str) -> Rung:
    silent = row["status"] == "cancelled" and row["closed_at"] >= row["due_at"]
    how: How = {"open": "waits", "done": "decided"}.get(row["status"], "silent" if silent else "done")  # type: ignore[assignment]
    return Rung(
        role=library(session, row["release_id"]).role_name(row["role"]),
        unit=Text(row["name_zh"], row["name_en"]).say(lang), asked_at=row["opened_at"], due_at=row["due_at"], how=how,
        ended_at=row["closed_at"], decision=_decision(session, row, task, words=words) if how == "decided" else None,
    )  # fmt: skip


def _decision(session: Session, asked: Row, task: Row, *, words: bool) -> Direction | None:
    sent = submissions.newest_of_task(session, asked["id"])
    if sent is None:
        return None
    said: Mapping[str, Any] = sent["answers"]
    told = submissions.read(sent, _seal.open_key(task["wrapped_key"])) if words else {}
    by = session.scalar(select(USER.c.name).where(USER.c.id == sent["user_id"])) or ""
    until = said.get("new_due_at")
    return Direction(
        said["escalation_action"], str(told.get("instruction") or told.get("reason") or ""), by, sent["recorded_at"],
        datetime.fromisoformat(until) if until else None,
    )  # fmt: skip


def _read(session: Session, task: Row) -> tuple[tuple[str, datetime], ...]:
    """Who read a notice of what was decided about the task, and when."""
    query = (
        select(USER.c.name, NOTICE.c.read_at, OUTBOX.c.payload).join(OUTBOX, OUTBOX.c.id == NOTICE.c.outbox_id)
        .join(USER, USER.c.id == NOTICE.c.reader_id).where(NOTICE.c.case_id == task["case_id"], NOTICE.c.read_at.is_not(None))
    )  # fmt: skip
    rows = session.execute(query.order_by(NOTICE.c.read_at))
    return tuple((row.name, row.read_at) for row in rows if row.payload["ids"].get("task_id") == task["id"])


def again(person: Person, task_id: int) -> None:
    """Begin another escalation of a late task, which asks this person. Raises NotFound where they may not, or one runs."""
    late = access.supervised_tasks(db.session(), person)
    query = listing.base().where(TASK.c.id == task_id, TASK.c.process != deadlines.ESCALATION, late)
    if db.session.execute(query).first() is None:
        raise NotFound("not_asked", NOT_ASKED)
    with commands.work_on(Actor(person.id, "supervisor")) as work:
        case = work.lock_of_task(task_id)
        task = work.session.execute(select(TASK).where(TASK.c.id == task_id)).mappings().one()
        live = work.instance(task["instance_id"])
        role = _post(work, live, person, task["role"])
        if role is None or not _over(work, task):
            raise NotFound("not_asked", NOT_ASKED)
        data = {"process": task["process"], "element": task["element"], "role": role}
        case.chain.append("asked_again", data, at=work.now, actor_id=person.id, instance_id=live.id, task_id=task_id)
        upper = live.library.roles[role].get("escalates_to") or role
        context = {"task_id": task_id, "supervisor": role, "supervisor_upper": upper}
        _queue.start(work, case, deadlines.ESCALATION, context, live.release_id)
        work.session.execute(
            update(TASK).where(TASK.c.id == task_id).values(escalations=TASK.c.escalations + 1)
        )  # fmt: skip


def _over(work: Work, task: Row) -> bool:
    """Whether the task is open and late, was escalated, and nobody is asked any more."""
    running = select(INSTANCE.c.context).where(
        INSTANCE.c.case_id == task["case_id"], INSTANCE.c.process == deadlines.ESCALATION,
        INSTANCE.c.status == "running",
    )  # fmt: skip
    asked = any(context["task_id"] == task["id"] for context in work.session.scalars(running))
    return task["status"] == "open" and task["due_at"] <= work.now and task["escalations"] > 0 and not asked


def _post(work: Work, live: Live, person: Person, role: str) -> str | None:
    """The post of this person, nearest above the task's role, to which the question would come."""
    roles, held = live.library.roles, {(post.role, post.unit_id) for post in person.posts}
    upper = roles[role].get("escalates_to")
    while upper is not None:
        mine = upper in {post for post, _ in held}
        if mine and (upper, _tasks.unit_for(work, live, roles[upper])) in held:
            return str(upper)
        upper = roles[upper].get("escalates_to")
    return None
