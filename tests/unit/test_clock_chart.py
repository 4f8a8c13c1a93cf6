"""The six-month clock's drawing agrees with the spans it is given."""

from __future__ import annotations

from datetime import date

from app.services.views import ClockView
from app.text import Text
from app.web.clock_chart import DAY_WIDTH, chart

TODAY = date(2026, 11, 23)


def clock(guardian: str, *spans: tuple[date, date, str], six: date | None = None) -> ClockView:
    none = Text("", "")
    return ClockView(guardian, "RUN", none, none, none, "1", None, six, spans)


FATHER = clock(
    "父亲",
    (date(2026, 7, 13), date(2026, 10, 1), "counted"),
    (date(2026, 10, 1), date(2026, 11, 24), "hold"),
    six=date(2027, 2, 21),
)
MOTHER = clock("母亲", (date(2026, 6, 20), date(2026, 11, 24), "unverifiable"))


def test_nothing_to_draw_without_spans() -> None:
    assert chart([], TODAY, "zh") is None
    assert chart([clock("父亲")], TODAY, "zh") is None


def test_one_band_per_guardian_on_one_scale() -> None:
    drawn = chart([FATHER, MOTHER], TODAY, "zh")
    assert drawn is not None
    assert [band.name for band in drawn.bands] == ["父亲", "母亲"]
    counted, hold = drawn.bands[0].segments
    assert counted.days == 80
    assert counted.width == 80 * DAY_WIDTH
    assert round(counted.x + counted.width, 1) == hold.x
    assert drawn.bands[0].y < drawn.bands[1].y


def test_bands_stop_after_today_even_when_a_span_is_still_open() -> None:
    drawn = chart([clock("父亲", (date(2026, 11, 1), date(2027, 6, 1), "counted"))], TODAY, "zh")
    assert drawn is not None
    assert drawn.bands[0].segments[0].days == 23


def test_a_span_that_has_not_begun_is_not_drawn() -> None:
    drawn = chart([clock("父亲", (date(2027, 1, 1), date(2027, 6, 1), "counted"))], TODAY, "zh")
    assert drawn is not None
    assert drawn.bands[0].segments == ()


def test_ticks_are_the_months_in_the_language() -> None:
    drawn = chart([FATHER], TODAY, "zh")
    assert drawn is not None
    assert [tick.label for tick in drawn.ticks] == ["7月", "8月", "9月", "10月", "11月", "12月", "1月", "2月", "3月"]
    english = chart([FATHER], TODAY, "en")
    assert english is not None
    assert english.ticks[0].label == "Jul"


def test_marks_are_dated_and_their_labels_never_overlap() -> None:
    near = clock("母亲", (date(2026, 6, 1), date(2026, 11, 24), "counted"), six=date(2026, 12, 1))
    drawn = chart([FATHER, near], TODAY, "zh")
    assert drawn is not None
    assert [(mark.kind, mark.day) for mark in drawn.marks] == [
        ("today", TODAY),
        ("six", date(2026, 12, 1)),
        ("six", date(2027, 2, 21)),
    ]
    today, soon, later = drawn.marks
    assert today.y < soon.y
    assert later.y == today.y
    assert all(mark.x <= drawn.width for mark in drawn.marks)


def test_the_legend_names_only_what_occurs() -> None:
    drawn = chart([FATHER], TODAY, "zh")
    assert drawn is not None
    assert [kind for kind, _ in drawn.kinds] == ["counted", "hold"]
