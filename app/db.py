"""The database: one registry of tables, one place that commits.

Reads use `db.session` (a plain transaction, ended with the request). Writes happen inside
`transaction()`: on SQLite it takes the write lock at once (BEGIN IMMEDIATE), on PostgreSQL
the first statement of a command locks the case row. See ADR 0004.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import orjson
from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, CursorResult, Engine, MetaData, Table, event
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


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


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


@contextmanager
def transaction() -> Iterator[Session]:
    """One business transaction: commits when the block ends well, else leaves nothing behind.

    The caller's read transaction is ended first: what it read is old by now, and on
    SQLite its snapshot would only keep the log from being cleaned.
    """
    db.session.rollback()
    engine = db.engine.execution_options(**{WRITES: True})
    with engine.begin() as connection, Session(connection, expire_on_commit=False) as session:
        yield session
        session.flush()
