"""Cases as people look at them: the list, the home page, and what may be registered from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app import engine
from app.db import Row, db, table
from app.errors import NotFound
from app.models import Case, CaseLink, Child, Instance, Placement, Report, ReportLink, Subscription, Task
from app.rules.access import Person, Resource
from app.services import _merged, _seal, _seals, access, children, clocks, practice, releases
from app.services._closing import CLOSED
from app.services._seals import Seals, Sent
from app.services.history.story import BEHIND, Teller
from app.services.inbox import listing
from app.services.library import library
from app.services.views import Arrival, CasePage, InboxRow, Relative, Seal, StoryLine
from app.text import Text

CASE, CHILD, TASK, INSTANCE = table(Case), table(Child), table(Task), table(Instance)
PLACEMENT, LINK, REPORT_LINK = table(Placement), table(CaseLink), table(ReportLink)
SUBSCRIPTION, REPORT = table(Subscription), table(Report)
PAGE = 50
LARGEST_ID = 2**63
PLACES = {
    "relative": Text("亲属家", "with relatives"),
    "village": Text("村(居)委会安排的家庭", "with a family found by the village"),
    "relief": Text("救助管理机构", "in a relief institution"),
    "welfare": Text("福利机构", "in a welfare institution"),
    "shelter": Text("庇护场所", "in a shelter"),
    "hospital": Text("医院", "in hospital"),
}
NOT_RECORDED = Text("", "")
number = children.case_number
FINISHED = Text("这件事已经办结。", "This case is closed.")


def id_of(number: str) -> int | None:
    """The case with this number, as people write it; None when there is none."""
    found: int | None = db.session.scalar(select(CASE.c.id).where(CASE.c.id == children.case_id_in(number)))
    return found


def page(person: Person, case_id: int, lang: str = "zh") -> CasePage:
    """The home page of a case. Raises NotFound, Forbidden."""
    session, now = db.session(), practice.now()
    resource = access.case_resource(session, case_id)
    access.require(session, person, "see", resource)
    row = _row(session, case_id)
    teller, seals = Teller(session, case_id, lang), Seals(session, person, case_id, resource)
    tasks = open_tasks(session, case_id)
    shown = listing.rows(session, tasks, person, now, lang)
    place = children.place_name(session, row["path"], lang)
    line, reads = children.line({**row, "place": place}, now), seals.may_read()
    records = _seals.of_case(seals, row["wrapped_key"])
    events = {event["seq"]: (event, teller.bodies[event["seq"]]) for event in teller.events}
    tonight, seal, address = _tonight(session, row, records)
    return CasePage(
        id=case_id,
        number=number(case_id, row["opened_at"]),
        receipt=session.scalar(select(REPORT.c.number).where(REPORT.c.case_id == case_id)) or "",
        kind=row["kind"],
        closed=row["status"] == CLOSED,
        child=line if reads else children.veiled(line),
        lead=FINISHED if row["status"] == CLOSED else _lead(shown, teller),
        tonight=tonight,
        story=_correctable(
            _seals.on_story(teller.lines(), events, records, wrapped_key=row["wrapped_key"] if reads else None),
            events,
            access.correctable(session, person, resource) if row["wrapped_key"] else frozenset(),
        ),
        next_tasks=shown if reads else tuple(replace(one, child=children.veiled(one.child)) for one in shown),
        diagrams=teller.diagrams(),
        clocks=clocks.of(session, row, now, lang) if reads else (),
        family=_family(session, person, row, lang) if row["kind"] == "child" and reads else (),
        reports=session.scalar(
            select(func.count(REPORT_LINK.c.report_id.distinct())).where(
                REPORT_LINK.c.case_id.in_(_merged.family(session, case_id)), REPORT_LINK.c.ended_at.is_(None)
            )
        )
        or 0,
        may=_may(session, person, resource, seals),
        address=address,
        seal=seal,
        needs_reason=not reads and seals.asks_reason,
        glass_until=seals.glass_until,
        erased=row["wrapped_key"] is None,
        **merged_into(session, person, _merged.survivors(session, [case_id]).get(case_id)),
    )


def may_see(person: Person, case_id: int) -> bool:
    """Whether the case's page opens to this person, be it that they say why."""
    session = db.session()
    return bool(access.policy(session).can(person, "see", access.case_resource(session, case_id)))


