"""Home visits: what one visit adds to the record, and when the next one opens.

Each visit is an instance of home-visit. A visit scheduled no later than the wanted day serves;
otherwise an earlier one is added beside it, so that no child waits longer than its level allows.
Source: plan 4.1.1-l,m,q; 4.2.1-f.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime

from app.operations.effects import Effects, Message, NewId, Row, Start, known
from app.operations.needs import Monitored, PerformanceRow, Visit
from app.operations.registry import Facts, Variables, operation
from app.operations.schedules import (
    RETRY_UNSEEN,
    VISIT_AFTER_RETURN,
    VISITS_AFTER_RESTORATION,
    Frequency,
    law_date,
    opens_at,
    visit_frequency,
)
from app.rules.clock_six_months import Observed, evaluate

HOME_VISIT = "home-visit"


@operation("visits.schedule", needs=("process", "risk", "child_id", "guardian_id", "live_instances"))
def schedule(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """Schedule the visits after a child's home has changed, and after them by risk level.

    Six monthly ones when a court has restored the guardian, whose six-month clock begins afresh;
    one within a week when the child came back from temporary care.
    """
    restored = facts["process"] == "guardianship-restoration"
    rows = (known(f"clock_from_{facts['guardian_id']}", law_date(now).isoformat()),) if restored else ()
    planned = VISITS_AFTER_RESTORATION if restored else (VISIT_AFTER_RETURN,)
    openings = list(_missing(_scheduled(facts, now), planned, now))
    by_level = opens_at(now, visit_frequency(facts["risk"]), now)
    if not _served([*_scheduled(facts, now), *openings], by_level):
        openings.append(by_level)
    return Effects(rows=rows, starts=tuple(_start(facts, opening) for opening in openings))


@operation(
    "visits.record_and_schedule",
    needs=("visit", "monitored", "risk", "child_id", "last_visit_at", "live_instances"),
)
def record_and_schedule(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """Take the visit into the record and schedule the next.

    Each guardian whose clock is watched gets an F25 row; the clock hears of it only when the row
    changes its state.
    """
    visit: Visit = facts["visit"]
    watched = [who for who in facts["monitored"] if visit.submission_id not in who.submissions]
    return Effects(
        rows=tuple(_performance(visit, who) for who in watched),
        messages=tuple(_changed(who) for who in watched if _changes_clock(visit, who, now)),
        starts=next_visit(facts, _after_visit(facts, visit, now), now),
    )


def observed(visit: Visit) -> PerformanceRow:
    """What a visit says of a watched guardian's care. It never says that one refused (`knew`).

    Contact within the week is part of the duty only; that no parent was in touch is a failure of
    each of them; a visit that missed the child, or could not tell, verified nothing. Choice.
    """
    told: Mapping[str, Observed] = {"yes": "partly", "no": "fails"}
    saw_child = visit.seen != "no"
    state = told.get(visit.parent_contact, "unverifiable") if saw_child else "unverifiable"
    return PerformanceRow(law_date(visit.visited_at), state, "visit", saw_child=saw_child)


def _performance(visit: Visit, who: Monitored) -> Row:
    values = {"guardian_id": who.guardian_id, "submission_id": visit.submission_id, **asdict(observed(visit))}
    return Row("performance", values, key=f"performance-{who.guardian_id}")


def _changed(who: Monitored) -> Message:
    row = NewId(f"performance-{who.guardian_id}")
    return Message("performance_changed", {"guardian_id": who.guardian_id, "row_id": row})


def _changes_clock(visit: Visit, who: Monitored, now: datetime) -> bool:
    before, after = (evaluate(rows, law_date(now)).state for rows in (who.rows, (*who.rows, observed(visit))))
    return before != after


def next_visit(facts: Facts, opening: datetime, now: datetime) -> tuple[Start, ...]:
    """A visit that opens at `opening`, unless one is under way or opens no later."""
    return () if _served(_scheduled(facts, now), opening) else (_start(facts, opening),)


def _after_visit(facts: Facts, visit: Visit, now: datetime) -> datetime:
    """By level from when the child was last seen; a missed child is looked for again, but not at once."""
    since = facts["last_visit_at"] or now
    opening = opens_at(since, visit_frequency(facts["risk"]), now)
    return max(opening, opens_at(now, RETRY_UNSEEN, now)) if visit.seen == "no" else opening


def _missing(scheduled: list[datetime], planned: tuple[Frequency, ...], now: datetime) -> Iterator[datetime]:
    """The openings of `planned` with no scheduled visit since the one before."""
    before = now
    for frequency in planned:
        opening = opens_at(now, frequency, now)
        if not any(before < at <= opening for at in scheduled):
            yield opening
        before = opening


def _scheduled(facts: Facts, now: datetime) -> list[datetime]:
    """When the case's visits open; one under way counts as now."""
    return [live.start_at or now for live in facts["live_instances"] if live.stem == HOME_VISIT]


def _served(scheduled: list[datetime], wanted: datetime) -> bool:
    return any(at <= wanted for at in scheduled)


def _start(facts: Facts, opening: datetime) -> Start:
    return Start(HOME_VISIT, {"child_id": facts["child_id"]}, start_at=opening)
