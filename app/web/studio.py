"""The policy studio: releases, and how one differs from another."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_security import auth_required

from app.services.studio import comparing
from app.services.studio.comparing import FileChanges
from app.services.studio.difference import Way
from app.web import frame

studio = Blueprint("studio", __name__, url_prefix="/studio")


@studio.get("/")
@auth_required()
def index() -> ResponseReturnValue:
    """Every release, and which two to compare."""
    return render_template("studio/index.html", releases=comparing.index(frame.me()))


@studio.get("/compare")
@auth_required()
def compare() -> ResponseReturnValue:
    """How release `after` differs from `before`: in words, and on the diagrams side by side."""
    before, after = (request.args.get(name, 0, type=int) for name in ("before", "after"))
    found = comparing.compared(frame.me(), before, after)
    return render_template("studio/compare.html", compared=found, marks=_marks)


@studio.get("/releases/<int:release>/<process>.bpmn")
@auth_required()
def xml(release: int, process: str) -> ResponseReturnValue:
    """A diagram's file as it stands in a release."""
    return comparing.diagram(frame.me(), release, process), {"Content-Type": "application/xml; charset=utf-8"}


def _marks(file: FileChanges, side: Way) -> list[dict[str, Any]]:
    """What to mark on one side's diagram: `side` is "removed" on the older and "added" on the newer; changes on both."""
    ways: dict[str, Way] = {}
    for change in file.changes:
        if change.part.kind in ("element", "flow") and change.way in (side, "changed"):
            ways.setdefault(change.part.id, change.way)
    return [{"id": id_, "way": way} for id_, way in ways.items()]
