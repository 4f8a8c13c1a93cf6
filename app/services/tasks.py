"""What a person does with a task: look at it, take it, give it back, keep a draft. Sending is in commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.db import Row, changed, db, table, transaction
from app.errors import NotFound, Stale
from app.models import Case, Draft, Task, User
from app.rules.access import Action, Person, Resource
from app.rules.forms import Form
from app.services import (
    _filled,
    _outlook,
    _seal,
    access,
    attachments,
    cases,
    children,
    choices,
    directions,
    people,
    practice,
    remarks,
    reported,
    suspensions,
)
from app.services._filled import draft_place
from app.services._work import CHANGED
from app.services.history import _versions
from app.services.inbox import listing
from app.services.library import Library, library
from app.services.views import Outlook, TaskPage
from app.text import Text

TASK, DRAFT, USER, CASE = (table(model) for model in (Task, Draft, User, Case))
UNSEEN = frozenset(("complete", "draft"))
"""Nobody sends a form of which part is hidden from them: what they did not see would be lost. They claim it first."""


def page(person: Person, task_id: int, lang: str = "zh") -> TaskPage:
    """Everything the task page shows. Raises NotFound, Forbidden."""
    session, now = db.session(), practice.now()
    resource = access.task_resource(session, task_id)
    access.require(session, person, "see", resource)
    row = session.execute(listing.base().where(TASK.c.id == task_id)).mappings().one()
    books = library(session, row["release_id"])
    element = books.definition(row["process"]).element(row["process"], row["element"])
    form = books.form(element.form or "")
    filled = _filled.of(session, person, row, form, now, lang)
    shown = listing.rows(session, [row], person, now, lang)[0]
    may = _may(session, person, resource) if row["status"] == "open" else _may_correct(session, person, row)
    if filled.sensitive and row["wrapped_key"] and access.policy(session).can(person, "remark", resource):
        may |= {"remark"}
    withheld = filled.seal is not None and not filled.seal.open
    return TaskPage(
        row=shown if filled.sensitive else replace(shown, child=children.veiled(shown.child)),
        version=row["version"],
        form_id=form.id,
        answers=filled.answers,
        draft_saved_at=filled.saved_at,
        choices=(choices.of(session, row, form, lang) if filled.sensitive else {})
        | attachments.named(session, row["case_id"], form, filled.answers, attachments.at_hand(person, task_id)),
        clauses=tuple(books.clauses[clause] for clause in element.clauses if clause in books.clauses),
        outcomes=_outlook.outcomes(session, row, books, form, now) if row["status"] == "open" else (),
        outlook=_outlook.so_far(session, row, books, form, now, filled.answers) if row["status"] == "open" else None,
        seen_by=_seen_by(books, row),
        may=may - UNSEEN if withheld else may,
        closed=_closed(session, row),
        seal=filled.seal,
        direction=directions.latest(session, row, words=filled.sensitive),
        suspended=suspensions.of_task(session, row, words=filled.sensitive),
        erased=row["wrapped_key"] is None,
        opens_case=cases.may_see(person, row["case_id"]),
        occurred=filled.occurred,
        colleagues=_colleagues(session, person, resource) if "give" in may else (),
        remarks=remarks.of_task(session, row) if filled.sensitive else (),
        versions=_versions.of_task(session, row, reasons=filled.sensitive) if row["status"] == "done" else (),
        reported=reported.of_task(session, person, row, form, lang) if filled.sensitive else None,
    )


def outlook(person: Person, task_id: int, raw: Mapping[str, Any]) -> Outlook:
    """What follows the answers in `raw`, for who fills the form. Raises NotFound, Forbidden, Stale."""
    session = db.session()
    access.require(session, person, "work", access.task_resource(session, task_id))
    row = session.execute(listing.base().where(TASK.c.id == task_id)).mappings().one()
    if row["status"] != "open":
        raise Stale("task_changed", CHANGED, task=task_id)
    books = library(session, row["release_id"])
    form = books.form(books.definition(row["process"]).element(row["process"], row["element"]).form or "")
    return _outlook.so_far(session, row, books, form, practice.now(), raw)


def is_open(task_id: int) -> bool:
    """Whether the task still waits for its form."""
    return db.session.scalar(select(TASK.c.status).where(TASK.c.id == task_id)) == "open"


def form_of(task_id: int) -> tuple[Form, int]:
    """The form of a task, and its case."""
    session = db.session()
    row = session.execute(listing.base().where(TASK.c.id == task_id)).mappings().first()
    if row is None:
        raise NotFound("no_task", access.NOTHING_HERE)
    books = library(session, row["release_id"])
    element = books.definition(row["process"]).element(row["process"], row["element"])
    return books.form(element.form or ""), row["case_id"]


def _may(session: Session, person: Person, resource: Any) -> frozenset[str]:
    rules = access.policy(session)
    asked: dict[str, Action] = {"claim": "take", "complete": "work", "draft": "work"}
    allowed = {name for name, action in asked.items() if rules.can(person, action, resource)}
    if rules.can(person, "supervise", resource):
        allowed |= {"give"}
    if resource.assignee_id == person.id:
        allowed |= {"release", "give"}
        allowed -= {"claim"}
    return frozenset(allowed)


def _may_correct(session: Session, person: Person, row: Row) -> frozenset[str]:
    if row["status"] != "done" or row["wrapped_key"] is None:
        return frozenset()
    allowed = access.policy(session).can(person, "correct", access.filled_resource(session, row["id"]))
    return frozenset(("correct",)) if allowed else frozenset()


def _colleagues(session: Session, person: Person, resource: Resource) -> tuple[tuple[int, str], ...]:
    """Others who hold the task's post."""
    held = people.colleagues(session, resource.role, resource.unit_id) if resource.unit_id is not None else []
    return tuple(one for one in held if one[0] not in (person.id, resource.assignee_id))


