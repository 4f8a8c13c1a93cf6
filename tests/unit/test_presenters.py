"""Dates, dues, ages and risks as pages say them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.clock import LAW_ZONE
from app.services.views import ChildLine, ClockView, DueView, Outcome, StoryLine
from app.text import Text
from app.web import presenters as p
from app.web.filters import filters

NOW = datetime(2026, 11, 23, 9, 40, tzinfo=LAW_ZONE).astimezone(UTC)  # a Monday


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=LAW_ZONE).astimezone(UTC)


@pytest.mark.parametrize(
    ("instant", "zh", "en"),
    [
        (at(11, 23, 16, 30), "还有6小时50分", "in 6 h 50 min"),
        (at(11, 23, 9, 52), "还有12分", "in 12 min"),
        (at(11, 23, 10, 40), "还有1小时", "in 1 h"),
        (at(11, 24), "还有14小时", "in 14 h"),
        (at(11, 24, 10), "还有1天", "in 1 day"),
        (at(11, 26), "还有2天", "in 2 days"),
        (at(12, 6, 10), "还有13天", "in 13 days"),
        (at(12, 9), "两周后", "in 2 weeks"),
        (at(1, 9, year=2027), "六周后", "in 6 weeks"),
        (at(2, 22, year=2027), "三个月后", "in 3 months"),
        (at(11, 23, year=2029), "三年后", "in 3 years"),
        (at(11, 23, 9, 39), "过了1分", "1 min past"),
        (at(11, 23), "过了9小时", "9 h past"),
        (at(11, 21), "过了2天", "2 days past"),
        (at(8, 1), "过了3个月", "3 months past"),
        (NOW - timedelta(seconds=20), "刚到期", "just now"),
    ],
)
def test_relative_time(instant: datetime, zh: str, en: str) -> None:
    assert p.relative(instant, NOW, "zh") == zh
    assert p.relative(instant, NOW, "en") == en


@pytest.mark.parametrize(
    ("instant", "zh", "en"),
    [
        (at(11, 23, 16, 30), "11月23日 周一 16:30", "Mon 23 Nov 16:30"),
        (at(2, 21, 8, year=2027), "2027年2月21日 周日 08:00", "Sun 21 Feb 2027 08:00"),
    ],
)
def test_absolute_time_gives_the_year_only_when_it_differs(instant: datetime, zh: str, en: str) -> None:
    assert p.absolute(instant, NOW, "zh") == zh
    assert p.absolute(instant, NOW, "en") == en


def test_an_end_of_day_is_24_oclock_of_that_day() -> None:
    end = at(11, 24)
    assert p.absolute(end, NOW, "zh", end=True) == "11月23日 周一 24:00"
    assert p.absolute(end, NOW, "zh") == "11月24日 周二 00:00"


def test_an_end_of_year_belongs_to_the_old_year() -> None:
    assert p.absolute(at(1, 1, year=2027), NOW, "en", end=True) == "Thu 31 Dec 24:00"


@pytest.mark.parametrize(
    ("instant", "zh", "en"),
    [
        (at(11, 23, 16, 30), "今天 16:30", "today 16:30"),
        (at(11, 23), "昨天 24:00", "yesterday 24:00"),
        (at(11, 24, 8), "明天 08:00", "tomorrow 08:00"),
        (at(11, 26), "周三 24:00", "Wed 24:00"),
        (at(11, 21), "上周五 24:00", "last Fri 24:00"),
        (at(11, 14), "11月13日 周五 24:00", "Fri 13 Nov 24:00"),
        (at(12, 9), "12月8日 周二", "Tue 8 Dec"),
        (at(12, 8, 15), "12月8日 周二 15:00", "Tue 8 Dec 15:00"),
    ],
)
def test_near_names_the_day_as_people_do(instant: datetime, zh: str, en: str) -> None:
    assert p.near(instant, NOW, "zh", end=True) == zh
    assert p.near(instant, NOW, "en", end=True) == en


def test_the_day_is_that_of_the_law_not_of_utc() -> None:
    assert p.on_day(datetime(2026, 11, 22, 17, tzinfo=UTC), NOW, "zh") == "11月23日 周一"
    assert p.today(datetime(2026, 11, 22, 17, tzinfo=UTC)) == date(2026, 11, 23)


def test_a_due_tells_short_full_relative_and_whether_late() -> None:
    shown = p.due(DueView(at(11, 21), provisional=True), NOW, "zh")
    assert (shown.short, shown.full, shown.relative) == ("上周五 24:00", "11月20日 周五 24:00", "过了2天")
    assert shown.late
    assert shown.provisional
    assert shown.iso == "2026-11-21T00:00+08:00"


def test_a_due_without_limit_says_so() -> None:
    assert p.due(DueView(None), NOW, "zh").short == "不限期"
    assert p.due(DueView(None), NOW, "en").short == "no limit"
    assert not p.due(DueView(None), NOW, "zh").late


@pytest.mark.parametrize(("value", "bars", "zh", "red"), [("red", 4, "风险红", True), ("green", 1, "风险绿", False)])
def test_risk_is_bars_and_a_word(value: Any, bars: int, zh: str, *, red: bool) -> None:
    shown = p.risk(value, "zh")
    assert shown == p.RiskText(bars, zh, red)


def test_unjudged_risk_shows_nothing() -> None:
    assert p.risk("", "zh") is None


def line(name: str = "林小禾", age: int | None = 9) -> ChildLine:
    return ChildLine(1, name, "f", age, "orange", "红柳滩村")


def test_a_child_in_one_line() -> None:
    assert p.child(line(), "zh") == "林小禾，9岁"
    assert p.child(line("Lin Xiaohe"), "en") == "Lin Xiaohe, 9"
    assert p.child(line(age=None), "zh") == "林小禾"
    assert p.child(line(name=""), "zh") == "姓名不可见，9岁"
    assert p.child(None, "zh") == ""


@pytest.mark.parametrize(
    ("recorded", "zh", "en"),
    [
        (at(11, 19, 20), "当日20:00补录", "entered at 20:00"),
        (at(11, 20, 8, 15), "次日08:15补录", "entered next day 08:15"),
        (at(11, 22, 9), "11月22日 周日 09:00补录", "entered Sun 22 Nov 09:00"),
    ],
)
def test_late_entries_say_when_they_were_written(recorded: datetime, zh: str, en: str) -> None:
    occurred = at(11, 19, 12, 10)
    assert p.late_entry(occurred, recorded, NOW, "zh") == zh
    assert p.late_entry(occurred, recorded, NOW, "en") == en


def test_waiting_and_ago() -> None:
    assert p.since(at(11, 17, 9), NOW, "zh") == "等了6天"
    assert p.since(at(11, 23, 8), NOW, "en") == "waiting 1 h"
    assert p.ago(at(11, 19, 12), NOW, "zh") == "4天前"
    assert p.ago(at(11, 23, 1), NOW, "en") == "today"


def test_nothing_known_shows_nothing() -> None:
    for show in (p.absolute, p.near, p.relative, p.since, p.ago, p.on_day):
        assert show(None, NOW, "zh") == ""
    assert p.clock_time(None) == ""
    assert p.say(None, "zh") == ""


def test_say_and_joined_follow_the_language() -> None:
    assert p.say(Text("待办", "tasks"), "en-GB") == "tasks"
    assert p.say("已有", "en") == "已有"
    assert p.joined(["甲", "", "乙"], "zh") == "甲、乙"
    assert p.commas(["女", "9岁"], "zh") == "女，9岁"
    assert p.spaced(["赵立军", "", "联系记录"], "zh") == "赵立军　联系记录"
    assert p.joined(["A", "B"], "en") == "A, B"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"suitable": "yes", "seen": "alone"}, True),
        ({"suitable": "yes", "seen": "with"}, True),
        ({"suitable": "yes", "seen": "no"}, False),
        ({"suitable": "no", "seen": "alone"}, False),
        ({}, False),
    ],
)
def test_an_outcome_is_chosen_when_every_answer_agrees(answers: dict[str, Any], *, expected: bool) -> None:
    outcome = Outcome(Text("合适", "suitable"), {"suitable": "yes", "seen": ["alone", "with"]}, ())
    assert p.chosen(outcome, answers) is expected


def test_an_outcome_may_ask_for_one_of_several_answers() -> None:
    outcome = Outcome(Text("有害", "harm"), {"kinds": "harm"}, ())
    assert p.chosen(outcome, {"kinds": ["alone", "harm"]})
    assert not p.chosen(outcome, {"kinds": ["alone"]})


def test_an_outcome_without_conditions_is_never_singled_out() -> None:
    assert not p.chosen(Outcome(Text("其他", "other"), {}, ()), {"seen": "no"})


def test_filters_ask_for_language_and_time_each_time() -> None:
    said = iter(["zh", "en"])
    bound = filters(lambda: next(said), lambda: NOW)
    assert bound["relative"](at(11, 25, 10)) == "还有2天"
    assert bound["relative"](at(11, 25, 10)) == "in 2 days"


def test_every_filter_is_bound_to_language_and_time() -> None:
    bound = filters(lambda: "en", lambda: NOW)
    recorded = StoryLine(1, at(11, 19), at(11, 20, 8), Text("", ""), "", Text("", ""), late_entry=True)
    clock = ClockView(
        "父亲", "RUN", *[Text("", "")] * 3, "1", None, None, ((date(2026, 11, 1), date(2026, 11, 24), "counted"),)
    )
    said = {
        "say": bound["say"](Text("待办", "task")),
        "absolute": bound["absolute"](at(11, 24), end=True),
        "near": bound["near"](at(11, 24), end=True),
        "on_day": bound["on_day"](at(11, 24)),
        "month_day": bound["month_day"](date(2027, 1, 2)),
        "month_day of an instant": bound["month_day"](datetime(2027, 1, 1, 23, 15, tzinfo=UTC)),
        "weekday": bound["weekday"](date(2026, 11, 23)),
        "clock_time": bound["clock_time"](NOW),
        "since": bound["since"](at(11, 21, 9)),
        "ago": bound["ago"](at(11, 21, 9)),
        "due": bound["due"](DueView(None)).short,
        "late_entry": bound["late_entry"](recorded),
        "risk": bound["risk"]("red").word,
        "age": bound["age"](9),
        "sex": bound["sex"]("f"),
        "child": bound["child"](line("Lin Xiaohe")),
        "joined": bound["joined"](["a", "b"]),
        "commas": bound["commas"](["a", "b"]),
        "spaced": bound["spaced"](["a", "", "b"]),
        "by_place": bound["by_place"](
            [("7", "Ganzhou, Liuhe, Hongliutan"), ("8", "Ganzhou, Liuhe, Humagou"), ("9", "Erehwon")]
        ),
        "clock_chart": bound["clock_chart"]([clock]).ticks[0].label,
    }
    assert said == {
        "say": "task",
        "absolute": "Mon 23 Nov 24:00",
        "near": "today 24:00",
        "on_day": "Tue 24 Nov",
        "month_day": "2 Jan 2027",
        "month_day of an instant": "2 Jan 2027",
        "weekday": "Mon",
        "clock_time": "09:40",
        "since": "waiting 2 days",
        "ago": "2 days ago",
        "due": "no limit",
        "late_entry": "entered next day 08:00",
        "risk": "Risk red",
        "age": "9",
        "sex": "girl",
        "child": "Lin Xiaohe, 9",
        "joined": "a, b",
        "commas": "a, b",
        "spaced": "a, b",
        "by_place": {"Ganzhou, Liuhe": [("7", "Hongliutan"), ("8", "Humagou")], "": [("9", "Erehwon")]},
        "clock_chart": "Nov",
    }
