"""Notices as people read them: those for their posts, newest first; each says what to do and leads there.

A notice holds no name and no narrative, and links only to what the reader may open. Whoever reads
it, reads it for the unit; where the sender asked for a receipt, the case's record says who did.
Source: issue "daily work", part 7; UI.md §5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, and_, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from app import operations
from app.db import Row, changed, db, table, transaction
from app.errors import NotFound
from app.models import Case, Notice, Outbox, Post, ReportLink, Task, User
from app.rules.access import Person
from app.services import _route, access, cases, commands, practice
from app.services._work import Actor, Work
from app.services.inbox import listing
from app.text import Text

NOTICE, OUTBOX, CASE, POST, TASK, USER = (table(model) for model in (Notice, Outbox, Case, Post, Task, User))
LINK = table(ReportLink)
PAGE = 30
MOST_COUNTED = 99
Place = Literal["task", "case", "report", "review", ""]

KINDS: Mapping[str, Text] = {
    "receipt": Text("报告已经受理，请告诉报告人。", "The report is accepted. Please tell the reporter."),
    "receipt_with_code": Text(
        "匿名报告已经受理。报告人来问时，凭编号和查询码答复。",
        "The anonymous report is accepted. Answer the reporter by number and code when they ask.",
    ),
    "report_accepted": Text(
        "你们这里有一份报告已经受理，留意接着派来的事。",
        "A report from your area is accepted; watch for what follows from it.",
    ),
    "transfer_letter": Text(
        "报告要移送有管辖权的公安机关。请送出移送函，收到回执再记一笔。",
        "The report goes to the police with jurisdiction. Send the letter, and register the receipt when it comes.",
    ),
    "first_notice": Text(
        "派出所核实有了结果，请看个案，准备接手。", "The police have findings. See the case and get ready."
    ),
    "entrustment_ended": Text(
        "委托照护已经终止，请告诉父母。", "The entrusted care has ended. Please tell the parents."
    ),
    "task_urgent": Text("有一件急事要马上去办，请打开看。", "Something urgent is yours to do at once. Please open it."),
    "task_directed": Text(
        "主管督办一件过了期限的事，请打开看要求。", "A supervisor presses a task past its deadline. See what is asked."
    ),
    "task_reassigned": Text(
        "一件过了期限的事改派给你，请打开看。", "A task past its deadline is now yours. Please open it."
    ),
    "facts_added": Text(
        "报告人补充了情况，请看有没有新的危险。", "The reporter added to the report. See whether there is new danger."
    ),
    "transfer_accepted": Text(
        "另一个乡镇接收了你们转出的孩子，待办已经移过去。你们办过的还能看。",
        "Another township has taken over a child from you, with what was still to do. What you did you can still see.",
    ),
    "case_merged": Text(
        "这个孩子的两份档案合并了。两边的事都照办，请看个案。",
        "Two files of this child were merged. The work of both goes on; see the case.",
    ),
    "case_unmerged": Text(
        "合并过的两份档案又分开了，请看个案里还有什么要办。",
        "Two merged files stand apart again. See what is still to be done in the case.",
    ),
    "report_attached": Text(
        "又有一份报告归到这个孩子，请看有没有新的危险。",
        "Another report was attached to this child. See whether there is new danger.",
    ),
    "transfer_refused": Text(
        "转移没有成，孩子的事还由你们办。", "The transfer did not come about: you still have the duty for the child."
    ),
    "glass_broken": Text(
        "有人紧急查看了封存内容，请在一天内复核。",
        "Somebody broke the glass on sealed content. Review it within a day.",
    ),
}
"""What each notice says. Those to people who do not sign in say what their bearer is to do."""
ASK_THE_POLICE = Text(
    "报告这个孩子的人补充了情况。报告不归你看，请问受理的派出所有没有新的危险。",
    "Who reported this child added to it. The report is not for your post: ask the police who took it about new danger.",
)
OTHER = Text("有一条通知。", "There is a notice.")


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice: what it says, whether it is to be passed on, where it leads, who has read it; `over` when it is done."""

    id: int
    text: Text
    pass_on: bool
    sent_at: datetime
    read_at: datetime | None
    read_by: str
    over: bool
    leads: Place
    target: int
    number: str  # of the case, when this person may open it


@dataclass(frozen=True, slots=True)
class NoticePage:
    """One page of notices; `after` is the key of the next, or empty."""

    rows: tuple[NoticeRow, ...]
    unread: str
    after: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Unread:
    """What a person has not read, by kind; `case_id` is the case of the newest."""

    counts: Mapping[str, int]
    case_id: int | None


