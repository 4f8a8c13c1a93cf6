"""People: who they are to the access rules, signing in, and being added."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import transaction
from app.errors import NotFound
from app.models import Post, Unit, User
from app.rules import access
from app.services import _seal, practice
from app.services.presence import standing
from app.text import Text


def person(session: Session, user_id: int) -> access.Person:
    """The user as the access rules see them now: their posts, those they stand in for, and where they are on duty."""
    held = posts(session, user_id)
    at = practice.now(session)
    stands_in = standing.for_person(session, user_id, held, at)
    return access.Person(user_id, held, stands_in, standing.duties(session, user_id, held, stands_in, at))


def posts(session: Session, user_id: int) -> tuple[access.Post, ...]:
    """The posts that a user holds, the first given first."""
    query = (
        select(Post.role, Post.unit_id, Unit.path, Unit.sector)
        .join(Unit, Unit.id == Post.unit_id)
        .where(Post.user_id == user_id)
        .order_by(Post.id)
    )
    return tuple(access.Post(role, path, sector, unit_id) for role, unit_id, path, sector in session.execute(query))


def alias(user_id: int) -> str:
    """What a phone calls a person whose things it keeps: it says nothing of them, and is the same every time."""
    return _seal.blind_index("phone.person", str(user_id)).hex()


def add_user(username: str, name: str, password_hash: str, posts: list[tuple[str, str]]) -> int:
    """Add a person with posts (role, unit code); returns the id. Raises NotFound for an unknown unit."""
    with transaction() as session:
        user = User(
            username=username, email=f"{username}@shouwang.invalid", name=name, password=password_hash, active=True,
            fs_uniquifier=secrets.token_hex(16), failed_sign_ins=0,
        )  # fmt: skip
        session.add(user)
        session.flush()
        for role, code in posts:
            unit_id = session.scalar(select(Unit.id).where(Unit.code == code))
            if unit_id is None:
                raise NotFound("no_unit", Text(f"没有代码为 {code} 的单位。", f"There is no unit with code {code}."))
            session.add(Post(user_id=user.id, role=role, unit_id=unit_id))
        return user.id


def id_of(username: str) -> int:
    """The id of an active account. Raises NotFound."""
    query = select(User.id).where(User.username == username, User.active)
    with transaction() as session:
        found = session.scalar(query)
    if found is None:
        raise NotFound("no_user", Text(f"没有叫 {username} 的账号。", f"There is no account named {username}."))
    return found


def colleagues(session: Session, role: str, unit_id: int) -> list[tuple[int, str]]:
    """People who hold `role` in the unit and are there now, by name: those to whom its work can be given."""
    gone = set(session.scalars(standing.away(practice.now(session))))
    return [one for one in holders(session, role, unit_id) if one[0] not in gone]


def holders(session: Session, role: str, unit_id: int) -> list[tuple[int, str]]:
    """People who hold `role` in the unit, there or away, by name."""
    query = select(User.id, User.name).join(Post, Post.user_id == User.id)
    rows = session.execute(query.where(Post.role == role, Post.unit_id == unit_id, User.active).order_by(User.name))
    return [(row[0], row[1]) for row in rows]
