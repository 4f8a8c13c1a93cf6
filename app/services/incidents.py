"""Incidents: steps that failed, told to whoever answers for the case, tried again, or done by hand meanwhile.

Everything was rolled back and nothing typed is lost; what failed stays due, and is tried again by itself for a while.
A duty done by hand stands beside it, never in place of it: when the cause is mended the step still goes through.
Trying again and asking by hand are events of the case. Source: issue "daily work", part 6; RELIABILITY §2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from app.db import Row, db, table, transaction
from app.errors import Invalid, NotFound
from app.models import Case, Deadline, Incident, Instance, Outbox, Task
from app.rules.access import Person
from app.services import _queue, _route, access, children, commands, deadlines, outbox, remarks
from app.services._work import NO_LIMIT, Actor
from app.services.library import Library, library
from app.services.outward import deliveries
from app.text import Text

CASE, DEADLINE, INCIDENT, INSTANCE, OUTBOX, TASK = map(table, (Case, Deadline, Incident, Instance, Outbox, Task))
AGAIN: Mapping[str, Callable[[int], bool]] = {
    "deadline": deadlines.fire,
    "outbox": outbox.deliver_one,
    "delivery": deliveries.again,
}
"""How a failed step is tried again; a task's form is sent again by its person."""
SHOWN = 100
FAILED: Mapping[str, Text] = {
    "task": Text("提交“{step}”以后没走下去", "“{step}” was sent, and the step after it failed"),
    "deadline": Text("“{step}”到了时间，没走下去", "“{step}” came to its time, and the step failed"),
    "outbox": Text("通知或消息没有送到", "A notice or message was not delivered"),
    "delivery": Text("邮件或短信没有发出", "A mail or text message was not sent"),
}
STEP = Text("一步", "A step")
SAY_WHAT = Text("请写明要人工办什么。", "Say what is to be done by hand.")
TOO_LONG = Text(f"请写在{remarks.LONGEST}字以内。", f"Keep it within {remarks.LONGEST} characters.")
BY_HAND = "incident"
"""What stands in the context of a duty by hand in place of the message that would have begun a process."""


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One step that failed: what, why, since when, how often, what it holds up until when, and who does it by hand."""

    id: int
    case_id: int
    number: str
    source: str
    what: Text
    why: Text
    code: str
    since: datetime
    attempts: int
    process: Text | None
    due_at: datetime | None
    task_id: int | None
    by_hand: int | None
    correctable: tuple[tuple[int, Text], ...]


def index(session: Session, person: Person) -> tuple[IncidentRow, ...]:
    """Open incidents of the cases in which this person answers for somebody's work, oldest first."""
    held = func.coalesce(TASK.c.instance_id, DEADLINE.c.instance_id)
    query = (
        select(INCIDENT, CASE.c.opened_at.label("case_opened_at"), INSTANCE.c.process, INSTANCE.c.release_id,
               INSTANCE.c.id.label("instance_id"), TASK.c.element, TASK.c.process.label("task_process"),
               TASK.c.due_at.label("task_due_at"), DEADLINE.c.due_at, DEADLINE.c.rule, DEADLINE.c.key)
        .join(CASE, CASE.c.id == INCIDENT.c.case_id)
        .outerjoin(TASK, and_(INCIDENT.c.source == "task", TASK.c.id == INCIDENT.c.source_id))
        .outerjoin(DEADLINE, and_(INCIDENT.c.source == "deadline", DEADLINE.c.id == INCIDENT.c.source_id))
        .outerjoin(INSTANCE, INSTANCE.c.id == held)
        .where(INCIDENT.c.state == "open", access.supervised_cases(session, person))
    )  # fmt: skip
    rows = session.execute(query.order_by(INCIDENT.c.id).limit(SHOWN)).mappings()
    return tuple(_row(session, person, row) for row in rows)


def _row(session: Session, person: Person, row: Row) -> IncidentRow:
    books = library(session, row["release_id"]) if row["release_id"] else None
    step = _step(books, row) or STEP
    told, due = FAILED.get(row["source"], STEP), row["task_due_at"] or row["due_at"]
    return IncidentRow(
        id=row["id"], case_id=row["case_id"], number=children.case_number(row["case_id"], row["case_opened_at"]),
        source=row["source"], what=Text(told.zh.format(step=step.zh), told.en.format(step=step.en)),
        why=Text(row["detail"].get("zh", ""), row["detail"].get("en", "")), code=row["code"], since=row["opened_at"],
        attempts=row["attempts"], process=books.process_name(row["process"]) if books else None,
        due_at=None if due == NO_LIMIT else due, task_id=row["source_id"] if row["element"] else None,
        by_hand=row["detail"].get(BY_HAND), correctable=_correctable(session, person, row, books),
    )  # fmt: skip


