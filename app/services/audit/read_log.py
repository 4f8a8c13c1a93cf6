"""Who opened what is sealed, when and why, and what of it still has to be reviewed.

What is shown is the case's own record (its `read` events); the table only finds them. Breaking the
glass is reviewed by whoever stands above, never by the one who did it. Source: issue "audit", part 7.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import Select, and_, select, tuple_, update
from sqlalchemy.orm import Session

from app.db import Row, changed, db, table
from app.errors import Invalid, NotFound, Stale
from app.models import Case, Event, Post, SealedRead, Submission, Unit, User
from app.rules.access import Person
from app.services import _seal, access, cases, commands, releases
from app.services._work import Actor
from app.services.library import Library, library
from app.text import Text

READ, EVENT, CASE, POST, UNIT = table(SealedRead), table(Event), table(Case), table(Post), table(Unit)
SUBMISSION, USER, REVIEWER, REVIEW = table(Submission), table(User), table(User).alias(), table(Event).alias()
SHOWN = 200
LONGEST_REMARK = 500
Verdict = Literal["proper", "improper"]
NOTHING_SAID = Text("", "")
ERASED = Text("（已依法删除）", "(lawfully erased)")
WHOLE_CASE = Text("整个个案", "The whole case")
CHOOSE = Text("还没有选。请选妥当或不妥当。", "Nothing is chosen yet. Say whether it was right.")
SAY_WHY = Text("认定不妥当时，请写清为什么，500字以内。", "If it was not right, say why, within 500 characters.")
REVIEWED = Text("这一次已经有人复核了。", "Somebody has reviewed this meanwhile.")


@dataclass(frozen=True, slots=True)
class Reading:
    """One opening: who, what, why, until when; and for a broken glass what the review said."""

    id: int
    case_id: int
    seq: int
    number: str
    by: str
    unit: Text
    role: Text
    why: str  # task, reason, glass
    reason: Text  # nothing for a task: it is its own reason
    what: Text
    read_at: datetime
    until: datetime
    verdict: str  # proper, improper; empty while not reviewed, or nothing to review
    remark: str
    reviewed_by: str
    reviewed_at: datetime | None


def some(session: Session, ids: Collection[int]) -> tuple[Reading, ...]:
    """These openings, newest first; who asks must audit their cases."""
    return _readings(session, READ.c.id.in_(ids), most=len(ids))


def to_review(person: Person) -> tuple[Reading, ...]:
    """Broken glasses that this person's posts have to review, newest first, and those reviewed before."""
    return _readings(db.session(), _for(person))


def waiting(person: Person) -> int:
    """How many broken glasses wait for this person's review."""
    return len(db.session.scalars(select(READ.c.id).where(_for(person), READ.c.reviewed_at.is_(None))).all())


def _for(person: Person) -> Any:
    posts = [(post.unit_id, post.role) for post in person.posts]
    mine = tuple_(READ.c.review_unit_id, READ.c.review_role).in_(posts)
    return and_(READ.c.why == "glass", mine, READ.c.user_id != person.id)


def review(person: Person, read_id: int, verdict: str, remark: str, lang: str = "zh") -> None:
    """Say whether a broken glass was right; it stands in the case's record. Raises Invalid, NotFound, Stale."""
    where = (READ.c.id == read_id, _for(person))
    row = db.session.execute(select(READ.c.case_id, READ.c.seq).where(*where)).first()
    if row is None:
        raise NotFound("no_reading", access.NOTHING_HERE)
    _check(verdict, remark.strip(), lang)
    with commands.work_on(Actor(person.id, "supervisor")) as work:
        case = work.lock(row.case_id)
        secret = {"remark": remark.strip()} if remark.strip() else None
        seq = case.chain.append("read_reviewed", {"read": row.seq, "verdict": verdict}, at=work.now,
                                actor_id=person.id, secret=secret)  # fmt: skip
        values = {"reviewed_at": work.now, "reviewed_by": person.id, "verdict": verdict, "review_seq": seq}
        open_still = update(READ).where(READ.c.id == read_id, READ.c.reviewed_at.is_(None))
        if not changed(work.session, open_still.values(values)):
            raise Stale("reviewed", REVIEWED, read=read_id)


