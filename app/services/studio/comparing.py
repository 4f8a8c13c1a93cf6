"""Two stored releases side by side, for policy staff: file by file in words, and what to mark on each diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from app.db import db
from app.rules.access import Person
from app.services import access, releases
from app.services.library import Library, library
from app.services.studio import _drafts
from app.services.studio._drafts import LIBRARY
from app.services.studio.difference import Change, compare
from app.text import Text


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What differs in one file; `process` is its diagram's id, empty for a form or a register.

    `drawn_before` and `drawn_after` say in which of the two releases the diagram stands.
    """

    path: str
    name: Text
    process: str
    drawn_before: bool
    drawn_after: bool
    changes: tuple[Change, ...]

    @property
    def count(self) -> int:
        """How many changes there are in it."""
        return len(self.changes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two releases: the older, the newer, and the files that differ."""

    before: releases.ReleaseRow
    after: releases.ReleaseRow
    files: tuple[FileChanges, ...]

    @property
    def count(self) -> int:
        """How many changes there are in all."""
        return sum(file.count for file in self.files)


def index(person: Person) -> list[releases.ReleaseRow]:
    """Every release, newest first. Raises Forbidden for all but policy staff, approvers and auditors."""
    access.require(db.session(), person, "review", LIBRARY)
    return releases.index()


def compared(person: Person, before: int, after: int) -> Comparison:
    """How release `after` differs from release `before`. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "review", LIBRARY)
    old, new = library(session, before), library(session, after)
    rows = {row.id: row for row in releases.index()}
    return Comparison(rows[before], rows[after], _by_file(old, new))


def of_draft(person: Person, draft_id: int) -> tuple[FileChanges, ...]:
    """How a draft differs from the release in force when it was begun, or followed. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "review", LIBRARY)
    draft = _drafts.read(session, draft_id)
    return _by_file(library(session, draft.since_id), _drafts.books(session, draft))


def _by_file(old: Library, new: Library) -> tuple[FileChanges, ...]:
    told = groupby(compare(old.files, new.files), key=lambda change: change.part.path)
    return tuple(_file(path, tuple(all_), old, new) for path, all_ in told)


def diagram(person: Person, release: int, process: str) -> bytes:
    """A diagram as it stands in a release. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "review", LIBRARY)
    return library(session, release).diagram(process)


def _file(path: str, changes: Sequence[Change], old: Library, new: Library) -> FileChanges:
    process = path.removeprefix("bpmn/").removesuffix(".bpmn") if path.endswith(".bpmn") else ""
    return FileChanges(path, name_of(path, new if path in new.files else old), process,
                       process in old.diagrams, process in new.diagrams, tuple(changes))  # fmt: skip


REGISTERS = {
    "deadlines": Text("期限登记", "Deadlines"),
    "roles": Text("岗位登记", "Roles"),
    "messages": Text("消息登记", "Messages"),
    "clauses": Text("条款登记", "Clauses"),
    "legal_bases": Text("法律依据登记", "Legal bases"),
    "papers": Text("文书登记", "Papers"),
}


def name_of(path: str, books: Library) -> Text:
    """What people call a file: its diagram's, form's or register's name; its path when it has none."""
    folder, _, stem = path.rpartition("/")
    stem = stem.rpartition(".")[0]
    if path.endswith(".bpmn"):
        return books.process_name(stem)
    return books.form(stem).name if folder == "forms" else REGISTERS.get(stem, Text(path, path))
