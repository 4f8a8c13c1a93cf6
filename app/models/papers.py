"""Official papers of cases, the numbers they bear, and the templates that staff put in place of the shipped ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant


class Paper(Base):
    """A paper of a case: a draft until it is issued; from then on its bytes never change.

    `secret` (the values), `docx` and `pdf` are sealed under the case's key. `rests_on` are the submissions whose
    sealed answers (S3) stand in it. A changed paper is a new row, one `version` on, that names the former.
    """

    __tablename__ = "paper"
    __table_args__ = (UniqueConstraint("unit_id", "word", "year", "ordinal"), Index(None, "case_id", "drafted_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[str] = mapped_column(String(40))
    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"))
    template: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(10), default="draft")
    version: Mapped[int] = mapped_column(default=1)
    former_id: Mapped[int | None] = mapped_column(ForeignKey("paper.id"))
    word: Mapped[str] = mapped_column(String(20), default="")
    year: Mapped[int | None]
    ordinal: Mapped[int | None]
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    rests_on: Mapped[list[Any]] = mapped_column(JSON, default=list)
    docx: Mapped[bytes | None] = mapped_column(LargeBinary)
    pdf: Mapped[bytes | None] = mapped_column(LargeBinary)
    drafted_at: Mapped[datetime] = mapped_column(Instant)
    drafted_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    issued_at: Mapped[datetime | None] = mapped_column(Instant)
    issued_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    withdrawn_seq: Mapped[int | None]


class PaperNumber(Base):
    """The last number that a unit has given to a kind of paper in a year; raised in the transaction that issues one."""

    __tablename__ = "paper_number"

    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), primary_key=True, autoincrement=False)
    word: Mapped[str] = mapped_column(String(20), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class PaperTemplate(Base):
    """A template that staff uploaded, by the SHA-256 of its bytes; the newest of a kind is in force, none is ever lost."""

    __tablename__ = "paper_template"
    __table_args__ = (UniqueConstraint("kind", "version"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str] = mapped_column(String(200), default="")
    uploaded_at: Mapped[datetime] = mapped_column(Instant)
    uploaded_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
