"""Two files of one child: suspected, compared, merged and taken apart again by a person.

Suspects are found by blind index (id number, name) and only among what the person may see; of those few the
sealed part is opened to say what agrees. Both chains hold a merge and its end, with the reason sealed.
Source: DECISIONS 12; ADR 0022.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, insert, or_, select, update
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.errors import Forbidden, Invalid, Refused, Stale
from app.models import Case, CaseMerge, Child, Report, ReportLink
from app.rules.access import MERGES, Person, Resource
from app.services import _merged, access, cases, children, clocks, commands, notices, practice, units
from app.services._seals import Seals
from app.services._work import Actor, OpenCase
from app.services.inbox import listing
from app.services.views import ClockView, InboxRow
from app.text import Text

CASE, CHILD, MERGE = table(Case), table(Child), table(CaseMerge)
REPORT, LINK = table(Report), table(ReportLink)
MOST_SUSPECTS = 20
IDENTITY = ("name", "sex", "age_or_dob", "id_no")
"""What tells who a child is: where two files differ in it, a person has to say that they checked."""
LONGEST_REASON = 500
TOWNSHIP = 4
"""So many codes has the path of a township."""
SAME_ID = Text("身份证号相同", "the same id number")
SAME_BIRTH = Text("姓名和出生日期（年龄）相同", "the same name and birth (or age)")
SAME_PLACE = Text("姓名和乡镇相同", "the same name and township")
NOT_CHECKED = Text(
    "两份差得很远。核对过确实是同一个孩子，请在这里打勾。",
    "The two are far apart. If you have checked that it is the same child, tick here.",
)
CHOOSE = Text("请选哪一份留着用。", "Choose which file stands for both.")
NO_REASON = Text("请写清为什么，500字以内。", "Say why, within 500 characters.")
NO_CASE = Text(
    "没有这个个案，或者不归你看。请核对编号。", "There is no such case, or it is not for you to see. Check the number."
)
ITSELF = Text("这就是同一份档案。", "This is the same file.")
NOT_A_CHILD = Text(
    "只有孩子的个案能合并。报告请“归到个案”。", "Only children’s cases are merged. A report is attached to a case."
)
ALREADY = Text(
    "其中一份已经并入别的档案。请打开它并入的那一份再看。",
    "One of them is merged into another file already. Open the one it was merged into.",
)
NOT_MERGED = Text(
    "这份档案没有并入别的，或者刚才已经撤销。", "This file is merged into no other, or that was undone just now."
)
SEALED_APART = Text(
    "一份封存、一份没有封存，不能合并：封存的内容会让更多人看到。请找县民政科室负责人。",
    "One is sealed and the other is not: merged, more people would see what is sealed. Ask the county section lead.",
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """Another file that may be the same child's, and what agrees."""

    case_id: int
    number: str
    name: str
    place: str
    why: Text


@dataclass(frozen=True, slots=True)
class Side:
    """One of two files beside each other."""

    case_id: int
    number: str
    name: str
    told: Mapping[str, str]
    tasks: tuple[InboxRow, ...]
    clocks: tuple[ClockView, ...]
    sealed: bool


def apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """What two files, as their sides tell them, say quite differently of a child: name, sex, age_or_dob, id_no.

    What only one of them knows is no difference, and ages may be a year apart: they were told on different days.
    """
    told = [{name: str(side.get(name) or "").strip().casefold() for name in IDENTITY} for side in (one, other)]
    differ = [name for name in IDENTITY if all(side[name] for side in told) and told[0][name] != told[1][name]]
    births = [side["age_or_dob"] for side in told]
    return tuple(name for name in differ if name != "age_or_dob" or _births_apart(*births))


def _births_apart(one: str, other: str) -> bool:
    days = [children.born_on(told) for told in (one, other)]
    if None not in days:
        return True
    ages = [children.age(told, practice.now()) for told in (one, other)]
    return ages[0] is not None and ages[1] is not None and abs(ages[0] - ages[1]) > 1


