"""People and workers at the same moment: threads with a context of their own, which meet by events.

Nobody sleeps and nothing is left to luck: who holds a lock keeps it until the others are known to
ask for it, or, where a broken twin has no lock, until they have read what they should not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from app.db import db
from app.services import commands
from tests.reliability.faults import Patch

PATIENCE = 30.0
"""Seconds until a meeting that never comes fails the test instead of hanging it."""


class Count:
    """How many have come to a point; others wait until enough have."""

    def __init__(self) -> None:
        self._came = 0
        self._changed = threading.Condition()

    def come(self) -> None:
        """One more."""
        with self._changed:
            self._came += 1
            self._changed.notify_all()

    def wait(self, enough: int) -> None:
        """Wait until `enough` have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._came >= enough, PATIENCE), "the others never came"


def at_once(app: Flask, *acts: Callable[[], Any]) -> list[Any]:
    """Do all of `acts`, each in a thread of its own; gives what each returned, or the exception it raised."""

    def one(act: Callable[[], Any]) -> Any:
        with app.app_context():
            try:
                return act()
            except Exception as error:
                return error
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(acts)) as threads:
        return [future.result() for future in [threads.submit(one, act) for act in acts]]


def asking(patch: Patch) -> Count:
    """Counts those who come to a transaction: from there on each waits for the lock, or has it."""
    count, whole = Count(), commands.transaction

    @contextmanager
    def transaction() -> Iterator[Session]:
        count.come()
        with whole() as session:
            yield session

    patch(commands, "transaction", transaction)
    return count


def meeting(patch: Patch, owner: Any, name: str, together: Callable[[], None], *, after: bool = True) -> None:
    """Let everybody who comes to `owner.name` do `together` there."""
    whole = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if not after:
            together()
        result = whole(*arguments, **named)
        if after:
            together()
        return result

    patch(owner, name, wrapped)


def holding(patch: Patch, owner: Any, name: str) -> Count:
    """Counts those who have come to `owner.name` with the lock; they keep it until another asks for it."""
    held, asked = Count(), asking(patch)

    def together() -> None:
        held.come()
        asked.wait(2)

    meeting(patch, owner, name, together)
    return held
