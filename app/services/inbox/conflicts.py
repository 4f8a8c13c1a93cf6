"""Two people, one task: what the other one sent beside what was typed here, field by field.

Nothing typed is lost: it is kept as a draft where one may be kept, and shown here in any case.
Source: ARCHITECTURE rule 1; UI.md "Conflict".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select

from app.db import db, table
from app.models import Case, Submission, Task, User
from app.rules.access import Person
from app.rules.forms import Form
from app.services import _seals, choices, practice, submissions
from app.services._seals import Seals
from app.services.views import Seal
from app.text import Text

SUBMISSION, CASE, TASK, USER = table(Submission), table(Case), table(Task), table(User)
State = Literal["differ", "same", "only_mine", "only_theirs"]


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """One field, as each of the two answered it."""

    name: str
    label: Text
    theirs: str
    mine: str
    state: State
    sealed: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """What somebody else sent first, and what was typed here."""

    by: str
    at: datetime | None
    mine_at: datetime
    closed: bool
    rows: tuple[ConflictRow, ...]
    seal: Seal | None = None


def theirs(person: Person, task_id: int, form: Form) -> dict[str, Any]:
    """What holds of the task's form now, as far as `person` sees it."""
    query = select(TASK.c.case_id, CASE.c.wrapped_key).join(CASE, CASE.c.id == TASK.c.case_id)
    task = db.session.execute(query.where(TASK.c.id == task_id)).one()
    row = submissions.newest_of_task(db.session(), task_id)
    told = _seals.read(row, task.wrapped_key) if row else {}
    seal = (
        Seals(db.session(), person, task.case_id).of(row["id"], row["user_id"], _seals.names(form, told))
        if row
        else None
    )
    shut = seal.names if seal and not seal.open else frozenset()
    return {name: value for name, value in told.items() if name not in shut}


def of_task(person: Person, task_id: int, form: Form, raw: Mapping[str, Any], lang: str) -> Conflict:
    """The conflict about a task between `person` and whoever was first."""
    query = select(TASK.c.status, TASK.c.case_id, CASE.c.wrapped_key).join(CASE, CASE.c.id == TASK.c.case_id)
    task = db.session.execute(query.where(TASK.c.id == task_id)).one()
    sent = select(SUBMISSION, USER.c.name).outerjoin(USER, USER.c.id == SUBMISSION.c.user_id)
    row = (
        db.session.execute(sent.where(SUBMISSION.c.task_id == task_id).order_by(SUBMISSION.c.id.desc()).limit(1))
        .mappings()
        .first()
    )
    theirs = _seals.read(row, task.wrapped_key) if row else {}
    offered = choices.of_case(db.session(), task.case_id, form, lang)
    sealed = _seals.names(form, theirs)
    seal = Seals(db.session(), person, task.case_id).of(row["id"], row["user_id"], sealed) if row else None
    shut = seal.names if seal and not seal.open else frozenset()
    rows = tuple(
        _row(form, name, theirs, raw, lang, offered, sealed=name in shut)
        for name in form.questions
        if theirs.get(name) or raw.get(name)
    )
    return Conflict(
        (row["name"] or "") if row else "",
        row["recorded_at"] if row else None,
        practice.now(),
        task.status != "open",
        rows,
        seal,
    )


def _row(
    form: Form, name: str, theirs: Mapping[str, Any], mine: Mapping[str, Any], lang: str, offered: Any, *, sealed: bool
) -> ConflictRow:
    field = form.questions[name]
    said = [
        " ".join(line.value for line in form.describe({name: one[name]}, lang, offered)) if one.get(name) else ""
        for one in (theirs, mine)
    ]
    state: State = "differ"
    if said[0] == said[1]:
        state = "same"
    elif not said[0]:
        state = "only_mine"
    elif not said[1]:
        state = "only_theirs"
    return ConflictRow(name, field.label, "" if sealed else said[0], said[1], state, sealed=sealed)
