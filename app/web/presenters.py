"""How instants, dues, ages and risks read on a page, in Chinese and in English.

Pure: every function is given `now` (aware) and `lang` ("zh" or "en"); nothing reads a clock.
Digits and Chinese characters are written without a space; the style sheet sets the gap.
Source: the house's visual language, "Words".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from app.clock import LAW_ZONE
from app.services.views import ChildLine, DueView, Outcome, Risk
from app.text import Text

ZH_WEEKDAYS = "一二三四五六日"
EN_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EN_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ZH_DIGITS = ("", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")

RISKS: Mapping[Risk, tuple[int, Text]] = {
    "red": (4, Text("风险红", "Risk red")),
    "orange": (3, Text("风险橙", "Risk orange")),
    "yellow": (2, Text("风险黄", "Risk yellow")),
    "green": (1, Text("风险绿", "Risk green")),
}
APART = Text("　", ", ")
"""Between things that stand side by side."""
WITHHELD, ERASED = Text("姓名不可见", "name withheld"), Text("姓名已依法删除", "name lawfully erased")
SEXES = {"f": Text("女", "girl"), "m": Text("男", "boy")}

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _en(lang: str) -> bool:
    return lang.startswith("en")


def say(text: Text | str | None, lang: str) -> str:
    """A text in the page's language; a plain string is already in it; None says nothing."""
    if isinstance(text, Text):
        return text.say(lang)
    return text or ""


def plural(count: int, one: str, many: str) -> str:
    """English: "1 task", "2 tasks"."""
    return f"{count} {one if count == 1 else many}"


# Absolute


@dataclass(frozen=True, slots=True)
class Moment:
    """A day of the law's zone and what its clock shows; `clock` is "24:00" for an end of day."""

    day: date
    clock: str


def moment(at: datetime, *, end: bool = False) -> Moment:
    """Where `at` stands in Asia/Shanghai; with `end`, midnight is the 24:00 of the day before."""
    local = at.astimezone(LAW_ZONE)
    if end and local.time() == time(0):
        return Moment(local.date() - DAY, "24:00")
    return Moment(local.date(), f"{local:%H:%M}")


def today(now: datetime) -> date:
    """The day it is in Asia/Shanghai."""
    return now.astimezone(LAW_ZONE).date()


def weekday(day: date, lang: str) -> str:
    """“周一” or "Mon"."""
    return EN_WEEKDAYS[day.weekday()] if _en(lang) else f"周{ZH_WEEKDAYS[day.weekday()]}"


def month_day(day: date | datetime, now: datetime, lang: str) -> str:
    """“11月23日” or "23 Nov", with the year when it is not this year; an instant counts as its day in Asia/Shanghai."""
    if isinstance(day, datetime):
        day = moment(day).day
    other_year = day.year != today(now).year
    if _en(lang):
        return f"{day.day} {EN_MONTHS[day.month - 1]}" + (f" {day.year}" if other_year else "")
    return (f"{day.year}年" if other_year else "") + f"{day.month}月{day.day}日"


def on_day(day: date | datetime | None, now: datetime, lang: str) -> str:
    """“11月23日 周一” or "Mon 23 Nov"; an instant counts as its day in Asia/Shanghai."""
    if day is None:
        return ""
    plain = moment(day).day if isinstance(day, datetime) else day
    parts = (month_day(plain, now, lang), weekday(plain, lang))
    return " ".join(reversed(parts) if _en(lang) else parts)


def absolute(at: datetime | None, now: datetime, lang: str, *, end: bool = False) -> str:
    """“11月23日 周一 16:30” or "Mon 23 Nov 16:30"; `end` follows the 24:00 convention."""
    if at is None:
        return ""
    shown = moment(at, end=end)
    return f"{on_day(shown.day, now, lang)} {shown.clock}"


def clock_time(at: datetime | None) -> str:
    """“09:41”."""
    return "" if at is None else moment(at).clock


