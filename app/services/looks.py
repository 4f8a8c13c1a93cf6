"""That somebody opened a record: written once the page is made, cheaply, so that it can be asked who saw what.

Lists and search results open nothing. One person's further looks at one record within AGAIN are the same look. What is
sealed has openings of its own, with reasons (reading.py). Source: issue "the auditor's half", part 7; ADR 0025.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.db import db, table, transaction
from app.models import Attachment, Instance, Look, Paper, Submission, Task
from app.rules.access import Person, Post
from app.services import access, practice

LOOK = table(Look)
Kind = Literal["case", "task", "record", "paper", "file", "run", "replay", "reads"]
"""What was opened: a case's pages, a task, a form as sent, a paper, a file, a run to be suspended, a replay, the read log."""
Via = Literal["web", "api"]
IN_CASE = {
    "task": table(Task),
    "record": table(Submission),
    "paper": table(Paper),
    "file": table(Attachment),
    "run": table(Instance),
}
"""Kinds whose records are rows of a case; the others are named by the case itself."""
AGAIN = timedelta(minutes=15)
"""Our choice; so long lasts an opening of what is sealed, too."""
NOBODY = 0
"""No person's id."""


def note(person: Person, opened: Collection[tuple[Kind, int]], via: Via) -> None:
    """Write down that this person opened these records, but for what they opened a short while ago."""
    session, now = db.session(), practice.now()
    fresh = set(opened) - _lately(session, person, via, now - AGAIN)
    rows = [row for kind, record_id in sorted(fresh) if (row := _row(session, person, kind, record_id))]
    if rows:
        with transaction() as writing:
            writing.execute(insert(LOOK), [{**row, "at": now, "via": via} for row in rows])


def _lately(session: Session, person: Person, via: Via, since: datetime) -> set[Any]:
    query = select(LOOK.c.kind, LOOK.c.record_id).where(
        LOOK.c.user_id == person.id, LOOK.c.at > since, LOOK.c.via == via
    )
    return {tuple(row) for row in session.execute(query)}


def _row(session: Session, person: Person, kind: Kind, record_id: int) -> dict[str, Any] | None:
    """The look but for when and by what way; None when there is no such record."""
    case_id: int | None = record_id
    if kind in IN_CASE:
        case_id = session.scalar(select(IN_CASE[kind].c.case_id).where(IN_CASE[kind].c.id == record_id))
    if case_id is None:
        return None
    post = _post(session, person, kind, record_id, case_id)
    held = {"role": post.role, "unit_id": post.unit_id} if post else {"role": "", "unit_id": None}
    return {"user_id": person.id, "case_id": case_id, "kind": kind, "record_id": record_id, **held}


def _post(session: Session, person: Person, kind: Kind, record_id: int, case_id: int) -> Post | None:
    """The person's post; of several the first that by itself, whoever held it, opens the record, else the first."""
    if len(person.posts) > 1:
        rules = access.policy(session)
        resource = (
            access.task_resource(session, record_id) if kind == "task" else access.case_resource(session, case_id)
        )
        for post in person.posts:
            if rules.can(Person(NOBODY, (post,)), "see", resource):
                return post
    return next(iter(person.posts), None)
