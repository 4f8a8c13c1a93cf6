"""Signing in: Flask-Security with argon2, server time, and a lock after too many wrong passwords."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from flask import Flask, current_app
from flask_security import Security, SQLAlchemyUserDatastore, UserMixin, current_user, user_authenticated
from flask_security.forms import LoginForm
from flask_security.utils import verify_password
from sqlalchemy import case, func, select, update

from app import clock
from app.db import db, transaction
from app.models import User
from app.rules.access import Person
from app.services import authenticator, people

MOST_WRONG = 8
LOCKED_FOR = timedelta(minutes=15)


class Account(User, UserMixin):  # type: ignore[misc]  # both name the same columns
    """A user as Flask-Security wants one; our roles are posts, so it sees none."""

    @property
    def roles(self) -> list[Any]:  # type: ignore[override]
        """None: what a person may do follows from their posts."""
        return []


class Accounts(SQLAlchemyUserDatastore):
    """Finds accounts; the library's own finder would also load roles, which we have none of."""

    def find_user(self, case_insensitive: bool = False, **wanted: Any) -> Account | None:
        """The account whose columns are as `wanted`, the name in any case if so asked."""
        (name, value), *_none = wanted.items()
        if "\0" in str(value):  # PostgreSQL holds no such text, and would not even look
            return None
        column = getattr(Account, name)
        same = func.lower(column) == str(value).lower() if case_insensitive else column == value
        found: Account | None = db.session.scalar(select(Account).where(same))
        return found


class SignInForm(LoginForm):
    """The sign-in form; too many wrong passwords close the account for a while."""

    def validate(self, **kwargs: Any) -> bool:
        """True for the right password of an account that is not locked."""
        name = (self.username.data or "") if hasattr(self, "username") else ""
        row = current_app.extensions["security"].datastore.find_user(case_insensitive=True, username=name)
        if row is not None and row.locked_until is not None and row.locked_until > clock.real_now():
            self.password.errors = [
                "密码错了太多次，15 分钟后再试。 / Too many wrong passwords; try again in 15 minutes."
            ]
            return False
        right = bool(super().validate(**kwargs))
        if row is not None:
            _count(row.id, row.failed_sign_ins, right=right)
        return right


def _count(user_id: int, wrong: int, *, right: bool) -> None:
    """Count a wrong password, or forget them after the right one; tries at the same time all count."""
    if right and not wrong:
        return
    values: dict[str, Any] = {"failed_sign_ins": 0, "locked_until": None}
    if not right:
        tries, until = User.failed_sign_ins + 1, clock.real_now() + LOCKED_FOR
        values = {
            "failed_sign_ins": case((tries >= MOST_WRONG, 0), else_=tries),
            "locked_until": case((tries >= MOST_WRONG, until), else_=User.locked_until),
        }
    with transaction() as session:
        session.execute(update(User).where(User.id == user_id).values(values))


def proves_itself(password: str, *, alone: bool = True) -> bool:
    """Whether this is the signed-in person's password, typed again; wrong ones count as they do at sign-in.

    Not `alone`: a code is asked for next, and only that makes wrong tries forgotten.
    """
    if current_user.locked_until is not None and current_user.locked_until > clock.real_now():
        return False
    right = bool(verify_password(password, current_user.password))
    if alone or not right:
        _count(current_user.id, current_user.failed_sign_ins, right=right)
    return right


def confirms(code: str) -> bool:
    """Whether this is the code on the signed-in person's authenticator; wrong ones count like wrong passwords."""
    if current_user.locked_until is not None and current_user.locked_until > clock.real_now():
        return False
    right = authenticator.proves(current_user.id, code)
    _count(current_user.id, current_user.failed_sign_ins, right=right)
    return right


def register(app: Flask) -> None:
    """Give the application its sign-in pages."""
    app.config.update(
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - the name of the method
        SECURITY_PASSWORD_SINGLE_HASH=True,  # argon2 salts by itself, so SECRET_KEY may change
        SECURITY_USER_IDENTITY_ATTRIBUTES=[{"username": {"mapper": lambda value: value, "case_insensitive": True}}],
        SECURITY_USERNAME_ENABLE=True,
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_URL_PREFIX="/account",
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/account/login",
        SECURITY_CHANGEABLE=True,
        SECURITY_SEND_PASSWORD_CHANGE_EMAIL=False,
        SECURITY_SEND_REGISTER_EMAIL=False,
        SECURITY_TRACKABLE=False,
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_DEFAULT_REMEMBER_ME=False,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=not app.config["SETTINGS"].demo,
        SESSION_COOKIE_HTTPONLY=True,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=8),
        REMEMBER_COOKIE_DURATION=timedelta(hours=8),
    )
    Security(app, Accounts(db, Account, cast(Any, None)), login_form=SignInForm)
    user_authenticated.connect(_end_read, app)


def _end_read(_app: Flask, **_given: Any) -> None:
    """Signing in reads only: let go of the snapshot."""
    db.session.rollback()


def person() -> Person:
    """The signed-in person as the access rules see them; nobody has no posts."""
    if not current_user.is_authenticated:
        return Person(0, ())
    return people.person(db.session(), current_user.id)


def demo_settings(app: Flask) -> bool:
    """True when this application is in practice mode."""
    return bool(app.config["SETTINGS"].demo)


def demo() -> bool:
    """True in practice mode."""
    return bool(current_app.config["SETTINGS"].demo)
