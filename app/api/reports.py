"""Reports from outside: anybody may file one, and ask after it with its number and code."""

from __future__ import annotations

from typing import Any

from app.api import caller
from app.api.blueprints import Blueprint
from app.api.languages import lang
from app.api.schemas import reports as schemas
from app.api.schemas.parts import FormLayout
from app.services import reports as service
from app.services._work import Actor

reports = Blueprint("reports", "Reports from outside; no sign-in needed.", public=True)


@reports.operation("GET /form", "getReportForm", gives=FormLayout)
def form() -> dict[str, Any]:
    """What a report asks, and the places to choose from."""
    layout, choices = service.form(lang())
    return {"id": service.PUBLIC_FORM, "layout": layout, "choices": choices}


@reports.operation("POST", "fileReport", body=schemas.NewReport, gives=schemas.Receipt, status=201)
def file(given: dict[str, Any]) -> service.Receipt:
    """Report a child's situation; the police of the place begin at once.

    The code is told once. Filing twice makes two reports: ask with the number before you send again.
    """
    return service.file_report(given["answers"], Actor(caller.user_id(), "reporter"), channel="api", lang=lang())


@reports.operation(
    "POST /status", "askAfterReport", body=schemas.Question, gives=schemas.ReportStatus, refuses=(404, 429)
)
def status(given: dict[str, str]) -> dict[str, Any]:
    """What came of a report. Number and code travel in the body, never in an address.

    After ten tries a number rests for up to twelve hours (429, with Retry-After), for everybody; a right code before that
    gives all tries back.
    """
    found = service.ask(given["number"], given["code"])
    told = [{"at": at, "text": text} for at, text in found.told]
    return {"number": found.number, "received_at": found.received_at, "stage": found.stage, "told": told}
