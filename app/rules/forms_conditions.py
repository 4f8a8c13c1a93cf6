"""A condition as plain lists, for the page's script: it shows and hides questions while answers change."""

from __future__ import annotations

import ast
from typing import Any

from app.rules.expression_syntax import read, refuse

_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
}


def tree(source: str) -> list[Any]:
    """`source` as ["and" | "or", …], ["not", x], [sign, x, y], ["flag" | "fact" | "count" | "known", name], ["is", value].

    The script reads it with the meaning of missing="false". Raises ExpressionError.
    """
    return _condition(read(source))


def _condition(node: ast.expr) -> list[Any]:
    match node:
        case ast.BoolOp(op=op, values=values):
            return ["or" if isinstance(op, ast.Or) else "and", *map(_condition, values)]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ["not", _condition(operand)]
        case ast.Compare(left=left, ops=[operation], comparators=[right]):
            return [_SIGNS[type(operation)], _value(left), _value(right)]
        case ast.Name(id=name):
            return ["flag", name]
        case _:
            return _value(node)


def _value(node: ast.expr) -> list[Any]:
    match node:
        case ast.Name(id=name):
            return ["fact", name]
        case ast.Constant(value=value):
            return ["is", value]
        case ast.UnaryOp(operand=ast.Constant(value=int() as number)):
            return ["is", -number]
        case ast.Call(func=ast.Name(id=function), args=[ast.Name(id=name)]):
            return [function, name]
    raise refuse(node, "不能换写", "This cannot be rewritten")
