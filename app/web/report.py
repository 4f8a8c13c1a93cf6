"""The public report: three steps, a number and a code; and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import current_user
from werkzeug.datastructures import MultiDict

from app.db import db
from app.errors import Invalid, NotFound, TooMany
from app.rules.forms import Form
from app.services import choices, reports
from app.services._work import Actor
from app.web import forms, frame, presenters

report = Blueprint("report", __name__, url_prefix="/report")
STEPS = ("what", "where", "who")
FIELDS = (
    ("reported_situations", "safe_adult_now", "facts"),
    ("place", "village", "learned_at", "children"),
    ("reporter_kind", "reporter_name", "reporter_phone", "reporter_unit"),
)
MOST_CHILDREN = 8


@report.route("/", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """The three steps; nothing is stored before the last."""
    if request.method == "GET":
        return _show(0, MultiDict())
    posted, step = request.form, min(max(request.form.get("step", 1, type=int), 1), 3) - 1
    form = frame.books().form(reports.PUBLIC_FORM)
    match request.form.get("go"):
        case "back":
            return _show(max(step - 1, 0), posted)
        case "more-children":
            return _show(1, posted, more=1)
    errors = _errors(form, posted, FIELDS[: step + 1])
    wrong = next((index for index, names in enumerate(FIELDS) if _of(errors, names)), None)
    if wrong is not None:
        return _show(wrong, posted, errors=errors), 422
    return _send(form, posted) if step == 2 else _show(step + 1, posted)


def raw_answers(form: Form, posted: MultiDict[str, str]) -> dict[str, Any]:
    """What was posted, without children of whom nothing was said."""
    raw = forms.read(form, posted)
    raw["children"] = [row for row in raw.get("children") or [] if any(row.values())]
    return raw


def written(posted: MultiDict[str, str]) -> datetime:
    """When they learned of it, where they leave that open: when they wrote it down."""
    return forms.written(posted, frame.now()) or frame.now()


def _errors(form: Form, posted: MultiDict[str, str], steps: tuple[tuple[str, ...], ...]) -> dict[str, str]:
    """What is still wrong in the steps done so far."""
    offered = choices.of(db.session(), {}, form, frame.lang())
    raw = raw_answers(form, posted)
    raw["learned_at"] = raw.get("learned_at") or frame.now().isoformat()
    found = form.validate(raw, frame.lang(), frame.now(), offered).errors
    return {
        name.replace(".", "-"): text for name, text in found.items() if any(_of({name: text}, names) for names in steps)
    }


def _of(errors: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {path: text for path, text in errors.items() if path.replace("-", ".").split(".")[0] in names}


def _send(form: Form, posted: MultiDict[str, str]) -> ResponseReturnValue:
    actor = Actor(current_user.id, "reporter") if current_user.is_authenticated else Actor(None, "reporter")
    try:
        receipt = reports.file_report(
            raw_answers(form, posted), actor, lang=frame.lang(), key=forms.key(posted), written_at=written(posted)
        )
    except Invalid as error:
        return _show(0, posted, errors=error.fields), 422
    after = [_("值班民警马上判断孩子有没有危险，有危险先去看孩子。"), _("受理之后，三天内可以凭编号查到进展。")]
    page = render_template("report/done.html", number=receipt.number, code=receipt.code, next=after)
    return frame.settled(make_response(page))


def _show(step: int, posted: MultiDict[str, str], errors: dict[str, str] | None = None, more: int = 0) -> str:
    own = FIELDS[step]
    carried = [(name, value) for name, value in posted.items(multi=True) if _carries(name, own)]
    answers: dict[str, Any] = {name: posted.get(name) for name in posted}
    answers["reported_situations"] = posted.getlist("reported_situations")
    rows = {name.split("-")[1] for name in posted if name.startswith("children-")}
    villages: tuple[tuple[str, str], ...] = ()
    if step == 1:
        form = frame.books().form(reports.PUBLIC_FORM)
        villages = choices.of(db.session(), {}, form, frame.lang()).get("villages", ())
    return render_template(
        f"report/{STEPS[step]}.html", answers=answers, errors=_of(errors or {}, own), carried=carried, duty="",
        children=min(max(len(rows), 1) + more, MOST_CHILDREN), villages=villages,
    )  # fmt: skip


def _carries(name: str, own: tuple[str, ...]) -> bool:
    base = name.split("-", maxsplit=1)[0]
    return base not in own and any(base in names for names in FIELDS)


@report.route("/ask", methods=["GET", "POST"])
def ask() -> ResponseReturnValue:
    """What came of a report, for whoever holds its number and code."""
    given = {name: request.form.get(name, "") for name in ("number", "code")}
    if request.method == "GET":
        return render_template("report/ask.html", answers=given, errors={}, status=None, added=False)
    more, errors = request.form.get("more", "").strip(), {}
    try:
        if more:
            reports.add_facts(given["number"], given["code"], more, frame.lang())
        found = reports.ask(given["number"], given["code"])
    except (NotFound, TooMany) as error:
        page = render_template(
            "report/ask.html", answers=given, errors={"number": error.text.say(frame.lang())}, status=None
        )
        return page, 404 if isinstance(error, NotFound) else 429
    except Invalid as error:
        found, errors = reports.ask(given["number"], given["code"]), {"more": error.fields["facts"]}
    told = " ".join(text for _at, text in found.told)
    sentence = f"{found.stage.say(frame.lang())}{told}"
    as_of = presenters.absolute(frame.now(), frame.now(), frame.lang())
    status = {"sentence": sentence, "as_of": as_of, "done": False, "may_add": found.may_add}
    page = render_template(
        "report/ask.html", answers={**given, "more": more if errors else ""}, errors=errors, status=status,
        added=bool(more) and not errors,
    )  # fmt: skip
    return page, 422 if errors else 200
