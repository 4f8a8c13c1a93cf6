"""What services read under the lock and hand to an operation, each once with type and meaning.

Ids and codes only: no name, address or narrative reaches an operation. Rows come as the
small frozen values below; every list is a tuple. "Instance" means the instance that asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from app.rules import clock_six_months

PerformanceRow = clock_six_months.Row
"""An F25 row of one guardian towards one child."""


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
    """A row of F21.services: `service_id` is its stable key, the rest are codes and the day it is to be done by (ISO)."""

    service_id: str
    kind: str
    provider: str
    by_when: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """The latest home visit (F32) of the instance, in the codes of the form."""

    submission_id: int
    visited_at: datetime
    seen: Literal["alone", "with", "no"]
    parent_contact: Literal["yes", "no", "unknown"]


class RaisedEvent(NamedTuple):
    """An alert of a guardian's six-month clock that was raised before, and for which spell."""

    event: str
    spell_started_on: date


@dataclass(frozen=True, slots=True)
class Monitored:
    """A guardian whose six-month clock runs in this case.

    `rows` are performance_rows of that guardian; `submissions` the submissions they came from.
    """

    guardian_id: int
    rows: tuple[PerformanceRow, ...] = ()
    submissions: tuple[int, ...] = ()


NEEDS: Mapping[str, tuple[str, str]] = {
    # whose instance it is
    "process": ("str", "stem of the process that asks"),
    "report_id": ("int", "instance context: the report"),
    "child_id": ("int | None", "child of the case, None where nobody is matched yet"),
    "guardian_id": ("int | None", "instance context: the guardian, None where the process has none"),
    "submission_id": ("int", "the submission that the instance received last"),
    "notices_sent": ("tuple[str, ...]", "kinds of notice this instance put in the outbox before"),
    "live_instances": ("tuple[LiveInstance, ...]", "the case's other live or scheduled instances"),
    # report-intake
    "report_children": ("tuple[ReportChild, ...]", "children of the report, in the order of F01, with F03's matches"),
    "case_links": (
        "tuple[tuple[int, int, str], ...]",
        "links (case, other case, kind) that touch a case or candidate case of the report's children",
    ),
    "report_anonymous": ("bool", "the reporter gave no name: the receipt carries the code"),
    "drafted_report_id": ("int | None", "the report drafted from this submission before"),
    # answers of the forms just submitted
    "intervene_guardians": ("tuple[int, ...]", "F18 or F42: guardians to intervene with"),
    "petition_guardians": ("tuple[int, ...]", "F26C or F26Y: guardians to petition against"),
    "plan_services": ("tuple[PlanService, ...]", "rows of the latest F21.services"),
    "begun_services": (
        "tuple[PlanService, ...]",
        "services with a service-referral instance: all of the latest F21, of earlier ones the live",
    ),
    "place_kind": ("str", "F17C: kind of place that received the child"),
    "handed_at": ("datetime", "F17: when the child was handed over"),
    "recorded_placement_id": ("int | None", "the placement recorded from this submission before"),
    "visit": ("Visit", "the latest F32 of the instance"),
    # the case
    "risk": ("str | None", "risk level, or the presumed one; None or empty when there is neither"),
    "last_visit_at": ("datetime | None", "latest visit at which the child was seen, this one included"),
    "entrustment_id": ("int | None", "the entrustment in force, None when none is on record"),
    "placed_at": ("datetime", "when the present placement began (F17.handed_at)"),
    "in_care": ("bool", "the present placement has not ended (F17H, or long-term care decided)"),
    "parent_returned": ("bool", "a parent came back or a carer was settled since the placement"),
    "parent_notices": ("int", "notices to the parents finished since the placement, this one included"),
    "last_notice_at": ("datetime | None", "latest notice to the parents; before the first, the placement"),
    # case-transfer
    "moves_to": ("str", "region path of the village named in the answer (F40A) or the decision (F40S)"),
    # six-month clock
    "performance_rows": (
        "tuple[PerformanceRow, ...]",
        "F25 rows (rules.clock_six_months.Row) of this guardian, oldest first, from the day of case fact clock_from_<guardian_id> on if it is set",
    ),
    "raised_events": (
        "tuple[tuple[str, date], ...]",
        "alerts (event, spell_started_on) of this guardian's clock raised before",
    ),
    "monitored": ("tuple[Monitored, ...]", "guardians of the case whose clock is watched (live six-month-clock)"),
    # overdue-escalation
    "overdue_task_id": ("int", "instance context: the task past its limit"),
    "overdue_role": ("str", "role of that task"),
    "overdue_opened_at": ("datetime", "start of that task's limit"),
    "overdue_due_at": ("datetime", "end of that task's limit"),
    "assignee_id": ("int | None", "F60: who is to take the task (reassign)"),
    "new_due_at": ("datetime | None", "F60: the new limit (extend)"),
}
"""Every fact an operation may need: name → (type, meaning)."""
