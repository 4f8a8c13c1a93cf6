"""The database: one registry of tables, one place that commits.

Reads use `db.session` (a plain transaction, ended with the request). Writes happen inside
`transaction()`: on SQLite it takes the write lock at once (BEGIN IMMEDIATE), on PostgreSQL
the first statement of a command locks the case row. See ADR 0004.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol, cast

import orjson
import psycopg
from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import Connection, CursorResult, Dialect, Engine, MetaData, Table, event
from sqlalchemy.orm import DeclarativeBase, Session

from app.settings import Settings

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
Row = Mapping[Any, Any]
"""A row as a query gives it, column name → value."""

WRITES = "shouwang_writes"
TIMEOUTS = "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=10000"


class Base(DeclarativeBase):
    """Every table of the project."""

    metadata = MetaData(naming_convention=NAMING)


class Reading(FlaskSession):
    """A request's reads. On PostgreSQL each statement stands alone, as READ COMMITTED has it anyway: the ROLLBACK
    that would end them as a transaction makes the driver forget every statement that it has prepared.
    """

    def get_bind(self, *args: Any, **options: Any) -> Engine | Connection:
        """The engine, with reads that need no end."""
        bind = super().get_bind(*args, **options)
        return _alone(bind) if isinstance(bind, Engine) and bind.dialect.name == "postgresql" else bind


@lru_cache(maxsize=8)
def _alone(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


db = SQLAlchemy(model_class=Base, disable_autonaming=True, session_options={"class_": Reading})


def engine_options(url: str) -> dict[str, Any]:
    """How to open the database at `url`: fast JSON, and connections that notice a dead peer."""
    options: dict[str, Any] = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
    }
    if not url.startswith("sqlite"):
        options |= {"pool_pre_ping": True, "pool_size": 10, "connect_args": {"options": TIMEOUTS}}
    return options


def table(model: type[Base]) -> Table:
    """The table of a model, for statements that do without the ORM."""
    return cast(Table, model.__table__)


def changed(session: Session, statement: Any, values: Mapping[str, Any] | None = None) -> int:
    """Execute an UPDATE or DELETE; returns how many rows it met."""
    return cast("CursorResult[Any]", session.execute(statement, values or {})).rowcount


class Prepared:
    """A statement that every step makes: compiled once, then given to the driver as it is.

    Its values are converted as the types of their columns ask. What SQLAlchemy does on every call
    costs more than most of these statements do; and PostgreSQL can take several in one journey.
    Errors are the driver's own. Source: docs/performance.md; ADR 0004.
    """

    def __init__(self, statement: Any) -> None:
        self.statement = statement
        self._ready: dict[tuple[str, ...], _Ready] = {}

    def send(self, connection: Connection, values: Mapping[str, Any]) -> Cursor:
        """Execute with `values`: every column that is written, and every parameter."""
        ready = self._for(connection, values)
        cursor: Cursor = _driver(connection).cursor()
        cursor.execute(ready.sql, ready.parameters(values))
        return cursor

    def _for(self, connection: Connection, values: Mapping[str, Any]) -> _Ready:
        key = (connection.dialect.name, *values)
        if key not in self._ready:
            self._ready[key] = _Ready(self.statement, connection.dialect, list(values))
        return self._ready[key]


class Write(Prepared):
    """An INSERT, UPDATE or DELETE that every step makes."""

    def send_all(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once for each of `rows`, which all have the same columns; there is at least one."""
        ready = self._for(connection, rows[0])
        _driver(connection).cursor().executemany(ready.sql, [ready.parameters(values) for values in rows])

    def ask(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Execute, and give the row of its RETURNING, as plain values; None when no row was met."""
        found = self.send(connection, values).fetchall()
        return found[0] if found else None


class Read(Prepared):
    """A SELECT that every step makes; its rows are tuples, in the order of its columns."""

    def first(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row, or None."""
        return next(iter(self.all(connection, values)), None)

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Every row."""
        found, row = self.send(connection, values).fetchall(), self._for(connection, values).row
        return [row(values) for values in found]


class _Ready:
    """A statement for one kind of database, ready to be given values."""

    def __init__(self, statement: Any, dialect: Dialect, names: list[str]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=names)
        self.sql = str(compiled)
        self._constants: dict[str, Any] = compiled.params
        self._positional: bool = compiled.positional
        names_in_sql = compiled.positiontup if compiled.positional else compiled.bind_names.values()
        self._order = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names_in_sql
        ]
        columns = statement.selected_columns if statement.is_select else ()
        readers = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)
        self._readers = [(at, reader) for at, reader in enumerate(readers) if reader]

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        given = {**self._constants, **values}
        if self._positional:
            return [convert(given[name]) if convert else given[name] for name, convert in self._order]
        return {name: convert(given[name]) if convert else given[name] for name, convert in self._order}

    def row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row of the driver's with the values that its columns stand for."""
        values = list(row)
        for at, reader in self._readers:
            values[at] = reader(values[at])
        return tuple(values)


class Cursor(Protocol):
    """What both drivers' cursors have; within `in_one_go`, `rowcount` is known after the block."""

    rowcount: int

    def execute(self, sql: str, parameters: Any, /) -> Any:
        """Send one statement."""

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """Send one statement with each of many parameters."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that came back."""


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


@contextmanager
def in_one_go(connection: Connection) -> Iterator[None]:
    """Send the block's writes to PostgreSQL in one journey: what comes of them, refusals too, is known at its end."""
    driver = _driver(connection)
    if isinstance(driver, psycopg.Connection):
        with driver.pipeline():
            yield
    else:
        yield


def settings() -> Settings:
    """The settings of the running application, for layers that do not know Flask."""
    found: Settings = current_app.config["SETTINGS"]
    return found


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: object) -> None:
    """WAL and FULL: readers never wait, and a committed step survives a power cut."""
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # transactions are ours, not the driver's
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@lru_cache(maxsize=8)
def _writing(engine: Engine) -> Engine:
    return engine.execution_options(**{WRITES: True})


@contextmanager
def transaction() -> Iterator[Session]:
    """One business transaction: commits when the block ends well, else leaves nothing behind.

    The caller's read transaction is ended first: what it read is old by now, and on
    SQLite its snapshot would only keep the log from being cleaned.
    """
    db.session.rollback()
    with _writing(db.engine).begin() as connection, Session(connection, expire_on_commit=False) as session:
        yield session
        session.flush()
