"""Registers that forms and operations keep: children, guardians, reports and what was observed.

A submission of F01 names children, F03 matches them to files, F25 adds an observation of a
guardian. Names and narrative are sealed under the key of the case they belong to.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select, update

from app import operations
from app.clock import LAW_ZONE
from app.db import Row, table
from app.models import Case, Child, Guardian, Performance, Report, ReportChild, Unit
from app.rules.facts import FROM_REPORT
from app.services import _bars, _seal
from app.services._work import Live, OpenCase, Work

CHILD, GUARDIAN = table(Child), table(Guardian)
REPORT, REPORT_CHILD, PERFORMANCE = table(Report), table(ReportChild), table(Performance)
PARENTS = ("father", "mother")


def secret_place(table: str, case_id: int, key: object = "") -> str:
    """Where a sealed value of a register belongs."""
    return f"{table}.secret:{case_id}:{key}"


def code_hash(number: str, code: str) -> str:
    """What is kept of a report's six-digit code."""
    return hashlib.scrypt(code.encode(), salt=number.encode(), n=2**12, r=8, p=1, dklen=32).hex()


def new_report(
    work: Work, case: OpenCase, channel: str, code: str = "", mark: str | None = None
) -> tuple[int, str, str]:
    """A report's row: returns its id, its number and the six-digit code, told once and never kept.

    `mark` stands for what a phone sent; a second report with it is refused by the database.
    """
    number = f"{work.now.astimezone(LAW_ZONE):%y%m%d}-{secrets.randbelow(10**6):06d}"
    code = code or f"{secrets.randbelow(10**6):06d}"
    values = {"case_id": case.id, "number": number, "code_hash": code_hash(number, code),
              "received_at": work.now, "channel": channel, "idempotency_key": mark}  # fmt: skip
    report_id: int = work.session.scalar(insert(REPORT).values(values).returning(REPORT.c.id))
    case.facts |= {"report_id": report_id, "received_at": work.now.isoformat()}
    return report_id, number, code


def draft_report(work: Work, live: Live, case: OpenCase, values: Mapping[str, Any]) -> int:
    """A report drafted from a visit or a school's word, about the child of the asking case."""
    report_id, _, _ = new_report(work, case, str(values.get("channel", "visit")))
    case.path = live.case.path
    case.facts |= {"drafted_from": live.case.id, "drafted_submission": values["submission_id"]}
    live.facts["drafted_report_id"] = report_id
    return report_id


def open_case(work: Work, live: Live, wanted: operations.OpenCase) -> OpenCase:
    """A case that an operation asked for: a child of a report, or a report of its own."""
    if wanted.kind == "report":
        return work.open_case("report", live.case.path)
    row = _report_child(work, int(wanted.report_id or 0), int(wanted.child_ref or 0))
    told = live.case.key.open(row["secret"], secret_place("report_child", live.case.id, row["ref"]))
    case = work.open_case("child", _path_of(work, told, live.case.path))
    case.facts |= {name: live.case.facts[name] for name in FROM_REPORT if name in live.case.facts}
    case.facts["latest_report_id"] = wanted.report_id
    add_child(work, case, told, provisional=wanted.provisional)
    return case


def add_child(work: Work, case: OpenCase, told: Mapping[str, Any], *, provisional: bool = False) -> int:
    """The child of a case, with father and mother as guardians still to be named."""
    name = str(told.get("name") or "")
    id_no = str(told.get("id_no") or "").upper()
    values = {"case_id": case.id, "name_index": _seal.blind_index("child.name", name), "provisional": provisional,
              "id_index": _seal.blind_index("child.id_no", id_no) if id_no else None,
              "secret": case.key.seal(dict(told), secret_place("child", case.id))}  # fmt: skip
    child_id: int = work.session.scalar(insert(CHILD).values(values).returning(CHILD.c.id))
    guardians = told.get("guardians") or [{"kind": kind} for kind in PARENTS]
    for guardian in guardians:
        add_guardian(work, case, guardian["kind"], guardian)
    return child_id


def add_guardian(work: Work, case: OpenCase, kind: str, told: Mapping[str, Any]) -> int:
    """Someone who has the duty of care; returns the guardian's id."""
    secret = case.key.seal(dict(told), secret_place("guardian", case.id, kind))
    values = {"case_id": case.id, "kind": kind, "secret": secret}
    guardian_id: int = work.session.scalar(insert(GUARDIAN).values(values).returning(GUARDIAN.c.id))
    return guardian_id


def link_child(work: Work, report_id: int, ref: int, case_id: int, kind: str) -> None:
    """Remember to which case a child of a report went, and whether it is confirmed who the child is."""
    where = (REPORT_CHILD.c.report_id == report_id, REPORT_CHILD.c.ref == ref)
    values = {"case_id": case_id, "provisional": kind == "urgent"}
    work.session.execute(update(REPORT_CHILD).where(*where).values(values))
    if kind == "confirmed":
        work.session.execute(update(CHILD).where(CHILD.c.case_id == case_id).values(provisional=False))


def _report_child(work: Work, report_id: int, ref: int) -> Row:
    query = select(REPORT_CHILD).where(REPORT_CHILD.c.report_id == report_id, REPORT_CHILD.c.ref == ref)
    return work.session.execute(query).mappings().one()