def put(
    work: Work, case_id: int, kind: str, role: str, key: str, ids: Mapping[str, Any], unit_id: int | None = None
) -> None:
    """Put a notice in the outbox: for `role` in `unit_id`, else in the unit that has the role for this case.

    `key` makes a second copy impossible. The case need not be locked: nothing of it is changed.
    """
    payload = {"kind": kind, "role": role, "ids": dict(ids), "receipt": True, "unit_id": unit_id}
    _route.notify(work, case_id, key, payload)


# --- reading --------------------------------------------------------------------------------

TOLD, URGED = OUTBOX.alias(), TASK.alias()
DONE = (
    select(URGED.c.id)
    .join(TOLD, TOLD.c.payload["ids"]["task_id"].as_integer() == URGED.c.id)
    .where(TOLD.c.id == NOTICE.c.outbox_id, URGED.c.status == "done")
    .correlate(NOTICE)
    .exists()
)
OPEN_THERE = (
    select(TASK.c.id)
    .where(
        TASK.c.case_id == NOTICE.c.case_id, TASK.c.unit_id == NOTICE.c.unit_id, TASK.c.role == NOTICE.c.role,
        TASK.c.status == "open",
    )
    .correlate(NOTICE)
    .exists()
)  # fmt: skip
OVER = and_(NOTICE.c.kind == "task_urgent", or_(DONE, ~OPEN_THERE))
"""True where the urged post has come: the task is done, or nothing is left to do there. Nobody need read it any more."""
UNREAD = and_(NOTICE.c.read_at.is_(None), ~OVER)


def _mine(person: Person) -> Any:
    """True for notices to this person, to a post that they hold, or to a post of their unit that nobody holds.

    To whoever stands in for somebody away, what comes to them in that post; and to a post nobody is there for.
    """
    posts = [(post.unit_id, post.role) for post in person.posts]
    posts += [(one.post.unit_id, one.post.role) for one in person.stands_in if one.alone]
    units = [post.unit_id for post in person.posts]
    held = select(POST.c.id).where(POST.c.unit_id == NOTICE.c.unit_id, POST.c.role == NOTICE.c.role).exists()
    to_posts = or_(tuple_(NOTICE.c.unit_id, NOTICE.c.role).in_(posts), and_(NOTICE.c.unit_id.in_(units), ~held))
    absent = [
        and_(NOTICE.c.user_id == one.person_id, NOTICE.c.unit_id == one.post.unit_id, NOTICE.c.role == one.post.role)
        for one in person.stands_in
    ]
    return or_(NOTICE.c.user_id == person.id, *absent, and_(NOTICE.c.user_id.is_(None), to_posts))


def _for_whom(person: Person, row: Row) -> int | None:
    """Who is away, to whom the notice came that this person reads for them."""
    if row["user_id"] == person.id:
        return None
    held = row["user_id"] is None and any(
        (post.unit_id, post.role) == (row["unit_id"], row["role"]) for post in person.posts
    )
    absent = (one for one in person.stands_in if (one.post.unit_id, one.post.role) == (row["unit_id"], row["role"]))
    return None if held else next((one.person_id for one in absent if row["user_id"] in (None, one.person_id)), None)


def _base() -> Select[Any]:
    return (
        select(NOTICE, OUTBOX.c.payload, CASE.c.opened_at, CASE.c.wrapped_key,
               USER.c.name.label("reader"), OVER.label("over"))
        .join(OUTBOX, OUTBOX.c.id == NOTICE.c.outbox_id)
        .join(CASE, CASE.c.id == NOTICE.c.case_id)
        .outerjoin(USER, USER.c.id == NOTICE.c.reader_id)
    )  # fmt: skip


def page(person: Person, after: str = "") -> NoticePage:
    """One page of this person's notices, newest first. Raises Refused for a wrong key."""
    session = db.session()
    query = _base().where(_mine(person))
    if after:
        query = query.where(tuple_(NOTICE.c.sent_at, NOTICE.c.id) < listing.key_of(after))
    found = list(
        session.execute(query.order_by(NOTICE.c.sent_at.desc(), NOTICE.c.id.desc()).limit(PAGE + 1)).mappings()
    )
    shown = _rows(session, person, found[:PAGE])
    last = found[PAGE - 1] if len(found) > PAGE else None
    following = f"{last['sent_at'].isoformat()}_{last['id']}" if last else ""
    return NoticePage(shown, unread(person), following, practice.now())


def unread(person: Person) -> str:
    """How many notices nobody has read yet; past a hundred, “99+”."""
    some = select(NOTICE.c.id).where(UNREAD, _mine(person)).limit(MOST_COUNTED + 1).subquery()
    figure = db.session.scalar(select(func.count()).select_from(some)) or 0
    return str(figure) if figure <= MOST_COUNTED else f"{MOST_COUNTED}+"


