"""People at work: how much each has in hand, a hand-over list, and leaving for good."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from flask_security import auth_required

from app.errors import Invalid, Refused
from app.services import leaving, loads
from app.services.inbox import actions
from app.text import Text
from app.web import frame

people = Blueprint("people", __name__, url_prefix="/people")
NOT_SURE = Text(
    "没有办理：请先勾选“我确认”。",
    "Nothing was done: tick “I am sure” first.",
)
NOBODY = Text("请选交给谁。", "Choose whom to give them to.")


@people.get("/")
@auth_required()
def index() -> ResponseReturnValue:
    """Who has how much in hand, by name; posts that nobody holds."""
    search = request.args.get("name", "").strip().replace("\0", "")
    return render_template("people/index.html", page=loads.page(frame.me(), frame.lang(), search), search=search)


@people.get("/me")
@auth_required()
def mine() -> ResponseReturnValue:
    """One's own hand-over list."""
    return redirect(url_for("people.show", user_id=frame.me().id))


@people.get("/<int:user_id>")
@auth_required()
def show(user_id: int) -> ResponseReturnValue:
    """A person's hand-over list, on screen and on paper."""
    return _show(user_id, {})


def _show(user_id: int, errors: dict[str, str]) -> str:
    page = loads.sheet(frame.me(), user_id, frame.lang())
    return render_template("people/show.html", page=page, reasons=leaving.WHY, errors=errors)


@people.post("/<int:user_id>/give")
@auth_required()
def give(user_id: int) -> ResponseReturnValue:
    """Give the ticked tasks to a colleague, each on its own."""
    to = request.form.get("to", type=int)
    if to is None:
        raise Refused("nobody_chosen", NOBODY)
    outcome = actions.many(frame.me(), "give", request.form.getlist("task", type=int), to)
    flash(ngettext("已转交%(num)s件。", "已转交%(num)s件。", len(outcome.done)))
    for text in dict.fromkeys(outcome.refused.values()):
        count = sum(other == text for other in outcome.refused.values())
        flash(ngettext("%(num)s件没有转交：%(why)s", "%(num)s件没有转交：%(why)s", count, why=text.say(frame.lang())))
    return redirect(url_for("people.show", user_id=user_id))


@people.post("/<int:user_id>/leave")
@auth_required()
def leave(user_id: int) -> ResponseReturnValue:
    """End a person's posts and sign-in; what became of their work."""
    if "sure" not in request.form:
        raise Refused("not_sure", NOT_SURE)
    try:
        left = leaving.end(frame.me(), user_id, request.form.get("why", ""), frame.lang())
    except Invalid as wrong:
        return _show(user_id, dict(wrong.fields)), 422
    return render_template("people/left.html", left=left)