@dataclass(frozen=True, slots=True)
class Merged:
    """A file that was merged into the one that is shown, with what still runs in it."""

    case_id: int
    number: str
    merged_at: datetime
    tasks: tuple[InboxRow, ...]
    clocks: tuple[ClockView, ...]
    reports: tuple[str, ...]  # numbers that reporters were given
    erased: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How a child's case stands to other files of the child: what it was merged into, what was merged into it."""

    into: tuple[int, str] | None = None
    merged: tuple[Merged, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    may: frozenset[str] = frozenset()  # merge, unmerge


# --- looking --------------------------------------------------------------------------------


def standing(person: Person, case_id: int, lang: str = "zh") -> Standing:
    """What the case's page shows of other files. The caller has made sure that the person may see the case."""
    session = db.session()
    row = _row(session, case_id)
    if row is None or row["kind"] != "child":
        return Standing()
    mine = bool(access.policy(session).can(person, "merge", access.case_resource(session, case_id)))
    survivor = _merged.into(session, case_id)
    if survivor is not None:
        may = frozenset(("unmerge",)) if mine and row["wrapped_key"] else frozenset()
        return Standing(into=(survivor, _number(session, survivor)), may=may)
    merged = tuple(_merged_in(session, person, case_id, lang))
    if not mine or row["wrapped_key"] is None:
        return Standing(merged=merged)
    return Standing(merged=merged, suspects=suspects(person, case_id, lang), may=frozenset(("merge",)))


def _merged_in(session: Session, person: Person, case_id: int, lang: str) -> Iterator[Merged]:
    query = select(MERGE.c.alias_id, MERGE.c.merged_at).where(MERGE.c.survivor_id == case_id, _merged.LASTS)
    for alias_id, merged_at in session.execute(query.order_by(MERGE.c.merged_at, MERGE.c.id)).all():
        row = _row(session, alias_id)
        if row is None or not cases.may_see(person, alias_id):
            continue
        side = _side(session, person, row, lang)
        receipts = select(REPORT.c.number).join(LINK, LINK.c.report_id == REPORT.c.id)
        receipts = receipts.where(LINK.c.case_id == alias_id, LINK.c.ended_at.is_(None)).distinct()
        numbers = tuple(session.scalars(receipts.order_by(REPORT.c.number)))
        reads = Seals(session, person, alias_id).may_read()  # a clock names a guardian
        shown = side.clocks if reads else ()
        yield Merged(alias_id, side.number, merged_at, side.tasks, shown, numbers, row["wrapped_key"] is None)
        yield from _merged_in(session, person, alias_id, lang)


def suspects(person: Person, case_id: int, lang: str = "zh") -> tuple[Suspect, ...]:
    """Files that may be the same child's, of those that this person may see: found by blind index, then looked into."""
    session = db.session()
    own = _row(session, case_id)
    if own is None or own["wrapped_key"] is None or own["child_secret"] is None:
        return ()
    told = children.told_of(own)
    named = CHILD.c.name_index == own["name_index"] if told.get("name") else false()
    numbered = CHILD.c.id_index == own["id_index"] if own["id_index"] else false()
    query = _children().where(or_(named, numbered), CASE.c.id.not_in(_merged.family(session, case_id)))
    query = query.where(CASE.c.wrapped_key.is_not(None), access.seen_cases(session, person)).limit(MOST_SUSPECTS)
    found = []
    for row in session.execute(query.order_by(CASE.c.id)).mappings():
        other = children.told_of(row)
        why = _why(own, told, row, other)
        if why is not None and _merged.into(session, row["case_id"]) is None:
            place = children.place_name(session, row["path"], lang)
            number = children.case_number(row["case_id"], row["opened_at"])
            found.append(Suspect(row["case_id"], number, str(other.get("name") or ""), place, why))
    return tuple(found)


def _why(own: Row, told: Mapping[str, Any], row: Row, other: Mapping[str, Any]) -> Text | None:
    if own["id_index"] and own["id_index"] == row["id_index"]:
        return SAME_ID
    born, also = (str(one.get("age_or_dob") or "").strip() for one in (told, other))
    if born and born == also:
        return SAME_BIRTH
    here, there = ("/".join(one["path"].split("/")[: TOWNSHIP + 1]) for one in (own, row))
    return SAME_PLACE if here == there else None


def by_number(person: Person, case_id: int, number: str, lang: str = "zh") -> int:
    """The case with this number, to be compared. Raises Invalid where there is none that this person may see."""
    found = cases.id_of(number)
    if found is None or not cases.may_see(person, found):
        raise Invalid("no_case", NO_CASE, {"number": NO_CASE.say(lang)})
    if found == case_id:
        raise Invalid("itself", ITSELF, {"number": ITSELF.say(lang)})
    return found


def compare(person: Person, case_id: int, other_id: int, lang: str = "zh") -> tuple[Side, Side]:
    """Two files beside each other. Raises NotFound, Forbidden, Refused with whom to ask."""
    require(person, case_id, other_id)
    session = db.session()
    one, other = (_side(session, person, _row(session, id_) or {}, lang) for id_ in (case_id, other_id))
    return one, other


def _side(session: Session, person: Person, row: Row, lang: str) -> Side:
    now, case_id = practice.now(), row["case_id"]
    told = _told(row)
    family = children.guardians(session, case_id, row["wrapped_key"])
    shown = {name: str(told.get(name) or "") for name in ("name", "sex", "age_or_dob", "id_no", "school")}
    shown["place"] = children.place_name(session, row["path"], lang)
    shown["family"] = "；".join(children.guardian_label(kind, one, lang) for _, kind, one in family)
    return Side(
        case_id, children.case_number(case_id, row["opened_at"]), shown["name"], shown,
        listing.rows(session, cases.open_tasks(session, case_id), person, now, lang), clocks.of(session, row, now, lang),
        bool(row["sealed"]),
    )  # fmt: skip


def _told(row: Row) -> dict[str, Any]:
    return children.told_of(row) if row.get("wrapped_key") and row.get("child_secret") else {}


def _children() -> Any:
    query = select(CASE, CASE.c.id.label("case_id"), CHILD.c.secret.label("child_secret"), CHILD.c.name_index,
                   CHILD.c.id_index)  # fmt: skip
    return query.outerjoin(CHILD, CHILD.c.case_id == CASE.c.id)


def _row(session: Session, case_id: int) -> Row | None:
    found: Row | None = session.execute(_children().where(CASE.c.id == case_id)).mappings().first()
    return found


def _number(session: Session, case_id: int) -> str:
    return children.case_number(case_id, session.scalars(select(CASE.c.opened_at).where(CASE.c.id == case_id)).one())


# --- who may --------------------------------------------------------------------------------


def require(person: Person, *case_ids: int) -> None:
    """Nothing, where this person may merge these files, or take them apart.

    Raises: NotFound, Forbidden, Refused("merge_region") with whom to ask where one lies outside their region.
    """
    session = db.session()
    asked = [access.case_resource(session, case_id) for case_id in case_ids]
    for resource in asked:
        access.require(session, person, "see", resource)
    rules = access.policy(session)
    if all(rules.can(person, "merge", resource) for resource in asked):
        return
    if any(post.role in MERGES for post in person.posts):
        raise Refused("merge_region", _ask(session, asked))
    raise Forbidden("not_yours", access.NOT_YOURS)


def _ask(session: Session, asked: list[Resource]) -> Text:
    """Whom to ask: who answers for the smallest place that holds both."""
    one, *others = (units.ancestors(resource.unit_path) for resource in asked)
    common = next(place for place in one if all(place in other for other in others))
    zh, en = (children.place_names(session, [common], lang).get(common, "") for lang in ("zh", "en"))
    return Text(
        f"两份档案不都在你负责的地方。请找{zh}负责这件事的人（乡镇儿童督导员或民政）来合并。",
        f"Not both files lie in your region. Ask whoever answers for {en} (township supervisor or civil affairs) to merge them.",
    )


# --- doing ----------------------------------------------------------------------------------


def merge(
    person: Person, alias_id: int, survivor_id: int, reason: str, lang: str = "zh", *, checked: bool = False
) -> None:
    """From now on `survivor_id` stands for both. Tasks, limits and clocks of both run on; nothing is moved or summed.

    `checked`: the person says so of two files that are quite different.
    Raises: NotFound, Forbidden, Invalid (no reason, not checked), Refused (same, sealed apart, merged already, erased).
    """
    if alias_id == survivor_id:
        raise Refused("itself", ITSELF, case=alias_id)
    require(person, alias_id, survivor_id)
    words = said(reason, lang)
    differ = apart(*(_told(_row(db.session(), one) or {}) for one in (alias_id, survivor_id)))
    if differ and not checked:
        raise Invalid("not_checked", NOT_CHECKED, {"checked": NOT_CHECKED.say(lang)})
    with commands.work_on(Actor(person.id, "desk")) as work:
        both = [work.lock(case_id) for case_id in sorted((alias_id, survivor_id))]
        _fit(work.session, both)
        values = {"alias_id": alias_id, "survivor_id": survivor_id, "merged_at": work.now, "merged_by": person.id}
        merge_id = work.session.scalar(insert(MERGE).values(values).returning(MERGE.c.id))
        data = {"merge": merge_id, "alias": alias_id, "survivor": survivor_id}
        for case in both:
            case.chain.append(
                "case_merged",
                data | ({"apart": list(differ)} if differ else {}),
                at=work.now,
                actor_id=person.id,
                secret={"reason": words},
            )
            notices.put(work, case.id, "case_merged", "township_worker", f"merge:{merge_id}:{case.id}", {})


def _fit(session: Session, both: list[OpenCase]) -> None:
    if any(case.kind != "child" for case in both):
        raise Refused("not_a_child", NOT_A_CHILD)
    if any(_merged.into(session, case.id) is not None for case in both):
        raise Stale("merged_already", ALREADY)
    sealed = set(session.scalars(select(CASE.c.sealed).where(CASE.c.id.in_([case.id for case in both]))))
    if len(sealed) > 1:
        raise Refused("sealed_apart", SEALED_APART)


def unmerge(person: Person, alias_id: int, reason: str, lang: str = "zh") -> None:
    """Both files stand for themselves again, as each is; what came to the survivor meanwhile stays there.

    Raises: NotFound, Forbidden, Invalid (no reason), Stale where it is merged no longer.
    """
    survivor_id = _merged.into(db.session(), alias_id)
    if survivor_id is None:
        access.require(db.session(), person, "see", access.case_resource(db.session(), alias_id))
        raise Stale("not_merged", NOT_MERGED, case=alias_id)
    require(person, alias_id, survivor_id)
    words = said(reason, lang)
    with commands.work_on(Actor(person.id, "desk")) as work:
        both = [work.lock(case_id) for case_id in sorted((alias_id, survivor_id))]
        ends = update(MERGE).where(MERGE.c.alias_id == alias_id, MERGE.c.survivor_id == survivor_id, _merged.LASTS)
        merge_id = work.session.scalar(ends.values(undone_at=work.now, undone_by=person.id).returning(MERGE.c.id))
        if merge_id is None:
            raise Stale("not_merged", NOT_MERGED, case=alias_id)
        data = {"merge": merge_id, "alias": alias_id, "survivor": survivor_id}
        for case in both:
            case.chain.append("case_unmerged", data, at=work.now, actor_id=person.id, secret={"reason": words})
            notices.put(work, case.id, "case_unmerged", "township_worker", f"unmerge:{merge_id}:{case.id}", {})


def said(reason: str, lang: str) -> str:
    """The reason as it was typed. Raises Invalid where there is none, or too long a one."""
    words = reason.strip()
    if not 0 < len(words) <= LONGEST_REASON:
        raise Invalid("reason", NO_REASON, {"reason": NO_REASON.say(lang)})
    return words
