"""Accounts and posts, kept by the administrator: who may sign in, and as what.

An administrator sees no child's record, so nobody administers and works on cases at once, nobody changes their
own account, and every change is written down for administrators and auditors. Source: ADR 0024.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app import clock
from app.db import changed, db, table, transaction
from app.errors import Forbidden, Invalid, NotFound
from app.models import AccountChange, Post, Task, Unit, User
from app.rules.access import ADMIN, AUDITOR, NO_JOB, Person
from app.services import access, authenticator, leaving, people, releases, units
from app.services.leaving import SYSTEM
from app.services.library import Library
from app.services.outward.addresses import CONFIRMED, WANTS
from app.text import Text

USER, POST, UNIT, TASK, CHANGE = (table(model) for model in (User, Post, Unit, Task, AccountChange))
USERNAME = re.compile(r"[a-z][a-z0-9._-]{1,63}")
MOST = 100
ADMINS_ONLY = Text("这一页归管理员。", "This page is the administrator’s.")
NOT_YOUR_OWN = Text(
    "自己的账号和岗位请另一位管理员改。", "Your own account and posts are another administrator’s to change."
)
BAD_USERNAME = Text(
    "用小写字母开头，只用小写字母、数字、点、横线，至少2个字符，如 wangfang。",
    "Begin with a small letter; small letters, digits, dots and dashes, two at least, such as wangfang.",
)
TAKEN = Text("已经有人用这个登录名。", "Somebody has this sign-in name already.")
NO_NAME = Text("写上姓名。", "Write the name.")
NO_UNIT = Text("没有这个单位，请从列表里选。", "There is no such unit; choose one from the list.")
NO_ROLE = Text("没有这个岗位，请从列表里选。", "There is no such post; choose one from the list.")
NOT_THERE = Text("这个岗位不设在这种单位。", "This post does not exist in a unit of that kind.")
HELD_ALREADY = Text("已经有这个岗位了。", "They hold this post already.")
APART = Text(
    "管理员不能兼办个案的岗位：管理员不看孩子的内容。请用另一个账号。",
    "Nobody administers and works on cases at once: administrators see nothing of any child. Use another account.",
)
NO_REASON = Text("请选为什么结束，会记下来。", "Choose why it ends; it is recorded.")
CHANGES: Mapping[str, Text] = {
    "added": Text("加了账号", "account added"),
    "post_given": Text("给了岗位", "post given"),
    "post_ended": Text("结束了岗位", "post ended"),
    "left": Text("办了离岗", "left for good"),
    "password": Text("换了临时密码", "new temporary password"),
    "factor": Text("解除了验证器", "authenticator taken away"),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A post that somebody holds."""

    id: int
    said: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an account, in words."""

    at: datetime
    by: str
    name: str
    what: Text
    post: str
    why: Text | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its administrator sees it: nothing about work, nothing about any child."""

    user_id: int
    username: str
    name: str
    active: bool
    locked_until: datetime | None
    factor: bool
    told: tuple[tuple[str, bool], ...]  # how they hear of notices: by mail, sms; and whether the address was confirmed
    own: bool
    posts: tuple[Held, ...]
    changes: tuple[Change, ...]


def require(person: Person) -> None:
    """Raises Forbidden for whoever is no administrator."""
    if not access.policy(db.session()).can(person, "administer", SYSTEM):
        raise Forbidden("admins_only", ADMINS_ONLY)


def roles(books: Library) -> list[tuple[str, Text]]:
    """The posts that people hold, in the order of roles.json."""
    return [(id_, books.role_name(id_)) for id_, role in books.roles.items() if role["level"] not in NO_JOB]


