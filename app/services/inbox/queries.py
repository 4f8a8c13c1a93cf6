"""A person's share of the open tasks: what each view holds, found by index and never by looking through all.

A view is a few parts, one for each post; each part lies in its index in the order in which tasks fall
due. A page takes the first rows of each part and merges them, so it costs the same whether the county
has a thousand open tasks or a million. Source: PERFORMANCE §7; docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, false, func, literal, literal_column, or_, select, tuple_, union, union_all
from sqlalchemy import case as when
from sqlalchemy.orm import Session

from app.clock import LAW_ZONE
from app.db import Row, table
from app.models import Case, Child, Task, TaskMark, Unit
from app.rules.access import Person
from app.services import _seal, access, children, releases
from app.services.children import GOVERNING
from app.services.library import library
from app.services.views import InboxFilter
from app.text import Text

TASK, CASE, CHILD, UNIT, MARK = (table(model) for model in (Task, Case, Child, Unit, TaskMark))
VIEWS = ("mine", "free", "today", "overdue", "unit", "delegated", "watching")
OPEN = TASK.c.status == literal_column("'open'")
"""Written out, so that the planner knows that a partial index holds it, and does not look into each row."""
MOST_COUNTED = 1000
MOST_PLACES = 50
Place = tuple[datetime, int]
"""Where a row stands in a list: when it falls due, and its id."""


def end_of_day(now: datetime) -> datetime:
    """24:00 of today in Zhangye."""
    day = now.astimezone(LAW_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def parts(session: Session, view: str, person: Person, now: datetime) -> Sequence[Any]:
    """The conditions of which a task in `view` meets one; each goes by an index of its own."""
    return _shares(session, person, now)[view]


def _shares(session: Session, person: Person, now: datetime) -> Mapping[str, Sequence[Any]]:
    """The parts of every view."""
    held = [and_(TASK.c.unit_id == unit, TASK.c.role == role) for unit, role in _pairs(person)]
    mine = [TASK.c.assignee_id == person.id, *access.stood_in(session, person)]
    first, rest = _on_duty(person, held)
    marked = select(MARK.c.task_id).where(MARK.c.user_id == person.id)
    return {
        "mine": [*mine, *first],
        "free": rest,
        "unit": held,
        "today": [and_(part, TASK.c.due_at <= end_of_day(now)) for part in (*held, *mine)],
        "overdue": [and_(part, TASK.c.due_at <= now) for part in (*held, *mine)],
        "delegated": [and_(TASK.c.owner_id == person.id, of_posts(person))],
        "watching": [and_(TASK.c.id.in_(marked), _seen(session, person))],
    }


def _on_duty(person: Person, held: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """What is free in the person's posts, in two: what they have to take first, being on duty, and the rest.

    It stays free: whoever else holds the post still finds it there. Nobody is locked out of urgent work by a rota.
    """
    free = [and_(part, TASK.c.assignee_id.is_(None)) for part in held]
    if not person.on_duty:
        return [], free
    urgent = TASK.c.deadline_id.in_(_urgent())
    on = tuple_(TASK.c.unit_id, TASK.c.role).in_([(post.unit_id, post.role) for post in person.on_duty])
    return [and_(part, on, urgent) for part in free], [and_(part, ~and_(on, urgent)) for part in free]


def first_for(person: Person, task: Row) -> bool:
    """Whether a free task is urgent, and of a post for which the person is on duty now."""
    on = any((post.unit_id, post.role) == (task["unit_id"], task["role"]) for post in person.on_duty)
    return on and task["deadline_id"] in _urgent()


def _urgent() -> frozenset[str]:
    return releases.current_library().deadlines.in_hours


def to_do(session: Session, person: Person, process: str, most: int, now: datetime) -> list[int]:
    """Open tasks of `process` that are this person's, or nobody's yet in their post; those first that fall due first."""
    wanted = select(TASK.c.due_at, TASK.c.id).where(OPEN, TASK.c.process == process)
    wanted = wanted.order_by(TASK.c.due_at, TASK.c.id).limit(most)
    conditions = [part for view in ("mine", "free") for part in parts(session, view, person, now)]
    found = {(row.due_at, row.id) for part in conditions for row in session.execute(wanted.where(part))}
    return [task_id for _due, task_id in sorted(found)[:most]]


def _seen(session: Session, person: Person) -> Any:
    return select(CASE.c.id).where(CASE.c.id == TASK.c.case_id, access.seen_cases(session, person)).exists()


def _pairs(person: Person) -> list[tuple[int | None, str]]:
    return sorted({(post.unit_id, post.role) for post in person.posts}, key=str)


def of_posts(person: Person) -> Any:
    """True for tasks of a role that the person holds in the unit where they hold it."""
    pairs = _pairs(person)
    return tuple_(TASK.c.unit_id, TASK.c.role).in_(pairs) if pairs else false()


def first(
    session: Session, conditions: Sequence[Any], limit: int, after: Place | None = None, only: Any = None
) -> list[int]:
    """The ids of the first `limit` open tasks that meet one of `conditions`, and `only`, in order, behind `after`."""
    if not conditions:
        return []
    heads = [_head(condition, limit, after, only) for condition in conditions]
    merged = union(*(select(head.c.id, head.c.due_at) for head in heads)).subquery()
    return list(session.scalars(select(merged.c.id).order_by(merged.c.due_at, merged.c.id).limit(limit)))


def _head(condition: Any, limit: int, after: Place | None, only: Any) -> Any:
    query = select(TASK.c.id, TASK.c.due_at).where(OPEN, condition)
    if only is not None:
        query = query.where(only)
    if after is not None:
        query = query.where(tuple_(TASK.c.due_at, TASK.c.id) > after)
    return query.order_by(TASK.c.due_at, TASK.c.id).limit(limit).subquery()


def counts(session: Session, person: Person, now: datetime) -> dict[str, str]:
    """How many open tasks each view holds; past a thousand, “1000+”."""
    shares = _shares(session, person, now)
    figures = [_counted(shares[view]) for view in VIEWS]
    row = session.execute(select(*figures)).one()
    return {view: said(figure) for view, figure in zip(VIEWS, row, strict=True)}


def count(session: Session, conditions: Sequence[Any], only: Any) -> str:
    """How many open tasks meet one of `conditions`, and `only`."""
    return said(session.scalar(select(_counted(conditions, only))) or 0)


def said(figure: int) -> str:
    """A count as it is shown."""
    return str(figure) if figure <= MOST_COUNTED else f"{MOST_COUNTED}+"


def _counted(conditions: Sequence[Any], only: Any = None) -> Any:
    """How many; what an earlier part counted is left out of a later one, so that nothing has to be sorted for it."""
    if not conditions:
        return select(func.count()).where(false()).scalar_subquery()
    heads = []
    for at, condition in enumerate(conditions):
        elsewhere = [~func.coalesce(other, false()) for other in conditions[:at]]
        query = select(literal(1).label("one")).where(OPEN, condition, *elsewhere)
        heads.append((query if only is None else query.where(only)).limit(MOST_COUNTED + 1).subquery())
    counted = union_all(*(select(head.c.one) for head in heads)).subquery()
    return select(func.count()).select_from(counted).scalar_subquery()


def narrowed(session: Session, asked: InboxFilter) -> Any:
    """`asked` as a condition on tasks; None when it asks for nothing."""
    about = [_risk() == asked.risk] if asked.risk else []
    if asked.place:
        about.append(CASE.c.path.startswith(asked.place, autoescape=True))
    where: list[Any] = [TASK.c.process == asked.process] if asked.process else []
    if about:
        where.append(select(CASE.c.id).where(CASE.c.id == TASK.c.case_id, *about).exists())
    if asked.search:
        where.append(TASK.c.case_id.in_(select(CASE.c.id).where(_found(session, asked.search))))
    return and_(*where) if where else None


def _risk() -> Any:
    """The risk as a row shows it: as judged, else as presumed (rules.facts.presumed_risk)."""
    facts = CASE.c.facts
    presumed = when((facts["danger_now"].as_boolean(), "red"), (facts["founded"].as_boolean(), "orange"))
    return func.coalesce(func.nullif(CASE.c.risk, ""), facts["risk"].as_string(), presumed)


def processes(session: Session, person: Person) -> list[tuple[str, Text]]:
    """The diagrams that give work to the person's posts: id and name."""
    books = library(session, releases.current(session))
    roles = {post.role for post in person.posts}
    return [
        (process, books.process_name(process))
        for process in sorted(books.diagrams)
        if any(element.role in roles for element in books.definition(process).elements(process))
    ]


