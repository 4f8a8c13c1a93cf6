"""Deadlines in hindsight, from the record alone: what was set, what a supervisor moved, what was met or missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.services.history._telling import NOTHING, Telling
from app.services.history._timeline import Head, Timeline
from app.services.history.replay_views import Limit, LimitState, OpenAt

CLOSING = ("task_done", "task_cancelled")
SETTING = ("task_opened", "task_changed")
ABOUT_TASKS = (*SETTING, *CLOSING, "deadline")


@dataclass(slots=True)
class Set:
    """What the record says of a task's limit: as it was opened, and as it was last changed."""

    opened: tuple[Head, Mapping[str, Any]] | None = None
    due: datetime | None = None
    moved: bool = False

    def take(self, head: Head, data: Mapping[str, Any]) -> None:
        """Follow one event that set or changed the limit."""
        if head.kind == "task_opened":
            self.opened = (head, data)
            self.due = _instant(data["due"])
        elif data["due"] or data["not_applicable"]:
            self.due, self.moved = _instant(data["due"]), True


def set_for(timeline: Timeline, tasks: set[int | None], among: list[Head]) -> dict[int, Set]:
    """The limits of some tasks as the events `among` set them."""
    setting = [head for head in among if head.kind in SETTING and head.task_id in tasks]
    bodies, found = timeline.bodies(setting), dict[int, Set]()
    for head in sorted(setting, key=lambda one: one.id):
        if head.task_id is not None:
            found.setdefault(head.task_id, Set()).take(head, bodies[head.id])
    return found


def limit(timeline: Timeline, telling: Telling, head: Head) -> Limit | None:
    """The limit of the task that an event is about, as it stood by then, and how it came out; None for other events."""
    if head.task_id is None or head.kind not in ABOUT_TASKS:
        return None
    recorded = [one for one in timeline.heads if one.id <= head.id]
    limits = set_for(timeline, {head.task_id}, recorded).get(head.task_id)
    if limits is None or limits.opened is None:
        return None
    opened, data = limits.opened
    rule = telling.books(opened.instance_id or 0).deadlines.describe(data["deadline"] or "D00")
    words = rule.rule if limits.due is None else rule.name
    source = rule.source.strip("—")
    if limits.due is None:
        return Limit(words, source, None, "none", moved=limits.moved)
    over = head.occurred_at - limits.due
    state: LimitState = "gone" if head.kind == "task_cancelled" else "open"
    if head.kind in ("task_done", "deadline"):
        state = "missed" if over > timedelta(0) or head.kind == "deadline" else "met"
    return Limit(words, source, limits.due, state, over if state == "missed" and over else None, limits.moved)


def missed(timeline: Timeline, heads: Iterable[Head]) -> dict[int, timedelta]:
    """How long after its limit something was done, by event; what was in time is left out."""
    done = [head for head in heads if head.kind == "task_done"]
    limits = set_for(timeline, {head.task_id for head in done}, timeline.heads)
    found = {head.id: head.occurred_at - set_.due for head in done
             if (set_ := limits.get(head.task_id or 0)) and set_.due}  # fmt: skip
    return {id_: over for id_, over in found.items() if over > timedelta(0)}


def still_open(timeline: Timeline, telling: Telling, seen: list[Head], at: datetime) -> tuple[OpenAt, ...]:
    """The tasks that were open at the moment, as far as was known, those due first first."""
    closed = {head.task_id for head in seen if head.kind in CLOSING}
    opened = {head.task_id for head in seen if head.kind == "task_opened"} - closed
    found = [one for one in set_for(timeline, opened, seen).values() if one.opened is not None]
    return tuple(
        sorted((_open(telling, one, at) for one in found), key=lambda one: (one.due_at is None, one.due_at or at))
    )


def _open(telling: Telling, limits: Set, at: datetime) -> OpenAt:
    assert limits.opened is not None, "asked for only what was opened"
    head, data = limits.opened
    element = telling.element(head._asdict(), data)
    role = telling.books(head.instance_id or 0).role_name(data["role"])
    return OpenAt(element.name if element else NOTHING, role, limits.due, limits.due is not None and limits.due < at)


def _instant(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None
