"""The library's clock, ids, log and data copying, held behind one context variable.

SpiffWorkflow reads the machine's clock, draws random ids and logs through globals. Here each of
these asks the run in progress instead, and raises when there is none: nothing moves outside
`advance`, and threads cannot see each other's run. Source: ADR 0001, 0003; library 3.2.0.
"""

# mypy: disallow-subclassing-any=False
# ruff: noqa: ARG002 - the signatures are the library's
from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from importlib.metadata import version
from typing import Any

import SpiffWorkflow.task as library_task
from SpiffWorkflow.bpmn.script_engine import BasePythonScriptEngineEnvironment, PythonScriptEngine
from SpiffWorkflow.bpmn.specs.control import _EndJoin
from SpiffWorkflow.bpmn.specs.event_definitions import timer as library_timer
from SpiffWorkflow.bpmn.specs.mixins import subworkflow_task
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.bpmn.util.task import BpmnTaskIterator
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.deep_merge import DeepMerge
from SpiffWorkflow.util.task import TaskIterator, TaskState
from SpiffWorkflow.workflow import Workflow

from app.engine.faults import EngineError
from app.engine.model import Definition, Element
from app.engine.step import Deadline, Operate, OperationCall, Thrown, Value
from app.rules.expressions import ExpressionError, compile_expression
from app.text import Text

MAX_COMPLETIONS = 500
"""Tasks that one step may complete: far above any drawn path, far below a loop without a wait."""

STATES = {value: TaskState.get_name(value) for value in TaskState._values}


@dataclass(slots=True)
class Run:
    """One step in progress: what the library may ask for, and what it leaves behind."""

    definition: Definition
    now: datetime
    facts: Mapping[str, Any]
    operate: Operate | None
    deadline: Deadline
    last_id: int = 0
    last_move: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    firing: int | None = None
    log: list[tuple[Task, int, int]] = field(default_factory=list)
    thrown: list[Thrown] = field(default_factory=list)
    undecided: list[OperationCall] = field(default_factory=list)
    completions: int = 0

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def next_move(self) -> int:
        self.last_move += 1
        return self.last_move

    def enter(self, element: Element) -> int:
        """Count one more entry of `element`; returns its round, from 1."""
        key = f"{element.process}.{element.id}"
        self.counts[key] = round_ = self.counts.get(key, 0) + 1
        return round_


_RUN: ContextVar[Run] = ContextVar("run")


def current() -> Run:
    """The run in progress; RuntimeError when there is none."""
    try:
        return _RUN.get()
    except LookupError:
        raise RuntimeError("the engine was used outside a step") from None


@contextmanager
def running(run: Run) -> Iterator[Run]:
    """Let the library ask `run` until the block ends."""
    token = _RUN.set(run)
    try:
        yield run
    finally:
        _RUN.reset(token)


def fault_at(task: Task, code: str, text: Text) -> EngineError:
    """An EngineError that names the process and element of `task`."""
    element = getattr(task.task_spec, "element", None)
    where = {"process": element.process, "element": element.id} if element else {}
    return EngineError(code, text, **where)


# --- what the library calls instead of its own -------------------------------------------


class _Clock(datetime):
    """The library's datetime, whose now is the run's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return current().now.astimezone(tz or UTC)


class _Moves:
    """The library's time module: a counter of state changes, so that ties cannot occur."""

    @staticmethod
    def time() -> int:
        return current().next_move()


def _set_state(self: Task, value: int) -> None:
    before = self._state
    if value == before:
        return
    run = current()
    self._state = value
    self.last_state_change = run.next_move()
    run.log.append((self, before, value))
    if value == TaskState.COMPLETED:
        run.completions += 1
        if run.completions > MAX_COMPLETIONS:
            raise fault_at(
                self,
                "endless",
                Text("流程在没有等待的情况下反复运行", "The process keeps running without ever waiting"),
            )
    if before < TaskState.WAITING and value in (TaskState.WAITING, TaskState.READY, TaskState.STARTED):
        _count_entry(run, self.task_spec)


def _count_entry(run: Run, spec: Any) -> None:
    element: Element | None = getattr(spec, "element", None)
    if element is not None and element.timer is None and spec.name == element.id:
        run.enter(element)


def _removed(_workflow: Workflow, task: Task) -> None:
    """A task taken out of the tree while it was live has ended too (children of a cancelled loop)."""
    if task.has_state(TaskState.WAITING | TaskState.READY | TaskState.STARTED):
        current().log.append((task, task.state, TaskState.CANCELLED))


