"""A person's own page: being away, their hand-over list, how they hear of things, and their sign-in."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.db import db
from app.services.presence import absences
from app.web import frame

account = Blueprint("account", __name__)


@account.get("/account")
@auth_required()
def show() -> ResponseReturnValue:
    """What is theirs to set."""
    session, me = db.session(), frame.me()
    return render_template(
        "people/account.html",
        me_id=me.id,
        absences=absences.of_person(session, me.id, frame.now(), frame.lang()),
        stands_in=absences.for_others(session, me.id, frame.now(), frame.lang()),
    )
