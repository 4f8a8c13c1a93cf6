"""What was sent with a task, first and as corrected since, each with who, when and why."""

from __future__ import annotations

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.models import Event, Submission, User
from app.services import _seal
from app.services.views import Version

SUBMISSION, EVENT, USER = table(Submission), table(Event), table(User)


def of_task(session: Session, task: Row, *, reasons: bool) -> tuple[Version, ...]:
    """Every version, newest first; `reasons`: with why it was corrected (S2)."""
    query = select(SUBMISSION, USER.c.name).outerjoin(USER, USER.c.id == SUBMISSION.c.user_id)
    rows = session.execute(query.where(SUBMISSION.c.task_id == task["id"]).order_by(SUBMISSION.c.id.desc())).mappings()
    why = _reasons(session, task) if reasons else {}
    return tuple(
        Version(row["id"], row["name"] or "", row["occurred_at"], row["recorded_at"], row["origin_id"] is not None,
                why.get(row["id"], ""))
        for row in rows
    )  # fmt: skip


def _reasons(session: Session, task: Row) -> dict[int, str]:
    """Why each correction of the task was made, by its submission."""
    query = select(EVENT).where(EVENT.c.task_id == task["id"], EVENT.c.kind == "corrected")
    return {
        orjson.loads(event["body"])["data"]["submission"]: reason_of(event, task["wrapped_key"])
        for event in session.execute(query).mappings()
    }


def words_of(event: Row, wrapped_key: bytes | None) -> str:
    """The words of a remark, which lie in its event; nothing where they were lawfully erased."""
    if wrapped_key is None:
        return ""
    place = f"event.sealed:{event['case_id']}:{event['seq']}"
    return str(_seal.open_key(wrapped_key).open(event["sealed"], place)["secret"]["words"])


def reason_of(event: Row, wrapped_key: bytes | None) -> str:
    """Why a correction was made; nothing where that was lawfully erased."""
    if wrapped_key is None:
        return ""
    place = f"event.sealed:{event['case_id']}:{event['seq']}"
    return str(_seal.open_key(wrapped_key).open(event["sealed"], place)["secret"]["reason"])
