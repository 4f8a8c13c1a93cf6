"""What happens to a case, in the words of a table: somebody does a task, something arrives, time passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from tests.world import Moment, World

Move = Callable[[World, str], object]
"""A move in a world, for the process that the table is about."""


def do(task: str, **wanted: Any) -> Move:
    """Send the form of that open task ("t1", or "other-process.t1"); values may be functions of the world."""

    def move(world: World, process: str) -> object:
        stem, _, element = task.rpartition(".")
        return world.send(element, stem or process, **{name: _value(value, world) for name, value in wanted.items()})

    return move


def comes(message: str, **wanted: Any) -> Move:
    """Register at the desk what came from outside."""
    return lambda world, _: world.arrive(message, **{name: _value(value, world) for name, value in wanted.items()})


def hears(message: str, **payload: Any) -> Move:
    """A message that another process sends into the case."""
    return lambda world, _: world.start(message, **{name: _value(value, world) for name, value in payload.items()})


def fires(timer: str) -> Move:
    """Let time pass until that timer of the process has fired."""
    return lambda world, process: world.fires(timer, process)


def wait(span: Moment) -> Move:
    """Let time pass."""
    return lambda world, _: world.pass_time(span)


def _value(value: Any, world: World) -> Any:
    return value(world) if callable(value) else value


def father(world: World) -> str:
    """The child's father, as a form names him."""
    return str(world.guardians()[0])


def fathers(world: World) -> list[str]:
    """The child's father, where a form asks for a list."""
    return [father(world)]


def in_days(days: int) -> Callable[[World], Any]:
    """An instant some days from now."""
    return lambda world: world.now + timedelta(days=days)


def play(world: World, process: str, moves: Sequence[Move]) -> None:
    """Make the moves one after the other; a failure says which one it was."""
    for number, move in enumerate(moves, start=1):
        try:
            move(world, process)
        except Exception as error:
            error.add_note(f"move {number} of {process}; to do: {world.todo()}")
            raise
