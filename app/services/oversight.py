"""Oversight: what is late, what soon will be, and what a supervisor decides about it.

Lateness is a query over open tasks, so a stopped scheduler cannot hide it. A decision is the
form of the escalation's own task; the overdue task stays open and unlocked. Source: ARCHITECTURE
rule 7, DECISIONS 16.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy import case as when
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.errors import NotFound
from app.models import Case, Incident, Instance, Task, Unit
from app.rules import suspension
from app.rules.access import Person
from app.services import (
    access,
    commands,
    deadlines,
    escalations,
    incidents,
    leaving,
    people,
    practice,
    suspensions,
)
from app.services._work import Actor
from app.services.inbox import listing, queries
from app.services.views import InboxFilter, OverdueRow, OversightPage
from app.text import Text

TASK, INSTANCE, UNIT, CASE, INCIDENT = table(Task), table(Instance), table(Unit), table(Case), table(Incident)
EVERYTHING = InboxFilter()
SOON = timedelta(days=1)
SHOWN = 100
SECOND = "t2"
"""The step of the escalation that asks one level up."""
ALL_DECISIONS = frozenset({"direct", "reassign", "extend", "not_applicable"})
HANDLED = {
    "supervised": Text("已报给主管，等主管决定。", "Waits for the supervisor’s decision."),
    "over": Text("督办已经走完，没有人再被问到。", "The escalation has ended; nobody is asked any more."),
    "suspended": Text("已暂停，看下面。", "Suspended; see below."),
    "nobody": Text("还没有人督办。", "Nobody has dealt with it yet."),
}


def page(person: Person, lang: str = "zh", asked_for: InboxFilter = EVERYTHING) -> OversightPage:
    """What is late and what falls due within a day, in the regions this person answers for, narrowed to what is asked for."""
    session, now = db.session(), practice.now()
    narrowed = queries.narrowed(session, asked_for)
    reach = access.supervised_tasks(session, person)
    reach = reach if narrowed is None else and_(reach, narrowed)
    base = listing.base().where(TASK.c.status == "open", TASK.c.process != deadlines.ESCALATION, reach)
    late = list(session.execute(base.where(TASK.c.due_at <= now).order_by(TASK.c.due_at).limit(SHOWN)).mappings())
    due = base.where(TASK.c.due_at > now, TASK.c.due_at <= now + SOON)
    soon = list(session.execute(due.order_by(TASK.c.due_at).limit(SHOWN)).mappings())
    asked = _asked(session, person)
    running, suspended = _running(session, {row["case_id"] for row in late}), suspensions.index(session, person, lang)
    held = {one.instance_id for one in suspended}
    shown = listing.rows(session, late, person, now, lang)
    return OversightPage(
        overdue=tuple(_overdue(row, view, asked, running, held) for row, view in zip(late, shown, strict=True)),
        soon=listing.rows(session, soon, person, now, lang),
        by_unit=_by_unit(session, reach, now, lang),
        incidents=incidents.index(session, person),
        as_of=now,
        suspended=suspended,
        elsewhere=0 if asked_for else len(asked.keys() - {row["id"] for row in late}),
        vacant=leaving.vacant(session, person, lang),
        people=tuple(sorted({one for row in late for one in people.colleagues(session, row["role"], row["unit_id"])})),
    )


def _asked(session: Session, person: Person) -> dict[int, list[Row]]:
    """Open escalation tasks of this person's posts, by the task that they are about, the oldest first.

    There are two where a transfer is late and the ladders of both places lead to the same post.
    """
    query = select(TASK.c.id, TASK.c.version, INSTANCE.c.context, TASK.c.element).join(
        INSTANCE, INSTANCE.c.id == TASK.c.instance_id
    )
    where = (TASK.c.process == deadlines.ESCALATION, TASK.c.status == "open", queries.of_posts(person))
    found: dict[int, list[Row]] = {}
    for row in session.execute(query.where(*where).order_by(TASK.c.id)).mappings():
        found.setdefault(row["context"]["task_id"], []).append(row)
    return found


def _running(session: Session, case_ids: Collection[int]) -> set[int]:
    """The tasks of these cases whose escalation still runs."""
    query = select(INSTANCE.c.context).where(
        INSTANCE.c.process == deadlines.ESCALATION, INSTANCE.c.status == "running", INSTANCE.c.case_id.in_(case_ids)
    )
    return {context["task_id"] for context in session.scalars(query)}


def _overdue(
    row: Row, view: Any, asked: Mapping[int, list[Row]], running: Collection[int], held: Collection[int]
) -> OverdueRow:
    mine = asked.get(row["id"], [])
    state = "supervised" if row["id"] in running else "over" if row["escalations"] else "nobody"
    if state == "nobody" and row["instance_id"] in held:
        state = "suspended"
    red = view.child is not None and view.child.risk == "red"
    return OverdueRow(
        task=view,
        level=2 if any(one["element"] == SECOND for one in mine) else 1,
        rungs=row["escalations"],
        escalation_task_ids=tuple(one["id"] for one in mine),
        handled=None if mine else HANDLED[state],
        may=ALL_DECISIONS if mine or state == "over" else frozenset(),
        instance_id=row["instance_id"],
        may_wait=row["process"] in suspension.MAY_WAIT and row["instance_id"] not in held and not red,
    )


def _by_unit(session: Session, reach: Any, now: datetime, lang: str) -> tuple[tuple[str, int, int, int], ...]:
    """For each unit: open, late, and due within a day; in the order of the region tree."""
    late = func.sum(when((TASK.c.due_at <= now, 1), else_=0))
    soon = func.sum(when(((TASK.c.due_at > now) & (TASK.c.due_at <= now + SOON), 1), else_=0))
    query = (
        select(UNIT.c.name_zh, UNIT.c.name_en, func.count(), late, soon)
        .join(UNIT, UNIT.c.id == TASK.c.unit_id)
        .join(CASE, CASE.c.id == TASK.c.case_id)
        .where(TASK.c.status == "open", TASK.c.process != deadlines.ESCALATION, reach)
        .group_by(UNIT.c.id, UNIT.c.name_zh, UNIT.c.name_en, UNIT.c.path)
        .order_by(UNIT.c.path, UNIT.c.id)
    )
    return tuple((Text(row[0], row[1]).say(lang), row[2], int(row[3]), int(row[4])) for row in session.execute(query))


def decide(person: Person, overdue_task_id: int, answers: Mapping[str, Any], lang: str = "zh") -> commands.Done:
    """Send a supervisor's decision about an overdue task. Raises Invalid, Stale, NotFound, Forbidden.

    Where the escalation has ended and nobody is asked any more, it begins once more, with this person. Where both
    ladders of a late transfer ask this person, the decision answers both, one after the other; returns the last.
    """
    if overdue_task_id not in _asked(db.session(), person):
        escalations.again(person, overdue_task_id)
    found = [(one["id"], one["version"]) for one in _asked(db.session(), person).get(overdue_task_id, ())]
    if not found:
        raise NotFound("not_asked", escalations.NOT_ASKED)
    actor = Actor(person.id, "supervisor")
    return [commands.complete(task_id, version, answers, actor, lang=lang) for task_id, version in found][-1]
