"""Stored state: same commands same bytes, sealed to its instance, refused when it is another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from engine_drawings import call, draw, end, gateway, many, service, start, timer, user
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import Complete, EngineError, Start, advance, open_state, parse, seal_state
from app.engine.diagrams import _parse
from app.engine.runtime import Run, running
from app.engine.state import dump, load, read_state

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CHILD = draw("c", start("cs"), user("t"), end("ce"), flows=["cs t", "t ce"])
BUSY = draw(
    "p", start(), gateway("and", "a"), call("k", "c"), many("m", "units"), timer("w", "due_D1"),
    service("o", sets="x"), gateway("and", "j"), end(),
    flows=["s a", "a k", "a m", "a w", "a o", "k j", "m j", "w j", "o j", "j e"],
)  # fmt: skip
SOURCES = {"p": BUSY, "c": CHILD}
KNOWN = {"units": ["u1", "u2"], "report_id": 7, "flag": True, "kind": "中文", "none": []}


def take(definition, state, command):
    return advance(
        definition, state, command, {}, NOW, operate=lambda _: {"x": "y"}, deadline=lambda *_: NOW + timedelta(days=3)
    )


def run_through() -> list:
    _parse.cache_clear()
    definition = parse(SOURCES, "p")
    steps = [take(definition, None, Start(KNOWN))]
    while steps[-1].open:
        steps.append(take(definition, steps[-1].state, Complete(steps[-1].open[-1].id, {"units": ["u3"]})))
    return steps


def test_same_commands_give_the_same_bytes_and_transitions():
    one, other = run_through(), run_through()
    assert [step.state for step in one] == [step.state for step in other]
    assert [step.transitions for step in one] == [step.transitions for step in other]
    assert len(one) == 4


def test_loading_and_dumping_changes_no_byte():
    definition = parse(SOURCES, "p")
    for step in run_through():
        run = Run(definition, NOW, {}, None, lambda *_: None)
        with running(run):
            state = read_state(step.state, definition)
            run.last_id, run.last_move, run.counts = state["n"], state["m"], state["c"]
            assert dump(load(state, definition), run, state["e"]) == step.state


def test_state_holds_no_diagram_and_stays_small():
    definition = parse({"p": draw("p", start(), user("t"), end(), flows=["s t", "t e"])}, "p")
    assert len(take(definition, None, Start({"report_id": 7})).state) < 400


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda state: state | {"v": 0}, "state.version"),
        (lambda state: state | {"v": 2}, "state.version"),
        (lambda state: state | {"d": "0" * 64}, "state.definition"),
        (lambda _: [], "state.version"),
    ],
)
def test_other_states_are_refused(change, code):
    definition = parse(SOURCES, "p")
    state = orjson.loads(take(definition, None, Start(KNOWN)).state)
    with pytest.raises(EngineError) as refused:
        take(definition, orjson.dumps(change(state)), Complete(1))
    assert refused.value.code == code


def test_damaged_state_is_refused():
    with pytest.raises(EngineError) as refused:
        take(parse(SOURCES, "p"), b"\x80", Complete(1))
    assert refused.value.code == "state.damaged"


KEY = b"k" * 32


@given(st.binary(max_size=200), st.integers(), st.text(max_size=20), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_a_seal_opens_for_its_own_only(blob, instance, definition, version):
    sealed = seal_state(KEY, instance, definition, version, blob)
    assert open_state(KEY, instance, definition, version, sealed) == blob
    others = [
        (b"x" * 32, instance, definition, version, sealed),
        (KEY, instance + 1, definition, version, sealed),
        (KEY, instance, definition + "x", version, sealed),
        (KEY, instance, definition, version + 1, sealed),
        (KEY, instance, definition, version, sealed + b"x"),
        (KEY, instance, definition, version, sealed[:-1]),
        (KEY, instance, definition, version, bytes([sealed[0] ^ 1]) + sealed[1:]),
    ]
    for other in others:
        with pytest.raises(EngineError, match=r"state\.seal"):
            open_state(*other)


@pytest.mark.parametrize(
    "value", [1.5, {"a": 1}, [[1]], [1.5], b"x", 2**60, "x" * 2_001, ["a"] * 501, "\ud800", object()]
)
def test_values_that_are_not_flat_are_refused(value):
    definition = parse(SOURCES, "p")
    with pytest.raises(EngineError) as refused:
        take(definition, None, Start({**KNOWN, "bad": value}))
    assert refused.value.code == "variable.value"


@pytest.mark.parametrize("name", ["", "a b", "_hidden", "a.b", 7])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(EngineError) as refused:
        take(parse(SOURCES, "p"), None, Start({name: 1}))
    assert refused.value.code == "variable.name"
