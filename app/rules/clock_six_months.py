"""The six-month clock: how long, without a break, one guardian has refused the duty to one child.

A state machine over observations (F25), recomputed from all of them each time: NONE, RUN, HOLD, STOP.
The law says only "six months or more" and leaves the judgement to the court (Civil Code 36; 法发〔2014〕
24号 35); the plan repeats it (4.2.5-e). Everything finer is our choice, and pages say so:

1. RUN begins the day after a confirmed failure of a guardian who knew and could (`knew`). Inability
   alone starts nothing: that is Civil Code 36(2), without a wait.
2. A day that could not be verified is not counted, from the observation that says so to the next
   verified one; such a gap neither starts nor stops anything and asks for a visit within 7 days.
3. One observation of performing puts a running clock on HOLD, from that very day. Held for 30 days,
   by two independent sources and a visit that saw the child, it is a STOP; without them it stays HOLD.
4. A lapse during HOLD resumes the same spell the day after; days of HOLD are not counted. A lapse
   after STOP is a new spell from nothing, and the old one stays on record.
5. Months are calendar months (Civil Code 202) from the day of the failure, moved day for day by the
   days not counted; 4.5 months are 4 months and 15 days. Only a full counted day can complete one.
6. Partial performance changes nothing (`Choices.partly`).
7. Nothing else resets the clock: it belongs to guardian and child, not to a township or a worker.
8. Each result carries RULE_VERSION; the same rows and day give the same result for ever.

A clock as of `today` has counted the full days before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from app.rules.calendar import add_months, midnight_after

RULE_VERSION = "2026-1"

State = Literal["NONE", "RUN", "HOLD", "STOP"]
Observed = Literal["performs", "partly", "fails", "unverifiable"]
Event = Literal["none", "month3", "evidence", "six_months", "stopped"]
SpanKind = Literal["counted", "hold", "unverifiable", "performing"]
Span = tuple[date, date, SpanKind]
"""From, to (exclusive), what it was."""

THRESHOLDS: tuple[tuple[Event, int, int], ...] = (("month3", 3, 0), ("evidence", 4, 15), ("six_months", 6, 0))
"""Alert, calendar months, days on top; each is raised once for a spell."""

VISIT_WITHIN = 7
"""Days in which an unverifiable observation wants a visit."""

LOOK_AGAIN = 30
"""Days to the next look at a clock that no date of its own can change: no wait is without a timer."""

CUMULATIVE = 180
"""Counted days within the last twelve months that open a lawyer's view, never a petition. Our choice."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the law leaves open, as policy sets it. `partly` is the state that partial performance counts as, if any."""

    hold_days: int = 30
    sources: int = 2
    partly: Observed | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One observation. `knew`: on that day the guardian knew of the duty and could do it (refusal confirmed)."""

    observed_on: date
    state: Observed
    source: str
    saw_child: bool = False
    knew: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Length:
    """A spell's length: calendar months and days, and the days counted."""

    counted: int = 0
    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Spell:
    """One continuous failure: its first counted day, its length, and the first day of STOP, if it has ended."""

    started_on: date
    length: Length
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock as of a day. `event` is what to raise now ("none" if nothing); `next_at` (aware UTC) always lies ahead.

    `evidence_on`, `six_months_on`: the last day of the four and a half, and of the six months, if nothing changes. `visit_by`: when an
    unverifiable observation wants a visit. `last_12_months` are counted days.
    """

    state: State
    current: Length
    longest: Length
    last_12_months: int
    event: Event
    next_at: datetime
    evidence_on: date | None
    six_months_on: date | None
    visit_by: date | None
    spells: tuple[Spell, ...]
    spans: tuple[Span, ...]
    rule_version: str = RULE_VERSION

    @property
    def spell(self) -> Spell | None:
        """The spell that runs, or the last one."""
        return self.spells[-1] if self.spells else None

    @property
    def spell_days(self) -> int:
        """Days counted in the current spell."""
        return self.current.counted

    @property
    def asks_lawyer(self) -> bool:
        """Whether the last twelve months together call for a lawyer's view."""
        return self.last_12_months >= CUMULATIVE


def evaluate(
    rows: Iterable[Row], today: date, raised: Collection[tuple[str, date]] = (), choices: Choices | None = None
) -> Clock:
    """The clock of one guardian and child as of `today`; rows after `today` are not known yet.

    `raised` are the alerts raised before, each with the spell's started_on. Rows of one day count in
    the order given.
    """
    machine = _Machine(choices or Choices())
    for row in sorted((row for row in rows if row.observed_on <= today), key=lambda row: row.observed_on):
        machine.observe(row)
    machine.advance(today)
    return _as_of(today, machine, raised)


@dataclass(slots=True)
class _Spell:
    """A spell in the making; `anchor` is the day of the failure, moved by the days not counted."""

    failed_on: date
    anchor: date
    length: Length = Length()
    reached: list[Event] = field(default_factory=list)
    ended_on: date | None = None

    def count(self, first: date, until: date) -> None:
        """Count the full days from `first` to before `until`."""
        last = until - DAY
        months = _full_months(self.anchor, last)
        days = (last - add_months(self.anchor, months)).days
        self.length = Length(self.length.counted + (until - first).days, months, days)
        self.reached = [event for event, *_ in THRESHOLDS if event in self.reached or self.completes(event) <= last]

    def completes(self, event: Event) -> date:
        """The last day of the months of `event`, from the present anchor."""
        months, days = next((months, days) for name, months, days in THRESHOLDS if name == event)
        return add_months(self.anchor, months) + timedelta(days=days)


def _full_months(anchor: date, last: date) -> int:
    months = (last.year - anchor.year) * 12 + last.month - anchor.month
    return months if add_months(anchor, months) <= last else months - 1


