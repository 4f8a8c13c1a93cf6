"""The outbox: what must leave a transaction, delivered once in effect by whichever worker is first.

A message to another case is a command of its own; a notice becomes a line on the page of the unit
that must read it or pass it on. A failed delivery is tried again after a while, and shows as an
incident once it has failed thrice. Source: ARCHITECTURE "A case"; RELIABILITY §3.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.db import Row, db, table, transaction
from app.models import Case, Incident, Notice, Outbox, Task
from app.services import commands, practice, releases, units
from app.services.deadlines import BACK_OFF
from app.services.library import library
from app.services.outward._planned import plan_urgent

log = logging.getLogger(__name__)
OUTBOX, NOTICE, TASK, CASE, INCIDENT = (table(model) for model in (Outbox, Notice, Task, Case, Incident))
QUIET_FAILURES = 2
"""So many failures may mend themselves (a lock not got); after them people hear of it. Choice."""

PASSED_ON_BY: Mapping[str, str] = {
    "reporter": "police_intake",
    "police_elsewhere": "police_intake",
    "parents": "police_officer",
}
"""Who brings a notice to those who do not sign in: it stands on that post's page until it is read."""


def due_ids(limit: int = 50) -> list[int]:
    """Ids of what waits to be delivered and may be tried now, oldest first."""
    query = select(OUTBOX.c.id).where(OUTBOX.c.state == "waiting", OUTBOX.c.due_at <= practice.now())
    found = list(db.session.scalars(query.order_by(OUTBOX.c.due_at, OUTBOX.c.id).limit(limit)))
    db.session.rollback()
    return found


def deliver() -> int:
    """Deliver everything that waits; returns how many. What a delivery puts in the outbox goes too."""
    delivered = 0
    while ids := due_ids():
        done = sum(deliver_one(outbox_id) for outbox_id in ids)
        delivered += done
        if not done:
            break
    return delivered


def deliver_one(outbox_id: int) -> bool:
    """Deliver one thing; False when it failed: then it waits for its next try."""
    row = db.session.execute(select(OUTBOX).where(OUTBOX.c.id == outbox_id)).mappings().one()
    db.session.rollback()
    try:
        if row["kind"] == "message":
            commands.deliver_message(outbox_id)
        else:
            _put_up(outbox_id)
    except Exception as error:
        log.exception("delivery failed", extra={"outbox": outbox_id, "case": row["case_id"]})
        _put_off(outbox_id)
        if row["attempts"] >= QUIET_FAILURES:
            commands.record_incident(row["case_id"], "outbox", outbox_id, error)
        return False
    if row["attempts"] > QUIET_FAILURES:
        _close_incident(outbox_id)
    return True


def _put_up(outbox_id: int) -> None:
    """Write a notice on its unit's page; a row that another worker holds or has done is left to it."""
    with transaction() as session:
        query = select(OUTBOX).where(OUTBOX.c.id == outbox_id, OUTBOX.c.state == "waiting")
        row = session.execute(query.with_for_update(skip_locked=True)).mappings().first()
        if row is None:
            return
        now = practice.now(session)
        notice = {"case_id": row["case_id"], "kind": row["payload"]["kind"], **_receiver(session, row)}
        made = session.execute(insert(NOTICE).values(outbox_id=outbox_id, sent_at=now, **notice).returning(NOTICE.c.id))
        plan_urgent(session, made.scalar_one(), notice, now)
        session.execute(update(OUTBOX).where(OUTBOX.c.id == outbox_id).values(state="done", done_at=now))


def _receiver(session: Session, row: Row) -> dict[str, Any]:
    """Who reads the notice: a role in a unit, or the person who has the task it is about. Raises NotFound."""
    told: Mapping[str, Any] = row["payload"]
    role = PASSED_ON_BY.get(told["role"], told["role"])
    if "task_id" in told["ids"]:
        query = select(TASK.c.unit_id, TASK.c.role, TASK.c.assignee_id).where(TASK.c.id == told["ids"]["task_id"])
        task = session.execute(query).one()
        return {"unit_id": task.unit_id, "role": task.role, "user_id": task.assignee_id}
    if told.get("unit_id"):
        return {"unit_id": told["unit_id"], "role": role}
    roles = library(session, releases.current(session)).roles
    path = session.execute(select(CASE.c.path).where(CASE.c.id == row["case_id"])).scalar_one()
    return {"unit_id": units.resolve(session.connection(), roles[role], path), "role": role}


def _put_off(outbox_id: int) -> None:
    with transaction() as session:
        row = session.get(Outbox, outbox_id)
        assert row is not None, "the outbox is never emptied"
        row.due_at = practice.now(session) + BACK_OFF[min(row.attempts, len(BACK_OFF) - 1)]
        row.attempts += 1


def _close_incident(outbox_id: int) -> None:
    where = (INCIDENT.c.source == "outbox", INCIDENT.c.source_id == outbox_id, INCIDENT.c.state == "open")
    with transaction() as session:
        session.execute(update(INCIDENT).where(*where).values(state="closed"))
