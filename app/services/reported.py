"""What the reporter said, beside the tasks of those who judge the danger and go out to the child.

Nobody reads here more than the report's own page shows them: whoever may not see the report finds nothing,
who reported stays sealed, and S2 stands only where no reason is asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.models import Case, Report
from app.rules.access import Person
from app.rules.forms import Form
from app.services import _seals, access, choices
from app.services._seals import Seals
from app.services.reports import EMERGENCY, FACTS_FORM, PROCESS, PUBLIC_FORM
from app.services.views import Reported

CASE, REPORT = table(Case), table(Report)
REGISTERED = "F01"
"""What the police make of a report; its own task shows the reporter's words in the form itself."""


def of_task(session: Session, person: Person, row: Row, form: Form, lang: str) -> Reported | None:
    """The report that the task in `row` follows from; None where it follows from none, or this person may not read it."""
    if form.id == REGISTERED or row["process"] not in (PROCESS, EMERGENCY):
        return None
    report = session.execute(_report(row)).mappings().first()
    if report is None or report["wrapped_key"] is None:
        return None
    resource = access.case_resource(session, report["case_id"])
    seals = Seals(session, person, report["case_id"], resource)
    if not seals.rules.can(person, "see", resource) or not seals.may_read():
        return None
    sent = _seals.sent(session, report["case_id"], _seals.SUBMISSION.c.form.in_((PUBLIC_FORM, REGISTERED, FACTS_FORM)))
    said = [one for one in sent if one["form"] != FACTS_FORM]
    if not said:
        return None
    read = {one["id"]: _seals.read(one, report["wrapped_key"]) for one in sent}
    return Reported(
        record=said[-1]["id"],
        received_at=report["received_at"],
        lines=tuple(_lines(session, said[-1], read[said[-1]["id"]], lang)),
        added=tuple((one["recorded_at"], str(read[one["id"]]["facts"])) for one in sent if one["form"] == FACTS_FORM),
    )


def _report(row: Row) -> Any:
    """The report of an instance: the one that began it, else the last about the child."""
    query = select(REPORT.c.case_id, REPORT.c.received_at, CASE.c.wrapped_key).join(CASE, CASE.c.id == REPORT.c.case_id)
    if row["case_kind"] == "report":
        return query.where(REPORT.c.case_id == row["case_id"])
    return query.where(REPORT.c.id == (row["context"].get("report_id") or row["facts"].get("latest_report_id")))


def _lines(session: Session, sent: Row, answers: Mapping[str, Any], lang: str) -> Iterable[tuple[str, str]]:
    """The answers that are not sealed: first what is about the child, then how the report came."""
    form = _seals.form_of(session, sent)
    if form is None:
        return ()
    sealed = _seals.names(form, answers)
    told = {name: value for name, value in answers.items() if name not in sealed and name != "files"}
    offered = choices.of_case(session, sent["case_id"], form, lang)
    lines = sorted(form.describe(told, lang, offered), key=lambda line: line.sensitivity != "S2")
    return ((line.label, line.value) for line in lines)
