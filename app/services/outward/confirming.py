"""The code that proves that an address reaches the person: asked for, made when it is sent, tried.

Until it came back, nothing but the code goes to the address. The code is nowhere: it is made at the moment of sending, and
only a hash under the installation's key stays, so that neither a copy of the database nor a queue gives it away.
Source: issue "daily work", part 7; ADR 0026.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.db import changed, db, settings, table, transaction
from app.errors import Invalid, TooMany
from app.models import Delivery, User
from app.services import _seal, _tries, practice
from app.services.outward import addresses
from app.text import Text

USER, DELIVERY, CODE = table(User), table(Delivery), addresses.CODE
DIGITS, TRIES = 6, 5
VALID = timedelta(minutes=30)
REST = timedelta(minutes=1)
"""So long nobody asks for another code to the same address: a phone is not to be flooded."""
WRONG = Text("验证码不对。", "That is not the code.")
OVER = Text(
    "这个验证码过了 30 分钟，或者已经错了 5 次。请再要一个。",
    "This code is older than 30 minutes, or was wrong five times. Ask for another.",
)
TOO_SOON = Text("刚发过。一分钟以后再要。", "One was sent just now. Ask again in a minute.")


def ask(user_id: int, channel: str) -> None:
    """Void the code before and have another sent; in practice mode, where nothing goes out, it is only made.

    Raises TooMany within a minute of the last to the same address, and after ten in twelve hours whatever the
    addresses: nobody floods strangers by typing theirs. Invalid where there is nothing to confirm.
    """
    session = db.session()
    _require_open(session, user_id, channel)
    if not settings().demo:
        _require_rest(session, user_id, channel)
    with transaction() as writing:
        now = practice.now(writing)
        writing.execute(delete(CODE).where(CODE.c.user_id == user_id, CODE.c.channel == channel))
        writing.execute(insert(CODE).values(user_id=user_id, channel=channel, asked_at=now, tries=0))
        if channel in addresses.channels():
            values = {"user_id": user_id, "channel": channel, "state": "waiting", "attempts": 0, "due_at": now}
            writing.execute(insert(DELIVERY).values(values))


def _require_rest(session: Session, user_id: int, channel: str) -> None:
    asked = session.scalar(select(CODE.c.asked_at).where(CODE.c.user_id == user_id, CODE.c.channel == channel))
    since = practice.now() - asked if asked else REST
    if since < REST:
        raise TooMany("code_too_soon", TOO_SOON, (REST - since).seconds)
    left = _tries.rests(_seal.blind_index("address.letters", f"{user_id}:{channel}"))
    if left is not None:
        hours = _tries.in_hours(left)
        zh = f"发的验证码太多了，过{hours}小时再要。在那以前，通知在页面上看。"
        en = f"Too many codes were sent. Ask again in {hours} {'hour' if hours == 1 else 'hours'}; until then see notices here."
        raise TooMany("too_many_codes", Text(zh, en), int(left.total_seconds()))


def fresh(user_id: int, channel: str) -> str | None:
    """Make the code that is sent now; the one before counts no more. None where nobody waits for one any more."""
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    with transaction() as session:
        now = practice.now(session)
        open_now = (CODE.c.user_id == user_id, CODE.c.channel == channel, CODE.c.asked_at > now - VALID)
        values = {"code": _hash(user_id, channel, code), "until": now + VALID, "tries": 0}
        return code if changed(session, update(CODE).where(*open_now).values(values)) else None


def shown(user_id: int, channel: str) -> str | None:
    """The code for the page itself: in practice mode, where no letter goes out; None anywhere else."""
    return fresh(user_id, channel) if settings().demo else None


def confirm(user_id: int, channel: str, typed: str, lang: str) -> None:
    """From now on notices go to the address. Each try is counted before it is looked at.

    Raises Invalid with a message for `code`: a wrong one, one that is too old or was wrong too often, none asked for.
    """
    with transaction() as session:
        now = practice.now(session)
        row = (CODE.c.user_id == user_id, CODE.c.channel == channel)
        counted = update(CODE).where(*row, CODE.c.until > now, CODE.c.tries < TRIES)
        kept = session.scalar(counted.values(tries=CODE.c.tries + 1).returning(CODE.c.code))
    right = kept is not None and hmac.compare_digest(kept, _hash(user_id, channel, "".join(typed.split())))
    if not right:
        raise _wrong(OVER if kept is None else WRONG, lang)
    with transaction() as session:
        if not changed(session, delete(CODE).where(*row, CODE.c.code == kept)):
            raise _wrong(OVER, lang)  # another address was given meanwhile
        session.execute(update(USER).where(USER.c.id == user_id).values({addresses.CONFIRMED[channel]: True}))


def _require_open(session: Session, user_id: int, channel: str) -> None:
    wishes = addresses.wishes(session, user_id)
    if channel not in addresses.WANTS or not wishes.to.get(channel) or channel in wishes.confirmed:
        raise Invalid("nothing_to_confirm", OVER, {})


def _wrong(text: Text, lang: str) -> Invalid:
    return Invalid("code", text, {"code": text.say(lang)})


def waits(user_id: int) -> tuple[str, ...]:
    """The channels whose address is not confirmed yet, of those that the person wants."""
    wishes = addresses.wishes(db.session(), user_id)
    return tuple(channel for channel in wishes.by if channel not in wishes.confirmed and wishes.to.get(channel))


def _hash(user_id: int, channel: str, code: str) -> bytes:
    return _seal.blind_index("address.code", f"{user_id}:{channel}:{code}")
