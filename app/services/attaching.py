"""To which child a report belongs, said by a person after it was taken in; and taken back.

The report stays a case of its own, so that who told it still gets an answer by number and code. A link is
only ever ended, never removed; both chains hold it, with the reason sealed. Source: DECISIONS 12; ADR 0022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, insert, select, update
from sqlalchemy.orm import Session

from app.db import Row, changed, db, table
from app.errors import Refused, Stale
from app.models import Case, Child, Instance, Report, ReportChild, ReportLink
from app.rules.access import Person
from app.services import _merged, access, cases, children, commands, merging, notices
from app.services._work import Actor, OpenCase, Work
from app.text import Text

CASE, CHILD, REPORT, LINK = table(Case), table(Child), table(Report), table(ReportLink)
REPORT_CHILD, INSTANCE = table(ReportChild), table(Instance)
WHOLE = 0
"""The `child_ref` of a report that somebody attached as a whole."""
STILL_MATCHING = Text(
    "受理里还有孩子没有核对。请先在受理里核对是哪个孩子。",
    "A child of the report is still to be matched. Match it in the intake first.",
)
THERE = Text("这份报告已经归在这个个案。", "The report is attached to this case already.")
NOT_THERE = Text(
    "这份报告没有归在这个个案，或者刚才已经取下。",
    "The report is not attached to this case, or was taken away just now.",
)
LAST = Text(
    "这份报告只归在这一个个案。请先归到对的个案，再从这里取下。",
    "The report is attached to this case only. Attach it to the right one first, then take it away here.",
)
NOT_A_CHILD = Text("报告只能归到孩子的个案。", "A report is attached to a child’s case only.")


@dataclass(frozen=True, slots=True)
class Attached:
    """A case to which a report belongs."""

    case_id: int
    number: str
    name: str


def of_report(person: Person, report_case_id: int) -> tuple[Attached, ...]:
    """The children's cases of a report, of those this person may see. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "attach", access.case_resource(session, report_case_id))
    query = select(CASE, CASE.c.id.label("case_id"), CHILD.c.secret.label("child_secret"))
    query = query.join(CHILD, CHILD.c.case_id == CASE.c.id)
    rows = session.execute(query.where(CASE.c.id.in_(_linked(report_case_id))).order_by(CASE.c.id)).mappings().all()
    return tuple(_attached(row) for row in rows if cases.may_see(person, row["id"]))


def _attached(row: Row) -> Attached:
    name = str(children.told_of(row).get("name") or "") if row["wrapped_key"] else ""
    return Attached(row["id"], children.case_number(row["id"], row["opened_at"]), name)


def _linked(report_case_id: int) -> Any:
    """The cases to which the report belongs now."""
    query = select(LINK.c.case_id).join(REPORT, REPORT.c.id == LINK.c.report_id)
    return query.where(REPORT.c.case_id == report_case_id, LINK.c.ended_at.is_(None)).distinct()


def attach(person: Person, report_case_id: int, number: str, reason: str, lang: str = "zh") -> int:
    """Attach a report to the child's case with this number, or the one that it was merged into; returns that case.

    Raises: NotFound, Forbidden, Invalid (no such case, no reason), Refused, Stale.
    """
    session = db.session()
    access.require(session, person, "attach", access.case_resource(session, report_case_id))
    found = merging.by_number(person, report_case_id, number, lang)
    said = merging.said(reason, lang)
    with commands.work_on(Actor(person.id, "desk")) as work:
        report, case = _lock(work, report_case_id, _merged.root(work.session, found))
        if case.kind != "child":
            raise Refused("not_a_child", NOT_A_CHILD)
        _merged.require_own(work, case)
        report_id = _report_id(work.session, report, matched=True)
        if work.session.scalar(_linked(report.id).where(LINK.c.case_id == case.id)):
            raise Stale("attached", THERE, case=case.id)
        mine = (LINK.c.report_id == report_id, LINK.c.case_id == case.id, LINK.c.child_ref == WHOLE)
        if not changed(work.session, update(LINK).where(*mine).values(ended_at=None, recorded_at=work.now)):
            values = {"report_id": report_id, "case_id": case.id, "child_ref": WHOLE, "kind": "attached"}
            work.session.execute(insert(LINK).values(values | {"recorded_at": work.now}))
        seq = _record(report, case, "report_attached", work, said)
        ids = {"report_case_id": report.id}
        notices.put(work, case.id, "report_attached", "township_worker", f"attached:{report.id}:{case.id}:{seq}", ids)
        return case.id


def detach(person: Person, report_case_id: int, case_id: int, reason: str, lang: str = "zh") -> None:
    """Take a report away from a case to which it does not belong; its last one it keeps.

    Raises: NotFound, Forbidden, Invalid (no reason), Refused, Stale.
    """
    session = db.session()
    access.require(session, person, "attach", access.case_resource(session, report_case_id))
    access.require(session, person, "see", access.case_resource(session, case_id))
    said = merging.said(reason, lang)
    with commands.work_on(Actor(person.id, "desk")) as work:
        report, case = _lock(work, report_case_id, case_id)
        report_id = _report_id(work.session, report)
        linked = set(work.session.scalars(_linked(report.id)))
        if case.id not in linked:
            raise Stale("not_attached", NOT_THERE, case=case.id)
        if len(linked) == 1:
            raise Refused("last_link", LAST, case=case.id)
        mine = (LINK.c.report_id == report_id, LINK.c.case_id == case.id, LINK.c.ended_at.is_(None))
        work.session.execute(update(LINK).where(*mine).values(ended_at=work.now))
        _record(report, case, "report_detached", work, said)


def _lock(work: Work, report_case_id: int, case_id: int) -> tuple[OpenCase, OpenCase]:
    locked = {one: work.lock(one) for one in sorted({report_case_id, case_id})}
    return locked[report_case_id], locked[case_id]


def _report_id(session: Session, report: OpenCase, *, matched: bool = False) -> int:
    """The report of a case. Raises Refused("still_matching") where `matched` is asked and intake is not so far."""
    report_id: int = session.scalars(select(REPORT.c.id).where(REPORT.c.case_id == report.id)).one()
    runs = exists().where(INSTANCE.c.case_id == report.id, INSTANCE.c.status == "running")
    named = select(REPORT_CHILD.c.case_id).where(REPORT_CHILD.c.report_id == report_id)
    open_ones = [one for one in session.scalars(named) if one is None]
    if matched and (open_ones or not session.scalar(_linked(report.id))) and session.scalar(select(runs)):
        raise Refused("still_matching", STILL_MATCHING, case=report.id)
    return report_id


def _record(report: OpenCase, case: OpenCase, kind: str, work: Work, said: str) -> int:
    data = {"report_case": report.id, "case": case.id}
    for one in (report, case):
        one.chain.append(kind, data, at=work.now, actor_id=work.actor.user_id, secret={"reason": said})
    return case.chain.seq
