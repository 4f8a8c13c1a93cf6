"""Days and times as people write them at a desk: 2026-11-23, 1123, 11月23日, 昨天, today, 9:05, 0905, 9点半."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta

from app.clock import LAW_ZONE

_WORDS = {
    "大前天": -3,
    "前天": -2,
    "昨天": -1,
    "昨日": -1,
    "今天": 0,
    "今日": 0,
    "明天": 1,
    "明日": 1,
    "后天": 2,
    "yesterday": -1,
    "today": 0,
    "tomorrow": 1,
}
_WITH_YEAR = re.compile(r"(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?|(\d{4})(\d{2})(\d{2})", re.ASCII)
_WITHOUT_YEAR = re.compile(r"(\d{1,2})(?:-|/|\.|月)(\d{1,2})[日号]?|(\d{2})(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2})(?::(\d{2})(?::\d{2})?|[点时](半|\d{1,2})?分?)|(\d{1,2})(\d{2})", re.ASCII)
_EARLIEST, _LATEST = date(1900, 1, 1), date(2199, 12, 31)


def plain(text: str) -> str:
    """`text` as if typed without a Chinese input method: narrow digits and signs, no outer spaces."""
    return unicodedata.normalize("NFKC", text).strip()


def read_date(text: str, today: date) -> date | None:
    """The day that `text` names, or None; a day without a year is the one nearest to `today`."""
    said = plain(text).lower()
    if said in _WORDS:
        return today + timedelta(days=_WORDS[said])
    if match := _WITH_YEAR.fullmatch(said):
        day = _day(*(int(part) for part in match.groups() if part))
        return day if day and _EARLIEST <= day <= _LATEST else None
    if match := _WITHOUT_YEAR.fullmatch(said):
        month, number = (int(part) for part in match.groups() if part)
        near = [day for year in (-1, 0, 1) if (day := _day(today.year + year, month, number))]
        return min(near, key=lambda day: abs(day - today), default=None)
    return None


def _day(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


def read_time(text: str) -> time | None:
    """The time of day that `text` names, to the minute, or None."""
    match = _TIME.fullmatch(plain(text))
    if match is None:
        return None
    hour, colon, spoken, four_hour, four_minute = match.groups()
    minute = colon or four_minute or ("30" if spoken == "半" else spoken) or "0"
    try:
        return time(int(hour or four_hour), int(minute))
    except ValueError:
        return None


def read_instant(text: str) -> datetime | None:
    """The instant of an ISO text, in Asia/Shanghai, to the minute; one without an offset is Shanghai's."""
    try:
        instant = datetime.fromisoformat(plain(text))
        local = (instant if instant.tzinfo else instant.replace(tzinfo=LAW_ZONE)).astimezone(LAW_ZONE)
    except (ValueError, OverflowError):
        return None
    return local.replace(second=0, microsecond=0) if _EARLIEST <= local.date() <= _LATEST else None


def parts(value: object) -> tuple[str, str]:
    """The day and the time of a raw or stored instant, as text for two inputs.

    `value` is {"date": …, "time": …} as typed, or one text: ISO, or a day and a time with a space between.
    """
    if isinstance(value, dict):
        return _typed(value.get("date")), _typed(value.get("time"))
    said = _typed(value).strip()
    if "T" in said and (instant := read_instant(said)):
        return instant.date().isoformat(), f"{instant:%H:%M}"
    day, _, clock = said.partition(" ")
    return day, clock.strip()


def _typed(value: object) -> str:
    return value if isinstance(value, str) else ""
