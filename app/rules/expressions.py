"""The closed language of every condition: in diagrams, in forms and in deadline rules.

Python spelling, read by `ast` and then walked by an allow-list; nothing is ever handed to
`eval` or `exec`. Names stand for flat facts; there are no attributes, subscripts, escapes,
arithmetic or calls but two pure functions:

    condition := condition "and" condition | condition "or" condition | "not" condition
               | value ("==" | "!=" | "<" | "<=" | ">" | ">=") value | text "in" list
               | flag | "known(" name ")"
    value     := name | "text" | 123 | -123 | True | False | "count(" list ")"

Two texts are ordered as the moments they name (ISO dates are days in Asia/Shanghai).
Two values of different types are never compared. Source: ADR 0005.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from app.clock import LAW_ZONE
from app.rules.expression_syntax import ExpressionError, names, place, read, refuse
from app.rules.expression_types import Type, check
from app.text import Text

__all__ = ["Closure", "ExpressionError", "Missing", "Type", "check", "compile_expression", "names", "to_feel"]

Missing = Literal["raise", "false"]
Closure = Callable[[Mapping[str, Any]], Any]

_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUAL: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {ast.Eq: operator.eq, ast.NotEq: operator.ne}
_FEEL = {ast.Eq: "=", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


class _Unknown(Exception):
    """A fact that is not known, or of another type, met while evaluating; never leaves this module."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


# --- evaluating --------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def compile_expression(source: str, missing: Missing = "raise") -> Closure:
    """A function from facts to the value of `source`; it reads nothing but the facts it is given.

    A fact that is absent or None, or of another type than what it is compared with, raises
    ExpressionError when `missing` is "raise" (diagrams); when it is "false" (deadline rules,
    visibility in forms) the comparison or flag that reads it is false.
    """
    return _closure(read(source), missing)


def _closure(node: ast.expr, missing: Missing) -> Closure:
    match node:
        case ast.BoolOp(op=op, values=values):
            return _junction(tuple(_closure(value, missing) for value in values), stop=isinstance(op, ast.Or))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _closure(operand, missing)
            return lambda facts: not inner(facts)
        case ast.Compare(left=left, ops=[operation], comparators=[right]):
            return _guarded(_comparison(operation, _value(left), _value(right)), node, missing)
        case ast.Constant(value=value):
            return lambda _facts: value
        case ast.Name(id=name):
            return _guarded(_flag(name), node, missing)
        case _:
            return _guarded(_value(node), node, missing)


def _junction(parts: tuple[Closure, ...], *, stop: bool) -> Closure:
    """`and` (stop=False) or `or` (stop=True) over `parts`, left to right, no further than needed."""

    def junction(facts: Mapping[str, Any]) -> bool:
        return any(part(facts) for part in parts) if stop else all(part(facts) for part in parts)

    return junction


def _guarded(inner: Closure, node: ast.AST, missing: Missing) -> Closure:
    position = place(node)

    def guarded(facts: Mapping[str, Any]) -> Any:
        try:
            return inner(facts)
        except _Unknown as unknown:
            if missing == "false":
                return False
            raise ExpressionError(unknown.text, position) from None

    return guarded


def _value(node: ast.expr) -> Closure:
    match node:
        case ast.Name(id=name):
            return lambda facts: _fact(facts, name)
        case ast.Constant(value=value):
            return lambda _facts: value
        case ast.UnaryOp(operand=ast.Constant(value=int() as number)):
            return lambda _facts: -number
        case ast.Call(func=ast.Name(id="known"), args=[ast.Name(id=name)]):
            return lambda facts: facts.get(name) is not None
        case ast.Call(args=[ast.Name(id=name)]):
            return lambda facts: len(_listed(_fact(facts, name), name))
    raise refuse(node, "不能计算", "This cannot be evaluated")


def _fact(facts: Mapping[str, Any], name: str) -> Any:
    value = facts.get(name)
    if value is None:
        raise _Unknown(Text(f"还不知道“{name}”", f"“{name}” is not known yet"))
    return value