def unread_kinds(session: Session, person: Person, notice_id: int | None = None) -> Unread:
    """How many notices of each kind wait for this person, or whether this one does."""
    query = select(NOTICE.c.kind, NOTICE.c.case_id, NOTICE.c.id).where(UNREAD, _mine(person))
    if notice_id is not None:
        query = query.where(NOTICE.c.id == notice_id)
    rows = session.execute(query.order_by(NOTICE.c.id)).all()
    return Unread(Counter(row.kind for row in rows), rows[-1].case_id if rows else None)


def _rows(session: Session, person: Person, found: Sequence[Row]) -> tuple[NoticeRow, ...]:
    children = _children(session, found)
    about = {case_id for row in found for case_id in _cases(row, children)}
    query = select(CASE.c.id, CASE.c.kind).where(CASE.c.id.in_(about), access.seen_cases(session, person))
    seen = {row.id: row.kind for row in session.execute(query)} if about else {}
    return tuple(
        _row(session, person, row, [case for case in _cases(row, children) if case in seen], seen) for row in found
    )


def _children(session: Session, found: Sequence[Row]) -> dict[int, list[int]]:
    """The children's cases of each report that a notice speaks of."""
    reports = {row["payload"]["ids"]["report_id"] for row in found if row["payload"]["ids"].get("report_id")}
    query = (
        select(LINK.c.report_id, LINK.c.case_id)
        .distinct()
        .where(LINK.c.report_id.in_(reports), LINK.c.ended_at.is_(None))
    )
    linked: dict[int, list[int]] = {}
    for row in session.execute(query.order_by(LINK.c.report_id, LINK.c.case_id)) if reports else ():
        linked.setdefault(row.report_id, []).append(row.case_id)
    return linked


def _cases(row: Row, children: Mapping[int, Sequence[int]]) -> list[int]:
    """The cases that a notice is about, the nearest first: a report, its own case, the children of the report."""
    ids = row["payload"]["ids"]
    return [
        case for case in (ids.get("report_case_id"), row["case_id"], *children.get(ids.get("report_id"), ())) if case
    ]


def _row(session: Session, person: Person, row: Row, cases_seen: Sequence[int], kinds: Mapping[int, str]) -> NoticeRow:
    leads, target = _leads(session, person, row, cases_seen, kinds)
    return NoticeRow(
        id=row["id"],
        text=ASK_THE_POLICE if row["kind"] == "facts_added" and leads != "report" else KINDS.get(row["kind"], OTHER),
        pass_on=row["payload"]["role"] in operations.OUTSIDE - {"assignee"},
        sent_at=row["sent_at"],
        read_at=row["read_at"],
        read_by=row["reader"] or "",
        over=row["over"],
        leads=leads,
        target=target,
        number=cases.number(row["case_id"], row["opened_at"]) if row["case_id"] in kinds else "",
    )


def _leads(
    session: Session, person: Person, row: Row, cases_seen: Sequence[int], kinds: Mapping[int, str]
) -> tuple[Place, int]:
    """Where a notice leads this person: the nearest to the matter of all that they may open."""
    ids: Mapping[str, Any] = row["payload"]["ids"]
    if "read_id" in ids:
        return "review", int(ids["read_id"])
    if "task_id" in ids and _sees_task(session, person, int(ids["task_id"])):
        return "task", int(ids["task_id"])
    for case_id in cases_seen[:1]:
        return ("report" if kinds[case_id] == "report" else "case"), case_id
    return "", 0


def _sees_task(session: Session, person: Person, task_id: int) -> bool:
    decision = access.policy(session).can(person, "see", access.task_resource(session, task_id))
    return bool(decision) and not decision.needs


def read(person: Person, notice_id: int) -> NoticeRow:
    """Mark a notice as read, or passed on, for its unit; returns where it leads. Reading twice changes nothing.

    Raises NotFound.
    """
    session = db.session()
    row = session.execute(_base().where(NOTICE.c.id == notice_id, _mine(person))).mappings().first()
    if row is None:
        raise NotFound("no_notice", access.NOTHING_HERE)
    (shown,) = _rows(session, person, [row])
    if row["read_at"] is None:
        _mark(person, row)
    return shown


def _mark(person: Person, row: Row) -> None:
    unread = update(NOTICE).where(NOTICE.c.id == row["id"], NOTICE.c.read_at.is_(None))
    if row["wrapped_key"] is None or not row["payload"]["receipt"]:
        with transaction() as session:
            now = practice.now(session)
            session.execute(unread.values(read_at=now, reader_id=person.id))
        return
    with commands.work_on(Actor(person.id, "desk", _for_whom(person, row))) as work:
        case = work.lock(row["case_id"])
        if changed(work.session, unread.values(read_at=work.now, reader_id=person.id)):
            case.chain.append("notice_read", {"notice": row["kind"]}, at=work.now, actor_id=person.id)
