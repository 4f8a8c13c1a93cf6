"""How often recurring duties come, and on which day the next one opens.

Neither law nor plan gives these figures ("定期", "及时"): they are choices, and pages say so.
The same figures stand in deadlines.json, D21 and D05b, as the limit shown for each duty.
A duty opens at 00:00 of its day in the law's zone, a day off included; at once when that is past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.clock import LAW_ZONE
from app.rules.calendar import add_months, midnight_after, parse_rule


@dataclass(frozen=True, slots=True)
class Frequency:
    """A span, as PnD or PnM, and where it comes from; `choice` marks what law and plan leave open."""

    rule: str
    source: str
    choice: bool = True


PLAN_VISITS = "方案4.1.1-l,q 定期走访"
PLAN_NOTICES = "方案4.2.3-h 协助通知父母立即返回"

VISITS: Mapping[str, Frequency] = {
    "red": Frequency("P7D", PLAN_VISITS),
    "orange": Frequency("P14D", PLAN_VISITS),
    "yellow": Frequency("P1M", PLAN_VISITS),
    "green": Frequency("P3M", PLAN_VISITS),
}
VISITS_UNASSESSED = Frequency("P1M", PLAN_VISITS)
"""While nobody has set a level: neither the heaviest load nor the longest gap."""

VISIT_AFTER_RETURN = Frequency("P7D", "方案4.1.1-l; 未成年人保护法93")
"""First visit to a child who has just gone back home or to a relative."""

VISITS_AFTER_RESTORATION = tuple(Frequency(f"P{month}M", "方案4.1.1-l; 民法典38") for month in range(1, 7))
"""Monthly visits for half a year after a court has restored guardianship."""

RETRY_UNSEEN = Frequency("P1D", "方案4.1.1-q")
"""Earliest next visit after one that missed the child: a missed visit never counts as one."""

NOTICE_DAILY = Frequency("P1D", PLAN_NOTICES)
NOTICE_WEEKLY = Frequency("P7D", PLAN_NOTICES)
DAILY_NOTICES = 7
"""So many notices to the parents come daily, the rest weekly. A choice too."""


def visit_frequency(risk: str | None) -> Frequency:
    """How often a child at this level is visited."""
    return VISITS.get(risk or "", VISITS_UNASSESSED)


def notice_frequency(given: int) -> Frequency:
    """How long to wait for the next notice once `given` have been given."""
    return NOTICE_DAILY if given < DAILY_NOTICES else NOTICE_WEEKLY


def opens_at(since: datetime, frequency: Frequency, now: datetime) -> datetime:
    """When the duty that follows `since` opens: never before `now`. Aware UTC."""
    day = _after(law_date(since), frequency.rule)
    return max(midnight_after(day - timedelta(days=1)), now)


def law_date(instant: datetime) -> date:
    """The calendar day of an instant where the law applies."""
    return instant.astimezone(LAW_ZONE).date()


def _after(day: date, rule: str) -> date:
    span = parse_rule(rule)
    return add_months(day, span.count) if span.unit == "months" else day + timedelta(days=span.count)
