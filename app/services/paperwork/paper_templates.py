"""Templates of papers: the shipped ones, and those that policy staff put in their place; none is ever lost."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app import documents
from app.db import db, table, transaction
from app.documents import Problem
from app.errors import Invalid, NotFound
from app.models import PaperTemplate, User
from app.rules.access import Person, Resource
from app.services import access, practice, releases
from app.services.library import Library, library
from app.services.paperwork.paper_views import PaperFile, TemplateKind, TemplateLine
from app.text import Text

TEMPLATE, USER = table(PaperTemplate), table(User)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
LONGEST_NOTE = 200
SHIPPED = Text("随系统来的", "Came with the program")
NO_FILE = Text("还没有选文件。", "No file is chosen yet.")
NO_NOTE = Text("请写一句改了什么，200字以内。", "Say in a sentence what changed, within 200 characters.")
UNFIT = Text("这份模板还不能用，下面是要改的地方。", "This template cannot be used yet; see what has to be mended.")
NO_TEMPLATE = Text(
    "这种文书还没有模板。请政策人员先上传一份。",
    "There is no template for this paper yet. Policy staff have to upload one.",
)


class Unfit(Invalid):
    """A template that is not taken; `problems` say what has to be mended, and where."""

    def __init__(self, problems: tuple[Problem, ...], lang: str) -> None:
        super().__init__("template", UNFIT, {"template": problems[0].message.say(lang)})
        self.problems = problems


def in_force(session: Session, kind: str) -> tuple[str, bytes]:
    """The hash and bytes of the template that new papers of this kind are made from. Raises NotFound."""
    query = select(TEMPLATE.c.hash, TEMPLATE.c.content).where(TEMPLATE.c.kind == kind)
    row = session.execute(query.order_by(TEMPLATE.c.version.desc()).limit(1)).first()
    content = row.content if row else documents.shipped(kind)
    if content is None:
        raise NotFound("no_template", NO_TEMPLATE, kind=kind)
    return digest(content), content


def by_hash(session: Session, kind: str, wanted: str) -> bytes:
    """The bytes of the template with this hash; the one in force where a shipped one went with an upgrade."""
    content = session.scalar(
        select(TEMPLATE.c.content).where(TEMPLATE.c.kind == kind, TEMPLATE.c.hash == wanted).limit(1)
    )
    if content is not None:
        return bytes(content)
    shipped = documents.shipped(kind)
    return shipped if shipped is not None and digest(shipped) == wanted else in_force(session, kind)[1]


def version_of(session: Session, kind: str, wanted: str) -> int:
    """The version of the template with this hash; 0 for one that came with the program."""
    query = select(TEMPLATE.c.version).where(TEMPLATE.c.kind == kind, TEMPLATE.c.hash == wanted)
    return session.scalar(query.order_by(TEMPLATE.c.version.desc()).limit(1)) or 0


def digest(content: bytes) -> str:
    """The SHA-256 by which a template, or a paper's file, is known."""
    return hashlib.sha256(content).hexdigest()


def index(person: Person) -> tuple[TemplateKind, ...]:
    """Every kind of paper with its templates. Raises Forbidden unless the person is policy staff."""
    session = db.session()
    access.require(session, person, "edit", Resource("library"))
    books = library(session, releases.current(session))
    return tuple(_kind(session, books, kind) for kind in books.papers)


def _kind(session: Session, books: Library, kind: str) -> TemplateKind:
    row = books.papers[kind]
    query = select(TEMPLATE, USER.c.name).join(USER, USER.c.id == TEMPLATE.c.uploaded_by).where(TEMPLATE.c.kind == kind)
    found = [
        TemplateLine(one["version"], one["hash"], one["note"], one["name"], one["uploaded_at"])
        for one in session.execute(query.order_by(TEMPLATE.c.version.desc())).mappings()
    ]
    shipped = documents.shipped(kind)
    if shipped is not None:
        found.append(TemplateLine(0, digest(shipped), "", "", None))
    forms = tuple(books.form(form).name for form in row["forms"] if f"forms/{form}.json" in books.files)
    return TemplateKind(kind, books.paper_name(kind), row["word"], forms, tuple(row["sealed"]), tuple(found))


def file(person: Person, kind: str, version: int) -> PaperFile:
    """A template, to be edited in Word or WPS. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "edit", Resource("library"))
    content = documents.shipped(kind) if version == 0 and kind in _kinds(session) else session.scalar(
        select(TEMPLATE.c.content).where(TEMPLATE.c.kind == kind, TEMPLATE.c.version == version)
    )  # fmt: skip
    if content is None:
        raise NotFound("no_template", access.NOTHING_HERE)
    return PaperFile(content, f"{kind}-{version}.docx", DOCX)


def upload(person: Person, kind: str, content: bytes, note: str, lang: str = "zh") -> int:
    """Put a template in force; returns its version. Raises Unfit, Invalid, NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "edit", Resource("library"))
    kinds = _kinds(session)
    if kind not in kinds:
        raise NotFound("no_paper", access.NOTHING_HERE)
    wrong = {"template": NO_FILE if not content else None,
             "note": NO_NOTE if not 0 < len(note.strip()) <= LONGEST_NOTE else None}  # fmt: skip
    if fields := {name: text.say(lang) for name, text in wrong.items() if text}:
        raise Invalid("template", UNFIT, fields)
    if problems := check(content, frozenset(kinds[kind]["sealed"])):
        raise Unfit(problems, lang)
    return _keep(person, kind, content, note.strip(), practice.now())


def check(content: bytes, sealed: frozenset[str]) -> tuple[Problem, ...]:
    """Everything wrong with a template: what it holds, and whether it can be filled and typeset at all."""
    found = documents.problems(content, sealed)
    if found:
        return found
    try:
        filled = documents.fill(content, documents.uses(content), {})
        documents.typeset(documents.blocks_of(filled), "", "", practice.now(), mark="草稿")
    except Exception:
        return (
            Problem(
                Text(
                    "这份模板填不出来。请从系统里的模板改起。",
                    "This template cannot be filled. Start from the one in the system.",
                )
            ),
        )
    return ()


def _kinds(session: Session) -> dict[str, dict[str, list[str]]]:
    return library(session, releases.current(session)).papers


def _keep(person: Person, kind: str, content: bytes, note: str, now: datetime) -> int:
    with transaction() as writing:
        last: int = (
            writing.scalar(select(func.coalesce(func.max(TEMPLATE.c.version), 0)).where(TEMPLATE.c.kind == kind)) or 0
        )
        values = {"kind": kind, "version": last + 1, "hash": digest(content), "content": content, "note": note,
                  "uploaded_at": now, "uploaded_by": person.id}  # fmt: skip
        writing.execute(insert(TEMPLATE).values(values))
        return last + 1
