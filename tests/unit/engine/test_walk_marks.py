"""Marks follow the tokens: what is folded from transitions agrees with the engine's own tree, on every kind of diagram."""

from __future__ import annotations

import random

import pytest
from engine_drawings import draw, end, gateway, service, start, user
from SpiffWorkflow.util.task import TaskState
from test_walks import DIAGRAMS, NOW, SOURCES, choose, deadline, operate

from app.engine import Start, advance, execution, parse
from app.engine.runtime import STATES
from app.services.history._walk import LIVE, Walks

WAYS = {
    "a way round": draw(
        "p",
        start(),
        user("t1"),
        gateway("xor", "g"),
        service("o"),
        gateway("xor", "m"),
        user("t2"),
        end(),
        flows=["s t1", "t1 g", 'g o: a == "x"', "g m *", "o m", "m t2", "t2 e"],
    ),
    "ways that cross": draw(
        "p",
        start(),
        user("t1"),
        gateway("and", "a"),
        gateway("xor", "g1"),
        gateway("xor", "g2"),
        user("t2"),
        user("t3"),
        end(),
        flows=[
            "s t1",
            "t1 a",
            "a g1",
            "a g2",
            'g1 t2: a == "x"',
            "g1 t3 *",
            'g2 t2: b == "x"',
            "g2 t3 *",
            "t2 e",
            "t3 e",
        ],
    ),
}
"""Where more than one element that was passed in the step leads to the one that is reached."""


class Tree:
    """What the library's own tree says of one step: the flows that tokens came by, and where they stand after it."""

    def __init__(self, monkeypatch):
        self.flows: set[tuple[str, str]] = set()
        self.standing: dict[tuple[str, str], int] = {}
        read, step = execution._transitions, execution._step
        monkeypatch.setattr(execution, "_transitions", lambda run: self.follow(run) or read(run))
        monkeypatch.setattr(execution, "_step", lambda instance: self.look(instance) or step(instance))

    def follow(self, run) -> None:
        for task, before, after in run.log:
            element = getattr(task.task_spec, "element", None)
            if (
                element
                and not element.attached
                and before < TaskState.WAITING <= after
                and after != TaskState.CANCELLED
            ):
                self.flows |= self.came_by(task, element)

    def came_by(self, task, element) -> set[tuple[str, str]]:
        above = task.parent
        while above is not None and getattr(above.task_spec, "element", None) in (None, element):
            if above.task_spec.element is element and above.state == TaskState.COMPLETED:
                break  # round again, not one of many
            above = above.parent
        source = getattr(above.task_spec, "element", None) if above else None
        return {(element.process, flow.id) for flow in source.flows if flow.target == element.id} if source else set()

    def look(self, instance) -> None:
        self.standing = {}
        if instance.workflow.completed:
            return
        alive = TaskState.WAITING | TaskState.READY | TaskState.STARTED
        for tree in execution._trees(instance.workflow):
            for task in tree.tasks.values():
                element = getattr(task.task_spec, "element", None)
                if element and not element.attached and task.has_state(alive):
                    key = (element.process, element.id)
                    self.standing[key] = self.standing.get(key, 0) + 1


def walk(xml: bytes, seed: int, tree: Tree) -> None:
    dice, now, definition = random.Random(seed), NOW, parse({**SOURCES, "p": xml}, "p")
    marks, command, state = Walks(definition), Start({"a": "x", "b": "y", "units": ["u1", "u2", "u3"]}), None
    tree.flows = set()
    for _ in range(40):
        step = advance(definition, state, command, {}, now, operate=operate, deadline=deadline)
        marks.step(step.transitions, now)
        travelled = {(process, flow) for process, each in marks.of.items() for flow in each.flows}
        assert travelled == tree.flows, (seed, command)
        standing = {(process, element) for process, each in marks.of.items() for element in each.now}
        assert standing == set(tree.standing), (seed, command)
        if step.completed:
            return
        state = step.state
        command, now = choose(step, dice, now)


@pytest.mark.parametrize("name", [*DIAGRAMS, *WAYS])
def test_flows_and_tokens_are_the_engines_own(name, monkeypatch):
    tree = Tree(monkeypatch)
    for seed in range(25):
        walk({**DIAGRAMS, **WAYS}[name], seed, tree)


def test_every_live_state_of_the_engine_is_known():
    live = TaskState.WAITING | TaskState.READY | TaskState.STARTED
    assert {name for value, name in STATES.items() if value & live} == LIVE
