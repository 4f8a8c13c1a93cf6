"""The inbox: open tasks that a person may do, in the order in which they fall due.

Pages are keyed by (due_at, id), so the thousandth page costs what the first does. Who may
see what follows from the person's posts; nothing else is read. Source: PERFORMANCE §7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.clock import LAW_ZONE
from app.db import Row, db, table
from app.errors import Refused
from app.models import Case, Child, Draft, Instance, Task, TaskMark, Unit, User
from app.rules.access import Person, Resource
from app.services import children, practice
from app.services._work import NO_LIMIT
from app.services.inbox import queries
from app.services.library import Library, library
from app.services.views import DueView, InboxFilter, InboxGroup, InboxPage, InboxRow
from app.text import Text

TASK, CASE, CHILD, DRAFT, UNIT, USER = (table(model) for model in (Task, Case, Child, Draft, Unit, User))
INSTANCE, MARK = table(Instance), table(TaskMark)
OWNER = USER.alias("owner")
VIEWS, counts = queries.VIEWS, queries.counts
PAGE = 50
EVERYTHING = InboxFilter()
KEY = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00)_(\d{1,18})")
NO_KEY = Text("翻页的位置不对，请从第一页看起。", "That is no place in this list; begin at the first page.")
GroupKey = Literal["late", "today", "week", "later", "open"]

COLUMNS = (
    TASK, CASE.c.wrapped_key, CASE.c.risk, CASE.c.path, CASE.c.facts, CASE.c.kind.label("case_kind"),
    CASE.c.opened_at.label("case_opened_at"),
    CHILD.c.secret.label("child_secret"), USER.c.name.label("assignee"), OWNER.c.name.label("owner"), INSTANCE.c.release_id,
    INSTANCE.c.context, UNIT.c.name_zh.label("unit_zh"), UNIT.c.name_en.label("unit_en"),
)  # fmt: skip


def base() -> Select[Any]:
    """Open tasks with all that a row shows."""
    return (
        select(*COLUMNS)
        .join(CASE, CASE.c.id == TASK.c.case_id)
        .join(INSTANCE, INSTANCE.c.id == TASK.c.instance_id)
        .join(UNIT, UNIT.c.id == TASK.c.unit_id)
        .outerjoin(CHILD, CHILD.c.case_id == TASK.c.case_id)
        .outerjoin(USER, USER.c.id == TASK.c.assignee_id)
        .outerjoin(OWNER, OWNER.c.id == TASK.c.owner_id)
    )


def page(
    person: Person,
    view: str = "mine",
    after: str = "",
    lang: str = "zh",
    limit: int = PAGE,
    asked: InboxFilter = EVERYTHING,
) -> InboxPage:
    """One page of `view`, narrowed to what is asked for, in groups by when it falls due, with the counts of every view."""
    session, now = db.session(), practice.now()
    conditions, only = queries.parts(session, view, person, now), queries.narrowed(session, asked)
    ids = queries.first(session, conditions, limit + 1, key_of(after) if after else None, only)
    query = base().where(TASK.c.id.in_(ids[:limit])).order_by(TASK.c.due_at, TASK.c.id)
    found = list(session.execute(query).mappings()) if ids else []
    shown = rows(session, found, person, now, lang)
    return InboxPage(
        view=view,
        groups=_grouped(shown, now),
        counts=counts(session, person, now),
        after=key_after(found[-1]) if len(ids) > limit else "",
        as_of=now,
        matching=queries.count(session, conditions, only) if only is not None else "",
    )


def key_after(row: Row) -> str:
    """The key of the page that begins after this row, by `due_at` and `id`."""
    return f"{row['due_at'].isoformat()}_{row['id']}"


def key_of(after: str) -> tuple[datetime, int]:
    """The place that a page's key names. Raises Refused for what is no such key."""
    found = KEY.fullmatch(after)
    try:
        return datetime.fromisoformat(found[1] if found else ""), int(found[2] if found else "")
    except ValueError as error:
        raise Refused("after", NO_KEY) from error


