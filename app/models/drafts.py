"""Drafts of releases: changed files on top of a release, every text that was ever saved, and every move."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import Id, Instant


class ReleaseDraft(Base):
    """A change on its way to become a release: the files of `base_id`, and those changed on top of them.

    `since_id` is the release in force that it will replace: `base_id` too, but for a roll-back, whose base is older.
    `state`: draft, checked, submitted, approved, published, dropped. `hash`: of the content that was submitted,
    and that alone may be approved; `checked_hash`: of the content last found sound.
    """

    __tablename__ = "release_draft"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    base_id: Mapped[int] = mapped_column(ForeignKey("release.id"))
    since_id: Mapped[int] = mapped_column(ForeignKey("release.id"))
    state: Mapped[str] = mapped_column(String(10), default="draft", index=True)
    notes: Mapped[str] = mapped_column(Text, default="")
    checked_hash: Mapped[str] = mapped_column(String(64), default="")
    hash: Mapped[str] = mapped_column(String(64), default="")
    made_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    made_at: Mapped[datetime] = mapped_column(Instant)
    submitted_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    publish_at: Mapped[datetime | None] = mapped_column(Instant)
    release_id: Mapped[int | None] = mapped_column(ForeignKey("release.id"))


class DraftFile(Base):
    """A text of a file in a draft, as somebody saved it; the highest version holds, the others are kept.

    `content` is empty (NULL) where somebody went back to the file as it stands in the base.
    """

    __tablename__ = "release_draft_file"
    __table_args__ = (UniqueConstraint("draft_id", "path", "version"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("release_draft.id"))
    path: Mapped[str] = mapped_column(String(120))
    version: Mapped[int]
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    saved_by: Mapped[int] = mapped_column(ForeignKey("user.id"))
    saved_at: Mapped[datetime] = mapped_column(Instant)


class DraftMove(Base):
    """One thing that was done to a draft: by whom (the ticker is nobody), when, over which content. Never changed.

    `what`: made, saved, checked, faulty, submitted, withdrawn, refused, approved, published, followed, overtaken, dropped.
    """

    __tablename__ = "release_draft_move"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("release_draft.id"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    what: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(120), default="")
    version: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(String(64), default="")
    said: Mapped[str] = mapped_column(Text, default="")
