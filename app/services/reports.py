"""Reports from outside: filed by anybody, asked after with a number and a code."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.db import db, table
from app.errors import NotFound
from app.models import Case, Instance, Report, Submission, Unit
from app.rules.access import Person
from app.services import _queue, _registers, _route, _seal, access, choices, commands, releases, submissions
from app.services._work import Actor
from app.services.library import library
from app.text import Text

PUBLIC_FORM = "report-public"
PROCESS = "report-intake"
EMERGENCY = "emergency-response"
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


def file_report(raw: Mapping[str, Any], actor: Actor, *, channel: str = "web", lang: str = "zh") -> Receipt:
    """Take a report: a case of its own, and intake begins at the police of that place at once.

    Raises: Invalid with a message for each field.
    """
    with commands.work_on(actor) as work:
        release_id = releases.current(work.session)
        form = library(work.session, release_id).form(PUBLIC_FORM)
        answers = commands.checked(form, raw, lang, work.now, choices.of(work.session, {}, form, lang))
        path = _path(work.session, answers.get("village"))
        case = work.open_case("report", path)
        report_id, number, code = _registers.new_report(work, case, channel)
        live = _queue.start(work, case, PROCESS, {"report_id": report_id}, release_id)
        submissions.add(work, case, form, answers, f"public.{PUBLIC_FORM}", live=live)
        return Receipt(number, code, report_id, case.id)


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
    """What came of a report. Raises NotFound alike for a wrong number and a wrong code."""
    number = _typed(number)
    row = db.session.execute(select(Report).where(Report.number == number)).scalar()
    kept = row.code_hash if row else _registers.code_hash("nobody", "0")
    right = hmac.compare_digest(kept, _registers.code_hash(number, _typed(code)))
    if row is None or not right:
        raise NotFound(
            "no_report",
            Text(
                "编号或查询码不对。请对照回执再输一次。",
                "The number or the code is wrong. Check the receipt and try again.",
            ),
        )
    return Status(row.number, row.received_at, _stage(row), _told(row))


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
    """Feedback (F05) written for the reporter."""
    case = db.session.get_one(Case, report.case_id)
    rows = db.session.execute(
        select(table(Submission)).where(Submission.case_id == case.id, Submission.form == "F05").order_by(Submission.id)
    ).mappings()
    key = _seal.open_key(case.wrapped_key)
    return tuple((row["recorded_at"], submissions.read(row, key).get("feedback_text", "")) for row in rows)


def add_facts(number: str, code: str, more: str) -> None:
    """Add what a reporter saw since; kept sealed with the report. Raises NotFound for a wrong number or code."""
    ask(number, code)
    case_id = db.session.scalar(select(Report.case_id).where(Report.number == _typed(number)))
    with commands.work_on(Actor(None, "reporter")) as work:
        case = work.lock(int(case_id or 0))
        case.chain.append("facts_added", {"length": len(more)}, at=work.now, secret={"facts": more[:4000]})


def new_danger(person: Person, case_id: int, actor: Actor) -> None:
    """A child we know is in danger again: a new emergency begins in the same case, and those at work hear of it.

    Raises: NotFound, Forbidden.
    """
    access.require(db.session(), person, "register", access.case_resource(db.session(), case_id))
    with commands.work_on(actor) as work:
        case = work.lock(case_id)
        origin = _route.origin_of(work, case)
        now = work.now.isoformat()
        case.facts |= {"danger_now": True, "learned_at": now, "received_at": now}
        payload = {"case_id": case_id, "report_id": case.facts.get("latest_report_id")}
        _route.broadcast(work, case, "re_endangered", payload)
        _queue.start(work, case, EMERGENCY, payload, origin.release_id)
        case.chain.append("new_danger", {}, at=work.now, actor_id=actor.user_id)
