"""What an operation needs to know, read under the lock: one small provider for each name in NEEDS.

Ids, codes and instants only; operations never see a name or a narrative. What was read is
logged with the command through the variables it led to, so that replay needs no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app import engine, operations
from app.db import Row, table
from app.models import (
    CaseLink,
    Child,
    ClockAlert,
    Deadline,
    Instance,
    Performance,
    Placement,
    ReportChild,
    Submission,
    Task,
    Unit,
)
from app.operations import needs
from app.rules.facts import presumed_risk
from app.services import _merged, submissions
from app.services._work import Live, Work

Provider = Callable[[Work, Live], Any]
LINK, CHILD, ALERT, DEADLINE = table(CaseLink), table(Child), table(ClockAlert), table(Deadline)
INSTANCE, PERFORMANCE, PLACEMENT = table(Instance), table(Performance), table(Placement)
REPORT_CHILD, SUBMISSION, TASK, UNIT = table(ReportChild), table(Submission), table(Task), table(Unit)
LIVE_STATES = ("running", "scheduled")


def read(work: Work, live: Live, call: engine.OperationCall, names: tuple[str, ...]) -> dict[str, Any]:
    """The facts that an operation declares, and nothing else."""
    known: Mapping[str, Any] = {"process": call.process}
    work.flush()
    return {name: known[name] if name in known else PROVIDERS[name](work, live) for name in names}


def _instant(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _fact(name: str) -> Provider:
    return lambda _work, live: live.case.facts.get(name)


def _instant_fact(name: str) -> Provider:
    return lambda _work, live: _instant(live.case.facts.get(name))


def _context(name: str) -> Provider:
    return lambda _work, live: live.context.get(name)


def _answer(field: str, *forms: str) -> Provider:
    return lambda work, live: submissions.latest(work, live, *forms).get(field)


def _instant_answer(field: str, *forms: str) -> Provider:
    return lambda work, live: _instant(submissions.latest(work, live, *forms).get(field))


def _ids(field: str, *forms: str) -> Provider:
    return lambda work, live: tuple(int(value) for value in submissions.latest(work, live, *forms).get(field) or ())


def _submission_id(work: Work, live: Live) -> int | None:
    if live.submission_id is None:
        query = select(func.max(SUBMISSION.c.id)).where(SUBMISSION.c.instance_id == live.id, submissions.FIRST)
        live.submission_id = work.session.scalar(query)
    return live.submission_id


def _child_id(work: Work, live: Live) -> int | None:
    return work.session.scalar(select(CHILD.c.id).where(CHILD.c.case_id == live.case.id))


def _live_instances(work: Work, live: Live) -> tuple[needs.LiveInstance, ...]:
    start = (DEADLINE.c.instance_id == INSTANCE.c.id) & (DEADLINE.c.kind == "start") & (DEADLINE.c.state == "due")
    query = select(INSTANCE.c.process, INSTANCE.c.context, INSTANCE.c.facts, DEADLINE.c.due_at).outerjoin(
        DEADLINE, start
    )
    where = (INSTANCE.c.case_id == live.case.id, INSTANCE.c.status.in_(LIVE_STATES), INSTANCE.c.id != live.id)
    rows = work.session.execute(query.where(*where)).all()
    return tuple(
        needs.LiveInstance(process, context.get("guardian_id"), due_at, _grounds(context, facts))
        for process, context, facts, due_at in rows
    )


def _grounds(context: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What a petition is based on: what it began with, and what was added."""
    begun_with = [context["ground"]] if "ground" in context else []
    return tuple(facts.get("grounds", begun_with))


def _report_children(work: Work, live: Live) -> tuple[needs.ReportChild, ...]:
    query = (
        select(REPORT_CHILD).where(REPORT_CHILD.c.report_id == live.context["report_id"]).order_by(REPORT_CHILD.c.ref)
    )
    return tuple(
        needs.ReportChild(
            ref=row["ref"], case_id=row["case_id"], match=row["match"], candidate_case_id=candidate,
            provisional=row["provisional"], candidate_live=_is_live(work, candidate),
        )
        for row in work.session.execute(query).mappings().all()
        for candidate in [_standing(work, row["candidate_case_id"])]
    )  # fmt: skip


def _standing(work: Work, case_id: int | None) -> int | None:
    """The file of the child that stands, where the one that was picked has been merged."""
    return None if case_id is None else _merged.root(work.session, case_id)


def _is_live(work: Work, case_id: int | None) -> bool:
    if case_id is None:
        return False
    query = select(INSTANCE.c.id).where(INSTANCE.c.case_id == case_id, INSTANCE.c.status == "running").limit(1)
    return work.session.scalar(query) is not None