def _step(books: Library | None, row: Row) -> Text | None:
    """The step by name: the task's, the limit's, or the timer's on the diagram."""
    if books is None:
        return None
    if row["element"]:
        return books.definition(row["task_process"]).element(row["task_process"], row["element"]).name
    if row["rule"]:
        return books.deadlines.describe(row["rule"]).name
    return books.process_name(row["process"])


def _correctable(session: Session, person: Person, row: Row, books: Library | None) -> tuple[tuple[int, Text], ...]:
    """Forms of the same run that this person may correct: a missing or wrong fact came from one of them."""
    if books is None:
        return ()
    allowed = access.correctable(session, person, access.case_resource(session, row["case_id"]))
    query = select(TASK.c.id, TASK.c.process, TASK.c.element).where(
        TASK.c.instance_id == row["instance_id"], TASK.c.id.in_(allowed)
    )
    return tuple(
        (one.id, books.definition(one.process).element(one.process, one.element).name)
        for one in session.execute(query.order_by(TASK.c.id.desc()).limit(5))
    )


def retry(person: Person, incident_id: int) -> bool:
    """Try a failed step again; True when it is settled: it went through, or is no longer wanted. Raises NotFound."""
    row = _mine(db.session(), person, incident_id)
    if row["state"] != "open":
        return True
    _put_on_record(person, row, "tried_again")
    again = AGAIN.get(row["source"])
    if again is None or again(row["source_id"]):
        with transaction() as writing:
            writing.execute(INCIDENT.update().where(INCIDENT.c.id == incident_id).values(state="closed"))
    settled = select(INCIDENT.c.id).where(INCIDENT.c.id == incident_id, INCIDENT.c.state == "closed")
    return db.session.scalar(settled) is not None


def by_hand(person: Person, incident_id: int, words: str, lang: str = "zh") -> int:
    """Ask somebody to do by hand what the step would have done; returns the duty's task. Raises NotFound, Invalid.

    The incident stays open, and names the duty; the words stand on the duty's page.
    """
    row, said = _mine(db.session(), person, incident_id), words.strip()
    if not said or len(said) > remarks.LONGEST:
        raise Invalid("by_hand", SAY_WHAT, {"words": (TOO_LONG if said else SAY_WHAT).say(lang)})
    with commands.work_on(Actor(person.id, "supervisor")) as work:
        case = work.lock(row["case_id"])
        origin = _route.origin_of(work, case)
        context = {"message": BY_HAND, "duty_role": _role(work.session, row, person)}
        duty = _queue.start(work, case, _route.MANUAL, context, origin.release_id)
        kept = {**row["detail"], BY_HAND: duty.id}
        work.session.execute(update(INCIDENT).where(INCIDENT.c.id == incident_id).values(detail=kept))
        data = {"source": row["source"], "code": row["code"], "duty": duty.id, "length": len(said)}
        case.chain.append("done_by_hand", data, at=work.now, actor_id=person.id, instance_id=duty.id,
                          secret={"words": said})  # fmt: skip
    return work.opened_tasks[0]


def _mine(session: Session, person: Person, incident_id: int) -> Row:
    query = select(INCIDENT).join(CASE, CASE.c.id == INCIDENT.c.case_id)
    reach = (INCIDENT.c.id == incident_id, access.supervised_cases(session, person))
    row = session.execute(query.where(*reach)).mappings().first()
    if row is None:
        raise NotFound("no_incident", access.NOTHING_HERE)
    return row


def _put_on_record(person: Person, row: Row, kind: str) -> None:
    """Say in the case's record who tried it again."""
    with commands.work_on(Actor(person.id, "supervisor")) as work:
        data = {"source": row["source"], "code": row["code"]}
        work.lock(row["case_id"]).chain.append(kind, data, at=work.now, actor_id=person.id)


def _role(session: Session, row: Row, person: Person) -> str:
    """Whose duty it is: of whoever had the task, or has one in the run; else of the supervisor."""
    of_task = select(TASK.c.role).where(TASK.c.id == row["source_id"]) if row["source"] == "task" else None
    run = select(DEADLINE.c.instance_id).where(DEADLINE.c.id == row["source_id"])
    of_run: Any = select(TASK.c.role).where(TASK.c.instance_id.in_(run)).order_by(TASK.c.id.desc()).limit(1)
    found = session.scalar(of_task) if of_task is not None else None
    if found is None and row["source"] == "deadline":
        found = session.scalar(of_run)
    return str(found or next(post.role for post in person.posts if access.policy(session).supervises(post.role)))
