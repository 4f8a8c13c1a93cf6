"""Releases: immutable, content-addressed bundles of diagrams, forms and registers; and the practice clock."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant


class Release(Base):
    """A bundle under which new cases start; `hash` is over every file's path and content.

    A release that goes back to an older one holds the same content, and so the same hash, under a number of its own.
    """

    __tablename__ = "release"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), index=True)
    note: Mapped[str] = mapped_column(String(200), default="")
    loaded_at: Mapped[datetime] = mapped_column(Instant)
    published_at: Mapped[datetime | None] = mapped_column(Instant)


class Definition(Base):
    """One file of a release: bpmn/NAME.bpmn, forms/NAME.json, bpmn/roles.json …"""

    __tablename__ = "definition"
    __table_args__ = (UniqueConstraint("release_id", "path"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"))
    path: Mapped[str] = mapped_column(String(120))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Practice(Base):
    """The practice clock: one row, how far it is ahead, in seconds; only ever forwards."""

    __tablename__ = "practice"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    offset_seconds: Mapped[int] = mapped_column(default=0)
