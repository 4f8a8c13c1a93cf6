"""The practice clock: in demo mode only, an offset that everybody shares, and only ever forwards.

Travelling goes due by due, so that six months bring every visit and reminder on its own
day. Sign-in and lock-out use real time. Source: DECISIONS 18.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.db import db, settings, table, transaction
from app.errors import Forbidden, Refused
from app.models import Post, Practice, Unit, User
from app.rules.calendar import add_months
from app.text import Text

SIGN_INS = (
    "jingcha", "suozhang", "cunzhang", "dudao", "xiangzhen", "minzheng", "fazhi", "kezhang", "xianzhang", "xingjing",
    "baoyu", "yuanzhu", "shegong", "zhiban", "shenji", "zhengce", "shenhe", "guanli",
)  # fmt: skip
"""The named people of practice mode, in the order in which a child meets them; the same as in app.demo.people."""

PASSWORD = "shouwang-demo"  # noqa: S105 - invented people only, printed at the start of every practice installation

OFFSET = select(table(Practice).c.offset_seconds).where(table(Practice).c.id == 1)


def offset(session: Session) -> timedelta:
    """How far the practice clock is ahead; nothing outside demo mode."""
    if not settings().demo:
        return timedelta(0)
    seconds = session.scalar(OFFSET)
    return timedelta(seconds=seconds or 0)


def now(session: Session | None = None) -> datetime:
    """The time at which things happen: for a page or a list, or as a transaction's own `session` reads it."""
    return clock.now(offset(session or db.session()))


def ahead(by: str) -> datetime:
    """The instant `by` (P3D, P1M …) from now, by the calendar of law. Raises Refused for anything else."""
    found = re.fullmatch(r"P(\d{1,3})([DM])", by)
    if found is None:
        raise Refused(
            "jump", Text(f"“{by}”不是能拨的时间，请写成 P7D 或 P1M。", f"“{by}” is no span; write P7D or P1M.")
        )
    start, count = now(), int(found[1])
    if found[2] == "D":
        return start + timedelta(days=count)
    local = start.astimezone(clock.LAW_ZONE)
    return datetime.combine(add_months(local.date(), count), local.timetz())


def people(lang: str) -> list[dict[str, str]]:
    """Those one may sign in as in practice mode: name, unit, and the role of their first post."""
    query = select(User.username, User.name, Post.role, Unit.name_zh, Unit.name_en).join(Post, Post.user_id == User.id)
    query = query.join(Unit, Unit.id == Post.unit_id).where(User.username.in_(SIGN_INS)).order_by(Post.id.desc())
    found = {
        row.username: {"username": row.username, "name": row.name, "post": row.role,
                       "unit": Text(row.name_zh, row.name_en).say(lang)}
        for row in db.session.execute(query)
    }  # fmt: skip
    return [found[name] for name in SIGN_INS if name in found]


def move_to(instant: datetime) -> None:
    """Set the practice clock to `instant` unless it is there already. Raises Forbidden outside demo mode."""
    if not settings().demo:
        raise Forbidden("not_practice", Text("只有练习模式能拨动时间。", "Time can be moved in practice mode only."))
    with transaction() as session:
        row = session.get(Practice, 1) or Practice(id=1, offset_seconds=0)
        ahead = int((instant - clock.now()).total_seconds()) + 1
        row.offset_seconds = max(row.offset_seconds, ahead)
        session.add(row)
