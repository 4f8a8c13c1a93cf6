"""Files at the questions of a form: judged, cleaned, sealed under the case's key, and read like the answers beside them.

A file is stored when it is added and belongs to who added it; the form that is sent takes it along, and what no form
took goes when the task is done. Its hash and name stand in the sealed part of an event. Source: ADR 0016.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, insert, or_, select, true
from sqlalchemy.orm import Session

from app.db import Row, db, settings, table, transaction
from app.errors import Forbidden, Invalid, NotFound
from app.models import Attachment, Case, Submission
from app.rules import files
from app.rules.access import Person, Resource
from app.rules.forms import Field, Form
from app.services import _photos, _scan, _seal, access, commands, practice
from app.services._attached import HEAD, LONGEST_ID, untaken
from app.services._seals import Seals
from app.services._work import LOCK_CASE
from app.text import Text

ATTACHMENT, CASE, SUBMISSION = table(Attachment), table(Case), table(Submission)
MOST_WAITING = 40
"""How many files of one person may wait for a form to take them, in one case."""
TOO_MANY = Text("加了太多还没提交的附件。请先提交。", "Too many files wait to be sent. Send the form first.")
BEHIND_SEAL = Text(
    "这个附件封存着。先在那份记录里说明理由。", "This file is sealed. Give a reason at its record first."
)


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is handed out, or named; `content` is empty where only named."""

    id: int
    name: str
    media: str
    size: int
    content: bytes = b""

    @property
    def label(self) -> str:
        """Its name and its size, in round figures."""
        size = f"{self.size / 2**20:.1f} MB" if self.size >= 2**20 else f"{max(1, self.size // 1024)} KB"
        return f"{self.name}　{size}"


# --- adding ------------------------------------------------------------------------------------


def store(
    person: Person, case_id: int, field: Field, name: str, content: bytes, lang: str, *, task_id: int | None = None
) -> File:
    """Keep a file that this person adds at a question; the caller has asked whether they may. Raises Invalid."""
    tidy = files.tidy(name)
    kind, plain = _let_in(tidy, content, field.name, lang)
    head = {"name": tidy, "sha256": hashlib.sha256(plain).hexdigest()}
    with transaction() as session:
        LOCK_CASE.first(session.connection(), {"id": case_id})
        wrapped_key = session.scalar(select(CASE.c.wrapped_key).where(CASE.c.id == case_id))
        key, place = _seal.open_key(wrapped_key), secrets.token_hex(16)
        waiting = select(ATTACHMENT.c.id).where(ATTACHMENT.c.case_id == case_id, *untaken(person.id))
        if len(session.execute(waiting).all()) >= MOST_WAITING:
            raise _refused(field.name, TOO_MANY, lang)
        values = {
            "case_id": case_id, "task_id": task_id, "user_id": person.id, "field": field.name, "kind": kind.code,
            "sensitivity": field.seal, "size": len(plain), "place": place, "stored_at": practice.now(),
            "head": key.seal(head, f"attachment.head:{place}"),
            "content": key.seal_bytes(plain, f"attachment.content:{place}"),
        }  # fmt: skip
        id_: int = session.scalar(insert(ATTACHMENT).values(values).returning(ATTACHMENT.c.id))
    return File(id_, tidy, kind.media, len(plain))


def _let_in(name: str, content: bytes, field: str, lang: str) -> tuple[files.Kind, bytes]:
    """The kind of a file, and what of it is kept. Raises Invalid."""
    kind = files.judge(name, content, settings().file_max_bytes)
    if isinstance(kind, Text):
        raise _refused(field, kind, lang)
    objection = _scan.objection(content)
    if objection is not None:
        raise _refused(field, objection, lang)
    plain = _photos.drawn_again(content, kind) if kind.photo else content
    if isinstance(plain, Text):
        raise _refused(field, plain, lang)
    return kind, plain


def _refused(field: str, text: Text, lang: str) -> Invalid:
    return Invalid("file", text, {field: text.say(lang)})


# --- reading -----------------------------------------------------------------------------------


Named = dict[str, tuple[tuple[str, str], ...]]
"""The files at each question: (id, label)."""


