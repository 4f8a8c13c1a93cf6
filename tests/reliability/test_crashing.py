"""kill -9 at named points of a command's way, on both databases: nothing lost, doubled or half done.

Three commands are tried: a person's (accepting a report runs two operations and writes everywhere),
the ticker's (deadlines that have come) and the mail's (messages and notices in the outbox). Each is
carried out in a process of its own, which dies; another worker then goes on.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from app import clock
from app.errors import Refused
from app.services import deadlines, outbox
from tests import conftest
from tests.reliability import driver, faults
from tests.reliability.outcome import Outcome, differences, everything, outcome, unsound
from tests.reliability.places import Fresh, Place

OVERDUE = conftest.START + timedelta(days=40)
"""By then every limit has passed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A command that is to be interrupted: how it begins, what dies, and how another worker goes on."""

    act: str
    now: datetime
    begin: Callable[[Place], object]
    go_on: Callable[[Place], object]
    points: tuple[str, ...]


def nothing(_place: Place) -> None:
    """Nothing comes before."""


def send_again(place: Place) -> None:
    """The program asks again with the same key; a worker brings the mail."""
    driver.complete(place)
    outbox.deliver()


def points(*but: str) -> tuple[str, ...]:
    """Those that the command comes to."""
    return tuple(name for name in faults.POINTS if name not in but)


TRIALS = {
    "person": Trial("complete and deliver", conftest.START, nothing, send_again, points()),
    "ticker": Trial("tick", OVERDUE, nothing, lambda _: deadlines.tick(), points("before the delivery")),
    "mail": Trial(
        "deliver", conftest.START, driver.complete, lambda _: outbox.deliver(), points("after the engine")
    ),  # nobody waits for this message: it is recorded, no engine takes a step
}
_undisturbed: dict[tuple[str, bool], Outcome] = {}


def undisturbed(trial: Trial, fresh: Fresh) -> Outcome:
    """What the command leads to when nothing goes wrong."""
    place = fresh()
    key = (trial.act, place.sqlite)
    if key not in _undisturbed:
        with place.running(), clock.fixed(trial.now):
            trial.begin(place)
            trial.go_on(place)
            _undisturbed[key] = outcome()
    return _undisturbed[key]


def found(trial: Trial, point: str, fresh: Fresh, patch: faults.Patch, broken: str = "") -> list[str]:
    """What is wrong after the command died at `point` and another worker went on; nothing, if all is well."""
    wanted, place = undisturbed(trial, fresh), fresh()
    now, wrong = trial.now, list[str]()
    with place.running(), clock.fixed(now):
        trial.begin(place)
        before = everything()
    ended = driver.run(place, trial.act, point=point, broken=broken, now=now)
    assert ended.signal == signal.SIGKILL, f"it never came to {point}"
    if broken:
        faults.BROKEN[broken](patch)
    with place.running(), clock.fixed(now):
        if point in faults.NOTHING_KEPT and everything() != before:
            wrong.append("something was kept")
        try:
            trial.go_on(place)
        except Refused:
            wrong.append("refused")
        if differences(outcome(), wanted):
            wrong.append("lost or doubled")
        return wrong + unsound()


@pytest.mark.parametrize(("who", "point"), [(who, point) for who, trial in TRIALS.items() for point in trial.points])
def test_killed(who: str, point: str, fresh: Fresh, patch: faults.Patch) -> None:
    assert found(TRIALS[who], point, fresh, patch) == []


@pytest.mark.parametrize(
    ("who", "point", "broken", "fault"),
    [
        ("person", "amid the writes", "by statement", "something was kept"),
        ("person", "after the commit", "forgets keys", "refused"),
        ("ticker", "after the lock", "claim first", "lost or doubled"),
        ("mail", "after the commit", "mark later", "lost or doubled"),
    ],
)
def test_a_broken_twin_shows_the_fault(
    who: str, point: str, broken: str, fault: str, fresh: Fresh, patch: faults.Patch
) -> None:
    assert fault in found(TRIALS[who], point, fresh, patch, broken)
