"""The engine at work on small diagrams: what each command does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from engine_drawings import (
    call,
    catch,
    draw,
    end,
    gateway,
    many,
    message_event,
    service,
    start,
    throw,
    timer,
    user,
    boundary,
    timer_event,
)

from app.engine import Cancel, Complete, Deliver, EngineError, Fire, Start, advance, dry_run, parse, stuck

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def step(definition, state, command, now=NOW, facts=None, operate=lambda call: {}, deadline=lambda *_: None):
    return advance(definition, state, command, facts or {}, now, operate=operate, deadline=deadline)


def test_a_task_opens_and_closes():
    d = parse({"p": draw("p", start(), user("t"), end(), flows=["s t", "t e"])}, "p")
    one = step(d, None, Start({"report_id": 7}))
    assert [task.element.id for task in one.open] == ["t"]
    two = step(d, one.state, Complete(one.open[0].id))
    assert two.completed and two.ended_at == ("e",) and two.closed[0].how == "done"
    assert two.variables == {"report_id": 7}
    print(one.state, two.state, one.transitions, two.transitions)


def test_event_gateway_timer_or_message():
    d = parse(
        {
            "p": draw(
                "p",
                start(),
                gateway("event", "g"),
                catch("c", "reply"),
                timer("w", "due_D1"),
                user("t"),
                end(),
                flows=["s g", "g c", "g w", "w t", "t g", "c e"],
                messages="reply",
            )
        },
        "p",
    )
    due = NOW + timedelta(days=3)
    seen = []

    def deadline(id, element, facts):
        seen.append((id, element.id, facts["round"]))
        return due

    one = step(d, None, Start(), deadline=deadline)
    assert [t.due_at for t in one.timers] == [due] and [a.message for a in one.awaits] == ["reply"]
    two = step(d, one.state, Fire(one.timers[0].key), deadline=deadline)
    assert [task.element.id for task in two.open] == ["t"]
    due = NOW + timedelta(days=9)
    three = step(d, two.state, Complete(two.open[0].id), deadline=deadline)
    four = step(d, three.state, Deliver("reply"), deadline=deadline)
    assert four.caught and four.completed
    assert seen == [("D1", "w", 1), ("D1", "w", 2)]
    print(three.state, three.counts)


def test_call_and_parallel_and_service():
    child = draw("c", start("cs"), user("t"), end("ce"), flows=["cs t", "t ce"])
    d = parse(
        {
            "c": child,
            "p": draw(
                "p",
                start(),
                gateway("and", "g"),
                call("k", "c"),
                service("o", "a.b", "x"),
                gateway("and", "j"),
                gateway("xor", "x"),
                throw("m", "done", "x"),
                end(),
                end("e2"),
                flows=["s g", "g k", "g o", "k j", "o j", "j x", 'x m: x == "yes"', "x e2 *", "m e"],
                messages="done",
            ),
        },
        "p",
    )
    one = step(d, None, Start(), operate=lambda call: {"x": "yes"})
    print(one.state)
    two = step(d, one.state, Complete(one.open[0].id, {}))
    assert two.completed and two.ended_at == ("e",)
    assert two.thrown[0].message == "done" and two.thrown[0].variables == {"x": "yes"}


def test_multi_instance():
    for sequential in (False, True):
        d = parse({"p": draw("p", start(), many("t", "units", sequential), end(), flows=["s t", "t e"])}, "p")
        one = step(d, None, Start({"units": ["a", "b", "c"]}))
        items = []
        while not one.completed:
            items.append(one.open[0].item)
            one = step(d, one.state, Complete(one.open[0].id))
        assert items == ["a", "b", "c"]
