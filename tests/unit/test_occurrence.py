"""When something happened: read as typed, bounded by now and by the first report."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.rules import occurrence
from app.text import Text

NOW = datetime(2026, 3, 2, 2, 30, 20, tzinfo=UTC)  # 10:30 in Shanghai
EARLIEST = datetime(2026, 2, 27, 16, 0, tzinfo=UTC)  # 28 February, 00:00


@pytest.mark.parametrize(
    ("day", "time", "meant"),
    [
        ("", "", NOW),
        (" ", "", NOW),
        ("2026-03-01", "9:05", datetime(2026, 3, 1, 1, 5, tzinfo=UTC)),
        ("0301", "0905", datetime(2026, 3, 1, 1, 5, tzinfo=UTC)),
        ("昨天", "9点半", datetime(2026, 3, 1, 1, 30, tzinfo=UTC)),
        ("today", "10:30", datetime(2026, 3, 2, 2, 30, tzinfo=UTC)),
        ("2026-02-28", "00:00", EARLIEST),
    ],
)
def test_a_time_is_shanghais(day: str, time: str, meant: datetime) -> None:
    assert occurrence.when({"date": day, "time": time}, NOW, EARLIEST) == meant


@pytest.mark.parametrize(
    ("day", "time", "wrong"),
    [
        ("昨天", "", occurrence.NO_TIME),
        ("", "9:05", occurrence.NO_DAY),
        ("0230", "9:05", occurrence.NOT_A_DAY),
        ("昨天", "25:00", occurrence.NOT_A_TIME),
        ("今天", "10:31", occurrence.IN_THE_FUTURE),
        ("明天", "9:00", occurrence.IN_THE_FUTURE),
    ],
)
def test_what_is_wrong_is_said(day: str, time: str, wrong: Text) -> None:
    assert occurrence.when({"date": day, "time": time}, NOW, EARLIEST) == wrong


def test_before_the_first_report_the_bound_is_named() -> None:
    found = occurrence.when({"date": "2026-02-27", "time": "23:59"}, NOW, EARLIEST)
    assert isinstance(found, Text)
    assert "2026-02-28 00:00" in found.zh
    assert "2026-02-28 00:00" in found.en


def test_an_instant_is_bounded_too() -> None:
    assert occurrence.when(EARLIEST, NOW, EARLIEST) == EARLIEST
    assert occurrence.when(datetime(2026, 3, 2, 2, 31, tzinfo=UTC), NOW, EARLIEST) == occurrence.IN_THE_FUTURE
