"""What a supervisor decided about a late task, told to the one who does it. Source: DECISIONS 16; issue "daily work", part 7."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.models import Instance, Submission, User
from app.services import _seal, deadlines, submissions
from app.services.views import Direction

SUBMISSION, INSTANCE, USER = table(Submission), table(Instance), table(User)
DECISION = "F60"


def latest(session: Session, task: Row, *, words: bool) -> Direction | None:
    """The last decision about the open task in `task`; without `words` only what was decided."""
    if task["status"] != "open" or not task["escalations"] or task["wrapped_key"] is None:
        return None
    query = (
        select(SUBMISSION, INSTANCE.c.context, USER.c.name.label("by"))
        .join(INSTANCE, INSTANCE.c.id == SUBMISSION.c.instance_id)
        .outerjoin(USER, USER.c.id == SUBMISSION.c.user_id)
        .where(SUBMISSION.c.case_id == task["case_id"], SUBMISSION.c.form == DECISION)
        .where(INSTANCE.c.process == deadlines.ESCALATION)
    )
    rows = session.execute(query.order_by(*submissions.NEWEST)).mappings()
    row = next((row for row in rows if row["context"].get("task_id") == task["id"]), None)
    if row is None:
        return None
    said = submissions.read(row, _seal.open_key(task["wrapped_key"]))
    until = said.get("new_due_at")
    return Direction(
        action=said["escalation_action"],
        words=str(said.get("instruction") or said.get("reason") or "") if words else "",
        by=row["by"] or "",
        at=row["recorded_at"],
        until=datetime.fromisoformat(until) if until else None,
    )
