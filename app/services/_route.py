"""Messages between a case's instances: who gets one, what it starts, what is kept for later.

The rules stand in messages.json. Within a case a message is delivered in the same
transaction; to a case that exists elsewhere it goes by the outbox, exactly once in effect.
Source: ARCHITECTURE "A case"; MODELLING rules 6-8; DECISIONS 11, 15.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from app import engine
from app.db import Write, table
from app.errors import Refused
from app.models import Outbox, Report, Subscription
from app.rules import facts as learned
from app.services import _queue, _registers, releases, submissions
from app.services._work import Live, OpenCase, Work
from app.services.library import Library, library
from app.text import Text

SUBSCRIPTION = table(Subscription)
POST = Write(insert(table(Outbox)))
TELL = Write(upsert(table(Outbox)).on_conflict_do_nothing())
SUBSCRIBE = Write(insert(SUBSCRIPTION))
UNSUBSCRIBE = Write(delete(SUBSCRIPTION).where(SUBSCRIPTION.c.instance_id == bindparam("instance_id")))
MANUAL = "manual-duty"
"""The diagram that stands in for a process that is not drawn yet: somebody does it by hand, visibly."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message comes from: the release whose rules hold, and the instance that sent it, if one did."""

    release_id: int
    library: Library
    live: Live | None = None


def origin_of(work: Work, case: OpenCase) -> Origin:
    """The origin of what comes from outside: the case's newest release, else the one now published."""
    lives = work.live_of(case)
    release_id = max((live.release_id for live in lives), default=0) or releases.current(work.session)
    return Origin(release_id, library(work.session, release_id))


def send(work: Work, live: Live, thrown: engine.Thrown) -> None:
    """Route what an instance threw: its payload is resolved from messages.json."""
    payload = _payload(work, live, thrown)
    case_id = _case_of(work, live.case, payload)
    if case_id == live.case.id or case_id in work.cases:
        route(work, work.lock(case_id), thrown.message, payload, Origin(live.release_id, live.library, live))
    else:
        post(work, live.case, case_id, thrown.message, payload, f"{live.id}:{live.version}:{thrown.element.id}")


def _payload(work: Work, live: Live, thrown: engine.Thrown) -> dict[str, Any]:
    sources = live.library.messages[thrown.message]["payload_sources"].get(f"{thrown.process}.{thrown.element.id}", {})
    known = {**thrown.variables, **live.facts, **live.context}
    told = {name: resolve(source, live.case, known, name, lambda form: submissions.latest(work, live, form))
            for name, source in sources.items()}  # fmt: skip
    return {name: told[name] if name in told else known.get(name) for name in thrown.payload}


def resolve(
    source: str, case: OpenCase, known: Mapping[str, Any], name: str, answers: Callable[[str], Mapping[str, Any]]
) -> Any:
    """One value of a payload, from where messages.json says: instance, const, form, operation, case, submission."""
    kind, _, rest = source.partition(":")
    if kind == "const":
        return rest
    if kind in ("instance", "operation", "submission"):
        return known.get(rest if kind == "instance" else name)
    if kind == "form":
        _element, form, field = rest.split(".")
        value: Any = answers(form).get(field)
        return int(value) if name.endswith("_id") and str(value).isdigit() else value
    if kind == "case":
        return case.id if rest == "case_id" else case.facts.get(rest)
    raise Refused(
        "bad_source", Text(f"消息来源“{source}”看不懂。", f"The message source “{source}” is not understood.")
    )


def _case_of(work: Work, here: OpenCase, payload: Mapping[str, Any]) -> int:
    """The case a payload speaks of: its case_id, else the case of its report, else this one."""
    if payload.get("case_id"):
        return int(payload["case_id"])
    if payload.get("report_id"):
        found: int | None = work.session.scalar(select(Report.case_id).where(Report.id == payload["report_id"]))
        return here.id if found is None else found
    return here.id


def post(work: Work, here: OpenCase, case_id: int, message: str, payload: Mapping[str, Any], key: str) -> None:
    """Put a message to another case in the outbox; `key` makes a second copy impossible."""
    work.write(POST, {
        "case_id": here.id, "kind": "message", "key": f"message:{key}:{message}:{case_id}", "target_case_id": case_id,
        "payload": {"message": message, "payload": dict(payload)}, "state": "waiting", "attempts": 0, "due_at": work.now,
    })  # fmt: skip
    here.sent.append(message)


def notify(work: Work, case_id: int, key: str, notice: Mapping[str, Any]) -> None:
    """Put a notice in the outbox, unless there is one under this key: it is told once. The case need not be locked."""
    work.write(TELL, {
        "case_id": case_id, "kind": "notice", "key": f"notice:{key}", "target_case_id": None, "payload": dict(notice),
        "state": "waiting", "attempts": 0, "due_at": work.now,
    })  # fmt: skip


