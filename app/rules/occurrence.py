"""When something happened, as whoever writes it down says: now, or at a time that they name.

What is recorded keeps both times. A named time is not in the future, and not before anybody knew of the
child: what is older belongs in the words of the form. Deadlines and the six-month clock start at the
facts that forms ask for, never at this time. Source: ARCHITECTURE rule 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.clock import LAW_ZONE
from app.rules import forms_dates
from app.text import Text

FIELD = "_occurred"
"""What it is called among a form's inputs and errors; no question of a form begins with a line."""

Named = datetime | Mapping[str, str] | None
"""An instant; or a day and a time as typed ("date", "time"); or nothing, which means now."""

NO_DAY = Text("缺哪一天。只记现在的，请把时间也清空。", "The day is missing. If it happened now, clear the time too.")
NO_TIME = Text("缺几点。记不准就写大概的时间。", "The time is missing. Give an approximate one if you are not sure.")
NOT_A_DAY = Text(
    "看不懂这一天。请写成2026-03-01、0301或昨天。", "This is no day we can read. Write 2026-03-01, 0301 or yesterday."
)
NOT_A_TIME = Text("看不懂这个时间。请写成9:05或0905。", "This is no time we can read. Write 9:05 or 0905.")
IN_THE_FUTURE = Text(
    "这个时间还没有到。请填事情实际发生的时间。", "This time has not come yet. Give the time when it happened."
)


def when(named: Named, now: datetime, earliest: datetime) -> datetime | Text:
    """The instant that is meant; or what is wrong with it, in words."""
    found = named if isinstance(named, datetime) else _read(named or {}, now)
    if isinstance(found, Text):
        return found
    if found > now:
        return IN_THE_FUTURE
    return found if found >= earliest else _too_early(earliest)


def _read(typed: Mapping[str, str], now: datetime) -> datetime | Text:
    day, clock = (typed.get(part, "").strip() for part in ("date", "time"))
    if not day and not clock:
        return now
    if not day or not clock:
        return NO_TIME if day else NO_DAY
    date, time = forms_dates.read_date(day, now.astimezone(LAW_ZONE).date()), forms_dates.read_time(clock)
    if date is None or time is None:
        return NOT_A_DAY if date is None else NOT_A_TIME
    return datetime.combine(date, time, LAW_ZONE)


def _too_early(earliest: datetime) -> Text:
    local = earliest.astimezone(LAW_ZONE)
    return Text(
        f"这个时间早于第一次有人报告的时候（{local:%Y-%m-%d %H:%M}）。更早的事请写在表里，这里填你们知道以后的时间。",
        f"This is before anybody first reported ({local:%Y-%m-%d %H:%M}). "
        "Put what is older into the form's words; give a time after that here.",
    )
