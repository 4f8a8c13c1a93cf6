"""What all services of drafts share: a draft under its lock, its files, and the writing down of each move."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.db import table
from app.errors import NotFound
from app.models import DraftFile, DraftMove, ReleaseDraft
from app.rules.access import Resource
from app.services import access, practice
from app.services.library import Library, library

DRAFT, FILE, MOVE = (table(model) for model in (ReleaseDraft, DraftFile, DraftMove))
LIBRARY = Resource("library")
EDITABLE = ("draft", "checked")


def locked(session: Session, draft_id: int) -> ReleaseDraft:
    """The draft, held against others until the transaction ends. Raises NotFound."""
    found = session.scalar(select(ReleaseDraft).where(ReleaseDraft.id == draft_id).with_for_update())
    return _there(found)


def read(session: Session, draft_id: int) -> ReleaseDraft:
    """The draft as it is. Raises NotFound."""
    return _there(session.get(ReleaseDraft, draft_id))


def _there(found: ReleaseDraft | None) -> ReleaseDraft:
    if found is None:
        raise NotFound("no_draft", access.NOTHING_HERE)
    return found


LAST = select(func.max(FILE.c.id)).group_by(FILE.c.draft_id, FILE.c.path)
"""Of each file the text that was saved last, which holds."""


def versions(session: Session, draft_id: int) -> dict[str, tuple[int, bytes | None]]:
    """By path, the text that holds: its version and content (None: as in the base)."""
    query = select(FILE.c.path, FILE.c.version, FILE.c.content).where(FILE.c.draft_id == draft_id, FILE.c.id.in_(LAST))
    return {row.path: (row.version, row.content) for row in session.execute(query)}


def counts(session: Session) -> dict[int, int]:
    """By draft, how many files differ from its base."""
    query = select(FILE.c.draft_id, func.count()).where(FILE.c.id.in_(LAST), FILE.c.content.is_not(None))
    return {draft_id: count for draft_id, count in session.execute(query.group_by(FILE.c.draft_id))}


def changed(session: Session, draft_id: int) -> dict[str, bytes]:
    """The files that differ from the base."""
    return {path: text for path, (_, text) in versions(session, draft_id).items() if text is not None}


def files(session: Session, draft: ReleaseDraft) -> dict[str, bytes]:
    """Every file of the release that this draft would become."""
    return {**library(session, draft.base_id).files, **changed(session, draft.id)}


def books(session: Session, draft: ReleaseDraft) -> Library:
    """The draft's files, read."""
    return Library(files(session, draft))


def note(session: Session, draft_id: int, what: str, by_id: int | None, **more: Any) -> None:
    """Write a move down."""
    at = practice.now(session)
    session.execute(insert(MOVE).values(draft_id=draft_id, what=what, by_id=by_id, at=at, **more))
