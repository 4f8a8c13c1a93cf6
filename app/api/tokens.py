"""Signing in: a token for a program; who calls, and what a browser must send to write."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_wtf.csrf import generate_csrf
from werkzeug.datastructures import ImmutableMultiDict

from app import clock
from app.api import caller
from app.api.blueprints import Blueprint
from app.api.problems import SignInNeeded
from app.api.schemas import sessions as schemas
from app.text import Text
from app.web.signin import SignInForm

tokens = Blueprint("tokens", "Tokens for programs. Wrong passwords count as they do on the sign-in page.", public=True)
session = Blueprint("session", "Who calls.")
WRONG = Text(
    "用户名或密码不对，或者账号暂时锁定。", "The name or the password is wrong, or the account is locked for a while."
)


@tokens.operation("POST", "createToken", body=schemas.Credentials, gives=schemas.Token, status=201, refuses=(401,))
def create(given: dict[str, str]) -> dict[str, Any]:
    """Sign in for eight hours, without a session."""
    form: Any = SignInForm(ImmutableMultiDict(given), meta={"csrf": False})
    if not form.validate():
        raise SignInNeeded(WRONG, "wrong_credentials")
    expires_at = clock.real_now() + caller.TOKEN_LASTS
    return {"token": form.user.get_auth_token(), "expires_at": expires_at}


@session.operation("GET", "getSession", gives=schemas.Session)
def show() -> dict[str, Any]:
    """The caller's id and posts; for a browser's session the X-CSRFToken that every write needs."""
    me = caller.me()
    return {"id": me.id, "posts": me.posts, "csrf_token": "" if caller.TOKEN in request.headers else generate_csrf()}
