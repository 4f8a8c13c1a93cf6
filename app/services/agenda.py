"""What falls due in the cases that a person may see: task limits, timers and planned starts, earliest first.

Pages are keyed by (due_at, id). A deadline shows its rule and its day, never a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.models import Case, Deadline, Instance, Task
from app.rules.access import Person
from app.rules.deadlines import DeadlineRules
from app.services import _held, access, practice
from app.services.inbox import listing, queries
from app.services.library import library
from app.text import Text

DEADLINE, CASE, INSTANCE, TASK = table(Deadline), table(Case), table(Instance), table(Task)
WHEN = ("due", "overdue", "today")
STANDS = and_(TASK.c.status == "open", TASK.c.due_at == DEADLINE.c.due_at)
BY_DIAGRAM = Text("流程图定的日子", "A day that the diagram sets")
ITS_END = Text("暂停到这一天", "The day on which a suspension ends")


@dataclass(frozen=True, slots=True)
class DeadlineRow:
    """One deadline that has not fired yet, or a task's limit while the task is open."""

    id: int
    kind: str
    rule: str
    name: Text
    due_at: datetime
    law_date: date | None
    provisional: bool
    overdue: bool
    case_id: int
    task_id: int | None
    process: str


@dataclass(frozen=True, slots=True)
class Agenda:
    """One page; `after` is the key of the next, or empty."""

    deadlines: tuple[DeadlineRow, ...]
    after: str
    as_of: datetime


def page(person: Person, when: str = "due", after: str = "", limit: int = listing.PAGE) -> Agenda:
    """One page of what is due. A task's limit that has passed stays until the task is closed. Raises Refused."""
    session, now = db.session(), practice.now()
    query = (
        select(DEADLINE, INSTANCE.c.process, INSTANCE.c.release_id)
        .join(CASE, CASE.c.id == DEADLINE.c.case_id)
        .join(INSTANCE, INSTANCE.c.id == DEADLINE.c.instance_id)
        .outerjoin(TASK, TASK.c.id == DEADLINE.c.task_id)
        .where(or_(DEADLINE.c.state == "due", STANDS), _within_reach(session, person))
    )
    if when != "due":
        query = query.where(DEADLINE.c.due_at <= (now if when == "overdue" else queries.end_of_day(now)))
    if after:
        query = query.where(tuple_(DEADLINE.c.due_at, DEADLINE.c.id) > listing.key_of(after))
    found = session.execute(query.order_by(DEADLINE.c.due_at, DEADLINE.c.id).limit(limit + 1)).mappings().all()
    following = listing.key_after(found[limit - 1]) if len(found) > limit else ""
    return Agenda(tuple(_row(session, row, now) for row in found[:limit]), following, now)


def _within_reach(session: Session, person: Person) -> Any:
    """Those of cases that the person sees, and of tasks that are the person's to do."""
    return or_(access.seen_cases(session, person), queries.of_posts(person), TASK.c.assignee_id == person.id)


def _row(session: Session, row: Row, now: datetime) -> DeadlineRow:
    rules = library(session, row["release_id"]).deadlines
    return DeadlineRow(
        id=row["id"], kind=row["kind"], rule=row["rule"],
        name=_name(rules, row), due_at=row["due_at"],
        law_date=row["law_date"], provisional=row["provisional"], overdue=row["due_at"] <= now,
        case_id=row["case_id"], task_id=row["task_id"], process=row["process"],
    )  # fmt: skip


def _name(rules: DeadlineRules, row: Row) -> Text:
    if row["kind"] == _held.END:
        return ITS_END
    return rules.describe(row["rule"]).name if row["rule"] else BY_DIAGRAM
