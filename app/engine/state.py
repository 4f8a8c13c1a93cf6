"""The stored state of an instance: one short row per task, ids from a counter, no diagram inside.

orjson with sorted keys, so that the same commands always give the same bytes. A row is
`[id, parent, element, state, moved_at, data, internal, triggered]`, its empty tail cut off; `data`
is `[changed, removed]` against the parent's, or null where a task has none yet.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import orjson
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.util.subworkflow import BpmnBaseWorkflow, BpmnSubWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from app.engine.faults import EngineError
from app.engine.model import Definition
from app.engine.runtime import Run, SafeEngine
from app.text import Text

VERSION = 1
_SAME: list[Any] = [{}, []]
_ENGINE = SafeEngine()
_MAC = 32


def new(definition: Definition) -> BpmnWorkflow:
    """A fresh workflow, its start ready."""
    return BpmnWorkflow(definition.spec, definition.called, script_engine=_ENGINE)


def dump(workflow: BpmnWorkflow, run: Run, ended: list[str]) -> bytes:
    """The bytes to store. A completed instance keeps only its counters and how it ended."""
    done = workflow.completed
    state = {
        "v": VERSION,
        "d": run.definition.hash,
        "n": run.last_id,
        "m": run.last_move,
        "c": run.counts,
        "e": ended,
        "x": done,
        "w": [] if done else _rows(workflow),
        "s": [] if done else [[key, sub.spec.name, _rows(sub)] for key, sub in sorted(workflow.subprocesses.items())],
    }
    return orjson.dumps(state, option=orjson.OPT_SORT_KEYS)


def read_state(blob: bytes, definition: Definition) -> dict[str, Any]:
    """The plain content of stored state; refuses other versions and other definitions."""
    try:
        state = orjson.loads(blob)
    except orjson.JSONDecodeError:
        raise EngineError("state.damaged", Text("存储的状态已损坏", "The stored state is damaged")) from None
    if not isinstance(state, dict) or state.get("v") != VERSION:
        raise EngineError(
            "state.version",
            Text("存储的状态属于另一个引擎版本", "The stored state belongs to another version of the engine"),
        )
    if state["d"] != definition.hash:
        raise EngineError("state.definition", Text("状态不属于这个流程版本", "The state belongs to another definition"))
    return state


def load(state: Mapping[str, Any], definition: Definition) -> BpmnWorkflow:
    """The workflow of `state`, against the definition's parsed specs."""
    workflow = BpmnWorkflow(definition.spec, definition.called, script_engine=_ENGINE, deserializing=True)
    workflow.completed = state["x"]
    _fill(workflow, state["w"])
    for call, name, rows in state["s"]:
        sub = BpmnSubWorkflow(definition.called[name], call, workflow, deserializing=True)
        _fill(sub, rows)
        workflow.subprocesses[call] = sub
        task = workflow.get_task_from_id(call)
        sub.completed_event.connect(task.task_spec._on_subworkflow_completed, task)
    return workflow


# --- rows --------------------------------------------------------------------------------


def _rows(workflow: BpmnBaseWorkflow) -> list[list[Any]]:
    return [_row(task, workflow.tasks) for _, task in sorted(workflow.tasks.items())]


def _row(task: Task, tasks: Mapping[int, Task]) -> list[Any]:
    parent = tasks.get(task._parent)
    row: list[Any] = [task.id, task._parent or 0, task.task_spec.name, task._state, task.last_state_change]
    row.append(_difference(task.data, parent.data if parent else {}))
    row.append(_internal(task))
    row.append(int(task.triggered))
    while len(row) > 5 and row[-1] in (_SAME, {}, 0) and row[-1] is not None:
        row.pop()
    return row


def _difference(data: Mapping[str, Any], base: Mapping[str, Any]) -> list[Any] | None:
    if not data:
        return None if base else _SAME
    if data == base:
        return _SAME
    changed = {name: value for name, value in data.items() if name not in base or not _equal(base[name], value)}
    return [changed, sorted(base.keys() - data.keys())]


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _internal(task: Task) -> dict[str, Any]:
    """What the library still needs to know of a task that is not finished."""
    if task.has_state(TaskState.FINISHED_MASK):
        return {}
    return {key: value for key, value in task.internal_data.items() if value is not False and key != "seen_events"}


def _fill(workflow: BpmnBaseWorkflow, rows: list[list[Any]]) -> None:
    tasks, specs = workflow.tasks, workflow.spec.task_specs
    for row in rows:
        task = Task.__new__(Task)
        task.id, parent, name, task._state, task.last_state_change = row[:5]
        task.workflow, task.task_spec, task._children, task.thread_id = workflow, specs[name], [], 0
        task._parent = parent or None
        above = tasks.get(parent)
        if above is not None:
            above._children.append(task.id)
        task.data = _data(row[5] if len(row) > 5 else _SAME, above.data if above else {})
        task.internal_data = row[6] if len(row) > 6 else {}
        task.triggered = bool(row[7]) if len(row) > 7 else False
        tasks[task.id] = task
        if task._state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
            workflow.top_workflow.event_manager.add_task(task)
    if rows:
        workflow.task_tree = tasks[rows[0][0]]


def _data(difference: list[Any] | None, base: Mapping[str, Any]) -> dict[str, Any]:
    if difference is None:
        return {}
    changed, removed = difference
    data = dict(base)
    for name, value in changed.items():
        data[name] = tuple(value) if isinstance(value, list) else value
    for name in removed:
        del data[name]
    return data


# --- sealing -----------------------------------------------------------------------------


def seal_state(key: bytes, instance_id: int | str, definition_hash: str, version: int, blob: bytes) -> bytes:
    """`blob` behind a MAC that binds it to its instance, definition and version."""
    return _mac(key, instance_id, definition_hash, version, blob) + blob


def open_state(key: bytes, instance_id: int | str, definition_hash: str, version: int, sealed: bytes) -> bytes:
    """The blob that was sealed for just this instance, definition and version; EngineError otherwise."""
    mac, blob = sealed[:_MAC], sealed[_MAC:]
    if not hmac.compare_digest(mac, _mac(key, instance_id, definition_hash, version, blob)):
        raise EngineError(
            "state.seal",
            Text("存储的状态与本实例不符，可能被改动", "The stored state is not this instance's own: it was changed"),
        )
    return blob


def _mac(key: bytes, instance_id: int | str, definition_hash: str, version: int, blob: bytes) -> bytes:
    bound = orjson.dumps([str(instance_id), definition_hash, version])
    return hmac.digest(key, len(bound).to_bytes(4, "big") + bound + blob, hashlib.sha256)
