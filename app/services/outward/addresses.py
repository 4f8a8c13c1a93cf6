"""Where a person wants notices: mail, phone, language, and by which of them, as they chose themselves.

The account's own address is made up and never written to. Addresses lie sealed; they are no part of
any log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, select, update
from sqlalchemy.orm import Session

from app.db import settings, table, transaction
from app.errors import Invalid
from app.models import AddressCode, User
from app.services import _seal
from app.text import Text

USER, CODE = table(User), table(AddressCode)
WANTS: Mapping[str, str] = {"mail": "notice_mail", "sms": "notice_sms"}
"""Channel → the column that says whether the person wants it."""
CONFIRMED: Mapping[str, str] = {"mail": "mail_confirmed", "sms": "sms_confirmed"}
"""Channel → the column that says whether a code that went there came back."""
SHAPES: Mapping[str, re.Pattern[str]] = {
    "mail": re.compile(r"(?=.{3,120}\Z)[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+(?!invalid\Z)[A-Za-z0-9-]{2,}"),
    "sms": re.compile(r"\+?[0-9]{6,15}"),
}
WRONG: Mapping[str, Text] = {
    "mail": Text("这不是能收信的邮箱地址。", "This is no address that takes mail."),
    "sms": Text("请只写数字的手机号。", "Write the phone number in digits."),
}
NEEDED: Mapping[str, Text] = {
    "mail": Text("要用邮件通知，请写邮箱地址。", "To be told by mail, give an address."),
    "sms": Text("要用短信通知，请写手机号。", "To be told by text message, give a number."),
}
FILL_IN = Text("还有几处要补，看看下面的提示。", "A few things are missing; see the notes below.")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How one person wants to be told; `to` is by channel, `lang` empty for both languages.

    `confirmed`: the channels whose address has proved to be theirs; nothing goes out by the others.
    """

    to: Mapping[str, str]
    by: tuple[str, ...]
    lang: str
    confirmed: tuple[str, ...] = ()


def channels() -> tuple[str, ...]:
    """What this installation can send by; practice mode promises that nobody is notified."""
    known = settings().outward
    return tuple(name for name, on in (("mail", known.mail), ("sms", known.webhook_url)) if on and not settings().demo)


def offered() -> tuple[str, ...]:
    """What a person may choose: what can be sent by; in practice mode all of it, to see how it goes."""
    return tuple(WANTS) if settings().demo else channels()


def told(channel: str) -> Any:
    """True for users who want this channel, at an address that they confirmed."""
    return and_(USER.c[WANTS[channel]], USER.c[CONFIRMED[channel]])


def wishes(session: Session, user_id: int) -> Wishes:
    """What this person chose; nothing until they do."""
    query = select(
        USER.c.notice_to, USER.c.notice_lang, *(USER.c[name] for name in (*WANTS.values(), *CONFIRMED.values()))
    )
    row = session.execute(query.where(USER.c.id == user_id)).one()
    to = _seal.account_key().open(row.notice_to, _place(user_id)) if row.notice_to else {}
    by, confirmed = (
        tuple(name for name, column in columns.items() if getattr(row, column)) for columns in (WANTS, CONFIRMED)
    )
    return Wishes(to, by, row.notice_lang, confirmed)


def keep(user_id: int, wanted: Wishes, lang: str) -> tuple[str, ...]:
    """Keep what a person chose. Another address than before is not confirmed: returns the channels that need a code,
    which confirming.ask has sent.

    Raises Invalid with a message for each field.
    """
    to = {channel: "".join(wanted.to.get(channel, "").split()) for channel in WANTS}
    errors = {}
    for channel, address in to.items():
        if address and not SHAPES[channel].fullmatch(address):
            errors[channel] = WRONG[channel].say(lang)
        elif channel in wanted.by and not address:
            errors[channel] = NEEDED[channel].say(lang)
    if errors:
        raise Invalid("addresses", FILL_IN, errors)
    values = {
        "notice_to": _seal.account_key().seal(to, _place(user_id)) if any(to.values()) else None,
        "notice_lang": wanted.lang if wanted.lang in ("zh", "en") else "",
        **{column: channel in wanted.by for channel, column in WANTS.items()},
    }
    with transaction() as session:
        before = wishes(session, user_id)
        same = {channel for channel in WANTS if to[channel] == before.to.get(channel, "")}
        values |= {column: channel in same & {*before.confirmed} for channel, column in CONFIRMED.items()}
        session.execute(update(USER).where(USER.c.id == user_id).values(values))
        session.execute(delete(CODE).where(CODE.c.user_id == user_id, CODE.c.channel.not_in(same)))
        known = same & {*before.by, *before.confirmed}
        return tuple(channel for channel in WANTS if to[channel] and channel in wanted.by and channel not in known)


def _place(user_id: int) -> str:
    return f"user.notice_to:{user_id}"