def show(person: Person, user_id: int, lang: str = "zh") -> Account:
    """An account. Raises Forbidden, NotFound."""
    require(person)
    session = db.session()
    user = session.execute(select(USER).where(USER.c.id == user_id)).mappings().first()
    if user is None:
        raise NotFound("no_user", access.NOTHING_HERE)
    books = releases.current_library()
    query = select(POST.c.id, POST.c.role, UNIT.c.name_zh, UNIT.c.name_en).join(UNIT, UNIT.c.id == POST.c.unit_id)
    posts = session.execute(query.where(POST.c.user_id == user_id).order_by(POST.c.id)).all()
    locked = user["locked_until"]
    return Account(
        user_id=user_id, username=user["username"], name=user["name"], active=user["active"],
        locked_until=locked if locked is not None and locked > clock.real_now() else None,
        factor=user["totp"] is not None,
        told=tuple((channel, bool(user[CONFIRMED[channel]])) for channel, wants in WANTS.items() if user[wants]), own=user_id == person.id,
        posts=tuple(Held(row.id, _said(books, row.role, Text(row.name_zh, row.name_en), lang)) for row in posts),
        changes=_changes(session, books, lang, CHANGE.c.user_id == user_id),
    )  # fmt: skip


def changes(person: Person, lang: str = "zh") -> tuple[Change, ...]:
    """The last changes of all accounts, newest first, for administrators and auditors. Raises Forbidden."""
    if not any(post.role in (ADMIN, AUDITOR) for post in person.posts):
        raise Forbidden("admins_only", ADMINS_ONLY)
    return _changes(db.session(), releases.current_library(), lang)


def _changes(session: Session, books: Library, lang: str, *which: Any) -> tuple[Change, ...]:
    by = USER.alias("by")
    query = (
        select(CHANGE, by.c.name.label("by"), USER.c.name.label("whose"), UNIT.c.name_zh, UNIT.c.name_en)
        .outerjoin(by, by.c.id == CHANGE.c.by_id)
        .join(USER, USER.c.id == CHANGE.c.user_id)
        .outerjoin(UNIT, UNIT.c.id == CHANGE.c.unit_id)
        .where(*which)
        .order_by(CHANGE.c.id.desc())
        .limit(MOST)
    )
    return tuple(
        Change(row.at, row.by or "", row.whose, CHANGES[row.what],
               _said(books, row.role, Text(row.name_zh, row.name_en), lang) if row.role else "", leaving.WHY.get(row.why))
        for row in session.execute(query)
    )  # fmt: skip


def _said(books: Library, role: str, unit: Text, lang: str) -> str:
    return f"{unit.say(lang)} {books.role_name(role).say(lang)}"


# --- changing ---------------------------------------------------------------------------------


def add(person: Person, typed: Mapping[str, str], password_hash: str, lang: str = "zh") -> int:
    """Add an account with its first post; returns the id. Raises Forbidden, Invalid with a message for each field."""
    require(person)
    username, name = typed.get("username", "").strip(), typed.get("name", "").strip()
    session = db.session()
    same = session.scalar(select(USER.c.id).where(USER.c.username == username))
    wrong = {
        "username": None if USERNAME.fullmatch(username) and not same else TAKEN if same else BAD_USERNAME,
        "name": None if 0 < len(name) <= 60 else NO_NAME,
        **_misplaced(session, typed, ()),
    }
    _refuse(wrong, lang)
    user_id = people.add_user(username, name, password_hash, [(typed["role"], typed["unit"])])
    with transaction() as writing:
        _write(writing, person, user_id, "added")
        unit_id = writing.scalar(select(UNIT.c.id).where(UNIT.c.code == typed["unit"]))
        _write(writing, person, user_id, "post_given", typed["role"], unit_id)
    return user_id


def give_post(person: Person, user_id: int, typed: Mapping[str, str], lang: str = "zh") -> None:
    """Give somebody one more post. Raises Forbidden, NotFound, Invalid."""
    _other(person, user_id)
    with transaction() as session:
        rows = session.execute(select(POST.c.role, UNIT.c.code).join(UNIT, UNIT.c.id == POST.c.unit_id)
                               .where(POST.c.user_id == user_id)).all()  # fmt: skip
        wrong = _misplaced(session, typed, [row.role for row in rows])
        if (typed.get("role"), typed.get("unit")) in {(row.role, row.code) for row in rows}:
            wrong["role"] = HELD_ALREADY
        _refuse(wrong, lang)
        unit_id = session.scalar(select(UNIT.c.id).where(UNIT.c.code == typed["unit"]))
        session.execute(insert(POST).values(user_id=user_id, role=typed["role"], unit_id=unit_id))
        _write(session, person, user_id, "post_given", typed["role"], unit_id)


