"""Who is away now, who does their work, and who is on duty: asked at the moment of looking, never kept.

So an absence begins and ends by itself, at its minute; there is no job that could fail, and nothing to give back.
Source: issue "daily work", part 5; ADR 0021.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.db import table
from app.models import Absence, Duty, Post, Unit, User
from app.rules import access as rules
from app.rules import standing
from app.rules.access import SYSTEM_POSTS, StandIn
from app.rules.rota import shift_at
from app.rules.standing import Holder, holds
from app.services import access, units

ABSENCE, DUTY, POST, UNIT, USER = (table(model) for model in (Absence, Duty, Post, Unit, User))


def lasts(at: datetime) -> Any:
    """True for absences during which `at` lies."""
    return and_(ABSENCE.c.starts_at <= at, ABSENCE.c.ends_at > at)


def away(at: datetime) -> Any:
    """The ids of those who are away at `at`."""
    return select(ABSENCE.c.user_id).where(lasts(at))


def for_person(session: Session, user_id: int, posts: Sequence[rules.Post], at: datetime) -> tuple[StandIn, ...]:
    """The posts of people away at `at` that this person sees to; none for who is away themself."""
    near = [UNIT.c.path.startswith(post.unit_path, autoescape=True) for post in posts]
    query = (
        select(ABSENCE.c.user_id, ABSENCE.c.substitute_id, ABSENCE.c.ends_at, USER.c.name,
               POST.c.role, POST.c.unit_id, UNIT.c.path, UNIT.c.sector)
        .join(USER, USER.c.id == ABSENCE.c.user_id)
        .join(POST, POST.c.user_id == ABSENCE.c.user_id)
        .join(UNIT, UNIT.c.id == POST.c.unit_id)
        .where(lasts(at), USER.c.active, POST.c.role.not_in(SYSTEM_POSTS))
        .where(or_(ABSENCE.c.substitute_id == user_id, ABSENCE.c.user_id == user_id, *near))
        .order_by(ABSENCE.c.user_id, POST.c.id)
    )  # fmt: skip
    rows = session.execute(query).all() if posts else []
    if not rows or any(row.user_id == user_id for row in rows):
        return ()
    policy = access.policy(session)
    asked = [(row, rules.Post(row.role, row.path, row.sector, row.unit_id)) for row in rows]
    there = present(session, policy, [post for _row, post in asked], at)
    return tuple(
        StandIn(row.user_id, row.name, post, row.ends_at, not any(holds(one.post, post) for one in there))
        for row, post in asked
        if user_id in standing.who(policy, post, row.substitute_id, there)
    )


def present(
    session: Session, policy: rules.Access, posts: Collection[rules.Post], at: datetime, *, also_away: bool = False
) -> tuple[Holder, ...]:
    """Those who are there at `at` and hold one of the posts, or one that answers for it."""
    roles = {role for post in posts for role in (post.role, *policy.above(post.role))}
    paths = {path for post in posts for path in units.ancestors(post.unit_path)}
    query = (
        select(POST.c.user_id, POST.c.role, POST.c.unit_id, UNIT.c.path, UNIT.c.sector)
        .join(UNIT, UNIT.c.id == POST.c.unit_id)
        .join(USER, USER.c.id == POST.c.user_id)
        .where(USER.c.active, POST.c.role.in_(roles), UNIT.c.path.in_(paths))
    )
    if not also_away:
        query = query.where(POST.c.user_id.not_in(away(at)))
    return tuple(
        Holder(row.user_id, rules.Post(row.role, row.path, row.sector, row.unit_id)) for row in session.execute(query)
    )


def acting(session: Session, role: str, unit_id: int, at: datetime, user_id: int | None = None) -> frozenset[int]:
    """Who does the work of a post at `at`: that person's, or with nobody named what is free.

    Where everybody is away and nobody stands in, those who are away: somebody is always told.
    """
    post = post_of(session, role, unit_id)
    holders = select(POST.c.user_id).where(POST.c.role == role, POST.c.unit_id == unit_id)
    whose = ABSENCE.c.user_id.in_(holders) if user_id is None else ABSENCE.c.user_id == user_id
    query = select(ABSENCE.c.user_id, ABSENCE.c.substitute_id).join(USER, USER.c.id == ABSENCE.c.user_id)
    gone = {row.user_id: row.substitute_id for row in session.execute(query.where(lasts(at), whose, USER.c.active))}
    if user_id is not None and user_id not in gone:
        return frozenset((user_id,))
    policy = access.policy(session)
    there = present(session, policy, [post], at)
    here = frozenset(one.user_id for one in there if holds(one.post, post))
    if user_id is None and (here or not gone):
        return here
    taking = (standing.who(policy, post, substitute, there) for substitute in gone.values())
    return frozenset().union(*taking) or frozenset(gone)


def post_of(session: Session, role: str, unit_id: int) -> rules.Post:
    """A role of a unit as the rules see it."""
    row = session.execute(select(UNIT.c.path, UNIT.c.sector).where(UNIT.c.id == unit_id)).one()
    return rules.Post(role, row.path, row.sector, unit_id)


# --- on duty ---------------------------------------------------------------------------------


def duties(
    session: Session, user_id: int, posts: Sequence[rules.Post], stands_in: Sequence[StandIn], at: datetime
) -> tuple[rules.Post, ...]:
    """The person's posts for which they are on duty at `at`: by the rota, or for somebody away who is on it."""
    now = shift_at(at)
    whose = {user_id, *(one.person_id for one in stands_in)}
    query = select(DUTY.c.user_id, DUTY.c.role, DUTY.c.unit_id)
    query = query.where(DUTY.c.user_id.in_(whose), DUTY.c.day == now.day, DUTY.c.shift == now.name)
    on = session.execute(query).all() if posts else []
    return tuple(
        post
        for post in posts
        if any(
            (row.role, row.unit_id) == (post.role, post.unit_id)
            and (row.user_id == user_id or any(one.person_id == row.user_id and holds(one.post, post) for one in stands_in))
            for row in on
        )
    )  # fmt: skip


def on_duty(session: Session, role: str, unit_id: int, at: datetime) -> int | None:
    """Who of the post is on duty at `at`, or the colleague who stands in for them; nobody where there is a gap."""
    now = shift_at(at)
    where = (DUTY.c.role == role, DUTY.c.unit_id == unit_id, DUTY.c.day == now.day, DUTY.c.shift == now.name)
    named = session.scalar(select(DUTY.c.user_id).where(*where))
    return covered_by(session, role, unit_id, named, at) if named is not None else None


def covered_by(session: Session, role: str, unit_id: int, user_id: int, at: datetime) -> int | None:
    """Who is there in this person's shift: themself, or a colleague of the post who stands in; nobody else counts."""
    held = select(POST.c.user_id).join(USER, USER.c.id == POST.c.user_id)
    held = held.where(POST.c.role == role, POST.c.unit_id == unit_id, USER.c.active, POST.c.user_id.not_in(away(at)))
    there = acting(session, role, unit_id, at, user_id) & frozenset(session.scalars(held))
    return min(there, default=None)
