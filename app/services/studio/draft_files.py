"""The files of a draft: read, saved without losing anything, taken back.

Each save keeps the text before it. Who saves says which version they began from; where somebody else was
quicker nothing is written. Source: ADR 0027.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.db import db, table, transaction
from app.errors import NotFound, Refused, Stale
from app.models import ReleaseDraft, User
from app.rules.access import Person
from app.services import access, check, practice
from app.services.library import Library, library
from app.services.studio import gate
from app.services.studio._drafts import EDITABLE, FILE, LAST, LIBRARY, books, locked, note, read, versions
from app.text import Text

USER = table(User)
PATH = re.compile(r"bpmn/[a-z][a-z0-9-]{1,60}\.bpmn|forms/[A-Z][A-Z0-9a-z]{1,15}\.json")
LARGEST = 2_000_000
"""Bytes of one file; the largest that is shipped has a twentieth of it."""
NOT_NOW = Text(
    "这份修改稿已经送审或者结束，不能再改。先撤回，或者另起一份。",
    "This draft has been submitted or has ended. Take it back first, or begin another.",
)
NO_SUCH_FILE = Text("版本里没有这个文件，名字也不合规矩。", "A release has no file of that name.")
TOO_LARGE = Text("文件太大，超过2 MB。", "The file is larger than 2 MB.")
OVERTAKEN = Text(
    "别人刚存了这个文件的新稿，你的没有覆盖它。你写的还在这里：先下载或复制，再打开新稿接着改。",
    "Somebody has saved this file meanwhile; yours did not overwrite it. What you wrote is still here: keep a copy, "
    "then open the new text and go on.",
)


@dataclass(frozen=True, slots=True)
class FileText:
    """A file of a draft as it stands: its content, and the version that a save must name (0: as in the base)."""

    path: str
    version: int
    content: bytes
    changed: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """One text that somebody saved."""

    path: str
    version: int
    by: str
    saved_at: datetime
    as_in_base: bool
    holds: bool


def text(person: Person, draft_id: int, path: str, version: int | None = None) -> FileText:
    """A file as it stands in the draft, or as it was saved then. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "review", LIBRARY)
    draft = read(session, draft_id)
    base = library(session, draft.base_id).files.get(path)
    number, content = versions(session, draft_id).get(path, (0, None))
    if version is not None and version != number:
        where = (FILE.c.draft_id == draft_id, FILE.c.path == path, FILE.c.version == version)
        row = session.execute(select(FILE.c.content).where(*where)).first()
        if row is None and version:
            raise NotFound("no_file", access.NOTHING_HERE)
        number, content = version, row.content if row else None
    found = base if content is None else content
    if found is None:
        raise NotFound("no_file", access.NOTHING_HERE)
    return FileText(path, number, found, content is not None)


def drafted(person: Person, draft_id: int) -> Library:
    """All files of the draft, read. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "review", LIBRARY)
    return books(session, read(session, draft_id))


def history(person: Person, draft_id: int) -> list[Saved]:
    """Every text that was saved, newest first."""
    session = db.session()
    access.require(session, person, "review", LIBRARY)
    as_in_base, holds = FILE.c.content.is_(None).label("as_in_base"), FILE.c.id.in_(LAST).label("holds")
    query = select(FILE.c.path, FILE.c.version, USER.c.name.label("by"), FILE.c.saved_at, as_in_base, holds)
    query = query.join(USER, USER.c.id == FILE.c.saved_by).where(FILE.c.draft_id == draft_id)
    return [Saved(**row) for row in session.execute(query.order_by(FILE.c.id.desc())).mappings()]


def save(person: Person, draft_id: int, path: str, content: bytes | None, version: int) -> int:
    """Save a text that was begun from `version`; None goes back to the base. Returns the version that holds now.

    Raises Stale when somebody saved meanwhile, Refused for what cannot be read, NotFound, Forbidden.
    """
    access.require(db.session(), person, "edit", LIBRARY)
    _usable(draft_id, path, content)
    return _write(person, draft_id, path, content, version)


def upload(person: Person, draft_id: int, name: str, content: bytes) -> tuple[Text, ...]:
    """Save a file that was changed elsewhere, known by its name, on top of the text that holds now.

    A diagram without ids or a layout gets them, and other tools' words are carried over: returns what was changed so.
    Raises as `save` does.
    """
    session = db.session()
    access.require(session, person, "edit", LIBRARY)
    draft = read(session, draft_id)
    folder = "bpmn" if name.endswith(".bpmn") or f"bpmn/{name}" in library(session, draft.base_id).files else "forms"
    path = f"{folder}/{name}"
    version = versions(session, draft_id).get(path, (0, None))[0]
    usable, changes = _usable(draft_id, path, content)
    _write(person, draft_id, path, usable, version)
    return changes


def _usable(draft_id: int, path: str, content: bytes | None) -> tuple[bytes | None, tuple[Text, ...]]:
    """The text as it can be used here, and what is not as it was sent. Raises Refused where it is no file of a release.

    A diagram is read in a process of its own, before anything is locked. Source: ADR 0028.
    """
    session = db.session()
    known = library(session, read(session, draft_id).base_id)
    if path not in known.files and (content is None or not PATH.fullmatch(path)):
        raise Refused("draft_path", NO_SUCH_FILE)
    if content is None:
        return None, ()
    if len(content) > LARGEST:
        raise Refused("draft_size", TOO_LARGE)
    if path.endswith(".bpmn"):
        found = gate.examine(content, known)
        if found.xml is None:
            raise Refused("draft_unreadable", found.problems[0].message)
        return found.xml, tuple(dict.fromkeys(change.message for change in found.changes))
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        raise Refused("draft_json", check.UNREADABLE) from None
    return content, ()


def _write(person: Person, draft_id: int, path: str, content: bytes | None, version: int) -> int:
    with transaction() as session:
        draft = locked(session, draft_id)
        if draft.state not in EDITABLE:
            raise Refused("draft_closed", NOT_NOW)
        base = library(session, draft.base_id).files.get(path)
        holds, now = versions(session, draft_id).get(path, (0, None))
        if holds != version:
            raise Stale("draft_file", OVERTAKEN, version=holds)
        wanted = None if content == base else content
        return holds if wanted == now else _keep(session, draft, person, path, holds + 1, wanted)


def _keep(session: Session, draft: ReleaseDraft, person: Person, path: str, version: int, text: bytes | None) -> int:
    at = practice.now(session)
    session.execute(
        insert(FILE).values(
            draft_id=draft.id, path=path, version=version, content=text, saved_by=person.id, saved_at=at
        )
    )
    draft.state, draft.checked_hash = "draft", ""
    note(session, draft.id, "saved", person.id, path=path, version=version)
    return version
