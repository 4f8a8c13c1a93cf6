"""What a task's form holds when somebody opens it: their draft, what is known already, or what was sent.

Nothing sealed that somebody else wrote is among the answers unless it was opened to this person;
who does the task has it opened with the task, and that is recorded. S2 stands only where the
access rules ask no reason for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.models import Draft, Submission
from app.rules import occurrence
from app.rules.access import Person
from app.rules.forms import Form
from app.services import _seal, _seals, access, choices, clocks, reading
from app.services._seals import Seals
from app.services.reports import PUBLIC_FORM
from app.services.views import Seal

DRAFT, SUBMISSION = table(Draft), table(Submission)
CLOCK = "clock_figures"
SHOWN: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "F40A": {"handover": ("F40", "handover")},
    "F40S": {"handover": ("F40", "handover"), "answer_reason": ("F40A", "reason")},
}
"""Texts of a form that show an answer which somebody gave before: from which form, to which question."""


@dataclass(frozen=True, slots=True)
class Filled:
    """Answers to show, when they were saved as a draft, and the seal on those that came from a record.

    `occurred`: when it happened, as typed in the draft. `sensitive`: whether this person sees S2 without saying why.
    """

    answers: Mapping[str, Any]
    sensitive: bool
    saved_at: datetime | None = None
    seal: Seal | None = None
    occurred: Mapping[str, str] = field(default_factory=dict)


def of(session: Session, person: Person, row: Row, form: Form, now: datetime, lang: str) -> Filled:
    """The form of the task in `row` as this person finds it."""
    sensitive = reads_sensitive(session, person, row["id"])
    if row["wrapped_key"] is None:
        return Filled({}, sensitive)
    draft = _draft(session, person, row)
    occurred = draft[0].pop(occurrence.FIELD, {}) if draft else {}
    if row["status"] != "open":
        source = _last(session, row, SUBMISSION.c.task_id == row["id"])
        shown = _seals.read(source, row["wrapped_key"]) if source else {}
    else:
        source = _last(session, row, SUBMISSION.c.form == PUBLIC_FORM) if form.id == "F01" else None
        shown = draft[0] if draft else _known(session, row, form, source)
        shown = {**shown, **_shown(session, row, form)}
    shown = shown if draft or sensitive else form.split(shown)[0]
    shown = {**shown, **_figures(session, row, form, now, lang)}
    seal = _seal_on(session, person, row, form, source, shown) if source else None
    if seal and not seal.open:
        shown = {name: value for name, value in shown.items() if name not in seal.names}
    return Filled(shown, sensitive, draft[1] if draft else None, seal, occurred)


def _seal_on(
    session: Session, person: Person, row: Row, form: Form, source: Row, shown: Mapping[str, Any]
) -> Seal | None:
    """The seal on what `shown` holds of the record `source`; opened at once for who does the task."""
    told = _seals.read(source, row["wrapped_key"])
    there = frozenset(name for name in _seals.names(form, form.known(told)) if shown.get(name) == told[name])
    task = access.task_resource(session, row["id"])
    absent = row["status"] == "open" and person.for_whom(task) is not None
    seals = Seals(session, person, row["case_id"], task if absent else None)
    seal = seals.of(source["id"], source["user_id"], there)
    theirs = row["status"] == "open" and (row["assignee_id"] == person.id or absent)
    if seal and theirs and not seal.open and seal.ask == "reason":
        return reading.for_task(person, row["id"], seal)
    return seal


def reads_sensitive(session: Session, person: Person, task_id: int) -> bool:
    """Whether this person sees the S2 of a task without saying why."""
    decision = access.policy(session).can(person, "read", access.task_resource(session, task_id), "S2")
    return bool(decision) and not decision.needs


def _last(session: Session, row: Row, which: Any) -> Row | None:
    found = _seals.sent(session, row["case_id"], which)
    return found[-1] if found else None


def _draft(session: Session, person: Person, row: Row) -> tuple[dict[str, Any], datetime] | None:
    query = select(DRAFT).where(DRAFT.c.user_id == person.id, DRAFT.c.key == f"task:{row['id']}")
    found = session.execute(query).mappings().first()
    if found is None:
        return None
    key = _seal.open_key(row["wrapped_key"])
    return key.open(found["secret"], draft_place(person.id, found["key"])), found["saved_at"]


def draft_place(user_id: int, key: str) -> str:
    """Where a draft belongs; it opens for nobody else's row."""
    return f"draft.secret:{user_id}:{key}"


def _shown(session: Session, row: Row, form: Form) -> dict[str, Any]:
    """What the form shows of what others sent in this instance."""
    told: dict[str, Any] = {}
    for name, (other, question) in SHOWN.get(form.id, {}).items():
        source = _last(session, row, and_(SUBMISSION.c.form == other, SUBMISSION.c.instance_id == row["instance_id"]))
        told[name] = _seals.read(source, row["wrapped_key"]).get(question) if source else None
    return told


def _figures(session: Session, row: Row, form: Form, now: datetime, lang: str) -> dict[str, str]:
    """The clock's figures where the form quotes them, beside a draft too: as they are now, or were when it was sent."""
    guardian_id = row["context"].get("guardian_id")
    if not guardian_id or all(one.name != CLOCK for one in form.fields):
        return {}
    return {CLOCK: clocks.figures(session, row["case_id"], guardian_id, row["closed_at"] or now, lang)}


def _known(session: Session, row: Row, form: Form, source: Row | None) -> dict[str, Any]:
    """What a fresh form starts with: what the reporter wrote, a line for each child."""
    if source is not None:
        return _from_public_report(row, form, source)
    if form.id == "F40":
        return {"to_unit": str(row["context"].get("to_unit") or "")}
    if form.id == "F03":
        return {
            "matches": [{"child_ref": f"{ref} {name}".strip()} for ref, name in choices.report_children(session, row)]
        }
    return {}


def _from_public_report(row: Row, form: Form, source: Row) -> dict[str, Any]:
    """What the public report says, as far as F01 asks the same."""
    told = _seals.read(source, row["wrapped_key"])
    asked = {name: told[name] for name in ("village", "safe_adult_now") if name in told}
    children = [{**asked, **child} for child in told.get("children") or [{}]]
    return {"learned_at": row["facts"].get("received_at"), **form.known(told), "channel": "web", "children": children}
