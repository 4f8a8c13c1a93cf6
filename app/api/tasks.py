"""Tasks: the inbox, one task, taking it, giving it back, sending its form."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.api import caller
from app.api.blueprints import Blueprint
from app.api.languages import lang
from app.api.schemas import tasks as schemas
from app.api.schemas.parts import FormLayout
from app.db import db
from app.services import access, commands, corrections, views
from app.services import tasks as service
from app.services.inbox import listing

tasks = Blueprint("tasks", "Work for people.")


@tasks.operation("GET", "listTasks", query=schemas.TaskQuery, gives=schemas.TaskList, refuses=(422,))
def index(asked: dict[str, Any]) -> dict[str, Any]:
    """Open tasks in one view, in the order in which they fall due."""
    page = listing.page(caller.me(), asked["view"], asked["after"], lang(), asked["limit"])
    rows = [row for group in page.groups for row in group.rows]
    return {"view": page.view, "as_of": page.as_of, "counts": page.counts, "after": page.after, "tasks": rows}


@tasks.operation("GET /<int:task_id>", "getTask", gives=schemas.Task, refuses=(403, 404))
def show(task_id: int) -> views.TaskPage:
    """One task: until when and why, what is known, what follows each answer."""
    return service.page(caller.me(), task_id, lang())


@tasks.operation("GET /<int:task_id>/form", "getTaskForm", gives=FormLayout, refuses=(403, 404))
def form(task_id: int) -> dict[str, Any]:
    """What a task's form asks, and the options that come from the case."""
    form_id, layout, choices = service.layout(caller.me(), task_id, lang())
    return {"id": form_id, "layout": layout, "choices": choices}


@tasks.operation("POST /<int:task_id>/claim", "claimTask", gives=schemas.Task, refuses=(400, 403, 404, 409))
def claim(task_id: int) -> views.TaskPage:
    """Take a free task; refused with 409 when somebody was quicker."""
    service.claim(caller.me(), task_id)
    return service.page(caller.me(), task_id, lang())


@tasks.operation("POST /<int:task_id>/release", "releaseTask", status=204, refuses=(400, 403, 404, 409))
def release(task_id: int) -> Response:
    """Give a task back to the unit."""
    service.release(caller.me(), task_id)
    return Response(status=204)


@tasks.operation(
    "POST /<int:task_id>/complete",
    "completeTask",
    body=schemas.Completion,
    headers=schemas.IdempotencyKey,
    gives=schemas.Completed,
    refuses=(403, 404, 409),
)
def complete(given: dict[str, Any], sent: dict[str, str | None], task_id: int) -> commands.Done:
    """Send a task's form; the case moves on in the same transaction.

    With an Idempotency-Key, sending the same again gives the first result, and something else under
    the same key is refused with 422 `key_reused`. A stale `version`, or a task that somebody else
    has closed, is refused with 409 and nothing is written.
    """
    me = caller.me()
    actor = access.doer(db.session(), me, task_id, "api")
    return commands.complete(
        task_id,
        given["version"],
        given["answers"],
        actor,
        lang=lang(),
        occurred_at=given["occurred_at"],
        key=sent["key"],
    )


@tasks.operation(
    "POST /<int:task_id>/correct",
    "correctTask",
    body=schemas.Correction,
    gives=schemas.Completed,
    refuses=(403, 404, 409),
)
def correct(given: dict[str, Any], task_id: int) -> commands.Done:
    """Correct what was sent with a closed task: the former stays, the process does not move.

    For whoever sent it, and for who supervises them. A `supersedes` that is no longer the newest is
    refused with 409.
    """
    return corrections.correct(
        caller.me(), task_id, given["supersedes"], given["answers"], given["reason"], occurred_at=given["occurred_at"],
        lang=lang(),
    )  # fmt: skip
