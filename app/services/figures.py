"""How limits are kept where a person answers for the work: by process, by unit, and by step on the diagram.

Counted are tasks whose page the person may open, so that no figure tells of a case that is not theirs to see;
never by person (USERS: no league table of individuals). What is late is judged by the auditor's measure
(rules/conformance.py). Extensions and findings of not applicable are counted too, so that they do not become
a habit. Source: issue "daily work", part 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Literal, get_args

from sqlalchemy import and_, or_, select
from sqlalchemy import case as when
from sqlalchemy.orm import Session

from app import engine
from app.db import db, table
from app.errors import NotFound
from app.models import Case, Event, Instance, Submission, Task, Unit
from app.rules.access import Person
from app.rules.conformance import Closing, Duty, judge
from app.services import access, deadlines, practice, processes, releases, submissions
from app.services._work import NO_LIMIT
from app.services.directions import DECISION
from app.services.history.population import LEVELS
from app.services.library import Library
from app.text import Text

TASK, CASE, UNIT, EVENT = table(Task), table(Case), table(Unit), table(Event)
SUBMISSION, INSTANCE = table(Submission), table(Instance)
PERIODS = (30, 90, 365)
"""Days back from now that figures may cover."""
By = Literal["open", "age", "missed"]
SHADED_BY: tuple[By, ...] = get_args(By)
COUNTS = (5, 10, 20, 50)
SHARES = (0.05, 0.1, 0.2, 0.5)
"""Where the shades of the diagram change: open tasks, the share missed (ages as population.LEVELS). Choice, the same for all."""
TOLD_DONE = (
    select(EVENT.c.occurred_at)
    .where(EVENT.c.case_id == TASK.c.case_id, EVENT.c.task_id == TASK.c.id, EVENT.c.kind == "task_done")
    .limit(1).correlate(TASK).scalar_subquery()
)  # fmt: skip
ENDED = when((TASK.c.closed_at > TASK.c.due_at, TOLD_DONE), else_=TASK.c.closed_at)
"""When a task ended: one that was written down after its limit may have been done before."""


@dataclass(slots=True, kw_only=True)
class Watched(Duty):
    """A duty that somebody answers for, and where it stands."""

    process: str
    element: str
    unit_id: int


@dataclass(slots=True)
class Line:
    """What became of the duties of a process or a unit, and of the decisions about those that were late.

    `due` are those whose limit fell in the period, `missed` those of them not done by it; `decided` are the decisions
    of supervisors in the period, some of which extended the limit or found it not applicable.
    """

    name: Text
    process: str = ""
    open: int = 0
    late: int = 0
    due: int = 0
    missed: int = 0
    decided: int = 0
    extended: int = 0
    not_applicable: int = 0

    @property
    def is_empty(self) -> bool:
        """Nothing to say of it."""
        return not (self.open or self.due or self.decided)


@dataclass(frozen=True, slots=True)
class Figures:
    """Both tables, in the order of reading and of the region tree: neither is a ranking."""

    days: int
    as_of: datetime
    processes: tuple[Line, ...]
    units: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a process as it stands in the person's region; `level` is 0 (nothing there) to 5."""

    id: str
    name: Text
    role: Text
    line: Line
    median: timedelta | None
    oldest: timedelta | None
    level: int


@dataclass(frozen=True, slots=True)
class Heat:
    """One process, step by step."""

    id: str
    name: Text
    days: int
    by: By
    as_of: datetime
    steps: tuple[StepLine, ...]


def page(person: Person, days: int = PERIODS[0]) -> Figures:
    """The figures of the last `days` days, one of PERIODS. Raises NotFound for another period."""
    session, now = db.session(), practice.now()
    since = _since(now, days)
    among = and_(supervised(session, person), TASK.c.process != deadlines.ESCALATION)
    duties = list(_duties(session, among, since, now))
    decisions = list(_decisions(session, among, since))
    names = _units(session, {duty.unit_id for duty in duties} | {unit_id for _, unit_id, _ in decisions})
    by_process = {row.id: Line(row.name, row.id) for row in processes.index()}
    by_unit = {unit_id: Line(name) for unit_id, name in names.items()}
    for duty in duties:
        for line in (
            by_process.setdefault(duty.process, Line(Text(duty.process, duty.process))),
            by_unit[duty.unit_id],
        ):
            _count(line, duty, since, now)
    for process, unit_id, action in decisions:
        for line in (by_process.setdefault(process, Line(Text(process, process))), by_unit[unit_id]):
            _decided(line, action)
    told = (tuple(line for line in lines.values() if not line.is_empty) for lines in (by_process, by_unit))
    return Figures(days, now, *told)


