"""The global log over all cases' chains: order, tree, signed heads, and where heads were sent.

Everything here follows from the events and can be computed again; what it adds is that others
can hold it against us. Source: RFC 6962; ADR 0014.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant

WAITING = text("state = 'waiting'")


class LogState(Base):
    """The one row that is locked to extend the log: its size, the tree's right edge, how many heads it has."""

    __tablename__ = "log_state"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    size: Mapped[int] = mapped_column(Id, default=0)
    frontier: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    heads: Mapped[int] = mapped_column(Id, default=0)


class LogCase(Base):
    """How far a case's chain stands in the log: its events up to `seq` have their place.

    No foreign key: checking one would wait for whoever holds the case.
    """

    __tablename__ = "log_case"

    case_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(default=0)


class LogEntry(Base):
    """An event's place in the log, counted from 0 without gaps; `leaf` is the RFC 6962 hash of the event's hash."""

    __tablename__ = "log_entry"

    position: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(ForeignKey("event.id"), unique=True)
    leaf: Mapped[bytes] = mapped_column(LargeBinary)


class LogNode(Base):
    """The hash of a complete subtree of 256, 65 536 … leaves (level 8, 16 …), so that proofs read little."""

    __tablename__ = "log_node"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class LogHead(Base):
    """What was signed: `body` is the canonical text with size, root, time and the hash of the head before."""

    __tablename__ = "log_head"
    __table_args__ = (Index(None, "size"),)

    n: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(Id)
    body: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class LogAnchor(Base):
    """A head that must reach, or has reached, a place outside: a file, or a second office."""

    __tablename__ = "log_anchor"
    __table_args__ = (
        UniqueConstraint("n", "target"),
        Index("ix_log_anchor_waiting", "target", "n", sqlite_where=WAITING, postgresql_where=WAITING),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    n: Mapped[int] = mapped_column(ForeignKey("log_head.n"))
    target: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(Instant)
    done_at: Mapped[datetime | None] = mapped_column(Instant)
