"""Cutting history changes nothing: random walks, cut and reloaded at every step, against a tree kept whole in memory."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from engine_drawings import (
    boundary,
    call,
    catch,
    draw,
    end,
    gateway,
    many,
    message_event,
    node,
    service,
    start,
    sub,
    throw,
    timer,
    timer_event,
    user,
)
from SpiffWorkflow.util.task import TaskState

from app.engine import Complete, Deliver, EngineError, Fire, Start, Step, advance, compaction, execution, parse
from app.engine.diagrams import _parse
from app.engine.runtime import Run, running

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CHILD = draw(
    "child",
    start("cs"),
    user("t1"),
    gateway("xor", "cg"),
    user("t2"),
    end("ce"),
    flows=["cs t1", "t1 cg", 'cg t2: a == "x"', "cg ce *", "t2 t1"],
)
ENDS = draw(
    "ends",
    start("es"),
    gateway("and", "eg"),
    user("t1"),
    user("t2"),
    end("e1"),
    end("e2"),
    flows=["es eg", "eg t1", "eg t2", "t1 e1", "t2 e2"],
)
WAITS = draw(
    "waits",
    start("ws"),
    gateway("event", "wv"),
    catch("wc", "yes"),
    timer("ww", "due_D1"),
    user("t1"),
    end("we"),
    flows=["ws wv", "wv wc", "wv ww", "wc t1", "ww t1", "t1 we"],
    messages="yes",
)
NEST = draw("nest", start("ns"), call("t1", "child"), user("t9"), end("ne"), flows=["ns t1", "t1 t9", "t9 ne"])

LOOP = ["s t1", "t1 g", 'g t2: a == "x"', "g e *", "t2 t1"]
DIAGRAMS = {
    "sequence and loop": draw("p", start(), user("t1"), gateway("xor", "g"), user("t2"), end(), flows=LOOP),
    "parallel": draw(
        "p",
        start(),
        gateway("and", "a"),
        user("t1"),
        user("t2"),
        user("t3"),
        gateway("and", "j"),
        user("t4"),
        end(),
        flows=["s a", "a t1", "a t2", "a t3", "t1 j", "t2 j", "t3 j", "j t4", "t4 e"],
    ),
    "a loop inside a branch": draw(
        "p",
        start(),
        gateway("and", "a"),
        user("t1"),
        gateway("xor", "g"),
        user("t2"),
        gateway("and", "j"),
        end(),
        flows=["s a", "a t1", "t1 g", 'g t1: a == "x"', "g j *", "a t2", "t2 j", "j e"],
    ),
    "inclusive": draw(
        "p",
        start(),
        user("t0"),
        gateway("or", "o"),
        user("t1"),
        user("t2"),
        user("t3"),
        gateway("or", "j"),
        user("t4"),
        end(),
        flows=[
            "s t0",
            "t0 o",
            'o t1: a == "x" or b == "x"',
            'o t2: b == "x"',
            "o t3 *",
            "t1 j",
            "t2 j",
            "t3 j",
            "j t4",
            "t4 e",
        ],
    ),
    "event gateway in a loop": draw(
        "p",
        start(),
        gateway("event", "v"),
        catch("c1", "yes"),
        catch("c2", "no"),
        timer("w", "due_D1"),
        user("t1"),
        end(),
        flows=["s v", "v c1", "v c2", "v w", "w t1", "t1 v", "c2 t1", "c1 e"],
        messages="yes no",
    ),
    "interrupting message boundary": draw(
        "p",
        start(),
        user("t1"),
        user("t2"),
        boundary("b", "t2", message_event("stop")),
        user("t3"),
        end(),
        flows=["s t1", "t1 t2", "t2 e", "b t3", "t3 t1"],
        messages="stop",
    ),
    "boundary timers": draw(
        "p",
        start(),
        user("t1"),
        boundary("b1", "t1", timer_event("due_D1"), interrupting=False),
        boundary("b2", "t1", timer_event("due_D2")),
        user("t2"),
        user("t3"),
        end(),
        end("e2"),
        end("e3"),
        flows=["s t1", "t1 e", "b1 t2", "t2 e2", "b2 t3", "t3 e3"],
    ),
    "boundary on a call": draw(
        "p",
        start(),
        call("k", "child"),
        boundary("b", "k", message_event("stop")),
        user("t1"),
        end(),
        flows=["s k", "k e", "b t1", "t1 k"],
        messages="stop",
    ),
    "boundary on a call that waits": draw(
        "p",
        start(),
        gateway("and", "a"),
        call("k", "waits"),
        boundary("b", "k", message_event("stop")),
        boundary("d", "k", timer_event("due_D2")),
        call("k2", "waits"),
        user("t2"),
        gateway("xor", "m"),
        gateway("and", "j"),
        end(),
        flows=["s a", "a k", "a k2", "k m", "b t2", "d t2", "t2 m", "m j", "k2 j", "j e"],
        messages="stop",
    ),
    "calls in branches": draw(
        "p",
        start(),
        gateway("and", "a"),
        call("k1", "child"),
        call("k2", "nest"),
        user("t1"),
        gateway("and", "j"),
        user("t2"),
        end(),
        flows=["s a", "a k1", "a k2", "a t1", "k1 j", "k2 j", "t1 j", "j t2", "t2 e"],
    ),
    "inclusive join over calls": draw(
        "p",
        start(),
        user("t0"),
        gateway("or", "o"),
        call("k1", "child"),
        call("k2", "nest"),
        gateway("or", "j"),
        user("t4"),
        end(),
        flows=["s t0", "t0 o", 'o k1: a == "x"', "o k2 *", "k1 j", "k2 j", "j t4", "t4 e"],
    ),
    "a call in a loop": draw(
        "p",
        start(),
        call("k", "ends"),
        gateway("xor", "g"),
        user("t1"),
        end(),
        flows=["s k", "k g", 'g t1: a == "x"', "g e *", "t1 k"],
    ),
    "calls within calls": draw(
        "p",
        start(),
        call("k", "nest"),
        gateway("xor", "g"),
        end(),
        flows=["s k", "k g", 'g k: b == "x"', "g e *"],
    ),
    "many at once": draw(
        "p",
        start(),
        many("t1", "units"),
        gateway("xor", "g"),
        end(),
        flows=["s t1", "t1 g", 'g t1: a == "x"', "g e *"],
    ),
    "many in turn": draw(
        "p",
        start(),
        user("t0"),
        many("t1", "units", sequential=True),
        end(),
        flows=["s t0", "t0 t1", "t1 e"],
    ),
    "many, interrupted": draw(
        "p",
        start(),
        many("t1", "units"),
        boundary("b", "t1", message_event("stop")),
        user("t2"),
        gateway("xor", "g"),
        end(),
        flows=["s t1", "t1 g", "b t2", "t2 g", 'g t1: a == "x"', "g e *"],
        messages="stop",
    ),
    "several ends": draw(
        "p",
        start(),
        gateway("and", "a"),
        user("t1"),
        user("t2"),
        user("t3"),
        gateway("xor", "g"),
        end("e1"),
        end("e2"),
        end("e3"),
        flows=["s a", "a t1", "a t2", "a t3", "t1 e1", "t2 e2", "t3 g", 'g t3: a == "x"', "g e3 *"],
    ),
    "a join inside its own sub-process in a loop": draw(
        "p",
        start(),
        sub(
            "x",
            start("xs"),
            gateway("and", "xa"),
            user("t1"),
            user("t2"),
            gateway("and", "xj"),
            end("xe"),
            flows=["xs xa", "xa t1", "xa t2", "t1 xj", "t2 xj", "xj xe"],
        ),
        gateway("xor", "g"),
        user("t3"),
        end(),
        flows=["s x", "x g", 'g t3: a == "x"', "g e *", "t3 x"],
    ),
    "terminate": draw(
        "p",
        start(),
        gateway("and", "a"),
        user("t1"),
        call("k", "child"),
        node("endEvent", "e1", "<bpmn:terminateEventDefinition/>"),
        end("e2"),
        flows=["s a", "a t1", "a k", "t1 e1", "k e2"],
    ),
    "operations and throws": draw(
        "p",
        start(),
        gateway("and", "a"),
        service("o1", sets="c"),
        user("t1"),
        throw("m", "told", "a,c"),
        gateway("and", "j"),
        gateway("xor", "g"),
        user("t2"),
        end(),
        flows=["s a", "a o1", "o1 m", "m j", "a t1", "t1 j", "j t2", "t2 g", 'g t2: c == "y"', "g e *"],
        messages="told",
    ),
}
SOURCES = {"child": CHILD, "ends": ENDS, "nest": NEST, "waits": WAITS}


def operate(_call):
    return {"c": "z"}


def deadline(identity, _element, facts):
    return NOW + timedelta(days=int(identity[1:]) * 3 * facts["round"])


class Whole:
    """The same instance, never cut and never stored: the tree stays as the library made it."""

    def __init__(self, definition):
        self.definition, self.instance, self.run = definition, None, None

    def take(self, command, now) -> Step:
        run = Run(self.definition, now, {}, operate, deadline)
        with running(run):
            if self.instance is None:
                self.instance = execution._begin(self.definition, command, run)
            else:
                run.last_id, run.last_move, run.counts = self.run.last_id, self.run.last_move, self.run.counts
                workflow, ended = self.instance.workflow, self.instance.ended
                before = {task.id: task.task_spec.element for task in execution._manual(workflow)}
                self.instance = execution._Instance(workflow, run, ended, before)
            self.run = run
            execution._carry_out(self.instance, command)
            return execution._step(self.instance)


def facts_of(step: Step):
    return (
        [(each.id, each.element.id, each.item) for each in step.open],
        [(each.id, each.element.id, each.how) for each in step.closed],
        step.timers,
        step.awaits,
        [(each.element.id, dict(each.variables)) for each in step.thrown],
        step.transitions,
        step.counts,
        step.completed,
        step.ended_at,
        step.variables,
        step.caught,
    )


def choose(step: Step, dice: random.Random, now: datetime):
    moves = [Complete(task.id, {"a": dice.choice("xyy"), "b": dice.choice("xy")}) for task in step.open]
    moves += [Deliver(each.message, {"a": dice.choice("xy")}) for each in step.awaits]
    moves += [Fire(each.key) for each in step.timers]
    moves += [Deliver("nobody")] if dice.random() < 0.1 else []
    return dice.choice(moves), now + timedelta(hours=dice.choice((1, 30)))


def walk(xml: bytes, seed: int, monkeypatch) -> int:
    dice, now = random.Random(seed), NOW
    sources = {**SOURCES, "p": xml}
    definition = parse(sources, "p")
    whole = Whole(definition)
    command = Start({"a": "x", "b": "y", "units": ["u1", "u2", "u3"]})
    state, steps = None, 0
    while steps < 40:
        with monkeypatch.context() as patch:
            patch.setattr(execution, "compact", lambda _workflow: None)
            expected = whole.take(command, now)
        if dice.random() < 0.3:
            _parse.cache_clear()
            definition = parse(sources, "p")
        cut = advance(definition, state, command, {}, now, operate=operate, deadline=deadline)
        assert facts_of(cut) == facts_of(expected), (seed, steps, command)
        state, steps = cut.state, steps + 1
        if cut.completed:
            break
        command, now = choose(cut, dice, now)
    return steps


def walks(xml: bytes, monkeypatch) -> int:
    return sum(walk(xml, seed, monkeypatch) for seed in range(25))


@pytest.mark.parametrize("name", DIAGRAMS)
def test_cut_and_whole_agree(name, monkeypatch):
    assert walks(DIAGRAMS[name], monkeypatch) > 25


def test_the_guards_are_implied_by_the_rule(monkeypatch):
    """They never hold back a cut on these diagrams: what they forbid, the rule already excludes."""
    said, guard = [], compaction._must_keep_above
    monkeypatch.setattr(compaction, "_must_keep_above", lambda task: said.append(guard(task)) or said[-1])
    for xml in DIAGRAMS.values():
        walk(xml, 1, monkeypatch)
    assert said
    assert not any(said)


@pytest.mark.parametrize("name", ["parallel", "several ends", "inclusive", "boundary timers"])
def test_cutting_above_one_of_several_tokens_would_be_noticed(name, monkeypatch):
    """The broken twin: D chosen as the newest live task, as if there were only one token."""

    def newest(tree):
        live = [task for task in tree.tasks.values() if task._state == TaskState.READY]
        return max(live, key=lambda task: task.id, default=None)

    monkeypatch.setattr(compaction, "_deepest", newest)
    monkeypatch.setattr(compaction, "_unfinished", lambda _tree: [])
    with pytest.raises((AssertionError, KeyError, AttributeError, EngineError)):
        walks(DIAGRAMS[name], monkeypatch)


def test_long_histories_do_not_grow():
    definition = parse({"p": DIAGRAMS["sequence and loop"]}, "p")
    step = advance(definition, None, Start({"a": "x"}), {}, NOW, operate=operate, deadline=deadline)
    sizes = set()
    for _ in range(300):
        command = Complete(step.open[0].id, {"a": "x"})
        step = advance(definition, step.state, command, {}, NOW, operate=operate, deadline=deadline)
        sizes.add(step.state.count(b"[") // 10)
    assert len(sizes) == 1
