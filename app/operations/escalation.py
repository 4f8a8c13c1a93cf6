"""What a supervisor's decision about a task past its limit does to the task.

Overdue never locks the task: whatever is decided, it stays open and can be done.
Source: design decision 16; the four answers and the next check are proposals.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import MAXYEAR, datetime, timedelta

from app.operations.effects import Effects, Notice, TaskChange
from app.operations.registry import Facts, Variables, operation

SHORTEST_CHECK = timedelta(hours=24)
"""Nobody is asked again sooner than this. Choice."""


@operation(
    "escalation.apply",
    needs=(
        "submission_id",
        "overdue_task_id",
        "overdue_role",
        "overdue_opened_at",
        "overdue_due_at",
        "assignee_id",
        "new_due_at",
    ),
    sets=("next_check_at",),
)
def apply_escalation(facts: Facts, variables: Variables, now: datetime) -> Effects:
    """Direct, reassign, extend or release the task, and say when to look at it again.

    The next look comes after another length of the task's own limit, 24 hours at least, and
    never before an extended limit.
    """
    action: Callable[[Facts], Effects] = ACTIONS[variables["escalation_action"]]
    effects = action(facts)
    no_limit = facts["overdue_due_at"].year == MAXYEAR  # another supervisor found it not applicable
    length = timedelta(0) if no_limit else facts["overdue_due_at"] - facts["overdue_opened_at"]
    wait = max(SHORTEST_CHECK, length)
    limits = [change.due_at for change in effects.tasks if change.due_at]
    return Effects(
        variables={"next_check_at": max([now + wait, *limits]).isoformat()},
        tasks=effects.tasks,
        notices=effects.notices,
    )


def _direct(facts: Facts) -> Effects:
    """督办: whoever has the task is told to do it, and has to say that he read it."""
    return Effects(notices=(_notice(facts, "task_directed", facts["overdue_role"]),))


def _reassign(facts: Facts) -> Effects:
    change = TaskChange(facts["overdue_task_id"], assignee_id=facts["assignee_id"], reason_id=facts["submission_id"])
    return Effects(tasks=(change,), notices=(_notice(facts, "task_reassigned", "assignee"),))


def _extend(facts: Facts) -> Effects:
    change = TaskChange(facts["overdue_task_id"], due_at=facts["new_due_at"], reason_id=facts["submission_id"])
    return Effects(tasks=(change,))


def _not_applicable(facts: Facts) -> Effects:
    change = TaskChange(facts["overdue_task_id"], not_applicable=True, reason_id=facts["submission_id"])
    return Effects(tasks=(change,))


def _notice(facts: Facts, kind: str, receiver: str) -> Notice:
    ids = {"task_id": facts["overdue_task_id"], "submission_id": facts["submission_id"]}
    return Notice(kind, receiver, ids, receipt=True)


ACTIONS: dict[str, Callable[[Facts], Effects]] = {
    "direct": _direct,
    "reassign": _reassign,
    "extend": _extend,
    "not_applicable": _not_applicable,
}
"""The values of escalation_action."""
