"""The inbox: its views and filters, work handed on, several tasks at once, and whether something new has come."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from typing import Any

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_security import auth_required

from app.db import db
from app.errors import Refused
from app.services import notices
from app.services.inbox import actions, kept_filters, listing, queries
from app.services.views import InboxFilter
from app.text import Text
from app.web import frame, presenters
from app.web.desk import desk, views

RISKS = {level: word for level, (_bars, word) in presenters.RISKS.items()}
NO_SUCH_DAY = Text("日期看不懂，请从日历里选。", "That is no date; pick one from the calendar.")


def _view() -> str:
    view = request.values.get("view", "mine")
    return view if view in listing.VIEWS else "mine"


def _asked() -> InboxFilter:
    """The filter of this request; what is searched for is posted, since a name is not for addresses."""
    given = {name: request.values.get(name, "").strip() for name in ("risk", "process", "place")}
    return InboxFilter(**given, search=request.form.get("search", "").strip())


@desk.route("/inbox", methods=["GET", "POST"], endpoint="inbox")
@auth_required()
def show() -> ResponseReturnValue:
    """Open tasks in one of the views, narrowed to what is asked for."""
    me, view, asked = frame.me(), _view(), _asked()
    page = listing.page(me, view, request.values.get("after", ""), frame.lang(), asked=asked)
    session = db.session()
    return render_template(
        "desk/inbox.html", page=page, views=views(), unread=notices.unread(me), asked=asked, risks=RISKS,
        processes=queries.processes(session, me), places=queries.places(session, me, frame.lang()),
        kept=kept_filters.of(session, me, listing.VIEWS), colleagues=actions.colleagues(session, me),
        claimable=view in ("free", "unit", "today", "overdue"), me=me,
    )  # fmt: skip


@desk.get("/inbox/pulse")
@auth_required()
def pulse() -> ResponseReturnValue:
    """The counts as they are now, for a page that stays open."""
    me = frame.me()
    return jsonify(counts=listing.counts(db.session(), me, frame.now()), unread=notices.unread(me))


@desk.post("/inbox/many")
@auth_required()
def many() -> ResponseReturnValue:
    """Do one thing with the tasks that are ticked, and say what became of each."""
    ids = request.form.getlist("task", type=int)
    action = request.form.get("action", "")
    if ids and action in actions.ACTIONS:
        _tell(actions.many(frame.me(), action, ids, request.form.get("to", type=int)))
    else:
        flash(_("先勾选要一起处理的事，再按按钮。"))
    return redirect(url_for("desk.inbox", view=_view(), **_narrowed(_asked())))


def _tell(outcome: actions.Outcome) -> None:
    done, refused = len(outcome.done), outcome.refused.values()
    if done:
        flash(ngettext("已处理%(num)s件。", "已处理%(num)s件。", done))
    for text in dict.fromkeys(refused):
        count = sum(one == text for one in refused)
        flash(
            ngettext("有%(num)s件没有处理：%(why)s", "有%(num)s件没有处理：%(why)s", count, why=text.say(frame.lang()))
        )


def _narrowed(asked: InboxFilter) -> dict[str, Any]:
    """What of a filter may stand in an address."""
    return {name: value for name, value in asdict(replace(asked, search="")).items() if value}


@desk.post("/inbox/filters")
@auth_required()
def keep_filter() -> ResponseReturnValue:
    """Keep the filter of this page under a name."""
    asked = _asked()
    kept_filters.save(frame.me(), request.form.get("name", ""), _view(), asked)
    return redirect(url_for("desk.inbox", view=_view(), **_narrowed(asked)))


@desk.post("/inbox/filters/<int:filter_id>/drop")
@auth_required()
def drop_filter(filter_id: int) -> ResponseReturnValue:
    """Forget a kept filter."""
    kept_filters.drop(frame.me(), filter_id)
    return redirect(url_for("desk.inbox", view=_view()))


@desk.post("/tasks/<int:task_id>/give")
@auth_required()
def give(task_id: int) -> ResponseReturnValue:
    """Hand a task to a colleague."""
    actions.give(frame.me(), task_id, request.form.get("to", 0, type=int))
    flash(_("已转交。"))
    return redirect(url_for("desk.inbox"))


@desk.post("/tasks/<int:task_id>/give-back")
@auth_required()
def give_back(task_id: int) -> ResponseReturnValue:
    """Return a task to the colleague who handed it on."""
    actions.give_back(frame.me(), task_id)
    flash(_("已交还。"))
    return redirect(url_for("desk.inbox"))


@desk.post("/tasks/<int:task_id>/watch")
@auth_required()
def watch(task_id: int) -> ResponseReturnValue:
    """Keep an eye on a task, perhaps until a day; or no longer."""
    if "stop" in request.form:
        actions.unwatch(frame.me(), task_id)
    else:
        actions.watch(frame.me(), task_id, _day(request.form.get("on", "")))
    return redirect(url_for("desk.task", task_id=task_id))


def _day(told: str) -> date | None:
    try:
        return date.fromisoformat(told) if told else None
    except ValueError as error:
        raise Refused("no_day", NO_SUCH_DAY) from error
