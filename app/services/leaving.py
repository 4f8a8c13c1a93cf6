"""A person leaves for good: posts and sign-in end, their open tasks go back to the post, and no task is orphaned unseen.

Each post that ends leaves a line: whose, when, why, and who ended it.

What they had typed and not sent stays sealed under their own name; it is handed to nobody. Leaving is no
event of a case (ADR 0004): who does the work next is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, true, update
from sqlalchemy import case as when
from sqlalchemy.orm import Session

from app import clock
from app.db import Row, changed, db, table, transaction
from app.errors import Forbidden, Invalid, NotFound
from app.models import AccountChange, Case, Draft, FormerPost, Post, Task, Unit, User
from app.rules.access import Party, Person, Resource
from app.services import access, people, practice, releases
from app.services.views import Vacancy
from app.text import Text

TASK, CASE, UNIT, USER, POST, DRAFT = (table(model) for model in (Task, Case, Unit, User, Post, Draft))
FORMER, CHANGE = table(FormerPost), table(AccountChange)
SYSTEM = Resource("system")
NOT_YOURS = Text(
    "只有管理员，或者主管这个人全部岗位的人，才能办。自己的离岗请找别人办。",
    "Only an administrator may do this, or whoever answers for every post of this person; nobody may for themself.",
)
HELD = (
    select(POST.c.id)
    .join(USER, USER.c.id == POST.c.user_id)
    .where(POST.c.unit_id == TASK.c.unit_id, POST.c.role == TASK.c.role, USER.c.active)
    .correlate(TASK)
    .exists()
)
IN_HAND = select(USER.c.id).where(USER.c.id == TASK.c.assignee_id, USER.c.active).correlate(TASK).exists()
ORPHAN = and_(TASK.c.status == "open", ~IN_HAND, or_(TASK.c.assignee_id.is_not(None), ~HELD))
"""True for open tasks in the hands of somebody who has gone, or of a post that nobody holds."""


SHOWN = 50
WHY: Mapping[str, Text] = {
    "moved": Text("调到别的岗位", "Moved to another post"),
    "retired": Text("退休", "Retired"),
    "resigned": Text("辞职", "Resigned"),
    "term": Text("任期满", "Term ended"),
    "other": Text("其他", "Other"),
}
NO_REASON = Text("请选离岗的原因，会记下来。", "Choose why they leave; it is recorded.")


@dataclass(frozen=True, slots=True)
class Former:
    """A post that ended; `by` is empty where it was ended at the machine itself."""

    name: str
    role: Text
    unit: str
    ended_at: datetime
    by: str
    why: Text


@dataclass(frozen=True, slots=True)
class Left:
    """What followed: tasks that went back to their post, posts that nobody holds now, drafts that stay sealed."""

    name: str
    tasks: int
    vacant: tuple[Vacancy, ...]
    drafts: int


def may(session: Session, person: Person, user_id: int) -> bool:
    """Whether `person` may end the posts of this user: an administrator, or who answers for each of them."""
    rules = access.policy(session)
    if person.id == user_id:
        return False
    if rules.can(person, "administer", SYSTEM):
        return True
    reaches = rules.scope(person).supervised
    posts = [Party(post.role, post.unit_path, post.unit_id) for post in people.posts(session, user_id)]
    return bool(posts) and all(any(reach.covers(post) for reach in reaches) for post in posts)


def require(session: Session, person: Person, user_id: int) -> None:
    """Raises Forbidden where `may` says no."""
    if not may(session, person, user_id):
        raise Forbidden("not_your_person", NOT_YOURS)


def leave(user_id: int, lang: str = "zh", *, by: int | None = None, why: str = "other") -> Left:
    """End a person's posts and sign-in, and give their open tasks back, all at once. Raises NotFound once they have gone.

    `by`: who ends them; nobody, where it is done at the machine itself. `why`: a key of WHY.
    """
    with transaction() as session:
        here = update(USER).where(USER.c.id == user_id, USER.c.active)
        if changed(session, here.values(active=False, fs_uniquifier=secrets.token_hex(16))) != 1:
            raise NotFound("no_user", access.NOTHING_HERE)
        held = session.execute(select(POST.c.role, POST.c.unit_id).where(POST.c.user_id == user_id)).mappings().all()
        remember(session, user_id, held, by, why)
        change(session, by, user_id, "left", why=why)
        session.execute(delete(POST).where(POST.c.user_id == user_id))
        mine = update(TASK).where(TASK.c.status == "open", TASK.c.assignee_id == user_id)
        back = changed(session, mine.values(assignee_id=None, owner_id=None))
        session.execute(update(TASK).where(TASK.c.status == "open", TASK.c.owner_id == user_id).values(owner_id=None))
        return Left(
            name=session.scalar(select(USER.c.name).where(USER.c.id == user_id)) or "",
            tasks=back,
            vacant=without_holder(session, [(row["role"], row["unit_id"]) for row in held], lang),
            drafts=session.scalar(select(func.count()).where(DRAFT.c.user_id == user_id)) or 0,
        )


def without_holder(session: Session, posts: Sequence[tuple[str, int]], lang: str) -> tuple[Vacancy, ...]:
    """Of these posts (role, unit) those that nobody holds now."""
    books, found = releases.current_library(), []
    for role, unit_id in posts:
        if people.holders(session, role, unit_id):
            continue
        unit = session.execute(select(UNIT.c.name_zh, UNIT.c.name_en).where(UNIT.c.id == unit_id)).one()
        found.append(Vacancy(books.role_name(role), Text(*unit).say(lang)))
    return tuple(found)


def vacant(session: Session, person: Person, lang: str = "zh") -> tuple[Vacancy, ...]:
    """Posts with open tasks that nobody can do: those this person answers for; to an administrator, all of them.

    A seal hides no empty post; the figure counts only tasks that this person may open.
    """
    rules = access.policy(session)
    seen = func.sum(when((access.supervised_tasks(session, person), 1), else_=0))
    reach: Any = access.within_reach(rules.scope(person).supervised)
    if rules.can(person, "administer", SYSTEM):
        reach = true()
    query = (
        select(TASK.c.role, UNIT.c.name_zh, UNIT.c.name_en, seen.label("open"))
        .join(UNIT, UNIT.c.id == TASK.c.unit_id)
        .join(CASE, CASE.c.id == TASK.c.case_id)
        .where(ORPHAN, reach)
        .group_by(TASK.c.role, UNIT.c.id, UNIT.c.name_zh, UNIT.c.name_en, UNIT.c.path)
        .order_by(UNIT.c.path, TASK.c.role)
    )
    books = releases.current_library()
    return tuple(
        Vacancy(books.role_name(row.role), Text(row.name_zh, row.name_en).say(lang), int(row.open))
        for row in session.execute(query)
    )


def end(person: Person, user_id: int, why: str, lang: str = "zh") -> Left:
    """`leave`, for whoever may say so. Raises Forbidden, NotFound, Invalid without a reason."""
    require(db.session(), person, user_id)
    if why not in WHY:
        raise Invalid("no_reason", NO_REASON, {"why": NO_REASON.say(lang)})
    return leave(user_id, lang, by=person.id, why=why)


def remember(session: Session, user_id: int, held: Sequence[Row], by: int | None, why: str) -> None:
    """Put down that these posts of a person ended, by whom, and why."""
    now = practice.now(session)
    for post in held:
        session.execute(insert(FORMER).values(
            user_id=user_id, role=post["role"], unit_id=post["unit_id"], ended_at=now, ended_by=by, why=why
        ))  # fmt: skip


def change(
    session: Session, by: int | None, user_id: int, what: str, role: str = "", unit_id: int | None = None, why: str = ""
) -> None:
    """Put down that an account was changed: who did it (nobody, at the machine itself), whose, and what."""
    session.execute(insert(CHANGE).values(
        at=clock.real_now(), by_id=by, user_id=user_id, what=what, role=role, unit_id=unit_id, why=why
    ))  # fmt: skip


def former(session: Session, person: Person, lang: str = "zh") -> tuple[Former, ...]:
    """Posts that ended, newest first: those this person answers for; to an administrator, all of them."""
    rules = access.policy(session)
    reach: Any = access.within_reach(rules.scope(person).supervised, FORMER)
    if rules.can(person, "administer", SYSTEM):
        reach = true()
    ender = USER.alias("ender")
    query = (
        select(FORMER, USER.c.name, ender.c.name.label("by"), UNIT.c.name_zh, UNIT.c.name_en)
        .join(UNIT, UNIT.c.id == FORMER.c.unit_id)
        .join(USER, USER.c.id == FORMER.c.user_id)
        .outerjoin(ender, ender.c.id == FORMER.c.ended_by)
        .where(reach)
        .order_by(FORMER.c.ended_at.desc(), FORMER.c.id.desc())
        .limit(SHOWN)
    )
    books = releases.current_library()
    return tuple(
        Former(row.name, books.role_name(row.role), Text(row.name_zh, row.name_en).say(lang), row.ended_at,
               row.by or "", WHY[row.why])
        for row in session.execute(query)
    )  # fmt: skip
