"""A supervisor lets a run of a process wait for a while, and lets it go on; what is suspended, and why, for pages.

Only our own reminders are held. Tasks stay open and can be done: doing one ends the suspension. Source: ADR 0023.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.errors import Forbidden, Invalid, NotFound, Refused
from app.models import Case, Event, Instance, Suspension, Task, Unit, User
from app.rules import suspension as rule
from app.rules.access import Person
from app.rules.calendar import midnight_after
from app.services import _held, access, commands, practice
from app.services._work import Actor
from app.services.history import _versions
from app.services.inbox import listing
from app.services.library import Library, library
from app.services.views import ChildLine, InboxRow, Suspended
from app.text import Text

CASE, EVENT, INSTANCE, SUSPENSION = map(table, (Case, Event, Instance, Suspension))
TASK, UNIT, USER = map(table, (Task, Unit, User))
LONGEST_REASON = 1000
NOT_RUNNING = Text("这个流程已经走完，没有可暂停的。", "This process has ended; there is nothing to suspend.")
SAY_WHY = Text("请写明为什么暂停，在等什么。", "Say why, and what is waited for.")
TOO_LONG = Text(f"理由请写在{LONGEST_REASON}字以内。", f"Keep the reason within {LONGEST_REASON} characters.")
NO_DAY = Text("请选一天，到那天24:00恢复。", "Pick a day; it goes on at its end, 24:00.")
NOT_AHEAD = Text("这一天已经过去了，请选以后的日子。", "That day has passed; pick one that is still to come.")
TOO_FAR = Text("最多暂停到{day}，到时还要等，可以再暂停一次。", "At most until {day}; it can be suspended again then.")
NOT_SUSPENDED = Text("它没有暂停，或者已经恢复了。", "It is not suspended, or has gone on already.")


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody must know who is about to suspend a run."""

    instance_id: int
    case_id: int
    process: Text
    child: ChildLine | None
    tasks: tuple[InboxRow, ...]
    latest: date
    why_not: Text | None
    now: Suspended | None


def ask(person: Person, instance_id: int, lang: str = "zh") -> Asking:
    """What would be held and what goes on. Raises NotFound, Forbidden for who does not answer for its open work."""
    session, now = db.session(), practice.now()
    row = (tasks := _tasks(session, person, instance_id))[0]
    books = library(session, row["release_id"])
    shown = listing.rows(session, tasks, person, now, lang)
    return Asking(
        instance_id=instance_id, case_id=row["case_id"], process=books.process_name(_run(session, instance_id)["process"]),
        child=shown[0].child, tasks=shown, latest=_latest(books, now), why_not=_why_not(session, instance_id),
        now=of_instance(session, instance_id),
    )  # fmt: skip


def suspend(person: Person, instance_id: int, until: str, reason: str, lang: str = "zh") -> None:
    """Hold our own reminders of a run until the end of a day. Raises Invalid, Refused, NotFound, Forbidden."""
    tasks = _tasks(db.session(), person, instance_id)
    with commands.work_on(Actor(person.id, "supervisor")) as work:
        work.lock(tasks[0]["case_id"])
        live = work.instance(instance_id)
        if live.status != "running":
            raise Refused("not_running", NOT_RUNNING, instance=instance_id)
        latest = _latest(live.library, work.now)
        wrong = {"until": _wrong_day(until, work.now, latest), "reason": _wrong_reason(reason.strip())}
        if any(wrong.values()):
            said = {name: text.say(lang) for name, text in wrong.items() if text}
            raise Invalid("suspension", commands.FILL_IN, said, instance=instance_id)
        _held.begin(work, live, midnight_after(date.fromisoformat(until)), reason.strip())


def resume(person: Person, instance_id: int) -> None:
    """Let it go on now: what came due meanwhile comes, in its order. Raises Refused, NotFound, Forbidden."""
    tasks = _tasks(db.session(), person, instance_id)
    with commands.work_on(Actor(person.id, "supervisor")) as work:
        work.lock(tasks[0]["case_id"])
        if not _held.lift(work, work.instance(instance_id), "person"):
            raise Refused("not_suspended", NOT_SUSPENDED, instance=instance_id)


def index(session: Session, person: Person, lang: str = "zh") -> tuple[Suspended, ...]:
    """What is suspended among the work that this person answers for, what ends first first."""
    lasting = select(SUSPENSION.c.instance_id).where(SUSPENSION.c.ended_at.is_(None))
    theirs = listing.base().where(TASK.c.instance_id.in_(lasting), _supervised(session, person))
    rows = session.execute(theirs).mappings().all()
    shown = listing.rows(session, rows, person, practice.now(), lang)
    child = {row["instance_id"]: view.child for row, view in zip(rows, shown, strict=True)}
    return tuple(
        replace(one, child=child[one.instance_id])
        for one in _suspended(session, SUSPENSION.c.instance_id.in_(child.keys()))
    )


