"""A person's own second factor: six digits from a phone, set up and taken away by whoever has password and phone."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required, current_user
from markupsafe import Markup

from app.services import authenticator as service
from app.web import signin

authenticator = Blueprint("authenticator", __name__, url_prefix="/account/authenticator")


@authenticator.get("")
@auth_required()
def show() -> ResponseReturnValue:
    """Whether one is set up; else a fresh secret to scan."""
    return _page({}, service.new_secret())


@authenticator.post("")
@auth_required()
def keep() -> ResponseReturnValue:
    """Set it up, or take it away: password and code must both be right."""
    secret, code = request.form.get("secret", ""), request.form.get("code", "")
    there = service.enrolled(current_user.id)
    errors = {}
    if not signin.proves_itself(request.form.get("password", ""), alone=not there):
        errors["password"] = _("密码没有输对。")
    elif there and signin.confirms(code):
        service.forget(current_user.id)
    elif there or not service.enrol(current_user.id, secret, code):
        errors["code"] = _("验证码不对，或者已经用过。等手机上换了数字，再输一次。")
    if errors:
        return _page(errors, secret if service.sound(secret) else service.new_secret()), 422
    return redirect(url_for("authenticator.show"))


def _page(errors: dict[str, str], secret: str) -> str:
    there = service.enrolled(current_user.id)
    qr = Markup("" if there else service.qr(secret, current_user.username))  # noqa: S704 - drawn here, from a secret of ours
    return render_template("record/authenticator.html", enrolled=there, secret=secret, qr=qr, errors=errors)
