"""Corrections: what was sent stays; a new submission stands in its place from now on, with a reason.

A correction changes the record, not what was decided: the engine's path is not walked again. Facts that
rest on the answers are learned anew, and open limits that start at them are reckoned again. What must be
decided again is for people: they register it. Source: ARCHITECTURE ("a correction is a new one"); ADR 0016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.clock import LAW_ZONE
from app.db import Row, db
from app.errors import Invalid, NotFound, Stale
from app.rules import occurrence
from app.rules.access import Person
from app.rules.forms import Form
from app.services import (
    _attached,
    _occurrence,
    _registers,
    _relearned,
    _seals,
    access,
    cases,
    choices,
    commands,
    submissions,
    tasks,
)
from app.services._seals import Seals
from app.services._work import Actor, Live, Work
from app.services.views import TaskPage
from app.text import Text

REASON, CHANGED = "_reason", "case_changed"
LONGEST_REASON = 500
NO_REASON = Text(
    "还没有写理由。请写清哪里不对、怎么知道的。", "There is no reason yet. Say what was wrong and how you know."
)
TOO_LONG = Text("理由请写在500字以内。", "Keep the reason within 500 characters.")
SAME = Text("内容和原来的一样，没有要更正的。", "This is what was there before; there is nothing to correct.")
CORRECTED_MEANWHILE = Text(
    "刚才有人更正过这份内容。你填的还在，对照一下再提交。",
    "Somebody corrected this meanwhile. What you typed is kept; compare, then send again.",
)


@dataclass(frozen=True, slots=True)
class Correcting:
    """A closed task's form, to be corrected: `former` is the submission that it would replace."""

    page: TaskPage
    former: int
    register: str | None  # what must be decided again can be registered as this message, "" for any; None: not by them


def page(person: Person, task_id: int, lang: str = "zh") -> Correcting:
    """The form with the answers that hold now. Raises NotFound, Forbidden."""
    require(person, task_id)
    shown = tasks.page(person, task_id, lang)
    newest = _newest(task_id)
    if newest["occurred_at"] != shown.versions[-1].recorded_at:
        local = newest["occurred_at"].astimezone(LAW_ZONE)
        shown = replace(shown, occurred={"date": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}"})
    return Correcting(shown, newest["id"], _register(person, newest["case_id"]))


def _register(person: Person, case_id: int) -> str | None:
    session, case = db.session(), access.case_resource(db.session(), case_id)
    if case.kind != "case" or not access.policy(session).can(person, "register", case):
        return None
    return CHANGED if any(one.message == CHANGED for one in cases.arrivals(person, case_id)) else ""


def require(person: Person, task_id: int) -> None:
    """Nothing, where this person may correct what was sent with the task. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "correct", access.filled_resource(session, task_id))
    _newest(task_id)


def _newest(task_id: int) -> Row:
    row = submissions.newest_of_task(db.session(), task_id)
    if row is None:
        raise NotFound("no_record", access.NOTHING_HERE)
    return row


def correct(
    person: Person, task_id: int, former: int, raw: Mapping[str, Any], reason: str, *,
    occurred_at: occurrence.Named = None, lang: str = "zh",
) -> commands.Done:  # fmt: skip
    """Put new answers in the place of submission `former`; what this person could not see stays as it was.

    Raises: Invalid (a message for each field), Stale when `former` holds no longer, NotFound, Forbidden.
    """
    require(person, task_id)
    with commands.work_on(Actor(person.id, "desk")) as work:
        case = work.lock_of_task(task_id)
        row = _newest_under_lock(work, task_id)
        if row["id"] != former:
            raise Stale("corrected", CORRECTED_MEANWHILE, task=task_id)
        live = work.instance(row["instance_id"])
        form = live.library.form(row["form"])
        before = submissions.read(row, case.key)
        wrong = _why_not(reason, lang) | _occurrence.settle(work, case, occurred_at, lang)
        happened, work.occurred_at = _happened(work, row, occurred_at), work.now
        answers = _judged(work, live, form, _with_unseen(person, row, form, before, raw), lang, wrong)
        changed = [name for name in form.questions if answers.get(name) != before.get(name)]
        if not changed and happened == row["occurred_at"]:
            raise Invalid("same", SAME, {REASON: SAME.say(lang)})
        id_ = submissions.correct(work, row, form, answers, happened)
        _attached.take(work, case, form, answers, id_, lang, task_id=task_id, before=before)
        _registers.correct(work, case, live, id_, form.id, answers)
        facts = _relearned.learn(work, live, form.id, before, answers, row["recorded_at"])
        element = row["element"].partition(".")
        data = {"process": element[0], "element": element[2], "submission": id_, "supersedes": row["id"],
                "fields": changed, "facts": facts, "how": "correction"}  # fmt: skip
        case.chain.append("corrected", data, at=work.now, actor_id=person.id, instance_id=live.id, task_id=task_id,
                          secret={"reason": reason.strip()})  # fmt: skip
    return commands.Done(case.id, id_, ())


def _happened(work: Work, row: Row, named: occurrence.Named) -> datetime:
    """When it happened, as is said now; the former time where nothing else is said, to the minute."""
    former: datetime = row["occurred_at"]
    same = not named or work.occurred_at == former.replace(second=0, microsecond=0)
    return former if same else work.occurred_at


def _newest_under_lock(work: Work, task_id: int) -> Row:
    row = submissions.newest_of_task(work.session, task_id)
    if row is None:
        raise NotFound("no_record", access.NOTHING_HERE)
    return row


def _why_not(reason: str, lang: str) -> dict[str, str]:
    said = reason.strip()
    if said and len(said) <= LONGEST_REASON:
        return {}
    return {REASON: (TOO_LONG if said else NO_REASON).say(lang)}


def _with_unseen(
    person: Person, row: Row, form: Form, before: Mapping[str, Any], raw: Mapping[str, Any]
) -> dict[str, Any]:
    """What was typed, with the former answers where this person saw only a seal."""
    sealed = _seals.names(form, before)
    seal = Seals(db.session(), person, row["case_id"]).of(row["id"], row["user_id"], sealed)
    shut = seal.names if seal and not seal.open else frozenset()
    return {name: value for name, value in raw.items() if name not in shut} | {name: before[name] for name in shut}


def _judged(
    work: Work, live: Live, form: Form, raw: Mapping[str, Any], lang: str, wrong: Mapping[str, str]
) -> dict[str, Any]:
    row = {
        "case_id": live.case.id,
        "wrapped_key": live.case.wrapped_key,
        "path": live.case.path,
        "context": live.context,
    }
    return commands.checked(form, raw, lang, work.now, choices.of(work.session, row, form, lang), wrong)
