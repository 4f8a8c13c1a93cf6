"""What the record says of many cases at once: which way each run took, and what became of each duty.

Everything is folded from the chained events, none from tables that follow from them, so that these
figures are as good as the record that `audit verify` proves. Source: ADR 0008; RELIABILITY §5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, and_, false, func, or_, select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.models import Case, Event, Instance
from app.rules.access import Person
from app.rules.conformance import Closing, Duty
from app.services import access
from app.services.audit import stored_rows

CASE, EVENT, INSTANCE = table(Case), table(Event), table(Instance)
BATCH = 2_000
COLUMNS = (EVENT.c.kind, EVENT.c.case_id, EVENT.c.instance_id, EVENT.c.task_id, EVENT.c.occurred_at, EVENT.c.body)


@dataclass(slots=True, kw_only=True)
class Asked(Duty):
    """A duty and where it stands: case, run, process and element."""

    case_id: int
    instance_id: int
    process: str
    element: str


@dataclass(slots=True)
class Run:
    """One instance that has begun: the steps that people completed ("process.element"), in order, and where it ended."""

    case_id: int
    process: str
    release_id: int
    started_at: datetime
    path: list[str] = field(default_factory=list)
    ended_at: datetime | None = None
    ends: tuple[str, ...] = ()

    @property
    def variant(self) -> tuple[str, ...]:
        """The path that it took, its ends included."""
        return (*self.path, *self.ends)


@dataclass(slots=True)
class Population:
    """Cases, their runs by instance, their duties by task, and which of the cases are closed."""

    cases: int
    runs: dict[int, Run]
    duties: dict[int, Asked] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)


def audited(session: Session, person: Person) -> Any:
    """True for cases in the regions that this person audits, and of which they may know."""
    paths = access.policy(session).scope(person).audited
    places = [CASE.c.path.startswith(path, autoescape=True) for path in paths]
    return and_(or_(false(), *places), access.seen_cases(session, person))


def read(among: Any) -> Population:
    """What the record says, at one instant, of the cases that meet the condition `among`."""
    query = select(*COLUMNS).join(CASE, CASE.c.id == EVENT.c.case_id).where(among, EVENT.c.kind.in_(FOLLOW))
    with stored_rows.snapshot() as connection:
        cases = connection.scalar(select(func.count()).select_from(CASE).where(among)) or 0
        found = Population(cases, _runs(connection, among))
        rows = connection.execution_options(yield_per=BATCH).execute(query.order_by(EVENT.c.id)).mappings()
        for row in rows:
            FOLLOW[row["kind"]](found, row, orjson.loads(row["body"])["data"])
    return found


def _runs(connection: Connection, among: Any) -> dict[int, Run]:
    first = select(EVENT.c.instance_id, func.min(EVENT.c.recorded_at).label("at")).where(EVENT.c.kind == "step")
    began = first.group_by(EVENT.c.instance_id).subquery()
    columns = (INSTANCE.c.id, INSTANCE.c.case_id, INSTANCE.c.process, INSTANCE.c.release_id, began.c.at)
    query = (
        select(*columns).join(began, began.c.instance_id == INSTANCE.c.id).join(CASE, CASE.c.id == INSTANCE.c.case_id)
    )
    return {
        row.id: Run(row.case_id, row.process, row.release_id, row.at)
        for row in connection.execute(query.where(among).order_by(INSTANCE.c.id))
    }


def _opened(found: Population, row: Row, data: Mapping[str, Any]) -> None:
    found.duties[row["task_id"]] = Asked(
        row["occurred_at"], _instant(data["due"]), case_id=row["case_id"], instance_id=row["instance_id"],
        process=data["process"], element=data["element"],
    )  # fmt: skip


def _limited(found: Population, row: Row, data: Mapping[str, Any]) -> None:
    """A limit moved or settled; a task that only went to somebody else keeps its own."""
    duty = found.duties.get(row["task_id"])
    if duty and (data["due"] or data.get("not_applicable")):
        duty.due_at = _instant(data["due"])


def _done(found: Population, row: Row, data: Mapping[str, Any]) -> None:
    _close(found, row, "done")
    if run := found.runs.get(row["instance_id"]):
        run.path.append(f"{data['process']}.{data['element']}")


def _cancelled(found: Population, row: Row, _data: Mapping[str, Any]) -> None:
    _close(found, row, "cancelled")


def _close(found: Population, row: Row, how: Closing) -> None:
    if duty := found.duties.get(row["task_id"]):
        duty.how, duty.closed_at = how, row["occurred_at"]


def _ended(found: Population, row: Row, data: Mapping[str, Any]) -> None:
    if run := found.runs.get(row["instance_id"]):
        run.ended_at, run.ends = row["occurred_at"], tuple(f"{run.process}.{end}" for end in data["at"])


def _case_closed(found: Population, row: Row, _data: Mapping[str, Any]) -> None:
    found.closed.add(row["case_id"])


def _case_reopened(found: Population, row: Row, _data: Mapping[str, Any]) -> None:
    found.closed.discard(row["case_id"])


FOLLOW: Mapping[str, Callable[[Population, Row, Mapping[str, Any]], None]] = {
    "task_opened": _opened,
    "task_changed": _limited,
    "deadline_settled": _limited,
    "task_done": _done,
    "task_cancelled": _cancelled,
    "ended": _ended,
    "case_closed": _case_closed,
    "case_reopened": _case_reopened,
}
"""The kinds of events that the fold follows, and how. Where the record was altered it goes on; `audit verify` says so."""


def _instant(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None