def end_post(person: Person, user_id: int, post_id: int, why: str, lang: str = "zh") -> tuple[int, bool]:
    """End one post; what they had in hand by it goes back to the post. Returns how many, and whether nobody holds it now.

    `why`: a key of leaving.WHY. Raises Forbidden, NotFound, Invalid without a reason (field `why-<post_id>`).
    """
    _other(person, user_id)
    if why not in leaving.WHY:
        raise Invalid("no_reason", NO_REASON, {f"why-{post_id}": NO_REASON.say(lang)})
    with transaction() as session:
        post = session.execute(select(POST).where(POST.c.id == post_id, POST.c.user_id == user_id)).mappings().first()
        if post is None:
            raise NotFound("no_post", access.NOTHING_HERE)
        leaving.remember(session, user_id, [post], person.id, why)
        session.execute(delete(POST).where(POST.c.id == post_id))
        by_it = (TASK.c.status == "open", TASK.c.role == post["role"], TASK.c.unit_id == post["unit_id"])
        held = update(TASK).where(*by_it, TASK.c.assignee_id == user_id)
        back = changed(session, held.values(assignee_id=None, owner_id=None))
        session.execute(update(TASK).where(*by_it, TASK.c.owner_id == user_id).values(owner_id=None))
        leaving.change(session, person.id, user_id, "post_ended", post["role"], post["unit_id"], why)
        return back, bool(leaving.without_holder(session, [(post["role"], post["unit_id"])], lang))


def new_password(person: Person, user_id: int, password_hash: str) -> None:
    """Put a temporary password in place of a forgotten one: unlocks the account and ends its sessions."""
    _other(person, user_id)
    values = {
        "password": password_hash,
        "failed_sign_ins": 0,
        "locked_until": None,
        "fs_uniquifier": secrets.token_hex(16),
    }
    with transaction() as session:
        session.execute(update(USER).where(USER.c.id == user_id).values(values))
        _write(session, person, user_id, "password")


def forget_factor(person: Person, user_id: int) -> None:
    """Take away the authenticator of a lost phone; its owner sets one up again. Raises Forbidden, NotFound."""
    _other(person, user_id)
    authenticator.forget(user_id)
    with transaction() as session:
        _write(session, person, user_id, "factor")


def _other(person: Person, user_id: int) -> None:
    """Nothing, where this is an active account of somebody else. Raises Forbidden, NotFound."""
    require(person)
    if user_id == person.id:
        raise Forbidden("own_account", NOT_YOUR_OWN)
    if not db.session.scalar(select(USER.c.id).where(USER.c.id == user_id, USER.c.active)):
        raise NotFound("no_user", access.NOTHING_HERE)


def _misplaced(session: Session, typed: Mapping[str, str], held: Any) -> dict[str, Text | None]:
    """What is wrong with giving this post in this unit to whoever holds `held`, by field."""
    books = releases.current_library()
    role = books.roles.get(typed.get("role", ""))
    unit = session.execute(select(UNIT).where(UNIT.c.code == typed.get("unit", ""))).mappings().first()
    if not role or role["level"] in NO_JOB:
        return {"role": NO_ROLE, "unit": None if unit else NO_UNIT}
    if unit is None:
        return {"role": None, "unit": NO_UNIT}
    if any((ADMIN in (one, role["id"])) and one != role["id"] for one in held):
        return {"role": APART, "unit": None}
    return {"role": None, "unit": None if units.holds(role, dict(unit)) else NOT_THERE}


def _refuse(wrong: Mapping[str, Text | None], lang: str) -> None:
    found = {name: text for name, text in wrong.items() if text is not None}
    if found:
        raise Invalid("account", next(iter(found.values())), {name: text.say(lang) for name, text in found.items()})


def _write(
    session: Session, person: Person, user_id: int, what: str, role: str = "", unit_id: int | None = None
) -> None:
    leaving.change(session, person.id, user_id, what, role, unit_id)
