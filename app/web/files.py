"""Files at forms: added while the form is filled, and taken away by who may read what they came with."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.db import db
from app.errors import Forbidden, Invalid, NotFound
from app.rules.forms import Form
from app.services import access, attachments, corrections, tasks
from app.web import forms, frame

files = Blueprint("files", __name__)
NAME = "file"


@files.post("/tasks/<int:task_id>/files/<field>")
@auth_required()
def add(task_id: int, field: str) -> ResponseReturnValue:
    """Add a file at a question of a task's form; a script gets its id and name, or what is wrong."""
    me, (form, case_id) = frame.me(), tasks.form_of(task_id)
    _require(task_id)
    asked, sent = form.questions.get(field), request.files.get(NAME)
    if asked is None or asked.kind != "filepicker" or sent is None:
        raise NotFound("no_question", access.NOTHING_HERE)
    try:
        kept = attachments.store(me, case_id, asked, sent.filename or "", sent.read(), frame.lang(), task_id=task_id)
    except Invalid as error:
        return jsonify(error=error.text.say(frame.lang())), 422
    return jsonify(id=str(kept.id), label=kept.label, href=url_for("files.show", file_id=kept.id)), 201


def _require(task_id: int) -> None:
    """Nothing, where this person fills the task's form, or corrects it. Raises NotFound, Forbidden."""
    me, session = frame.me(), db.session()
    if tasks.is_open(task_id):
        access.require(session, me, "work", access.task_resource(session, task_id))
    else:
        corrections.require(me, task_id)


def keep(form: Form, case_id: int, raw: dict[str, Any], task_id: int | None = None) -> dict[str, str]:
    """Store what came with a whole form, and put the ids among the raw answers; returns what is wrong, by question."""
    wrong: dict[str, str] = {}
    for name, added in forms.uploads(form, request.files).items():
        for file in added:
            try:
                kept = attachments.store(
                    frame.me(),
                    case_id,
                    form.questions[name],
                    file.filename or "",
                    file.read(),
                    frame.lang(),
                    task_id=task_id,
                )
                raw[name] = [*(raw.get(name) or ()), str(kept.id)]
            except Invalid as error:
                wrong |= error.fields
    return wrong


@files.get("/files/<int:file_id>")
@auth_required()
def show(file_id: int) -> ResponseReturnValue:
    """A file, always to be saved and never shown here; where it lies sealed, its record asks for a reason."""
    try:
        found = attachments.fetch(frame.me(), file_id)
    except Forbidden as error:
        if error.code != "sealed":
            raise
        return redirect(url_for("records.show", submission_id=error.ids["record"], next=request.path))
    answer = Response(found.content, mimetype=found.media)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    return answer
