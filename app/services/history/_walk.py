"""Where the tokens of a diagram are and have been, folded from the transitions that steps recorded.

The case page and the replay share this fold, so that both show the same marks. A token arrives by
the flow from the element that completed last before it in the same step: the engine moves a token
on in the moment in which the one before it ends, so no other can lie between. Source: UI.md §7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.engine import Definition, Element

LIVE = frozenset(("READY", "WAITING", "STARTED"))
Move = tuple[int, str, str, str, str]
"""A transition as the record keeps it: task, process, element, state before, state after."""


@dataclass(slots=True)
class Walk:
    """The tokens of one process of an instance. Feed it steps in the order of the record; any of them may be missing."""

    elements: Mapping[str, Element]
    tokens: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    """Live tokens by their task: the element each stands on, and since when."""
    ended: dict[str, str] = field(default_factory=dict)
    """How the last token that ended on an element did: COMPLETED or CANCELLED."""
    flows: dict[str, None] = field(default_factory=dict)
    """The flows that tokens have travelled, in order of first travel."""

    def step(self, moves: Iterable[Move], at: datetime) -> None:
        """Follow one step's moves within this process; tokens that arrive have been there since `at`."""
        passed: list[Element] = []
        for task, _process, name, before, after in moves:
            element = self.elements.get(name)
            if element is None:
                continue
            if before not in LIVE:
                self._arrive(task, element, passed, at)
            if after not in LIVE:
                self._leave(task, element, after)
                if after == "COMPLETED":
                    passed.append(element)

    def _arrive(self, task: int, element: Element, passed: list[Element], at: datetime) -> None:
        self.tokens[task] = (element.id, at)
        came_by = (flow.id for last in reversed(passed) for flow in last.flows if flow.target == element.id)
        flow = None if element.attached else next(came_by, None)
        if flow:
            self.flows.setdefault(flow)

    def _leave(self, task: int, element: Element, how: str) -> None:
        self.tokens.pop(task, None)
        self.ended[element.id] = how

    @property
    def now(self) -> dict[str, datetime]:
        """The elements where a token stands, and since when; a boundary event that only listens is not one."""
        found: dict[str, datetime] = {}
        for name, since in self.tokens.values():
            if not self.elements[name].attached:
                found[name] = min(since, found.get(name, since))
        return {name: found[name] for name in self.elements if name in found}

    @property
    def reached(self) -> set[str]:
        """Every element where a token stands or stood."""
        return {name for name, _ in self.tokens.values()} | self.ended.keys()

    @property
    def done(self) -> tuple[str, ...]:
        """The elements that have been passed and where no token stands now, in the diagram's order."""
        return self._ended("COMPLETED")

    @property
    def cancelled(self) -> tuple[str, ...]:
        """The elements where a token stood when its branch was called off."""
        return tuple(name for name in self._ended("CANCELLED") if not self.elements[name].attached)

    def _ended(self, how: str) -> tuple[str, ...]:
        now = self.now
        return tuple(name for name in self.elements if self.ended.get(name) == how and name not in now)


class Walks:
    """The walks of one instance: a process, and those it called."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.of: dict[str, Walk] = {}

    def step(self, moves: Iterable[Move], at: datetime) -> None:
        """Follow one step of the instance."""
        by_process: dict[str, list[Move]] = {}
        for move in moves:
            by_process.setdefault(move[1], []).append(move)
        for process, own in by_process.items():
            if process in self.definition.processes:
                self.walk(process).step(own, at)

    def walk(self, process: str) -> Walk:
        """The walk of one process; a fresh one when no token has been there."""
        if process not in self.of:
            self.of[process] = Walk({element.id: element for element in self.definition.elements(process)})
        return self.of[process]
