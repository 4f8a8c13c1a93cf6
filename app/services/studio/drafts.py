"""The life of a release: draft, checked, submitted, approved by a second person, published at its time.

Whoever made, changed or submitted a draft never approves it. What is approved is exactly what was submitted, by
hash. A draft that another release has overtaken goes no further until it follows. Source: ADR 0027.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.db import db, table, transaction
from app.errors import Forbidden, NotFound, Refused
from app.models import Release, ReleaseDraft, User
from app.rules.access import Person
from app.services import access, check, practice, releases
from app.services.library import library
from app.services.studio._drafts import DRAFT, EDITABLE, FILE, LIBRARY, MOVE, changed, counts, files, locked, note, read
from app.text import Text

log = logging.getLogger(__name__)
USER = table(User)
LONGEST_TITLE, LONGEST_NOTE = 120, 4000
NO_TITLE = Text("写一句这次要改什么，最多120字。", "Say in a sentence what is to change, at most 120 characters.")
NO_NOTES = Text("写明改了什么、为什么改，审核的人要看。", "Say what changed and why; the approver reads it.")
NO_REASON = Text("写明为什么退回。", "Say why it goes back.")
WRONG_STATE = Text(
    "这份修改稿已经走到别的一步。刷新看看现在到哪里了。", "This draft is at another step by now. Reload the page."
)
NOT_CHECKED = Text(
    "先检查一遍，没有必须改的才能送审。", "Check it first; it can be submitted once nothing has to be mended."
)
NOTHING_CHANGED = Text("还没有改任何文件，没有可送审的。", "No file differs yet; there is nothing to submit.")
OWN_WORK = Text(
    "你起草、改过或送审过这一稿，要由另一个人审核。",
    "You made, changed or submitted this draft; somebody else has to approve it.",
)
BEHIND = Text(
    "起草以后，另一个版本已经发布。先点“跟上现在的版本”，看过不同再送审。",
    "Another release has been published since. Follow it first, look at what differs, then submit.",
)
CONFLICT = Text(
    "这些文件你改了，新发布的版本也改了：{paths}。请先把自己的改动另存，恢复成原样，再跟上。",
    "You changed these files, and so did the new release: {paths}. Keep a copy of yours, go back to the base, then follow.",
)
NOT_WHAT_WAS_SENT = Text(
    "内容和送审时不一样，没有通过。", "The content is not what was submitted; it was not approved."
)


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft in the list."""

    id: int
    title: str
    state: str
    by: str
    made_at: datetime
    base_id: int
    files: int


@dataclass(frozen=True, slots=True)
class Move:
    """One thing done to a draft; `by` is empty for the ticker."""

    at: datetime
    by: str
    what: str
    path: str
    version: int
    hash: str
    said: str


@dataclass(frozen=True, slots=True)
class DraftPage:
    """A draft as its people see it; `may` says what this person may do with it now."""

    id: int
    title: str
    state: str
    notes: str
    base_id: int
    since_id: int
    behind: bool
    hash: str
    publish_at: datetime | None
    release_id: int | None
    paths: tuple[str, ...]
    moves: tuple[Move, ...]
    may: frozenset[str]
    own_work: bool

    @property
    def rolls_back(self) -> bool:
        """Whether it goes back to an older release."""
        return self.base_id != self.since_id


def index(person: Person) -> list[DraftRow]:
    """Every draft that was not dropped, newest first. Raises Forbidden."""
    session = db.session()
    access.require(session, person, "review", LIBRARY)
    query = select(DRAFT, USER.c.name.label("by")).join(USER, USER.c.id == DRAFT.c.made_by)
    rows, differ = session.execute(query.where(DRAFT.c.state != "dropped").order_by(DRAFT.c.id.desc())), counts(session)
    return [
        DraftRow(row.id, row.title, row.state, row.by, row.made_at, row.base_id, differ.get(row.id, 0)) for row in rows
    ]


def may_make(person: Person) -> bool:
    """Whether this person begins and changes drafts."""
    return bool(access.policy(db.session()).can(person, "edit", LIBRARY))


