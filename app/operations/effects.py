"""What an operation may ask for: plain frozen values, applied by services in one transaction.

Everything here is added, never changed: a row is appended, a message sent, an instance
started. Ids that do not exist yet are named with `NewId`, and services put the real ones in.
Source: ADR 0009; design decision 5 (an operation reads no database).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class NewId:
    """The id that the case or row added under `key` in the same effects will get."""

    key: str


Scalar = str | int | float | bool | NewId | None
Value = Scalar | datetime | date
CaseRef = str | int  # "own", "new:<key of an OpenCase>", or the id of a case that exists
OWN: CaseRef = "own"


def new_case(key: str) -> CaseRef:
    """The case that the OpenCase with this key opens."""
    return f"new:{key}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row to add to `table` (one of TABLES) for `case`.

    Services add the case, the instance, the command and `recorded_at`; `values` hold the rest.
    Give a `key` when something else in the same effects needs the row's id (`NewId(key)`).
    """

    table: str
    values: Mapping[str, Value]
    case: CaseRef = OWN
    key: str = ""


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case to open; `key` names it within the effects.

    `child_ref` is the child's number within the report `report_id`, whose particulars the new
    case takes over; `provisional` says that nobody has confirmed who the child is.
    """

    key: str
    kind: Literal["child", "report"] = "child"
    report_id: int | None = None
    child_ref: int | None = None
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message into `case`; services add `case_id` to the payload and route it by messages.json."""

    name: str
    payload: Mapping[str, Scalar] = field(default_factory=dict)
    case: CaseRef = OWN


@dataclass(frozen=True, slots=True)
class Start:
    """An instance of process `stem` to start in `case`, at `start_at` or at once.

    Services add `case_id` (and `start_at`) to its context.
    """

    stem: str
    context: Mapping[str, Scalar] = field(default_factory=dict)
    start_at: datetime | None = None
    case: CaseRef = OWN


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice for the outbox: what (`kind`), to whom (`role`), about which things (`ids`).

    `role` is an id of roles.json, resolved to a unit from the case, or one of OUTSIDE for
    people who do not log in. `receipt` asks for a read receipt. No names, no narrative.
    """

    kind: str
    role: str
    ids: Mapping[str, Scalar] = field(default_factory=dict)
    case: CaseRef = OWN
    receipt: bool = False


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A supervisor's change to an open task: another assignee, a later limit, or no limit at all.

    None leaves a thing as it is. `not_applicable` closes the task's deadline; the task stays
    open and its form unlocked. The reason stands in the submission `reason_id`.
    """

    task_id: int
    assignee_id: int | None = None
    due_at: datetime | None = None
    not_applicable: bool = False
    reason_id: int | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything one operation asks for; services apply it in the order of the fields."""

    variables: Mapping[str, Scalar] = field(default_factory=dict)
    cases: tuple[OpenCase, ...] = ()
    rows: tuple[Row, ...] = ()
    tasks: tuple[TaskChange, ...] = ()
    starts: tuple[Start, ...] = ()
    messages: tuple[Message, ...] = ()
    notices: tuple[Notice, ...] = ()
    place: str | None = None  # the region path at which the case lies from now on


def known(name: str, value: str) -> Row:
    """The row that says: from now on the case knows this (an ISO string or a code)."""
    return Row("fact", {"name": name, "value": value})


OUTSIDE = frozenset({"reporter", "parents", "police_elsewhere", "assignee"})
"""Receivers of notices that are no role: services find them in the report, the case or the form."""

TABLES: Mapping[str, frozenset[str]] = {
    # a report drafted from the submission; services number it, a person completes F01
    "report": frozenset({"submission_id", "channel"}),
    # report_child goes to the row's case; kind: urgent, opened, attached; confirmed: no longer provisional
    "report_link": frozenset({"report_id", "child_ref", "kind"}),
    # two cases that belong together; kind: incident, same_child
    "case_link": frozenset({"case_id", "other_id", "kind"}),
    # where a child was brought; the address stays sealed in the submission
    "placement": frozenset({"submission_id", "kind", "handed_at"}),
    # what a visit showed of a guardian's care; state and source in the codes of F25
    "performance": frozenset({"guardian_id", "observed_on", "state", "source", "saw_child", "knew", "submission_id"}),
    # an alert of the six-month clock, once for each spell
    "clock_alert": frozenset({"guardian_id", "event", "spell_started_on", "rule_version"}),
    # the case knows it from now on: a fact of deadlines.json or of NEEDS, as an ISO string or a code
    "fact": frozenset({"name", "value"}),
}
"""The tables an operation may add to, and the columns it may fill."""
