"""Conditions that other engines wrote (JUEL `${…}`, FEEL `=…`), said in our closed language where it can say them.

Only what means the same is translated: names, texts, whole numbers, comparisons, and, or, not. A call, an
attribute, arithmetic or anything else gives None, and the person rewrites the condition. Source: ADR 0028.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.rules.expressions import ExpressionError, compile_expression

_WRAPPED = re.compile(r"[$#]\{(?P<juel>[^{}]*)\}|=(?P<feel>.*)", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\\\"\n]*'|\"[^\\\"\n]*\")|(?P<number>-?\d+(?![\w.]))"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[<>=!()])|(?P<name>[A-Za-z_]\w*(?![\w.\[])))\s*"
)
_SIGNS = {"&&": "and", "||": "or", "!": "not", "=": "=="}
_WORDS = {"eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=", "true": "True", "false": "False"}
_SAME = frozenset(("and", "or", "not"))
_BEYOND = frozenset(
    [
        "in",
        "if",
        "then",
        "else",
        "some",
        "every",
        "satisfies",
        "for",
        "return",
        "between",
        "instance",
        "of",
        "empty",
        "null",
        "div",
        "mod",
        "known",
        "count",
    ]
)
_CLOSES: Mapping[str | None, bool] = {None: True, "and": True, "or": True, ")": True}
LONGEST = 500


def is_foreign(source: str) -> bool:
    """Whether a condition is marked as one of another engine's language."""
    return source.lstrip().startswith(("${", "#{", "="))


def plain_name(source: str) -> str | None:
    """The variable that `${name}`, `#{name}`, `=name` or `name` stands for, or None if it says more than a name."""
    wrapped = _WRAPPED.fullmatch(source.strip())
    inside = (wrapped["juel"] or wrapped["feel"] or "").strip() if wrapped else source.strip()
    return inside if inside.isidentifier() and inside.isascii() else None


def translate(source: str) -> str | None:
    """The condition in our closed language, or None where it cannot be said."""
    wrapped = _WRAPPED.fullmatch(source.strip())
    if wrapped is None or len(source) > LONGEST:
        return None
    tokens = _tokens(wrapped["juel"] if wrapped["juel"] is not None else wrapped["feel"])
    if not tokens or not _same_meaning(tokens):
        return None
    said = " ".join(tokens).replace("( ", "(").replace(" )", ")")
    try:
        compile_expression(said)
    except ExpressionError:
        return None
    return said


def _tokens(inside: str) -> list[str] | None:
    found: list[str] = []
    at = 0
    while at < len(inside):
        token = _TOKEN.match(inside, at)
        word = _word(token) if token else None
        if token is None or word is None:
            return None
        found.append(word)
        at = token.end()
    return found


def _word(token: re.Match[str]) -> str | None:
    if token["text"]:
        return f'"{token["text"][1:-1]}"'
    if token["sign"]:
        return _SIGNS.get(token["sign"], token["sign"])
    word = token["number"] or token["name"]
    return None if word in _BEYOND else _WORDS.get(word, word)


def _same_meaning(tokens: list[str]) -> bool:
    """Whether Python's grammar groups these words as JUEL and FEEL do: no call, no `not` that is half of a comparison."""
    for at, word in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        if following == "(" and (word.isidentifier() and word not in _SAME):
            return False
        if word == "not" and not _CLOSES.get(_after_operand(tokens, at + 1), False):
            return False
    return True


def _after_operand(tokens: list[str], at: int) -> str | None:
    """What follows the operand that begins at `at`: one word, or all up to the bracket that closes it."""
    depth = 0
    for end in range(at, len(tokens)):
        depth += (tokens[end] == "(") - (tokens[end] == ")")
        if depth == 0:
            return tokens[end + 1] if end + 1 < len(tokens) else None
    return "("