@dataclass(slots=True)
class _Machine:
    """The state machine; `day` is the first day not yet accounted for."""

    choices: Choices
    state: State = "NONE"
    day: date | None = None
    unverified_on: date | None = None
    spells: list[_Spell] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    held_from: date | None = None
    held_by: set[str] = field(default_factory=set)
    saw_child: bool = False

    def observe(self, row: Row) -> None:
        """Take in one observation; they come in order of their days."""
        if self.day is None:
            self.day = row.observed_on
        state = self.choices.partly if row.state == "partly" else row.state
        if state == "performs":
            self.advance(row.observed_on)
            self._performs(row)
        elif state == "fails":
            self.advance(row.observed_on)
            self._fails(row)
        elif state == "unverifiable":
            self.advance(row.observed_on)
            self.unverified_on = row.observed_on

    def _performs(self, row: Row) -> None:
        self.unverified_on = None
        if self.state == "RUN":
            self.state, self.held_from, self.held_by, self.saw_child = "HOLD", row.observed_on, set(), False
        if self.state == "HOLD":
            self.held_by.add(row.source)
            self.saw_child = self.saw_child or (row.source == "visit" and row.saw_child)

    def _fails(self, row: Row) -> None:
        if self.state == "RUN" and not self.unverified_on:
            return
        self._account(row.observed_on + DAY)  # that day itself still belongs to what was before
        self.unverified_on = None
        if self.state == "HOLD":
            self.state, self.held_from = "RUN", None
        elif self.state in ("NONE", "STOP") and row.knew:
            self.state = "RUN"
            self.spells.append(_Spell(row.observed_on, row.observed_on))

    def advance(self, until: date) -> None:
        """Account for the days before `until`, stopping the clock where a HOLD is fulfilled."""
        stop = self._stops_on()
        if stop is not None and stop <= until:
            self._account(stop)
            self.state, self.held_from = "STOP", None
            self.spells[-1].ended_on = stop
        self._account(until)

    def _stops_on(self) -> date | None:
        """The first day of STOP, if HOLD goes on as it is; a gap puts it off."""
        if self.held_from is None or self.day is None or self.unverified_on or not self.saw_child:
            return None
        if len(self.held_by) < self.choices.sources:
            return None
        return max(self.window_ends + DAY, self.day)

    @property
    def window_ends(self) -> date:
        """The last day of the observation window; its first, the day of performing, is not counted."""
        return (self.held_from or date.min) + timedelta(days=self.choices.hold_days)

    def _account(self, until: date) -> None:
        if self.day is None or until <= self.day:
            return
        counted = self.state == "RUN" and not self.unverified_on
        if counted:
            self.spells[-1].count(self.day, until)
        elif self.state in ("RUN", "HOLD"):
            self.spells[-1].anchor += until - self.day
        self._span(self.day, until)
        self.day = until

    def _span(self, first: date, until: date) -> None:
        kinds: dict[State, SpanKind] = {"RUN": "counted", "HOLD": "hold", "STOP": "performing"}
        kind = "unverifiable" if self.unverified_on else kinds.get(self.state)
        if kind is None:
            return
        if self.spans and self.spans[-1][1:] == (first, kind):
            first = self.spans.pop()[0]
        self.spans.append((first, until, kind))


def _as_of(today: date, machine: _Machine, raised: Collection[tuple[str, date]]) -> Clock:
    spells = tuple(Spell(spell.failed_on + DAY, spell.length, spell.ended_on) for spell in machine.spells)
    open_spell = machine.spells[-1] if machine.state in ("RUN", "HOLD") else None
    unverified = machine.unverified_on
    return Clock(
        state=machine.state,
        current=open_spell.length if open_spell else Length(),
        longest=max((spell.length for spell in spells), default=Length()),
        last_12_months=_counted_since(add_months(today, -12), machine.spans),
        event=_event(machine, raised),
        next_at=midnight_after(_next_day(today, machine, open_spell)),
        evidence_on=open_spell.completes("evidence") if open_spell else None,
        six_months_on=open_spell.completes("six_months") if open_spell else None,
        visit_by=unverified + timedelta(days=VISIT_WITHIN) if unverified else None,
        spells=spells,
        spans=tuple(machine.spans),
    )


def _counted_since(first: date, spans: Iterable[Span]) -> int:
    return sum(max(0, (until - max(start, first)).days) for start, until, kind in spans if kind == "counted")


def _event(machine: _Machine, raised: Collection[tuple[str, date]]) -> Event:
    """The highest alert that the last spell has reached, unless it or a higher one was raised for it before."""
    if not machine.spells:
        return "none"
    since = machine.spells[-2].ended_on if len(machine.spells) > 1 else None
    done = {event for event, spell_started_on in raised if since is None or spell_started_on > since}
    order: list[Event] = [event for event, *_ in THRESHOLDS]
    if machine.state == "STOP":
        return "none" if "stopped" in done else "stopped"
    for event in reversed(order):
        if event in done:
            break
        if event in machine.spells[-1].reached:
            return event
    return "none"


def _next_day(today: date, machine: _Machine, spell: _Spell | None) -> date:
    """The day, from `today` on, at whose end the clock can next change by itself."""
    days = [today + timedelta(days=LOOK_AGAIN)]
    if machine.unverified_on:
        days.append(machine.unverified_on + timedelta(days=VISIT_WITHIN))
    elif machine.held_from:
        days.append(machine.window_ends)
    elif spell:
        ahead = [spell.completes(event) for event, *_ in THRESHOLDS if event not in spell.reached]
        days = [max(day, machine.day or today) for day in ahead] or days
    return min(day for day in days if day >= today)
