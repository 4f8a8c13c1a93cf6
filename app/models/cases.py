"""Cases and whom they are about: children, guardians, reports, and the links between cases."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant

LASTING = text("undone_at IS NULL")


class Case(Base):
    """What a chain of instances is about: the unit of locking, access and history.

    `wrapped_key` is the case's own data key under the master key; destroying it erases
    every sealed field of the case and leaves the event chain whole. `facts` are codes and
    instants that deadline rules read, never names or narrative.
    """

    __tablename__ = "case"
    __table_args__ = (Index(None, "status", "path"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    status: Mapped[str] = mapped_column(String(12), default="open")
    path: Mapped[str] = mapped_column(String(120))
    risk: Mapped[str] = mapped_column(String(8), default="")
    sealed: Mapped[bool] = mapped_column(default=False)
    held: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether something in it is suspended."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(default=0)
    last_seq: Mapped[int] = mapped_column(default=0)
    last_hash: Mapped[bytes] = mapped_column(LargeBinary, default=b"")


class Child(Base):
    """A child; name, sex, birth and school are sealed, the name and the id number also as blind indexes."""

    __tablename__ = "child"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), unique=True)
    name_index: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    id_index: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    provisional: Mapped[bool] = mapped_column(default=False)


class Guardian(Base):
    """Who has, or had, the duty of care for a child; identity sealed under the case's key."""

    __tablename__ = "guardian"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    secret: Mapped[bytes] = mapped_column(LargeBinary)


class Report(Base):
    """What somebody told us; a case of its own, asked after by number and code."""

    __tablename__ = "report"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), unique=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    code_hash: Mapped[str] = mapped_column(String(120))
    received_at: Mapped[datetime] = mapped_column(Instant)
    channel: Mapped[str] = mapped_column(String(16))
    idempotency_key: Mapped[str | None] = mapped_column(String(64), unique=True)


class CodeTry(Base):
    """How often a code was tried for a report's number, which need not exist, or sent to one person; forgotten after a while."""

    __tablename__ = "code_try"

    number_index: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    tries: Mapped[int]
    since: Mapped[datetime] = mapped_column(Instant, index=True)


class ReportChild(Base):
    """One child named in a report, before and after somebody matched it to a file."""

    __tablename__ = "report_child"
    __table_args__ = (UniqueConstraint("report_id", "ref"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    ref: Mapped[int]
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    match: Mapped[str | None] = mapped_column(String(12))
    candidate_case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    provisional: Mapped[bool] = mapped_column(default=False)


class ReportLink(Base):
    """Which case a child of a report went to, and how: urgent, opened or attached.

    `ended_at`: somebody found since that it does not belong there; `child_ref` 0 is the report as a whole.
    """

    __tablename__ = "report_link"
    __table_args__ = (UniqueConstraint("report_id", "case_id", "child_ref", "kind"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("report.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    child_ref: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class CaseMerge(Base):
    """Two files of one child, found by somebody: `alias_id` points to `survivor_id` until it is undone.

    Nothing is moved: each case keeps its rows, and what is read or sent looks here. Reasons stand in the chains.
    """

    __tablename__ = "case_merge"
    __table_args__ = (
        Index("ix_case_merge_alias", "alias_id", unique=True, sqlite_where=LASTING, postgresql_where=LASTING),
        Index("ix_case_merge_survivor", "survivor_id", sqlite_where=LASTING, postgresql_where=LASTING),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    alias_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    survivor_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    merged_at: Mapped[datetime] = mapped_column(Instant)
    merged_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class CaseLink(Base):
    """Two cases that belong together: one incident, or perhaps one child. Only ever added."""

    __tablename__ = "case_link"
    __table_args__ = (UniqueConstraint("case_id", "other_id", "kind"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class CaseBar(Base):
    """A unit that may not know of a case, such as one that failed to report; as a blind index, since which it is is sealed."""

    __tablename__ = "case_bar"
    __table_args__ = (UniqueConstraint("case_id", "unit_index"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    unit_index: Mapped[bytes] = mapped_column(LargeBinary)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class Placement(Base):
    """Where a child was placed; the address itself stays sealed in the submission."""

    __tablename__ = "placement"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    kind: Mapped[str] = mapped_column(String(16))
    handed_at: Mapped[datetime] = mapped_column(Instant)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class Performance(Base):
    """One observation of how a guardian does the duty (F25); only ever added."""

    __tablename__ = "performance"
    __table_args__ = (Index(None, "case_id", "guardian_id", "observed_on"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    guardian_id: Mapped[int] = mapped_column(ForeignKey("guardian.id"))
    observed_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    saw_child: Mapped[bool]
    knew: Mapped[bool]
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class ClockAlert(Base):
    """An alert of the six-month clock that was raised: once for each spell and event."""

    __tablename__ = "clock_alert"
    __table_args__ = (UniqueConstraint("case_id", "guardian_id", "spell_started_on", "event"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    guardian_id: Mapped[int] = mapped_column(ForeignKey("guardian.id"))
    spell_started_on: Mapped[date]
    event: Mapped[str] = mapped_column(String(16))
    rule_version: Mapped[str] = mapped_column(String(24))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
