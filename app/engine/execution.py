"""One command, one step: load the state, let the library move its tokens, say what came of it.

Pure: no database, no clock of its own, no ids of its own. The same state, command, facts, time
and answers of operations always give the same bytes. Order within a step: timers that are due,
the command, then whatever runs by itself, operations in the order in which they are reached, and
timers that were already due when they were armed; compaction once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from SpiffWorkflow.bpmn import BpmnEvent, BpmnWorkflow
from SpiffWorkflow.bpmn.util.subworkflow import BpmnBaseWorkflow
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from app.engine.compaction import compact
from app.engine.faults import EngineError
from app.engine.flat import check_flat, put
from app.engine.model import Definition, Element
from app.engine.runtime import STATES, Run, fault_at, running
from app.engine.specs import DueDate, Message
from app.engine.state import dump, load, new, read_state
from app.engine.step import (
    Await,
    Cancel,
    ClosedTask,
    Command,
    Complete,
    Deadline,
    Deliver,
    Fire,
    OpenTask,
    Operate,
    Start,
    Step,
    Timer,
    Transition,
    Value,
)
from app.text import Text


def advance(
    definition: Definition,
    state: bytes | None,
    command: Command,
    facts: Mapping[str, Any],
    now: datetime,
    *,
    operate: Operate,
    deadline: Deadline,
) -> Step:
    """What `command` does to the instance in `state` (None for a Start) at `now` (aware UTC).

    `operate` is called for each service task as it is reached and answers with the variables it
    sets; `deadline(id, element, facts)` gives the instant of a timer `due_<id>` when it is armed,
    its facts being the instance's variables, `facts` and `round`. What either raises goes through.
    Raises EngineError when the step cannot be taken; then nothing has happened.
    """
    return _take(definition, state, command, Run(definition, now, facts, operate, deadline))


def dry_run(
    definition: Definition,
    state: bytes | None,
    command: Command,
    facts: Mapping[str, Any],
    now: datetime,
    deadline: Deadline,
) -> Step:
    """What would happen: like `advance`, but operations are not called and nothing is to be stored.

    A branch ends where an operation would set variables; those calls are `Step.undecided`.
    """
    return _take(definition, state, command, Run(definition, now, facts, None, deadline))


@dataclass(slots=True)
class _Instance:
    """The workflow while it moves, with what must be compared or carried across the step."""

    workflow: BpmnWorkflow
    run: Run
    ended: list[str] = field(default_factory=list)
    before: dict[int, Element] = field(default_factory=dict)
    fired: list[str] = field(default_factory=list)
    caught: bool = False


def _take(definition: Definition, state: bytes | None, command: Command, run: Run) -> Step:
    if run.now.tzinfo is None:
        raise EngineError("clock", Text("时间要带时区", "Times need a zone"))
    with running(run):
        try:
            instance = _begin(definition, command, run) if state is None else _resume(definition, state, command, run)
            _carry_out(instance, command)
            return _step(instance)
        except (SpiffWorkflowException, RecursionError) as fault:
            spec = getattr(fault, "task_spec", None)
            element = getattr(spec, "element", None)
            where = {"process": element.process, "element": element.id} if element else {}
            text = Text("流程在这里无法继续", "The process cannot go on here")
            raise EngineError("stopped", text, **where) from fault


def _begin(definition: Definition, command: Command, run: Run) -> _Instance:
    if not isinstance(command, Start):
        raise EngineError("not-started", Text("这个实例还没有开始", "This instance has not started"))
    workflow = new(definition)
    put(workflow.task_tree.data, check_flat(command.variables, "start"))
    return _Instance(workflow, run)


def _resume(definition: Definition, blob: bytes, command: Command, run: Run) -> _Instance:
    state = read_state(blob, definition)
    if state["x"]:
        raise EngineError("instance.over", Text("这个实例已经结束", "This instance is over"))
    if isinstance(command, Start):
        raise EngineError("started", Text("这个实例已经开始", "This instance has started already"))
    run.last_id, run.last_move, run.counts = state["n"], state["m"], state["c"]
    workflow = load(state, definition)
    before = {task.id: task.task_spec.element for task in _manual(workflow)}
    return _Instance(workflow, run, list(state["e"]), before)


# --- the order of a step -----------------------------------------------------------------


def _carry_out(instance: _Instance, command: Command) -> None:
    match command:
        case Cancel():
            instance.workflow.cancel()
        case Fire(timer_key=key):
            _fire(instance, key)
        case Complete():
            _settle(instance)
            _complete(instance, command)
        case Deliver():
            _settle(instance)
            _deliver(instance, command)
    _settle(instance)


def _complete(instance: _Instance, command: Complete) -> None:
    task = _find(instance.workflow, command.task)
    if task is None or task.state != TaskState.READY or not task.task_spec.manual:
        raise EngineError(
            "task.not-open", Text("这项待办已经办完或取消", "This task is no longer open"), task=command.task
        )
    answers = check_flat(command.variables, task.task_spec.element.id)
    keep = instance.run.definition.variables
    put(task.data, {name: value for name, value in answers.items() if name in keep})
    task.run()


def _deliver(instance: _Instance, command: Deliver) -> None:
    event = BpmnEvent(Message(command.message, ""), check_flat(command.variables, command.message))
    waiting = instance.workflow.event_manager.tasks
    takers = [task for _, task in sorted(waiting.items()) if task.task_spec.catches(task, event)]
    for task in takers:
        task.task_spec.catch(task, event)
        task.task_spec._update(task)
    instance.caught = bool(takers)


def _fire(instance: _Instance, key: str) -> None:
    """Move the clock to that timer, and fire every timer due until then, in order."""
    timer = next((each for each in _timers(instance.workflow) if each.key == key), None)
    if timer is None:
        raise EngineError("timer.unknown", Text("没有这个计时", "There is no such timer"), timer=key)
    instance.run.now = max(instance.run.now, timer.due_at)
    _settle(instance)
    if any(each.key == key for each in _timers(instance.workflow)):
        raise EngineError("timer.silent", Text("计时到期而没有触发", "A timer was due and did not fire"), timer=key)


def _settle(instance: _Instance) -> None:
    """Run all that runs by itself; then fire due timers one at a time, until nothing moves."""
    _run_engine(instance.workflow)
    while not instance.workflow.completed:
        due = [timer for timer in _timers(instance.workflow) if timer.due_at <= instance.run.now]
        if not due:
            return
        _trigger(instance, min(due, key=lambda timer: (timer.due_at, _task_of(timer.key))))
        _run_engine(instance.workflow)


def _trigger(instance: _Instance, timer: Timer) -> None:
    """Exact time: no comparison of clocks, this timer and no other fires."""
    task = _find(instance.workflow, _task_of(timer.key))
    assert task is not None
    instance.run.firing = task.id
    task.task_spec._update(task)
    instance.run.firing = None
    if task.state != TaskState.READY:
        raise fault_at(task, "timer.silent", Text("计时到期而没有触发", "A timer was due and did not fire"))
    instance.fired.append(timer.key)


def _run_engine(workflow: BpmnWorkflow) -> None:
    while workflow._do_engine_steps():
        pass


# --- reading the workflow ----------------------------------------------------------------


def _trees(workflow: BpmnWorkflow) -> Iterator[BpmnBaseWorkflow]:
    yield workflow
    yield from workflow.subprocesses.values()


def _find(workflow: BpmnWorkflow, identity: int) -> Task | None:
    return next((tree.tasks[identity] for tree in _trees(workflow) if identity in tree.tasks), None)


def _manual(workflow: BpmnWorkflow) -> list[Task]:
    """A person's tasks that are open, oldest first."""
    found = [
        task
        for tree in _trees(workflow)
        for task in tree.tasks.values()
        if task._state == TaskState.READY and task.task_spec.manual
    ]
    return sorted(found, key=lambda task: task.id)


