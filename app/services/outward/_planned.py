"""Deliveries to come: one row for each person and channel that a notice, or a day's digest, is to reach.

The rows are unique, so that any number of workers may plan. An urgent notice is planned in the
transaction that puts it up; a digest by whichever worker comes first after the hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from app import clock
from app.db import db, settings, table, transaction
from app.models import Delivery, Post, User
from app.services import notices, people, practice
from app.services.outward._letters import URGENT
from app.services.outward.addresses import WANTS, channels

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
        for user_id in _readers(session, notice, channel):
            session.execute(insert(DELIVERY).values(
                user_id=user_id, channel=channel, notice_id=notice_id, case_id=notice["case_id"], state="waiting",
                attempts=0, due_at=awake(now, wakes=urgency.wakes),
            ))  # fmt: skip


def _readers(session: Session, notice: Mapping[str, Any], channel: str) -> list[int]:
    """Who is told by this channel: the person, else those who hold the post, else everybody in the unit."""
    wants = select(USER.c.id).where(USER.c.active, USER.c[WANTS[channel]])
    if notice.get("user_id"):
        return list(session.scalars(wants.where(USER.c.id == notice["user_id"])))
    in_unit = select(POST.c.user_id).where(POST.c.unit_id == notice["unit_id"])
    holders = in_unit.where(POST.c.role == notice["role"])
    held = session.execute(holders.limit(1)).first() is not None
    return list(session.scalars(wants.where(USER.c.id.in_(holders if held else in_unit))))


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
    query = select(USER.c.id).where(USER.c.active, USER.c[WANTS[channel]], ~there)
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
