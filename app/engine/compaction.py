"""Cutting away history that no token can need again, at the end of every step.

In each task tree let D be the deepest task whose subtree holds every unfinished task, end-joins
that merely wait left aside. All above D goes; D hangs under the start, whose data becomes D's
parent's; tokens that have ended stay as pairs (end event, end-join), because the last token merges
their data. Nothing inside D's subtree is touched. Source: ADR 0006.
"""

from __future__ import annotations

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs.control import _EndJoin
from SpiffWorkflow.bpmn.util.subworkflow import BpmnBaseWorkflow
from SpiffWorkflow.specs.Join import Join
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from app.engine.faults import EngineError
from app.text import Text


def compact(workflow: BpmnWorkflow) -> None:
    """Cut the main tree and each open sub-process; drop sub-processes whose call is over."""
    if workflow.completed:
        return
    for tree in [workflow, *workflow.subprocesses.values()]:
        if not tree.completed:
            _cut(tree)
    over = [call for call, sub in workflow.subprocesses.items() if sub.completed and _is_over(workflow, call)]
    for call in over:
        del workflow.subprocesses[call]


def _is_over(workflow: BpmnWorkflow, call: int) -> bool:
    for tree in [workflow, *workflow.subprocesses.values()]:
        task = tree.tasks.get(call)
        if task is not None:
            return bool(task.has_state(TaskState.FINISHED_MASK))
    return True


def _cut(tree: BpmnBaseWorkflow) -> None:
    root = tree.task_tree
    deepest = _deepest(tree)
    if deepest is None or deepest is root or deepest.parent is root or _must_keep_above(deepest):
        return
    before = _unfinished(tree)
    kept = _subtree(tree, deepest) | {root.id}
    pairs = [task for task in tree.tasks.values() if isinstance(task.task_spec, _EndJoin) and task.id not in kept]
    arrived = [task for task in pairs if task.has_state(TaskState.CANCELLED | TaskState.WAITING)]
    root.data = deepest.parent.data
    root._children = []
    for join in arrived:
        kept |= {join.parent.id} | _subtree(tree, join)
        _hang(root, join.parent, [join.id])
    _hang(root, deepest, deepest._children)
    root._children.sort()
    for gone in [identity for identity in tree.tasks if identity not in kept]:
        del tree.tasks[gone]
    if _unfinished(tree) != before:
        raise EngineError("compaction", Text("整理历史时丢失了令牌", "A token was lost while history was cut"))


def _hang(root: Task, task: Task, children: list[int]) -> None:
    task._parent, task._children = root.id, children
    root._children.append(task.id)


def _deepest(tree: BpmnBaseWorkflow) -> Task | None:
    """The nearest common ancestor of all unfinished tasks; ids grow downwards."""
    tasks = tree.tasks
    idle = {
        task.id for task in tasks.values() if isinstance(task.task_spec, _EndJoin) and task.state == TaskState.WAITING
    }
    front = {
        task.id
        for task in tasks.values()
        if task.has_state(TaskState.NOT_FINISHED_MASK) and task.id not in idle and task._parent not in idle
    }
    while len(front) > 1:
        front.add(tasks[front_max := max(front)]._parent)
        front.remove(front_max)
    return tasks[front.pop()] if front else None


def _must_keep_above(task: Task) -> bool:
    """Guards that the rule already implies: what looks upwards must still find what it looks for."""
    if isinstance(task.task_spec, Join) and task.state == TaskState.WAITING:
        return True
    above = task.parent
    return bool(task.triggered or above.has_state(TaskState.NOT_FINISHED_MASK))


def _subtree(tree: BpmnBaseWorkflow, top: Task) -> set[int]:
    found, waiting = {top.id}, list(top._children)
    while waiting:
        identity = waiting.pop()
        found.add(identity)
        waiting.extend(tree.tasks[identity]._children)
    return found


def _unfinished(tree: BpmnBaseWorkflow) -> list[int]:
    return [task.id for task in tree.tasks.values() if task.has_state(TaskState.NOT_FINISHED_MASK)]
