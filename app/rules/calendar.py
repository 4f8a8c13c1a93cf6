"""When a legal period ends: Civil Code art. 200-204, reckoned in Asia/Shanghai.

Hours run at once and never roll. Days, months and years leave out the day of the start and end
at 24:00 of their last day; a last day off rolls to the next working day (make-up workdays work).
24:00 is stored as the instant of the next day's 00:00. A day fixed by a paper or by the calendar
(P0D, MM-DD) is not a counted period: it ends at its own 24:00 and never rolls.

Working days come from the State Council's yearly notice; for a year without one, from weekends
and statutory days alone, and the result is provisional. Not covered: a notice that makes a
weekend of the December before it a workday (last seen for 2012), until that notice is there.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Literal

from holidays.countries.china import China, ChinaStaticHolidays

from app.clock import LAW_ZONE
from app.errors import Refused
from app.text import Text

Unit = Literal["H", "M", "D", "months", "Y", "WD", "date"]

_COUNTED = re.compile(r"PT(?P<time>[1-9]\d{0,4})(?P<clock>[HM])|P(?P<count>\d{1,4})(?P<unit>D|M|Y|WD)", re.ASCII)
_MONTH_DAY = re.compile(r"(?P<month>\d\d)-(?P<day>\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """A period as written in deadlines.json: `count` of `unit`, or a day of the year ("date": MMDD)."""

    count: int
    unit: Unit

    @property
    def span(self) -> timedelta | None:
        """How long it is, where it runs by the clock; None where it runs by the calendar."""
        return {"H": timedelta(hours=self.count), "M": timedelta(minutes=self.count)}.get(self.unit)

    @property
    def text(self) -> Text:
        """The period in plain words."""
        if self.unit == "date":
            month, day = divmod(self.count, 100)
            return Text(f"{month} 月 {day} 日之前(含当日)", f"by {date(2000, month, day):%B} {day}")
        if self.count == 0:
            return Text("当日 24 时前", "by the end of that day")
        zh, en = _UNITS[self.unit]
        return Text(f"{self.count} {zh}内", f"within {self.count} {en}{'' if self.count == 1 else 's'}")


_UNITS: dict[Unit, tuple[str, str]] = {
    "H": ("小时", "hour"),
    "M": ("分钟", "minute"),
    "D": ("日", "day"),
    "months": ("个月", "month"),
    "Y": ("年", "year"),
    "WD": ("个工作日", "working day"),
}


@dataclass(frozen=True, slots=True)
class Due:
    """The end of a period. `at` is aware UTC; `law_date` the Shanghai day at or in which it ends.

    `provisional`: a working day was guessed, because that year's notice is not out yet.
    `rolled_from`: the last day proper, when it was a day off.
    """

    at: datetime
    provisional: bool
    law_date: date
    rule: str
    rolled_from: date | None = None

    @property
    def explanation(self) -> Text:
        """How the end was found, for the person who has to keep it."""
        return explain(parse_rule(self.rule).text, self)

    def plain(self) -> dict[str, Any]:
        """This, as JSON keeps it: what a task's row remembers, with the explanation in both languages."""
        values = {name: _json(getattr(self, name)) for name in self.__dataclass_fields__}
        return values | {"zh": self.explanation.zh, "en": self.explanation.en}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return in_law_zone(value)
    if isinstance(value, date):
        return value.isoformat()
    return [_json(item) for item in value] if isinstance(value, tuple) else value


def explain(said: Text, due: Due) -> Text:
    """`said`, the period in words, and what the calendar did to its end."""
    if due.rolled_from:
        said = Text(
            f"{said.zh}；{due.rolled_from} 是休息日，顺延到 {due.law_date}",
            f"{said.en}; {due.rolled_from} is a day off, so it moves to {due.law_date}",
        )
    if due.provisional:
        said = Text(
            f"{said.zh}（暂定：{due.law_date.year} 年放假安排尚未公布）",
            f"{said.en} (provisional: the holidays of {due.law_date.year} are not published yet)",
        )
    return said


