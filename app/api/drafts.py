"""Drafts of releases: for policy staff who work with files, the same steps as by the pages."""

from __future__ import annotations

from typing import Any

from app.api import caller
from app.api.blueprints import Blueprint
from app.api.schemas import drafts as schemas
from app.services.studio import draft_files, drafts

pages = Blueprint("drafts", "Drafts of releases: changed, checked, submitted, approved by a second person.")


@pages.operation("GET", "listDrafts", gives=schemas.DraftList, refuses=(403,))
def index() -> dict[str, Any]:
    """Drafts, newest first, without those that were dropped."""
    return {"drafts": drafts.index(caller.me())}


@pages.operation("POST", "makeDraft", status=201, body=schemas.NewDraft, gives=schemas.DraftState, refuses=(403, 404))
def make(asked: dict[str, Any]) -> drafts.DraftPage:
    """Begin a draft on the release in force, or on an older one to go back to it."""
    return _shown(drafts.make(caller.me(), asked["title"], asked["base"]))


@pages.operation("GET /<int:draft_id>", "getDraft", gives=schemas.DraftState, refuses=(403, 404))
def show(draft_id: int) -> drafts.DraftPage:
    """One draft with its record."""
    return _shown(draft_id)


@pages.operation(
    "GET /<int:draft_id>/file",
    "getDraftFile",
    query=schemas.DraftPath,
    gives=schemas.DraftFile,
    refuses=(403, 404, 422),
)
def file(asked: dict[str, Any], draft_id: int) -> dict[str, Any]:
    """A file as it stands in the draft."""
    found = draft_files.text(caller.me(), draft_id, asked["path"])
    return {"path": found.path, "version": found.version, "text": found.content.decode(), "changed": found.changed}


@pages.operation(
    "PUT /<int:draft_id>/file",
    "saveDraftFile",
    body=schemas.DraftText,
    gives=schemas.DraftFile,
    refuses=(403, 404, 409),
)
def save(asked: dict[str, Any], draft_id: int) -> dict[str, Any]:
    """Save a text; 409 where somebody saved since `version`, and nothing is written."""
    text = asked["text"]
    draft_files.save(caller.me(), draft_id, asked["path"], None if text is None else text.encode(), asked["version"])
    return file({"path": asked["path"]}, draft_id)


@pages.operation("POST /<int:draft_id>/check", "checkDraft", gives=schemas.Findings, refuses=(403, 404, 422))
def check(draft_id: int) -> dict[str, Any]:
    """Check the whole release that it would become; without an error it may be submitted."""
    return {"problems": drafts.examine(caller.me(), draft_id)}


@pages.operation(
    "POST /<int:draft_id>/submit", "submitDraft", body=schemas.Notes, gives=schemas.DraftState, refuses=(403, 404)
)
def submit(asked: dict[str, Any], draft_id: int) -> drafts.DraftPage:
    """Hand it to a second person."""
    drafts.submit(caller.me(), draft_id, asked["notes"])
    return _shown(draft_id)


@pages.operation(
    "POST /<int:draft_id>/approve", "approveDraft", body=schemas.From, gives=schemas.DraftState, refuses=(403, 404)
)
def approve(asked: dict[str, Any], draft_id: int) -> drafts.DraftPage:
    """Make it a release; never by somebody who made, changed or submitted it."""
    drafts.approve(caller.me(), draft_id, asked["publish_at"])
    return _shown(draft_id)


@pages.operation(
    "POST /<int:draft_id>/refuse", "refuseDraft", body=schemas.Reason, gives=schemas.DraftState, refuses=(403, 404)
)
def refuse(asked: dict[str, Any], draft_id: int) -> drafts.DraftPage:
    """Send it back with a reason."""
    drafts.refuse(caller.me(), draft_id, asked["reason"])
    return _shown(draft_id)


@pages.operation("POST /<int:draft_id>/withdraw", "withdrawDraft", gives=schemas.DraftState, refuses=(403, 404, 422))
def withdraw(draft_id: int) -> drafts.DraftPage:
    """Take it back before it is in force."""
    drafts.withdraw(caller.me(), draft_id)
    return _shown(draft_id)


def _shown(draft_id: int) -> drafts.DraftPage:
    return drafts.show(caller.me(), draft_id)
