"""The record: hash-chained events, what must leave the house, and what went wrong."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant

WAITING = text("state = 'waiting'")
UNREAD = text("read_at IS NULL")
UNREVIEWED = text("why = 'glass' AND reviewed_at IS NULL")


class Event(Base):
    """One thing that happened in a case: numbered without gaps, chained by hash, never changed.

    `body` is canonical JSON (RFC 8785) and holds ids and codes only. What is personal is in
    `sealed` under the case's key; the body commits to it with a salted hash, so that erasing
    the key leaves the chain whole. `hash` = SHA-256(prev || body).
    """

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("case_id", "seq"), Index(None, "instance_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(String(24))
    instance_id: Mapped[int | None] = mapped_column(Id)
    task_id: Mapped[int | None] = mapped_column(Id)
    actor_id: Mapped[int | None] = mapped_column(Id)
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    body: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    prev: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class Outbox(Base):
    """Something that must leave this transaction: a notice, or a message to another case."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_waiting", "due_at", "id", sqlite_where=WAITING, postgresql_where=WAITING),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    kind: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(120), unique=True)
    target_case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)


class Notice(Base):
    """A notice that reached its unit's page; says what and where, never who.

    It is for those who hold `role` there, or for one person of them (`user_id`); `reader_id` is
    who read it, or passed it on, for all.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index(None, "unit_id", "sent_at"),
        Index("ix_notice_unread", "unit_id", sqlite_where=UNREAD, postgresql_where=UNREAD),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    outbox_id: Mapped[int] = mapped_column(ForeignKey("outbox.id"), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[str] = mapped_column(String(40))
    sent_at: Mapped[datetime] = mapped_column(Instant)
    read_at: Mapped[datetime | None] = mapped_column(Instant)
    role: Mapped[str] = mapped_column(String(40), default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    reader_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class Delivery(Base):
    """A notice that goes out to one person by one channel at once, or their digest of one day; each at most one row.

    `channel`: mail or sms. `state`: waiting, done, dropped (no longer wanted). It says nothing of where
    it goes: that is read, and opened, when it is sent. `case_id` is where a failure shows.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("notice_id", "user_id", "channel"),
        UniqueConstraint("user_id", "day", "channel"),
        Index("ix_delivery_waiting", "channel", "due_at", "id", sqlite_where=WAITING, postgresql_where=WAITING),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    channel: Mapped[str] = mapped_column(String(8))
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notice.id"))
    day: Mapped[date | None]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)


class SealedRead(Base):
    """Sealed content opened for one person until `until`: of one submission, or of the whole case.

    An index over the chain's `read` events, which are the record and hold the reason. `why`: task
    (their own work needs it), reason (they gave one), glass (a supervisor broke the glass: then
    those named in `review_role` and `review_unit_id` say whether it was right).
    """

    __tablename__ = "sealed_read"
    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        Index(None, "user_id", "case_id", "until"),
        Index("ix_sealed_read_review", "review_unit_id", "review_role", sqlite_where=UNREVIEWED,
              postgresql_where=UNREVIEWED),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    seq: Mapped[int]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"))
    why: Mapped[str] = mapped_column(String(8))
    read_at: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    review_unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    review_role: Mapped[str] = mapped_column(String(40), default="")
    reviewed_at: Mapped[datetime | None] = mapped_column(Instant)
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    verdict: Mapped[str] = mapped_column(String(8), default="")
    review_seq: Mapped[int | None]


class Look(Base):
    """That a person opened a record's page, or a program of theirs asked for it; ids and codes only, never changed.

    `kind` and `record_id` name the record, `via` the way (web, api), `role` and `unit_id` the post by which it was
    open to them. `batch` is the number of the event that holds this row's hash, None until there is one. No foreign
    keys: a look is written while others hold the case.
    """

    __tablename__ = "look"
    __table_args__ = (
        Index(None, "user_id", "at"), Index(None, "case_id", "at"), Index(None, "at"), Index(None, "batch", "id"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    user_id: Mapped[int] = mapped_column(Id)
    role: Mapped[str] = mapped_column(String(40), default="")
    unit_id: Mapped[int | None] = mapped_column(Id)
    case_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(8))
    record_id: Mapped[int] = mapped_column(Id)
    via: Mapped[str] = mapped_column(String(3))
    batch: Mapped[int | None]


class Incident(Base):
    """A step that failed: what it was, how often it was tried, when the next try is.

    `detail` holds a code and ids, never what somebody typed.
    """

    __tablename__ = "incident"
    __table_args__ = (Index(None, "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    source: Mapped[str] = mapped_column(String(12))
    source_id: Mapped[int] = mapped_column(Id)
    code: Mapped[str] = mapped_column(String(60))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    attempts: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(10), default="open")
    opened_at: Mapped[datetime] = mapped_column(Instant)
    next_try_at: Mapped[datetime | None] = mapped_column(Instant)
