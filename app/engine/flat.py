"""Flat variables: scalars and lists of scalars, made immutable on entry, so that a copy is a copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.engine.faults import EngineError
from app.engine.step import Value, Variables
from app.text import Text

MAX_LIST = 500
MAX_TEXT = 2_000
MAX_INTEGER = 2**53


def check_flat(variables: Variables | None, source: str) -> dict[str, Value | None]:
    """`variables` with lists made tuples; EngineError names `source` if a value is not flat.

    Integers stay within 2**53 and floats are refused, so that every reader of the log agrees on
    the bytes; texts are bounded because state holds ids and codes, never narrative.
    """
    return {_name(name, source): _value(value, name, source) for name, value in (variables or {}).items()}


def put(data: dict[str, Any], variables: Mapping[str, Value | None]) -> None:
    """Write `variables` into task data; None removes."""
    for name, value in variables.items():
        if value is None:
            data.pop(name, None)
        else:
            data[name] = value


def _name(name: object, source: str) -> str:
    if isinstance(name, str) and name.isidentifier() and not name.startswith("_"):
        return name
    raise EngineError("variable.name", Text("变量名不合格", "That is no name for a variable"), source=source)


def _value(value: Any, name: str, source: str) -> Value | None:
    if isinstance(value, (list, tuple)):
        if len(value) <= MAX_LIST and all(_is_scalar(each) for each in value):
            return tuple(value)
    elif value is None or (isinstance(value, (str, int)) and _is_scalar(value)):
        return value
    text = Text(f"变量“{name}”不是简单的值", f"The variable “{name}” is not a plain value")
    raise EngineError("variable.value", text, source=source, variable=name)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and not any("\ud800" <= each <= "\udfff" for each in value)
    return isinstance(value, bool) or (isinstance(value, int) and abs(value) <= MAX_INTEGER)
