"""Official papers: those of a case, drawing one up, filling its gaps, issuing, withdrawing, its files."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Response, send_file

from app.api import caller
from app.api.blueprints import Blueprint
from app.api.languages import lang
from app.api.schemas import papers as schemas
from app.services.paperwork import paper_pages, paper_views
from app.services.paperwork import papers as service

papers = Blueprint("papers", "Official papers of cases, drawn up from the record.")


@papers.operation("GET", "listPapers", query=schemas.PaperQuery, gives=schemas.PaperList, refuses=(403, 404, 422))
def index(asked: dict[str, Any]) -> paper_views.CasePapers:
    """The papers of a case, newest first, and the kinds that the caller may draw up."""
    return paper_pages.of_case(caller.me(), asked["case"])


@papers.operation("POST", "draftPaper", status=201, body=schemas.NewPaper, gives=schemas.Paper, refuses=(403, 404))
def draft(asked: dict[str, Any]) -> paper_views.PaperPage:
    """Draw up a paper from the record; for the caller's own task also what is sealed and needed, which is recorded."""
    paper_id = service.draft(caller.me(), asked["case"], asked["kind"], asked["task"])
    return paper_pages.page(caller.me(), paper_id)


@papers.operation("GET /<int:paper_id>", "getPaper", gives=schemas.Paper, refuses=(403, 404))
def show(paper_id: int) -> paper_views.PaperPage:
    """One paper: its state, the blanks that it leaves, its checksums."""
    return paper_pages.page(caller.me(), paper_id)


@papers.operation(
    "POST /<int:paper_id>/fill", "fillPaper", body=schemas.PaperGaps, gives=schemas.Paper, refuses=(403, 404, 409)
)
def fill(asked: dict[str, Any], paper_id: int) -> paper_views.PaperPage:
    """Put into a draft what is not on record; what is on record stays as it is."""
    service.fill(caller.me(), paper_id, asked["values"], lang())
    return paper_pages.page(caller.me(), paper_id)


@papers.operation(
    "POST /<int:paper_id>/issue", "issuePaper", body=schemas.PaperIssue, gives=schemas.Paper, refuses=(403, 404, 409)
)
def issue(asked: dict[str, Any], paper_id: int) -> paper_views.PaperPage:
    """Give a draft its number; refused with 422 while it leaves blanks that were not confirmed."""
    service.issue(caller.me(), paper_id, blanks=asked["blanks"], lang=lang())
    return paper_pages.page(caller.me(), paper_id)


@papers.operation(
    "POST /<int:paper_id>/withdraw",
    "withdrawPaper",
    body=schemas.PaperReason,
    gives=schemas.Paper,
    refuses=(403, 404, 409),
)
def withdraw(asked: dict[str, Any], paper_id: int) -> paper_views.PaperPage:
    """Take an issued paper back; its number and bytes stay on record."""
    service.withdraw(caller.me(), paper_id, asked["reason"], lang())
    return paper_pages.page(caller.me(), paper_id)


@papers.operation("GET /<int:paper_id>/file.<form>", "getPaperFile", file=True, refuses=(403, 404))
def file(paper_id: int, form: str) -> Response:
    """The file, `form` docx or pdf; of an issued paper always the same bytes. Handing it out is recorded."""
    given = paper_pages.file(caller.me(), paper_id, form)
    return send_file(BytesIO(given.content), given.media, as_attachment=True, download_name=given.name)
