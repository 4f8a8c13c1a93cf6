"""The caseworker's desk: the inbox, a task and its form, and what arrives from outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required

from app.db import db
from app.errors import Invalid, NotFound, Stale
from app.rules.forms import Form
from app.rules.occurrence import FIELD
from app.services import access, attachments, cases, choices, commands, notices, remarks, tasks
from app.services._work import Actor
from app.services.inbox import conflicts, listing
from app.services.paperwork import paper_pages
from app.services.views import Arrival, TaskPage
from app.web import files, forms, frame, presenters

desk = Blueprint("desk", __name__)
KEY = "key"


@desk.get("/")
@auth_required()
def home() -> ResponseReturnValue:
    """The first section that this person may use."""
    nav = frame.sections(frame.me())
    return redirect(nav[0]["href"])


def views() -> list[tuple[str, str]]:
    """The views of the inbox, in order, each with its name."""
    return [
        ("mine", _("要我办的")), ("free", _("可领取")), ("today", _("今天到期")), ("overdue", _("期限已过")),
        ("unit", _("本单位全部")), ("delegated", _("我转交的")), ("watching", _("我盯着的")),
    ]  # fmt: skip


@desk.get("/notices", endpoint="notices")
@auth_required()
def notices_page() -> ResponseReturnValue:
    """What this person's posts were told, newest first."""
    page = notices.page(frame.me(), request.args.get("after", ""))
    shown = views() if frame.works(frame.me()) else []
    counts = listing.counts(db.session(), frame.me(), frame.now()) if shown else {}
    return render_template("desk/notices.html", page=page, views=shown, counts=counts)


@desk.post("/notices/<int:notice_id>/read")
@auth_required()
def read_notice(notice_id: int) -> ResponseReturnValue:
    """Mark a notice as read, or passed on; with `go`, on to what it is about."""
    found = notices.read(frame.me(), notice_id)
    match found.leads if "go" in request.form else "":
        case "task":
            return redirect(url_for("desk.task", task_id=found.target))
        case "case" | "report":
            return redirect(url_for("cases.show", case_id=found.target))
        case "review":
            return redirect(url_for("records.reviews"))
    return redirect(url_for("desk.notices"))


@desk.get("/tasks/<int:task_id>")
@auth_required()
def task(task_id: int) -> ResponseReturnValue:
    """A task and its form; `peek=1` gives the gist beside the list."""
    page = tasks.page(frame.me(), task_id, frame.lang())
    if request.args.get("peek"):
        return render_template("desk/peek.html", page=page)
    return _task_page(page)


def _task_page(page: TaskPage, errors: dict[str, str] | None = None, focus: str = "", remark: str = "") -> str:
    form, case_id = tasks.form_of(page.row.id)
    return render_template(
        "desk/task.html", page=page, form=form, errors=errors or {}, focus=focus, withheld=withheld(page),
        papers=paper_pages.for_task(frame.me(), page.row.id), case_id=case_id, remark=remark,
    )  # fmt: skip


def withheld(page: TaskPage) -> dict[str, str]:
    """The questions whose answers lie sealed, each with the address where they can be opened."""
    if page.seal is None or page.seal.open:
        return {}
    here = url_for("desk.task", task_id=page.row.id)
    record = url_for("records.show", submission_id=page.seal.record, next=here)
    return dict.fromkeys(page.seal.names, record if page.seal.ask == "reason" else "")


def _with(page: TaskPage, form: Form, answers: dict[str, Any]) -> TaskPage:
    """The page with what was typed in the form, right or wrong."""
    return replace(
        page, answers=answers, occurred=forms.occurred(request.form), choices=files_named(page, form, answers)
    )


def files_named(page: TaskPage, form: Form, answers: dict[str, Any]) -> dict[str, Any]:
    """What may be chosen, with the names of the files that were typed along."""
    case_id = tasks.form_of(page.row.id)[1]
    among = attachments.at_hand(frame.me(), page.row.id)
    return {**page.choices, **attachments.named(db.session(), case_id, form, answers, among)}