def show(person: Person, draft_id: int) -> DraftPage:
    """One draft. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "review", LIBRARY)
    draft = read(session, draft_id)
    behind = draft.state in (*EDITABLE, "submitted", "approved") and draft.since_id != releases.current(session)
    return DraftPage(
        draft.id, draft.title, draft.state, draft.notes, draft.base_id, draft.since_id, behind, draft.hash,
        draft.publish_at, draft.release_id, tuple(sorted(changed(session, draft.id))), _moves(session, draft.id),
        _may(session, person, draft), person.id in _authors(session, draft),
    )  # fmt: skip


def _moves(session: Session, draft_id: int) -> tuple[Move, ...]:
    query = select(MOVE, USER.c.name).outerjoin(USER, USER.c.id == MOVE.c.by_id).where(MOVE.c.draft_id == draft_id)
    return tuple(
        Move(row.at, row.name or "", row.what, row.path, row.version, row.hash, row.said)
        for row in session.execute(query.order_by(MOVE.c.id.desc()))
    )


def _may(session: Session, person: Person, draft: ReleaseDraft) -> frozenset[str]:
    rules = access.policy(session)
    found: set[str] = set()
    if rules.can(person, "edit", LIBRARY):
        found |= {"edit", "check", "submit", "drop"} if draft.state in EDITABLE else set()
        found |= {"withdraw"} if draft.state in ("submitted", "approved") else set()
    if rules.can(person, "publish", LIBRARY) and draft.state in ("submitted", "approved"):
        found |= {"refuse"}
        if draft.state == "submitted" and person.id not in _authors(session, draft):
            found |= {"approve"}
    return frozenset(found)


def _authors(session: Session, draft: ReleaseDraft) -> set[int]:
    """Whoever had a hand in it: they never approve it."""
    savers = session.scalars(select(FILE.c.saved_by).where(FILE.c.draft_id == draft.id).distinct())
    senders = session.scalars(select(MOVE.c.by_id).where(MOVE.c.draft_id == draft.id, MOVE.c.what == "submitted"))
    return {draft.made_by, *savers, *senders} - {None}


def make(person: Person, title: str, base_id: int | None = None) -> int:
    """Begin a draft on the release in force, or, to go back, on the older release `base_id`. Raises Refused, Forbidden."""
    access.require(db.session(), person, "edit", LIBRARY)
    if not 0 < len(title.strip()) <= LONGEST_TITLE:
        raise Refused("draft_title", NO_TITLE)
    with transaction() as session:
        since = releases.current(session)
        library(session, base_id or since)
        values = {"title": title.strip(), "base_id": base_id or since, "since_id": since, "state": "draft", "notes": "",
                  "checked_hash": "", "hash": "", "made_by": person.id, "made_at": practice.now(session)}  # fmt: skip
        draft_id: int = session.execute(insert(DRAFT).values(values).returning(DRAFT.c.id)).scalar_one()
        note(session, draft_id, "made", person.id, said=title.strip())
        return draft_id


def examine(person: Person, draft_id: int) -> list[check.Problem]:
    """Check the whole of the release it would become; without an error it is “checked”. Raises NotFound, Forbidden."""
    access.require(db.session(), person, "edit", LIBRARY)
    with transaction() as session:
        draft = locked(session, draft_id)
        _at(draft, *EDITABLE)
        whole = files(session, draft)
        found = check.release(whole)
        sound = not any(problem.severity == "error" for problem in found)
        content = releases.content_hash(whole)
        draft.state, draft.checked_hash = ("checked", content) if sound else ("draft", "")
        note(session, draft_id, "checked" if sound else "faulty", person.id, hash=content)
        return found


def submit(person: Person, draft_id: int, notes: str) -> None:
    """Hand it to a second person; from now on nobody changes it. Raises Refused, NotFound, Forbidden."""
    access.require(db.session(), person, "edit", LIBRARY)
    if not 0 < len(notes.strip()) <= LONGEST_NOTE:
        raise Refused("draft_notes", NO_NOTES)
    with transaction() as session:
        draft = locked(session, draft_id)
        _at(draft, *EDITABLE)
        content = releases.content_hash(files(session, draft))
        if content == session.get_one(Release, draft.since_id).hash:
            raise Refused("draft_empty", NOTHING_CHANGED)
        if draft.state != "checked" or draft.checked_hash != content:
            raise Refused("draft_unchecked", NOT_CHECKED)
        _in_time(session, draft)
        draft.state, draft.hash, draft.notes, draft.submitted_by = "submitted", content, notes.strip(), person.id
        note(session, draft_id, "submitted", person.id, hash=content, said=notes.strip())


def approve(person: Person, draft_id: int, publish_at: datetime | None = None) -> None:
    """Make a release of it, in force at once or from `publish_at` on. Raises Refused, NotFound, Forbidden."""
    access.require(db.session(), person, "publish", LIBRARY)
    with transaction() as session:
        draft = locked(session, draft_id)
        _at(draft, "submitted")
        if person.id in _authors(session, draft):
            raise Forbidden("own_draft", OWN_WORK)
        whole = files(session, draft)
        if releases.content_hash(whole) != draft.hash:
            raise Refused("draft_differs", NOT_WHAT_WAS_SENT)
        _in_time(session, draft)
        draft.release_id = releases.store(session, whole, draft.title)
        draft.publish_at = publish_at or practice.now(session)
        draft.state = "approved"
        note(session, draft_id, "approved", person.id, hash=draft.hash, said=draft.publish_at.isoformat())
        if draft.publish_at <= practice.now(session):
            _publish(session, draft)


def refuse(person: Person, draft_id: int, reason: str) -> None:
    """Send it back to be changed, saying why; an approved one too, until it is in force. Raises Refused, Forbidden."""
    access.require(db.session(), person, "publish", LIBRARY)
    if not 0 < len(reason.strip()) <= LONGEST_NOTE:
        raise Refused("draft_reason", NO_REASON)
    _back(draft_id, "refused", person.id, reason.strip())


def withdraw(person: Person, draft_id: int) -> None:
    """Take it back to change it, until it is in force. Raises Refused, Forbidden."""
    access.require(db.session(), person, "edit", LIBRARY)
    _back(draft_id, "withdrawn", person.id, "")


def _back(draft_id: int, what: str, by_id: int | None, said: str) -> None:
    with transaction() as session:
        draft = locked(session, draft_id)
        _at(draft, "submitted", "approved")
        _reopen(session, draft, what, by_id, said)


def _reopen(session: Session, draft: ReleaseDraft, what: str, by_id: int | None, said: str) -> None:
    note(session, draft.id, what, by_id, hash=draft.hash, said=said)
    draft.state, draft.hash, draft.checked_hash, draft.publish_at, draft.release_id = "draft", "", "", None, None


def follow(person: Person, draft_id: int) -> None:
    """Put the changes on top of the release in force now. Raises Refused where both changed a file, Forbidden."""
    access.require(db.session(), person, "edit", LIBRARY)
    with transaction() as session:
        draft = locked(session, draft_id)
        _at(draft, *EDITABLE)
        now = releases.current(session)
        if draft.base_id == draft.since_id:
            old, new = library(session, draft.base_id).files, library(session, now).files
            both = [path for path in sorted(changed(session, draft_id)) if old.get(path) != new.get(path)]
            if both:
                said = "、".join(both)
                raise Refused("draft_conflict", Text(CONFLICT.zh.format(paths=said), CONFLICT.en.format(paths=said)))
            draft.base_id = now
        draft.since_id, draft.state, draft.checked_hash = now, "draft", ""
        note(session, draft_id, "followed", person.id, said=str(now))


def drop(person: Person, draft_id: int) -> None:
    """End a draft that comes to nothing; its texts and moves stay on record. Raises Refused, Forbidden."""
    access.require(db.session(), person, "edit", LIBRARY)
    with transaction() as session:
        draft = locked(session, draft_id)
        _at(draft, *EDITABLE)
        draft.state = "dropped"
        note(session, draft_id, "dropped", person.id)


def publish_due() -> int:
    """Put in force what is approved and whose time has come; returns how many. For the ticker."""
    waiting = select(DRAFT.c.id).where(DRAFT.c.state == "approved", DRAFT.c.publish_at <= practice.now())
    return sum(_publish_one(draft_id) for draft_id in db.session.scalars(waiting.order_by(DRAFT.c.publish_at)).all())


def _publish_one(draft_id: int) -> bool:
    with transaction() as session:
        draft = locked(session, draft_id)
        if draft.state != "approved" or draft.publish_at is None or draft.publish_at > practice.now(session):
            return False  # another worker was quicker, or it was taken back
        if draft.since_id != releases.current(session):
            _reopen(session, draft, "overtaken", None, "")
            return False
        _publish(session, draft)
        return True


def _publish(session: Session, draft: ReleaseDraft) -> None:
    if draft.release_id is None:
        raise NotFound("no_release", access.NOTHING_HERE)
    releases.put_in_force(session, draft.release_id)
    draft.state = "published"
    note(session, draft.id, "published", None, hash=draft.hash, said=str(draft.release_id))
    log.info("release published", extra={"release": draft.release_id, "draft": draft.id})


def _at(draft: ReleaseDraft, *states: str) -> None:
    if draft.state not in states:
        raise Refused("draft_state", WRONG_STATE, state=draft.state)


def _in_time(session: Session, draft: ReleaseDraft) -> None:
    if draft.since_id != releases.current(session):
        raise Refused("draft_behind", BEHIND)
