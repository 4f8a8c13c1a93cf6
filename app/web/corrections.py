"""Correcting what was sent: the form with the former answers, and a reason; on the desk's blueprint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.errors import Invalid, Stale
from app.rules.forms import Form
from app.services import corrections, tasks
from app.services.inbox import conflicts
from app.web import files, forms, frame
from app.web.desk import desk, files_named, withheld

CHOICE = "choose."


@desk.get("/tasks/<int:task_id>/correct")
@auth_required()
def correct(task_id: int) -> ResponseReturnValue:
    """The form of a closed task with the answers that hold, to be corrected."""
    return _page(corrections.page(frame.me(), task_id, frame.lang()))


@desk.post("/tasks/<int:task_id>/correct", endpoint="send_correction")
@auth_required()
def send(task_id: int) -> ResponseReturnValue:
    """Store the correction; or back with what is wrong. With `choose.<name>`: what two people sent, put together."""
    me, (form, case_id) = frame.me(), tasks.form_of(task_id)
    corrections.require(me, task_id)
    raw, pressed = forms.read(form, request.form), forms.row_pressed(form, request.form)
    if pressed or "former" not in request.form:
        raw = raw if pressed else _chosen(form, task_id, raw)
        return _page(_with(corrections.page(me, task_id, frame.lang()), form, raw), focus=pressed)
    wrong = files.keep(form, case_id, raw, task_id)
    if wrong:
        return _page(_with(corrections.page(me, task_id, frame.lang()), form, raw), errors=wrong), 422
    former, reason = request.form.get("former", 0, type=int), request.form.get(corrections.REASON, "")
    try:
        corrections.correct(
            me, task_id, former, raw, reason, occurred_at=forms.occurred(request.form), lang=frame.lang()
        )
    except Invalid as error:
        return _page(_with(corrections.page(me, task_id, frame.lang()), form, raw), errors=error.fields), 422
    except Stale as error:
        again = _with(corrections.page(me, task_id, frame.lang()), form, raw)
        return _page(again, stale=error.text.say(frame.lang())), 409
    return frame.settled(redirect(url_for("cases.show", case_id=case_id)))


def _chosen(form: Form, task_id: int, raw: dict[str, Any]) -> dict[str, Any]:
    """What was typed in a conflict, but where the other person's answer was chosen."""
    theirs = conflicts.theirs(frame.me(), task_id, form)
    taken = {name for name in form.questions if request.form.get(f"{CHOICE}{name}") == "theirs"}
    return {**theirs, **raw, **{name: theirs[name] for name in taken if name in theirs}}


def _with(correcting: corrections.Correcting, form: Form, raw: dict[str, Any]) -> corrections.Correcting:
    """The page with what was typed."""
    page = correcting.page
    page = replace(page, answers=raw, occurred=forms.occurred(request.form), choices=files_named(page, form, raw))
    return replace(correcting, page=page)


def _page(
    correcting: corrections.Correcting, *, errors: dict[str, str] | None = None, focus: str = "", stale: str = ""
) -> str:
    form, case_id = tasks.form_of(correcting.page.row.id)
    return render_template(
        "desk/correct.html", correcting=correcting, page=correcting.page, form=form, case_id=case_id, errors=errors or {},
        focus=focus, stale=stale, withheld=withheld(correcting.page), reason=request.form.get(corrections.REASON, ""),
    )  # fmt: skip
