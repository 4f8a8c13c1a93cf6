"""The processes of the release in force: anyone who signs in may read every diagram."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.services import processes as service
from app.web import frame

processes = Blueprint("processes", __name__, url_prefix="/processes")


@processes.get("/")
@auth_required()
def index() -> ResponseReturnValue:
    """Every process, with how many people's steps it has and how many run."""
    return render_template("process/index.html", processes=service.index(), release=service.release())


@processes.get("/<process>")
@auth_required()
def show(process: str) -> ResponseReturnValue:
    """One process: the picture, and the same as a table."""
    books = frame.books()
    definition = books.definition(process)
    elements = definition.elements(process)
    return render_template(
        "process/show.html",
        process=definition,
        elements=elements,
        running=service.running().get(process, 0),
        supervises=frame.supervises(frame.me()),
        roles={e.role: books.role_name(e.role) for e in elements if e.role},
        forms={e.form: books.form(e.form).name for e in elements if e.form},
        deadlines={e.deadline: books.deadlines.describe(e.deadline).name for e in elements if e.deadline},
        clauses={c: books.clauses[c] for e in elements for c in e.clauses if c in books.clauses},
    )


@processes.get("/<process>.bpmn")
@auth_required()
def xml(process: str) -> ResponseReturnValue:
    """The diagram's file."""
    return frame.books().definition(process).xml(), {"Content-Type": "application/xml; charset=utf-8"}
