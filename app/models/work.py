"""Instances of diagrams and what they ask of people: tasks, deadlines, subscriptions, submissions, drafts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant

OPEN = text("status = 'open'")
TAKEN = text("status = 'open' AND assignee_id IS NOT NULL")
OWNED = text("status = 'open' AND owner_id IS NOT NULL")
DUE = text("state = 'due'")
LASTING = text("ended_at IS NULL")


class Instance(Base):
    """One run of one diagram within a case, pinned to the release under which it began.

    `timers`, `awaits` and `mailbox` mirror what the engine waits for, so that a step
    writes only differences; `context` holds the ids that messages are matched by.
    """

    __tablename__ = "instance"
    __table_args__ = (Index(None, "case_id", "status"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"))
    process: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(12))
    state: Mapped[bytes | None] = mapped_column(LargeBinary)
    context: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    timers: Mapped[list[Any]] = mapped_column(JSON, default=list)
    awaits: Mapped[list[Any]] = mapped_column(JSON, default=list)
    mailbox: Mapped[list[Any]] = mapped_column(JSON, default=list)
    version: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class Task(Base):
    """A piece of work for a person: the inbox is this table, a projection of the engine's state."""

    __tablename__ = "task"
    __table_args__ = (
        Index(
            "ix_task_inbox", "unit_id", "role", "due_at", "id", "assignee_id", sqlite_where=OPEN, postgresql_where=OPEN
        ),
        Index("ix_task_mine", "assignee_id", "due_at", "id", sqlite_where=TAKEN, postgresql_where=TAKEN),
        Index("ix_task_owner", "owner_id", "due_at", "id", sqlite_where=OWNED, postgresql_where=OWNED),
        Index("ix_task_due", "due_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),
        Index(None, "case_id", "status"),
        Index(None, "instance_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    engine_id: Mapped[int]
    process: Mapped[str] = mapped_column(String(40))
    element: Mapped[str] = mapped_column(String(40))
    item: Mapped[str | None] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(40))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    status: Mapped[str] = mapped_column(String(12), default="open")
    version: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    deadline_id: Mapped[str] = mapped_column(String(8))
    due_at: Mapped[datetime] = mapped_column(Instant)
    due: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    escalations: Mapped[int] = mapped_column(default=0)
    opens: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether the work opens the case to those who have it; no longer, once the case went to another place."""
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class TaskMark(Base):
    """One person watches a task, perhaps to come back to it on a day. Nobody else sees that."""

    __tablename__ = "task_mark"
    __table_args__ = (UniqueConstraint("user_id", "task_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"))
    follow_up_on: Mapped[date | None] = mapped_column()


class SavedFilter(Base):
    """A filter of the inbox that somebody keeps under a name of their own; it holds codes and paths, and no search."""

    __tablename__ = "saved_filter"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    name: Mapped[str] = mapped_column(String(40))
    view: Mapped[str] = mapped_column(String(12))
    asked: Mapped[dict[str, str]] = mapped_column(JSON)


class Deadline(Base):
    """An instant at which something must happen: a task falls due, a timer fires, an instance starts."""

    __tablename__ = "deadline"
    __table_args__ = (
        UniqueConstraint("instance_id", "key", "due_at"),
        Index("ix_deadline_due", "due_at", "id", sqlite_where=DUE, postgresql_where=DUE),
        Index(None, "task_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    kind: Mapped[str] = mapped_column(String(8))
    key: Mapped[str] = mapped_column(String(80))
    rule: Mapped[str] = mapped_column(String(8), default="")
    due_at: Mapped[datetime] = mapped_column(Instant)
    law_date: Mapped[date | None]
    provisional: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(10), default="due")
    attempts: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None] = mapped_column(Instant)
    held_until: Mapped[datetime | None] = mapped_column(Instant)
    """A reminder of our own that somebody suspended: it comes then, or when the suspension ends."""
    done_at: Mapped[datetime | None] = mapped_column(Instant)


class Suspension(Base):
    """An instance that waits for a while: our own reminders are held, the law's dates and the forms are not.

    An index over the chain's `suspended` events (number `seq`), which are the record and hold the reason.
    """

    __tablename__ = "suspension"
    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        Index("ix_suspension_lasting", "instance_id", unique=True, sqlite_where=LASTING, postgresql_where=LASTING),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    seq: Mapped[int]
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    began_at: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class Subscription(Base):
    """A message that an instance waits for now."""

    __tablename__ = "subscription"
    __table_args__ = (UniqueConstraint("instance_id", "message", "element"), Index(None, "case_id", "message"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    message: Mapped[str] = mapped_column(String(40))
    element: Mapped[str] = mapped_column(String(80))


class Submission(Base):
    """A form's answers as sent; never overwritten: a correction is a new row that supersedes.

    `origin_id`: of a correction the first submission, in whose place it stands; that row's order is its own.
    """

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("user_id", "idempotency_key"),
        Index(None, "case_id", "form"),
        Index(None, "instance_id"),
        Index(None, "supersedes_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    form: Mapped[str] = mapped_column(String(24))
    element: Mapped[str] = mapped_column(String(80))
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"))
    origin_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"))
    idempotency_key: Mapped[str | None] = mapped_column(String(64))


class Draft(Base):
    """What somebody has typed and not sent; sealed, and seen by its writer only."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("user_id", "key"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    key: Mapped[str] = mapped_column(String(80))
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    saved_at: Mapped[datetime] = mapped_column(Instant)
