"""How often somebody may try a code for a report's number, or have a code sent; then that rests for a while.

A code has six digits. Ten tries in twelve hours are some 7 000 a year: who knows a number and never stops has a
chance of less than one in a hundred, and who has a receipt in hand does not need ten. Counted by number alone, known
or not, so that nothing shows which numbers exist. Not by address: a school or an office stands behind one, and where
a reporter writes from is nowhere kept. Of a number only a blind index is stored, and not for longer than it rests.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.exc import IntegrityError

from app import clock
from app.db import table, transaction
from app.errors import TooMany
from app.models import CodeTry
from app.services import _seal
from app.text import Text

MOST = 10
RESTS = timedelta(hours=12)
"""From the first try."""
TRY = table(CodeTry)
ONE_MORE = (
    update(TRY)
    .where(TRY.c.number_index == bindparam("_index"))
    .values(tries=TRY.c.tries + 1)
    .returning(TRY.c.tries, TRY.c.since)
)


def take(number: str) -> None:
    """Take one of the tries, before the code is looked at: tries at the same time all count.

    Raises TooMany when there are none left, whether the number exists or not and whatever the code.
    """
    left = rests(_index(number))
    if left is not None:
        raise _too_many(left)


def rests(index: bytes) -> timedelta | None:
    """Count one more under this blind index; how long it rests yet, None where it does not."""
    try:
        tries, since = _count(index)
    except IntegrityError:  # somebody else's first try came in between
        tries, since = _count(index)
    return since + RESTS - clock.real_now() if tries > MOST else None


def in_hours(left: timedelta) -> int:
    """In whole hours, as people are told."""
    return -(-left // timedelta(hours=1))


def forget(number: str) -> None:
    """The code was right: the tries before it count no more."""
    with transaction() as session:
        session.execute(delete(TRY).where(TRY.c.number_index == _index(number)))


def _count(index: bytes) -> tuple[int, datetime]:
    """Count one more; what has rested long enough is gone."""
    now = clock.real_now()
    with transaction() as session:
        session.execute(delete(TRY).where(TRY.c.since <= now - RESTS))
        row = session.execute(ONE_MORE, {"_index": index}).first()
        if row is not None:
            return row.tries, row.since
        session.execute(insert(TRY).values(number_index=index, tries=1, since=now))
    return 1, now


def _too_many(left: timedelta) -> TooMany:
    hours = in_hours(left)
    zh = f"这个编号试的次数太多了。为了保护报告人，请过{hours}小时再查。等不及就打电话问受理的派出所。"
    en = f"Too many tries for this number. To protect the reporter, wait {hours} {'hour' if hours == 1 else 'hours'}. "
    en += "If it cannot wait, call the police station that took the report."
    return TooMany("too_many_tries", Text(zh, en), int(left.total_seconds()))


def _index(number: str) -> bytes:
    return _seal.blind_index("report.number", number)