def _correctable(
    story: Iterable[StoryLine], events: Mapping[int, tuple[Row, Any]], tasks: frozenset[int]
) -> tuple[StoryLine, ...]:
    """The story, with the way to correct what was sent, where this person may: at its newest version only."""
    left, told = set(tasks), []
    for line in story:
        event = events[line.seq][0]
        mine = event["kind"] in ("task_done", "corrected") and event["task_id"] in left
        left -= {event["task_id"]} if mine else set()
        told.append(replace(line, correct=event["task_id"]) if mine else line)
    return tuple(told)


def _row(session: Session, case_id: int) -> dict[str, Any]:
    query = select(CASE, CHILD.c.secret.label("child_secret")).outerjoin(CHILD, CHILD.c.case_id == CASE.c.id)
    row = session.execute(query.where(CASE.c.id == case_id)).mappings().first()
    if row is None:
        raise NotFound("no_case", access.NOTHING_HERE)
    return {**row, "case_id": case_id, "case_kind": row["kind"]}


def _open_in(cases: ColumnElement[bool]) -> ColumnElement[bool]:
    """Open tasks of these cases; those of an escalation are about another task, which is here itself."""
    return and_(cases, TASK.c.status == "open", TASK.c.process.not_in(BEHIND))


def open_tasks(session: Session, case_id: int) -> list[Row]:
    """Open tasks of the case, in the order in which they fall due."""
    query = listing.base().where(_open_in(TASK.c.case_id == case_id))
    return list(session.execute(query.order_by(TASK.c.due_at, TASK.c.id)).mappings())


def _may(session: Session, person: Person, resource: Resource, seals: Seals) -> frozenset[str]:
    allowed = access.policy(session).can(person, "register", resource)
    may = {"record", "new_danger"} if allowed and resource.kind == "case" else set()
    may |= {"attach"} if access.policy(session).can(person, "attach", resource) else set()
    may |= {"unseal"} if seals.may_break_the_glass and seals.glass_until is None else set()
    return frozenset(may | ({"reads"} if seals.audits else set()))


def _lead(shown: Iterable[InboxRow], teller: Teller) -> Text:
    """Two sentences: what is under way, and what comes next."""
    running = {
        view.instance_id: view.name
        for view in teller.diagrams()
        if view.status == "running" and view.process not in BEHIND
    }
    names = list(dict.fromkeys(running.values()))
    if not names:
        return Text("现在没有在办的流程。", "Nothing is under way now.")
    first = next(iter(shown), None)
    zh, en = "、".join(name.zh for name in names), ", ".join(name.en for name in names)
    under_way = Text(f"正在办：{zh}。", f"Under way: {en}.")
    if first is None:
        return Text(
            f"{under_way.zh}在等外面的消息或下一个日子。", f"{under_way.en} Waiting for word or for the next date."
        )
    return Text(
        f"{under_way.zh}接下来：{first.title.zh}（{first.role.zh}）。",
        f"{under_way.en} Next: {first.title.en} ({first.role.en}).",
    )


def _placed(session: Session, row: Row) -> Row | None:
    """The placement that holds now, if the child is placed."""
    ended = row["facts"].get("care_ended_at")
    query = (
        select(PLACEMENT).where(PLACEMENT.c.case_id == row["case_id"]).order_by(PLACEMENT.c.handed_at.desc()).limit(1)
    )
    found: Row | None = session.execute(query).mappings().first()
    if found is None or (ended and datetime.fromisoformat(ended) > found["handed_at"]):
        return None
    return found


