"""One child, one file: two files compared, merged and taken apart; reports attached to the right child."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.errors import Invalid
from app.services import attaching, cases, merging
from app.web import frame

one_child = Blueprint("one_child", __name__, url_prefix="/cases")


@one_child.route("/<int:case_id>/merge", methods=["GET", "POST"])
@auth_required()
def merge(case_id: int) -> ResponseReturnValue:
    """Files that may be the same child's, and one to be named by its number."""
    merging.require(frame.me(), case_id)
    errors: dict[str, str] = {}
    number = request.form.get("number", "")
    if request.method == "POST":
        try:
            other = merging.by_number(frame.me(), case_id, number, frame.lang())
            return redirect(url_for("one_child.compare", case_id=case_id, other_id=other))
        except Invalid as error:
            errors = error.fields
    page = render_template("case/merge.html", case=cases.page(frame.me(), case_id, frame.lang()), number=number,
                           standing=merging.standing(frame.me(), case_id, frame.lang()), errors=errors)  # fmt: skip
    return page, 422 if errors else 200


@one_child.route("/<int:case_id>/merge/<int:other_id>", methods=["GET", "POST"])
@auth_required()
def compare(case_id: int, other_id: int) -> ResponseReturnValue:
    """Two files beside each other; which of them stands for both, and why."""
    sides = merging.compare(frame.me(), case_id, other_id, frame.lang())
    keep, reason = request.form.get("keep", type=int), request.form.get("reason", "")
    checked = "checked" in request.form
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            if keep not in (case_id, other_id):
                raise Invalid("keep", merging.CHOOSE, {"keep": merging.CHOOSE.say(frame.lang())})
            alias = other_id if keep == case_id else case_id
            merging.merge(frame.me(), alias, keep, reason, frame.lang(), checked=checked)
            return redirect(url_for("cases.show", case_id=keep))
        except Invalid as error:
            errors = error.fields
    apart = merging.apart(*(side.told for side in sides))
    page = render_template(
        "case/compare.html", sides=sides, apart=apart, keep=keep, reason=reason, checked=checked, errors=errors
    )
    return page, 422 if errors else 200


@one_child.route("/<int:case_id>/unmerge", methods=["GET", "POST"])
@auth_required()
def unmerge(case_id: int) -> ResponseReturnValue:
    """Take a file out of the one it was merged into."""
    merging.require(frame.me(), case_id)
    standing = merging.standing(frame.me(), case_id, frame.lang())
    errors: dict[str, str] = {}
    reason = request.form.get("reason", "")
    if request.method == "POST":
        try:
            merging.unmerge(frame.me(), case_id, reason, frame.lang())
            return redirect(url_for("cases.show", case_id=case_id))
        except Invalid as error:
            errors = error.fields
    page = render_template("case/unmerge.html", case=cases.page(frame.me(), case_id, frame.lang()), standing=standing,
                           reason=reason, errors=errors)  # fmt: skip
    return page, 422 if errors else 200


@one_child.route("/<int:case_id>/attach", methods=["GET", "POST"])
@auth_required()
def attach(case_id: int) -> ResponseReturnValue:
    """The children's cases of a report: attach it to another, or take it away from one."""
    linked = attaching.of_report(frame.me(), case_id)
    typed = {name: request.form.get(name, "") for name in ("number", "reason", "why")}
    away = request.form.get("away", type=int)
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            if "why" in request.form:
                attaching.detach(frame.me(), case_id, away or 0, typed["why"], frame.lang())
            else:
                attaching.attach(frame.me(), case_id, typed["number"], typed["reason"], frame.lang())
            return redirect(url_for("one_child.attach", case_id=case_id))
        except Invalid as error:
            errors = error.fields if "why" not in request.form else {"why": error.fields["reason"]}
    page = render_template("case/attach.html", case=cases.page(frame.me(), case_id, frame.lang()), typed=typed,
                           linked=linked, errors=errors, away=away)  # fmt: skip
    return page, 422 if errors else 200
