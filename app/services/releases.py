"""Releases: read from folders, checked, stored once by content, published."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.db import Read, db, transaction
from app.errors import NotFound
from app.models import Definition, Release
from app.services import practice
from app.services.library import Library, library
from app.settings import ROOT
from app.text import Text

LAST = Read(
    select(Release.id)
    .where(Release.published_at.is_not(None))
    .order_by(Release.published_at.desc(), Release.id.desc())
    .limit(1)
)
SOURCES = (("bpmn", "*.bpmn"), ("bpmn", "*.json"), ("forms", "*.json"))


def read_folder(root: Path = ROOT) -> dict[str, bytes]:
    """The files of a release under `root`: path → content."""
    return {
        f"{folder}/{file.name}": file.read_bytes()
        for folder, pattern in SOURCES
        for file in sorted((root / folder).glob(pattern))
    }


def content_hash(files: dict[str, bytes]) -> str:
    """One hash over every path and content, the same whatever the order of reading."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.encode() + b"\0" + hashlib.sha256(files[path]).digest())
    return digest.hexdigest()


def load(root: Path = ROOT, note: str = "") -> int:
    """Store the folder's release unless it is stored already; returns its id. It is not published by this."""
    files = read_folder(root)
    release_hash = content_hash(files)
    with transaction() as session:
        found = session.scalar(select(Release.id).where(Release.hash == release_hash).order_by(Release.id.desc()))
        return found if found is not None else store(session, files, note)


def store(session: Session, files: dict[str, bytes], note: str) -> int:
    """Store `files` as one more release, not yet published; returns its id."""
    release = Release(hash=content_hash(files), note=note, loaded_at=practice.now(session))
    session.add(release)
    session.flush()
    rows = [{"release_id": release.id, "path": path, "content": content} for path, content in files.items()]
    session.execute(insert(Definition), rows)
    return release.id


def publish(release_id: int) -> None:
    """From now on new cases start under this release. Raises NotFound."""
    with transaction() as session:
        put_in_force(session, release_id)


def put_in_force(session: Session, release_id: int) -> None:
    """The same, within the caller's transaction. Raises NotFound."""
    release = session.get(Release, release_id)
    if release is None:
        raise NotFound("no_release", Text("没有这个版本。", "There is no such release."))
    release.published_at = practice.now(session)


def current(session: Session) -> int:
    """The id of the release published last. Raises NotFound when none is."""
    found = LAST.first(session.connection(), {})
    if found is None:
        raise NotFound("no_release", Text("还没有发布任何流程版本。", "No release has been published yet."))
    return int(found[0])


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release in the list; `published_at` is empty while nothing has started under it."""

    id: int
    hash: str
    note: str
    loaded_at: datetime
    published_at: datetime | None
    current: bool


def index() -> list[ReleaseRow]:
    """Every release, newest first."""
    rows = db.session.scalars(select(Release).order_by(Release.id.desc())).all()
    last = max((row for row in rows if row.published_at), key=lambda row: (row.published_at, row.id), default=None)
    return [ReleaseRow(row.id, row.hash, row.note, row.loaded_at, row.published_at, row is last) for row in rows]


def in_force() -> ReleaseRow:
    """The release under which new cases start now. Raises NotFound."""
    now = current(db.session())
    return next(row for row in index() if row.id == now)


def current_library() -> Library:
    """The library under which new cases start now."""
    return library(db.session(), current(db.session()))
