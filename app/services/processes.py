"""The processes of the release in force, and how many of each run now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.db import db
from app.models import Instance, Release
from app.services import releases
from app.text import Text


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process in the list."""

    id: str
    name: Text
    steps: int
    running: int


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """The release that new cases start under."""

    number: int
    published_at: datetime | None


ORDER = (
    "report-intake", "emergency-response", "reach-parents", "stop-harm", "temporary-placement", "notify-parents",
    "missing-child-search", "assessment-help", "service-referral", "legal-aid", "guardianship-intervention",
    "six-month-clock", "revocation-petition", "protection-order", "guardianship-restoration", "temporary-care-review",
    "home-visit", "overdue-escalation",
)  # fmt: skip
"""In the order in which a child meets them; what is not named follows by name."""


def index() -> tuple[ProcessRow, ...]:
    """Every process of the release in force, in reading order."""
    books, counts = releases.current_library(), running()
    stems = sorted(books.diagrams, key=lambda stem: (ORDER.index(stem) if stem in ORDER else len(ORDER), stem))
    found = []
    for stem in stems:
        definition = books.definition(stem)
        steps = sum(element.type == "user" for element in definition.elements(stem))
        found.append(ProcessRow(stem, definition.name, steps, counts.get(stem, 0)))
    return tuple(found)


def running() -> dict[str, int]:
    """How many instances of each process run now."""
    query = select(Instance.process, func.count()).where(Instance.status == "running").group_by(Instance.process)
    return {row[0]: row[1] for row in db.session.execute(query)}


def release() -> ReleaseView:
    """The release in force."""
    found = db.session.get_one(Release, releases.current(db.session()))
    return ReleaseView(found.id, found.published_at)