def _near_day(day: date, now: datetime, lang: str) -> str:
    """The day as people name it within a fortnight: today, tomorrow, Wednesday, last Friday."""
    here = today(now)
    named = {
        here - DAY: Text("昨天", "yesterday"),
        here: Text("今天", "today"),
        here + DAY: Text("明天", "tomorrow"),
    }
    if day in named:
        return named[day].say(lang)
    monday = here - here.weekday() * DAY
    if monday <= day < monday + 7 * DAY:
        return weekday(day, lang)
    if monday - 7 * DAY <= day < monday:
        return ("last " if _en(lang) else "上") + weekday(day, lang)
    return on_day(day, now, lang)


def near(at: datetime | None, now: datetime, lang: str, *, end: bool = False) -> str:
    """“今天 16:30”, “上周五 24:00”, “12月8日 周二”: short, for lists.

    An end of day further off than this week is told by its date alone.
    """
    if at is None:
        return ""
    shown = moment(at, end=end)
    name = _near_day(shown.day, now, lang)
    far = shown.day - today(now) >= 7 * DAY
    return name if far and shown.clock == "24:00" else f"{name} {shown.clock}"


# Relative


def _short_span(span: timedelta, lang: str, *, minutes: bool) -> str:
    hours, rest = divmod(int(span.total_seconds()) // 60, 60)
    if hours == 0:
        return f"{rest} min" if _en(lang) else f"{rest}分"
    tail = rest if minutes and rest else 0
    if _en(lang):
        return f"{hours} h" + (f" {tail} min" if tail else "")
    return f"{hours}小时" + (f"{tail}分" if tail else "")


def _far_future(days: int, lang: str) -> str:
    """Two weeks or more ahead, by weeks, then months, then years."""
    if days < 63:
        count, zh, en = days // 7, "周后", "week"
    elif days < 700:
        count, zh, en = days // 30, "个月后", "month"
    else:
        count, zh, en = days // 365, "年后", "year"
    if _en(lang):
        return "in " + plural(count, en, en + "s")
    return (ZH_DIGITS[count] if count < len(ZH_DIGITS) else str(count)) + zh


def _ahead(span: timedelta, lang: str) -> str:
    if span < DAY:
        text = _short_span(span, lang, minutes=span < 12 * HOUR)
        return f"in {text}" if _en(lang) else f"还有{text}"
    if span.days >= 14:
        return _far_future(span.days, lang)
    return "in " + plural(span.days, "day", "days") if _en(lang) else f"还有{span.days}天"


def _past(span: timedelta, lang: str) -> str:
    if span < timedelta(minutes=1):
        return "just now" if _en(lang) else "刚到期"
    text = elapsed(span, lang)
    return f"{text} past" if _en(lang) else f"过了{text}"


def elapsed(span: timedelta, lang: str) -> str:
    """“6天” or "6 days"; below a day in hours, below an hour in minutes; months from 60 days."""
    if span < DAY:
        return _short_span(span, lang, minutes=False)
    if span.days < 60:
        return plural(span.days, "day", "days") if _en(lang) else f"{span.days}天"
    months = span.days // 30
    return plural(months, "month", "months") if _en(lang) else f"{months}个月"


def relative(at: datetime | None, now: datetime, lang: str) -> str:
    """“还有6小时50分”, “两周后”, “过了2天”: to be shown only together with the absolute time."""
    if at is None:
        return ""
    return _ahead(at - now, lang) if at >= now else _past(now - at, lang)


def since(at: datetime | None, now: datetime, lang: str) -> str:
    """How long something has been waiting: “等了6天” or "waiting 6 days"."""
    if at is None:
        return ""
    text = elapsed(max(now - at, timedelta(0)), lang)
    return f"waiting {text}" if _en(lang) else f"等了{text}"


def ago(at: datetime | None, now: datetime, lang: str) -> str:
    """“4天前” or "4 days ago"; today is told as such."""
    if at is None:
        return ""
    days = (today(now) - moment(at).day).days
    if days <= 0:
        return "today" if _en(lang) else "今天"
    text = elapsed(days * DAY, lang)
    return f"{text} ago" if _en(lang) else f"{text}前"


# Dues


@dataclass(frozen=True, slots=True)
class DueText:
    """A due date ready to show: `short` for lists, `full` for the task page."""

    short: str
    full: str
    relative: str
    late: bool
    iso: str
    provisional: bool


def due(view: DueView, now: datetime, lang: str) -> DueText:
    """A due in words; without a limit `short` says so and the rest is empty."""
    if view.at is None:
        return DueText("no limit" if _en(lang) else "不限期", "", "", late=False, iso="", provisional=False)
    return DueText(
        short=near(view.at, now, lang, end=True),
        full=absolute(view.at, now, lang, end=True),
        relative=relative(view.at, now, lang),
        late=view.at < now,
        iso=view.at.astimezone(LAW_ZONE).isoformat(timespec="minutes"),
        provisional=view.provisional,
    )


def late_entry(occurred: datetime, recorded: datetime, now: datetime, lang: str) -> str:
    """When a late entry was written: “次日08:15补录” or "entered next day 08:15"."""
    gap = (moment(recorded).day - moment(occurred).day).days
    if gap == 0:
        when = f"at {clock_time(recorded)}" if _en(lang) else f"当日{clock_time(recorded)}"
    elif gap == 1:
        when = f"next day {clock_time(recorded)}" if _en(lang) else f"次日{clock_time(recorded)}"
    else:
        when = absolute(recorded, now, lang)
    return f"entered {when}" if _en(lang) else f"{when}补录"


# Children


@dataclass(frozen=True, slots=True)
class RiskText:
    """Bars (1 to 4) and the word beside them; only "red" is ever coloured."""

    bars: int
    word: str
    red: bool


def risk(value: Risk, lang: str) -> RiskText | None:
    """The risk in bars and words; None when it has not been judged."""
    if value not in RISKS:
        return None
    bars, word = RISKS[value]
    return RiskText(bars, word.say(lang), red=value == "red")


def age(years: int | None, lang: str) -> str:
    """“9岁” or "9"; nothing when unknown."""
    if years is None:
        return ""
    return str(years) if _en(lang) else f"{years}岁"


def sex(value: str, lang: str) -> str:
    """“女” or "girl"; a code not in the list is shown as it stands."""
    return SEXES[value].say(lang) if value in SEXES else value


def child(line: ChildLine | None, lang: str) -> str:
    """“林小禾，9岁” or "Lin Xiaohe, 9"; a child this person may not see has no name here."""
    if line is None:
        return ""
    withheld = ERASED if line.erased else WITHHELD
    name = line.name or withheld.say(lang)
    return commas((name, age(line.age, lang)), lang)


def joined(parts: Iterable[str], lang: str) -> str:
    """Names in a row: “甲、乙” or "A, B"; what is empty is left out."""
    return (", " if _en(lang) else "、").join(part for part in parts if part)


def commas(parts: Iterable[str], lang: str) -> str:
    """Facts in a row: “女，9岁” or "girl, 9"; what is empty is left out."""
    return (", " if _en(lang) else "，").join(part for part in parts if part)


def spaced(parts: Iterable[str], lang: str) -> str:
    """Things that stand side by side: “赵立军　联系记录” or "Zhao Lijun, contact record"; what is empty is left out."""
    return APART.say(lang).join(part for part in parts if part)


def by_place(options: Iterable[tuple[str, str]], lang: str) -> dict[str, list[tuple[str, str]]]:
    """Places named with all that is above them, each under what it belongs to: {"甘州区　柳河镇": [(code, "红柳滩村")]}."""
    found: dict[str, list[tuple[str, str]]] = {}
    for code, place in options:
        above, _apart, own = place.rpartition(APART.say(lang))
        found.setdefault(above, []).append((code, own))
    return found


# Outcomes


def chosen(outcome: Outcome, answers: Mapping[str, Any]) -> bool:
    """Whether the answers so far lead to this outcome; one without conditions is never singled out."""
    return bool(outcome.when) and all(_agrees(answers.get(name), wanted) for name, wanted in outcome.when.items())


def _agrees(answer: Any, wanted: Any) -> bool:
    """One of several wanted values; or a wanted value among several answers; or the same value."""
    if isinstance(wanted, list | tuple):
        return any(_agrees(answer, one) for one in wanted)
    if isinstance(answer, list | tuple):
        return wanted in answer
    return bool(answer == wanted)
