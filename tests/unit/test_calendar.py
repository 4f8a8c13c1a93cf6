"""Legal periods against an independent day-walker over the State Council's own notices."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from app.errors import Refused
from app.rules.calendar import LAW, due_at, end_of, in_law_zone, instant, parse_rule
from tests.unit.state_council_schedules import NOTICES, works

SHANGHAI = timezone(timedelta(hours=8))
FIRST, LAST = date(2015, 1, 1), date(2026, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]


def roll(day: date) -> date:
    while not works(day):
        day += timedelta(days=1)
    return day


def walked(start: date, rule: str) -> date:
    """The last day, found by walking one day at a time."""
    if rule.endswith("WD"):
        day, left = start, int(rule[1:-2])
        while left:
            day += timedelta(days=1)
            left -= works(day)
        return day
    if rule.endswith("D"):
        day = start
        for _ in range(int(rule[1:-1])):
            day += timedelta(days=1)
        return roll(day)
    year, month = start.year, start.month
    for _ in range(int(rule[1:-1]) * (12 if rule.endswith("Y") else 1)):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return roll(date(year, month, min(start.day, monthrange(year, month)[1])))


def test_every_day_of_twelve_years_is_worked_as_the_notices_say() -> None:
    assert sorted(NOTICES) == list(range(2015, 2027))
    assert [day for day in DAYS if LAW.is_working_day(day) != works(day)] == []


@pytest.mark.parametrize(
    "rule", ["P1M", "P3M", "P6M", "P12M", "P1Y", "P1D", "P3D", "P7D", "P30D", "P3WD", "P5WD", "P7WD"]
)
def test_against_the_day_walker(rule: str) -> None:
    for day in DAYS:
        due = end_of(datetime(day.year, day.month, day.day, 9, 30, tzinfo=SHANGHAI), rule)
        last = walked(day, rule)
        if last.year == 2027 and LAW.published(2027):
            continue  # the notice came after these tables were typed
        assert due.law_date == last, (day, rule)
        assert due.at == datetime(last.year, last.month, last.day, tzinfo=SHANGHAI) + timedelta(days=1)
        if last.year < 2027:
            assert not due.provisional
        elif not rule.endswith("WD"):
            assert due.provisional


@pytest.mark.parametrize("hours", [24, 72])
def test_hours_run_at_once_and_never_roll(hours: int) -> None:
    for day in DAYS:
        start = datetime(day.year, day.month, day.day, 9, 30, tzinfo=SHANGHAI)
        due = end_of(start, f"PT{hours}H")
        assert due.at - start == timedelta(hours=hours)
        assert (due.provisional, due.rolled_from) == (False, None)


@pytest.mark.parametrize(
    ("start", "rule", "end"),
    [
        ("2024-08-30T10:00+08:00", "P6M", "2025-03-01T00:00:00+08:00"),  # 28 February, 24:00
        ("2026-08-31", "P6M", "2027-03-02T00:00:00+08:00"),  # 28 February 2027 is a Sunday
        ("2024-02-29", "P1Y", "2025-03-01T00:00:00+08:00"),
        ("2026-01-31", "P1M", "2026-03-01T00:00:00+08:00"),  # 28 February 2026 is a make-up workday
        ("2026-02-13", "P1D", "2026-02-15T00:00:00+08:00"),  # a worked Saturday
        ("2026-02-14", "P1D", "2026-02-25T00:00:00+08:00"),  # the whole Spring Festival
        ("2020-01-23", "P3D", "2020-02-04T00:00:00+08:00"),  # extended to 2 February 2020
        ("2015-09-02", "P1D", "2015-09-07T00:00:00+08:00"),  # 3 September 2015; the 6th was worked
        ("2026-03-02T23:59:59+08:00", "PT30M", "2026-03-03T00:29:59+08:00"),
        ("2026-03-02T20:00:00Z", "P1D", "2026-03-05T00:00:00+08:00"),  # already the 3rd in Shanghai
        ("2026-10-01", "P0D", "2026-10-02T00:00:00+08:00"),
        ("2026-05-01", "12-10", "2026-12-11T00:00:00+08:00"),
    ],
)
def test_known_ends(start: str, rule: str, end: str) -> None:
    assert in_law_zone(due_at(instant(start), rule)) == end


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "P",
        "6M",
        "P-1D",
        "P1.5D",
        "PT0H",
        "P0M",
        "P0WD",
        "P1W",
        "PT1S",
        "P1D ",
        "P1DT1H",
        "13-01",
        "02-30",
        "p1d",
        "P１D",
        "P1D\n",
    ],
)
def test_what_is_not_a_period_is_refused(rule: str) -> None:
    with pytest.raises(Refused):
        parse_rule(rule)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-02-30"])
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        instant(text)


def test_a_period_past_the_calendar_is_refused() -> None:
    for rule in ("P9999Y", "P9999M", "PT99999H", "P9999D", "P9999WD", "P5WD"):
        with pytest.raises(Refused):
            end_of(datetime(9999, 12, 28, tzinfo=UTC), rule)


def test_a_year_without_a_notice_is_provisional_and_reckoned_from_weekends_and_statutory_days() -> None:
    assert not LAW.published(2040)
    due = end_of(instant("2040-09-30"), "P1D")
    assert due.provisional
    assert due.law_date == date(2040, 10, 4)  # 1-3 October by statute; the rest of the week nobody knows yet
    assert "暂定" in due.explanation.zh
    assert "provisional" in due.explanation.en
    assert not end_of(instant("2040-09-30"), "PT24H").provisional


def test_a_count_that_enters_an_unpublished_year_is_provisional() -> None:
    assert end_of(instant("2039-12-30"), "P3WD").provisional
    assert not end_of(instant("2025-12-30"), "P3WD").provisional


def test_the_explanation_says_why_the_end_moved() -> None:
    due = end_of(instant("2026-02-14"), "P1D")
    assert due.rolled_from == date(2026, 2, 15)
    assert "2026-02-15" in due.explanation.zh
    assert "2026-02-24" in due.explanation.en
    assert due.plain()["law_date"] == "2026-02-24"


def test_summer_time_of_1986_does_not_shift_a_midnight() -> None:
    assert end_of(instant("1986-05-03T12:00"), "P1D").at == instant("1986-05-06T00:00")