def _closed(session: Session, row: Row) -> Text | None:
    if row["status"] == "open":
        return None
    name = session.scalar(select(USER.c.name).where(USER.c.id == row["closed_by"])) or ""
    if row["status"] == "done":
        return Text(f"这件事{name}已经办完。" if name else "这件事已经办完。", f"{name or 'Somebody'} has done this.")
    return Text("这件事不用办了：流程已经走到别处。", "This need not be done: the case has moved on.")


def save_draft(person: Person, task_id: int, answers: Mapping[str, Any]) -> datetime:
    """Keep what was typed, whatever it is; returns when. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "work", access.task_resource(session, task_id))
    case_id, wrapped = session.execute(
        select(CASE.c.id, CASE.c.wrapped_key).join(TASK, TASK.c.case_id == CASE.c.id).where(TASK.c.id == task_id)
    ).one()
    key, now = f"task:{task_id}", practice.now()
    secret = _seal.open_key(wrapped).seal(dict(answers), draft_place(person.id, key))
    with transaction() as writing:
        done = changed(
            writing,
            update(DRAFT).where(DRAFT.c.user_id == person.id, DRAFT.c.key == key).values(secret=secret, saved_at=now),
        )
        if not done:
            writing.execute(
                insert(DRAFT).values(user_id=person.id, key=key, case_id=case_id, secret=secret, saved_at=now)
            )
    return now


def drop_draft(person: Person, task_id: int) -> None:
    """Throw a draft away, as its writer asked."""
    with transaction() as session:
        session.execute(delete(DRAFT).where(DRAFT.c.user_id == person.id, DRAFT.c.key == f"task:{task_id}"))


def claim(person: Person, task_id: int) -> None:
    """Take a free task. Raises Stale when somebody was quicker, Forbidden when it is not for this person's post."""
    _assign(person, task_id, "take", None, person.id)


def release(person: Person, task_id: int) -> None:
    """Give a task back to the unit. Raises Stale when it is no longer this person's."""
    _assign(person, task_id, "see", person.id, None)


def _assign(person: Person, task_id: int, action: Action, before: int | None, after: int | None) -> None:
    session = db.session()
    resource = access.task_resource(session, task_id)
    access.require(session, person, "see", resource)
    if resource.assignee_id != before:
        raise Stale("task_changed", CHANGED, task=task_id)
    access.require(session, person, action, resource)
    with transaction() as writing:
        done = changed(
            writing,
            update(TASK)
            .where(TASK.c.id == task_id, TASK.c.status == "open", TASK.c.assignee_id.is_not_distinct_from(before))
            .values(assignee_id=after, owner_id=None),
        )
        if done != 1:
            raise Stale("task_changed", CHANGED, task=task_id)


def layout(person: Person, task_id: int, lang: str = "zh") -> tuple[str, dict[str, Any], dict[str, choices.Options]]:
    """A task's form as data, for programs: its id, its form-js layout, its options. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "see", access.task_resource(session, task_id))
    row = session.execute(listing.base().where(TASK.c.id == task_id)).mappings().one()
    books = library(session, row["release_id"])
    form = books.form(books.definition(row["process"]).element(row["process"], row["element"]).form or "")
    sensitive = _filled.reads_sensitive(session, person, task_id)
    return form.id, books.layout(form.id), choices.of(session, row, form, lang) if sensitive else {}


def _seen_by(books: Library, row: Row) -> tuple[Text, ...]:
    role = books.roles.get(row["role"], {})
    upper = role.get("escalates_to")
    names = [books.role_name(row["role"])] + ([books.role_name(upper)] if upper else [])
    return tuple(names)
