"""Reports from outside: filed by anybody, asked after with a number and a code."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import db, table
from app.errors import NotFound, Refused
from app.models import Case, Instance, Report, ReportLink, Submission, Task, Unit
from app.rules.access import Person
from app.services import (
    _merged,
    _queue,
    _registers,
    _route,
    _seal,
    _tries,
    access,
    choices,
    commands,
    notices,
    releases,
    submissions,
)
from app.services._work import Actor, OpenCase, Work
from app.services.deadlines import ESCALATION
from app.services.library import library
from app.text import Text

PUBLIC_FORM, FACTS_FORM = "report-public", "report-facts"
TASK, SUBMISSION = table(Task), table(Submission)
PROCESS = "report-intake"
EMERGENCY = "emergency-response"
NO_HASH = "0" * 64
"""Of a number that does not exist: no code has it."""
STAGES = {
    "received": Text("已收到，派出所正在受理。", "Received; the police station is dealing with it."),
    "working": Text("已受理，有人在办。", "Accepted; people are working on it."),
    "transferred": Text("已移送有管辖权的公安机关。", "Passed on to the police with jurisdiction."),
    "closed": Text("已办结。", "Closed."),
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a reporter takes home; the code is told once and kept only as a hash."""

    number: str
    code: str
    report_id: int
    case_id: int


@dataclass(frozen=True, slots=True)
class Status:
    """What came of a report, as far as its reporter may know."""

    number: str
    received_at: datetime
    stage: Text
    told: tuple[tuple[datetime, str], ...]  # feedback that was meant for the reporter
    may_add: bool = True  # what they saw since; not to a report that was lawfully erased


def file_report(
    raw: Mapping[str, Any], actor: Actor, *, channel: str = "web", lang: str = "zh", key: str | None = None,
    written_at: datetime | None = None,
) -> Receipt:  # fmt: skip
    """Take a report: a case of its own, and intake begins at the police of that place at once.

    `written_at` stands for when they learned of it, where a reporter leaves that open. Sending the same again with
    the same `key` makes no second report and gives the same receipt; who holds the key could ask for it at any time.
    Raises: Invalid with a message for each field, Refused("key_reused").
    """
    mark = commands.idempotency_mark(key, [dict(raw)]) if key else None
    try:
        return _file(raw, actor, channel, lang, (key, mark), written_at)
    except IntegrityError:  # the same, sent at the same time, was quicker
        receipt = _filed_before(db.session(), key, mark)
        if receipt is None:
            raise
        return receipt


def _file(
    raw: Mapping[str, Any], actor: Actor, channel: str, lang: str, sent: tuple[str | None, str | None],
    written_at: datetime | None,
) -> Receipt:  # fmt: skip
    with commands.work_on(actor) as work:
        receipt = _filed_before(work.session, *sent)
        if receipt:
            return receipt
        if written_at and not raw.get("learned_at"):
            raw = {**raw, "learned_at": min(written_at, work.now).isoformat()}
        release_id = releases.current(work.session)
        form = library(work.session, release_id).form(PUBLIC_FORM)
        answers = commands.checked(form, raw, lang, work.now, choices.of(work.session, {}, form, lang))
        path = _path(work.session, answers.get("village"))
        case = work.open_case("report", path)
        key, mark = sent
        report_id, number, code = _registers.new_report(work, case, channel, _code_of(key) if key else "", mark)
        live = _queue.start(work, case, PROCESS, {"report_id": report_id}, release_id)
        submissions.add(work, case, form, answers, f"public.{PUBLIC_FORM}", live=live)
        return Receipt(number, code, report_id, case.id)


def _code_of(key: str) -> str:
    """The six digits of a report that came with this key: nobody keeps them, yet they can be told once more."""
    return f"{int.from_bytes(_seal.blind_index('report.code', key)) % 10**6:06d}"


