"""The spine: every change of an instance is one engine step, absorbed into tables here.

Within one transaction a FIFO queue holds what is still to be done: the command, then what it
sends. Due timers go before a message (the engine sees to it); operations run inside the step
and their effects are applied at once; compaction is the engine's, once at the end of a step.
Nothing else may advance an instance. Source: ARCHITECTURE, DECISIONS 1-5; ADR 0004.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import Any

from sqlalchemy import bindparam, update

from app import engine, operations
from app.db import Write, table
from app.models import Deadline
from app.rules import facts as learned
from app.services import _closing, _effects, _held, _needs, _route, _tasks, submissions
from app.services._queue import add_deadline, learn
from app.services._work import Live, Work
from app.text import Text

ENDLESS = Text(
    "流程之间互相触发停不下来，已撤销这次操作。请告诉管理员。",
    "The processes keep triggering each other; nothing was changed. Tell the administrator.",
)
MOST_STEPS = 200
"""More steps than this from one command are a loop between instances, not work."""

HOUSE = 1
"""Raise it with a change to app.engine or app.rules that makes other bytes or dates of the same command; golden
histories (tests/audit) show such a change."""

ENGINE = f"SpiffWorkflow {version('SpiffWorkflow')}, house {HOUSE}"
"""Byte-equal re-execution is promised per engine version; across versions transitions are compared."""

DEADLINE = table(Deadline)
DEADLINE_SET, OPERATION_RUN = "deadline", "operation"
"""The two kinds of results that a command is recorded with, in the order in which the step asked for them."""
CLOSE_DEADLINE = Write(
    update(DEADLINE)
    .where(
        DEADLINE.c.instance_id == bindparam("_instance"),
        DEADLINE.c.key == bindparam("_key"),
        DEADLINE.c.due_at == bindparam("_due"),
        DEADLINE.c.state == "due",
    )
    .values(state=bindparam("_state"), done_at=bindparam("_at"))
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a step was told while it ran, in order: `results`, and what each deadline among them rested on.

    A deadline was reckoned from the recorded facts and `reckoned`: [provisional, what was known beyond them].
    """

    results: list[Any] = field(default_factory=list)
    reckoned: list[Any] = field(default_factory=list)


def carry_out(work: Work) -> None:
    """Carry out everything in the queue, then write the differences. Raises EngineError when it does not end."""
    for _ in range(MOST_STEPS):
        if not work.queue:
            _held.lift_endangered(work)
            _closing.close_ended(work)
            work.save()
            return
        live, command = work.queue.popleft()
        if live.status == "running":
            advance(work, live, command)
    raise engine.EngineError("endless", ENDLESS)


def advance(work: Work, live: Live, command: engine.Command) -> None:
    """One engine step and all that follows from it in tables, events and the queue."""
    if live.case.held:
        _held.lift(work, live, "moved")
    definition = live.definition
    facts = live.known()
    told = Told()
    step = engine.advance(
        definition, live.engine_state(), command, facts, work.now,
        operate=partial(_operate, work, live, told), deadline=partial(_deadline, work, live, told),
    )  # fmt: skip
    live.moved, live.changed = step.state, True
    if isinstance(command, engine.Deliver):
        live.promised.remove(command.message)
        if not step.caught:  # a timer that was due went first
            _route.keep(command.message, command.variables, [live])
    _record(work, live, command, facts, told, step)
    _tasks.close(work, live, step.closed)
    _tasks.open_new(work, live, step)
    _set_timers(work, live, step)
    _route.set_awaits(work, live, step)
    for thrown in step.thrown:
        _route.send(work, live, thrown)
    if step.completed:
        _end(work, live, step)
    else:
        _route.empty_mailbox(work, live)


def _deadline(
    work: Work, live: Live, told: Told, rule: str, element: engine.Element, facts: Mapping[str, Any]
) -> datetime | None:
    """When a timer of the diagram fires; kept with the command, since the holiday calendar may be amended later."""
    known = {**facts, **live.known()}  # with what operations taught in this very step
    if form := live.library.deadlines.counted_form(rule):
        known["round"] = submissions.count(work, live, form) + 1
    due = live.library.deadlines.due(rule, _tasks.arrival(work.now, element, known), work.now)
    told.results.append([DEADLINE_SET, element.process, element.id, due.at.isoformat() if due else None])
    more = {name: value for name, value in known.items() if name not in facts or facts[name] != value}
    told.reckoned.append([bool(due and due.provisional), more])
    return due.at if due else None


def _operate(work: Work, live: Live, told: Told, call: engine.OperationCall) -> Mapping[str, Any]:
    """Run an operation inside the step, apply what it asks for, and give its variables back."""
    found = operations.find(call.operation)
    facts = _needs.read(work, live, call, found.needs)
    effects = operations.run(call.operation, facts, call.variables, work.now)
    variables = _effects.apply(work, live, call.operation, effects)
    live.facts |= {name: value for name, value in variables.items() if value is not None}
    learn(live, learned.facts_of_operation(call.operation, facts | variables, work.now))
    told.results.append([OPERATION_RUN, call.process, call.element.id, dict(variables)])
    return variables


def _plain(command: engine.Command) -> dict[str, Any]:
    """The command as the record keeps it, enough to give it again."""
    return {"kind": type(command).__name__, **dataclasses.asdict(command)}


def _record(
    work: Work, live: Live, command: engine.Command, facts: Mapping[str, Any], told: Told, step: engine.Step
) -> None:
    """The command as an event: enough to run it again, and a hash of what came out."""
    data = {
        "command": type(command).__name__.lower(),
        "process": live.process,
        "definition": live.definition.hash,
        "engine": ENGINE,
        "state": hashlib.sha256(step.state).hexdigest(),
        "transitions": [list(transition) for transition in step.transitions],
    }
    secret = {"command": _plain(command), "facts": facts, "results": told.results, "reckoned": told.reckoned}
    live.case.chain.append("step", data, at=work.now, occurred_at=work.occurred_at, actor_id=work.actor.user_id,
                           instance_id=live.id, secret=secret)  # fmt: skip


def _set_timers(work: Work, live: Live, step: engine.Step) -> None:
    """Write only what changed between the timers that ran before and those that run now."""
    armed = [[timer.key, timer.due_at.isoformat(), timer.element.id] for timer in step.timers]
    for key, due, _ in live.timers:
        if not any(timer[:2] == [key, due] for timer in armed):
            state = "done" if datetime.fromisoformat(due) <= work.now else "cancelled"
            close_deadline(work, live, key, datetime.fromisoformat(due), state)
    for timer in step.timers:
        if not any(old[:2] == [timer.key, timer.due_at.isoformat()] for old in live.timers):
            variable = timer.element.timer or ""
            rule = variable.removeprefix("due_") if variable.startswith("due_") else ""
            add_deadline(work, live, kind="timer", key=timer.key, due_at=timer.due_at, rule=rule)
    live.timers = armed


def close_deadline(work: Work, live: Live, key: str, due_at: datetime, state: str) -> None:
    """Mark a deadline of this instance done or cancelled."""
    values = {"_instance": live.id, "_key": key, "_due": due_at, "_state": state, "_at": work.now}
    work.write(CLOSE_DEADLINE, values)


def _end(work: Work, live: Live, step: engine.Step) -> None:
    live.status = "done"
    live.mailbox = []
    data = {"process": live.process, "at": list(step.ended_at)}
    live.case.chain.append("ended", data, at=work.now, occurred_at=work.occurred_at, instance_id=live.id)
