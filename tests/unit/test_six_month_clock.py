"""The six-month clock, rule by rule, and against a walk of one day at a time over random histories."""

from __future__ import annotations

import random
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

import pytest

from app.rules.clock_six_months import RULE_VERSION, Choices, Clock, Row, evaluate

DAY = timedelta(days=1)
SHANGHAI = timezone(timedelta(hours=8))


def d(month: int, day: int, year: int = 2026) -> date:
    return date(year, month, day)


def fails(day: date, knew: bool = True, source: str = "visit") -> Row:
    return Row(day, "fails", source, knew=knew)


def performs(day: date, source: str = "visit", saw: bool = True) -> Row:
    return Row(day, "performs", source, saw_child=saw)


def blank(day: date) -> Row:
    return Row(day, "unverifiable", "phone")


def midnight(day: date) -> datetime:
    """24:00 of `day`."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + DAY


HELD = (performs(d(3, 1)), performs(d(3, 5), "school", saw=False))


# --- rule 1: the start ---


def test_nothing_is_known_without_rows() -> None:
    clock = evaluate([], d(3, 1))
    assert (clock.state, clock.event, clock.spell, clock.spans, clock.current.counted) == ("NONE", "none", None, (), 0)
    assert clock.next_at > midnight(d(3, 1))
    assert clock.rule_version == RULE_VERSION


def test_it_runs_from_the_day_after_the_failure() -> None:
    clock = evaluate([fails(d(1, 15))], d(1, 18))
    assert clock.state == "RUN"
    assert clock.spell.started_on == d(1, 16)
    assert clock.spell_days == 2  # the 16th and 17th; the 18th is not over
    assert evaluate([fails(d(1, 15))], d(1, 15)).spell_days == 0


def test_a_failure_that_is_no_refusal_starts_nothing() -> None:
    assert evaluate([fails(d(1, 15), knew=False)], d(12, 1)).state == "NONE"
    clock = evaluate([fails(d(1, 15), knew=False), fails(d(2, 1))], d(3, 1))
    assert clock.spell.started_on == d(2, 2)


def test_further_failures_change_nothing() -> None:
    once = evaluate([fails(d(1, 15))], d(5, 1))
    assert evaluate([fails(d(1, 15)), fails(d(2, 1), knew=False), fails(d(3, 1))], d(5, 1)) == once


def test_rows_after_today_are_not_known_yet() -> None:
    assert evaluate([fails(d(1, 15)), performs(d(2, 1))], d(1, 31)).state == "RUN"


# --- rule 2: what cannot be verified ---


def test_an_unverifiable_observation_starts_nothing() -> None:
    clock = evaluate([blank(d(1, 15))], d(3, 1))
    assert (clock.state, clock.spell, clock.visit_by) == ("NONE", None, d(1, 22))
    assert clock.spans == ((d(1, 15), d(3, 1), "unverifiable"),)


def test_a_gap_neither_stops_nor_advances() -> None:
    clock = evaluate([fails(d(1, 15)), blank(d(2, 1))], d(3, 1))
    assert (clock.state, clock.spell_days) == ("RUN", 16)
    assert clock.spans == ((d(1, 16), d(2, 1), "counted"), (d(2, 1), d(3, 1), "unverifiable"))
    again = evaluate([fails(d(1, 15)), blank(d(2, 1)), fails(d(3, 1), knew=False)], d(3, 4))
    assert again.spell_days == 18  # and the 2nd and 3rd of March
    assert again.spell.started_on == d(1, 16)


def test_a_gap_asks_for_a_visit_within_seven_days() -> None:
    clock = evaluate([fails(d(1, 15)), blank(d(2, 1))], d(2, 3))
    assert clock.visit_by == d(2, 8)
    assert clock.next_at == midnight(d(2, 8))


def test_a_gap_puts_off_the_stop_of_a_hold() -> None:
    rows = [fails(d(1, 15)), *HELD, blank(d(3, 20))]
    assert evaluate(rows, d(4, 10)).state == "HOLD"
    assert evaluate([*rows, performs(d(4, 10), "police")], d(4, 10)).state == "STOP"
    assert evaluate([*rows, fails(d(4, 10))], d(4, 11)).state == "RUN"


# --- rules 3 and 4: hold, stop, lapse ---


def test_one_observation_of_performing_holds_from_that_day() -> None:
    clock = evaluate([fails(d(1, 15)), performs(d(3, 1))], d(3, 10))
    assert (clock.state, clock.spell_days) == ("HOLD", 44)
    assert clock.spans[-1] == (d(3, 1), d(3, 10), "hold")
    assert clock.next_at == midnight(d(3, 31))


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        (HELD, "STOP"),
        ((performs(d(3, 1)),), "HOLD"),  # one source
        ((performs(d(3, 1)), performs(d(3, 5))), "HOLD"),  # the same source twice
        ((performs(d(3, 1), "phone"), performs(d(3, 5), "school")), "HOLD"),  # no visit
        ((performs(d(3, 1), saw=False), performs(d(3, 5), "school")), "HOLD"),  # a visit that missed the child
        ((performs(d(3, 1), "phone"), performs(d(3, 31))), "STOP"),  # completed on the window's last day
    ],
)
def test_what_a_stop_takes(rows: tuple[Row, ...], state: str) -> None:
    assert evaluate([fails(d(1, 15)), *rows], d(4, 1)).state == state
    assert evaluate([fails(d(1, 15)), *rows], d(3, 31)).state == "HOLD"


def test_a_hold_without_its_sources_stays_and_stops_when_they_come() -> None:
    rows = [fails(d(1, 15)), performs(d(3, 1))]
    assert evaluate(rows, d(9, 1)).state == "HOLD"
    late = evaluate([*rows, performs(d(9, 2), "school")], d(9, 2))
    assert (late.state, late.event, late.spell.ended_on) == ("STOP", "stopped", d(9, 2))


def test_a_lapse_in_hold_goes_on_with_the_same_spell_without_the_days_of_hold() -> None:
    clock = evaluate([fails(d(1, 15)), *HELD, fails(d(3, 20), knew=False)], d(3, 25))
    assert clock.state == "RUN"
    assert clock.spell.started_on == d(1, 16)
    assert clock.spell_days == 44 + 4
    assert [kind for *_, kind in clock.spans] == ["counted", "hold", "counted"]


def test_a_lapse_on_the_last_day_of_the_window_is_still_a_lapse_in_hold() -> None:
    assert len(evaluate([fails(d(1, 15)), *HELD, fails(d(3, 31))], d(4, 5)).spells) == 1
    assert len(evaluate([fails(d(1, 15)), *HELD, fails(d(4, 1))], d(4, 5)).spells) == 2


def test_a_lapse_after_stop_is_a_new_spell_and_the_old_one_stays() -> None:
    clock = evaluate([fails(d(1, 15)), *HELD, fails(d(6, 1))], d(6, 11))
    assert [(spell.started_on, spell.length.counted, spell.ended_on) for spell in clock.spells] == [
        (d(1, 16), 44, d(4, 1)),
        (d(6, 2), 9, None),
    ]
    assert (clock.current.counted, clock.longest.counted, clock.last_12_months) == (9, 44, 53)
    assert ("performing" in {kind for *_, kind in clock.spans}) is True
    assert evaluate([fails(d(1, 15)), *HELD, fails(d(6, 1), knew=False)], d(6, 11)).state == "STOP"


# --- rule 5: months ---


def test_six_months_are_calendar_months_from_the_day_of_the_failure() -> None:
    before, on = evaluate([fails(d(1, 15))], d(7, 15)), evaluate([fails(d(1, 15))], d(7, 16))
    assert (before.current.months, before.current.days, before.event) == (5, 29, "evidence")
    assert before.next_at == midnight(d(7, 15))
    assert (on.current.months, on.current.days, on.event) == (6, 0, "six_months")
    assert on.six_months_on == d(7, 15)


def test_months_end_on_the_last_day_where_there_is_no_corresponding_one() -> None:
    clock = evaluate([fails(date(2025, 8, 31))], d(3, 1))
    assert (clock.six_months_on, clock.event) == (d(2, 28), "six_months")


@pytest.mark.parametrize(("event", "last"), [("month3", d(4, 15)), ("evidence", d(5, 30)), ("six_months", d(7, 15))])
def test_each_alert_comes_at_the_end_of_its_day_and_its_time_is_known_before(event: str, last: date) -> None:
    raised = {"evidence": {("month3", d(1, 16))}, "six_months": {("evidence", d(1, 16))}}.get(event, set())
    assert evaluate([fails(d(1, 15))], last, raised).event == "none"
    assert evaluate([fails(d(1, 15))], last, raised).next_at == midnight(last)
    assert evaluate([fails(d(1, 15))], last + DAY, raised).event == event


def test_days_of_hold_and_of_gaps_move_the_months_day_for_day() -> None:
    held = evaluate([fails(d(1, 15)), performs(d(3, 1)), fails(d(3, 10))], d(3, 12))
    assert held.six_months_on == d(7, 25)  # ten days, 1 to 10 March, are not counted
    gap = evaluate([fails(d(1, 15)), blank(d(3, 1)), fails(d(3, 10))], d(3, 12))
    assert gap.six_months_on == d(7, 25)


def test_an_alert_is_raised_once_for_a_spell() -> None:
    rows = [fails(d(1, 15))]
    assert evaluate(rows, d(5, 1), {("month3", d(1, 16))}).event == "none"
    assert evaluate(rows, d(7, 16), {("month3", d(1, 16))}).event == "six_months"  # evidence has been overtaken
    assert evaluate(rows, d(7, 16), {("six_months", d(1, 16))}).event == "none"


def test_a_row_entered_late_does_not_raise_the_same_alert_again() -> None:
    rows = [fails(d(1, 15)), fails(d(1, 5))]
    assert evaluate(rows, d(5, 1), {("month3", d(1, 16))}).event == "none"


def test_a_new_spell_raises_its_own_alerts() -> None:
    rows = [
        fails(date(2025, 6, 15)),
        performs(date(2025, 9, 20)),
        performs(date(2025, 9, 22), "school"),
        fails(d(1, 15)),
    ]
    raised = {("month3", date(2025, 6, 16)), ("stopped", date(2025, 6, 16))}
    assert evaluate(rows, d(4, 16), raised).event == "month3"
    assert evaluate(rows, d(4, 16), raised | {("month3", d(1, 16))}).event == "none"


def test_a_stop_is_told_once() -> None:
    rows = [fails(d(1, 15)), *HELD]
    assert evaluate(rows, d(4, 1)).event == "stopped"
    assert evaluate(rows, d(4, 1), {("stopped", d(1, 16))}).event == "none"


# --- rules 6 to 8 ---


def test_partial_performance_neither_starts_nor_stops() -> None:
    part = Row(d(1, 20), "partly", "visit", saw_child=True, knew=True)
    assert evaluate([part], d(3, 1)).state == "NONE"
    assert evaluate([fails(d(1, 15)), part], d(3, 1)) == evaluate([fails(d(1, 15))], d(3, 1))


def test_what_partial_performance_does_is_a_choice() -> None:
    part = Row(d(1, 20), "partly", "visit", saw_child=True)
    assert evaluate([fails(d(1, 15)), part], d(2, 1), choices=Choices(partly="performs")).state == "HOLD"
    rows = [fails(d(1, 15)), performs(d(3, 1))]
    assert evaluate(rows, d(3, 9), choices=Choices(hold_days=7, sources=1)).state == "STOP"


def test_cumulative_months_only_ask_for_a_lawyers_view() -> None:
    rows: list[Row] = []
    for month in (1, 4, 7, 10):
        rows += [
            fails(date(2025, month, 1)),
            performs(date(2025, month, 28)),
            performs(date(2025, month, 28), "school"),
        ]
    clock = evaluate(rows, date(2025, 12, 31))
    assert len(clock.spells) == 4
    assert (clock.last_12_months, clock.asks_lawyer, clock.longest.counted) == (4 * 26, False, 26)
    long = evaluate([fails(d(1, 1))], d(7, 1))
    assert long.asks_lawyer
    assert long.event == "evidence"


def test_only_the_last_twelve_months_are_cumulative() -> None:
    assert evaluate([fails(date(2023, 1, 15))], d(1, 15)).last_12_months == 365


def test_the_same_rows_give_the_same_clock_in_any_order_of_entry() -> None:
    rows = [fails(d(1, 15)), *HELD, fails(d(6, 1)), blank(d(7, 1))]
    for seed in range(20):
        mixed = rows[:]
        random.Random(seed).shuffle(mixed)
        assert evaluate(mixed, d(8, 1)) == evaluate(rows, d(8, 1))


# --- an independent walk, one day at a time ---


def months_after(day: date, months: int) -> date:
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


@dataclass
class Walk:
    """The rules again, told as what happens on each day."""

    state: str = "NONE"
    gap: bool = False
    counted: int = 0
    uncounted: int = 0
    failed_on: date | None = None
    held_from: date | None = None
    sources: set[str] = field(default_factory=set)
    saw: bool = False
    reached: set[str] = field(default_factory=set)
    spells: list[int] = field(default_factory=list)
    alerts: list[tuple[date, str]] = field(default_factory=list)

    def day(self, today: date, rows: list[Row]) -> None:
        self.morning(today)
        failed_today = False
        for row in rows:
            if row.state == "performs":
                self.gap = False
                if self.state == "RUN":
                    self.state, self.held_from, self.sources, self.saw = "HOLD", today, set(), False
                if self.state == "HOLD":
                    self.sources.add(row.source)
                    self.saw |= row.source == "visit" and row.saw_child
            elif row.state == "unverifiable":
                self.gap = True
            elif row.state == "fails":
                failed_today = True
                if self.state == "RUN" or (self.state == "HOLD"):
                    was_hold, was_gap = self.state == "HOLD", self.gap
                    self.state, self.gap, self.held_from = "RUN", False, None
                    if was_hold or was_gap:
                        self.uncounted += 1
                    else:
                        self.count(today)
                    return
                self.gap = False
                if row.knew:
                    self.state, self.failed_on = "RUN", today
                    self.counted, self.uncounted, self.reached = 0, 0, set()
                    return
        self.morning(today)
        if failed_today:
            return
        if self.state == "RUN" and not self.gap:
            self.count(today)
        elif self.state in ("RUN", "HOLD"):
            self.uncounted += 1

    def morning(self, today: date) -> None:
        ready = self.state == "HOLD" and not self.gap and self.saw and len(self.sources) >= 2
        if ready and today > self.held_from + timedelta(days=30):
            self.state = "STOP"
            self.spells.append(self.counted)
            self.alerts.append((today, "stopped"))

    def count(self, today: date) -> None:
        self.counted += 1
        anchor = self.failed_on + timedelta(days=self.uncounted)
        for event, last in (
            ("month3", months_after(anchor, 3)),
            ("evidence", months_after(anchor, 4) + timedelta(days=15)),
            ("six_months", months_after(anchor, 6)),
        ):
            if event not in self.reached and today >= last:
                self.reached.add(event)
                self.alerts.append((today + DAY, event))


def history(seed: int) -> list[Row]:
    """Two years of observations, at most one a day."""
    chance = random.Random(seed)
    day, rows = date(2024, 1, 1) + timedelta(days=chance.randrange(60)), []
    quiet = chance.choice((12, 40, 110))
    while day < date(2026, 3, 1):
        state = chance.choices(("fails", "performs", "unverifiable", "partly"), (5, 4, 1, 1))[0]
        source = chance.choice(("visit", "visit", "school", "phone"))
        rows.append(Row(day, state, source, saw_child=chance.random() < 0.8, knew=chance.random() < 0.8))
        day += timedelta(days=1 + int(chance.expovariate(1 / quiet)))
    return rows


def alerts(rows: list[Row], first: date, last: date) -> list[tuple[date, str]]:
    """The alerts as the process raises them: asked each day, each marked as raised."""
    raised: set[tuple[str, date]] = set()
    found = []
    today = first
    while today <= last:
        for known in (
            [row for row in rows if row.observed_on < today],
            rows,
        ):  # in the morning, and with the day's news
            clock = evaluate(known, today, raised)
            if clock.event != "none":
                found.append((today, clock.event))
                raised.add((clock.event, clock.spell.started_on))
        today += DAY
    return found


@pytest.mark.parametrize("seed", range(12))
def test_against_the_walk(seed: int) -> None:
    rows = history(seed)
    walk, today, last = Walk(), rows[0].observed_on, date(2026, 4, 1)
    by_day = {row.observed_on: [row] for row in rows}
    first = today
    seen: list[tuple[str, int]] = []
    while today <= last:
        walk.day(today, by_day.get(today, []))
        today += DAY
        if (today - first).days % 9 == 0:
            clock = evaluate([row for row in rows if row.observed_on < today], today)
            ready = Walk(**vars(walk) | {"spells": walk.spells[:], "alerts": []})
            ready.morning(today)
            seen.append((clock.state, sum(spell.length.counted for spell in clock.spells)))
            assert clock.state == ready.state, today
            assert clock.longest.counted == max([*ready.spells, ready.counted]), today
    assert {state for state, _ in seen} & {"RUN", "HOLD", "STOP"}
    assert alerts(rows, first, last) == walk.alerts


def wakes(rows: list[Row], first: date, last: date) -> list[tuple[date, str]]:
    """The alerts when the clock is only asked at a new row and at the time it named itself."""
    raised: set[tuple[str, date]] = set()
    found, today = [], first
    days = {row.observed_on for row in rows}
    next_at: Clock | None = None
    while today <= last:
        morning = [row for row in rows if row.observed_on < today]
        due = next_at is None or next_at.next_at <= midnight(today - DAY)
        for known in ([morning] if due else []) + ([rows] if today in days else []):
            clock = evaluate(known, today, raised)
            while clock.event != "none":
                found.append((today, clock.event))
                raised.add((clock.event, clock.spell.started_on))
                clock = evaluate(known, today, raised)
            assert clock.next_at > midnight(today - DAY)
            next_at = clock
        today += DAY
    return found


@pytest.mark.parametrize("seed", range(40, 44))
def test_no_alert_is_missed_between_the_times_the_clock_names_itself(seed: int) -> None:
    rows = history(seed)
    assert wakes(rows, rows[0].observed_on, date(2026, 4, 1)) == alerts(rows, rows[0].observed_on, date(2026, 4, 1))
