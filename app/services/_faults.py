"""Why a step failed, in plain words, from codes and names of the program and the diagrams alone: never what somebody typed."""

from __future__ import annotations

from typing import Any

from app import engine, operations
from app.errors import Refused
from app.text import Text

PROGRAM = (operations.MissingFacts, operations.UnknownOperation, operations.BadEffects)
"""What an operation and its services owe each other; the message holds names of operations, facts and columns."""
UNFORESEEN = (
    "程序里没有想到的错误（{code}），改数据没有用，请告诉管理员。",
    ("An error that the program does not foresee ({code}); no data will mend it. Tell the administrator."),
)
OWED = (
    "系统操作缺事实，或者和流程图对不上（{said}）。先看缺的事实能不能补；补不了，请告诉政策人员。",
    (
        "An operation lacks facts, or does not fit the diagram ({said}). See whether the fact can be added; else tell the policy staff."
    ),
)


def detail(error: Exception) -> dict[str, Any]:
    """What an incident keeps of an error: why, in both languages, and where on the diagram, if one place can be named."""
    text = _why(error)
    where = error.ids if isinstance(error, engine.EngineError) else {}
    place = {name: str(where[name]) for name in ("process", "element") if where.get(name)}
    return {"zh": text.zh, "en": text.en, **place}


def _why(error: Exception) -> Text:
    if isinstance(error, Refused):
        return error.text
    if isinstance(error, PROGRAM):
        return Text(OWED[0].format(said=error), OWED[1].format(said=error))
    code = type(error).__name__
    return Text(UNFORESEEN[0].format(code=code), UNFORESEEN[1].format(code=code))
