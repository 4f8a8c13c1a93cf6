"""Samples that auditors drew: only ever added, each with all that is needed to draw it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant


class AuditSample(Base):
    """Cases drawn by `seed` from `frame` cases: those in `paths` opened by `drawn_at`, in which `process` ran if named.

    `case_ids` are in the order of the draw.
    """

    __tablename__ = "audit_sample"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    drawn_at: Mapped[datetime] = mapped_column(Instant)
    seed: Mapped[str] = mapped_column(String(64))
    process: Mapped[str] = mapped_column(String(40), default="")
    paths: Mapped[list[Any]] = mapped_column(JSON)
    frame: Mapped[int]
    case_ids: Mapped[list[Any]] = mapped_column(JSON)