def _case_links(work: Work, live: Live) -> tuple[tuple[int, int, str], ...]:
    children = _report_children(work, live)
    cases = {case for child in children for case in (child.case_id, child.candidate_case_id)} - {None}
    query = select(LINK.c.case_id, LINK.c.other_id, LINK.c.kind).where(
        LINK.c.case_id.in_(cases) | LINK.c.other_id.in_(cases)
    )
    return tuple((row[0], row[1], row[2]) for row in work.session.execute(query)) if cases else ()


def _services_of(row: Row, answers: Mapping[str, Any]) -> tuple[needs.PlanService, ...]:
    return tuple(
        needs.PlanService(
            f"{row['origin_id'] or row['id']}-{index}", service["kind"], service["provider"], service["by_when"]
        )
        for index, service in enumerate(answers.get("services") or (), start=1)
    )


def _plans(work: Work, live: Live) -> list[tuple[needs.PlanService, ...]]:
    """Services of each F21 of the case, the newest plan first."""
    where = (SUBMISSION.c.case_id == live.case.id, SUBMISSION.c.form == "F21", submissions.stands(SUBMISSION.c.id))
    rows = work.session.execute(select(SUBMISSION).where(*where).order_by(*submissions.NEWEST)).mappings()
    return [_services_of(row, submissions.read(row, live.case.key)) for row in rows]


def _plan_services(work: Work, live: Live) -> tuple[needs.PlanService, ...]:
    plans = _plans(work, live)
    return plans[0] if plans else ()


def provider_of(work: Work, live: Live) -> int | None:
    """The unit that the plan names for the service of this instance."""
    wanted = live.context.get("service_id")
    return next((int(row.provider) for plan in _plans(work, live) for row in plan if row.service_id == wanted), None)


def receiving_unit(work: Work, live: Live) -> int | None:
    """The unit to which a case is to be transferred: as the summary (F40) names it, before that as whoever started it."""
    named = submissions.latest(work, live, "F40").get("to_unit") or live.context.get("to_unit")
    return int(named) if named else None


def _moves_to(work: Work, live: Live) -> str:
    village = submissions.latest(work, live, "F40A", "F40S")["village"]
    found: str = work.session.execute(select(UNIT.c.path).where(UNIT.c.code == village)).scalar_one()
    return found


def _begun_services(work: Work, live: Live) -> tuple[needs.PlanService, ...]:
    query = select(INSTANCE.c.context, INSTANCE.c.status).where(
        INSTANCE.c.case_id == live.case.id, INSTANCE.c.process == "service-referral"
    )
    begun = {row.context["service_id"]: row.status in LIVE_STATES for row in work.session.execute(query)}
    plans = _plans(work, live)
    latest = {service.service_id for service in plans[0]} if plans else set()
    every = (service for plan in plans for service in plan)
    return tuple(s for s in every if s.service_id in begun and (s.service_id in latest or begun[s.service_id]))


def _recorded_placement(work: Work, live: Live) -> int | None:
    query = select(PLACEMENT.c.id).where(PLACEMENT.c.submission_id == _submission_id(work, live))
    return work.session.scalar(query)


def _visit(work: Work, live: Live) -> needs.Visit:
    query = select(SUBMISSION).where(SUBMISSION.c.instance_id == live.id, SUBMISSION.c.form == "F32")
    row = work.session.execute(query.order_by(*submissions.NEWEST).limit(1)).mappings().one()
    answers = submissions.read(row, live.case.key)
    visited_at = datetime.fromisoformat(answers["visited_at"])
    return needs.Visit(row["id"], visited_at, answers["seen"], answers["parent_contact"])


def _after_placement(live: Live, fact: str) -> bool:
    placed, then = _instant(live.case.facts.get("placed_at")), _instant(live.case.facts.get(fact))
    return placed is not None and then is not None and then > placed


def _in_care(_work: Work, live: Live) -> bool:
    return "placed_at" in live.case.facts and not _after_placement(live, "care_ended_at")


def _parent_returned(_work: Work, live: Live) -> bool:
    return _after_placement(live, "carer_named_at")


def _parent_notices(work: Work, live: Live) -> int:
    placed = _instant(live.case.facts.get("placed_at"))
    query = (
        select(func.count())
        .select_from(SUBMISSION)
        .where(
            SUBMISSION.c.case_id == live.case.id,
            SUBMISSION.c.element == "notify-parents.t1",
            submissions.FIRST,
            SUBMISSION.c.recorded_at >= placed,
        )
    )
    return work.session.scalar(query) or 0 if placed else 0


