"""Who opened which record, and when: looks and openings of what is sealed in one list, as auditors read them.

A look is a row whose hash lies in the record, which is compared each time it is shown; an opening is an event of its case,
with its reason. Source: issue "the auditor's half", part 7; ADR 0015, 0025.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, and_, false, func, or_, select, true
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.errors import NotFound
from app.models import Case, Instance, Look, Paper, SealedRead, Submission, Task, Unit, User
from app.rules.access import AUDITOR, Person, Resource
from app.services import _merged, _seals, access, cases, commands, releases
from app.services._work import Actor
from app.services.audit import look_log, read_log, register
from app.services.audit.look_log import Standing
from app.services.audit.read_log import NOTHING_SAID, Reading
from app.services.history import _population, export_formats
from app.services.history._telling import names_of
from app.services.library import library
from app.text import Text

LOOK, READ, CASE, USER, UNIT = table(Look), table(SealedRead), table(Case), table(User), table(Unit)
TASK, INSTANCE, SUBMISSION, PAPER = table(Task), table(Instance), table(Submission), table(Paper)
PAGE, PIECE = 50, 500
LARGEST = 2**63
WHAT: Mapping[str, Text] = {
    "case": Text("个案页", "Case page"),
    "task": Text("待办：{name}", "Task: {name}"),
    "record": Text("交上来的表：{name}", "Form as sent: {name}"),
    "paper": Text("文书：{name}", "Paper: {name}"),
    "file": Text("附件", "Attached file"),
    "run": Text("流程：{name}", "Process: {name}"),
    "replay": Text("回放", "Replay"),
    "reads": Text("谁看过", "Who looked"),
}
"""By the kind of a look (services.looks.Kind)."""
COLUMNS = ("time", "case", "person", "post", "unit", "what", "record", "how", "until", "batch", "standing")
"""Of the table that can be taken away."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list is narrowed to: a child's files, a person, from when on, until before when."""

    case_id: int | None = None
    by: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One look, or one opening of what is sealed (`reading`); the post is that of then."""

    id: int
    at: datetime
    by: str
    role: Text
    unit: Text
    case_id: int
    number: str
    what: Text
    record: str
    how: str  # web, api; or why what is sealed was opened: task, reason, glass
    batch: int | None
    standing: Standing
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class LookPage:
    """A page of the list, newest first; `after` is the key of the next one, or empty; `people` one may narrow it to."""

    lines: tuple[Line, ...]
    after: str
    number: str
    people: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """One of the two tables; `order` decides between two lines of one instant."""

    order: int
    rows: Table
    at: Any
    told: Callable[[Session, Sequence[int]], dict[int, Line]]


@dataclass(frozen=True, slots=True)
class _Key:
    """Where a page ends: the last line of it."""

    at: datetime
    order: int
    id: int

    def written(self) -> str:
        return f"{self.at.isoformat()}|{self.order}|{self.id}"

    @classmethod
    def read(cls, text: str) -> _Key | None:
        """None for what is no key."""
        try:
            at, order, id_ = text.split("|")
            key = cls(datetime.fromisoformat(at), int(order), int(id_))
        except ValueError:
            return None
        return key if key.at.tzinfo and key.id < LARGEST else None


# --- asking ----------------------------------------------------------------------------------


def page(person: Person, asked: Asked, after: str = "") -> LookPage:
    """A page of who opened what in the regions that this person audits. Raises Forbidden, NotFound."""
    session = db.session()
    number = _number(session, person, asked.case_id)
    access.require(session, person, "see", Resource("log"))
    lines, key = _lines(session, _where(session, person, asked), _Key.read(after), PAGE)
    return LookPage(lines, key.written() if key else "", number, _people(session, _mine(session, person)))


def audited(person: Person, number: str) -> int | None:
    """The case with this number, where this person audits it."""
    session, case_id = db.session(), cases.id_of(number)
    return session.scalar(select(CASE.c.id).where(CASE.c.id == case_id, _mine(session, person)))


def take(person: Person, asked: Asked, lang: str = "zh") -> Iterator[str]:
    """The same as CSV, all of it, once it stands in the register who takes it away. Raises Forbidden, NotFound."""
    session = db.session()
    _number(session, person, asked.case_id)
    access.require(session, person, "export", Resource("log"))
    where = _where(session, person, asked)
    count = sum(session.scalar(_query(source, where, func.count())) or 0 for source in SOURCES)
    told = {
        "case": asked.case_id, "by": asked.by, "events": count,
        "since": asked.since.isoformat() if asked.since else None, "until": asked.until.isoformat() if asked.until else None,
        "paths": sorted(access.policy(session).scope(person).audited),
    }  # fmt: skip
    with commands.work_on(Actor(person.id, AUDITOR)) as work:
        register.enter(work, "reads_exported", told)
    return export_formats.csv_rows(COLUMNS, _rows(session, where, lang))


def _rows(session: Session, where: Where, lang: str) -> Iterator[list[Any]]:
    key: _Key | None = None
    while True:
        lines, key = _lines(session, where, key, PIECE)
        for line in lines:
            until = line.reading.until if line.reading else None
            yield [line.at, line.number, line.by, line.role.say(lang), line.unit.say(lang), line.what.say(lang), line.record,
                   line.how, until, line.batch, line.standing]  # fmt: skip
        if key is None:
            return


Where = Callable[[_Source], list[Any]]
"""The conditions on one of the two tables."""


def _mine(session: Session, person: Person) -> Any:
    return _population.audited(session, person)


def _where(session: Session, person: Person, asked: Asked) -> Where:
    files = _merged.family(session, asked.case_id) if asked.case_id is not None else None
    mine = _mine(session, person)

    def of(source: _Source) -> list[Any]:
        rows, where = source.rows.c, [mine]
        where += [rows.case_id.in_(files)] if files is not None else []
        where += [rows.user_id == asked.by] if asked.by is not None else []
        where += [source.at >= asked.since] if asked.since else []
        where += [source.at < asked.until] if asked.until else []
        return where

    return of


def _number(session: Session, person: Person, case_id: int | None) -> str:
    """The number of the case that was asked for. Raises NotFound where this person does not audit it."""
    if case_id is None:
        return ""
    opened_at = session.scalar(select(CASE.c.opened_at).where(CASE.c.id == case_id, _mine(session, person)))
    if opened_at is None:
        raise NotFound("no_case", access.NOTHING_HERE)
    return cases.number(case_id, opened_at)


def _query(source: _Source, where: Where, *columns: Any) -> Any:
    joined = source.rows.join(CASE, CASE.c.id == source.rows.c.case_id)
    return select(*columns).select_from(joined).where(*where(source))


def _lines(session: Session, where: Where, key: _Key | None, size: int) -> tuple[tuple[Line, ...], _Key | None]:
    """The newest lines behind the key, and the key of the next ones; None where there are no more."""
    found = sorted((one for source in SOURCES for one in _keys(session, source, where, key, size + 1)), reverse=True)
    shown = found[:size]
    told = {
        source.order: source.told(session, [id_ for _, order, id_ in shown if order == source.order])
        for source in SOURCES
    }
    lines = tuple(told[order][id_] for _, order, id_ in shown)
    return lines, _Key(*shown[-1]) if len(found) > size else None


def _keys(
    session: Session, source: _Source, where: Where, key: _Key | None, size: int
) -> list[tuple[datetime, int, int]]:
    query = _query(source, where, source.at, source.rows.c.id)
    if key:
        same = (
            source.rows.c.id < key.id if source.order == key.order else true() if source.order < key.order else false()
        )
        query = query.where(or_(source.at < key.at, and_(source.at == key.at, same)))
    rows = session.execute(query.order_by(source.at.desc(), source.rows.c.id.desc()).limit(size))
    return [(at, source.order, id_) for at, id_ in rows]


def _people(session: Session, mine: Any) -> tuple[tuple[int, str], ...]:
    """Everybody who opened something there, by name, with their account to tell namesakes apart."""
    opened = [
        select(rows.c.id).join(CASE, CASE.c.id == rows.c.case_id).where(rows.c.user_id == USER.c.id, mine).correlate(USER).exists()
        for rows in (LOOK, READ)
    ]  # fmt: skip
    query = select(USER.c.id, USER.c.name, USER.c.username).where(or_(*opened)).order_by(USER.c.name, USER.c.id)
    return tuple((row.id, f"{row.name}（{row.username}）") for row in session.execute(query))


# --- telling ---------------------------------------------------------------------------------


def _openings(session: Session, ids: Sequence[int]) -> dict[int, Line]:
    """Openings of what is sealed, as lines."""
    return {
        one.id: Line(one.id, one.read_at, one.by, one.role, one.unit, one.case_id, one.number, one.what, "", one.why, one.seq,
                     "kept", one)
        for one in (read_log.some(session, ids) if ids else ())
    }  # fmt: skip


def _looks(session: Session, ids: Sequence[int]) -> dict[int, Line]:
    """Looks, as lines."""
    query = select(LOOK, CASE.c.opened_at).join(CASE, CASE.c.id == LOOK.c.case_id).where(LOOK.c.id.in_(ids))
    found = list(session.execute(query).mappings())
    names, units = names_of(session, {row["user_id"] for row in found}), _units(session, found)
    books, standing = releases.current_library(), look_log.standing(session, ids)
    called = _called(session, found)

    def line(row: Row) -> Line:
        name, what = called.get((row["kind"], row["record_id"]), NOTHING_SAID), WHAT.get(row["kind"], NOTHING_SAID)
        batch, holds = standing[row["id"]]
        return Line(
            row["id"], row["at"], names.get(row["user_id"], ""),
            books.role_name(row["role"]) if row["role"] else NOTHING_SAID, units.get(row["unit_id"], NOTHING_SAID),
            row["case_id"], cases.number(row["case_id"], row["opened_at"]),
            Text(what.zh.format(name=name.zh), what.en.format(name=name.en)), f"{row['kind']}:{row['record_id']}", row["via"],
            batch, holds,
        )  # fmt: skip

    return {row["id"]: line(row) for row in found}


def _units(session: Session, rows: Sequence[Row]) -> dict[int | None, Text]:
    wanted = {row["unit_id"] for row in rows} - {None}
    query = select(UNIT.c.id, UNIT.c.name_zh, UNIT.c.name_en).where(UNIT.c.id.in_(wanted))
    return {row.id: Text(row.name_zh, row.name_en) for row in session.execute(query)}


def _called(session: Session, rows: Sequence[Row]) -> dict[tuple[str, int], Text]:
    """What tasks, forms, papers and processes are called, under the release by which each began."""
    ids = {kind: {row["record_id"] for row in rows if row["kind"] == kind} for kind in NAMED}
    return {
        (kind, id_): name for kind, name_of in NAMED.items() if ids[kind] for id_, name in name_of(session, ids[kind])
    }


Names = Iterator[tuple[int, Text]]


def _tasks(session: Session, ids: Collection[int]) -> Names:
    query = select(TASK.c.id, TASK.c.process, TASK.c.element, INSTANCE.c.release_id, INSTANCE.c.process.label("run"))
    query = query.join(INSTANCE, INSTANCE.c.id == TASK.c.instance_id).where(TASK.c.id.in_(ids))
    for row in session.execute(query):
        yield row.id, library(session, row.release_id).definition(row.run).element(row.process, row.element).name


def _records(session: Session, ids: Collection[int]) -> Names:
    query = select(SUBMISSION.c.id, SUBMISSION.c.form, INSTANCE.c.release_id)
    query = query.outerjoin(INSTANCE, INSTANCE.c.id == SUBMISSION.c.instance_id).where(SUBMISSION.c.id.in_(ids))
    for row in session.execute(query).mappings():
        form = _seals.form_of(session, row)
        yield row["id"], form.name if form else Text(row["form"], row["form"])


def _papers(session: Session, ids: Collection[int]) -> Names:
    query = select(PAPER.c.id, PAPER.c.kind, PAPER.c.release_id).where(PAPER.c.id.in_(ids))
    for row in session.execute(query):
        yield row.id, library(session, row.release_id).paper_name(row.kind)


def _runs(session: Session, ids: Collection[int]) -> Names:
    query = select(INSTANCE.c.id, INSTANCE.c.process, INSTANCE.c.release_id).where(INSTANCE.c.id.in_(ids))
    for row in session.execute(query):
        yield row.id, library(session, row.release_id).process_name(row.process)


NAMED = {"task": _tasks, "record": _records, "paper": _papers, "run": _runs}
SOURCES = (_Source(0, LOOK, LOOK.c.at, _looks), _Source(1, READ, READ.c.read_at, _openings))