def _tonight(session: Session, row: Row, records: Mapping[int, Sent]) -> tuple[Text, Seal | None, str]:
    """Where the child sleeps: the kind of place, the seal on its address, and the address where that is open."""
    placed = _placed(session, row)
    if placed is None:
        return NOT_RECORDED, None, ""
    kept = _seals.standing(records, placed["submission_id"])
    address = str(kept.answers.get("place_name") or "") if kept.seal and kept.seal.open else ""
    return PLACES.get(placed["kind"], NOT_RECORDED), kept.seal, address


def _family(session: Session, person: Person, row: Row, lang: str) -> tuple[Relative, ...]:
    """Family and carers; of the children of the same incident those whose case this person may see."""
    siblings = select(CHILD.c.case_id, CHILD.c.secret.label("child_secret"), CASE.c.wrapped_key).join(
        CASE, CASE.c.id == CHILD.c.case_id
    )
    linked = or_(
        CHILD.c.case_id.in_(select(LINK.c.other_id).where(LINK.c.case_id == row["case_id"], LINK.c.kind == "incident")),
        CHILD.c.case_id.in_(select(LINK.c.case_id).where(LINK.c.other_id == row["case_id"], LINK.c.kind == "incident")),
    )
    seen = access.seen_cases(session, person)
    found = session.execute(siblings.where(linked, CASE.c.wrapped_key.is_not(None), seen)).mappings()
    others = tuple(
        Relative(
            Text("同一事件的孩子", "Child of the same incident"),
            str(children.told_of(one).get("name") or ""),
            "",
            one["case_id"],
        )
        for one in found
    )
    return children.family(session, row["case_id"], row["wrapped_key"], lang) + others


def index(person: Person, search: str = "", after: int = 0, lang: str = "zh") -> tuple[list[dict[str, Any]], int, str]:
    """Cases this person may see, newest first: rows, how many in all, and the key of the next page.

    `search` is a child's whole name, a case's number or the number a reporter was given; names are found by blind index only.
    """
    session, now = db.session(), practice.now()
    where = [access.seen_cases(session, person), CASE.c.kind.in_(("child", "report"))]
    if search:
        where.append(_matches(search))
    found_in = CASE.outerjoin(CHILD, CHILD.c.case_id == CASE.c.id)
    total = session.scalar(select(func.count()).select_from(found_in).where(*where)) or 0
    query = select(CASE, CHILD.c.secret.label("child_secret")).select_from(found_in).where(*where)
    if 0 < after < LARGEST_ID:
        query = query.where(CASE.c.id < after)
    rows = list(session.execute(query.order_by(CASE.c.id.desc()).limit(PAGE + 1)).mappings())
    found = _index_rows(session, person, rows[:PAGE], now, lang)
    into = _merged.survivors(session, [row["id"] for row in found])
    found = [row | merged_into(session, person, into.get(row["id"])) for row in found]
    return found, total, str(rows[PAGE - 1]["id"]) if len(rows) > PAGE else ""


def merged_into(session: Session, person: Person, survivor: int | None) -> dict[str, Any]:
    """Whether a file was merged into another, and into which: named to whom that one's page opens."""
    opened = session.scalar(select(CASE.c.opened_at).where(CASE.c.id == survivor)) if survivor else None
    if survivor is None or opened is None or not may_see(person, survivor):
        return {"merged": survivor is not None, "merged_into": None, "merged_number": ""}
    return {"merged": True, "merged_into": survivor, "merged_number": number(survivor, opened)}


def _matches(search: str) -> Any:
    numbered = children.case_id_in(search)
    named = or_(CHILD.c.name_index == _seal.blind_index("child.name", search), children.reported_as(search))
    return named if numbered is None else or_(named, CASE.c.id == numbered)


