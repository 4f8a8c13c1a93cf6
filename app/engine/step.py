"""What goes into the engine and what comes out of it: commands and the step they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.engine.model import Element

Scalar = str | int | bool
Value = Scalar | list[Scalar] | tuple[Scalar, ...]
Variables = Mapping[str, Value | None]


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an instance with what its start knows (ids and decision values)."""

    variables: Variables = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Complete:
    """A person has done an open task; a value of None removes that variable."""

    task: int
    variables: Variables = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message has come; `Step.caught` says whether anything waited for it."""

    message: str
    variables: Variables = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fire:
    """A timer's time has come (`Timer.key`)."""

    timer_key: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the instance: everything open is cancelled."""

    reason: str


Command = Start | Complete | Deliver | Fire | Cancel


@dataclass(frozen=True, slots=True)
class OperationCall:
    """A service task that has been reached: what to call, and with which variables."""

    task: int
    process: str
    element: Element
    operation: str
    variables: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A person's task that waits to be done; `item` is its member of a multi-instance collection."""

    id: int
    process: str
    element: Element
    item: Scalar | None = None


@dataclass(frozen=True, slots=True)
class ClosedTask:
    """A person's task that was open before the step: `how` is "done" or "cancelled"."""

    id: int
    element: Element
    how: str


@dataclass(frozen=True, slots=True)
class Timer:
    """A waiting timer; `key` names it as long as it waits, `due_at` is aware UTC."""

    key: str
    element: Element
    process: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Await:
    """A message that the instance would catch now."""

    message: str
    element: Element
    process: str


@dataclass(frozen=True, slots=True)
class Thrown:
    """A message that left the instance; `variables` is the data at the throw."""

    process: str
    element: Element
    message: str
    payload: tuple[str, ...]
    variables: Mapping[str, Value]


Transition = tuple[int, str, str, str, str]
"""(task, process, element, state before, state after), in the order in which they happened."""


@dataclass(frozen=True, slots=True)
class Step:
    """All that one command did. `state` is what to store; the rest is what to project from it."""

    state: bytes
    open: tuple[OpenTask, ...]
    opened: tuple[OpenTask, ...]
    closed: tuple[ClosedTask, ...]
    timers: tuple[Timer, ...]
    awaits: tuple[Await, ...]
    thrown: tuple[Thrown, ...]
    transitions: tuple[Transition, ...]
    counts: Mapping[str, int]
    completed: bool
    ended_at: tuple[str, ...]
    variables: Mapping[str, Value]
    caught: bool = False
    fired: tuple[str, ...] = ()
    undecided: tuple[OperationCall, ...] = ()


Operate = Callable[[OperationCall], Variables]
Deadline = Callable[[str, Element, Mapping[str, Value]], datetime | None]


def stuck(step: Step) -> bool:
    """Whether the instance can never move again: not completed, and nothing to do or to wait for."""
    return not (step.completed or step.open or step.timers or step.awaits or step.undecided)
