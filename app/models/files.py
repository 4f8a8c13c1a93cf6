"""Files that people attach, encrypted under their case's key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant


class Attachment(Base):
    """A file at a question of a form; until the form is sent it belongs to who added it.

    `head` holds its name and hash, `content` its bytes, both sealed; they open at `place` only.
    `sensitivity` is that of the question.
    """

    __tablename__ = "attachment"
    __table_args__ = (Index(None, "case_id"), Index(None, "task_id"), Index(None, "submission_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    field: Mapped[str] = mapped_column(String(64))
    sensitivity: Mapped[str] = mapped_column(String(2))
    kind: Mapped[str] = mapped_column(String(8))
    size: Mapped[int]
    place: Mapped[str] = mapped_column(String(40), unique=True)
    head: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    stored_at: Mapped[datetime] = mapped_column(Instant)
