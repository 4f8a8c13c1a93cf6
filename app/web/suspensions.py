"""A run that waits: asked for, ended, by whoever answers for its open work."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.errors import Invalid
from app.services import suspensions as service
from app.web import frame
from app.web.oversight import oversight


@oversight.get("/runs/<int:instance_id>")
@auth_required()
def run(instance_id: int) -> ResponseReturnValue:
    """What a suspension would hold, what goes on, and the form for it."""
    return _page(instance_id, {}, {})


def _page(instance_id: int, typed: dict[str, str], errors: dict[str, str]) -> str:
    asking = service.ask(frame.me(), instance_id, frame.lang())
    return render_template("oversight/suspend.html", asking=asking, typed=typed, errors=errors)


@oversight.post("/runs/<int:instance_id>/suspend")
@auth_required()
def suspend(instance_id: int) -> ResponseReturnValue:
    """Hold our own reminders of a run until a day."""
    typed = {name: request.form.get(name, "").strip() for name in ("until", "reason")}
    try:
        service.suspend(frame.me(), instance_id, **typed, lang=frame.lang())
    except Invalid as error:
        return _page(instance_id, typed, error.fields), 422
    return redirect(url_for("oversight.index"))


@oversight.post("/runs/<int:instance_id>/resume")
@auth_required()
def resume(instance_id: int) -> ResponseReturnValue:
    """Let it go on."""
    service.resume(frame.me(), instance_id)
    return redirect(url_for("oversight.index"))
