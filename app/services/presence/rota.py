"""Who of a unit's post is on duty when: a week as a grid, kept by whoever answers for the post, and its gaps.

Being on duty means to take urgent work first, never alone: a free task stays free for everybody who holds the post,
and where nobody is on duty it is simply the whole unit's. What is over cannot be changed. Source: issue "daily work",
part 5; ADR 0021.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, true, update
from sqlalchemy.orm import Session

from app.clock import LAW_ZONE
from app.db import changed, db, table, transaction
from app.errors import Forbidden, NotFound, Refused
from app.models import Absence, Duty, Post, Unit, User
from app.rules import access as rules
from app.rules.access import SYSTEM_POSTS, Person
from app.rules.rota import Shift, monday, shift_at, shifts
from app.services import access, leaving, people, practice, releases
from app.services.presence import standing
from app.text import Text

ABSENCE, DUTY, POST, UNIT, USER = (table(model) for model in (Absence, Duty, Post, Unit, User))
WEEK = 7
KEPT_FOR = timedelta(days=14)
"""A post has a rota while somebody was on duty so lately, or will be; posts without one have no gaps."""
MOST = 50
NOT_YOURS = Text(
    "只有主管这个岗位的人，或者管理员，才能排班。",
    "Only whoever answers for this post, or an administrator, keeps its rota.",
)
NOT_HELD = Text(
    "这个人不在这个岗位，不能排班。请另选一位。", "This person does not hold the post. Choose somebody else."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One shift: who is named, who is really there, whether it can still be changed, and whether it is now."""

    shift: Shift
    user_id: int | None
    name: str
    there: str  # a colleague who stands in for who is named; "" for nobody
    gap: bool
    open: bool
    now: bool


@dataclass(frozen=True, slots=True)
class Week:
    """A post's week."""

    unit_id: int
    role: str
    post: str
    monday: date
    cells: tuple[Cell, ...]
    people: tuple[tuple[int, str], ...]
    may_keep: bool
    as_of: datetime

    @property
    def sunday(self) -> date:
        """Its last day."""
        return self.monday + timedelta(days=WEEK - 1)

    @property
    def before(self) -> date:
        """A day of the week before."""
        return self.monday - timedelta(days=WEEK)

    @property
    def after(self) -> date:
        """A day of the week after."""
        return self.monday + timedelta(days=WEEK)


@dataclass(frozen=True, slots=True)
class Gap:
    """A shift within the next days for which a post with a rota has nobody."""

    unit_id: int
    role: str
    post: str
    shift: Shift


@dataclass(frozen=True, slots=True)
class Posts:
    """The posts whose rota this person may look at: their own, and those with a rota that they answer for; the gaps."""

    rows: tuple[tuple[int, str, str], ...]  # unit, role, in words
    gaps: tuple[Gap, ...]


def index(person: Person, lang: str = "zh") -> Posts:
    """Every rota within reach, and what is missing in the coming week."""
    session, now = db.session(), practice.now()
    own = {(post.unit_id, post.role) for post in person.posts if post.unit_id and post.role not in SYSTEM_POSTS}
    found = own | _kept(session, person, now) | _inside(session, person)
    said = _said(session, found, lang)
    rows = sorted(((unit, role, said[unit, role]) for unit, role in found if unit is not None), key=lambda one: one[2])
    return Posts(tuple(rows[:MOST]), gaps(session, person, now, lang))


def week(person: Person, unit_id: int, role: str, day: date | None, lang: str = "zh") -> Week:
    """The week in which `day` lies. Raises NotFound where the rota is not this person's to see."""
    session, now = db.session(), practice.now()
    post = _seen(session, person, unit_id, role)
    first = monday(day or now.astimezone(LAW_ZONE).date())
    return Week(
        unit_id=unit_id, role=role, post=_said(session, {(unit_id, role)}, lang)[unit_id, role], monday=first,
        cells=_cells(session, unit_id, role, first, now), people=tuple(people.holders(session, role, unit_id)),
        may_keep=_may_keep(session, person, post), as_of=now,
    )  # fmt: skip


