"""Deliveries: letters that are due are sent, once in effect, by whichever worker is first.

A try is claimed and committed before anything is sent, and nothing is locked meanwhile: a mail server
that hangs holds up no case. A worker that dies between sending and saying so leaves its claim to
run out; then the letter goes again under the same id (Message-ID, Idempotency-Key), by which mail
systems and gateways know it for the same. Losing an urgent one would be worse. Source: RELIABILITY §3.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from app import clock
from app.db import Row, changed, db, settings, table, transaction
from app.models import Incident, User
from app.services import _seal, commands, notices, people, practice
from app.services.deadlines import BACK_OFF
from app.services.outbox import QUIET_FAILURES
from app.services.outward import _carriers, _letters, addresses, confirming
from app.services.outward._letters import URGENT, Letter
from app.services.outward._planned import DELIVERY, awake, plan_digests
from app.text import Text

log = logging.getLogger(__name__)
INCIDENT, USER = table(Incident), table(User)
CARRIERS: Mapping[str, Callable[[Letter], None]] = {"mail": _carriers.mail, "sms": _carriers.sms}
CLAIM = timedelta(minutes=5)
"""How long a try may take before another worker takes it for dead; longer than all timeouts together."""
AT_ONCE = 50
SECONDS = 30
"""When a run has taken so long, the rest is left to the next."""


def digests() -> int:
    """Plan the day's digests; returns how many will go out."""
    return plan_digests() if settings().outward.digest_at else 0


def send(channel: str) -> int:
    """Send what is due by this channel, urgent first; returns how many were settled."""
    if channel not in addresses.channels():
        return 0
    began, settled = time.monotonic(), 0
    for delivery_id in _due(channel):
        settled += send_one(delivery_id)
        if time.monotonic() - began > SECONDS:
            break
    return settled


def _due(channel: str) -> list[int]:
    query = select(DELIVERY.c.id).where(
        DELIVERY.c.channel == channel, DELIVERY.c.state == "waiting", DELIVERY.c.due_at <= practice.now()
    )
    urgent_first = query.order_by(DELIVERY.c.notice_id.is_(None), DELIVERY.c.due_at, DELIVERY.c.id)
    found = list(db.session.scalars(urgent_first.limit(AT_ONCE)))
    db.session.rollback()
    return found


def send_one(delivery_id: int) -> bool:
    """Send one delivery if it is due, and unless nobody needs it any more; False when it failed or is not due."""
    if not _claimed(delivery_id):
        return False
    row = db.session.execute(select(DELIVERY).where(DELIVERY.c.id == delivery_id)).mappings().one()
    try:
        letter = _letter(row)
        db.session.rollback()
        if letter:
            CARRIERS[row["channel"]](letter)
    except Exception as error:
        db.session.rollback()
        log.warning("delivery failed", extra={"delivery": delivery_id, "error": type(error).__name__})  # no address
        _put_off(row)
        if row["attempts"] > QUIET_FAILURES and row["case_id"]:
            commands.record_incident(row["case_id"], "delivery", delivery_id, error)
        return False
    _settle(row, "done" if letter else "dropped")
    return True


def again(delivery_id: int) -> bool:
    """Let a failed delivery be tried at once, by the worker; True when there is nothing left to try."""
    with transaction() as session:
        due = _waiting(delivery_id).values(due_at=practice.now(session))
        return not changed(session, due)


def _waiting(delivery_id: int) -> Any:
    return update(DELIVERY).where(DELIVERY.c.id == delivery_id, DELIVERY.c.state == "waiting")


def _claimed(delivery_id: int) -> bool:
    """Whether this worker has the next try: it is the one that moved the hour of the one after."""
    with transaction() as session:
        now = practice.now(session)
        claim = _waiting(delivery_id).where(DELIVERY.c.due_at <= now)
        return changed(session, claim.values(attempts=DELIVERY.c.attempts + 1, due_at=now + CLAIM)) == 1


