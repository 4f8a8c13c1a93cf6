"""What stands in a database after a command: everything, or what matters whatever ids were given."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa

from app.db import Base, db, table
from app.models import (
    Case,
    CaseLink,
    Child,
    Deadline,
    Event,
    Incident,
    Instance,
    Notice,
    Outbox,
    ReportLink,
    Submission,
    Subscription,
    Task,
)
from app.services.audit import verification

MATTERS: dict[type[Base], tuple[str, ...]] = {
    Case: ("kind", "status", "path", "risk", "version", "last_seq"),
    CaseLink: ("kind",),
    Child: ("provisional",),
    Deadline: ("kind", "rule", "state", "attempts"),
    Event: ("kind",),
    Incident: ("source", "code", "state", "attempts"),
    Instance: ("process", "status", "version"),
    Notice: ("kind",),
    Outbox: ("kind", "state", "attempts"),
    ReportLink: ("kind",),
    Submission: ("form", "element"),
    Subscription: ("message", "element"),
    Task: ("process", "element", "role", "status", "version", "escalations"),
}
"""Of each table, what must be the same whatever happened on the way; never an id, a time or a secret."""

Outcome = dict[str, Counter[tuple[Any, ...]]]


def everything() -> dict[str, list[str]]:
    """Every row of every table."""
    found = {}
    for name, stored in sorted(Base.metadata.tables.items()):
        found[name] = sorted(repr(tuple(row)) for row in db.session.execute(sa.select(stored)))
    db.session.rollback()
    return found


def outcome() -> Outcome:
    """How many rows of each kind there are."""
    found = {}
    for model, columns in MATTERS.items():
        rows = db.session.execute(sa.select(*(table(model).c[name] for name in columns)))
        found[model.__tablename__] = Counter(tuple(row) for row in rows)
    db.session.rollback()
    return found


def differences(seen: Outcome, wanted: Outcome) -> dict[str, tuple[Any, Any]]:
    """By table: what there is too much, and what is missing."""
    pairs = {name: (dict(seen[name] - wanted[name]), dict(wanted[name] - seen[name])) for name in wanted}
    return {name: pair for name, pair in pairs.items() if any(pair)}


def unsound() -> list[str]:
    """Chains that do not verify, and instances that run with nothing to wait for; none, if all is well."""
    broken = [f"case {one.case_id}, event {one.seq}: {one.code}" for one in verification.verify()]
    return broken + [f"instance {one} is stuck" for one in stuck()]


def stuck() -> list[int]:
    """Instances that run without an open task, a timer or a message to wait for."""
    task, deadline, awaited, instance = (table(model) for model in (Task, Deadline, Subscription, Instance))
    timed = (deadline.c.state == "due", deadline.c.kind.in_(("timer", "start")))
    moving = sa.union(
        sa.select(task.c.instance_id).where(task.c.status == "open"),
        sa.select(deadline.c.instance_id).where(*timed),
        sa.select(awaited.c.instance_id),
    )
    query = sa.select(instance.c.id).where(instance.c.status == "running", instance.c.id.not_in(moving))
    found = list(db.session.scalars(query))
    db.session.rollback()
    return found
