"""Oversight: what is late, and what a supervisor decides about it in the row."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required

from app.db import db
from app.errors import Invalid
from app.rules.calendar import in_law_zone, midnight_after
from app.services import escalations, incidents, processes
from app.services import oversight as service
from app.services import tonight as whereabouts
from app.services.audit import read_log
from app.services.inbox import kept_filters, queries
from app.services.presence import rota
from app.services.views import InboxFilter
from app.web import frame

oversight = Blueprint("oversight", __name__, url_prefix="/oversight")
NAMES = {
    "escalation_action": "decision", "assignee_id": "person_id", "new_due_at": "until", "reason": "reason",
    "instruction": "reason",
}  # fmt: skip
"""The fields of F60, and what the row's small form calls them; it asks one text, whatever it is for."""


@oversight.get("/")
@auth_required()
def index() -> ResponseReturnValue:
    """What is late and what soon will be."""
    return _page({}, {})


@oversight.get("/tonight")
@auth_required()
def tonight() -> ResponseReturnValue:
    """Where every child is tonight."""
    return render_template("oversight/tonight.html", page=whereabouts.page(frame.me(), frame.lang()))


def _page(errors: dict[str, str], typed: dict[int, dict[str, str]]) -> str:
    me, session, asked = frame.me(), db.session(), _asked()
    return render_template(
        "oversight/index.html",
        page=service.page(me, frame.lang(), asked),
        reviews=read_log.waiting(me),
        gaps=rota.gaps(db.session(), me, frame.now(), frame.lang(), below=True),
        errors=errors,
        typed=typed,
        asked=asked,
        processes=[(row.id, row.name) for row in processes.index() if row.steps],
        places=queries.places(session, me, frame.lang()),
        kept=kept_filters.of(session, me, (kept_filters.OVERSIGHT,)),
    )


def _asked() -> InboxFilter:
    """What the page is narrowed to."""
    return InboxFilter(**{name: request.values.get(name, "").strip() for name in ("process", "place")})


@oversight.post("/filters")
@auth_required()
def keep_filter() -> ResponseReturnValue:
    """Keep what this page is narrowed to under a name."""
    asked = _asked()
    kept_filters.save(frame.me(), request.form.get("name", ""), kept_filters.OVERSIGHT, asked)
    return redirect(url_for("oversight.index", process=asked.process or None, place=asked.place or None))


@oversight.post("/filters/<int:filter_id>/drop")
@auth_required()
def drop_filter(filter_id: int) -> ResponseReturnValue:
    """Forget a kept filter."""
    kept_filters.drop(frame.me(), filter_id)
    return redirect(url_for("oversight.index"))


@oversight.get("/tasks/<int:task_id>")
@auth_required()
def ladder(task_id: int) -> ResponseReturnValue:
    """Who was asked about a late task, and what came of it."""
    return render_template("oversight/ladder.html", ladder=escalations.ladder(frame.me(), task_id, frame.lang()))


@oversight.post("/tasks/<int:task_id>/decide")
@auth_required()
def decide(task_id: int) -> ResponseReturnValue:
    """Direct, reassign, extend, or find the deadline not applicable."""
    typed = {name: request.form.get(name, "").strip() for name in NAMES.values()}
    answers = {field: _answer(field, typed[name]) for field, name in NAMES.items() if typed[name]}
    try:
        service.decide(frame.me(), task_id, answers, frame.lang())
    except Invalid as error:
        wrong = {f"{task_id}.{NAMES.get(name, name)}": text for name, text in error.fields.items()}
        return _page(wrong, {task_id: typed}), 422
    return redirect(url_for("oversight.index"))


def _answer(field: str, typed: str) -> str:
    """What F60 takes: a day stands for its end, 24:00."""
    if field != "new_due_at":
        return typed
    try:
        return in_law_zone(midnight_after(date.fromisoformat(typed)))
    except ValueError:
        return typed


@oversight.post("/incidents/<int:incident_id>/retry")
@auth_required()
def retry(incident_id: int) -> ResponseReturnValue:
    """Try a failed step again."""
    if incidents.retry(frame.me(), incident_id):
        flash(_("这一步做成了，或者已经不用做了。"))
    else:
        flash(_("还是没有做成，原因写在下面。"))
    return redirect(url_for("oversight.index"))


@oversight.post("/incidents/<int:incident_id>/by-hand")
@auth_required()
def by_hand(incident_id: int) -> ResponseReturnValue:
    """Ask somebody to do by hand what a failed step would have done."""
    incidents.by_hand(frame.me(), incident_id, request.form.get("words", ""), frame.lang())
    flash(_("已开人工办理，系统的这一步照样会再试。"))
    return redirect(url_for("oversight.index"))
