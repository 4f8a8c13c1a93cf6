"""What services read under the lock and hand to an operation, each once with type and meaning.

Ids and codes only: no name, address or narrative reaches an operation. Rows come as the
small frozen values below; every list is a tuple. "Instance" means the instance that asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class ReportChild:
    """A child named in the report, as matching (F03) left it.

    `case_id` is the case this child already went to *from this report*. `candidate_case_id` is
    the case of the child it was matched to, and `candidate_live` says that work is under way
    there (any live instance); False lets the report start an emergency response of its own.
    """

    ref: int
    child_id: int | None = None
    case_id: int | None = None
    match: Literal["same", "different", "pending"] | None = None
    candidate_case_id: int | None = None
    provisional: bool = False
    candidate_live: bool = False


@dataclass(frozen=True, slots=True)
class LiveInstance:
    """Another instance of the case that runs or is scheduled (the asking one is left out)."""

    stem: str
    guardian_id: int | None = None
    start_at: datetime | None = None  # set while it is only scheduled
    grounds: tuple[str, ...] = ()  # of a revocation petition


@dataclass(frozen=True, slots=True)
class PlanService:
    """A row of F21.services: `service_id` is its stable key, the rest are codes."""

    service_id: str
    kind: str
    provider: str


@dataclass(frozen=True, slots=True)
class PerformanceRow:
    """An F25 row of one guardian towards one child, in the codes of the form."""

    observed_on: date
    state: Literal["performs", "partly", "fails", "unverifiable"]
    source: str
    refusal: Literal["yes", "no", "unknown"] = "unknown"
    child_seen: bool = False
    id: int = 0


@dataclass(frozen=True, slots=True)
class RaisedEvent:
    """An alert of the six-month clock that was raised before, and for which spell."""

    event: str
    spell_started_on: date


@dataclass(frozen=True, slots=True)
class Monitored:
    """A guardian whose six-month clock runs in this case, with all F25 rows so far."""

    guardian_id: int
    rows: tuple[PerformanceRow, ...] = ()
    clock_from: date | None = None


NEEDS: Mapping[str, tuple[str, str]] = {
    # whose instance it is
    "process": ("str", "stem of the process that asks"),
    "report_id": ("int", "instance context: the report"),
    "guardian_id": ("int | None", "instance context: the guardian, None where the process has none"),
    "child_id": ("int | None", "child of the case, None while provisional"),
    "submission_id": ("int", "the submission that the instance received last"),
    "notices_sent": ("tuple[str, ...]", "kinds of notice this instance put in the outbox before"),
    "live_instances": ("tuple[LiveInstance, ...]", "the case's other live or scheduled instances"),
    # report-intake
    "report_children": ("tuple[ReportChild, ...]", "children of the report, in the order of F01, with F03's matches"),
    "case_links": ("tuple[tuple[int, int, str], ...]", "links (case, other case, kind) among the cases concerned"),
    "report_anonymous": ("bool", "the reporter gave no name: the receipt carries the code"),
    "drafted_report_id": ("int | None", "the report drafted from this submission before"),
    # answers of the form just submitted
    "intervene_guardians": ("tuple[int, ...]", "F18 or F42: guardians to intervene with"),
    "petition_guardians": ("tuple[int, ...]", "F26C or F26Y: guardians to petition against"),
    "plan_services": ("tuple[PlanService, ...]", "rows of the latest F21.services"),
    "live_services": ("tuple[PlanService, ...]", "services with a live service-referral instance"),
    "place_kind": ("str", "F17C: kind of place that received the child"),
    "handed_at": ("datetime", "F17: when the child was handed over"),
    "visited_at": ("datetime", "F32: when the home was visited"),
    "seen": ("str", "F32: alone, with or no"),
    "finding": ("str", "F32: normal, key or danger; empty when the child was not seen"),
    "parent_contact": ("str", "F32: yes, no or unknown: a parent was in touch within a week"),
    # the case
    "risk": ("str | None", "risk level, None before the first assessment"),
    "last_seen_at": ("datetime | None", "latest visit at which the child was seen, this one included"),
    "entrustment_id": ("int | None", "the entrustment in force, None when none is on record"),
    "placed_at": ("datetime", "when the present placement began (F17.handed_at)"),
    "placement_submission_ids": ("tuple[int, ...]", "submissions that already made a placement"),
    "in_care": ("bool", "the child is placed and neither handed back nor taken to long-term care"),
    "parent_returned": ("bool", "a parent has come back or a carer was settled since the placement"),
    "parent_notices": ("int", "notices to the parents finished since the placement, this one included"),
    "last_notice_at": ("datetime | None", "latest notice to the parents since the placement"),
    # six-month clock
    "performance_rows": ("tuple[PerformanceRow, ...]", "all F25 rows of this guardian and child, oldest first"),
    "clock_from": ("date | None", "rows before this day belong to an earlier guardianship (restored since)"),
    "raised_events": ("tuple[RaisedEvent, ...]", "alerts of this guardian's clock raised before"),
    "monitored": ("tuple[Monitored, ...]", "guardians of the case whose clock is watched"),
    # overdue-escalation
    "overdue_task_id": ("int", "the task past its limit"),
    "overdue_role": ("str", "role of that task"),
    "overdue_opened_at": ("datetime", "start of that task's limit"),
    "overdue_due_at": ("datetime", "end of that task's limit"),
    "escalation_level": ("int", "1 = first supervisor, 2 = one level up"),
    "escalation_assignee_id": ("int | None", "who is to take the task (reassign)"),
    "escalation_due_at": ("datetime | None", "the new limit (extend)"),
}
"""Every fact an operation may need: name → (type, meaning)."""