def heat(person: Person, process_id: str, days: int = PERIODS[0], by: str = "open") -> Heat:
    """A process, step by step, shaded by one of SHADED_BY. Raises NotFound."""
    if by not in SHADED_BY:
        raise NotFound("no_measure", access.NOTHING_HERE)
    session, now = db.session(), practice.now()
    since, books = _since(now, days), releases.current_library()
    definition = books.definition(process_id)
    among = and_(supervised(session, person), TASK.c.process == process_id)
    found: dict[str, list[Watched]] = {}
    for duty in _duties(session, among, since, now):
        found.setdefault(duty.element, []).append(duty)
    steps = [element for element in definition.elements(process_id) if element.type == "user"]
    lines = (_step(step, found.get(step.id, []), books, since, now, by) for step in steps)
    return Heat(process_id, definition.name, days, by, now, tuple(lines))


def supervised(session: Session, person: Person) -> Any:
    """True for tasks (joined with unit and case) that count: open or closed, the person may open their page."""
    return and_(access.supervised_tasks(session, person), access.LASTS)


def _since(now: datetime, days: int) -> datetime:
    if days not in PERIODS:
        raise NotFound("no_period", access.NOTHING_HERE)
    return now - timedelta(days=days)


def _duties(session: Session, among: Any, since: datetime, now: datetime) -> Iterator[Watched]:
    """Tasks that are open, or whose limit fell in the period."""
    query = (
        select(TASK.c.process, TASK.c.element, TASK.c.unit_id, TASK.c.opened_at, TASK.c.due_at, TASK.c.status,
               ENDED.label("ended_at"))
        .join(UNIT, UNIT.c.id == TASK.c.unit_id).join(CASE, CASE.c.id == TASK.c.case_id)
        .where(among, or_(TASK.c.status == "open", and_(TASK.c.due_at > since, TASK.c.due_at <= now)))
    )  # fmt: skip
    for row in session.execute(query):
        how: Closing = "" if row.status == "open" else row.status
        limit = None if row.due_at == NO_LIMIT else row.due_at
        yield Watched(
            row.opened_at, limit, how, row.ended_at, process=row.process, element=row.element, unit_id=row.unit_id
        )


def _decisions(session: Session, among: Any, since: datetime) -> Iterator[tuple[str, int, str]]:
    """What supervisors decided about late tasks since then: whose process and unit, and what; corrected ones once."""
    query = (
        select(TASK.c.process, TASK.c.unit_id, SUBMISSION.c.answers["escalation_action"].as_string().label("action"))
        .join(INSTANCE, INSTANCE.c.id == SUBMISSION.c.instance_id)
        .join(TASK, TASK.c.id == INSTANCE.c.context["task_id"].as_integer())
        .join(UNIT, UNIT.c.id == TASK.c.unit_id).join(CASE, CASE.c.id == TASK.c.case_id)
        .where(SUBMISSION.c.form == DECISION, SUBMISSION.c.recorded_at > since, submissions.stands(SUBMISSION.c.id), among)
        .where(INSTANCE.c.process == deadlines.ESCALATION)
    )  # fmt: skip
    for row in session.execute(query):
        yield row.process, row.unit_id, row.action


def _units(session: Session, ids: Iterable[int]) -> dict[int, Text]:
    """Their names, in the order of the region tree."""
    query = select(UNIT.c.id, UNIT.c.name_zh, UNIT.c.name_en).where(UNIT.c.id.in_(set(ids)))
    return {row.id: Text(row.name_zh, row.name_en) for row in session.execute(query.order_by(UNIT.c.path, UNIT.c.id))}


def _count(line: Line, duty: Watched, since: datetime, now: datetime) -> None:
    finding = judge(duty, now)
    if not duty.how:
        line.open += 1
        line.late += finding == "missed"
    if duty.due_at is not None and since < duty.due_at <= now:
        line.due += 1
        line.missed += finding in ("missed", "late")


def _decided(line: Line, action: str) -> None:
    line.decided += 1
    line.extended += action == "extend"
    line.not_applicable += action == "not_applicable"


def _step(
    element: engine.Element, duties: Sequence[Watched], books: Library, since: datetime, now: datetime, by: By
) -> StepLine:
    line = Line(element.name)
    for duty in duties:
        _count(line, duty, since, now)
    ages = [timedelta(seconds=duty.waited(now)) for duty in duties if not duty.how]
    middle = timedelta(seconds=median(age.total_seconds() for age in ages)) if ages else None
    return StepLine(
        id=element.id, name=element.name, role=books.role_name(element.role or ""), line=line, median=middle,
        oldest=max(ages, default=None), level=_level(line, middle, by),
    )  # fmt: skip


def _level(line: Line, middle: timedelta | None, by: By) -> int:
    """The shade of a step: 0 where there is nothing of what is asked for."""
    if by == "open":
        return 1 + sum(line.open >= limit for limit in COUNTS) if line.open else 0
    if by == "age":
        return 0 if middle is None else 1 + sum(middle >= limit for limit in LEVELS)
    return 1 + sum(line.missed >= limit * line.due for limit in SHARES) if line.due else 0
