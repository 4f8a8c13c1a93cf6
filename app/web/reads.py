"""Who opened which record, for auditors; on the audit's blueprint."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.errors import NotFound, Refused
from app.rules.calendar import instant
from app.services import access
from app.services.history import reads as service
from app.text import Text
from app.web import frame
from app.web.audit import audit
from app.web.downloads import download

DAY = timedelta(days=1)
MOST_DIGITS = 18
"""So that a number fits the database's."""
NO_DAY = Text("请写成 2026-03-01 这样的日子。", "Write a day such as 2026-03-01.")
NO_CASE = Text(
    "没有这个编号的个案，或者它不归你审计。", "There is no case with this number, or it is not yours to audit."
)


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """What the address narrows the list to: as it stands there, as the service takes it, and what cannot be read."""

    typed: dict[str, Any]
    asked: service.Asked
    errors: dict[str, str] = field(default_factory=dict)


def _narrowed(case_id: int | None) -> _Narrowed:
    typed: dict[str, Any] = {
        name: said for name in ("by", "since", "until") if (said := request.args.get(name, "").strip())
    }
    days: dict[str, datetime] = {}
    errors: dict[str, str] = {}
    for name, more in (("since", DAY * 0), ("until", DAY)):  # the last day counts to its end
        try:
            days |= {name: instant(typed[name]) + more} if name in typed else {}
        except (Refused, OverflowError):
            errors[name] = NO_DAY.say(frame.lang())
    return _Narrowed(typed, service.Asked(case_id, _id("by"), days.get("since"), days.get("until")), errors)


def _id(name: str) -> int | None:
    """A row's id in the address; None where there is none, or something else."""
    said = request.args.get(name, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= MOST_DIGITS else None


@audit.get("/reads")
@auth_required()
def reads() -> ResponseReturnValue:
    """Everybody's looks and openings, newest first; a case's number leads on to the list of that case."""
    narrowed, number = _narrowed(None), request.args.get("number", "").strip()
    case_id = service.audited(frame.me(), number) if number else None
    if case_id is not None:
        return redirect(url_for("audit.case_reads", case_id=case_id, **narrowed.typed))
    if number:
        narrowed.errors["number"] = NO_CASE.say(frame.lang())
    return _page(narrowed, number)


@audit.get("/cases/<int:case_id>/reads")
@auth_required()
def case_reads(case_id: int) -> ResponseReturnValue:
    """Who opened a child's files."""
    return _page(_narrowed(case_id))


def _page(narrowed: _Narrowed, number: str = "") -> ResponseReturnValue:
    page = service.page(frame.me(), narrowed.asked, request.args.get("after", ""))
    shown = render_template(
        "audit/reads.html", page=page, typed=narrowed.typed, case_id=narrowed.asked.case_id, errors=narrowed.errors,
        number=page.number or number,
    )  # fmt: skip
    return shown, 422 if narrowed.errors else 200


@audit.get("/reads/export")
@auth_required()
def export_reads() -> ResponseReturnValue:
    """The same list as a file, all of it; `case` narrows it to a child's files."""
    narrowed = _narrowed(_id("case"))
    if narrowed.errors:
        raise NotFound("no_day", access.NOTHING_HERE)
    return download(service.take(frame.me(), narrowed.asked, frame.lang()), "text/csv", "csv", "shouwang-reads")
