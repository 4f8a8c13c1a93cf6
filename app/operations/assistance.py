"""What assessment-help asks the system to do. Source: plan 4.2.4-c, 4.1.1-l."""

from __future__ import annotations

from datetime import datetime

from app.operations.effects import Effects, Message, known
from app.operations.registry import Facts, Variables, operation
from app.operations.schedules import opens_at, visit_frequency
from app.operations.visits import next_visit


@operation("plan.open_referrals", needs=("plan_services", "begun_services"))
def open_referrals(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Refer each service of the latest plan, with the day it is to be done by, but for those under way since an earlier one."""
    begun = {(service.kind, service.provider) for service in facts["begun_services"]}
    return Effects(
        messages=tuple(
            Message("referral_opened", {"service_id": row.service_id, "service_end_on": row.by_when})
            for row in facts["plan_services"]
            if (row.kind, row.provider) not in begun
        )
    )


@operation("case.close_plan", needs=("risk", "child_id", "live_instances"))
def close_plan(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """Close the plan and pass the child to follow-up visits at the level's frequency."""
    frequency = visit_frequency(facts["risk"])
    return Effects(
        rows=(known("plan_closed_at", now.isoformat()), known("visit_every", frequency.rule)),
        starts=next_visit(facts, opens_at(now, frequency, now), now),
    )