def _index_rows(
    session: Session, person: Person, rows: Sequence[Row], now: datetime, lang: str
) -> list[dict[str, Any]]:
    """Cases as a list shows them: all that they need is asked once for the page, not once for each."""
    places = children.place_names(session, {row["path"] for row in rows}, lang)
    tasks = _next_tasks(session, person, [row["id"] for row in rows], now, lang)
    audited = access.policy(session).scope(person).audited
    found = []
    for row in rows:
        line = children.line({**row, "case_id": row["id"], "place": places.get(row["path"], "")}, now)
        task = tasks.get(row["id"])
        if audited and not Seals(session, person, row["id"]).may_read():
            line = children.veiled(line)
            task = replace(task, child=line) if task else None
        lead = task.process if task else Text("没有待办", "Nothing to do")
        found.append({
            "id": row["id"], "number": number(row["id"], row["opened_at"]), "kind": row["kind"],
            "closed": row["status"] == CLOSED, "child": line, "lead": lead, "next_task": task,
        })  # fmt: skip
    return found


def _next_tasks(
    session: Session, person: Person, case_ids: Sequence[int], now: datetime, lang: str
) -> dict[int, InboxRow]:
    """By case the open task that falls due first."""
    order = func.row_number().over(partition_by=TASK.c.case_id, order_by=(TASK.c.due_at, TASK.c.id))
    ranked = select(TASK.c.id, order.label("place")).where(_open_in(TASK.c.case_id.in_(case_ids))).subquery()
    first = select(ranked.c.id).where(ranked.c.place == 1)
    found = list(session.execute(listing.base().where(TASK.c.id.in_(first))).mappings())
    return {task.case_id: task for task in listing.rows(session, found, person, now, lang)}


def arrivals(person: Person, case_id: int) -> tuple[Arrival, ...]:
    """What may be registered for this case now: what somebody waits for first, then what starts something."""
    session = db.session()
    access.require(session, person, "register", access.case_resource(session, case_id))
    books = library(session, releases.current(session))
    query = select(SUBSCRIPTION.c.message, INSTANCE.c.id, INSTANCE.c.process).join(
        INSTANCE, INSTANCE.c.id == SUBSCRIPTION.c.instance_id
    )
    waiting: dict[str, dict[int, Text]] = {}
    for message, instance_id, process in session.execute(query.where(SUBSCRIPTION.c.case_id == case_id)):
        waiting.setdefault(message, {})[instance_id] = books.process_name(process)
    found = [
        Arrival(name, Text(rules["label_zh"], rules["label_en"]), rules["form"], tuple(waiting.get(name, {}).items()),
                books.process_name(rules["starts"]) if rules["starts"] in books.diagrams else None)
        for name, rules in books.messages.items()
        if rules.get("desk") and "case_id" in rules["payload"]
    ]  # fmt: skip
    useful = [one for one in found if one.waiting or one.starts or one.message == "performance_changed"]
    return tuple(sorted(useful, key=lambda one: not one.waiting))


def diagram(person: Person, case_id: int, instance_id: int, process: str) -> bytes:
    """The XML of a process that an instance runs or calls, of its own release. Raises NotFound, Forbidden."""
    access.require(db.session(), person, "see", access.case_resource(db.session(), case_id))
    definition = _definition(case_id, instance_id)
    if process not in definition.processes:
        raise NotFound("no_process", access.NOTHING_HERE)
    return definition.xml(process)


def elements(case_id: int, instance_id: int, process: str) -> tuple[engine.Element, ...]:
    """The elements of a process of an instance, in reading order."""
    return _definition(case_id, instance_id).elements(process)


def _definition(case_id: int, instance_id: int) -> engine.Definition:
    query = select(INSTANCE.c.process, INSTANCE.c.release_id).where(
        INSTANCE.c.id == instance_id, INSTANCE.c.case_id == case_id
    )
    row = db.session.execute(query).first()
    if row is None:
        raise NotFound("no_instance", access.NOTHING_HERE)
    return library(db.session(), row.release_id).definition(row.process)
