"""The two shifts of a day on duty, and which one it is now. Pure.

From eight to eight is our choice: neither plan nor law names the hours. Source: issue "daily work", part 5; ADR 0021.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from app.clock import LAW_ZONE

Name = Literal["day", "night"]
SHIFTS: tuple[Name, ...] = ("day", "night")
BEGINS: dict[Name, time] = {"day": time(8), "night": time(20)}
LENGTH = timedelta(hours=12)


@dataclass(frozen=True, slots=True, order=True)
class Shift:
    """The day or the night of one date; a night lasts into the next morning."""

    day: date
    name: Name

    @property
    def begins(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.day, BEGINS[self.name], LAW_ZONE)

    @property
    def ends(self) -> datetime:
        """The moment after it."""
        return self.begins + LENGTH


def shift_at(at: datetime) -> Shift:
    """The shift that runs at `at`; before eight in the morning it is the night of the day before."""
    local = at.astimezone(LAW_ZONE)
    if local.time() < BEGINS["day"]:
        return Shift(local.date() - timedelta(days=1), "night")
    return Shift(local.date(), "day" if local.time() < BEGINS["night"] else "night")


def shifts(first: date, days: int) -> Iterator[Shift]:
    """Every shift of so many days, in order."""
    for offset in range(days):
        for name in SHIFTS:
            yield Shift(first + timedelta(days=offset), name)


def monday(day: date) -> date:
    """The Monday of the week in which `day` lies."""
    return day - timedelta(days=day.weekday())
