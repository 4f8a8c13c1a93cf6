"""What a condition may compare with what: the check made when a diagram, form or rule is saved."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Literal

from app.rules.expression_syntax import ExpressionError, read, refuse

Type = Literal["bool", "int", "str", "date", "datetime", "list"] | tuple[str, ...] | frozenset[str]
"""A tuple is a choice of one of its codes; a frozenset a list of some of its codes; "list" a list of any."""

_ORDERED = ("int", "date", "datetime")


def check(source: str, types: Mapping[str, Type]) -> None:
    """Raise ExpressionError unless `source` is a condition over the facts of `types`.

    Refused: unknown names, comparisons across types, codes that the fact never has, order
    between things that have none, and anything that is not true or false as a whole.
    """
    _check_condition(read(source), types)


def _check_condition(node: ast.expr, types: Mapping[str, Type]) -> None:
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _check_condition(value, types)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check_condition(operand, types)
        case ast.Compare(left=left, ops=[ast.In()], comparators=[right]):
            _check_membership(left, right, types)
        case ast.Compare(left=left, ops=[operation], comparators=[right]):
            _check_comparison(operation, left, right, types)
        case _ if _type_of(node, types) != "bool":
            raise refuse(
                node, "这里要一个是非条件，请写出比较", "A condition is true or false: write a comparison here"
            )


def _check_membership(left: ast.expr, right: ast.expr, types: Mapping[str, Type]) -> None:
    options, item = _type_of(right, types), _type_of(left, types)
    if not (options == "list" or isinstance(options, frozenset)):
        raise refuse(right, "in 的右边要是多选项", "On the right of in there must be a list")
    if not (item == "str" or isinstance(item, tuple)):
        raise refuse(left, "in 的左边要是一个代码", "On the left of in there must be a code")
    if isinstance(options, frozenset):
        _check_codes(left, item, tuple(sorted(options)))


def _check_comparison(operation: ast.cmpop, left: ast.expr, right: ast.expr, types: Mapping[str, Type]) -> None:
    one, other = _type_of(left, types), _type_of(right, types)
    kind = _common(left, one, right, other)
    if kind is None:
        raise refuse(
            left,
            f"不能把{_say(one, 'zh')}和{_say(other, 'zh')}相比",
            f"{_say(one, 'en')} is never compared with {_say(other, 'en')}",
        )
    equality = isinstance(operation, (ast.Eq, ast.NotEq))
    if equality and kind == "datetime":
        raise refuse(left, "时刻只能比先后", "Instants are only compared by order")
    if not equality and kind not in _ORDERED:
        raise refuse(left, "这两个值没有先后大小", "These values have no order")


def _common(left: ast.expr, one: Type, right: ast.expr, other: Type) -> Type | None:
    """The type in which the two are compared, or None; raises for a code that the other never has."""
    if isinstance(one, tuple):
        return _with_codes(right, one, other)
    if isinstance(other, tuple):
        return _with_codes(left, other, one)
    if one == other and not _is_list(one):
        return one
    for node, is_, wanted in ((left, one, other), (right, other, one)):
        if is_ == "str" and wanted in ("date", "datetime") and _is_moment(node):
            return wanted
    return None


def _with_codes(node: ast.expr, codes: tuple[str, ...], its: Type) -> Type | None:
    if its == "str" or isinstance(its, tuple):
        _check_codes(node, its, codes)
        return "str"
    return None


def _check_codes(node: ast.expr, its: Type, codes: tuple[str, ...]) -> None:
    """Refuse a literal that is not among `codes`, and a choice that shares none of them."""
    has = set(its) if isinstance(its, tuple) else {_text(node)} - {None}
    if has and not has & set(codes):
        said = ", ".join(sorted(str(code) for code in has))
        raise refuse(
            node, f"没有“{said}”这个选项；可用：{'、'.join(codes)}", f"“{said}” is not one of {', '.join(codes)}"
        )


def _type_of(node: ast.expr, types: Mapping[str, Type]) -> Type:
    match node:
        case ast.Name(id=name):
            return _type_of_name(node, name, types)
        case ast.Constant(value=bool()):
            return "bool"
        case ast.Constant(value=str()):
            return "str"
        case ast.Call(func=ast.Name(id=function), args=[ast.Name(id=name) as listed]):
            kind = _type_of_name(listed, name, types)
            if function == "count" and not _is_list(kind):
                raise refuse(listed, "count(…) 里要是多选项", "count(…) takes a list")
            return "int" if function == "count" else "bool"
        case _:
            return "int"


def _type_of_name(node: ast.AST, name: str, types: Mapping[str, Type]) -> Type:
    if name in types:
        return types[name]
    near = get_close_matches(name, types, n=1)
    raise refuse(
        node,
        f"没有叫“{name}”的项" + (f"，是不是“{near[0]}”？" if near else ""),
        f"There is no “{name}”" + (f": did you mean “{near[0]}”?" if near else ""),
    )


def _is_list(kind: Type) -> bool:
    return kind == "list" or isinstance(kind, frozenset)


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_moment(node: ast.expr) -> bool:
    try:
        datetime.fromisoformat(_text(node) or "")
    except ValueError:
        return False
    return True


_SAID = {
    "bool": ("是非项", "a yes-or-no"),
    "int": ("整数", "a whole number"),
    "str": ("文字", "a text"),
    "date": ("日期", "a date"),
    "datetime": ("时刻", "an instant"),
    "list": ("多选项", "a list"),
}


def _say(kind: Type, lang: Literal["zh", "en"]) -> str:
    if isinstance(kind, tuple):
        return "单选项" if lang == "zh" else "a choice"
    zh, en = _SAID[kind if isinstance(kind, str) else "list"]
    return zh if lang == "zh" else en


__all__ = ["ExpressionError", "Type", "check"]