def named(session: Session, case_id: int, form: Form, answers: Mapping[str, Any], among: Any = None) -> Named:
    """The names of the files in stored answers; in answers that somebody typed, of those `among` only."""
    asked = {name: answers.get(name) for name, field in form.questions.items() if field.kind == "filepicker"}
    codes = {str(code) for chosen in asked.values() if isinstance(chosen, list) for code in chosen}
    ids = {int(code) for code in codes if code.isascii() and code.isdecimal() and len(code) < LONGEST_ID}
    wrapped_key = session.scalar(select(CASE.c.wrapped_key).where(CASE.c.id == case_id)) if ids else None
    if wrapped_key is None:
        return {}
    where = (ATTACHMENT.c.case_id == case_id, ATTACHMENT.c.id.in_(ids), true() if among is None else among)
    rows = session.execute(select(*HEAD).where(*where)).mappings()
    labels = {(row["field"], str(row["id"])): _file(row, _seal.open_key(wrapped_key)).label for row in rows}
    return {
        name: tuple((str(code), labels.get((name, str(code)), "")) for code in chosen)
        for name, chosen in asked.items()
        if isinstance(chosen, list)
    }


def at_hand(person: Person, task_id: int | None) -> Any:
    """True for files whose names this person may be told at a form: their own not yet sent, and those of the task."""
    own = and_(*untaken(person.id))
    return or_(own, and_(ATTACHMENT.c.submission_id.is_not(None), ATTACHMENT.c.task_id == task_id)) if task_id else own


def _file(row: Row, key: _seal.CaseKey, content: bytes = b"") -> File:
    head = key.open(row["head"], f"attachment.head:{row['place']}")
    return File(row["id"], str(head["name"]), files.KINDS[row["kind"]].media, row["size"], content)


def fetch(person: Person, file_id: int) -> File:
    """A file, to take away; that it was read is recorded. Raises NotFound, Forbidden, NeedsReason."""
    session = db.session()
    row = session.execute(select(ATTACHMENT).where(ATTACHMENT.c.id == file_id)).mappings().first()
    if row is None or (row["submission_id"] is None and row["user_id"] != person.id):
        raise NotFound("no_file", access.NOTHING_HERE)
    if row["submission_id"] is not None:
        _require(session, person, row)
    key = _seal.open_key(session.scalar(select(CASE.c.wrapped_key).where(CASE.c.id == row["case_id"])))
    found = _file(row, key, key.open_bytes(row["content"], f"attachment.content:{row['place']}"))
    if row["submission_id"] is not None and row["sensitivity"] in ("S2", "S3"):
        _record(person, row)
    return found


def _require(session: Session, person: Person, row: Row) -> None:
    """Nothing, where this person may read what the file was sent with. Raises NotFound, Forbidden, NeedsReason."""
    author = session.scalar(select(SUBMISSION.c.user_id).where(SUBMISSION.c.id == row["submission_id"]))
    resource = replace(_resource(session, person, row), author_id=author)
    access.require(session, person, "see", resource)
    if row["sensitivity"] == "S2":
        access.require(session, person, "read", resource, "S2")
    if row["sensitivity"] == "S3":
        seal = Seals(session, person, row["case_id"], resource).of(
            row["submission_id"], author, frozenset((row["field"],))
        )
        if seal is None or not seal.open:
            raise Forbidden("sealed", BEHIND_SEAL, record=row["submission_id"])


def _resource(session: Session, person: Person, row: Row) -> Resource:
    """The task that it came with, for whoever sees that; else its case."""
    if row["task_id"] is not None:
        task = access.task_resource(session, row["task_id"])
        if access.policy(session).can(person, "see", task):
            return task
    return access.case_resource(session, row["case_id"])


def _record(person: Person, row: Row) -> None:
    with commands.work_on(access.at_task(db.session(), person, row["task_id"])) as work:
        case = work.lock(row["case_id"])
        data = {"file": row["id"], "submission": row["submission_id"], "fields": [row["field"]]}
        case.chain.append("file_read", data, at=work.now, actor_id=person.id, task_id=row["task_id"])
