"""Pages of a draft: its steps from the first change to the release, its files, its record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_security import auth_required
from werkzeug.wrappers import Response

from app.clock import LAW_ZONE
from app.errors import Refused
from app.services.library import Library
from app.services.studio import comparing, draft_files, drafts
from app.text import Text
from app.web import frame, studio

pages = Blueprint("drafts", __name__, url_prefix="/studio/drafts")
MOST_SAID = 5
"""Changes made to a file on its way in that are said one by one."""
WRONG_TIME = Text("日期和时间写成 2026-12-01 08:00 这样。", "Write date and time like 2026-12-01 08:00.")
TYPES = {"bpmn": "application/xml; charset=utf-8", "json": "application/json; charset=utf-8"}


@pages.post("/")
@auth_required()
def make() -> ResponseReturnValue:
    """Begin a draft."""
    title = request.form.get("title", "")
    try:
        draft_id = drafts.make(frame.me(), title, request.form.get("base", type=int))
    except Refused as wrong:
        if wrong.code != "draft_title":
            raise
        return studio.overview(title, wrong.text.say(frame.lang())), 422
    return redirect(url_for("drafts.show", draft_id=draft_id))


@pages.get("/<int:draft_id>")
@auth_required()
def show(draft_id: int) -> ResponseReturnValue:
    """A draft: how far it is, what to do next, its files, its record."""
    return _page(draft_id)


def _page(draft_id: int, problems: Any = None, **wrong: str) -> str:
    page, books = drafts.show(frame.me(), draft_id), draft_files.drafted(frame.me(), draft_id)
    names = {path: comparing.name_of(path, books) for path in books.files}
    return render_template(
        "studio/draft.html", page=page, problems=problems, names=names, history=draft_files.history(frame.me(), draft_id),
        groups=_groups(books, names), typed=request.form, wrong=wrong,
    )  # fmt: skip


def _groups(books: Library, names: dict[str, Text]) -> list[tuple[str, list[tuple[str, Text]]]]:
    """All files by kind, each with its name."""
    listed: dict[str, list[tuple[str, Text]]] = {_("流程"): [], _("登记簿"): [], _("表单"): []}
    for path in sorted(books.files):
        kind = _("流程") if path.endswith(".bpmn") else _("表单") if path.startswith("forms/") else _("登记簿")
        listed[kind].append((path, names[path]))
    return list(listed.items())


@pages.get("/<int:draft_id>/changes")
@auth_required()
def changes(draft_id: int) -> ResponseReturnValue:
    """What the draft changes: in words, and on the diagrams side by side."""
    page = drafts.show(frame.me(), draft_id)
    return render_template(
        "studio/changes.html", page=page, files=comparing.of_draft(frame.me(), draft_id), marks=studio.marks,
        before=studio.release_side(page.since_id, _("旧的：版本%(number)s", number=page.since_id)),
        after=studio.Side(_("新的：这份修改稿"), lambda process: _address(draft_id, f"bpmn/{process}.bpmn")),
    )  # fmt: skip


def _address(draft_id: int, path: str) -> str:
    return url_for("drafts.file", draft_id=draft_id, path=path)


# --- its life ----------------------------------------------------------------------------------


@pages.post("/<int:draft_id>/check")
@auth_required()
def check(draft_id: int) -> ResponseReturnValue:
    """Check the whole release that it would become; what has to be mended is listed."""
    return _page(draft_id, drafts.examine(frame.me(), draft_id))


@pages.post("/<int:draft_id>/submit")
@auth_required()
def submit(draft_id: int) -> ResponseReturnValue:
    """Hand it to a second person."""
    said = request.form.get("notes", "")
    return _move(draft_id, "notes", lambda: drafts.submit(frame.me(), draft_id, said), _("送审了，等另一个人同意。"))


@pages.post("/<int:draft_id>/approve")
@auth_required()
def approve(draft_id: int) -> ResponseReturnValue:
    """Make it a release, now or from an instant on."""

    def act() -> None:
        drafts.approve(frame.me(), draft_id, _instant(request.form.get("publish_at", "").strip()))

    return _move(draft_id, "publish_at", act, _("同意了。"))


@pages.post("/<int:draft_id>/refuse")
@auth_required()
def refuse(draft_id: int) -> ResponseReturnValue:
    """Send it back, saying why."""
    said = request.form.get("reason", "")
    return _move(draft_id, "reason", lambda: drafts.refuse(frame.me(), draft_id, said), _("退回修改了。"))


@pages.post("/<int:draft_id>/withdraw")
@auth_required()
def withdraw(draft_id: int) -> ResponseReturnValue:
    """Take it back to change it."""
    return _move(draft_id, "", lambda: drafts.withdraw(frame.me(), draft_id), _("撤回了，可以接着改。"))


@pages.post("/<int:draft_id>/follow")
@auth_required()
def follow(draft_id: int) -> ResponseReturnValue:
    """Put its changes on top of the release in force now."""
    return _move(draft_id, "", lambda: drafts.follow(frame.me(), draft_id), _("跟上了现在的版本。"))


@pages.post("/<int:draft_id>/drop")
@auth_required()
def drop(draft_id: int) -> ResponseReturnValue:
    """End it; its record stays."""
    return _move(draft_id, "", lambda: drafts.drop(frame.me(), draft_id), _("作废了，存过的稿子和经过都还在。"))


def _move(draft_id: int, field: str, act: Callable[[], None], done: str) -> ResponseReturnValue:
    """Make a move and say so; what is wrong with what was typed stands at its field, which keeps it."""
    try:
        act()
    except Refused as wrong:
        if not wrong.code.startswith("draft_") or wrong.code == "draft_state" or not field:
            raise
        return _page(draft_id, **{field: wrong.text.say(frame.lang())}), 422
    flash(done, "done")
    return redirect(url_for("drafts.show", draft_id=draft_id))


def _instant(typed: str) -> datetime | None:
    """What was typed, by the clock of the office. Raises Refused."""
    if not typed:
        return None
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=LAW_ZONE)
    except ValueError:
        raise Refused("draft_time", WRONG_TIME) from None


# --- its files ---------------------------------------------------------------------------------


@pages.get("/<int:draft_id>/files/<path:path>")
@auth_required()
def file(draft_id: int, path: str) -> ResponseReturnValue:
    """A file as it stands, or as it was saved as `version`."""
    found = draft_files.text(frame.me(), draft_id, path, request.args.get("version", type=int))
    answer = Response(found.content, content_type=TYPES.get(path.rpartition(".")[2], "application/octet-stream"))
    answer.headers["X-Version"] = str(found.version)
    return answer


@pages.post("/<int:draft_id>/upload")
@auth_required()
def upload(draft_id: int) -> ResponseReturnValue:
    """Save a file that somebody has changed elsewhere, on top of the text that holds now."""
    sent = request.files.get("file")
    name = (sent.filename or "").rpartition("/")[2] if sent else ""
    changes = draft_files.upload(frame.me(), draft_id, name, sent.read() if sent else b"")
    flash(_("存好了，原来的稿子也留着。"), "done")
    for change in changes[:MOST_SAID]:
        flash(change.say(frame.lang()))
    if changes[MOST_SAID:]:
        left = len(changes) - MOST_SAID
        flash(ngettext("还补了%(num)s处。", "还补了%(num)s处。", left))
    return redirect(url_for("drafts.show", draft_id=draft_id))


@pages.post("/<int:draft_id>/restore")
@auth_required()
def restore(draft_id: int) -> ResponseReturnValue:
    """Go back to a file as it stands in the base."""
    path, version = request.form.get("path", ""), request.form.get("version", 0, type=int)
    draft_files.save(frame.me(), draft_id, path, None, version)
    flash(_("恢复了原样，存过的稿子还留着。"), "done")
    return redirect(url_for("drafts.show", draft_id=draft_id))
