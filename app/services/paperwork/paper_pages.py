"""Papers as people look at them: the list of a case, one paper, its files and pictures. Every file handed out is an event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import documents
from app.db import Row, db, table
from app.errors import NotFound
from app.models import Case, Event, Paper, Unit, User
from app.rules.access import Person
from app.services import _seal, access, cases, commands, releases, tasks
from app.services._work import Actor
from app.services.library import Library, library
from app.services.paperwork import paper_templates, papers
from app.services.paperwork._paper_facts import Facts, paper_number
from app.services.paperwork._paper_rows import PaperRow, may_draw, read, secret_place
from app.services.paperwork.paper_templates import DOCX, digest
from app.services.paperwork.paper_views import CasePapers, Gap, PaperFile, PaperKind, PaperLine, PaperPage
from app.services.views import Seal
from app.text import Text

PAPER, CASE, EVENT, UNIT, USER = (table(model) for model in (Paper, Case, Event, Unit, User))
MEDIA = {"docx": DOCX, "pdf": "application/pdf"}


def of_case(person: Person, case_id: int) -> CasePapers:
    """The papers of a case and what may be drawn up. Raises NotFound, Forbidden."""
    session = db.session()
    resource = access.case_resource(session, case_id)
    access.require(session, person, "see", resource)
    books = library(session, releases.current(session))
    opened_at = session.scalar(select(CASE.c.opened_at).where(CASE.c.id == case_id))
    assert opened_at is not None, "the case was found"
    lines = tuple(_line(books, row) for row in _rows(session, PAPER.c.case_id == case_id))
    kinds = _kinds(books, tuple(books.papers)) if may_draw(session, person, case_id) else ()
    return CasePapers(case_id, cases.number(case_id, opened_at), lines, kinds)


def for_task(person: Person, task_id: int) -> tuple[PaperKind, ...]:
    """The kinds of paper that belong to a task's form, and that this person may draw up."""
    session = db.session()
    form, case_id = tasks.form_of(task_id)
    books = library(session, releases.current(session))
    kinds = tuple(kind for kind, row in books.papers.items() if form.id in row["forms"])
    return _kinds(books, kinds) if kinds and may_draw(session, person, case_id) else ()


def _kinds(books: Library, kinds: tuple[str, ...]) -> tuple[PaperKind, ...]:
    return tuple(PaperKind(kind, books.paper_name(kind)) for kind in kinds)


def _rows(session: Session, *where: Any) -> list[Row]:
    query = (
        select(*(PAPER.c[name] for name in _OPEN), UNIT.c.name_zh, UNIT.c.name_en, USER.c.name.label("by"))
        .join(UNIT, UNIT.c.id == PAPER.c.unit_id)
        .join(USER, USER.c.id == PAPER.c.drafted_by)
    )
    return list(session.execute(query.where(*where).order_by(PAPER.c.id.desc())).mappings())


_OPEN = ("id", "kind", "status", "version", "word", "year", "ordinal", "drafted_at", "issued_at")


def _line(books: Library, row: Row) -> PaperLine:
    return PaperLine(
        row["id"], row["kind"], books.paper_name(row["kind"]), paper_number(row), row["status"], row["version"],
        Text(row["name_zh"], row["name_en"]), row["by"], row["issued_at"] or row["drafted_at"],
    )  # fmt: skip


def page(person: Person, paper_id: int) -> PaperPage:
    """One paper. Raises NotFound, Forbidden, NeedsReason."""
    paper = read(person, paper_id)
    session, books = paper.session, library(paper.session, paper.release_id)
    erased = paper.wrapped_key is None
    shown = not (erased or paper.locks)
    blocks = documents.blocks_of(_docx(paper)) if shown else ()
    names = dict(
        session.execute(select(USER.c.id, USER.c.name).where(USER.c.id.in_((paper.drafted_by, paper.issued_by)))).all()
    )
    withdrawn, withdrawn_at = _withdrawal(paper)
    issued = paper.docx is not None and shown
    return PaperPage(
        line=_line(books, _rows(session, PAPER.c.id == paper_id)[0]),
        case_id=paper.case_id,
        case_number=cases.number(paper.case_id, paper.opened_at),
        task_id=paper.task_id,
        open=shown,
        locks=() if erased else paper.locks,
        sheets=documents.sheets(blocks) if shown else 0,
        gaps=_gaps(paper) if shown else (),
        unprintable=documents.unprintable(documents.text_of(blocks)) if shown else "",
        template=_template(paper),
        docx_hash=digest(_opened(paper, "docx")) if issued else "",
        pdf_hash=digest(_opened(paper, "pdf")) if issued else "",
        former=next((_line(books, row) for row in _rows(session, PAPER.c.id == paper.former_id)), None),
        newer=next((_line(books, row) for row in _rows(session, PAPER.c.former_id == paper_id)), None),
        drafted_by=names.get(paper.drafted_by, ""),
        drafted_at=paper.drafted_at,
        issued_by=names.get(paper.issued_by, ""),
        issued_at=paper.issued_at,
        withdrawn=withdrawn,
        withdrawn_at=withdrawn_at,
        may=_may(paper) if shown else frozenset(),
        erased=erased,
    )