def _filed_before(session: Session, key: str | None, mark: str | None) -> Receipt | None:
    if not key or not mark:
        return None
    query = select(Report).where(Report.idempotency_key.startswith(mark[: len(mark) // 2]))
    row = session.scalar(query)
    if row is None:
        return None
    if row.idempotency_key != mark:
        raise Refused("key_reused", commands.KEY_REUSED, report=row.id)
    return Receipt(row.number, _code_of(key), row.id, row.case_id)


def form(lang: str = "zh") -> tuple[dict[str, Any], dict[str, choices.Options]]:
    """The public form as data, for programs: its form-js layout and its options. Raises NotFound."""
    session = db.session()
    books = library(session, releases.current(session))
    return books.layout(PUBLIC_FORM), choices.of(session, {}, books.form(PUBLIC_FORM), lang)


def _path(session: Any, code: str | None) -> str:
    """The path of the place chosen on the report, else of the whole city."""
    query = (
        select(Unit.path).where(Unit.code == code) if code else select(Unit.path).where(Unit.level == "city").limit(1)
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound(
            "no_place", Text("没有这个地方，请从列表里选。", "There is no such place; choose one from the list.")
        )
    return str(found)


def ask(number: str, code: str) -> Status:
    """What came of a report. Raises NotFound alike for a wrong number and a wrong code, TooMany after many tries.

    Takes the same time for both: one number is looked up, one hash made.
    """
    number = _typed(number)
    _tries.take(number)
    row = db.session.execute(select(Report).where(Report.number == number)).scalar()
    kept = row.code_hash if row else NO_HASH
    right = hmac.compare_digest(kept, _registers.code_hash(number, _typed(code)))
    if row is None or not right:
        raise NotFound(
            "no_report",
            Text(
                "编号或查询码不对。请对照回执再输一次。",
                "The number or the code is wrong. Check the receipt and try again.",
            ),
        )
    _tries.forget(number)
    kept_still = db.session.get_one(Case, row.case_id).wrapped_key is not None
    return Status(row.number, row.received_at, _stage(row), _told(row), kept_still)


def _typed(number: str) -> str:
    """A number as it was meant, whatever was typed around its digits."""
    return re.sub(r"[^0-9-]", "", number)


def _stage(report: Report) -> Text:
    case = db.session.get_one(Case, report.case_id)
    instance = db.session.execute(
        select(Instance).where(Instance.case_id == case.id, Instance.process == PROCESS)
    ).scalar()
    if instance is not None and "transferred_at" in instance.facts and "accepted_at" not in case.facts:
        return STAGES["transferred"]
    if instance is not None and instance.status != "running":
        return STAGES["closed"]
    return STAGES["working"] if "accepted_at" in case.facts else STAGES["received"]


def _told(report: Report) -> tuple[tuple[datetime, str], ...]:
    """Feedback (F05) written for the reporter; none, once the report was lawfully erased."""
    case = db.session.get_one(Case, report.case_id)
    if case.wrapped_key is None:
        return ()
    rows = db.session.execute(
        select(SUBMISSION)
        .where(SUBMISSION.c.case_id == case.id, SUBMISSION.c.form == "F05", submissions.stands(SUBMISSION.c.id))
        .order_by(SUBMISSION.c.id)
    ).mappings()
    key = _seal.open_key(case.wrapped_key)
    return tuple((row["recorded_at"], submissions.read(row, key).get("feedback_text", "")) for row in rows)


def add_facts(number: str, code: str, more: str, lang: str = "zh") -> None:
    """Keep what a reporter saw since with the report, and let those at work know.

    Raises: NotFound for a wrong number or code, TooMany, Invalid.
    """
    ask(number, code)
    case_id = db.session.scalar(select(Report.case_id).where(Report.number == _typed(number)))
    with commands.work_on(Actor(None, "reporter")) as work:
        case = work.lock(int(case_id or 0))
        form = library(work.session, releases.current(work.session)).form(FACTS_FORM)
        answers = commands.checked(form, {"facts": more}, lang, work.now, {})
        submission_id = submissions.add(work, case, form, answers, f"public.{FACTS_FORM}")
        case.chain.append(
            "facts_added", {"length": len(more), "submission": submission_id}, at=work.now, secret=answers
        )
        _tell_of_facts(work, case, submission_id)


def _tell_of_facts(work: Work, case: OpenCase, submission_id: int) -> None:
    """Notices by the outbox to the police who took the report, and to each unit at work on a child of it.

    The children's cases are only read: who begins work there later finds the facts in the report.
    """
    ids = {"report_case_id": case.id, "submission_id": submission_id}
    notices.put(work, case.id, "facts_added", "police_intake", f"facts:{submission_id}", ids)
    linked = select(ReportLink.case_id).join(Report, Report.id == ReportLink.report_id)
    linked = linked.where(Report.case_id == case.id, ReportLink.ended_at.is_(None))
    at_work = select(TASK.c.case_id, TASK.c.unit_id, TASK.c.role).distinct()
    at_work = at_work.where(TASK.c.case_id.in_(linked), TASK.c.status == "open", TASK.c.process != ESCALATION)
    for child_case, unit_id, role in work.session.execute(
        at_work.order_by(TASK.c.case_id, TASK.c.unit_id, TASK.c.role)
    ):
        key = f"facts:{submission_id}:{child_case}:{unit_id}:{role}"
        notices.put(work, child_case, "facts_added", role, key, ids, unit_id)


def new_danger(person: Person, case_id: int, actor: Actor) -> None:
    """A child we know is in danger again: a new emergency begins in the same case, and those at work hear of it.

    Raises: NotFound, Forbidden.
    """
    access.require(db.session(), person, "register", access.case_resource(db.session(), case_id))
    with commands.work_on(actor) as work:
        case = _merged.lock_root(work, case_id)
        origin = _route.origin_of(work, case)
        now = work.now.isoformat()
        case.facts |= {"danger_now": True, "learned_at": now, "received_at": now}
        payload = {"case_id": case.id, "report_id": case.facts.get("latest_report_id")}
        _route.broadcast(work, case, "re_endangered", payload)
        _queue.start(work, case, EMERGENCY, payload, origin.release_id)
        case.chain.append("new_danger", {}, at=work.now, actor_id=actor.user_id)