def rows(session: Session, found: Sequence[Row], person: Person, now: datetime, lang: str) -> tuple[InboxRow, ...]:
    """Rows as a list shows them; names are opened only for those who get here."""
    places = children.place_names(session, {row["path"] for row in found}, lang)
    ids = [row["id"] for row in found]
    drafts, watched = _drafts(session, person.id, ids), _watched(session, person.id, ids)
    shown = (_row(session, row, places, drafts, person, now, lang) for row in found)
    return tuple(
        replace(row, watched=True, follow_up_on=watched[row.id]) if row.id in watched else row for row in shown
    )


def _row(
    session: Session,
    row: Row,
    places: Mapping[str, str],
    drafts: set[str],
    person: Person,
    now: datetime,
    lang: str,
) -> InboxRow:
    books = library(session, row["release_id"])
    element = books.definition(row["process"]).element(row["process"], row["element"])
    absent = (
        person.for_whom(Resource("task", role=row["role"], unit_id=row["unit_id"], assignee_id=row["assignee_id"]))
        if row["status"] == "open"
        else None
    )
    return InboxRow(
        id=row["id"],
        title=element.name,
        process=books.process_name(row["process"]),
        child=children.line({**row, "place": places.get(row["path"], "")}, now),
        case_id=row["case_id"],
        report=children.case_number(row["case_id"], row["case_opened_at"]) if row["case_kind"] == "report" else "",
        due=due_view(books, row),
        late=row["due_at"] <= now,
        mine=row["assignee_id"] == person.id,
        claimed_by=row["assignee"] or "",
        unit=Text(row["unit_zh"], row["unit_en"]).say(lang),
        role=books.role_name(row["role"]),
        has_draft=f"task:{row['id']}" in drafts,
        owner=row["owner"] or "",
        opened_at=row["opened_at"],
        stands_in_for=absent.name if absent else "",
        stands_in_until=absent.until if absent else None,
        on_duty=row["assignee_id"] is None and queries.first_for(person, row),
    )


def due_view(books: Library, row: Row) -> DueView:
    """Until when, by which rule and how it was reckoned, from what the task's row remembers."""
    said, due = books.deadlines.describe(row["deadline_id"]), row["due"]
    if row["due_at"] == NO_LIMIT:
        return DueView(
            None,
            deadline_id=row["deadline_id"],
            rule=said.rule,
            source=said.source.strip("—"),
            is_choice=said.is_choice,
        )
    return DueView(
        at=row["due_at"],
        provisional=bool(due.get("provisional")),
        deadline_id=row["deadline_id"],
        rule=said.name,
        started_at=datetime.fromisoformat(due["started_at"]) if due.get("started_at") else None,
        start_fact=Text("", ""),
        method=Text(due.get("zh", ""), due.get("en", "")),
        source=said.source.strip("—"),
        is_choice=said.is_choice,
    )


def _drafts(session: Session, user_id: int, task_ids: Sequence[int]) -> set[str]:
    keys = [f"task:{task_id}" for task_id in task_ids]
    return set(session.scalars(select(DRAFT.c.key).where(DRAFT.c.user_id == user_id, DRAFT.c.key.in_(keys))))


def _watched(session: Session, user_id: int, task_ids: Sequence[int]) -> dict[int, date | None]:
    query = select(MARK.c.task_id, MARK.c.follow_up_on).where(MARK.c.user_id == user_id, MARK.c.task_id.in_(task_ids))
    return {task_id: day for task_id, day in session.execute(query)}


def group_of(row: InboxRow, now: datetime) -> GroupKey:
    """The span in which a row falls due."""
    if row.due.at is None:
        return "open"
    if row.late:
        return "late"
    tonight = queries.end_of_day(now)
    if row.due.at <= tonight:
        return "today"
    to_sunday = timedelta(days=6 - now.astimezone(LAW_ZONE).weekday())
    return "week" if row.due.at <= tonight + to_sunday else "later"


def _grouped(shown: Sequence[InboxRow], now: datetime) -> tuple[InboxGroup, ...]:
    keys: tuple[GroupKey, ...] = ("late", "today", "week", "later", "open")
    groups = {key: tuple(row for row in shown if group_of(row, now) == key) for key in keys}
    return tuple(InboxGroup(key, group) for key, group in groups.items() if group)
