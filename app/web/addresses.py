"""A person's own page: where, by what and in which language they want to hear of notices."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required, current_user

from app.db import db
from app.errors import Invalid
from app.services.outward import addresses as service
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
    before, shown = service.wishes(db.session(), current_user.id), service.channels()
    to = {**before.to, **{channel: request.form.get(channel, "") for channel in shown}}
    by = {*(channel for channel in before.by if channel not in shown), *request.form.getlist("by")}
    wanted = service.Wishes(to, tuple(by), request.form.get("lang", ""))
    try:
        service.keep(current_user.id, wanted, frame.lang())
    except Invalid as wrong:
        return _page(wanted, dict(wrong.fields)), 422
    flash(_("已经保存。"))
    return redirect(url_for("addresses.show"))


def _page(wanted: service.Wishes, errors: dict[str, str]) -> str:
    return render_template("record/addresses.html", wanted=wanted, channels=service.channels(), errors=errors)
