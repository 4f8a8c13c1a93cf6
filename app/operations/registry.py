"""The registry of operations: a service task names one, services run it, tests walk it.

An operation is a pure function of facts, variables and now. It declares the facts it needs
and the variables it sets; `run` holds it to both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.operations.effects import OWN, TABLES, CaseRef, Effects, NewId
from app.operations.needs import NEEDS

Facts = Mapping[str, Any]
Variables = Mapping[str, Any]
Function = Callable[[Facts, Variables, datetime], Effects]


class UnknownOperation(LookupError):
    """No operation has this name: the diagram and the program do not belong together."""


class MissingFacts(LookupError):
    """Services did not read every fact that the operation needs."""


class BadEffects(ValueError):
    """The operation asked for something it may not ask for."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A registered operation: its name, what it needs, which variables it sets."""

    name: str
    needs: tuple[str, ...]
    sets: tuple[str, ...]
    function: Function


registry: dict[str, Operation] = {}


def operation(name: str, needs: Iterable[str] = (), sets: Iterable[str] = ()) -> Callable[[Function], Function]:
    """Register the function below as operation `name`.

    Raises: ValueError when the name is taken or a need is not in NEEDS.
    """

    def register(function: Function) -> Function:
        if name in registry:
            raise ValueError(f"operation {name} exists already")
        if strange := set(needs) - NEEDS.keys():
            raise ValueError(f"operation {name} needs unknown facts: {sorted(strange)}")
        registry[name] = Operation(name, tuple(needs), tuple(sets), function)
        return function

    return register


def find(name: str) -> Operation:
    """The operation of this name. Raises: UnknownOperation."""
    try:
        return registry[name]
    except KeyError:
        raise UnknownOperation(name) from None


def run(name: str, facts: Facts, variables: Variables, now: datetime) -> Effects:
    """What operation `name` asks for, checked against what it declares.

    It sees only the facts it declares, so that the log of a command holds all it depends on.

    Raises: UnknownOperation; MissingFacts; BadEffects.
    """
    found = find(name)
    if missing := [need for need in found.needs if need not in facts]:
        raise MissingFacts(f"{name}: {missing}")
    effects = found.function({need: facts[need] for need in found.needs}, dict(variables), now)
    if faults := [f"{name}: {fault}" for fault in _faults(found, effects)]:
        raise BadEffects("; ".join(faults))
    return effects


def _faults(found: Operation, effects: Effects) -> Iterable[str]:
    keys = {case.key for case in effects.cases}
    yield from _variable_faults(found, effects)
    yield from _row_faults(effects)
    yield from _payload_faults(effects)
    for ref in _refs(effects):
        if not (isinstance(ref, int) or ref == OWN or ref.removeprefix("new:") in keys):
            yield f"unknown case {ref}"
    keys |= {row.key for row in effects.rows if row.key}
    for value in _values(effects):
        if isinstance(value, NewId) and value.key not in keys:
            yield f"nothing is added under {value.key}"


def _variable_faults(found: Operation, effects: Effects) -> Iterable[str]:
    if set(effects.variables) != set(found.sets):
        yield f"sets {sorted(effects.variables)}, declares {sorted(found.sets)}"
    for key, value in effects.variables.items():
        if not _is_scalar(value):
            yield f"variable {key} is not flat"


def _row_faults(effects: Effects) -> Iterable[str]:
    for row in effects.rows:
        columns = TABLES.get(row.table)
        if columns is None:
            yield f"unknown table {row.table}"
        elif strange := set(row.values) - columns:
            yield f"unknown columns of {row.table}: {sorted(strange)}"


def _payload_faults(effects: Effects) -> Iterable[str]:
    parcels = [
        *((message.name, message.payload) for message in effects.messages),
        *((start.stem, start.context) for start in effects.starts),
        *((notice.kind, notice.ids) for notice in effects.notices),
    ]
    for name, parcel in parcels:
        for key, value in parcel.items():
            if not _is_scalar(value):
                yield f"{name}.{key} is not flat"


def _refs(effects: Effects) -> Iterable[CaseRef]:
    for group in (effects.rows, effects.starts, effects.messages, effects.notices):
        yield from (item.case for item in group)


def _values(effects: Effects) -> Iterable[object]:
    yield from effects.variables.values()
    for row in effects.rows:
        yield from row.values.values()
    for message in effects.messages:
        yield from message.payload.values()
    for start in effects.starts:
        yield from start.context.values()
    for notice in effects.notices:
        yield from notice.ids.values()


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool | NewId)
