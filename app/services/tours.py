"""Which tours of pages somebody has seen; their account remembers, whatever device they use."""

from __future__ import annotations

from sqlalchemy import select, update

from app.db import table, transaction
from app.models import User

USER = table(User)


def seen(user_id: int, key: str) -> None:
    """Remember that this person has seen, or skipped, the tour `key`."""
    with transaction() as session:
        before: str = session.scalar(select(USER.c.tours).where(USER.c.id == user_id).with_for_update()) or ""
        keys = sorted({key, *before.split(",")} - {""})
        session.execute(update(USER).where(USER.c.id == user_id).values(tours=",".join(keys)))
