"""Who calls: a program with a token, a browser with a session, or nobody.

A token (header Authentication-Token) decides alone: where one is sent, the session cookie is not
looked at, and a wrong one is refused. A browser sends its cookie by itself, also when another site
makes it, so a session must prove every write with X-CSRFToken. Nobody may only report and ask;
such a call carries no rights that another site could borrow.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, Request, current_app, g, request
from flask_security import current_user
from flask_security.utils import parse_auth_token, set_request_attr
from itsdangerous import BadData

from app.api.problems import SignInNeeded
from app.db import db
from app.rules.access import Person
from app.services import people
from app.web.signin import Account

TOKEN = "Authentication-Token"  # noqa: S105 - the name of a header
TOKEN_LASTS = timedelta(hours=8)
LARGEST_BODY = 1_000_000
"""Bytes; the longest form is a tenth of it."""


def configure(app: Flask) -> None:
    """Tokens come in a header, never in an address or a body, and last as long as a session."""
    app.config["SECURITY_TOKEN_MAX_AGE"] = TOKEN_LASTS
    app.login_manager.request_loader(_bearer)  # type: ignore[attr-defined]  # set by Flask-Login


def _bearer(called: Request) -> Account | None:
    """The account whose valid token the request carries; the library's own loader would read addresses and bodies."""
    try:
        told = parse_auth_token(called.headers[TOKEN])
    except (KeyError, ValueError, BadData):
        return None
    user: Account | None = current_app.extensions["security"].datastore.find_user(fs_uniquifier=told["uid"])
    if user is None or not user.active:
        return None
    set_request_attr("fs_authn_via", "token")
    return user


def recognise() -> None:
    """Before each call: find out who it is. Raises SignInNeeded for a wrong token, CSRFError for an unproven write."""
    request.max_content_length = LARGEST_BODY
    g.caller = None
    if TOKEN in request.headers:
        user = _bearer(request)
        if user is None:
            raise SignInNeeded
        g.caller = people.person(db.session(), user.id)
    elif current_user.is_authenticated:
        current_app.extensions["csrf"].protect()
        g.caller = people.person(db.session(), current_user.id)


def require() -> None:
    """Before each call that is not for everybody: refuse nobody. Raises SignInNeeded."""
    recognise()
    me()


def me() -> Person:
    """The caller. Raises SignInNeeded where there is none."""
    if g.caller is None:
        raise SignInNeeded
    person: Person = g.caller
    return person


def user_id() -> int | None:
    """The caller's id; None for nobody."""
    return g.caller.id if g.caller is not None else None