def of_task(session: Session, task: Row, *, words: bool) -> Suspended | None:
    """The suspension of the run in which a task is open; without `words` not why."""
    found = of_instance(session, task["instance_id"]) if task["status"] == "open" else None
    return found if found is None or words else replace(found, reason="")


def of_instance(session: Session, instance_id: int) -> Suspended | None:
    """The suspension of a run, with the reason, which is as sensitive as answers are (S2)."""
    return next(iter(_suspended(session, SUSPENSION.c.instance_id == instance_id)), None)


def may(session: Session, person: Person, instance_id: int) -> bool:
    """Whether this person answers for open work of a run that might be suspended."""
    theirs = and_(INSTANCE.c.id == instance_id, INSTANCE.c.process.in_(rule.MAY_WAIT), _supervised(session, person))
    query = (
        select(TASK.c.id).join(INSTANCE, INSTANCE.c.id == TASK.c.instance_id).join(UNIT, UNIT.c.id == TASK.c.unit_id)
    )
    found = query.join(CASE, CASE.c.id == TASK.c.case_id).where(theirs).limit(1)
    return session.execute(found).first() is not None


def _supervised(session: Session, person: Person) -> Any:
    return and_(TASK.c.status == "open", access.supervised_tasks(session, person))


def _tasks(session: Session, person: Person, instance_id: int) -> list[Row]:
    """The run's open tasks that this person answers for. Raises NotFound where there is none that they may know of."""
    query = listing.base().where(TASK.c.instance_id == instance_id, TASK.c.status == "open")
    found: list[Row] = list(
        session.execute(query.where(access.supervised_tasks(session, person)).order_by(TASK.c.id)).mappings()
    )
    if not found:
        visible = session.execute(query).mappings().first()
        if visible is not None:
            access.require(session, person, "see", access.task_resource(session, visible["id"]))
            raise Forbidden("not_yours", access.NOT_YOURS)
        raise NotFound("no_instance", access.NOTHING_HERE)
    return found


def _run(session: Session, instance_id: int) -> Row:
    """A run, with the facts and the risk of its case."""
    query = select(INSTANCE.c.process, INSTANCE.c.case_id, INSTANCE.c.context, INSTANCE.c.facts, CASE.c.risk,
                   CASE.c.facts.label("known")).join(CASE, CASE.c.id == INSTANCE.c.case_id)  # fmt: skip
    return session.execute(query.where(INSTANCE.c.id == instance_id)).mappings().one()


def _why_not(session: Session, instance_id: int) -> Text | None:
    run = _run(session, instance_id)
    facts = {**run["context"], **run["known"], **run["facts"]}
    return rule.forbids(run["process"], facts, run["risk"], *_held.around(session, run["case_id"]))


def _suspended(session: Session, *where: Any) -> tuple[Suspended, ...]:
    """What lasts, read together with the events that hold the reasons."""
    query = (
        select(SUSPENSION, EVENT.c.sealed, CASE.c.wrapped_key, INSTANCE.c.process, INSTANCE.c.release_id,
               USER.c.name.label("by"))
        .join(CASE, CASE.c.id == SUSPENSION.c.case_id)
        .join(INSTANCE, INSTANCE.c.id == SUSPENSION.c.instance_id)
        .join(USER, USER.c.id == SUSPENSION.c.user_id)
        .join(EVENT, and_(EVENT.c.case_id == SUSPENSION.c.case_id, EVENT.c.seq == SUSPENSION.c.seq))
        .where(SUSPENSION.c.ended_at.is_(None), SUSPENSION.c.until > practice.now(), *where)
    )  # fmt: skip
    rows = session.execute(query.order_by(SUSPENSION.c.until, SUSPENSION.c.id)).mappings()
    return tuple(
        Suspended(
            row["instance_id"], row["case_id"], library(session, row["release_id"]).process_name(row["process"]),
            row["until"], row["began_at"], row["by"], _versions.words_of(row, row["wrapped_key"]),
        )
        for row in rows
    )  # fmt: skip


def _latest(books: Library, now: datetime) -> date:
    """The last day until whose end it may be suspended."""
    due = books.deadlines.due(rule.LONGEST, {"task_opened_at": now.isoformat()}, now)
    assert due is not None, "D62 has a limit"
    return due.law_date


def _wrong_day(typed: str, now: datetime, latest: date) -> Text | None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return NO_DAY
    if midnight_after(day) <= now:
        return NOT_AHEAD
    said = {"day": latest.isoformat()}
    return Text(TOO_FAR.zh.format(**said), TOO_FAR.en.format(**said)) if day > latest else None


def _wrong_reason(reason: str) -> Text | None:
    if not reason:
        return SAY_WHY
    return TOO_LONG if len(reason) > LONGEST_REASON else None
