"""One bit turned in what is stored: every bit of every event against its hash, and a sample of all tables end to end.

`AUDIT_FLIPS` says how many are tried end to end; the nightly run takes 10,000 (docs/audit.md).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.db import db, transaction
from app.services.audit import sequencer, stored_rows, tree, verification
from app.services.audit.chains import START, Chains, Keyring
from app.services.audit.findings import Report
from tests.audit import records

Move = Callable[[datetime], None]
FLIPS = int(os.environ.get("AUDIT_FLIPS", "150"))
SOUND = Keyring({})
PREV, HASH, BODY, SEALED = 2, 3, 4, 7
"""Where stored_rows.COLUMNS has an event's stored bytes."""
STORED = {
    "event": ("body", "sealed", "prev", "hash", "kind"),
    "case": ("last_hash", "wrapped_key"),
    "log_entry": ("leaf",),
    "log_node": ("hash",),
    "log_head": ("body", "signature"),
    "log_state": ("frontier",),
}
KEYS = {"log_entry": ("position",), "log_node": ("level", "index"), "log_head": ("n",)}


def turned(value: bytes, bit: int) -> bytes:
    """The value with one bit the other way."""
    place, mask = divmod(bit, 8)
    return value[:place] + bytes([value[place] ^ 1 << mask]) + value[place + 1 :]


def flips(event: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The event with each bit of its stored bytes turned, one after the other."""
    for column in (PREV, HASH, BODY, SEALED):
        value = event[column] or b""
        for bit in range(8 * len(value)):
            yield (*event[:column], turned(value, bit), *event[column + 1 :])


def test_no_bit_of_any_event_turns_unseen(app: Flask, at: Move) -> None:
    records.grow(records.open_cases(2), 16, random.Random(1))
    sequencer.tick()
    end: dict[int, tuple[int, bytes]] = {}
    tried = 0
    with stored_rows.snapshot() as connection:
        placed = [row for rows in stored_rows.stream(connection, stored_rows.PLACED) for row in rows]
    for row in placed:
        leaf, event = row[1], row[2:]
        for flipped in flips(event):
            chains = Chains(report := Report(), None)
            chains.ends[event[0]] = end.get(event[0], START)
            found = tree.leaf_of(chains.check(flipped), flipped[SEALED])
            assert report.breaks or found != leaf
            tried += 1
        end[event[0]] = event[1], event[HASH]
    assert tried > 16 * 8 * 300


class Flipper:
    """Turns a bit somewhere in the database, and turns it back."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.sqlite = db.engine.dialect.name == "sqlite"
        self.places = [(name, column) for name, columns in STORED.items() for column in columns]

    def draw(self) -> tuple[str, str, dict[str, Any], Any, bytes]:
        """A table, a column, a row's key, what stands there, and the same with a bit turned."""
        while True:
            name, column = self.rng.choice(self.places)
            table = db.metadata.tables[name]
            row = self.rng.choice(db.session.execute(sa.select(table)).mappings().all())
            db.session.rollback()
            value = row[column]
            if not value:
                continue
            stored = value.encode() if isinstance(value, str) else value
            flipped = turned(stored, self.rng.randrange(8 * len(stored)))
            if isinstance(value, bytes) or self.sqlite or self._may_be_text(flipped):
                return name, column, {key: row[key] for key in KEYS.get(name, ("id",))}, value, flipped

    @staticmethod
    def _may_be_text(flipped: bytes) -> bool:
        """PostgreSQL takes only sound UTF-8 without zeros for a text."""
        try:
            return "\0" not in flipped.decode()
        except UnicodeDecodeError:
            return False

    def put(self, name: str, column: str, key: dict[str, Any], value: Any, *, text: bool) -> None:
        """Write a value past every check of types."""
        table = db.metadata.tables[name]
        stored: Any = sa.literal(value, sa.LargeBinary) if isinstance(value, bytes) else value
        if text and isinstance(value, bytes):
            stored = sa.cast(stored, sa.Text) if self.sqlite else value.decode()
        with transaction() as session:
            where = [table.c[name] == given for name, given in key.items()]
            session.execute(sa.update(table).where(*where).values({column: stored}))


def test_a_bit_turned_anywhere_is_seen(app: Flask, at: Move) -> None:
    cases = records.open_cases(3)
    for seed in range(4):
        records.grow(cases, 70, random.Random(seed))
        sequencer.tick()
    assert verification.examine().breaks == []
    flipper = Flipper(seed=42)
    for _ in range(FLIPS):
        name, column, key, value, flipped = flipper.draw()
        text = isinstance(value, str)
        flipper.put(name, column, key, flipped, text=text)
        assert verification.examine().breaks, (name, column, key, flipped)
        flipper.put(name, column, key, value, text=False)
    assert verification.examine().breaks == []


@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("column", "value"), [("seq", "x"), ("case_id", "x"), ("hash", "x"), ("prev", 7), ("body", 7)])
def test_a_value_of_another_type_is_named_too(app: Flask, at: Move, column: str, value: Any) -> None:
    """SQLite keeps whatever it is given: an audit says so, and does not fall over it."""
    records.grow(records.open_cases(2), 20, random.Random(1))
    sequencer.tick()
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute(f"UPDATE event SET {column} = ? WHERE id = 9", (value,))
        driver.execute("PRAGMA foreign_keys=ON")
    assert verification.examine().breaks


@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("broken", ["event SET kind = {} WHERE seq = 20", '"case" SET facts = {}, kind = {}'])
def test_text_that_is_none_stops_no_one(app: Flask, at: Move, broken: str) -> None:
    """Bytes that are no UTF-8 in a text column, of the newest event and of the case itself."""
    (case,) = records.open_cases(1)
    records.grow([case], 20, random.Random(1))
    sequencer.tick()
    with db.engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute(f"UPDATE {broken.format(*['CAST(X' + chr(39) + '64ff6e' + chr(39) + ' AS TEXT)'] * 2)}")
    assert bool(verification.examine(case).breaks) == broken.startswith("event")
    assert bool(verification.examine().breaks) == broken.startswith("event")


def test_a_case_is_checked_to_the_bit_too(app: Flask, at: Move) -> None:
    (case, _) = records.open_cases(2)
    records.grow([case], 20, random.Random(1))
    sequencer.tick()
    flipper = Flipper(seed=7)
    flipper.places = [("event", column) for column in STORED["event"]] + [("log_entry", "leaf"), ("case", "last_hash")]
    for _ in range(max(20, FLIPS // 10)):
        name, column, key, value, flipped = flipper.draw()
        if (name, key) == ("case", {"id": case + 1}):
            continue
        flipper.put(name, column, key, flipped, text=isinstance(value, str))
        assert verification.examine(case).breaks, (name, column, key)
        flipper.put(name, column, key, value, text=False)
    assert verification.examine(case).breaks == []