def take_over(work: Work, case: OpenCase, report_id: int) -> None:
    """Give the child's case what the report taught: when it was learned, and whether there is danger."""
    query = select(Case.facts).join(Report, Report.case_id == Case.id).where(Report.id == report_id)
    told = work.session.scalar(query) or {}
    case.facts |= {name: told[name] for name in FROM_REPORT if name in told}
    case.facts["latest_report_id"] = report_id


def _path_of(work: Work, told: Mapping[str, Any], otherwise: str) -> str:
    """The path of the village the child lives in, when it was chosen from the list."""
    code = told.get("village")
    found = work.session.scalar(select(Unit.path).where(Unit.code == code)) if code else None
    return found or otherwise


@dataclass(frozen=True, slots=True)
class Sent:
    """A submission as the registers see it; `live` is the instance it was sent to, if to one."""

    case: OpenCase
    live: Live | None
    submission_id: int
    answers: Mapping[str, Any]


def _register_children(work: Work, sent: Sent) -> None:
    """F01: the children named, numbered from 1; sending it again before matching replaces them."""
    report_id = sent.case.facts["report_id"]
    work.session.execute(
        delete(REPORT_CHILD).where(REPORT_CHILD.c.report_id == report_id, REPORT_CHILD.c.case_id.is_(None))
    )
    rows = [
        {"report_id": report_id, "ref": ref, "provisional": False,
         "secret": sent.case.key.seal(dict(child), secret_place("report_child", sent.case.id, ref))}
        for ref, child in enumerate(sent.answers.get("children") or [], start=1)
    ]  # fmt: skip
    if rows:
        work.session.execute(insert(REPORT_CHILD), rows)
    sent.case.facts["report_anonymous"] = sent.answers.get("reporter_kind") == "anonymous"


def _register_matches(work: Work, sent: Sent) -> None:
    """F03: which file each child of the report was matched to."""
    for ref, row in enumerate(sent.answers.get("matches") or [], start=1):
        where = (REPORT_CHILD.c.report_id == sent.case.facts["report_id"], REPORT_CHILD.c.ref == ref)
        candidate = row.get("candidate")
        values = {"match": row["match"], "candidate_case_id": int(candidate) if candidate else None}
        work.session.execute(update(REPORT_CHILD).where(*where).values(values))


def _register_performance(work: Work, sent: Sent) -> None:
    """F25: one observation of a guardian."""
    values = {
        "case_id": sent.case.id, "guardian_id": int(sent.answers["guardian"]),
        "observed_on": date.fromisoformat(sent.answers["observed_on"]), "state": sent.answers["state"], "source": sent.answers["source"],
        "knew": sent.answers["refusal_known"] == "yes", "saw_child": sent.answers["source"] == "visit",
        "submission_id": sent.submission_id, "recorded_at": work.now,
    }  # fmt: skip
    work.session.execute(insert(PERFORMANCE).values(values))


def _register_carer(work: Work, sent: Sent) -> None:
    """F12: a carer found fit, with the child seen, has an entrustment from now on, unless it is a parent."""
    if sent.answers["carer_ok"] != "yes" or sent.answers["seen"] == "no":
        return
    sent.case.facts["carer_named_at"] = work.now.isoformat()
    if sent.answers["relation"] != "parent":
        sent.case.facts["entrustment_id"] = sent.submission_id
        add_guardian(
            work, sent.case, "carer", {"name": sent.answers["carer_name"], "relation": sent.answers["relation"]}
        )


def _register_failure(work: Work, sent: Sent) -> None:
    """F18: a unit that had to report and did not may not know of the report."""
    if sent.answers.get("failure_found") == "yes":
        _bars.from_reports(work, sent.case, int(sent.answers["failure_unit"]), sent.submission_id)


def _end_care(work: Work, sent: Sent) -> None:
    """F17H, and F26C or F26Y for the long term: the placement has ended."""
    if "longterm" in (sent.answers.get("care_result"), sent.answers.get("final_result")) or "to_whom" in sent.answers:
        sent.case.facts["care_ended_at"] = work.now.isoformat()


KEPT_BY: Mapping[str, Callable[[Work, Sent], None]] = {
    "F01": _register_children,
    "F03": _register_matches,
    "F12": _register_carer,
    "F17H": _end_care,
    "F18": _register_failure,
    "F25": _register_performance,
    "F26C": _end_care,
    "F26Y": _end_care,
}


def keep(
    work: Work, case: OpenCase, live: Live | None, submission_id: int, form: str, answers: Mapping[str, Any]
) -> bool:
    """Enter in the registers what a submission of `form` says; False when they keep nothing of that form."""
    if form not in KEPT_BY:
        return False
    KEPT_BY[form](work, Sent(case, live, submission_id, answers))
    return True


ADDED_TO = frozenset(("F25",))
"""Forms whose register is a list of observations: a correction adds one, and the former is passed over when read."""


def correct(work: Work, case: OpenCase, live: Live, submission_id: int, form: str, answers: Mapping[str, Any]) -> None:
    """Enter a correction where that undoes nothing; what was opened, matched, placed or barred since stays."""
    if form in ADDED_TO:
        keep(work, case, live, submission_id, form, answers)