def _may(paper: PaperRow) -> frozenset[str]:
    own = paper.unit_id in {post.unit_id for post in paper.person.posts}
    if not (own and may_draw(paper.session, paper.person, paper.case_id)):
        return frozenset()
    return {
        "draft": frozenset(("fill", "renew", "issue", "drop")),
        "issued": frozenset(("revise", "withdraw")),
        "replaced": frozenset(("withdraw",)),
        "withdrawn": frozenset(("revise",)),
    }[paper.status]


def _gaps(paper: PaperRow) -> tuple[Gap, ...]:
    """Blanks of the paper, those filled by hand among them; of a draft also which of them lie sealed on record."""
    typed, known = paper.content["typed"], paper.content["values"]
    shut = _shut(paper) if paper.status == "draft" else {}
    return tuple(
        Gap(
            name,
            documents.FIELDS[name].label,
            shut.get(name),
            typed.get(name, ""),
            bool(documents.FIELDS[name].columns),
        )
        for name in documents.gaps(paper.used, known)
    )


def _shut(paper: PaperRow) -> dict[str, Seal]:
    """The fields whose values are on record, but sealed to this person; nothing is opened by asking."""
    wanted = paper.wanted(paper.drafted_at)
    facts = Facts(paper.session, wanted, lambda _: False)
    facts.values(sorted(wanted.sealed))
    return facts.shut


def _withdrawal(paper: PaperRow) -> tuple[str, Any]:
    """Why and when it was withdrawn."""
    if paper.withdrawn_seq is None:
        return "", None
    where = (EVENT.c.case_id == paper.case_id, EVENT.c.seq == paper.withdrawn_seq)
    event = paper.session.execute(select(EVENT).where(*where)).mappings().one()
    if paper.wrapped_key is None:
        return "", event["recorded_at"]
    place = f"event.sealed:{paper.case_id}:{event['seq']}"
    opened = _seal.open_key(paper.wrapped_key).open(event["sealed"], place)
    return str(opened["secret"]["reason"]), event["recorded_at"]


def _template(paper: PaperRow) -> Text:
    version = paper_templates.version_of(paper.session, paper.kind, paper.template)
    return Text(f"第{version}版模板", f"template {version}") if version else paper_templates.SHIPPED


# --- files ------------------------------------------------------------------------------------


def _docx(paper: PaperRow) -> bytes:
    return _opened(paper, "docx") if paper.docx is not None else paper.word({})


def _opened(paper: PaperRow, column: str) -> bytes:
    place = secret_place(paper.case_id, paper.kind, paper.drafted_at, column)
    return _seal.open_key(paper.wrapped_key).open_bytes(paper.row[column], place)


def file(person: Person, paper_id: int, form: str) -> PaperFile:
    """A paper's file, `form` docx or pdf: of an issued one always the same bytes. The handing out is recorded.

    Raises NotFound, Forbidden, NeedsReason.
    """
    paper = _to_read(person, paper_id)
    if form not in MEDIA:
        raise NotFound("no_format", access.NOTHING_HERE)
    if paper.docx is not None:
        content = _opened(paper, form)
    else:
        content = paper.word({})
        if form == "pdf":
            content = documents.typeset(documents.blocks_of(content), paper.name.zh, "", paper.drafted_at, mark="草稿")
    _record(paper, form)
    return PaperFile(content, f"{paper.number or f'{paper.name.zh}（草稿）'}.{form}", MEDIA[form])


def picture(person: Person, paper_id: int, sheet: int) -> bytes:
    """One sheet as a picture; looking at the first is recorded as looking at the paper. Raises NotFound, Forbidden."""
    paper = _to_read(person, paper_id)
    drawn = documents.draw(
        documents.blocks_of(_docx(paper)), sheet, mark="草稿" if paper.docx is None else papers.mark()
    )
    if drawn is None:
        raise NotFound("no_sheet", access.NOTHING_HERE)
    if sheet == 1 and paper.docx is not None:
        _record(paper, "picture")
    return drawn


def _to_read(person: Person, paper_id: int) -> PaperRow:
    paper = read(person, paper_id)
    paper.require_open()
    return paper


def _record(paper: PaperRow, form: str) -> None:
    with commands.work_on(Actor(paper.person.id, "desk")) as work:
        case = work.lock(paper.case_id)
        data = {"paper": paper.id, "type": paper.kind, "format": form, "issued": paper.docx is not None}
        case.chain.append("paper_read", data, at=work.now, actor_id=paper.person.id)
