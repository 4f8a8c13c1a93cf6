"""The grammar of the closed language (see app.rules.expressions): what may stand in a condition.

The source is read by `ast` and walked by an allow-list: whatever is not allowed is refused.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from app.errors import Refused
from app.text import Text

MAX_CHARACTERS = 500
MAX_NODES = 200
FUNCTIONS = ("count", "known")
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class ExpressionError(Refused):
    """The expression is not of the language, or met a value that it cannot compare.

    `position` is the character (from 0) at which it went wrong.
    """

    def __init__(self, text: Text, position: int = 0) -> None:
        super().__init__("expression", text, position=position)
        self.position = position

    def __str__(self) -> str:
        return f"{self.text.en} (at {self.position})"


@lru_cache(maxsize=4096)
def read(source: str) -> ast.expr:
    """The checked syntax tree of `source`; raises ExpressionError for anything outside the language."""
    text = source.strip()
    _refuse_characters(text)
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        column = getattr(fault, "offset", None) or 1
        raise ExpressionError(Text("看不懂这个条件的写法", "This condition cannot be read"), column - 1) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(Text("条件太长，请拆开", "The condition has too many parts: split it"))
    _count_in_characters(tree, text)
    _refuse_lookalikes(tree, text)
    _allow(tree)
    return tree


def _refuse_characters(text: str) -> None:
    if not text:
        raise ExpressionError(Text("条件是空的", "The condition is empty"))
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            Text(f"条件超过 {MAX_CHARACTERS} 个字符", f"The condition is longer than {MAX_CHARACTERS} characters"),
            MAX_CHARACTERS,
        )
    for position, character in enumerate(text):
        if character == "\\" or not character.isprintable():
            raise ExpressionError(
                Text("条件里不能有反斜杠或不可见字符", "No backslashes or invisible characters in a condition"),
                position,
            )


def _count_in_characters(tree: ast.AST, text: str) -> None:
    """Let col_offset be a position in `text`; ast counts UTF-8 bytes."""
    encoded = text.encode()
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            node.col_offset = len(encoded[: node.col_offset].decode())


def _refuse_lookalikes(tree: ast.AST, text: str) -> None:
    """Python folds full-width and similar letters of a name into plain ones; here a name is what it looks like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not text.startswith(node.id, node.col_offset):
            raise refuse(node, "名称只能用半角字母、数字和下划线", "Names are written in plain letters, digits and _")


def place(node: ast.AST) -> int:
    """The character, from 0, at which `node` begins."""
    return int(getattr(node, "col_offset", 0))


def refuse(node: ast.AST, zh: str, en: str) -> ExpressionError:
    """The error that says, at `node`, what is wrong."""
    return ExpressionError(Text(zh, en), place(node))


def _allow(node: ast.expr) -> None:
    """Raise unless `node` and all below it belong to the language."""
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _allow(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _allow(operand)
        case ast.Compare():
            _allow_compare(node)
        case _:
            _allow_value(node)


def _allow_compare(node: ast.Compare) -> None:
    if len(node.ops) != 1:
        raise refuse(node, "一次只比较两个值，请用 and 连接", "Compare two values at a time and join with and")
    left, operation, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(operation, ast.In):
        if not isinstance(right, ast.Name):
            raise refuse(right, "in 的右边要是一个多选项的名称", "On the right of in there must be the name of a list")
    elif not isinstance(operation, COMPARISONS):
        raise refuse(node, "不能用这个比较符", "This comparison is not part of the language")
    _allow_value(left)
    _allow_value(right)


def _allow_value(node: ast.expr) -> None:
    match node:
        case ast.Name(id=name) if _is_name(name):
            return
        case ast.Constant(value=bool() | int() | str()):
            return
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)) if not isinstance(number, bool):
            return
        case ast.Call(func=ast.Name(id=function), args=[ast.Name(id=name)], keywords=[]) if (
            function in FUNCTIONS and _is_name(name)
        ):
            return
    raise refuse(
        node,
        "条件里只能有名称、引号里的代码、整数、True、False、count(…) 和 known(…)",
        "Only names, quoted codes, whole numbers, True, False, count(…) and known(…) may stand here",
    )


def _is_name(name: str) -> bool:
    return name.isascii() and not name.startswith("_") and name not in FUNCTIONS


def names(source: str) -> frozenset[str]:
    """The facts that `source` reads. Raises ExpressionError."""
    tree = read(source)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)
