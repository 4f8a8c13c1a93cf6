"""The six-month clock as a drawing: where each band, tick and mark stands, in pixels.

Pure geometry for a server-drawn SVG (macros/clock.html); every date it draws also stands in the
text beside it. Source: the house's visual language, "Six-month clock".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.services.views import ClockView
from app.text import Text
from app.web.presenters import EN_MONTHS

LEFT, RIGHT, TOP = 8.0, 40.0, 28.0
DAY_WIDTH = 2.2
BAND, GAP = 18.0, 22.0
LABEL_WIDTH, LABEL_LINE = 104.0, 18.0
MARGIN_DAYS = 24

KINDS = {
    "counted": Text("未履行，计入", "not performing, counted"),
    "hold": Text("恢复观察，不计", "trial return, not counted"),
    "unverifiable": Text("无法核实，不计", "can’t be verified, not counted"),
    "performing": Text("履行", "performing"),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """One span of one guardian; `end` is exclusive."""

    x: float
    width: float
    kind: str
    start: date
    end: date

    @property
    def days(self) -> int:
        """How many days the span covers."""
        return (self.end - self.start).days

    @property
    def last(self) -> date:
        """The last day that belongs to the span."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Band:
    """One guardian's line."""

    name: str
    y: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A month's first day."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A dated upright line: today (solid), or when the count would be full (dashed)."""

    x: float
    y: float
    kind: str  # today | six
    day: date
    guardian: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The whole drawing; `kinds` are those that occur, in the legend's order."""

    width: float
    height: float
    foot: float  # where the bands end and the labels of the marks begin
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    kinds: tuple[tuple[str, Text], ...]
    today: date
    today_x: float


def _first_of_month(day: date, after: int = 0) -> date:
    months = day.year * 12 + day.month - 1 + after
    return date(months // 12, months % 12 + 1, 1)


def _range(clocks: Sequence[ClockView], today: date) -> tuple[date, date]:
    starts = [span[0] for clock in clocks for span in clock.spans]
    ends = [clock.six_months_on for clock in clocks if clock.six_months_on is not None]
    last = max([today, *ends]) + timedelta(days=MARGIN_DAYS)
    return _first_of_month(min([today, *starts])), last


def _ticks(first: date, last: date, lang: str) -> Iterable[Tick]:
    month = first
    while month <= last:
        name = EN_MONTHS[month.month - 1] if lang.startswith("en") else f"{month.month}月"
        yield Tick(_x(month, first), name)
        month = _first_of_month(month, 1)


def _x(day: date, first: date) -> float:
    return round(LEFT + (day - first).days * DAY_WIDTH, 1)


def _bands(clocks: Sequence[ClockView], first: date, today: date) -> Iterable[Band]:
    for index, clock in enumerate(clocks):
        segments = tuple(
            Segment(_x(start, first), round((end - start).days * DAY_WIDTH, 1), kind, start, end)
            for start, until, kind in clock.spans
            if (end := min(until, today + timedelta(days=1))) > start
        )
        yield Band(clock.guardian, TOP + 8 + index * (BAND + GAP), segments)


def _marks(clocks: Sequence[ClockView], first: date, today: date, foot: float) -> tuple[Mark, ...]:
    """Today and each due date, their labels on as many lines as keep them apart."""
    wanted = [(today, "today", "")]
    wanted += [(clock.evidence_on, "evidence", clock.guardian) for clock in clocks if clock.evidence_on is not None]
    wanted += [(clock.six_months_on, "six", clock.guardian) for clock in clocks if clock.six_months_on is not None]
    marks: list[Mark] = []
    line_ends: list[float] = []
    for day, kind, guardian in sorted(wanted):
        x = _x(day, first)
        line = next((i for i, end in enumerate(line_ends) if x - LABEL_WIDTH / 2 >= end), len(line_ends))
        line_ends[line : line + 1] = [x + LABEL_WIDTH / 2]
        marks.append(Mark(x, foot + 16 + line * LABEL_LINE, kind, day, guardian))
    return tuple(marks)


def chart(clocks: Sequence[ClockView], today: date, lang: str) -> Chart | None:
    """Lay out the bands of all guardians on one scale of time; None when there is nothing to draw."""
    drawn = [clock for clock in clocks if clock.spans]
    if not drawn:
        return None
    first, last = _range(drawn, today)
    foot = TOP + 8 + len(drawn) * (BAND + GAP) - GAP + 12
    marks = _marks(drawn, first, today, foot)
    present = {kind for clock in drawn for _, _, kind in clock.spans}
    return Chart(
        width=round(_x(last, first) + RIGHT, 1),
        height=max(mark.y for mark in marks) + 8,
        foot=foot,
        bands=tuple(_bands(drawn, first, today)),
        ticks=tuple(_ticks(first, last, lang)),
        marks=marks,
        kinds=tuple((kind, text) for kind, text in KINDS.items() if kind in present),
        today=today,
        today_x=_x(today, first),
    )
