"""The six-month clock's service tasks; the rule itself is app.rules.clock_six_months.

All compute from all observations, so that a missed message or a late entry mends itself at the
next look. Source: plan 4.2.5-e.
"""

from __future__ import annotations

from datetime import datetime

from app.operations.effects import Effects, Row
from app.operations.registry import Facts, Variables, operation
from app.operations.schedules import law_date
from app.rules.clock_six_months import Clock, evaluate


@operation(
    "clock.evaluate",
    needs=("guardian_id", "performance_rows", "raised_events"),
    sets=("clock_event", "clock_next_at"),
)
def evaluate_clock(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """Say which alert the clock raises today, if any, and note it: once for each spell."""
    clock = _clock(facts, now)
    alerts: tuple[Row, ...] = ()
    if clock.event != "none" and clock.spell:
        values = {
            "guardian_id": facts["guardian_id"],
            "event": clock.event,
            "spell_started_on": clock.spell.started_on,
            "rule_version": clock.rule_version,
        }
        alerts = (Row("clock_alert", values),)
    return Effects(
        variables={"clock_event": clock.event, "clock_next_at": clock.next_at.isoformat()},
        rows=alerts,
    )


@operation("clock.next", needs=("performance_rows", "raised_events"), sets=("clock_next_at",))
def next_look(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """Say when to look at the clock again: at once for an alert that came due while a person worked.

    For the diagrams of earlier releases, whose reviews held the clock back; today's goes on beside them.
    """
    clock = _clock(facts, now)
    next_at = clock.next_at if clock.event == "none" else now
    return Effects(variables={"clock_next_at": next_at.isoformat()})


@operation("clock.still_stopped", needs=("performance_rows", "raised_events"), sets=("clock_stopped",))
def still_stopped(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """Say whether care still counts as restored: a confirmation may come long after it was asked for."""
    return Effects(variables={"clock_stopped": "yes" if _clock(facts, now).state == "STOP" else "no"})


def _clock(facts: Facts, now: datetime) -> Clock:
    return evaluate(facts["performance_rows"], law_date(now), facts["raised_events"])
