"""Events as an auditor reads them: numbers and bytes, whatever is stored, so that nothing can stop the reading.

The database itself writes down how each body must begin and end, from the row's columns: a body is
canonical JSON, so its keys stand in order with `data` in the middle. Comparing is then cheaper
than parsing. Source: ADR 0008, 0014.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from typing import Any

from sqlalchemy import BigInteger, Connection, LargeBinary, Select, String, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement, func

from app.db import db, settings, table
from app.models import Event, LogEntry

EVENT, ENTRY = table(Event), table(LogEntry)
BATCH = 500
"""Rows held at a time: a long record is walked, never held."""


@contextmanager
def snapshot() -> Iterator[Connection]:
    """The whole database as it stands at one instant, for reading, whatever others write meanwhile."""
    engine = db.engine if settings().sqlite else db.engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, connection.begin():
        yield connection


class Octets(FunctionElement[bytes]):
    """A column as the bytes that are stored: of a text, UTF-8 when it is sound."""

    type = LargeBinary()
    inherit_cache = True
    name = "octets"


class Iso(FunctionElement[str]):
    """An instant as Python's isoformat writes it, in UTC and without the offset; whole seconds have no fraction."""

    type = String()
    inherit_cache = True
    name = "iso"


@compiles(Octets, "sqlite")
def _octets_sqlite(element: Octets, compiler: SQLCompiler, **more: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **more)} AS BLOB)"


@compiles(Octets, "postgresql")
def _octets_postgresql(element: Octets, compiler: SQLCompiler, **more: Any) -> str:
    (column,) = element.clauses
    text = compiler.process(column, **more)
    return text if isinstance(column.type, LargeBinary) else f"textsend({text})"


@compiles(Iso, "sqlite")
def _iso_sqlite(element: Iso, compiler: SQLCompiler, **more: Any) -> str:
    return f"replace(replace({compiler.process(element.clauses, **more)}, ' ', 'T'), '.000000', '')"


@compiles(Iso, "postgresql")
def _iso_postgresql(element: Iso, compiler: SQLCompiler, **more: Any) -> str:
    column = compiler.process(element.clauses, **more)
    return f"replace(to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '.000000', '')"


def text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A number as JSON writes it."""
    return column.cast(String)


def number(column: ColumnElement[Any]) -> ColumnElement[str]:
    """The same, where there may be none."""
    return func.coalesce(text(column), literal("null"))


_C = EVENT.c
BEGIN = Octets(
    literal('{"actor":') + number(_C.actor_id) + literal(',"at":"') + Iso(_C.recorded_at)
    + literal('+00:00","case":') + text(_C.case_id) + literal(",")
).label("begin")  # fmt: skip
END = Octets(
    literal(',"instance":') + number(_C.instance_id) + literal(',"kind":"') + _C.kind + literal('","occurred":"')
    + Iso(_C.occurred_at) + literal('+00:00","seq":') + text(_C.seq) + literal(',"task":') + number(_C.task_id)
    + literal("}")
).label("end")  # fmt: skip
COLUMNS = (
    _C.case_id.cast(BigInteger).label("case_id"), _C.seq.cast(BigInteger).label("seq"), Octets(_C.prev).label("prev"),
    Octets(_C.hash).label("hash"), Octets(_C.body).label("body"), BEGIN, END, Octets(_C.sealed).label("sealed"),
)  # fmt: skip
"""What is read of an event, in this order."""

PLACE = (ENTRY.c.position, Octets(ENTRY.c.leaf).label("leaf"))
PLACED = select(*PLACE, *COLUMNS).outerjoin(EVENT, EVENT.c.id == ENTRY.c.event_id).order_by(ENTRY.c.position)
"""Every entry of the log with its event, in the order of the log."""

UNPLACED = (
    select(*COLUMNS)
    .outerjoin(ENTRY, ENTRY.c.event_id == EVENT.c.id)
    .where(ENTRY.c.position.is_(None))
    .order_by(EVENT.c.case_id, EVENT.c.seq)
)
"""Every event that has no place in the log yet, case by case."""


_numbers = itertools.count()


def stream(connection: Connection, query: Select[*tuple[Any, ...]], *, ahead: bool = False) -> Iterator[Sequence[Any]]:
    """The rows of a long query, in batches, as the driver gives them: the columns here are numbers and bytes only.

    With `ahead` PostgreSQL is at the next batch while the caller is at this one; until the rows end only other streams
    may then use the connection.
    """
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        with closing(driver.cursor()) as cursor:
            cursor.execute(text)
            yield from iter(lambda: cursor.fetchmany(BATCH), [])
    else:
        with driver.pipeline() if ahead else nullcontext():
            yield from _fetched(driver, text)


def _fetched(driver: Any, text: str) -> Iterator[Sequence[Any]]:
    """Batches of a cursor, each asked for before the one before it is given away.

    In a pipeline nothing waits for what was asked until it is fetched; a sync would.
    """
    name = f"audit_{next(_numbers)}"
    driver.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {text}")

    def ask() -> Any:
        cursor = driver.cursor(binary=True)
        cursor.execute(f"FETCH {BATCH} FROM {name}")
        return cursor

    waiting = ask()
    while rows := waiting.fetchall():
        waiting = ask()
        yield rows