def _check(verdict: str, remark: str, lang: str) -> None:
    wrong = {}
    if verdict not in ("proper", "improper"):
        wrong["verdict"] = CHOOSE
    if (verdict == "improper" and not remark) or len(remark) > LONGEST_REMARK:
        wrong["remark"] = SAY_WHY
    if wrong:
        raise Invalid("review", next(iter(wrong.values())), {name: text.say(lang) for name, text in wrong.items()})


# --- the log in words -------------------------------------------------------------------------


def _base() -> Select[Any]:
    event = and_(EVENT.c.case_id == READ.c.case_id, EVENT.c.seq == READ.c.seq)
    review = and_(REVIEW.c.case_id == READ.c.case_id, REVIEW.c.seq == READ.c.review_seq)
    return (
        select(READ, CASE.c.wrapped_key, CASE.c.opened_at, EVENT.c.body, EVENT.c.sealed, SUBMISSION.c.form,
               USER.c.name.label("by"), REVIEWER.c.name.label("reviewer"), REVIEW.c.sealed.label("review"))
        .join(CASE, CASE.c.id == READ.c.case_id)
        .join(EVENT, event)
        .join(USER, USER.c.id == READ.c.user_id)
        .outerjoin(SUBMISSION, SUBMISSION.c.id == READ.c.submission_id)
        .outerjoin(REVIEWER, REVIEWER.c.id == READ.c.reviewed_by)
        .outerjoin(REVIEW, review)
    )  # fmt: skip


def _readings(session: Session, *where: Any, most: int = SHOWN) -> tuple[Reading, ...]:
    query = _base().where(*where).order_by(READ.c.read_at.desc(), READ.c.id.desc()).limit(most)
    found = list(session.execute(query).mappings())
    books = library(session, releases.current(session))
    posts = _posts(session, found)
    return tuple(_reading(row, books, posts) for row in found)


def _posts(session: Session, found: Sequence[Row]) -> dict[int, Row]:
    """The first post of each reader."""
    query = select(POST.c.user_id, POST.c.role, UNIT.c.name_zh, UNIT.c.name_en).join(UNIT, UNIT.c.id == POST.c.unit_id)
    query = query.where(POST.c.user_id.in_({row["user_id"] for row in found})).order_by(POST.c.id.desc())
    return {row["user_id"]: row for row in session.execute(query).mappings()}


def _reading(row: Row, books: Library, posts: dict[int, Row]) -> Reading:
    post = posts.get(row["user_id"])
    return Reading(
        id=row["id"],
        case_id=row["case_id"],
        seq=row["seq"],
        number=cases.number(row["case_id"], row["opened_at"]),
        by=row["by"],
        unit=Text(post["name_zh"], post["name_en"]) if post else NOTHING_SAID,
        role=books.role_name(post["role"]) if post else NOTHING_SAID,
        why=row["why"],
        reason=_reason(row),
        what=_what(row, books),
        read_at=row["read_at"],
        until=row["until"],
        verdict=row["verdict"],
        remark=_opened(row, row["review_seq"], row["review"]).get("remark", ""),
        reviewed_by=row["reviewer"] or "",
        reviewed_at=row["reviewed_at"],
    )


def _reason(row: Row) -> Text:
    if row["why"] == "task":
        return NOTHING_SAID
    if row["wrapped_key"] is None:
        return ERASED
    said = str(_opened(row, row["seq"], row["sealed"])["reason"])
    return Text(said, said)


def _opened(row: Row, seq: int, sealed: bytes | None) -> dict[str, Any]:
    """The sealed part of an event; empty where there is none, or none any more."""
    if sealed is None or row["wrapped_key"] is None:
        return {}
    opened: dict[str, Any] = _seal.open_key(row["wrapped_key"]).open(sealed, f"event.sealed:{row['case_id']}:{seq}")
    return dict(opened["secret"])


def _what(row: Row, books: Library) -> Text:
    """The form and its questions, by the words that people know them by."""
    if row["form"] is None:
        return WHOLE_CASE
    known = f"forms/{row['form']}.json" in books.files
    if not known:
        return Text(row["form"], row["form"])
    form = books.form(row["form"])
    asked = [
        form.questions[name].label for name in orjson.loads(row["body"])["data"]["fields"] if name in form.questions
    ]
    zh, en = "、".join(label.zh.rstrip("？") for label in asked), ", ".join(label.en.rstrip("?") for label in asked)
    return Text(f"{form.name.zh}：{zh}", f"{form.name.en}: {en}")
