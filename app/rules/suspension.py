"""What may be suspended, and when not: the reading that protects the child. Pure.

A suspension holds our own reminders of one run of a process, nothing else. Source: ADR 0023; each line is a
choice that whoever owns the plan may change; the longest time is deadline D62.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from app.text import Text

LONGEST = "D62"
MAY_WAIT = frozenset((
    "assessment-help", "service-referral", "legal-aid", "guardianship-intervention", "revocation-petition",
    "guardianship-restoration", "manual-duty", "rectification",
))  # fmt: skip
"""Processes in which one may wait for somebody or something; all others look after a child's safety, or watch over us."""
DANGER = frozenset(("emergency-response", "missing-child-search"))
CLOCK = "six-month-clock"
ALERTS = frozenset(("t2", "t3", "t4"))
"""What the six-month clock asks when a mark is reached: three months, the evidence, six months."""

NEVER = Text(
    "这个流程管的是孩子眼前的安全，不能暂停。", "This process looks after a child's safety now and is never suspended."
)
IN_DANGER = Text(
    "孩子现在有危险，或没有大人照看，不能暂停。", "The child is in danger or unattended now; nothing is suspended."
)
RED = Text("孩子的风险是红色，不能暂停。", "The child's risk is red; nothing is suspended.")
RESPONDING = Text(
    "这个孩子的应急处置或走失查找还没有结束，不能暂停。",
    "An emergency response or a search for this child has not ended; nothing is suspended.",
)
CLOCK_ASKS = Text(
    "六个月时钟有提醒等着办，不能暂停。",
    "An alert of the six-month clock waits to be dealt with; nothing is suspended.",
)


def forbids(
    process: str, facts: Mapping[str, Any], risk: str, running: Collection[str], asked: Collection[tuple[str, str]]
) -> Text | None:
    """Why this process may not be suspended now, or no longer; None when it may.

    Danger at intake counts until somebody has judged the risk; what comes later comes with a response that runs.
    `running`: the processes of the case's live instances; `asked`: (process, element) of its open tasks.
    """
    if process not in MAY_WAIT:
        return NEVER
    if facts.get("unattended_now") is True or (facts.get("danger_now") is True and not risk):
        return IN_DANGER
    if risk == "red":
        return RED
    if DANGER & set(running):
        return RESPONDING
    return CLOCK_ASKS if any(where == CLOCK and what in ALERTS for where, what in asked) else None