def keep(person: Person, unit_id: int, role: str, wanted: Mapping[Shift, int | None]) -> int:
    """Put down who is on duty in these shifts, nobody for None; returns how many changed. Shifts that are over stay.

    Raises NotFound, Forbidden, Refused for somebody who does not hold the post.
    """
    post = _seen(db.session(), person, unit_id, role)
    if not _may_keep(db.session(), person, post):
        raise Forbidden("not_your_rota", NOT_YOURS)
    if not {user_id for user_id in wanted.values() if user_id} <= {
        one for one, _ in people.holders(db.session(), role, unit_id)
    }:
        raise Refused("not_held", NOT_HELD)
    with transaction() as session:
        now = practice.now(session)
        session.execute(select(UNIT.c.id).where(UNIT.c.id == unit_id).with_for_update())
        ahead = {shift: user_id for shift, user_id in wanted.items() if shift.ends > now}
        return sum(_put(session, person, (unit_id, role), shift, user_id, now) for shift, user_id in ahead.items())


def _put(
    session: Session, person: Person, post: tuple[int, str], shift: Shift, user_id: int | None, now: datetime
) -> int:
    here = (DUTY.c.unit_id == post[0], DUTY.c.role == post[1], DUTY.c.day == shift.day, DUTY.c.shift == shift.name)
    named = session.scalar(select(DUTY.c.user_id).where(*here))
    if named == user_id:
        return 0
    if user_id is None:
        return changed(session, delete(DUTY).where(*here))
    values = {"user_id": user_id, "entered_at": now, "entered_by": person.id}
    if named is not None:
        return changed(session, update(DUTY).where(*here).values(values))
    session.execute(insert(DUTY).values(unit_id=post[0], role=post[1], day=shift.day, shift=shift.name, **values))
    return 1


def gaps(session: Session, person: Person, now: datetime, lang: str, *, below: bool = False) -> tuple[Gap, ...]:
    """What is missing in the week that begins now: in the rotas of posts that this person holds or answers for.

    `below`: only those they answer for.
    """
    own = {(post.unit_id, post.role) for post in person.posts}
    kept = _kept(session, person, now) | (set() if below else own & _with_rota(session, now, own))
    said, today = _said(session, kept, lang), shift_at(now).day
    return tuple(
        Gap(unit_id, role, said[unit_id, role], cell.shift)
        for unit_id, role in sorted(kept, key=str)
        if unit_id is not None
        for cell in _cells(session, unit_id, role, today, now)
        if cell.gap
    )


# --- whose rota it is --------------------------------------------------------------------------


def _reach(session: Session, person: Person, of: Any) -> Any:
    policy = access.policy(session)
    everything = policy.can(person, "administer", leaving.SYSTEM)
    return true() if everything else access.within_reach(policy.scope(person).supervised, of)


def _recent(now: datetime) -> Any:
    return DUTY.c.day > now.astimezone(LAW_ZONE).date() - KEPT_FOR


def _kept(session: Session, person: Person, now: datetime) -> set[tuple[int | None, str]]:
    """The posts with a rota that this person answers for; to an administrator, all of them."""
    query = select(DUTY.c.unit_id, DUTY.c.role).join(UNIT, UNIT.c.id == DUTY.c.unit_id).distinct()
    rows = session.execute(query.where(_recent(now), _reach(session, person, DUTY)).limit(MOST))
    return {(row.unit_id, row.role) for row in rows}


def _with_rota(
    session: Session, now: datetime, posts: Collection[tuple[int | None, str]]
) -> set[tuple[int | None, str]]:
    units = {unit_id for unit_id, _role in posts if unit_id is not None}
    query = select(DUTY.c.unit_id, DUTY.c.role).where(_recent(now), DUTY.c.unit_id.in_(units)).distinct()
    return {(row.unit_id, row.role) for row in session.execute(query)}


