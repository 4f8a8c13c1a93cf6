"""What a phone needs to work without network: its worker, the pages it keeps, and where it sends what was kept.

Nothing here is new to the server: sending goes through the same commands as the pages, with the key
that makes it happen once. What lies on the phone, and what protects it: ADR 0018.
"""

from __future__ import annotations

import json
from dataclasses import replace

from flask import Blueprint, current_app, g, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required, current_user
from flask_wtf.csrf import generate_csrf

from app.db import db
from app.errors import Forbidden, Invalid, NotFound, Refused, Stale
from app.services import access, choices, commands, reports, tasks
from app.services._work import Actor
from app.services.inbox import queries
from app.services.views import TaskPage
from app.web import build, forms, frame, report

kept = Blueprint("kept", __name__)
PROCESS, VISIT = "home-visit", "F32"
"""The only form whose page a phone keeps: home visits are what is done where there is no network."""
MOST_AHEAD = 12
"""So many visits are kept before anybody opened them; with 30 children in a village, those that fall due first."""
PAGES = ("unsent", "report_form")


@kept.url_value_preprocessor
def _language(_endpoint: str | None, values: dict[str, str] | None) -> None:
    if values and "lang" in values:
        g.lang = values.pop("lang")


@kept.get("/sw.js")
def worker() -> ResponseReturnValue:
    """The service worker, told which files make the shell; another version replaces it."""
    pages = [url_for(f"kept.{page}", lang=lang) for page in PAGES for lang in frame.LANGUAGES]
    shell = {"version": build.version(), "files": build.shell("main", "kept"), "pages": pages}
    script = f"self.SHELL = {json.dumps(shell)};\n{build.worker()}"
    return script, {"Content-Type": "text/javascript; charset=utf-8"}


@kept.get("/kept/<any(zh,en):lang>/unsent")
def unsent() -> ResponseReturnValue:
    """The page for when there is no network: what is not sent yet, and what can be opened. Holds nobody's data."""
    return render_template("kept/unsent.html")


@kept.get("/kept/<any(zh,en):lang>/report")
def report_form() -> ResponseReturnValue:
    """The public report on one page, to be filled without network; it asks for a token when it is sent."""
    form = frame.books().form(reports.PUBLIC_FORM)
    villages = choices.of(db.session(), {}, form, frame.lang()).get("villages", ())
    return render_template("kept/report.html", villages=villages)


@kept.get("/kept/session")
def session() -> ResponseReturnValue:
    """Who is signed in, and a fresh token to send with."""
    who = frame.safe_context().get("who", "")
    return jsonify(who=who, csrf=generate_csrf(), now=frame.now().isoformat())


@kept.get("/kept/visits")
@auth_required()
def visits() -> ResponseReturnValue:
    """The visits that are this person's to do, those first that fall due first."""
    mine = queries.to_do(db.session(), frame.me(), PROCESS, MOST_AHEAD, frame.now())
    return jsonify([url_for("kept.visit", task_id=task_id) for task_id in mine])


@kept.get("/kept/visits/<int:task_id>")
@auth_required()
def visit(task_id: int) -> ResponseReturnValue:
    """A visit's page as a phone keeps it: the empty form, no draft, no token, nothing sealed, nothing else of the case."""
    page = tasks.page(frame.me(), task_id, frame.lang())
    form, _case = tasks.form_of(task_id)
    if not _keepable(page):
        raise NotFound("not_kept", access.NOTHING_HERE)
    g.kept = True
    return render_template("kept/visit.html", page=replace(page, answers={}, occurred={}), form=form)


def _keepable(page: TaskPage) -> bool:
    """Whether this is a visit of theirs to do, in a case that is not sealed."""
    resource = access.task_resource(db.session(), page.row.id)
    return page.form_id == VISIT and "complete" in page.may and not resource.seal and page.seal is None


@kept.post("/kept/tasks/<int:task_id>")
@auth_required()
def send_task(task_id: int) -> ResponseReturnValue:
    """Send a task's form that was filled without network; says in JSON what came of it."""
    form, _case = tasks.form_of(task_id)
    me = frame.me()
    actor = access.doer(db.session(), me, task_id, "desk")
    try:
        commands.complete(
            task_id, request.form.get("version", -1, type=int), forms.read(form, request.form), actor,
            lang=frame.lang(), occurred_at=forms.occurred(request.form), key=forms.key(request.form),
            written_at=forms.written(request.form, frame.now()),
        )  # fmt: skip
    except (NotFound, Forbidden):
        raise
    except Refused as error:
        return _told(error)
    return jsonify(sent=True)


@kept.post("/kept/report")
def send_report() -> ResponseReturnValue:
    """File a report that was written without network; the phone keeps the number and the code until they are noted.

    Nobody in particular may report. Where a session comes along, the report is that person's, and needs their token.
    """
    user_id = None
    if current_user.is_authenticated:
        current_app.extensions["csrf"].protect()
        user_id = current_user.id
    form = frame.books().form(reports.PUBLIC_FORM)
    try:
        receipt = reports.file_report(
            report.raw_answers(form, request.form), Actor(user_id, "reporter"), lang=frame.lang(),
            key=forms.key(request.form), written_at=report.written(request.form),
        )  # fmt: skip
    except Refused as error:
        return _told(error)
    return jsonify(sent=True, number=receipt.number, code=receipt.code)


def _told(error: Refused) -> ResponseReturnValue:
    """What is wrong, for the phone to show beside what it keeps."""
    count = len(error.fields) if isinstance(error, Invalid) else 0
    status = 409 if isinstance(error, Stale) else 422
    return jsonify(sent=False, text=error.text.say(frame.lang()), count=count), status
