"""Looking back: the cases an auditor may look into, and any moment of a case as it was or as it was known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_security import auth_required
from markupsafe import Markup

from app.clock import LAW_ZONE
from app.db import db
from app.rules.access import AUDITOR, Resource
from app.services import access
from app.services.audit import head_paper, sequencer
from app.services.history import audited, entries, replay
from app.services.history.replay_views import Moment, Scene, View
from app.web import frame, presenters

MINUTE = timedelta(minutes=1)
audit = Blueprint("audit", __name__, url_prefix="/audit")


@audit.get("/")
@auth_required()
def index() -> ResponseReturnValue:
    """The cases this auditor may look into."""
    access.require(db.session(), frame.me(), "see", Resource("log"))
    rows, total, after = audited.index(frame.me(), request.args.get("after", 0, type=int), frame.lang())
    return render_template("audit/index.html", rows=rows, total=total, after=after)


@audit.get("/register")
@auth_required()
def register() -> ResponseReturnValue:
    """Who drew a sample and who took records out, when, of which places."""
    after = max(0, request.args.get("after", 0, type=int))
    page = entries.page(frame.me(), after, frame.lang())
    return render_template("audit/register.html", page=page)


@audit.get("/head")
@auth_required()
def head() -> ResponseReturnValue:
    """The newest signed head as a sheet to print: figures, the line that holds it all, and the line as a QR code."""
    access.require(db.session(), frame.me(), "see", Resource("log"))
    signed = sequencer.newest(db.session())
    qr = head_paper.qr(signed) if signed else ""
    at = f"{signed.head.at.astimezone(LAW_ZONE):%Y-%m-%d %H:%M:%S %z}" if signed else ""
    return render_template("audit/head.html", signed=signed, at=at, qr=Markup(qr))  # noqa: S704 - drawn here, from a head


@audit.get("/cases/<int:case_id>", endpoint="replay")
@auth_required()
def replay_page(case_id: int) -> ResponseReturnValue:
    """A case at one moment: `at` an event's address, `view` as it happened or as it was known, `on` a diagram."""
    page = replay.page(frame.me(), case_id, lang=frame.lang(), **_asked())
    return render_template("audit/replay.html", page=page, is_auditor=_is_auditor(), **_shown(page.moment))


@audit.get("/cases/<int:case_id>/moment")
@auth_required()
def moment(case_id: int) -> ResponseReturnValue:
    """One moment for the script: the parts of the page that change, and the marks of the picture."""
    found = replay.moment(frame.me(), case_id, lang=frame.lang(), **_asked())
    shown = _shown(found)
    return jsonify(
        at=found.entry.at,
        x=found.x,
        url=shown["link"](),
        said=shown["said"],
        when=shown["when"],
        count=shown["count"],
        go={name: shown["link"](at=at) for name, at in found.go.items()},
        picture=shown["picture"],
        parts=render_template("audit/moment.html", **shown),
    )


def _asked() -> dict[str, Any]:
    """Which moment the address asks for; what it says of no known view is left out."""
    args = request.args
    asked: View = "known" if args.get("view") == "known" else "happened"
    start = replay.WHOLE if args.get("list") == "all" else args.get("list", type=int)
    return {
        "at": args.get("at", ""),
        "view": asked,
        "on": args.get("on", ""),
        "x": args.get("x", type=int),
        "start": start,
    }


def _shown(found: Moment) -> dict[str, Any]:
    """What the parts of the page need beside the moment itself."""
    lang, at = frame.lang(), found.entry.occurred_at
    when = presenters.absolute(at, frame.now(), lang)
    count = _("第%(at)s步，共%(of)s步", at=found.entry.number, of=found.total)
    pinned = {"on": found.scene.key} if found.scene and found.pinned else {}

    def link(**to: Any) -> str:
        """The address of this moment, or of another: `at`, `view`, `on`, `list`."""
        known = {"at": found.entry.at, "view": found.view, **pinned, **to}
        plain = {name: value for name, value in known.items() if value and (name, value) != ("view", "happened")}
        return url_for("audit.replay", case_id=found.case_id, **plain)

    return {
        "moment": found,
        "when": when,
        "count": count,
        "said": presenters.spaced((when, count, presenters.say(found.entry.sentence, lang)), lang),
        "link": link,
        "picture": _picture(found.scene, found) if found.scene else None,
        "elapsed": lambda span: presenters.elapsed(span, lang),
    }


def _picture(scene: Scene, found: Moment) -> dict[str, Any]:
    """The diagram for the script: where it is, and its marks at that moment."""
    marks, lang = scene.marks, frame.lang()
    since, at = marks.waiting_since, found.entry.occurred_at
    waited = presenters.since(since, at, lang) if since and at - since >= MINUTE else ""
    xml = url_for("cases.xml", case_id=scene.case_id, instance_id=marks.instance_id, process=marks.process)
    told = {"now": marks.now, "done": marks.done, "flows": marks.flows, "cancelled": marks.cancelled}
    return {"key": scene.key, "xml": xml, "marks": {**told, "unknown": scene.unknown, "waiting": waited}}


def _is_auditor() -> bool:
    return any(post.role == AUDITOR for post in frame.me().posts)
