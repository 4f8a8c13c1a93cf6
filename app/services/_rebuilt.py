"""An instance as its record makes it: recorded commands in, each step compared with what was recorded.

Pure: what operations and deadline rules answered comes from the record, in order; the engine asks
for it as it did then, and a question that the record does not answer is a difference.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Any

from app import engine
from app.engine import Command, Complete, Deliver, Fire, OpenTask
from app.rules.deadlines import DeadlineRules
from app.services._recorded import Answer, Recorded
from app.services._step import DEADLINE_SET, ENGINE, OPERATION_RUN
from app.services._tasks import arrival
from app.services.audit._proofs import Differs


@dataclass(slots=True)
class Rebuilt:
    """One instance being rebuilt. `deadlines`: the release's rules, to reckon its dates again; None leaves them as told."""

    definition: engine.Definition
    deadlines: DeadlineRules | None = None
    state: bytes | None = None
    completed: bool = False
    open: Mapping[int, OpenTask] = field(default_factory=dict)
    engines: set[str] = field(default_factory=set)
    steps: int = 0
    exact: int = 0
    redated: list[tuple[int, str, str, str]] = field(default_factory=list)

    def take(self, told: Recorded) -> None:
        """Run one recorded command. Raises Differs at the first difference, and is of no use after that."""
        if told.definition != self.definition.hash or told.process != self.definition.id:
            raise Differs("definition", told.definition, self.definition.hash)
        answers = _Answers(self, told)
        try:
            step = engine.advance(
                self.definition, self.state, told.command, told.facts, told.at,
                operate=answers.operate, deadline=answers.deadline,
            )  # fmt: skip
        except engine.EngineError as error:
            raise Differs("refused", again=str(error)) from error
        answers.check_all_asked()
        self.engines.add(told.written_by)
        self._compare(told, step)
        self.state, self.completed, self.steps = step.state, step.completed, self.steps + 1
        self.open = {task.id: task for task in step.open}

    def called(self, command: Command) -> str:
        """The command by name: the process, the kind, and what it is about."""
        kind = f"{self.definition.id}: {type(command).__name__.lower()}"
        match command:
            case Complete(task=task):
                known = self.open.get(task)
                return f"{kind} {known.process}.{known.element.id}" if known else f"{kind} task {task}"
            case Deliver(message=about) | Fire(timer_key=about):
                return f"{kind} {about}"
        return kind

    def _compare(self, told: Recorded, step: engine.Step) -> None:
        """Transitions always; bytes while every step so far was written by this engine."""
        pairs = zip_longest(told.transitions, step.transitions)
        for number, (recorded, again) in enumerate(pairs, start=1):
            if recorded != again:
                raise Differs("transitions", _moved(number, recorded), _moved(number, again))
        if self.engines == {ENGINE}:
            state = hashlib.sha256(step.state).hexdigest()
            if state != told.state:
                raise Differs("state", told.state, state)
            self.exact += 1


@dataclass(slots=True)
class _Answers:
    """What the record answers when the engine asks, in order."""

    rebuilt: Rebuilt
    told: Recorded
    left: deque[Answer] = field(init=False)

    def __post_init__(self) -> None:
        self.left = deque(self.told.answers)

    def operate(self, call: engine.OperationCall) -> Mapping[str, Any]:
        """The variables that the operation set."""
        variables: Mapping[str, Any] = self._next(OPERATION_RUN, call.process, call.element.id).value
        return variables

    def deadline(self, rule: str, element: engine.Element, facts: Mapping[str, Any]) -> datetime | None:
        """The instant that the rule gave; reckoned again from the recorded facts where there are rules."""
        answer = self._next(DEADLINE_SET, element.process, element.id)
        given: datetime | None = answer.value
        if self.rebuilt.deadlines is not None:
            known = arrival(self.told.at, element, {**facts, **answer.known})
            due = self.rebuilt.deadlines.due(rule, known, self.told.at)
            if (due.at if due else None) != given:
                self._dated_otherwise(answer, given, due.at if due else None)
        return given

    def check_all_asked(self) -> None:
        """Raises Differs when the record holds results that the engine did not ask for."""
        if self.left:
            raise Differs("answers", recorded=_place(self.left[0].kind, self.left[0].process, self.left[0].element))

    def _next(self, kind: str, process: str, element: str) -> Answer:
        found = self.left.popleft() if self.left else None
        recorded = _place(found.kind, found.process, found.element) if found else ""
        asked = _place(kind, process, element)
        if found is None or recorded != asked:
            raise Differs("answers", recorded, asked)
        return found

    def _dated_otherwise(self, answer: Answer, given: datetime | None, due: datetime | None) -> None:
        """A provisional date may move when the calendar is out, and one of another version by its rules; no other may."""
        recorded, again = (at.isoformat() if at else "" for at in (given, due))
        if not answer.provisional and self.told.written_by == ENGINE:
            raise Differs("date", f"{answer.process}.{answer.element} {recorded}", again)
        name = self.rebuilt.called(self.told.command)
        self.rebuilt.redated.append((self.told.seq, name, recorded, again))


def _place(kind: str, process: str, element: str) -> str:
    return f"{kind} {process}.{element}"


def _moved(number: int, transition: tuple[Any, ...] | None) -> str:
    """The transition by number: which task of which element went from what to what."""
    if transition is None:
        return ""
    task, process, element, before, after = transition
    return f"#{number} {process}.{element} ({task}) {before} → {after}"
