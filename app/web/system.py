"""The administrator's pages: is the system well, accounts and posts, units. Nothing of any child is here."""

from __future__ import annotations

import secrets

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_security import auth_required
from flask_security.utils import hash_password

from app.db import db
from app.errors import Invalid
from app.services import accounts as service
from app.services import checks, leaving
from app.services import units as unit_service
from app.web import frame

system = Blueprint("system", __name__, url_prefix="/system")
accounts = Blueprint("accounts", __name__, url_prefix="/accounts")
units = Blueprint("units", __name__, url_prefix="/units")
OF_A_PASSWORD = 9
"""Bytes of chance in a temporary password; it is shown once, to be told in person."""


@system.get("/")
@auth_required()
def index() -> ResponseReturnValue:
    """Whether all is well, what is not, and when the background last ran."""
    service.require(frame.me())
    return render_template("system/index.html", found=checks.page(frame.me()), jobs=checks.jobs(db.session()))


@system.get("/changes")
@auth_required()
def changes() -> ResponseReturnValue:
    """Who changed which account, for administrators and auditors."""
    return render_template("system/changes.html", changes=service.changes(frame.me(), frame.lang()))


# --- accounts ---------------------------------------------------------------------------------


@accounts.get("/new")
@auth_required()
def new() -> ResponseReturnValue:
    """The form for a new account."""
    service.require(frame.me())
    return _new({}, {})


@accounts.post("/new")
@auth_required()
def add() -> ResponseReturnValue:
    """Add an account; its temporary password is shown once."""
    password = secrets.token_urlsafe(OF_A_PASSWORD)
    typed = request.form.to_dict()
    try:
        user_id = service.add(frame.me(), typed, hash_password(password), frame.lang())
    except Invalid as wrong:
        return _new(typed, dict(wrong.fields)), 422
    return _password(user_id, password)


@accounts.get("/<int:user_id>")
@auth_required()
def show(user_id: int) -> ResponseReturnValue:
    """One account and its posts."""
    return _show(user_id, {}, {})


@accounts.post("/<int:user_id>/posts")
@auth_required()
def give_post(user_id: int) -> ResponseReturnValue:
    """Give one more post."""
    typed = request.form.to_dict()
    try:
        service.give_post(frame.me(), user_id, typed, frame.lang())
    except Invalid as wrong:
        return _show(user_id, typed, dict(wrong.fields)), 422
    flash(_("已经加上这个岗位。"), "done")
    return redirect(url_for("accounts.show", user_id=user_id))


@accounts.post("/<int:user_id>/posts/<int:post_id>/end")
@auth_required()
def end_post(user_id: int, post_id: int) -> ResponseReturnValue:
    """End one post."""
    why = request.form.get(f"why-{post_id}", "")
    try:
        back, empty = service.end_post(frame.me(), user_id, post_id, why, frame.lang())
    except Invalid as wrong:
        return _show(user_id, {}, dict(wrong.fields)), 422
    flash(_("岗位结束了。") + ngettext("%(num)s件手上的事放回了岗位。", "%(num)s件手上的事放回了岗位。", back), "done")
    if empty:
        flash(_("这个岗位现在没有人，它的事没人能领。请给别人这个岗位。"), "fix")
    return redirect(url_for("accounts.show", user_id=user_id))


@accounts.post("/<int:user_id>/password")
@auth_required()
def password(user_id: int) -> ResponseReturnValue:
    """A temporary password in place of a forgotten one; shown once."""
    fresh = secrets.token_urlsafe(OF_A_PASSWORD)
    service.new_password(frame.me(), user_id, hash_password(fresh))
    return _password(user_id, fresh)


@accounts.post("/<int:user_id>/factor")
@auth_required()
def forget_factor(user_id: int) -> ResponseReturnValue:
    """Take away the authenticator of a lost phone."""
    service.forget_factor(frame.me(), user_id)
    flash(_("验证器解除了，请本人重新设置。"), "done")
    return redirect(url_for("accounts.show", user_id=user_id))


def _new(typed: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("system/new.html", typed=typed, errors=errors, **_offered())


def _show(user_id: int, typed: dict[str, str], errors: dict[str, str]) -> str:
    page = service.show(frame.me(), user_id, frame.lang())
    return render_template("system/account.html", page=page, typed=typed, errors=errors, **_offered())


def _password(user_id: int, fresh: str) -> str:
    page = service.show(frame.me(), user_id, frame.lang())
    return render_template("system/password.html", page=page, password=fresh)


def _offered() -> dict[str, object]:
    """The posts there are, and the units in which they may be held."""
    every = unit_service.index(db.session(), most=5000)
    reasons = [(code, text.say(frame.lang())) for code, text in leaving.WHY.items()]
    return {"roles": service.roles(frame.books()), "units": every, "reasons": reasons}


# --- units ------------------------------------------------------------------------------------


@units.get("/", endpoint="index")
@auth_required()
def unit_index() -> ResponseReturnValue:
    """The units of the region, and a form for a new one."""
    service.require(frame.me())
    return _units({}, {})


@units.post("/")
@auth_required()
def add_unit() -> ResponseReturnValue:
    """Add a unit."""
    service.require(frame.me())
    typed = request.form.to_dict()
    try:
        unit_service.add(typed, _sectors(), frame.lang())
    except Invalid as wrong:
        return _units(typed, dict(wrong.fields)), 422
    flash(_("加上了%(name)s。", name=typed["name_zh"]), "done")
    return redirect(url_for("units.index", q=typed["code"]))


def _sectors() -> list[str]:
    """The kinds of body that some role names, and those that govern a region."""
    named = {sector for role in frame.books().roles.values() for sector in role["sectors"]} - {"all", "none"}
    return sorted(named | set(unit_service.GOVERNS))


def _units(typed: dict[str, str], errors: dict[str, str]) -> str:
    search = request.args.get("q", "").strip().replace("\0", "")
    listed = unit_service.index(db.session(), search)
    names = unit_service.SECTORS
    above = [one for one in unit_service.index(db.session(), most=5000) if one.level != "village"]
    return render_template(
        "system/units.html", units=listed, search=search, above=above, typed=typed, errors=errors, names=names,
        sectors=[(sector, names[sector].say(frame.lang()) if sector in names else sector) for sector in _sectors()],
    )  # fmt: skip
