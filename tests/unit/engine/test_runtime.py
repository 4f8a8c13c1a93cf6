"""The library's globals stand behind the run in progress: none outside a step, none shared by threads."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from engine_drawings import draw, end, gateway, service, start, throw, timer, user
from SpiffWorkflow.bpmn.specs.event_definitions import timer as library_timer
from SpiffWorkflow.task import Task

from app.engine import Complete, EngineError, Start, advance, parse, runtime
from app.engine.state import new

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
XML = draw(
    "p", start(), service("o1", sets="x"), service("o2", sets="x"), throw("m", "told"), timer("w", "due_D1"),
    user("t"), end(), flows=["s o1", "o1 o2", "o2 m", "m w", "w t", "t e"], messages="told",
)  # fmt: skip


def test_nothing_moves_outside_a_step():
    definition = parse({"p": XML}, "p")
    with pytest.raises(RuntimeError, match="outside a step"):
        new(definition)
    with pytest.raises(RuntimeError, match="outside a step"):
        library_timer.datetime.now()


def test_scripts_are_always_refused():
    engine = runtime.SafeEngine()
    task = Task.__new__(Task)
    task.task_spec, task.data = None, {"x": 1}
    for call in (engine.execute, engine.evaluate):
        with pytest.raises(EngineError):
            call(task, "__import__('os').system('id')")
    with pytest.raises(EngineError):
        engine.environment.evaluate("1", {})
    with pytest.raises(EngineError):
        engine.call_service(task, operation_name="x", operation_params={})


def interleaved(definition) -> list:
    """Two threads, each stopped in the middle of a step while the other goes on."""
    gate = threading.Barrier(2, timeout=5)
    results: list = [None, None]

    def work(number: int) -> None:
        def operate(call):
            gate.wait()
            return {"x": f"thread {number}"}

        now = NOW + timedelta(days=number)
        step = advance(definition, None, Start({"n": number}), {}, now, operate=operate,
                       deadline=lambda *_: now + timedelta(days=10))  # fmt: skip
        results[number] = step

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def alone(definition) -> list:
    steps = []
    for number in (0, 1):
        now = NOW + timedelta(days=number)
        answer = {"x": f"thread {number}"}
        steps.append(advance(definition, None, Start({"n": number}), {}, now, operate=lambda _, a=answer: a,
                             deadline=lambda *_, n=now: n + timedelta(days=10)))  # fmt: skip
    return steps


def test_interleaved_threads_do_not_see_each_other():
    definition = parse({"p": XML}, "p")
    for _ in range(20):
        assert interleaved(definition) == alone(definition)


class _OneForAll:
    """A broken twin of the context variable: one value for the whole process."""

    value = None

    def set(self, value):
        before, _OneForAll.value = _OneForAll.value, value
        return before

    def get(self):
        return _OneForAll.value

    def reset(self, before):
        _OneForAll.value = before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_process_wide_variable_would_be_noticed(monkeypatch):
    definition = parse({"p": XML}, "p")
    expected = alone(definition)
    monkeypatch.setattr(runtime, "_RUN", _OneForAll())
    assert any(interleaved(definition) != expected for _ in range(20))


def test_a_branch_does_not_undo_what_another_changed():
    """The library merges whole data, so that the last to arrive would win even where it changed nothing."""
    xml = draw(
        "p", start(), gateway("and", "a"), service("o1", "set.x", sets="x"), service("o2", "drop.y"), user("t"),
        gateway("and", "j"), user("u"), end(),
        flows=["s a", "a o1", "a o2", "a t", "o1 j", "o2 j", "t j", "j u", "u e"],
    )  # fmt: skip
    definition = parse({"p": xml}, "p")
    answers = {"set.x": {"x": "new"}, "drop.y": {"y": None}}

    def take(state, command):
        return advance(definition, state, command, {}, NOW, operate=lambda call: answers[call.operation],
                       deadline=lambda *_: None)  # fmt: skip

    one = take(None, Start({"x": "old", "y": 1, "z": 2}))
    two = take(one.state, Complete(one.open[0].id))
    assert two.variables == {"x": "new", "z": 2}