def _put_off(row: Row) -> None:
    with transaction() as session:
        later = practice.now(session) + BACK_OFF[min(row["attempts"], len(BACK_OFF)) - 1]
        wakes = row["notice_id"] is not None and _wakes(session, row["notice_id"])
        session.execute(_waiting(row["id"]).values(due_at=awake(later, wakes=wakes)))


def _wakes(session: Any, notice_id: int) -> bool:
    kind = session.scalar(select(notices.NOTICE.c.kind).where(notices.NOTICE.c.id == notice_id))
    return kind in URGENT and URGENT[kind].wakes


def _settle(row: Row, state: str) -> None:
    with transaction() as session:
        now = practice.now(session)
        session.execute(_waiting(row["id"]).values(state=state, done_at=now))
        if row["attempts"] > QUIET_FAILURES:
            failed = (INCIDENT.c.source == "delivery", INCIDENT.c.source_id == row["id"], INCIDENT.c.state == "open")
            session.execute(update(INCIDENT).where(*failed).values(state="closed"))


def _letter(row: Row) -> Letter | None:
    """The letter as it reads now; None when the person no longer wants it, or all of it has been read."""
    session, user_id, channel = db.session(), row["user_id"], row["channel"]
    wishes = addresses.wishes(session, user_id)
    active = session.scalar(select(USER.c.active).where(USER.c.id == user_id))
    today = practice.now().astimezone(clock.LAW_ZONE).date()
    if active and row["notice_id"] is None and row["day"] is None:
        return _code(row, wishes)
    wanted = active and channel in wishes.by and channel in wishes.confirmed
    if not wanted or row["day"] not in (None, today):
        return None
    unread = notices.unread_kinds(session, people.person(session, user_id), row["notice_id"])
    if not unread.counts:
        return None
    link = f"{settings().outward.public_url}/notices"
    if row["notice_id"]:
        subject, text = _letters.urgent(next(iter(unread.counts)), link, wishes.lang)
    else:
        subject, text = _letters.digest(unread.counts, link, wishes.lang)
    return Letter(_name(row), wishes.to[channel], subject, text, urgent=row["notice_id"] is not None)


def _code(row: Row, wishes: addresses.Wishes) -> Letter | None:
    """The code for an address that nobody has confirmed yet; made anew at each try, so that the last letter counts."""
    to, link = wishes.to.get(row["channel"]), f"{settings().outward.public_url}/account/notices"
    db.session.rollback()
    code = confirming.fresh(row["user_id"], row["channel"]) if to else None
    if not to or code is None:
        return None
    return Letter(f"{_name(row)}-{row['attempts']}", to, *_letters.code(code, link, wishes.lang), urgent=True)


def _name(row: Row) -> str:
    return _seal.blind_index("delivery", str(row["id"])).hex()


# --- what is on -----------------------------------------------------------------------------


def says() -> Text:
    """What of this is switched on, for operators."""
    known = settings().outward
    if settings().demo:
        return Text("练习环境，通知不往外发。", "Practice mode: no notice goes out.")
    if not addresses.channels():
        return Text("通知只在页面上：没有设置 SMTP_URL、NOTICE_WEBHOOK_URL。",
                    "Notices stay on the pages: neither SMTP_URL nor NOTICE_WEBHOOK_URL is set.")  # fmt: skip
    by = " + ".join({"mail": "SMTP", "sms": "webhook"}[channel] for channel in addresses.channels())
    digest = f"{known.digest_at:%H:%M}" if known.digest_at else "-"
    quiet = f"{known.quiet[0]:%H:%M}-{known.quiet[1]:%H:%M}" if known.quiet else "-"
    return Text(
        f"通知对外发送：{by}；每日汇总：{digest}；免打扰：{quiet}。",
        f"Notices go out by {by}; daily digest: {digest}; quiet hours: {quiet}.",
    )
