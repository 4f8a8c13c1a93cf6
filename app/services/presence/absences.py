"""Being away for a time: who enters it, who takes the work meanwhile, and coming back early.

A person enters it for themself, or whoever may end their posts does (`leaving.may`). Rows are added and cut short, never
changed otherwise: who was away, and who stood in, stays on record. What follows from them: `standing`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.clock import LAW_ZONE
from app.db import changed, db, table, transaction
from app.errors import Forbidden, Invalid, NotFound
from app.models import Absence, Unit, User
from app.rules import access as rules
from app.rules import standing as acting
from app.rules.access import SYSTEM_POSTS, Person
from app.rules.calendar import midnight_after
from app.services import access, leaving, people, practice, releases
from app.services.presence import standing
from app.text import Text

ABSENCE, UNIT, USER = table(Absence), table(Unit), table(User)
ABOVE = "above"
"""Said in the substitute's place: whoever answers for the post takes it."""
LONGEST = timedelta(days=366)
SHOWN_FOR = timedelta(days=90)
ONE_DAY = timedelta(days=1)
WHY: Mapping[str, Text] = {
    "holiday": Text("休假", "Leave"),
    "sick": Text("病假", "Illness"),
    "family": Text("事假、产假、护理假", "Family leave"),
    "travel": Text("出差", "Travel on duty"),
    "training": Text("培训", "Training"),
    "other": Text("其他", "Other"),
}
NOT_YOURS = Text(
    "只有本人、主管这个人全部岗位的人，或者管理员，才能登记不在岗。",
    "Only the person, whoever answers for every post of theirs, or an administrator may enter an absence.",
)
FILL_IN = Text("还有几处要补或要改，看看下面的提示。", "A few things are missing or wrong; see the notes below.")
NO_FIRST = Text("请选从哪天起。", "Choose the first day.")
NO_LAST = Text("请选到哪天为止。", "Choose the last day.")
PAST = Text(
    "不能补记过去的日子：那时的事已经有人办了，或者已经过了期限。请从今天起。",
    "Days gone by cannot be entered: what fell due then was done, or is late. Begin today.",
)
BACKWARDS = Text("最后一天在第一天前面。", "The last day is before the first.")
TOO_LONG = Text("最长一年。更久的，请办离岗。", "One year at most. For longer, end the post.")
OVERLAPS = Text(
    "这几天已经登记过不在岗（{first} 到 {last}）。要改，先结束原来的那一条。",
    "These days are entered already ({first} to {last}). To change that, end the earlier entry first.",
)
NO_WHY = Text("请选原因。", "Choose a reason.")
NO_SUBSTITUTE = Text("请选这几天谁代办。", "Choose who stands in.")
ONESELF = Text("自己不能代自己。请另选一位。", "Nobody stands in for themself. Choose somebody else.")
UNFIT = Text(
    "这位同事不在这个单位的同一个岗位，代办不了。请另选一位。",
    "This person does not hold the post in that unit. Choose somebody else.",
)
AWAY_TOO = Text(
    "{name} {first} 到 {last} 也不在岗，代不了。请另选一位，或者改日子。",
    "{name} is away too, {first} to {last}. Choose somebody else, or other days.",
)
SOMEBODY_CAN = Text(
    "有同事能代（{names}），请选一位。没有人能代的时候才由主管接。",
    "A colleague can stand in ({names}); choose one. The supervisor takes it only when nobody can.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """An absence as somebody typed it; both days belong to it."""

    first: date | None
    last: date | None
    why: str
    substitute: str


@dataclass(frozen=True, slots=True)
class Taker:
    """Who does the work of these posts meanwhile: the substitute, those who answer for them, or nobody."""

    posts: tuple[str, ...]
    how: Literal["substitute", "above", "nobody"]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AbsenceRow:
    """An absence that lasts, is to come, or has been; both days belong to it."""

    id: int
    user_id: int
    name: str
    first: date
    last: date
    why: Text
    state: Literal["now", "coming", "over"]
    takers: tuple[Taker, ...]
    entered_by: str
    ended_by: str


@dataclass(frozen=True, slots=True)
class AwayPage:
    """What the form needs: who may stand in, and who takes each post when nobody can."""

    user_id: int
    name: str
    own: bool
    today: date
    candidates: tuple[tuple[int, str], ...]
    above: tuple[Taker, ...]
    rows: tuple[AbsenceRow, ...]
    stands_in: tuple[AbsenceRow, ...]


def may(session: Session, person: Person, user_id: int) -> bool:
    """Whether `person` may enter that this user is away."""
    return person.id == user_id or leaving.may(session, person, user_id)


def page(person: Person, user_id: int, lang: str = "zh") -> AwayPage:
    """The form for a person's absence, and those entered. Raises NotFound, Forbidden."""
    session, now = db.session(), practice.now()
    name = _require(session, person, user_id)
    posts = _posts(session, user_id)
    fitting = _fitting(session, posts, user_id, now)
    return AwayPage(
        user_id=user_id, name=name, own=user_id == person.id, today=now.astimezone(LAW_ZONE).date(),
        candidates=tuple(sorted(fitting.items(), key=lambda one: one[1])),
        above=() if fitting else _takers(session, posts, user_id, None, now, lang),
        rows=of_person(session, user_id, now, lang),
        stands_in=for_others(session, user_id, now, lang),
    )  # fmt: skip


def enter(person: Person, user_id: int, asked: Asked, lang: str = "zh") -> tuple[str, ...]:
    """Put down that somebody is away; returns the names of those for whom they were to stand in meanwhile.

    It begins now where the first day is today. Raises Invalid with a message for each field, NotFound, Forbidden.
    """
    _require(db.session(), person, user_id)
    with transaction() as session:
        session.execute(select(USER.c.id).where(USER.c.id == user_id).with_for_update())
        now = practice.now(session)
        wrong = _wrong_days(asked, now.astimezone(LAW_ZONE).date())
        if asked.why not in WHY:
            wrong["why"] = NO_WHY
        first, last = asked.first or now.date(), asked.last or now.date()
        starts_at, ends_at = max(now, midnight_after(first - ONE_DAY)), midnight_after(last)
        if not wrong:
            wrong = _wrong_span(session, user_id, starts_at, ends_at) or _wrong_substitute(
                session, user_id, asked.substitute, starts_at, ends_at, now
            )
        if wrong:
            raise Invalid("absence", FILL_IN, {name: text.say(lang) for name, text in wrong.items()})
        session.execute(insert(ABSENCE).values(
            user_id=user_id, starts_at=starts_at, ends_at=ends_at, why=asked.why, entered_at=now, entered_by=person.id,
            substitute_id=int(asked.substitute) if asked.substitute.isdecimal() else None,
        ))  # fmt: skip
        let_down = select(USER.c.name).join(ABSENCE, ABSENCE.c.user_id == USER.c.id)
        let_down = let_down.where(ABSENCE.c.substitute_id == user_id, _meets(starts_at, ends_at)).distinct()
        return tuple(session.scalars(let_down.order_by(USER.c.name)))


def end(person: Person, absence_id: int) -> int:
    """Back early, or not going after all: from now on everything is theirs again; returns whose it was.

    Raises NotFound (also when it is over), Forbidden.
    """
    row = db.session.execute(select(ABSENCE).where(ABSENCE.c.id == absence_id)).first()
    if row is None:
        raise NotFound("no_absence", access.NOTHING_HERE)
    _require(db.session(), person, row.user_id)
    with transaction() as session:
        now = practice.now(session)
        running = update(ABSENCE).where(ABSENCE.c.id == absence_id, ABSENCE.c.ends_at > now)
        values = {"ends_at": max(now, row.starts_at), "ended_at": now, "ended_by": person.id}
        if changed(session, running.where(ABSENCE.c.starts_at < ABSENCE.c.ends_at).values(values)) != 1:
            raise NotFound("no_absence", access.NOTHING_HERE)
    return int(row.user_id)


# --- who is away -----------------------------------------------------------------------------


def of_person(session: Session, user_id: int, now: datetime, lang: str) -> tuple[AbsenceRow, ...]:
    """A person's absences: now, to come, and those of the last three months, in order."""
    return _rows(session, ABSENCE.c.user_id == user_id, now - SHOWN_FOR, now, lang)


def for_others(session: Session, user_id: int, now: datetime, lang: str) -> tuple[AbsenceRow, ...]:
    """Absences, now and to come, in which this person is named as the substitute."""
    return _rows(session, ABSENCE.c.substitute_id == user_id, now, now, lang)


def until(session: Session, user_ids: Collection[int], now: datetime) -> dict[int, date]:
    """The last day of those who are away now, by their id."""
    query = select(ABSENCE.c.user_id, ABSENCE.c.ends_at).where(ABSENCE.c.user_id.in_(user_ids), standing.lasts(now))
    return {row.user_id: last_day(row.ends_at) for row in session.execute(query)}


def last_day(ends_at: datetime) -> date:
    """The day on which an absence that ends at `ends_at` still lasts."""
    return (ends_at - timedelta.resolution).astimezone(LAW_ZONE).date()


def _rows(session: Session, which: Any, since: datetime, now: datetime, lang: str) -> tuple[AbsenceRow, ...]:
    by, ender = USER.alias("by"), USER.alias("ender")
    query = (
        select(ABSENCE, USER.c.name, by.c.name.label("by"), ender.c.name.label("ender"))
        .join(USER, USER.c.id == ABSENCE.c.user_id)
        .join(by, by.c.id == ABSENCE.c.entered_by)
        .outerjoin(ender, ender.c.id == ABSENCE.c.ended_by)
        .where(which, ABSENCE.c.ends_at > since, ABSENCE.c.starts_at < ABSENCE.c.ends_at)
        .order_by(ABSENCE.c.starts_at, ABSENCE.c.id)
    )
    return tuple(_row(session, row, now, lang) for row in session.execute(query).all())


def _row(session: Session, row: Any, now: datetime, lang: str) -> AbsenceRow:
    state: Literal["now", "coming", "over"] = (
        "coming" if row.starts_at > now else "now" if row.ends_at > now else "over"
    )
    posts = _posts(session, row.user_id) if state != "over" else ()
    return AbsenceRow(
        id=row.id, user_id=row.user_id, name=row.name, first=row.starts_at.astimezone(LAW_ZONE).date(),
        last=last_day(row.ends_at), why=WHY[row.why], state=state, entered_by=row.by, ended_by=row.ender or "",
        takers=_takers(session, posts, row.user_id, row.substitute_id, max(now, row.starts_at), lang),
    )  # fmt: skip


def _takers(
    session: Session, posts: Sequence[rules.Post], user_id: int, substitute_id: int | None, at: datetime, lang: str
) -> tuple[Taker, ...]:
    """Who takes the posts at `at`, by name; posts that the same people take stand together."""
    policy, books = access.policy(session), releases.current_library()
    there = [one for one in standing.present(session, policy, posts, at) if one.user_id != user_id]
    taking = [(post, acting.who(policy, post, substitute_id, there)) for post in posts]
    names = _names(session, {one for _post, found in taking for one in found})
    units = {unit.id: unit for unit in session.execute(select(UNIT.c.id, UNIT.c.name_zh, UNIT.c.name_en).where(
        UNIT.c.id.in_([post.unit_id for post in posts])))}  # fmt: skip
    alike: dict[frozenset[int], list[str]] = {}
    for post, found in taking:
        unit = Text(units[post.unit_id].name_zh, units[post.unit_id].name_en)
        alike.setdefault(found, []).append(f"{unit.say(lang)} {books.role_name(post.role).say(lang)}")
    return tuple(
        Taker(
            tuple(said), "nobody" if not found else "substitute" if substitute_id in found else "above",
            tuple(sorted(names[one] for one in found)),
        )
        for found, said in alike.items()
    )  # fmt: skip


# --- what is asked -----------------------------------------------------------------------------


def _require(session: Session, person: Person, user_id: int) -> str:
    """The person's name. Raises Forbidden, NotFound."""
    name = session.scalar(select(USER.c.name).where(USER.c.id == user_id, USER.c.active))
    if name is None:
        raise NotFound("no_person", access.NOTHING_HERE)
    if not may(session, person, user_id):
        raise Forbidden("not_your_person", NOT_YOURS)
    return str(name)


def _wrong_days(asked: Asked, today: date) -> dict[str, Text]:
    first, last = asked.first, asked.last
    if first is None or last is None:
        missing = (("first", first, NO_FIRST), ("last", last, NO_LAST))
        return {name: text for name, day, text in missing if day is None}
    if first < today:
        return {"first": PAST}
    if last < first:
        return {"last": BACKWARDS}
    return {"last": TOO_LONG} if last - today > LONGEST else {}


def _meets(starts_at: datetime, ends_at: datetime) -> Any:
    """True for absences that share a moment with this span; what was called off shares none."""
    return (ABSENCE.c.starts_at < ends_at) & (ABSENCE.c.ends_at > starts_at) & (ABSENCE.c.starts_at < ABSENCE.c.ends_at)


def _said(text: Text, starts_at: datetime, ends_at: datetime, name: str = "") -> Text:
    days = {
        "first": f"{starts_at.astimezone(LAW_ZONE):%Y-%m-%d}",
        "last": f"{last_day(ends_at):%Y-%m-%d}",
        "name": name,
    }
    return Text(text.zh.format(**days), text.en.format(**days))


def _wrong_span(session: Session, user_id: int, starts_at: datetime, ends_at: datetime) -> dict[str, Text]:
    other = _first_within(session, user_id, starts_at, ends_at)
    return {"first": _said(OVERLAPS, other.starts_at, other.ends_at)} if other else {}


def _first_within(session: Session, user_id: int, starts_at: datetime, ends_at: datetime) -> Any:
    query = select(ABSENCE).where(ABSENCE.c.user_id == user_id, _meets(starts_at, ends_at))
    return session.execute(query.order_by(ABSENCE.c.starts_at)).first()


def _wrong_substitute(
    session: Session, user_id: int, said: str, starts_at: datetime, ends_at: datetime, now: datetime
) -> dict[str, Text]:
    fitting = _fitting(session, _posts(session, user_id), user_id, now)
    taken = {one: _first_within(session, one, starts_at, ends_at) for one in fitting}
    free = [name for one, name in sorted(fitting.items()) if taken[one] is None]
    if said in ("", ABOVE):
        names = "、".join(free)
        wrong = SOMEBODY_CAN if said else NO_SUBSTITUTE
        return {"substitute": Text(wrong.zh.format(names=names), wrong.en.format(names=names))} if free else {}
    chosen = int(said) if said.isdecimal() else 0
    if chosen == user_id:
        return {"substitute": ONESELF}
    if chosen not in fitting:
        return {"substitute": UNFIT}
    other = taken[chosen]
    return {"substitute": _said(AWAY_TOO, other.starts_at, other.ends_at, fitting[chosen])} if other else {}


def _posts(session: Session, user_id: int) -> tuple[rules.Post, ...]:
    """The posts that have work: those of the system have none."""
    return tuple(post for post in people.posts(session, user_id) if post.role not in SYSTEM_POSTS)


def _fitting(session: Session, posts: Sequence[rules.Post], user_id: int, now: datetime) -> dict[int, str]:
    """Those who may stand in for one of the posts, away or not, by id; their names."""
    policy = access.policy(session)
    held = standing.present(session, policy, posts, now, also_away=True)
    found = {one.user_id for one in held for post in posts if acting.holds(one.post, post)}
    return _names(session, found - {user_id})


def _names(session: Session, user_ids: Collection[int]) -> dict[int, str]:
    return {row.id: row.name for row in session.execute(select(USER.c.id, USER.c.name).where(USER.c.id.in_(user_ids)))}
