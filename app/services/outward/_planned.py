"""Deliveries to come: one row for each person and channel that a notice, or a day's digest, is to reach.

The rows are unique, so that any number of workers may plan. An urgent notice is planned in the
transaction that puts it up; a digest by whichever worker comes first after the hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, false, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app import clock
from app.db import db, settings, table, transaction
from app.models import Delivery, Post, User
from app.services import notices, people, practice
from app.services.outward._letters import URGENT
from app.services.outward.addresses import channels, told
from app.services.presence import standing

DELIVERY, POST, USER = table(Delivery), table(Post), table(User)
AT_ONCE = 200
"""So many digests are planned in one go."""


def awake(at: datetime, *, wakes: bool = False) -> datetime:
    """`at`, or the end of the quiet hours in which it lies."""
    known = settings().outward
    local = at.astimezone(clock.LAW_ZONE)
    if wakes or known.quiet is None or not known.is_quiet(local.time()):
        return at
    end = datetime.combine(local.date(), known.quiet[1], clock.LAW_ZONE)
    return end if end > local else end + timedelta(days=1)


def plan_urgent(session: Session, notice_id: int, notice: Mapping[str, Any], now: datetime) -> None:
    """Plan the deliveries of a notice that was just put up, when its kind does not wait for the digest."""
    urgency = URGENT.get(notice["kind"])
    if urgency is None:
        return
    for channel in channels():
        for user_id in _readers(session, notice, channel, now):
            session.execute(insert(DELIVERY).values(
                user_id=user_id, channel=channel, notice_id=notice_id, case_id=notice["case_id"], state="waiting",
                attempts=0, due_at=awake(now, wakes=urgency.wakes),
            ))  # fmt: skip


def _readers(session: Session, notice: Mapping[str, Any], channel: str, now: datetime) -> list[int]:
    """Who is told by this channel: the person or who stands in, else who is on duty in the post, else all who are there
    and hold it, else everybody in the unit.
    """
    post, wants = (notice["role"], notice["unit_id"]), select(USER.c.id).where(USER.c.active)
    whom = standing.acting(session, *post, now, notice.get("user_id"))
    first = None if notice.get("user_id") else standing.on_duty(session, *post, now)
    if first is not None and _can_be_told(session, first):
        whom = frozenset((first,))
    in_unit = select(POST.c.user_id).where(POST.c.unit_id == notice["unit_id"])
    wants = wants.where(told(channel))
    return list(session.scalars(wants.where(USER.c.id.in_(whom or in_unit))))


def _can_be_told(session: Session, user_id: int) -> bool:
    """Whether this person hears of things at once; who is on duty and does not, is no reason to tell nobody."""
    wanted = or_(false(), *(told(channel) for channel in channels()))
    return session.scalar(select(USER.c.id).where(USER.c.id == user_id, wanted)) is not None


def plan_digests() -> int:
    """Plan the digests of today, once its hour has come; returns how many will go out."""
    known, now = settings().outward, practice.now()
    local = now.astimezone(clock.LAW_ZONE)
    if known.digest_at is None or local.time() < known.digest_at or known.is_quiet(local.time()):
        return 0
    return sum(_plan_digest(channel, user_id, now) for channel in channels() for user_id in _without(channel, local))


def _without(channel: str, local: datetime) -> list[int]:
    """Those with a post who want this channel and have no digest of the day."""
    there = exists().where(
        DELIVERY.c.user_id == USER.c.id, DELIVERY.c.channel == channel, DELIVERY.c.day == local.date()
    )
    query = select(USER.c.id).where(USER.c.active, told(channel), ~there)
    query = query.where(exists().where(POST.c.user_id == USER.c.id))
    found = list(db.session.scalars(query.order_by(USER.c.id).limit(AT_ONCE)))
    db.session.rollback()
    return found


def _plan_digest(channel: str, user_id: int, now: datetime) -> bool:
    with transaction() as session:
        unread = notices.unread_kinds(session, people.person(session, user_id))
        row = {
            "user_id": user_id, "channel": channel, "day": now.astimezone(clock.LAW_ZONE).date(), "attempts": 0,
            "case_id": unread.case_id, "state": "waiting" if unread.counts else "dropped", "due_at": now,
        }  # fmt: skip
        session.execute(upsert(DELIVERY).values(row).on_conflict_do_nothing())
    return bool(unread.counts)
