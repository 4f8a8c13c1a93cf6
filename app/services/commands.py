"""The commands that move a case: one verb, one transaction, one lock on the case row.

Everything else (pages, API, ticker, command line) calls these. A refusal leaves nothing
behind; an operation that fails leaves the draft and an incident.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from prometheus_client import Histogram
from sqlalchemy import bindparam, delete, exists, insert, select, update
from sqlalchemy.orm import Session

from app import engine
from app.db import Read, Row, Write, db, table, transaction
from app.errors import Invalid, NotFound, Refused, Stale
from app.models import Draft, Incident, Instance, Outbox, Submission, Task
from app.rules import facts as learned
from app.rules import occurrence
from app.rules.forms import Form
from app.services import (
    _attached,
    _faults,
    _merged,
    _occurrence,
    _queue,
    _registers,
    _route,
    _seal,
    _step,
    choices,
    practice,
    submissions,
)
from app.services._work import CHANGED, LOCK_CASE, SYSTEM, Actor, Live, Work
from app.text import Text

TASK, INSTANCE, DRAFT, SUBMISSION, INCIDENT = map(table, (Task, Instance, Draft, Submission, Incident))
STEPS = Histogram("shouwang_step_seconds", "How long commands take, to the commit.", registry=None)
FAILED_BEFORE = exists().where(
    INCIDENT.c.source == "task", INCIDENT.c.source_id == TASK.c.id, INCIDENT.c.state == "open"
)
TASK_WITH_INSTANCE = Read(
    select(TASK, INSTANCE, FAILED_BEFORE)
    .join(INSTANCE, INSTANCE.c.id == TASK.c.instance_id)
    .where(TASK.c.id == bindparam("id"))
)
CLOSE_INCIDENT = Write(
    update(INCIDENT)
    .where(
        INCIDENT.c.source == bindparam("_source"), INCIDENT.c.source_id == bindparam("_id"), INCIDENT.c.state == "open"
    )
    .values(state="closed")
)
DROP_DRAFT = Write(delete(DRAFT).where(DRAFT.c.user_id == bindparam("user_id"), DRAFT.c.key == bindparam("key")))
FILL_IN = Text("还有几处要补，看看下面的提示。", "A few things are missing; see the notes below.")
KEY_REUSED = Text(
    "这个幂等键已经用来提交过别的内容，这次没有提交。请换一个键。",
    "Something else was sent with this idempotency key before; nothing was sent now. Use another key.",
)
NOBODY_WAITS = Text(
    "这个个案现在没有流程在等这件事，没有登记。请核对个案，或换一类再记。",
    "Nothing in this case waits for this, so it was not registered. Check the case, or record it as another kind.",
)


@dataclass(frozen=True, slots=True)
class Done:
    """What a command led to: the submission kept, the tasks that opened."""

    case_id: int
    submission_id: int
    opened: tuple[int, ...]


@contextmanager
def work_on(actor: Actor) -> Iterator[Work]:
    """A transaction to step in: everything queued is carried out at the end, then committed."""
    with STEPS.time(), transaction() as session:
        work = Work(session, actor, practice.offset(session))
        yield work
        _step.carry_out(work)


def complete(  # noqa: PLR0913 - a form says who, what and when, and how often it was sent
    task_id: int,
    version: int,
    raw: Mapping[str, Any],
    actor: Actor,
    *,
    lang: str = "zh",
    occurred_at: occurrence.Named = None,
    key: str | None = None,
    written_at: datetime | None = None,
) -> Done:
    """Send a task's form: the answers are kept, the case moves on, the draft goes.

    `occurred_at`: when it happened, where that was not now; `written_at`: when the form was filled, where it
    could be sent only later. What is named in the form comes first.

    Sending the same again with the same `key` does nothing and gives the first result.
    Raises: Invalid (with a message for each field), Stale (closed or changed meanwhile), NotFound,
    Refused("key_reused") when something else was sent with this key.
    """
    sent = [task_id, version, dict(raw), *([occurred_at] if occurred_at else [])]
    mark = idempotency_mark(key, sent) if key else None
    case_id = 0
    try:
        with work_on(actor) as work:
            case = work.lock_of_task(task_id)
            if mark and (done := _done_before(work.session, actor, mark)):
                return done
            case_id = case.id
            task, live = _task_under_lock(work, task_id, version)
            wrong = _occurrence.settle(work, case, occurred_at, lang, written_at)
            submission_id = _submit(work, live, task, raw, lang, mark, wrong)
        return Done(case_id, submission_id, tuple(work.opened_tasks))
    except Exception as error:
        if isinstance(error, engine.EngineError) and error.code == "task.not-open":  # a timer that was due went first
            raise Stale("task_changed", CHANGED, task=task_id) from error
        if case_id and _is_ours(error):
            record_incident(case_id, "task", task_id, error)
        raise


def _is_ours(error: Exception) -> bool:
    """True when no other answer would help: the step cannot be taken, or what it needs is not there."""
    return not isinstance(error, Refused) or isinstance(error, engine.EngineError | NotFound)


def idempotency_mark(key: str, sent: list[Any]) -> str:
    """What is kept of an idempotency key: a fingerprint of the key, then one of what was sent with it."""
    body = orjson.dumps(sent, option=orjson.OPT_SORT_KEYS, default=str).decode()
    return "".join(
        _seal.blind_index(f"idempotency.{part}", text).hex() for part, text in (("key", key), ("body", body))
    )


def _done_before(session: Session, actor: Actor, mark: str) -> Done | None:
    query = select(SUBMISSION.c.id, SUBMISSION.c.case_id, SUBMISSION.c.idempotency_key).where(
        SUBMISSION.c.user_id == actor.user_id, SUBMISSION.c.idempotency_key.startswith(mark[: len(mark) // 2])
    )
    row = session.execute(query).first()
    if row is None:
        return None
    if row.idempotency_key != mark:
        raise Refused("key_reused", KEY_REUSED, submission=row.id)
    return Done(row.case_id, row.id, ())


def _task_under_lock(work: Work, task_id: int, version: int) -> tuple[Row, Live]:
    row = TASK_WITH_INSTANCE.first(work.connection, {"id": task_id})
    assert row is not None, "the case was locked through this task"
    task = dict(zip(TASK.c.keys(), row[: len(TASK.c)], strict=True))
    live = work.remember(dict(zip(INSTANCE.c.keys(), row[len(TASK.c) : -1], strict=True)))
    if row[-1]:
        work.write(CLOSE_INCIDENT, {"_source": "task", "_id": task_id})
    if task["status"] != "open" or task["version"] != version:
        raise Stale("task_changed", CHANGED, task=task_id, status=task["status"])
    live.under_lock[task["engine_id"]] = task_id, task["escalations"]
    return task, live


def _submit(
    work: Work, live: Live, task: Row, raw: Mapping[str, Any], lang: str, key: str | None, wrong: Mapping[str, str]
) -> int:
    element = live.definition.element(task["process"], task["element"])
    assert element.form is not None, "lint refuses a user task without a form"
    form = live.library.form(element.form)
    offered = choices.of(work.session, _row_of(live), form, lang)
    answers = checked(form, raw, lang, work.now, offered, wrong)
    submission_id = submissions.add(
        work, live.case, form, answers, f"{task['process']}.{task['element']}", live=live, task_id=task["id"], key=key
    )
    _attached.take(work, live.case, form, answers, submission_id, lang, task_id=task["id"])
    if work.actor.user_id is not None:
        work.write(DROP_DRAFT, {"user_id": work.actor.user_id, "key": f"task:{task['id']}"})
    _registers.keep(work, live.case, live, submission_id, form.id, answers)
    _queue.learn(live, learned.facts_of_submission(form.id, answers, work.now))
    work.queue.append((live, engine.Complete(task["engine_id"], decisions(live, form, answers))))
    return submission_id


def _row_of(live: Live) -> dict[str, Any]:
    """The instance as choices look at it."""
    return {
        "case_id": live.case.id,
        "wrapped_key": live.case.wrapped_key,
        "path": live.case.path,
        "context": live.context,
    }


def checked(
    form: Form, raw: Mapping[str, Any], lang: str, now: datetime, offered: Mapping[str, Any],
    wrong: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The form's answers, validated. Raises Invalid with a message for each field, and for what else is `wrong`."""
    result = form.validate(raw, lang, now, offered)
    if result.errors or wrong:
        raise Invalid("answers", FILL_IN, {**result.errors, **(wrong or {})}, form=form.id)
    return dict(result.answers)


