"""A person's own page: where, by what and in which language they want to hear of notices."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required, current_user

from app.db import db
from app.errors import Invalid, TooMany
from app.services.outward import addresses as service
from app.services.outward import confirming
from app.web import frame

addresses = Blueprint("addresses", __name__, url_prefix="/account/notices")


@addresses.get("")
@auth_required()
def show() -> ResponseReturnValue:
    """What they chose."""
    return _page(service.wishes(db.session(), current_user.id), {})


@addresses.post("")
@auth_required()
def keep() -> ResponseReturnValue:
    """Keep what they chose."""
    before, shown = service.wishes(db.session(), current_user.id), service.offered()
    to = {**before.to, **{channel: request.form.get(channel, "") for channel in shown}}
    by = {*(channel for channel in before.by if channel not in shown), *request.form.getlist("by")}
    wanted = service.Wishes(to, tuple(by), request.form.get("lang", ""))
    try:
        asked = service.keep(current_user.id, wanted, frame.lang())
    except Invalid as wrong:
        return _page(replace(wanted, confirmed=before.confirmed), dict(wrong.fields)), 422
    flash(_("已经保存。"))
    for channel in asked:
        try:
            _send(channel)
        except TooMany as rests:  # what they chose is kept all the same
            flash(rests.text.say(frame.lang()), "fix")
    return redirect(url_for("addresses.show"))


@addresses.post("/again")
@auth_required()
def again() -> ResponseReturnValue:
    """Another code."""
    _send(request.form.get("channel", ""))
    return redirect(url_for("addresses.show"))


@addresses.post("/confirm")
@auth_required()
def confirm() -> ResponseReturnValue:
    """The code that came: the address is theirs."""
    channel = request.form.get("channel", "")
    try:
        confirming.confirm(current_user.id, channel, request.form.get(f"code-{channel}", ""), frame.lang())
    except Invalid as wrong:
        wanted = service.wishes(db.session(), current_user.id)
        return _page(wanted, {f"code-{channel}": text for text in wrong.fields.values()}), 422
    flash(_("确认好了，以后的通知会发到这里。"), "done")
    return redirect(url_for("addresses.show"))


def _send(channel: str) -> None:
    """Have a code sent; in practice mode, where nothing goes out, say it here."""
    confirming.ask(current_user.id, channel)
    by = _("邮件") if channel == "mail" else _("短信")
    code = confirming.shown(current_user.id, channel)
    if code:
        flash(_("练习模式不往外发。%(by)s验证码是%(code)s。", by=by, code=code))
    else:
        flash(_("%(by)s验证码已经发出，一两分钟内会到。", by=by))


def _page(wanted: service.Wishes, errors: dict[str, str]) -> str:
    return render_template(
        "record/addresses.html",
        wanted=wanted,
        channels=service.offered(),
        waits=confirming.waits(current_user.id),
        errors=errors,
    )