def places(session: Session, person: Person, lang: str) -> list[tuple[str, str]]:
    """The places below the person's own, nearest first: path and name. A filter by place needs at least two."""
    below = [UNIT.c.path.startswith(post.unit_path, autoescape=True) for post in person.posts]
    query = select(UNIT.c.path, UNIT.c.name_zh, UNIT.c.name_en).where(
        UNIT.c.sector.in_(GOVERNING), or_(false(), *below)
    )
    rows = session.execute(query.order_by(func.length(UNIT.c.path), UNIT.c.path).limit(MOST_PLACES)).all()
    return [(path, Text(zh, en).say(lang)) for path, zh, en in rows] if len(rows) > 1 else []


def _found(session: Session, search: str) -> Any:
    """True for cases of a child of that name, with that number or the one a reporter was given, or at a place whose name holds it."""
    named = select(CHILD.c.case_id).where(CHILD.c.name_index == _seal.blind_index("child.name", search))
    ways: list[Any] = [CASE.c.id.in_(named), children.reported_as(search)]
    numbered = children.case_id_in(search)
    if numbered is not None:
        ways.append(CASE.c.id == numbered)
    named_so = or_(UNIT.c.name_zh.contains(search, autoescape=True), UNIT.c.name_en.icontains(search, autoescape=True))
    places = session.scalars(select(UNIT.c.path).where(named_so).distinct().order_by(UNIT.c.path).limit(MOST_PLACES))
    return or_(*ways, *(CASE.c.path.startswith(path, autoescape=True) for path in places))