def decisions(live: Live, form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    """What the diagram asks of a form: codes, flags and days, never words."""
    asked = live.definition.variables
    return {name: value for name, value in form.variables(answers).items() if name in asked}


def record_arrival(
    case_id: int, message: str, instance_id: int | None, raw: Mapping[str, Any], actor: Actor, lang: str = "zh",
    *, occurred_at: occurrence.Named = None,
) -> Done:  # fmt: skip
    """Register something that came from outside (a court's paper, a parent's return) and tell who waits for it.

    With `instance_id` it goes to that instance; else to each that waits, or it starts what it may start.
    Raises: Invalid, NotFound, Refused("nobody_waits").
    """
    with work_on(actor) as work:
        case = work.lock(case_id)
        origin = _route.origin_of(work, case)
        target = work.instance(instance_id) if instance_id else None
        if target is not None and target.case is not case:
            raise NotFound(
                "no_instance", Text("这个个案里没有这个流程。", "This case has no such instance."), case=case_id
            )
        rules = origin.library.messages.get(message)
        if rules is None or not rules["desk"]:
            raise NotFound("no_message", Text("没有这类来件。", "There is no such kind of arrival."))
        form = origin.library.form(rules["form"])
        context = target.context if target else {}
        row = {"case_id": case_id, "wrapped_key": case.wrapped_key, "path": case.path, "context": context}
        wrong = _occurrence.settle(work, case, occurred_at, lang)
        answers = checked(form, raw, lang, work.now, choices.of(work.session, row, form, lang), wrong)
        submission_id = submissions.add(work, case, form, answers, f"desk.{message}", live=target)
        _attached.take(work, case, form, answers, submission_id, lang)
        kept = _registers.keep(work, case, target, submission_id, form.id, answers)
        known = {**context, "document_id": submission_id, "row_id": submission_id}
        payload = {
            name: _route.resolve(source, case, known, name, lambda _form: answers)
            for name, source in rules["payload_sources"]["desk"].items()
        }
        if target is None and not _route.awaited(work, case, message):
            _merged.require_own(work, case)
        taken = _route.register(work, case, message, payload, target)
        if not (taken or kept):
            raise Refused("nobody_waits", NOBODY_WAITS, case=case_id, message=message)
    return Done(case_id, submission_id, tuple(work.opened_tasks))


def record_incident(case_id: int, source: str, source_id: int, error: Exception) -> None:
    """Keep what went wrong, in a transaction of its own, for a person to see and retry: once, however often it fails."""
    with transaction() as session:
        LOCK_CASE.first(session.connection(), {"id": case_id})
        now = practice.now(session)
        where = (Incident.source == source, Incident.source_id == source_id, Incident.state == "open")
        found = session.scalar(select(Incident).where(*where))
        code = error.code if isinstance(error, Refused) else type(error).__name__
        if found is None:
            session.execute(insert(Incident).values(
                case_id=case_id, source=source, source_id=source_id, code=code, detail=_faults.detail(error), attempts=1, state="open",
                opened_at=now, next_try_at=None,
            ))  # fmt: skip
        else:
            session.execute(
                update(Incident)
                .where(Incident.id == found.id)
                .values(attempts=found.attempts + 1, code=code, detail={**found.detail, **_faults.detail(error)})
            )


def deliver_message(outbox_id: int) -> None:
    """Deliver a message that another case put in the outbox: once in effect, whoever delivers it."""
    outbox = table(Outbox)
    target = db.session.scalar(select(outbox.c.target_case_id).where(outbox.c.id == outbox_id))
    with work_on(SYSTEM) as work:
        case = _merged.lock_root(work, int(target or 0))
        row = work.session.execute(outbox.select().where(outbox.c.id == outbox_id)).mappings().one()
        if row["state"] == "waiting":
            message, payload = row["payload"]["message"], row["payload"]["payload"]
            _route.route(work, case, message, payload, _route.origin_of(work, case))
            work.session.execute(outbox.update().where(outbox.c.id == outbox_id).values(state="done", done_at=work.now))
