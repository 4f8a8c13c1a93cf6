"""What lies sealed: a record and the reason for opening it, breaking the glass, and its review."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.errors import Invalid
from app.services import authenticator, reading
from app.services.audit import read_log
from app.web import frame, signin

records = Blueprint("records", __name__)


def _next(otherwise: str) -> str:
    """Where to go on: the page that led here, else `otherwise`."""
    given = request.values.get("next", "")
    return frame.onward(given) if given else otherwise


@records.route("/records/<int:submission_id>", methods=["GET", "POST"])
@auth_required()
def show(submission_id: int) -> ResponseReturnValue:
    """A form as it was sent; posting a reason opens what is sealed in it."""
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            reading.open_record(frame.me(), submission_id, request.form.get("reason", ""), frame.lang())
            return redirect(_next(url_for("records.show", submission_id=submission_id)))
        except Invalid as error:
            errors = error.fields
    found = reading.record(frame.me(), submission_id, frame.lang())
    page = render_template("record/show.html", record=found, next=_next(""), errors=errors,
                           reason=request.form.get("reason", ""))  # fmt: skip
    return page, 422 if errors else 200


@records.route("/cases/<int:case_id>/reason", methods=["GET", "POST"])
@auth_required()
def reason(case_id: int) -> ResponseReturnValue:
    """An auditor says why they look at a case."""
    reading.may_ask(frame.me(), case_id)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            reading.open_case(frame.me(), case_id, request.form.get("reason", ""), frame.lang())
            return redirect(_next(url_for("cases.show", case_id=case_id)))
        except Invalid as error:
            errors = error.fields
    return _ask_reason(case_id, _next(""), errors), 422 if errors else 200


def _ask_reason(case_id: int, onward: str, errors: dict[str, str]) -> str:
    return render_template("record/reason.html", case_id=case_id, next=onward, errors=errors,
                           reason=request.form.get("reason", ""))  # fmt: skip


@records.route("/cases/unseal", methods=["GET", "POST"])
@auth_required()
def unseal() -> ResponseReturnValue:
    """A supervisor breaks the glass on a case, named by its number: reason password, and the code of their authenticator if they have one."""
    typed = {name: request.values.get(name, "") for name in ("number", "reason")}
    errors: dict[str, str] = {}
    code = request.form.get("code", "")
    confirm = (lambda: signin.confirms(code)) if authenticator.enrolled(frame.me().id) else None
    if request.method == "POST":
        try:
            proven = signin.proves_itself(request.form.get("password", ""), alone=confirm is None)
            case_id = reading.break_glass(
                frame.me(), typed["number"], typed["reason"], proven=proven, confirm=confirm, lang=frame.lang()
            )
            return redirect(url_for("cases.show", case_id=case_id))
        except Invalid as error:
            errors = error.fields
    page = render_template("record/unseal.html", typed=typed, errors=errors, enrolled=confirm is not None)
    return page, 422 if errors else 200


@records.get("/reviews")
@auth_required()
def reviews() -> ResponseReturnValue:
    """Broken glasses that this person has to review, and those reviewed."""
    return _reviews({}, {})


@records.post("/reviews/<int:read_id>")
@auth_required()
def review(read_id: int) -> ResponseReturnValue:
    """Say whether a broken glass was right."""
    typed = {name: request.form.get(name, "") for name in ("verdict", "remark")}
    try:
        read_log.review(frame.me(), read_id, typed["verdict"], typed["remark"], frame.lang())
    except Invalid as error:
        return _reviews({read_id: typed}, {read_id: error.fields}), 422
    return redirect(url_for("records.reviews"))


def _reviews(typed: dict[int, Any], errors: dict[int, Any]) -> str:
    return render_template("record/reviews.html", readings=read_log.to_review(frame.me()), typed=typed, errors=errors)
