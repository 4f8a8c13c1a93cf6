"""Events as an auditor reads them: numbers and bytes, whatever is stored, so that nothing can stop the reading.

The database itself writes down how each body must begin and end, from the row's columns: a body is
canonical JSON, so its keys stand in order with `data` in the middle. Comparing is then cheaper
than parsing. Source: ADR 0008, 0014.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import BigInteger, Connection, LargeBinary, Select, String, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.sql.functions import FunctionElement, func

from app.db import db, settings, table
from app.models import Event, LogEntry

EVENT, ENTRY = table(Event), table(LogEntry)
BATCH = 2_000
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
    """An instant as Python's isoformat writes it, in UTC and without the offset, always with microseconds."""

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
    return text if isinstance(column.type, LargeBinary) else f"convert_to({text}, 'UTF8')"


@compiles(Iso, "sqlite")
def _iso_sqlite(element: Iso, compiler: SQLCompiler, **more: Any) -> str:
    return f"replace({compiler.process(element.clauses, **more)}, ' ', 'T')"


@compiles(Iso, "postgresql")
def _iso_postgresql(element: Iso, compiler: SQLCompiler, **more: Any) -> str:
    column = compiler.process(element.clauses, **more)
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"


def _text(column: ColumnElement[Any]) -> ColumnElement[str]:
    return column.cast(String)


def _number(column: ColumnElement[Any]) -> ColumnElement[str]:
    return func.coalesce(_text(column), literal("null"))


_C = EVENT.c
BEGIN = Octets(
    literal('{"actor":') + _number(_C.actor_id) + literal(',"at":"') + Iso(_C.recorded_at)
    + literal('+00:00","case":') + _text(_C.case_id) + literal(",")
).label("begin")  # fmt: skip
END = Octets(
    literal(',"instance":') + _number(_C.instance_id) + literal(',"kind":"') + _C.kind + literal('","occurred":"')
    + Iso(_C.occurred_at) + literal('+00:00","seq":') + _text(_C.seq) + literal(',"task":') + _number(_C.task_id)
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


def stream(connection: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[Sequence[Any]]:
    """The rows of a long query, in batches, as the driver gives them: the columns here are numbers and bytes only."""
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    driver: Any = connection.connection.driver_connection
    with closing(_cursor(driver, sqlite=connection.dialect.name == "sqlite")) as cursor:
        cursor.execute(text)
        if connection.dialect.name == "sqlite":
            yield from iter(lambda: cursor.fetchmany(BATCH), [])
        else:
            yield from _ahead(lambda: cursor.fetchmany(BATCH))


def _cursor(driver: Any, *, sqlite: bool) -> Any:
    return driver.cursor() if sqlite else driver.cursor(name=f"audit_{next(_numbers)}", binary=True)


def _ahead(fetch: Callable[[], Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Batches until one is empty; the server is at the next while the caller is at this one."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(fetch)
        while rows := waiting.result():
            waiting = pool.submit(fetch)
            yield rows