def _rows_of(work: Work, live: Live, guardian_id: int) -> list[Row]:
    query = select(PERFORMANCE).where(PERFORMANCE.c.case_id == live.case.id, PERFORMANCE.c.guardian_id == guardian_id)
    query = query.where(submissions.stands(PERFORMANCE.c.submission_id))
    since = live.case.facts.get(f"clock_from_{guardian_id}")
    if since:
        query = query.where(PERFORMANCE.c.observed_on >= datetime.fromisoformat(since).date())
    return list(work.session.execute(query.order_by(PERFORMANCE.c.observed_on, PERFORMANCE.c.id)).mappings())


def performance_row(row: Row) -> needs.PerformanceRow:
    """A stored observation as the clock's rule takes it."""
    names = ("observed_on", "state", "source", "saw_child", "knew")
    return needs.PerformanceRow(**{name: row[name] for name in names})


def _performance_rows(work: Work, live: Live) -> tuple[needs.PerformanceRow, ...]:
    return tuple(performance_row(row) for row in _rows_of(work, live, int(live.context["guardian_id"])))


def _raised_events(work: Work, live: Live) -> tuple[needs.RaisedEvent, ...]:
    query = select(ALERT.c.event, ALERT.c.spell_started_on).where(
        ALERT.c.case_id == live.case.id, ALERT.c.guardian_id == live.context["guardian_id"]
    )
    return tuple(needs.RaisedEvent(event, started) for event, started in work.session.execute(query))


def _monitored(work: Work, live: Live) -> tuple[needs.Monitored, ...]:
    watched = sorted(
        {int(one.guardian_id or 0) for one in _live_instances(work, live) if one.stem == "six-month-clock"}
    )
    found = [(guardian, _rows_of(work, live, guardian)) for guardian in watched]
    return tuple(
        needs.Monitored(
            guardian, tuple(performance_row(row) for row in rows), tuple(row["submission_id"] for row in rows)
        )
        for guardian, rows in found
    )


def _overdue(column: str) -> Provider:
    return lambda work, live: work.session.scalar(select(TASK.c[column]).where(TASK.c.id == live.context["task_id"]))


def _assignee(work: Work, live: Live) -> int | None:
    chosen = submissions.latest(work, live, "F60").get("assignee_id")
    return int(chosen) if chosen else None


def _risk(_work: Work, live: Live) -> str | None:
    return live.case.risk or presumed_risk(live.case.facts)


PROVIDERS: Mapping[str, Provider] = {
    "report_id": _context("report_id"),
    "child_id": _child_id,
    "guardian_id": _context("guardian_id"),
    "submission_id": _submission_id,
    "notices_sent": lambda _work, live: tuple(live.facts.get("notices_sent", ())),
    "live_instances": _live_instances,
    "report_children": _report_children,
    "case_links": _case_links,
    "report_anonymous": lambda _work, live: bool(live.case.facts.get("report_anonymous", True)),
    "drafted_report_id": lambda _work, live: live.facts.get("drafted_report_id"),
    "intervene_guardians": _ids("intervene_guardians", "F18", "F42"),
    "petition_guardians": _ids("petition_guardians", "F26C", "F26Y"),
    "plan_services": _plan_services,
    "begun_services": _begun_services,
    "place_kind": _answer("place_kind", "F17C", "F17N"),
    "handed_at": _instant_answer("handed_at", "F17"),
    "recorded_placement_id": _recorded_placement,
    "visit": _visit,
    "risk": _risk,
    "last_visit_at": _instant_fact("last_visit_at"),
    "entrustment_id": _fact("entrustment_id"),
    "placed_at": _instant_fact("placed_at"),
    "in_care": _in_care,
    "parent_returned": _parent_returned,
    "parent_notices": _parent_notices,
    "last_notice_at": _instant_fact("last_notice_at"),
    "moves_to": _moves_to,
    "performance_rows": _performance_rows,
    "raised_events": _raised_events,
    "monitored": _monitored,
    "overdue_task_id": _context("task_id"),
    "overdue_role": _overdue("role"),
    "overdue_opened_at": _overdue("opened_at"),
    "overdue_due_at": _overdue("due_at"),
    "assignee_id": _assignee,
    "new_due_at": _instant_answer("new_due_at", "F60"),
}

if missing := operations.NEEDS.keys() - PROVIDERS.keys() - {"process"}:
    raise LookupError(f"nothing provides {sorted(missing)}")