def _inside(session: Session, person: Person) -> set[tuple[int | None, str]]:
    """Posts of the person's own units that they answer for: where a rota may begin."""
    units = {post.unit_id for post in person.posts}
    query = select(POST.c.unit_id, POST.c.role).join(UNIT, UNIT.c.id == POST.c.unit_id).distinct()
    rows = session.execute(query.where(POST.c.unit_id.in_(units), _reach(session, person, POST)))
    return {(row.unit_id, row.role) for row in rows if row.role not in SYSTEM_POSTS}


def _seen(session: Session, person: Person, unit_id: int, role: str) -> rules.Post:
    """The post, for who holds one in its unit, answers for it, or administers. Raises NotFound."""
    known = session.scalar(select(UNIT.c.id).where(UNIT.c.id == unit_id)) is not None
    if not known or role not in releases.current_library().roles or role in SYSTEM_POSTS:
        raise NotFound("no_rota", access.NOTHING_HERE)
    post = standing.post_of(session, role, unit_id)
    if not (any(one.unit_id == unit_id for one in person.posts) or _may_keep(session, person, post)):
        raise NotFound("no_rota", access.NOTHING_HERE)
    return post


def _may_keep(session: Session, person: Person, post: rules.Post) -> bool:
    policy = access.policy(session)
    above = any(policy.answers_for(one, post) for one in person.posts)
    return above or bool(policy.can(person, "administer", leaving.SYSTEM))


def _said(session: Session, posts: Collection[tuple[int | None, str]], lang: str) -> dict[tuple[int | None, str], str]:
    books = releases.current_library()
    query = select(UNIT.c.id, UNIT.c.name_zh, UNIT.c.name_en).where(UNIT.c.id.in_({unit for unit, _role in posts}))
    names = {row.id: Text(row.name_zh, row.name_en).say(lang) for row in session.execute(query)}
    return {(unit, role): f"{names[unit]} {books.role_name(role).say(lang)}" for unit, role in posts if unit in names}


# --- the grid ----------------------------------------------------------------------------------


def _cells(session: Session, unit_id: int, role: str, first: date, now: datetime) -> tuple[Cell, ...]:
    query = select(DUTY.c.day, DUTY.c.shift, DUTY.c.user_id, USER.c.name).join(USER, USER.c.id == DUTY.c.user_id)
    within = (DUTY.c.day >= first, DUTY.c.day < first + timedelta(days=WEEK))
    rows = session.execute(query.where(DUTY.c.unit_id == unit_id, DUTY.c.role == role, *within)).mappings()
    named = {Shift(row["day"], row["shift"]): row for row in rows}
    doubtful = {row["user_id"] for row in named.values()} - _sure(session, unit_id, role, now)
    found = []
    for shift in shifts(first, WEEK):
        row = named.get(shift)
        user_id, ahead = (row["user_id"] if row else None), shift.ends > now
        there = _there(session, unit_id, role, shift, user_id, now) if ahead and user_id in doubtful else user_id
        found.append(Cell(
            shift=shift, user_id=user_id, name=row["name"] if row else "", gap=ahead and there is None, open=ahead,
            there=_name(session, there) if there and there != user_id else "", now=shift == shift_at(now),
        ))  # fmt: skip
    return tuple(found)


def _sure(session: Session, unit_id: int, role: str, now: datetime) -> set[int]:
    """Those who hold the post and have no absence to come."""
    leaves = select(ABSENCE.c.user_id).where(ABSENCE.c.ends_at > now)
    held = select(POST.c.user_id).join(USER, USER.c.id == POST.c.user_id).where(USER.c.active)
    return set(
        session.scalars(held.where(POST.c.unit_id == unit_id, POST.c.role == role, POST.c.user_id.not_in(leaves)))
    )


def _there(session: Session, unit_id: int, role: str, shift: Shift, user_id: int | None, now: datetime) -> int | None:
    """Who is there in the whole of what is left of a shift; nobody where they go away in its midst."""
    if user_id is None:
        return None
    ends = (max(now, shift.begins), shift.ends - timedelta(seconds=1))
    found = {standing.covered_by(session, role, unit_id, user_id, at) for at in ends}
    return found.pop() if len(found) == 1 else None


def _name(session: Session, user_id: int) -> str:
    return session.scalar(select(USER.c.name).where(USER.c.id == user_id)) or ""
