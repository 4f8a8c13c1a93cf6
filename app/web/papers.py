"""Official papers: the list of a case, one paper with its sheets, gaps and files; and the templates of policy staff."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, Response, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.documents import FIELDS, LARGEST_UPLOAD, Problem
from app.errors import Invalid
from app.services.paperwork import paper_pages, paper_templates
from app.services.paperwork import papers as service
from app.services.paperwork.paper_views import PaperFile
from app.web import frame

papers = Blueprint("papers", __name__)


@papers.get("/cases/<int:case_id>/papers")
@auth_required()
def index(case_id: int) -> ResponseReturnValue:
    """The papers of a case, and what may be drawn up."""
    return render_template("paper/index.html", papers=paper_pages.of_case(frame.me(), case_id))


@papers.post("/cases/<int:case_id>/papers")
@auth_required()
def draft(case_id: int) -> ResponseReturnValue:
    """Draw up a paper: its kind, and the task for which it is."""
    task_id = request.form.get("task", type=int)
    paper_id = service.draft(frame.me(), case_id, request.form.get("kind", ""), task_id)
    return redirect(url_for("papers.show", paper_id=paper_id))


@papers.get("/papers/<int:paper_id>")
@auth_required()
def show(paper_id: int) -> ResponseReturnValue:
    """One paper: what is missing, how it looks, its files."""
    return _page(paper_id, {}, {})


def _page(paper_id: int, typed: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("paper/show.html", paper=paper_pages.page(frame.me(), paper_id), typed=typed, errors=errors)


@papers.get("/papers/<int:paper_id>/sheets/<int:sheet>.png")
@auth_required()
def sheet(paper_id: int, sheet: int) -> ResponseReturnValue:
    """One sheet as a picture."""
    return Response(paper_pages.picture(frame.me(), paper_id, sheet), mimetype="image/png")


@papers.get("/papers/<int:paper_id>/file.<form>")
@auth_required()
def file(paper_id: int, form: str) -> ResponseReturnValue:
    """The Word file or the PDF; handing it out is recorded."""
    return _download(paper_pages.file(frame.me(), paper_id, form))


def _download(given: PaperFile) -> Response:
    return send_file(BytesIO(given.content), given.media, as_attachment=True, download_name=given.name)


@papers.post("/papers/<int:paper_id>/fill")
@auth_required()
def fill(paper_id: int) -> ResponseReturnValue:
    """Put in by hand what is not on record."""
    typed = {name: request.form[name] for name in FIELDS if name in request.form}
    try:
        service.fill(frame.me(), paper_id, typed, frame.lang())
    except Invalid as wrong:
        return _page(paper_id, typed, wrong.fields), 422
    return redirect(url_for("papers.show", paper_id=paper_id))


@papers.post("/papers/<int:paper_id>/renew")
@auth_required()
def renew(paper_id: int) -> ResponseReturnValue:
    """Read the record again into a draft."""
    service.renew(frame.me(), paper_id)
    return redirect(url_for("papers.show", paper_id=paper_id))


@papers.post("/papers/<int:paper_id>/issue")
@auth_required()
def issue(paper_id: int) -> ResponseReturnValue:
    """Give it its number; with blanks only where that was confirmed."""
    try:
        service.issue(frame.me(), paper_id, blanks="blanks" in request.form, lang=frame.lang())
    except Invalid as wrong:
        return _page(paper_id, {}, wrong.fields), 422
    return redirect(url_for("papers.show", paper_id=paper_id))


@papers.post("/papers/<int:paper_id>/drop")
@auth_required()
def drop(paper_id: int) -> ResponseReturnValue:
    """Throw a draft away."""
    case_id = paper_pages.page(frame.me(), paper_id).case_id
    service.drop(frame.me(), paper_id)
    return redirect(url_for("papers.index", case_id=case_id))


@papers.post("/papers/<int:paper_id>/revise")
@auth_required()
def revise(paper_id: int) -> ResponseReturnValue:
    """Draw it up anew from the record as it is now."""
    return redirect(url_for("papers.show", paper_id=service.revise(frame.me(), paper_id)))


@papers.post("/papers/<int:paper_id>/withdraw")
@auth_required()
def withdraw(paper_id: int) -> ResponseReturnValue:
    """Take an issued paper back, with a reason."""
    reason = request.form.get("reason", "")
    try:
        service.withdraw(frame.me(), paper_id, reason, frame.lang())
    except Invalid as wrong:
        return _page(paper_id, {"reason": reason}, wrong.fields), 422
    return redirect(url_for("papers.show", paper_id=paper_id))


# --- templates --------------------------------------------------------------------------------


@papers.get("/paper-templates")
@auth_required()
def templates() -> ResponseReturnValue:
    """Every kind of paper with its templates, for policy staff."""
    return _templates("", {}, ())


def _templates(kind: str, errors: dict[str, str], problems: tuple[Problem, ...], note: str = "") -> str:
    kinds = paper_templates.index(frame.me())
    return render_template(
        "paper/templates.html",
        kinds=kinds,
        fields=FIELDS.values(),
        kind=kind,
        errors=errors,
        problems=problems,
        note=note,
    )


@papers.post("/paper-templates/<kind>")
@auth_required()
def upload(kind: str) -> ResponseReturnValue:
    """Put another template in force, once it was found fit."""
    sent, note = request.files.get("template"), request.form.get("note", "")
    content = sent.read(LARGEST_UPLOAD + 1) if sent else b""
    try:
        paper_templates.upload(frame.me(), kind, content, note, frame.lang())
    except paper_templates.Unfit as unfit:
        return _templates(kind, unfit.fields, unfit.problems, note), 422
    except Invalid as wrong:
        return _templates(kind, wrong.fields, (), note), 422
    return redirect(url_for("papers.templates", _anchor=kind))


@papers.get("/paper-templates/<kind>/<int:version>.docx")
@auth_required()
def template(kind: str, version: int) -> ResponseReturnValue:
    """A template, to be edited in Word or WPS."""
    return _download(paper_templates.file(frame.me(), kind, version))