class Calendar:
    """Which days are worked, year by year."""

    def __init__(self) -> None:
        self._year = lru_cache(maxsize=256)(_year)

    def published(self, year: int) -> bool:
        """Whether the State Council's notice for `year` is known."""
        return year in ChinaStaticHolidays.special_public_holidays

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on `day`; a guess when its year is not published."""
        off, worked = self._year(day.year)
        if day.weekday() < 5:
            return day not in off
        return day in worked or day in self._year(day.year + 1)[1]


def _year(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """The days off of `year`, and the weekends worked under its notice (some lie in the year before)."""
    if year not in ChinaStaticHolidays.special_public_holidays:
        return frozenset(_china(year, observed=False)), frozenset()
    notice = _china(year, observed=True)
    return frozenset(notice), frozenset(notice.weekend_workdays)


def _china(year: int, *, observed: bool) -> China:
    return China(years=year, expand=False, observed=observed)  # type: ignore[no-untyped-call]


LAW = Calendar()
"""The calendar in force."""


@lru_cache(maxsize=1024)
def parse_rule(rule: str) -> Rule:
    """`rule` as PTnH, PTnM, PnD, PnM, PnY, PnWD, P0D or MM-DD. Raises Refused for anything else."""
    if found := _COUNTED.fullmatch(rule):
        if found["clock"]:
            return Rule(int(found["time"]), found["clock"])  # type: ignore[arg-type]
        count, unit = int(found["count"]), "months" if found["unit"] == "M" else found["unit"]
        if count or unit == "D":
            return Rule(count, unit)  # type: ignore[arg-type]
    if found := _MONTH_DAY.fullmatch(rule):
        month, day = int(found["month"]), int(found["day"])
        if 1 <= month <= 12 and 1 <= day <= monthrange(2001, month)[1]:
            return Rule(month * 100 + day, "date")
    raise Refused(
        "deadline_rule",
        Text(f"看不懂期限“{rule[:40]}”", f"“{rule[:40]}” is not a period: write PT24H, P3D, P5WD, P6M, P1Y or 12-10"),
    )


def end_of(start: datetime, rule: str, calendar: Calendar = LAW) -> Due:
    """The end of `rule` counted from `start` (aware). Raises Refused for a bad rule or a year past 9998."""
    parsed = parse_rule(rule)
    try:
        if parsed.span is not None:
            return _end_of_hours(start, rule, parsed.span)
        return _end_of_days(start.astimezone(LAW_ZONE).date(), rule, parsed, calendar)
    except OverflowError:
        raise Refused("deadline_range", Text("期限超出了历法范围", "The period ends beyond the calendar")) from None


def _end_of_hours(start: datetime, rule: str, span: timedelta) -> Due:
    at = start.astimezone(UTC) + span
    return Due(at, False, at.astimezone(LAW_ZONE).date(), rule)


def _end_of_days(start: date, rule: str, parsed: Rule, calendar: Calendar) -> Due:
    if parsed.unit == "WD":
        last, provisional = _working_days_after(start, parsed.count, calendar)
        return Due(midnight_after(last), provisional, last, rule)
    proper = _last_day(start, parsed)
    if parsed.unit == "date" or parsed.count == 0:
        return Due(midnight_after(proper), False, proper, rule)
    last, provisional = _first_working_day(proper, calendar)
    return Due(midnight_after(last), provisional, last, rule, proper if last != proper else None)


def _last_day(start: date, parsed: Rule) -> date:
    counted: dict[Unit, Callable[[], date]] = {
        "D": lambda: start + timedelta(days=parsed.count),
        "months": lambda: add_months(start, parsed.count),
        "Y": lambda: add_months(start, 12 * parsed.count),
        "date": lambda: date(start.year, parsed.count // 100, parsed.count % 100),
    }
    return counted[parsed.unit]()


def add_months(day: date, months: int) -> date:
    """The corresponding day `months` later, or that month's last (Civil Code art. 202)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > 9998:
        raise OverflowError(year)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _first_working_day(day: date, calendar: Calendar) -> tuple[date, bool]:
    """The first working day from `day` on, and whether a year without a notice was asked."""
    provisional = not calendar.published(day.year)
    while not calendar.is_working_day(day):
        day += timedelta(days=1)
        provisional = provisional or not calendar.published(day.year)
    return day, provisional


def _working_days_after(day: date, count: int, calendar: Calendar) -> tuple[date, bool]:
    provisional = False
    for _ in range(count):
        day, guessed = _first_working_day(day + timedelta(days=1), calendar)
        provisional = provisional or guessed
    return day, provisional


def midnight_after(day: date) -> datetime:
    """24:00 of `day` in Shanghai, as aware UTC."""
    return datetime.combine(day + timedelta(days=1), time(0), LAW_ZONE).astimezone(UTC)


def instant(text: str) -> datetime:
    """An ISO date or time as aware UTC; without an offset it is Shanghai time, a date its 00:00. Raises Refused."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refused("instant", Text("看不懂这个时间", "This is not an ISO date or time")) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=LAW_ZONE)).astimezone(UTC)


def due_at(start: datetime, rule: str) -> datetime:
    """The end of `rule` from `start`, aware UTC, by the calendar in force. Raises Refused."""
    return end_of(start, rule).at


def in_law_zone(at: datetime) -> str:
    """`at` as an ISO text with Shanghai's offset, to the second: 2026-03-02T00:00:00+08:00."""
    return at.astimezone(LAW_ZONE).isoformat(timespec="seconds")
