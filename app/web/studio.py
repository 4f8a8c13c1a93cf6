"""The policy studio: releases, drafts of the next, and how one differs from another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required

from app.services.studio import comparing, drafts
from app.services.studio.comparing import FileChanges
from app.services.studio.difference import Way
from app.web import frame

studio = Blueprint("studio", __name__, url_prefix="/studio")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: what it is called, and where its diagrams are."""

    words: str
    xml: Callable[[str], str]


@studio.get("/")
@auth_required()
def index() -> ResponseReturnValue:
    """Every draft and release; which two to compare; the form for a new draft."""
    return overview("", "")


def overview(typed: str, wrong: str) -> str:
    """The page, with what was typed as a new draft's title and what is wrong with it."""
    return render_template("studio/index.html", releases=comparing.index(frame.me()), drafts=drafts.index(frame.me()),
                           edits=drafts.may_make(frame.me()), typed=typed, wrong=wrong)  # fmt: skip


@studio.get("/compare")
@auth_required()
def compare() -> ResponseReturnValue:
    """How release `after` differs from `before`: in words, and on the diagrams side by side."""
    before, after = (request.args.get(name, 0, type=int) for name in ("before", "after"))
    found = comparing.compared(frame.me(), before, after)
    return render_template(
        "studio/compare.html", compared=found, marks=marks,
        before=release_side(before, _("旧的：版本%(number)s", number=before)),
        after=release_side(after, _("新的：版本%(number)s", number=after)),
    )  # fmt: skip


@studio.get("/releases/<int:release>/<process>.bpmn")
@auth_required()
def xml(release: int, process: str) -> ResponseReturnValue:
    """A diagram's file as it stands in a release."""
    return comparing.diagram(frame.me(), release, process), {"Content-Type": "application/xml; charset=utf-8"}


def release_side(release: int, words: str) -> Side:
    """A stored release as a side of a comparison."""
    return Side(words, lambda process: url_for("studio.xml", release=release, process=process))


def marks(file: FileChanges, side: Way) -> list[dict[str, Any]]:
    """What to mark on one side's diagram: `side` is "removed" on the older and "added" on the newer; changes on both."""
    ways: dict[str, Way] = {}
    for change in file.changes:
        if change.part.kind in ("element", "flow") and change.way in (side, "changed"):
            ways.setdefault(change.part.id, change.way)
    return [{"id": id_, "way": way} for id_, way in ways.items()]
