"""Cases: the list, a case's home page, its diagrams, and “the child is in danger again”."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.db import db
from app.errors import NotFound
from app.services import access, merging, reports, suspensions
from app.services import cases as service
from app.services._work import Actor
from app.services.history import replay
from app.services.paperwork import paper_pages
from app.web import frame

cases = Blueprint("cases", __name__, url_prefix="/cases")


@cases.route("/", methods=["GET", "POST"])
@auth_required()
def index() -> ResponseReturnValue:
    """The cases this person may see; `q` is a child's whole name or a number, posted: a name is not for addresses."""
    search, before = request.form.get("q", "").strip(), request.values.get("after", 0, type=int)
    found, total, after = service.index(frame.me(), search, before, frame.lang())
    return render_template("case/index.html", cases=found, total=total, query=search, after=after)


@cases.get("/<int:case_id>")
@auth_required()
def show(case_id: int) -> ResponseReturnValue:
    """A case's home page."""
    page = service.page(frame.me(), case_id, frame.lang())
    past = url_for("audit.replay", case_id=case_id) if replay.may(frame.me(), case_id) else None
    papers = paper_pages.of_case(frame.me(), case_id) if page.kind == "child" else None
    standing = merging.standing(frame.me(), case_id, frame.lang())
    return render_template("case/case.html", case=page, replay=past, papers=papers, standing=standing)


@cases.get("/<int:case_id>/diagram/<int:instance_id>")
@auth_required()
def diagram(case_id: int, instance_id: int) -> ResponseReturnValue:
    """One instance on its diagram, large, with the table that says the same."""
    page = service.page(frame.me(), case_id, frame.lang())
    process = request.args.get("process", "")
    views = [view for view in page.diagrams if view.instance_id == instance_id]
    view = next((view for view in views if view.process == process), views[0] if views else None)
    if view is None:
        raise NotFound("no_instance", access.NOTHING_HERE)
    elements = service.elements(case_id, instance_id, view.process)
    xml = url_for("cases.xml", case_id=case_id, instance_id=instance_id, process=view.process)
    may_wait = suspensions.may(db.session(), frame.me(), instance_id)
    return render_template("case/diagram.html", case=page, view=view, elements=elements, xml=xml, may_wait=may_wait)


@cases.get("/<int:case_id>/diagram/<int:instance_id>/<process>.bpmn")
@auth_required()
def xml(case_id: int, instance_id: int, process: str) -> ResponseReturnValue:
    """The diagram that an instance runs, of its own release."""
    content = service.diagram(frame.me(), case_id, instance_id, process)
    return content, {"Content-Type": "application/xml; charset=utf-8"}


@cases.post("/<int:case_id>/new-danger")
@auth_required()
def new_danger(case_id: int) -> ResponseReturnValue:
    """The child is in danger again: a new emergency begins in this case at once."""
    reports.new_danger(frame.me(), case_id, Actor(frame.me().id, "desk"))
    return redirect(url_for("cases.show", case_id=case_id))
