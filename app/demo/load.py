"""Practice data with true histories: real commands, on a clock that runs from eight months ago to now."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import clock
from app.db import db, transaction
from app.demo import people, story
from app.demo.stage import Stage
from app.errors import NotFound, Refused
from app.models import Case, Task, Unit, User
from app.services import releases
from app.services.library import library
from app.text import Text

BEFORE = timedelta(days=250)
"""How long before now the installation is said to have begun."""
NOT_EMPTY = Text(
    "已经有单位了，练习数据只装入空的系统。", "There are units already: practice data go into an empty installation."
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was made."""

    people: int
    cases: int
    open_tasks: int
    overdue: int


def load(children: int, seed: int) -> Loaded:
    """Fill an empty installation with about so many children's stories, the same for the same seed.

    Raises Refused("not_empty").
    """
    if not empty():
        raise Refused("not_empty", NOT_EMPTY)
    now = clock.now()
    with clock.fixed(now - BEFORE) as move:
        _prepare(seed)
        stage = Stage(now, move)
        for told in story.stories(children, seed):
            stage.tell(told)
        stage.run()
    return _counted()


def empty() -> bool:
    """True while nobody has put up any unit."""
    found = db.session.scalar(select(func.count()).select_from(Unit))
    db.session.rollback()
    return not found


def _prepare(seed: int) -> None:
    """A release in force, the region's units and their people."""
    with transaction() as session:
        release_id = _published(session)
    if release_id is None:
        release_id = releases.load()
        releases.publish(release_id)
    with transaction() as session:
        roles = library(session, release_id).roles.values()
        people.settle(session, roles, random.Random(seed))  # noqa: S311 - names, not secrets


def _published(session: Session) -> int | None:
    try:
        return releases.current(session)
    except NotFound:
        return None


def _counted() -> Loaded:
    def count(*where: object) -> int:
        return db.session.scalar(select(func.count()).select_from(Task).where(Task.status == "open", *where)) or 0  # type: ignore[arg-type]

    found = Loaded(
        people=db.session.scalar(select(func.count()).select_from(User)) or 0,
        cases=db.session.scalar(select(func.count()).select_from(Case)) or 0,
        open_tasks=count(),
        overdue=count(Task.due_at <= clock.now()),
    )
    db.session.rollback()
    return found
