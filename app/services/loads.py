"""Who has how much in hand, and one person's hand-over list, for themself and whoever answers for the work.

By name, never ranked: how much somebody holds says who needs help, not who is better. Source: USERS (no league
table of individuals).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import case as when
from sqlalchemy import func, or_, select, true
from sqlalchemy.orm import Session

from app.db import db, table
from app.errors import NotFound
from app.models import Case, Post, Task, Unit, User
from app.rules.access import Person
from app.services import access, leaving, people, practice, releases
from app.services.inbox import listing, queries
from app.services.presence import absences
from app.services.presence.absences import AbsenceRow
from app.services.views import InboxRow, Vacancy
from app.text import Text

TASK, CASE, UNIT, USER, POST = (table(model) for model in (Task, Case, Unit, User, Post))
AGREED = 25
"""Open tasks that one person can look after. Our choice: neither plan nor law names a figure."""
SOON = timedelta(days=1)
MOST = 200
BESIDE = Text("　", ", ")
"""Between a unit and the post in it."""
Posts = Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Load:
    """What one person has in hand."""

    user_id: int
    name: str
    posts: tuple[str, ...]
    open: int = 0
    late: int = 0
    soon: int = 0
    away_until: date | None = None

    @property
    def over(self) -> int:
        """By how many it passes what was agreed."""
        return max(0, self.open - AGREED)


@dataclass(frozen=True, slots=True)
class Loads:
    """Everyone whose work, or account, this person answers for, by name; and posts that nobody holds."""

    rows: tuple[Load, ...]
    vacant: tuple[Vacancy, ...]
    former: tuple[leaving.Former, ...]
    counted: bool
    as_of: datetime
    more: bool
    agreed: int = AGREED


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one person holds, watches and has handed on, by when it falls due."""

    user_id: int
    name: str
    posts: tuple[str, ...]
    own: bool
    held: tuple[InboxRow, ...]
    watched: tuple[InboxRow, ...]
    handed: tuple[InboxRow, ...]
    more: bool
    to: tuple[tuple[int, str], ...]
    may_end: bool
    may_be_away: bool
    absences: tuple[AbsenceRow, ...]
    stands_in: tuple[AbsenceRow, ...]
    counted: bool
    as_of: datetime


def page(person: Person, lang: str = "zh", search: str = "") -> Loads:
    """The loads of those whose work this person answers for; to an administrator, everyone, without figures of work."""
    session, now = db.session(), practice.now()
    figures = _figures(session, person, now)
    posts = _posts(session, person, lang)
    query = select(USER.c.id, USER.c.name).where(USER.c.active, USER.c.id.in_({*figures, *posts} - {person.id}))
    query = query.where(USER.c.name.contains(search, autoescape=True)).order_by(USER.c.name, USER.c.id).limit(MOST + 1)
    rows = session.execute(query).all()
    gone = absences.until(session, [row.id for row in rows], now)
    return Loads(
        rows=tuple(
            Load(row.id, row.name, posts.get(row.id, ()), *figures.get(row.id, (0, 0, 0)), gone.get(row.id))
            for row in rows[:MOST]
        ),
        vacant=leaving.vacant(session, person, lang),
        former=leaving.former(session, person, lang),
        counted=bool(access.policy(session).scope(person).supervised),
        as_of=now,
        more=len(rows) > MOST,
    )


def _figures(session: Session, person: Person, now: datetime) -> dict[int, tuple[int, int, int]]:
    """By who holds them: tasks open, late, due within a day, among those this person answers for."""
    late = func.sum(when((TASK.c.due_at <= now, 1), else_=0))
    soon = func.sum(when(((TASK.c.due_at > now) & (TASK.c.due_at <= now + SOON), 1), else_=0))
    query = (
        select(TASK.c.assignee_id, func.count(), late, soon)
        .join(UNIT, UNIT.c.id == TASK.c.unit_id)
        .join(CASE, CASE.c.id == TASK.c.case_id)
        .where(TASK.c.status == "open", TASK.c.assignee_id.is_not(None), access.supervised_tasks(session, person))
        .group_by(TASK.c.assignee_id)
    )
    return {row[0]: (row[1], int(row[2]), int(row[3])) for row in session.execute(query)}


def _posts(session: Session, person: Person, lang: str, user_id: int | None = None) -> Posts:
    """Posts in words, by who holds them: those that this person answers for, or may end."""
    rules = access.policy(session)
    reach: Any = access.within_reach(rules.scope(person).supervised, POST)
    if rules.can(person, "administer", leaving.SYSTEM):
        reach = true()
    query = select(POST.c.user_id, POST.c.role, UNIT.c.name_zh, UNIT.c.name_en).join(UNIT, UNIT.c.id == POST.c.unit_id)
    asked = or_(reach, POST.c.user_id == person.id)
    if user_id is not None:
        asked = asked & (POST.c.user_id == user_id)
    books, found = releases.current_library(), dict[int, tuple[str, ...]]()
    for row in session.execute(query.where(asked).order_by(POST.c.id)):
        unit, role = Text(row.name_zh, row.name_en).say(lang), books.role_name(row.role).say(lang)
        found[row.user_id] = (*found.get(row.user_id, ()), f"{unit}{BESIDE.say(lang)}{role}")
    return found


def sheet(person: Person, user_id: int, lang: str = "zh") -> Sheet:
    """The hand-over list of a person. Raises NotFound where neither they nor their work are this person's to see.

    What somebody watches is their own affair: only they find it here.
    """
    session, now = db.session(), practice.now()
    own, posts = user_id == person.id, _posts(session, person, lang, user_id).get(user_id, ())
    reach: Any = true() if own else access.supervised_tasks(session, person)
    open_now = listing.base().where(TASK.c.status == "open").order_by(TASK.c.due_at, TASK.c.id).limit(MOST + 1)
    held = session.execute(open_now.where(TASK.c.assignee_id == user_id, reach)).mappings().all()
    user = session.execute(select(USER.c.name).where(USER.c.id == user_id, USER.c.active)).first()
    if user is None or not (own or posts or held):
        raise NotFound("no_person", access.NOTHING_HERE)
    handed = session.execute(
        open_now.where(TASK.c.owner_id == user_id, queries.of_posts(person) if own else reach)
    ).mappings().all()  # fmt: skip
    watching = queries.first(session, queries.parts(session, "watching", person, now), MOST + 1) if own else []
    marked = session.execute(open_now.where(TASK.c.id.in_(watching))).mappings().all()
    given = {one for row in held[:MOST] for one in people.colleagues(session, row["role"], row["unit_id"])}
    return Sheet(
        user_id=user_id, name=user.name, posts=posts, own=own, as_of=now,
        held=listing.rows(session, held[:MOST], person, now, lang),
        watched=listing.rows(session, marked[:MOST], person, now, lang),
        handed=listing.rows(session, handed[:MOST], person, now, lang),
        more=max(len(held), len(marked), len(handed)) > MOST,
        to=tuple(sorted((one for one in given if one[0] != user_id), key=lambda one: one[1])),
        may_end=leaving.may(session, person, user_id),
        may_be_away=absences.may(session, person, user_id),
        absences=absences.of_person(session, user_id, now, lang),
        stands_in=absences.for_others(session, user_id, now, lang) if own else (),
        counted=own or bool(access.policy(session).scope(person).supervised),
    )  # fmt: skip
