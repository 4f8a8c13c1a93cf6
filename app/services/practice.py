"""The practice clock: in demo mode only, an offset that everybody shares, and only ever forwards.

Travelling goes due by due, so that six months bring every visit and reminder on its own
day. Sign-in and lock-out use real time. Source: DECISIONS 18.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.db import db, settings, transaction
from app.errors import Forbidden
from app.models import Practice
from app.text import Text


def offset(session: Session) -> timedelta:
    """How far the practice clock is ahead; nothing outside demo mode."""
    if not settings().demo:
        return timedelta(0)
    seconds = session.scalar(select(Practice.offset_seconds).where(Practice.id == 1))
    return timedelta(seconds=seconds or 0)


def now() -> datetime:
    """The time at which things happen, for a page or a list."""
    return clock.now(offset(db.session()))


def move_to(instant: datetime) -> None:
    """Set the practice clock to `instant` unless it is there already. Raises Forbidden outside demo mode."""
    if not settings().demo:
        raise Forbidden("not_practice", Text("只有练习模式能拨动时间。", "Time can be moved in practice mode only."))
    with transaction() as session:
        row = session.get(Practice, 1) or Practice(id=1, offset_seconds=0)
        ahead = int((instant - clock.now()).total_seconds()) + 1
        row.offset_seconds = max(row.offset_seconds, ahead)
        session.add(row)