def route(work: Work, case: OpenCase, message: str, payload: Mapping[str, Any], origin: Origin) -> int:
    """Deliver `message` within `case`: to those who wait, else start, else keep. Returns how many took it.

    The sender too may wait for it, on another of its branches: it hears it in a step of its own.
    """
    rules = origin.library.messages[message]
    payload = {**payload, "case_id": case.id} if "case_id" in rules["payload"] else dict(payload)
    if payload.get("report_id") and case.kind == "child":
        _registers.take_over(work, case, int(payload["report_id"]))
    lives = work.live_of(case)
    waiting = [live for live in lives if _waits(live, message) and _matches(live, rules, payload)]
    for live in waiting:
        _queue.deliver(work, live, message, payload)
    data = {"message": message, "to": [live.id for live in waiting]}
    case.chain.append("message", data, at=work.now, secret=payload,
                      actor_id=work.actor.user_id, instance_id=origin.live.id if origin.live else None)  # fmt: skip
    if waiting:
        return len(waiting)
    others = [live for live in lives if live is not origin.live]
    if rules["starts"]:
        return _start(work, case, message, payload, origin, others)
    return keep(message, payload, others)


def register(work: Work, case: OpenCase, message: str, payload: Mapping[str, Any], target: Live | None) -> int:
    """Take in what came from outside; a paper for one instance goes there and nowhere else. Returns how many took it."""
    origin = origin_of(work, case)
    if target is None:
        return route(work, case, message, payload, origin)
    data = {"message": message, "to": [target.id]}
    case.chain.append(
        "message", data, at=work.now, occurred_at=work.occurred_at, actor_id=work.actor.user_id, secret=dict(payload)
    )
    if _waits(target, message):
        _queue.deliver(work, target, message, payload)
        return 1
    return keep(message, payload, [target])


def awaited(work: Work, case: OpenCase, message: str) -> bool:
    """Whether an instance of the case waits for this message now."""
    return any(_waits(live, message) for live in work.live_of(case))


def broadcast(work: Work, case: OpenCase, message: str, payload: Mapping[str, Any]) -> None:
    """Deliver to whoever waits in this case now; nothing is started or kept."""
    for live in work.live_of(case):
        if _waits(live, message) and _matches(live, live.library.messages[message], payload):
            _queue.deliver(work, live, message, payload)


def _waits(live: Live, message: str) -> bool:
    return message not in live.promised and any(wait[0] == message for wait in live.awaits)


def _matches(live: Live, rules: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    """True unless a correlation key that both sides know differs."""
    return all(
        live.context[key] == payload[key] for key in rules["correlation"] if key in live.context and key in payload
    )


def _start(
    work: Work, case: OpenCase, message: str, payload: Mapping[str, Any], origin: Origin, lives: list[Live]
) -> int:
    rules = origin.library.messages[message]
    same = [live for live in lives if live.process == rules["starts"] and _matches(live, rules, payload)]
    if rules["policy"].startswith("keep_one") and same:
        _, _, instead = rules["policy"].partition("keep_one_send:")
        return route(work, case, instead, payload, origin) if instead else _add(rules, payload, same)
    if rules["starts"] in origin.library.diagrams:
        started = _queue.start(work, case, rules["starts"], payload, origin.release_id)
        _queue.learn(started, learned.facts_of_message(message, payload, work.now))
    else:
        told = {**payload, "message": message, "duty_role": rules["role"]}
        _queue.start(work, case, MANUAL, told, origin.release_id)
    return 1


def _add(rules: Mapping[str, Any], payload: Mapping[str, Any], same: list[Live]) -> int:
    """Add what the rules say to the instances that run already; returns how many took something.

    `adds` names values of the payload, each with its codes, the gravest first: an instance knows all
    that came as, say, `grounds`, and the gravest of them as `ground`, which its limits follow.
    """
    for name, gravest_first in rules.get("adds", {}).items():
        for live in same:
            before = live.facts.get(f"{name}s", [live.context[name]])
            live.facts[f"{name}s"] = known = list(dict.fromkeys([*before, payload[name]]))
            live.facts[name] = min(known, key=gravest_first.index)
            live.changed = True
    return len(same) if rules.get("adds") else 0


def keep(message: str, payload: Mapping[str, Any], lives: list[Live]) -> int:
    """Put a message in the mailbox of each instance that may wait for it later; returns how many keep it."""
    keepers = [live for live in lives if _keeps(live, message, payload)]
    for live in keepers:
        live.mailbox = [*live.mailbox, [message, dict(payload)]]
        live.changed = True
    return len(keepers)


def _keeps(live: Live, message: str, payload: Mapping[str, Any]) -> bool:
    rules = live.library.messages[message]
    return bool(rules["keep"]) and _catches(live, message) and _matches(live, rules, payload)


def _catches(live: Live, message: str) -> bool:
    """True when this instance's diagram, or one that it calls, catches the message somewhere."""
    return any(element.message == message for element in live.definition.elements())


def empty_mailbox(work: Work, live: Live) -> None:
    """Deliver the oldest kept message that the instance waits for now."""
    for index, (message, payload) in enumerate(live.mailbox):
        if _waits(live, message):
            live.mailbox = live.mailbox[:index] + live.mailbox[index + 1 :]
            _queue.deliver(work, live, message, payload)
            return


def set_awaits(work: Work, live: Live, step: engine.Step) -> None:
    """Write only what changed between the messages awaited before and now."""
    now = sorted([wait.message, f"{wait.process}.{wait.element.id}"] for wait in step.awaits)
    if now == sorted(live.awaits):
        return
    if live.awaits:
        work.write(UNSUBSCRIBE, {"instance_id": live.id})
    for name, element in now:
        row = {"case_id": live.case.id, "instance_id": live.id, "message": name, "element": element}
        work.write(SUBSCRIBE, row)
    live.awaits = now
