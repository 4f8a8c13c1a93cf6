"""Reading the record: the next batch is asked of PostgreSQL before the one at hand is given out, and not waited for."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask

from app.db import db
from app.services.audit import stored_rows
from app.services.audit.stored_rows import BATCH

LOCK = 7
NUMBERS = sa.select(
    sa.literal_column("n"),
    sa.literal_column(f"CASE WHEN n > {BATCH} THEN CAST(pg_advisory_xact_lock_shared({LOCK}) AS text) END"),
).select_from(sa.text(f"generate_series(1, {2 * BATCH}) AS n"))
"""Two batches; the second cannot come while somebody holds the lock."""


def waits(connection: sa.Connection, most: str) -> sa.Connection:
    """The connection, which waits no longer than that for a lock."""
    connection.execute(sa.text(f"SET LOCAL lock_timeout = '{most}'"))
    return connection


@pytest.mark.parametrize("make_app", ["postgresql"], indirect=True)
def test_the_server_is_at_the_next_batch_while_one_is_looked_at(app: Flask) -> None:
    with db.engine.connect() as other:
        held: Any = other.begin()
        other.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        with stored_rows.snapshot() as connection:
            rows = stored_rows.stream(waits(connection, "30s"), NUMBERS, ahead=True)
            assert [row[0] for row in next(rows)] == list(range(1, BATCH + 1)), "though the second waits"
            held.rollback()
            assert [row[0] for batch in rows for row in batch] == list(range(BATCH + 1, 2 * BATCH + 1))


@pytest.mark.parametrize("make_app", ["postgresql"], indirect=True)
def test_a_reader_that_is_not_ahead_would_wait(app: Flask) -> None:
    """The negative control: asked in the ordinary way, the first batch comes only after the second."""
    with db.engine.connect() as other, other.begin():
        other.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        with pytest.raises(psycopg.errors.LockNotAvailable), stored_rows.snapshot() as connection:
            next(stored_rows.stream(waits(connection, "50ms"), NUMBERS))
