"""The practice clock's buttons; there is no such route outside practice mode."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.services import deadlines
from app.services import practice as service
from app.web import frame

practice = Blueprint("practice", __name__, url_prefix="/practice")


@practice.post("/travel")
@auth_required()
def travel() -> ResponseReturnValue:
    """Move the shared practice time ahead; every deadline on the way fires on its day."""
    deadlines.travel(service.ahead(request.form.get("by", "P1D")))
    return redirect(frame.onward(request.form.get("next", "/")))