def _flag(name: str) -> Closure:
    def flag(facts: Mapping[str, Any]) -> bool:
        value = _fact(facts, name)
        if isinstance(value, bool):
            return value
        raise _Unknown(Text(f"“{name}”不是是非项", f"“{name}” is not true or false"))

    return flag


def _listed(value: Any, name: str) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    raise _Unknown(Text(f"“{name}”不是多选项", f"“{name}” is not a list"))


def _comparison(operation: ast.cmpop, left: Closure, right: Closure) -> Closure:
    if isinstance(operation, ast.In):
        return lambda facts: _scalar(left(facts)) in _listed(right(facts), "in")
    compare = _EQUAL.get(type(operation))
    if compare is not None:
        return lambda facts: compare(*_same(left(facts), right(facts)))
    order = _ORDER[type(operation)]
    return lambda facts: order(*_ordered(*_same(left(facts), right(facts))))


_KINDS = {bool: "flag", int: "number", float: "number", str: "text"}


def _scalar(value: Any) -> Any:
    if type(value) in _KINDS:
        return value
    raise _Unknown(Text("这个值不能比较", "This value cannot be compared"))


def _same(left: Any, right: Any) -> tuple[Any, Any]:
    if _KINDS.get(type(left), "left") == _KINDS.get(type(right), "right"):
        return left, right
    raise _Unknown(Text("两个值的类型不同，不能比较", "The two values are of different types"))


def _ordered(left: Any, right: Any) -> tuple[Any, Any]:
    match _KINDS[type(left)]:
        case "number":
            return left, right
        case "text":
            return _moment(left), _moment(right)
    raise _Unknown(Text("是非项没有先后大小", "Yes and no have no order"))


def _moment(text: str) -> datetime:
    """The instant that an ISO text names; a text without an offset is Shanghai time, a date its 00:00."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _Unknown(Text("这不是日期或时间", "This is not a date or a time")) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=LAW_ZONE)


# --- FEEL for the form editor's preview --------------------------------------------------


def to_feel(source: str) -> str:
    """`source` as a FEEL expression (no leading "="), with the meaning of missing="false".

    FEEL is three-valued, so every name but one set equal to a literal is tested against null.
    """
    return _feel(read(source))


def _feel(node: ast.expr) -> str:
    match node:
        case ast.BoolOp(op=op, values=values):
            word = " or " if isinstance(op, ast.Or) else " and "
            return word.join(f"({_feel(value)})" if isinstance(value, ast.BoolOp) else _feel(value) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"not({_feel(operand)})"
        case ast.Compare(left=left, ops=[operation], comparators=[right]):
            return _feel_compare(left, operation, right)
        case ast.Name(id=name):
            return f"{name} = true"
        case _:
            return _feel_value(node)


def _feel_compare(left: ast.expr, operation: ast.cmpop, right: ast.expr) -> str:
    if isinstance(operation, ast.In):
        said = f"list contains({_feel_value(right)}, {_feel_value(left)})"
    else:
        said = f"{_feel_value(left)} {_FEEL[type(operation)]} {_feel_value(right)}"
    read_names = [node.id for node in (left, right) if isinstance(node, ast.Name)]
    if len(read_names) < 2 and isinstance(operation, ast.Eq):
        return said
    guards = [f"{name} != null" for name in read_names]
    return f"({' and '.join([*guards, said])})" if guards else said


def _feel_value(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=value):
            return _feel_literal(value)
        case ast.UnaryOp(operand=operand):
            return f"-{_feel_value(operand)}"
        case ast.Call(func=ast.Name(id=function), args=[ast.Name(id=name)]):
            return f"{name} != null" if function == "known" else f"count({name})"
        case ast.Name(id=name):
            return name
    raise refuse(node, "不能换写", "This cannot be rewritten")


def _feel_literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"' + value.replace('"', '\\"') + '"' if isinstance(value, str) else str(value)