def _timers(workflow: BpmnWorkflow) -> list[Timer]:
    found = []
    for task, event in _waiting(workflow):
        if isinstance(event, DueDate) and event.element is not None:
            key = f"{event.element.id}.{task.id}"
            found.append(Timer(key, event.element, event.element.process, event.due_at(task)))
    return found


def _task_of(key: str) -> int:
    return int(key.rpartition(".")[2])


def _awaits(workflow: BpmnWorkflow) -> list[Await]:
    return [
        Await(event.name, event.element, event.element.process)
        for _, event in _waiting(workflow)
        if isinstance(event, Message) and event.element is not None
    ]


def _waiting(workflow: BpmnWorkflow) -> Iterator[tuple[Task, object]]:
    """Each waiting task with each event it waits for; an event gateway waits for several."""
    for _, task in sorted(workflow.event_manager.tasks.items()):
        definition = task.task_spec.event_definition
        for event in getattr(definition, "event_definitions", None) or [definition]:
            yield task, event


# --- what came of it ---------------------------------------------------------------------


def _step(instance: _Instance) -> Step:
    workflow, run = instance.workflow, instance.run
    transitions = tuple(_transitions(run))
    instance.ended += _ends(instance)
    opened_now = () if workflow.completed else tuple(_open_task(task) for task in _manual(workflow))
    variables = _variables(workflow)
    compact(workflow)
    return Step(
        state=b"" if run.operate is None else dump(workflow, run, instance.ended),
        open=opened_now,
        opened=tuple(task for task in opened_now if task.id not in instance.before),
        closed=_closed(instance, {task.id for task in opened_now}),
        timers=() if workflow.completed else tuple(_timers(workflow)),
        awaits=() if workflow.completed else tuple(_awaits(workflow)),
        thrown=tuple(run.thrown),
        transitions=transitions,
        counts=dict(run.counts),
        completed=workflow.completed,
        ended_at=tuple(instance.ended),
        variables=variables,
        caught=instance.caught,
        fired=tuple(instance.fired),
        undecided=tuple(run.undecided),
    )


