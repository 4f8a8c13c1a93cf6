"""All cases at once, for auditors: what should have happened, ways taken, waiting times, samples, event logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required

from app.errors import Invalid, NotFound, Refused
from app.rules import conformance
from app.rules.access import AUDITOR
from app.rules.calendar import instant
from app.services import access
from app.services._work import Actor
from app.services.history import exports, samples
from app.services.history import population as service
from app.services.history.population_views import ProcessView
from app.text import Text
from app.web import frame, presenters
from app.web.downloads import download

population = Blueprint("population", __name__, url_prefix="/audit/population")
NO_DAY = Text("请写成 2026-03-01 这样的日子。", "Write a day such as 2026-03-01.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody typed into one of the page's forms, and what is wrong with it."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@population.get("/")
@auth_required()
def index() -> ResponseReturnValue:
    """Everything about the audited regions on one page."""
    return _index(Asked())


def _index(asked: Asked) -> str:
    return render_template(
        "audit/population.html", page=service.page(frame.me()), samples=samples.index(frame.me()),
        typed=asked.typed, errors=asked.errors, **_words(),
    )  # fmt: skip


def _words() -> dict[str, Any]:
    """What the templates say of spans and of the measure."""
    return {
        "elapsed": lambda span: "" if span is None else presenters.elapsed(span, frame.lang()),
        "measure": conformance.MEASURE,
        "definition": conformance.DEFINITION,
        "said": conformance.SAID,
    }


@population.get("/processes/<process>")
@auth_required()
def show(process: str) -> ResponseReturnValue:
    """One process over all its runs: its steps' waiting times on the diagram, and the ways that runs took."""
    view = service.process(frame.me(), process)
    return render_template("audit/population_process.html", view=view, heat=_heat(view), legend=ages(), **_words())


def ages() -> list[str]:
    """The five shades of services.history.population.LEVELS in words."""
    return [_("不到1天"), _("1天起"), _("3天起"), _("7天起"), _("30天起")]


def _heat(view: ProcessView) -> list[dict[str, Any]]:
    """The marks of the diagram, the longest wait first, which is where the picture opens."""
    asked = [(step.median, step) for step in view.steps if step.median is not None]
    return [
        {"id": step.id, "level": step.level, "words": presenters.elapsed(wait, frame.lang()), "late": step.late}
        for wait, step in sorted(asked, key=lambda pair: pair[0], reverse=True)
    ]


@population.post("/samples")
@auth_required()
def draw() -> ResponseReturnValue:
    """Draw a sample and keep it."""
    typed = {name: request.form.get(name, "").strip() for name in ("size", "process", "seed")}
    try:
        drawn = samples.draw(frame.me(), **typed, lang=frame.lang())
    except Invalid as wrong:
        return _index(Asked(typed, wrong.fields)), 422
    return redirect(url_for("population.sample", sample_id=drawn))


@population.get("/samples/<int:sample_id>")
@auth_required()
def sample(sample_id: int) -> ResponseReturnValue:
    """A sample: its cases, and whether its seed draws them again."""
    return render_template("audit/sample.html", sample=samples.show(frame.me(), sample_id, frame.lang()))


@population.get("/export")
@auth_required()
def export() -> ResponseReturnValue:
    """The event log of the audited regions: `format` is one of exports.FORMATS, `since` a day."""
    form, typed = request.args.get("format", "csv"), request.args.get("since", "").strip()
    if form not in exports.FORMATS:
        raise NotFound("no_format", access.NOTHING_HERE)
    try:
        since = instant(typed) if typed else None
    except Refused:
        return _index(Asked({"since": typed}, {"since": NO_DAY.say(frame.lang())})), 422
    log = exports.of_person(frame.me(), since, frame.lang())
    kind = exports.FORMATS[form]
    return download(log.take(form, Actor(frame.me().id, AUDITOR)), kind.media, kind.suffix)
