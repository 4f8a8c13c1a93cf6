"""A process of its own that carries out one command, and may be made to die at a named point.

The processes come from a server that has imported the program once, so that each is clean (no
connection, no thread of the test's) and begins at once.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any

from app import clock
from app.services import commands, deadlines, outbox
from tests import conftest
from tests.reliability import faults
from tests.reliability.places import Place

KEY = "0b7c2f0e"
"""The idempotency key that a program sends with its command, and sends again."""
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def complete(place: Place) -> commands.Done:
    """Accept the report, as a program that will ask again with the same key."""
    waiting = place.waiting
    return commands.complete(waiting.task, waiting.version, waiting.raw, place.actor(), key=KEY)


def complete_and_deliver(place: Place) -> int:
    """Accept the report, then deliver what it put in the outbox, as the same worker does next."""
    complete(place)
    return outbox.deliver()


ACTS: Mapping[str, Callable[[Place], Any]] = {
    "complete": complete,
    "complete and deliver": complete_and_deliver,
    "deliver": lambda _: outbox.deliver(),
    "tick": lambda _: deadlines.tick(),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its answer, or the signal that ended it."""

    answer: Any
    signal: int | None


def run(place: Place, act: str, *, point: str = "", broken: str = "", now: datetime = conftest.START) -> Ended:
    """Carry out `act` in a process of its own, which dies at `point` if one is named."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_be, args=(theirs, place, act, point, broken, now))
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        answer = None
    process.join()
    assert process.exitcode is not None
    assert process.exitcode <= 0, "the process failed; its traceback stands above"
    return Ended(answer, -process.exitcode or None)


def _be(answer: Connection, place: Place, act: str, point: str, broken: str, now: datetime) -> None:
    """Be that process."""
    if broken:
        faults.BROKEN[broken](setattr)
    if point:
        faults.POINTS[point](faults.die, setattr)
    with place.running(), clock.fixed(now):
        answer.send(ACTS[act](place))
