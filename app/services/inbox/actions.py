"""Work handed from person to person: given to a colleague, given back, several at once; and watched.

A task that its holder hands on stays the holder's to answer for (`owner_id`) until the colleague gives it back
or does it. Whoever answers for the unit's work may give any of it to anyone who holds the post. Neither is an
event of the case: who did the work is (ADR 0004).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from app.db import changed, db, table, transaction
from app.errors import Forbidden, Refused, Stale
from app.models import Task, TaskMark
from app.rules.access import Person
from app.services import access, people, tasks
from app.services._work import CHANGED
from app.text import Text

TASK, MARK = table(Task), table(TaskMark)
ACTIONS = frozenset(("claim", "release", "give", "watch", "unwatch"))
MOST_AT_ONCE = 200
NOT_A_COLLEAGUE = Text(
    "这位同事不在这个单位的这个岗位，不能把这件事交给他。请另选一位。",
    "This person does not hold that post in that unit. Choose somebody else.",
)
AWAY = Text(
    "这位同事这几天不在岗，不能把孩子的事交给他等着。请另选一位。",
    "This colleague is away; a child's task must not wait for them. Choose somebody else.",
)
NOT_YOURS_TO_GIVE = Text(
    "这件事在别人手上，你不能转交。请找经办人，或者主管。",
    "Somebody else has this task. Ask whoever has it, or a supervisor.",
)
NOT_HANDED = Text("这件事不是别人转交给你的。", "This task was not handed to you by anyone.")
TOO_MANY = Text("一次最多处理 200 件，请少选一些。", "At most 200 at once; please select fewer.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of several tasks at once: those that went through, and by id why others did not."""

    done: tuple[int, ...]
    refused: Mapping[int, Text]


def give(person: Person, task_id: int, to_id: int) -> None:
    """Hand an open task to a colleague who holds its post. Raises NotFound, Forbidden, Refused, Stale.

    Who has the task stays its owner; who answers for the unit's work gives it for good.
    """
    session = db.session()
    resource = access.task_resource(session, task_id)
    access.require(session, person, "see", resource)
    mine = resource.assignee_id == person.id
    if not mine and not access.policy(session).can(person, "supervise", resource):
        raise Forbidden("not_yours", NOT_YOURS_TO_GIVE, task=task_id)
    assert resource.unit_id is not None, "a task has a unit"
    if to_id not in {user_id for user_id, _ in people.holders(session, resource.role, resource.unit_id)}:
        raise Refused("no_colleague", NOT_A_COLLEAGUE, task=task_id)
    if to_id not in {user_id for user_id, _ in people.colleagues(session, resource.role, resource.unit_id)}:
        raise Refused("away", AWAY, task=task_id)
    first = func.coalesce(TASK.c.owner_id, person.id) if mine else None  # who handed it on first stays its owner
    values = {"assignee_id": to_id, "owner_id": first}
    _change(task_id, TASK.c.assignee_id.is_not_distinct_from(resource.assignee_id), values)


def give_back(person: Person, task_id: int) -> None:
    """Return a task to the colleague who handed it on. Raises NotFound, Forbidden, Refused, Stale."""
    session = db.session()
    access.require(session, person, "see", access.task_resource(session, task_id))
    owner = session.scalar(select(TASK.c.owner_id).where(TASK.c.id == task_id, TASK.c.assignee_id == person.id))
    if owner is None:
        raise Refused("not_handed", NOT_HANDED, task=task_id)
    _change(task_id, TASK.c.owner_id == owner, {"assignee_id": owner, "owner_id": None})


def _change(task_id: int, as_seen: Any, values: Mapping[str, Any]) -> None:
    with transaction() as session:
        handed = update(TASK).where(TASK.c.id == task_id, TASK.c.status == "open", as_seen).values(values)
        if changed(session, handed) != 1:
            raise Stale("task_changed", CHANGED, task=task_id)


def many(person: Person, action: str, task_ids: Sequence[int], to_id: int | None = None) -> Outcome:
    """Do one thing with several tasks, each on its own: what one refuses does not hold back the others.

    `action` is claim, release, give (to `to_id`), watch or unwatch. Raises Refused for more than 200.
    """
    if len(task_ids) > MOST_AT_ONCE:
        raise Refused("too_many", TOO_MANY)
    acts: Mapping[str, Callable[[int], None]] = {
        "claim": lambda task_id: tasks.claim(person, task_id),
        "release": lambda task_id: tasks.release(person, task_id),
        "give": lambda task_id: give(person, task_id, to_id or 0),
        "watch": lambda task_id: watch(person, task_id),
        "unwatch": lambda task_id: unwatch(person, task_id),
    }
    done, refused = [], {}
    for task_id in dict.fromkeys(task_ids):
        try:
            acts[action](task_id)
            done.append(task_id)
        except Refused as error:
            refused[task_id] = error.text
    return Outcome(tuple(done), refused)


def watch(person: Person, task_id: int, follow_up_on: date | None = None) -> None:
    """Keep an eye on a task, perhaps to come back to it on a day. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "see", access.task_resource(session, task_id))
    key = {"user_id": person.id, "task_id": task_id}
    with transaction() as writing:
        mark = update(MARK).where(MARK.c.user_id == person.id, MARK.c.task_id == task_id)
        if not changed(writing, mark.values(follow_up_on=follow_up_on)):
            writing.execute(insert(MARK).values(**key, follow_up_on=follow_up_on))


def unwatch(person: Person, task_id: int) -> None:
    """Keep an eye on it no longer."""
    with transaction() as session:
        session.execute(delete(MARK).where(MARK.c.user_id == person.id, MARK.c.task_id == task_id))


def colleagues(session: Session, person: Person) -> tuple[tuple[int, str], ...]:
    """Those with whom the person shares a post, and those whose post reports to theirs in the same unit, by name."""
    rules = access.policy(session)
    found = {
        one
        for post in person.posts
        if post.unit_id is not None
        for role in {post.role, *rules.supervises(post.role)}
        for one in people.colleagues(session, role, post.unit_id)
    }
    return tuple(sorted((one for one in found if one[0] != person.id), key=lambda one: one[1]))