def _transitions(run: Run) -> Iterator[Transition]:
    """What moved on the diagram; predictions, and the library's inner joints, are left out."""
    for task, before, after in run.log:
        element: Element | None = getattr(task.task_spec, "element", None)
        if element is None or after < TaskState.WAITING:
            continue
        if after == TaskState.CANCELLED and before < TaskState.WAITING:
            continue
        yield task.id, element.process, element.id, STATES[before], STATES[after]


def _ends(instance: _Instance) -> list[str]:
    """The end events of the main process that were reached in this step."""
    reached = [
        task.task_spec.element
        for task, _, after in instance.run.log
        if after == TaskState.COMPLETED and task.workflow is instance.workflow
    ]
    return [element.id for element in reached if element is not None and element.type == "end"]


def _open_task(task: Task) -> OpenTask:
    element: Element = task.task_spec.element
    return OpenTask(task.id, element.process, element, _item(task, element))


def _item(task: Task, element: Element) -> Any:
    """collection[index] for one child of a multi-instance task."""
    index = task.internal_data.get("key_or_index")
    members: Any = task.data.get(element.collection or "", ())
    return members[index] if index is not None and index < len(members) else None


def _closed(instance: _Instance, still_open: set[int]) -> tuple[ClosedTask, ...]:
    done = {task.id for task, _, after in instance.run.log if after == TaskState.COMPLETED}
    return tuple(
        ClosedTask(identity, element, "done" if identity in done else "cancelled")
        for identity, element in instance.before.items()
        if identity not in still_open
    )


def _variables(workflow: BpmnWorkflow) -> dict[str, Value]:
    """The main process's data: of its live tokens, the one that moved last wins."""
    if workflow.completed:
        return dict(workflow.last_task.data) if workflow.last_task else {}
    alive = TaskState.WAITING | TaskState.READY | TaskState.STARTED
    tasks = [task for task in workflow.tasks.values() if task.has_state(alive)]
    data: dict[str, Value] = {}
    for task in sorted(tasks, key=lambda each: each.last_state_change):
        data.update(task.data)
    return data