def _kept(form: Form, raw: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as a draft keeps it: the answers, and when it happened."""
    occurred = forms.occurred(request.form)
    return form.keep(raw) | ({FIELD: occurred} if occurred else {})


@desk.post("/tasks/<int:task_id>/complete")
@auth_required()
def complete(task_id: int) -> ResponseReturnValue:
    """Send the form: on to the next task; or back with what is missing; or beside what somebody else sent."""
    form, case_id = tasks.form_of(task_id)
    raw, me = forms.read(form, request.form), frame.me()
    actor = access.doer(db.session(), me, task_id, "desk")
    wrong = files.keep(form, case_id, raw, task_id) if tasks.is_open(task_id) else {}
    pressed = forms.row_pressed(form, request.form)
    if pressed or wrong:
        page = _with(tasks.page(me, task_id, frame.lang()), form, raw)
        return _task_page(page, wrong, focus=pressed), 422 if wrong else 200
    try:
        commands.complete(
            task_id, request.form.get("version", -1, type=int), raw, actor, lang=frame.lang(),
            occurred_at=forms.occurred(request.form), key=forms.key(request.form),
            written_at=forms.written(request.form, frame.now()),
        )  # fmt: skip
    except Invalid as error:
        return _task_page(_with(tasks.page(me, task_id, frame.lang()), form, raw), error.fields), 422
    except Stale:
        return _conflict(task_id, form, raw), 409
    on = url_for("cases.show", case_id=case_id) if cases.may_see(me, case_id) else url_for("desk.task", task_id=task_id)
    return frame.settled(redirect(on))


def _conflict(task_id: int, form: Form, raw: dict[str, Any]) -> str:
    """What the other person sent beside what was typed here; the typing is kept as a draft."""
    me = frame.me()
    page = tasks.page(me, task_id, frame.lang())
    if "draft" in page.may:
        tasks.save_draft(me, task_id, _kept(form, raw))
    typed = [*forms.write(form, raw).items(multi=True), *forms.write_occurred(request.form)]
    typed += [(name, request.form[name]) for name in (forms.KEY, forms.WRITTEN) if name in request.form]
    seen = conflicts.of_task(me, task_id, form, raw, frame.lang())
    seen = replace(seen, mine_at=forms.written(request.form, frame.now()) or seen.mine_at)
    return render_template("desk/conflict.html", page=page, conflict=seen, typed=typed)


@desk.post("/tasks/<int:task_id>/draft")
@auth_required()
def draft(task_id: int) -> ResponseReturnValue:
    """Keep what was typed so far; a script gets the time, a person the inbox."""
    saved_at, wrong = _keep_draft(task_id)
    if wrong:
        return _task_page(tasks.page(frame.me(), task_id, frame.lang()), wrong), 422
    if request.accept_mimetypes.best == "application/json":
        return jsonify(saved_at=presenters.clock_time(saved_at))
    return redirect(url_for("desk.inbox"))


def _keep_draft(task_id: int) -> tuple[datetime, dict[str, str]]:
    """Keep the posted form as a draft, and the files that came with it; when, and which files were refused."""
    me, (form, case_id) = frame.me(), tasks.form_of(task_id)
    raw = forms.read(form, request.form)
    access.require(db.session(), me, "work", access.task_resource(db.session(), task_id))
    wrong = files.keep(form, case_id, raw, task_id) if tasks.is_open(task_id) else {}
    return tasks.save_draft(me, task_id, _kept(form, raw)), wrong


@desk.post("/tasks/<int:task_id>/remark")
@auth_required()
def remark(task_id: int) -> ResponseReturnValue:
    """Leave a note for colleagues at a task; what was typed in its form is kept as a draft on the way."""
    me, words = frame.me(), request.form.get(remarks.FIELD, "")
    if "version" in request.form and tasks.is_open(task_id):
        _keep_draft(task_id)
    try:
        remarks.add(me, task_id, words, frame.lang())
    except Invalid as error:
        return _task_page(tasks.page(me, task_id, frame.lang()), error.fields, remark=words), 422
    return redirect(url_for("desk.task", task_id=task_id, _anchor="remarks"))


@desk.post("/tasks/<int:task_id>/outlook")
@auth_required()
def outlook(task_id: int) -> ResponseReturnValue:
    """What follows the answers as they stand, in words, for the script that follows the form."""
    form, _case = tasks.form_of(task_id)
    found = tasks.outlook(frame.me(), task_id, forms.read(form, request.form))
    return render_template("desk/outlook.html", outlook=found)


@desk.post("/tasks/<int:task_id>/claim")
@auth_required()
def claim(task_id: int) -> ResponseReturnValue:
    """Take a free task and open it."""
    tasks.claim(frame.me(), task_id)
    return redirect(url_for("desk.task", task_id=task_id))


@desk.post("/tasks/<int:task_id>/release")
@auth_required()
def release(task_id: int) -> ResponseReturnValue:
    """Give a task back to the unit."""
    tasks.release(frame.me(), task_id)
    return redirect(url_for("desk.inbox"))


@desk.get("/cases/<int:case_id>/record")
@auth_required()
def record(case_id: int) -> ResponseReturnValue:
    """记一件事: choose what arrived."""
    arrivals = cases.arrivals(frame.me(), case_id)
    page = cases.page(frame.me(), case_id, frame.lang())
    return render_template(
        "desk/record.html", case=page, arrivals=arrivals, arrival=None, form=None, answers={}, errors={}
    )


@desk.route("/cases/<int:case_id>/record/<message>", methods=["GET", "POST"])
@auth_required()
def record_form(case_id: int, message: str) -> ResponseReturnValue:
    """记一件事: fill the form of what arrived, and send it to whoever waits."""
    me = frame.me()
    arrivals = cases.arrivals(me, case_id)
    arrival = next((one for one in arrivals if one.message == message), None)
    if arrival is None:
        raise NotFound("no_message", access.NOTHING_HERE)
    form = frame.books().form(arrival.form_id)
    if request.method == "GET":
        return _record_page(case_id, arrivals, arrival, form, {}, {})
    raw = forms.read(form, request.form)
    wrong = files.keep(form, case_id, raw)
    pressed = forms.row_pressed(form, request.form)
    if pressed or wrong:
        return _record_page(case_id, arrivals, arrival, form, raw, wrong, pressed), 422 if wrong else 200
    instance = request.form.get("instance", type=int)
    try:
        commands.record_arrival(
            case_id,
            message,
            instance,
            raw,
            Actor(me.id, "desk"),
            frame.lang(),
            occurred_at=forms.occurred(request.form),
        )
    except Invalid as error:
        return _record_page(case_id, arrivals, arrival, form, raw, error.fields), 422
    return redirect(url_for("cases.show", case_id=case_id))


def _record_page(
    case_id: int,
    arrivals: tuple[Arrival, ...],
    arrival: Arrival,
    form: Form,
    answers: dict[str, Any],
    errors: dict[str, str],
    focus: str = "",
) -> str:
    page = cases.page(frame.me(), case_id, frame.lang())
    offered = choices.of_case(db.session(), case_id, form, frame.lang())
    offered |= attachments.named(db.session(), case_id, form, answers, attachments.at_hand(frame.me(), None))
    return render_template(
        "desk/record.html", case=page, arrivals=arrivals, arrival=arrival, form=form, answers=answers, choices=offered,
        errors=errors, focus=focus, occurred=forms.occurred(request.form),
    )  # fmt: skip