def merge(into: dict[str, Value], other: Mapping[str, Value]) -> dict[str, Value]:
    """Flat variables are immutable, so copying them is sharing them: the later value wins."""
    into.update(other)
    return into


def _inherit_data(self: Task) -> None:
    self.data.update(self.parent.data)


def _is_descendant_of(self: Task, task: Task) -> bool:
    """Without the library's recursion, which a long history would exhaust."""
    ancestor = self.parent
    while ancestor is not None and ancestor is not task:
        ancestor = ancestor.parent
    return ancestor is not None


def _join(self: UnstructuredJoin, my_task: Task) -> bool:
    """Merge the branches that arrived, in order of arrival, each by what it changed since the split.

    The library merges whole data, so that the last branch undoes what others changed.
    """
    arrived = [
        task
        for task in my_task.workflow.tasks.values()
        if task.task_spec is self and task.has_state(TaskState.FINISHED_MASK) and not my_task.is_descendant_of(task)
    ]
    arrived.sort(key=lambda task: task.last_state_change)
    branches = [task.parent.data for task in arrived] + [my_task.parent.data]
    if isinstance(self, _EndJoin):
        for branch in branches:
            my_task.data.update(branch)
        return True
    base = _fork([*arrived, my_task]).data if arrived else {}
    data = dict(base)
    for branch in branches:
        data.update({name: value for name, value in branch.items() if name not in base or base[name] != value})
        for name in base.keys() - branch.keys():
            data.pop(name, None)
    my_task.data = data
    return True


def _fork(tasks: list[Task]) -> Task:
    """The nearest common ancestor: ids grow downwards, so the highest id is never an ancestor of another."""
    front = {task.id: task for task in tasks}
    while len(front) > 1:
        parent = front.pop(max(front)).parent
        front[parent.id] = parent
    return next(iter(front.values()))


def share(data: dict[str, Value]) -> dict[str, Value]:
    """A copy of task data (its values never change in place)."""
    return dict(data)


class _NoEnvironment(BasePythonScriptEngineEnvironment):
    """Nothing may be evaluated around the closed language."""

    def evaluate(self, expression: str, context: Any, external_context: Any = None) -> Any:
        raise EngineError("script", Text("图中不能有程序", "A diagram holds no code"))

    execute = evaluate


class SafeEngine(PythonScriptEngine):
    """Every expression of a diagram is one of the closed language; scripts are always refused."""

    def __init__(self) -> None:
        super().__init__(_NoEnvironment())

    def evaluate(self, task: Task, expression: str, external_context: Any = None) -> Any:
        try:
            return compile_expression(expression)(task.data)
        except ExpressionError as fault:
            text = Text(f"条件“{expression}”算不出来：{fault.text.zh}", f"“{expression}” fails: {fault.text.en}")
            raise fault_at(task, "condition", text) from fault

    def execute(self, task: Task, script: str, external_context: Any = None) -> Any:
        raise fault_at(task, "script", Text("图中不能有脚本", "A diagram holds no scripts"))

    def call_service(self, task: Task, **_: Any) -> Any:
        raise fault_at(task, "script", Text("图中不能调用外部服务", "A diagram calls no outside service"))


def _refuse_other_version() -> None:
    if version("SpiffWorkflow") != "3.2.0":
        raise RuntimeError("app.engine.runtime was written for SpiffWorkflow 3.2.0 and must be checked again")


def _patch() -> None:
    _refuse_other_version()
    library_task.uuid4 = lambda: current().next_id()
    library_task.time = _Moves
    library_timer.datetime = _Clock
    subworkflow_task.deepcopy = share
    DeepMerge.merge = staticmethod(lambda into, other, _path=None: merge(into, other))
    Task._set_state = _set_state
    Task._inherit_data = _inherit_data
    Task.is_descendant_of = _is_descendant_of
    Workflow._task_removed_notify = _removed
    UnstructuredJoin._run_hook = _join
    TaskIterator.__init__.__defaults__ = (None, 10**9, True, None)
    BpmnTaskIterator.__init__.__defaults__ = (None, 10**9, True, False, None)
    for name in ("spiff.task", "spiff.workflow"):
        logging.getLogger(name).setLevel(logging.WARNING)


_patch()
