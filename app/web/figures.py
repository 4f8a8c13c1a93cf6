"""How limits are kept, for supervisors: by process and unit, and on the diagram, step by step."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required

from app.services import figures as service
from app.web import frame, presenters
from app.web.oversight import oversight
from app.web.population import ages


@oversight.get("/figures")
@auth_required()
def figures() -> ResponseReturnValue:
    """The figures of a period, by process and by unit."""
    page = service.page(frame.me(), _days())
    return render_template("oversight/figures.html", page=page, periods=service.PERIODS)


@oversight.get("/figures/<process>")
@auth_required()
def heat(process: str) -> ResponseReturnValue:
    """One process on its diagram, shaded by what is asked for."""
    view = service.heat(frame.me(), process, _days(), request.args.get("by", service.SHADED_BY[0]))
    return render_template(
        "oversight/heat.html", view=view, heat=_marks(view), legend=_legend(view.by), periods=service.PERIODS,
        elapsed=_elapsed,
    )  # fmt: skip


def _days() -> int:
    return request.args.get("days", service.PERIODS[0], type=int)


def _elapsed(span: Any) -> str:
    return "" if span is None else presenters.elapsed(span, frame.lang())


def _marks(view: service.Heat) -> list[dict[str, Any]]:
    """The marks of the diagram, the darkest first, which is where the picture opens."""
    shaded = sorted((step for step in view.steps if step.level), key=lambda step: -step.level)
    return [
        {"id": step.id, "level": step.level, "words": _words(step, view.by), "late": step.line.late} for step in shaded
    ]


def _words(step: service.StepLine, by: service.By) -> str:
    """What the shade says, in words."""
    line = step.line
    told: dict[service.By, str] = {
        "open": _("在办%(num)s", num=line.open),
        "age": _elapsed(step.median),
        "missed": _("%(missed)s/%(due)s没守住", missed=line.missed, due=line.due),
    }
    return told[by]


def _legend(by: service.By) -> list[str]:
    """The shades in words, the lightest first."""
    if by == "age":
        return ages()
    if by == "open":
        return [_("1件起"), *(_("%(num)s件起", num=limit) for limit in service.COUNTS)]
    return [
        _("不到%(share)s%%", share=round(100 * service.SHARES[0])),
        *(_("%(share)s%%起", share=round(100 * share)) for share in service.SHARES),
    ]
