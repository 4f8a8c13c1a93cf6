"""One step of a case: what a completion and a start cost, against the floor, and after a long history.

Floor: the engine's step in memory, on the compacted state as it is stored, and one row committed
through the raw driver. Each completion is paired with the floor of the same command in the same
round, in an order left to chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from app import clock, engine
from app.services import _seal
from tests.bench.ground import LOOP, PROCESS, Answers, Ground, Loop
from tests.bench.measure import Pair, Report, Span, span_of, statements

ROUNDS = 60
STARTS = 60
LONG = 1_000
"""Completed tasks behind the long case."""


def measure(ground: Ground, report: Report) -> None:
    """Figures of single steps."""
    answers = Answers(ground.world)
    floor = Floor(ground, answers)
    fresh = Loop(ground, answers)
    _warm(fresh)
    rng = random.Random(3)
    pairs = [_pair(floor, fresh, rng) for _ in range(ROUNDS * len(LOOP))]
    report.spans("step_floor", [below for _, below in pairs])
    report.spans("complete", [above for above, _ in pairs], "step_floor_ms")
    report.ratio("complete_vs_floor", pairs, f"step_floor_ms; bar {4 if ground.name == 'sqlite' else 6}")
    report.figure("complete_statements", _statements(fresh), "statements", "bar 15")
    report.spans("start", _starts(ground))
    report.ratio("long_case_vs_fresh", _long(ground, answers), f"the same step in a fresh case, {LONG} tasks; bar 1.1")


def _warm(loop: Loop) -> None:
    for _ in LOOP:
        loop.complete()


class Floor:
    """The least a step can cost: the engine alone, and one row."""

    def __init__(self, ground: Ground, answers: Answers) -> None:
        self.raw, self.answers = ground.raw, answers
        self.definition = ground.world.library.definition(PROCESS)
        self.forms = {element: ground.world.library.form(self._form(element)) for element in LOOP}
        kind = "BLOB" if ground.name == "sqlite" else "BYTEA"
        self.raw.execute(f"CREATE TABLE floor (id INTEGER PRIMARY KEY, state {kind} NOT NULL)")
        self.raw.execute("INSERT INTO floor VALUES (1, '')")
        self.raw.commit()
        self.update = f"UPDATE floor SET state = {ground.mark} WHERE id = 1"

    def _form(self, element: str) -> str:
        return self.definition.element(PROCESS, element).form or ""

    def of(self, loop: Loop) -> Callable[[], None]:
        """The floor of the step that `loop` would take now."""
        row, task = loop.stored(), loop.task
        state = engine.open_state(_seal.state_key(), row["id"], self.definition.hash, row["version"], row["state"])
        form, raw = self.forms[task["element"]], self.answers.raw[task["element"]]
        decided = form.variables(form.validate(raw, "zh", clock.now(), {}).answers)
        known = {name: value for name, value in decided.items() if name in self.definition.variables}
        command, now = engine.Complete(task["engine_id"], known), clock.now()

        def act() -> None:
            step = engine.advance(
                self.definition, state, command, row["context"], now, operate=_nothing, deadline=_no_deadline
            )
            self.raw.execute(self.update, (step.state,))
            self.raw.commit()

        return act


def _nothing(_call: engine.OperationCall) -> Mapping[str, Any]:
    return {}


def _no_deadline(*_: object) -> None:
    return None


def _pair(floor: Floor, loop: Loop, rng: random.Random) -> Pair:
    below = floor.of(loop)
    acts = [loop.step, below]
    rng.shuffle(acts)
    spans = {act: span_of(act) for act in acts}
    loop.look()
    return spans[loop.step], spans[below]


def _statements(loop: Loop) -> int:
    """The most statements that one of the round's completions sends."""
    most = 0
    for _ in LOOP:
        with statements() as sent:
            loop.step()
        most = max(most, len(sent))
        loop.look()
    return most


def _starts(ground: Ground) -> list[Span]:
    """A process started in a case of its own: instance, first task, deadline, record."""
    return [span_of(partial(ground.start, ground.case())) for _ in range(STARTS)]


def _long(ground: Ground, answers: Answers) -> list[Pair]:
    """The same step in a case with a long history and in a fresh one, one after the other."""
    long = Loop(ground, answers)
    for _ in range(LONG):
        long.complete()
    while long.task["element"] != "t2":
        long.complete()
    rng = random.Random(5)
    return [pair for _ in range(ROUNDS) for pair in _round(long, Loop(ground, answers), rng)]


def _round(long: Loop, fresh: Loop, rng: random.Random) -> Iterator[Pair]:
    for _ in LOOP:
        both = [long, fresh]
        rng.shuffle(both)
        spans = {loop: span_of(loop.step) for loop in both}
        for loop in both:
            loop.look()
        yield spans[long], spans[fresh]
