"""Whether what should have happened did: the auditor's measure of a duty, and the words that say how it is taken.

A duty is one task that a process opened for somebody. The engine opens it only when everything
before it in the diagram is done, so that nothing is counted which the case had not reached. Pure.
Source: plan 4.2 (supervision); the measure itself is a proposal, numbered so that figures can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.text import Text

MEASURE = 1
"""Raise it with any change to `judge`: figures of two measures must not be compared."""

Closing = Literal["done", "cancelled", ""]
Finding = Literal["in_time", "late", "missed", "withdrawn", "open"]
FINDINGS: tuple[Finding, ...] = ("missed", "late", "in_time", "withdrawn", "open")
"""In the order in which pages list them: what should have happened and did not comes first."""


@dataclass(slots=True)
class Duty:
    """A task from its opening on: until when, and how and when it ended ("" while it is open). Instants aware UTC."""

    opened_at: datetime
    due_at: datetime | None = None
    how: Closing = ""
    closed_at: datetime | None = None

    def waited(self, now: datetime) -> float:
        """How long it has been, or was, open, in seconds."""
        return max(((self.closed_at or now) - self.opened_at).total_seconds(), 0.0)


def judge(duty: Duty, now: datetime) -> Finding:
    """What became of the duty by `now`; its limit is the last one set, and done at the limit is in time."""
    if duty.how == "done":
        late = duty.due_at is not None and duty.closed_at is not None and duty.closed_at > duty.due_at
        return "late" if late else "in_time"
    over = duty.due_at is not None and (duty.closed_at or now) >= duty.due_at
    if over:
        return "missed"
    return "withdrawn" if duty.how == "cancelled" else "open"


SAID: Mapping[Finding, Text] = {
    "missed": Text("该办没办", "Not done"),
    "late": Text("过期才办", "Done late"),
    "in_time": Text("按期办完", "Done in time"),
    "withdrawn": Text("不用办了", "Withdrawn"),
    "open": Text("还没到期", "Not due yet"),
}

DEFINITION: tuple[Text, ...] = (
    Text(
        "一次“该办”，是流程走到一步，请某个岗位去办。前面的步骤都走完，流程才会走到这一步；没有走到的不算。",
        "A duty is one time that a process came to a step and asked a post to do it. A process comes to a step only "
        "when all before it is done; what no case came to is not counted.",
    ),
    Text(
        "该办没办：期限已过，仍没有办完。或者还开着，或者期限过了才撤回。",
        "Not done: the limit passed and it was not done. It is still open, or it was withdrawn only after the limit.",
    ),
    Text(
        "过期才办：办完的时间晚于期限。按实际办的时间算，不按补录的时间算。",
        "Done late: it was done after its limit, by the time it was done, not the time it was entered.",
    ),
    Text(
        "按期办完：在期限之内办完，正好在期限那一刻也算；不限期的，办完就算。",
        "Done in time: it was done by its limit, the very instant included; without a limit, it was done.",
    ),
    Text(
        "不用办了：期限之前情况变了，流程撤回了它。还没到期：开着，期限未到或不限期。",
        "Withdrawn: the case changed before the limit and the process took it back. Not due yet: open, and its limit "
        "lies ahead or there is none.",
    ),
    Text(
        "延期的按新期限算；主管认定期限不适用的，按不限期算。一步依据几条，就在每一条下各算一次。系统自动办的步骤不在内。",
        "An extended limit counts as extended; one found not applicable counts as none. A step that rests on several "
        "clauses counts under each. What the system does by itself is not included.",
    ),
)
"""The measure in words, a sentence or two for each part; shown with its number wherever its figures are."""
