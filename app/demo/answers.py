"""Plausible answers to any form of the release, for practice data and for tests that need a form filled.

Everything is invented; the same random source gives the same answers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from app.clock import LAW_ZONE
from app.demo import words
from app.rules.forms import Choices, Field, Form
from app.rules.forms_answers import Block
from app.rules.forms_layout import Kind

AHEAD = frozenset(
    [
        "answer_by",
        "by_when",
        "court_due_on",
        "due_on",
        "order_by",
        "period_to",
        "remind_at",
        "return_by",
        "start_on",
        "valid_to",
        "visit_on",
    ]
)
"""Days that a form asks for because they are still to come."""
LONG_AGO: Mapping[str, int] = {
    "absent_since": 12, "dob": 3600, "dropped_on": 9, "last_contact": 30, "last_seen_at": 1, "left_on": 200,
    "unit_knew_since": 1,
}  # fmt: skip
"""About how many days back something lies that did not happen just now."""
KNOWN_BEFORE = frozenset(("learned_at", "occurred_at", *LONG_AGO))
"""Instants that may lie before what is filled in was asked for: everything else that is told happened since."""
OPTIONAL = 0.7
"""How often a question is answered that may be left open."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who fills in: a random source, what may be chosen, what time it is, and since when they have been asked."""

    rng: random.Random
    choices: Choices | None
    now: datetime
    since: datetime | None = None

    @property
    def today(self) -> date:
        """The day it is in Zhangye."""
        return self.now.astimezone(LAW_ZONE).date()


def plausible(
    form: Form, choices: Choices | None, rng: random.Random, now: datetime, wanted: Mapping[str, Any] | None = None,
    since: datetime | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Raw answers that `form` accepts at `now`; `wanted` says what some questions are answered with.

    Of `wanted`, what the form does not ask (or hides) is left out, so that one plan serves many forms.
    `choices` is what services.choices offers; without it any code stands where options come from data.
    `since`: what happened because it was asked for happened after that.
    """
    return _fill(_block(form.fields), Writer(rng, choices, now, since), wanted or {}, {})


@cache
def _block(fields: tuple[Field, ...]) -> Block:
    return Block(fields)


def _fill(block: Block, writer: Writer, wanted: Mapping[str, Any], outer: Mapping[str, Any]) -> dict[str, Any]:
    facts, answers = dict(outer), {}
    for name in block.order:
        if not all(holds(facts) for holds in block.shown_if[name]):
            facts.pop(name, None)
            continue
        value = wanted[name] if name in wanted else _answer(block.asked[name], writer, facts)
        if value is not None:
            answers[name] = value
        facts[name] = block.untouched(name) if value is None else value
    return answers


def _answer(field: Field, writer: Writer, facts: Mapping[str, Any]) -> Any:
    if not field.required and writer.rng.random() > OPTIONAL:
        return None
    if field.kind == "dynamiclist":
        rows = range(1 if field.fixed else writer.rng.randint(1, 2))
        return [_fill(_block(field.fields), writer, {}, facts) for _ in rows]
    return ANSWER[field.kind](field, writer)


def _text(field: Field, writer: Writer) -> str:
    said = words.phrase(field.name, field.kind, writer.rng)
    return said.ljust(field.limits.shortest or 0, "。")[: field.limits.longest]


def _number(field: Field, writer: Writer) -> int:
    if field.name == "year":
        return writer.today.year
    low = int(field.limits.low or 0)
    high = int(field.limits.high) if field.limits.high is not None else low + 500
    return writer.rng.randint(min(low + 1, high), high)


def _day(field: Field, writer: Writer) -> date:
    if field.name in AHEAD or field.future:
        return writer.today + timedelta(days=writer.rng.randint(5, 25))
    back = LONG_AGO.get(field.name, 0)
    return writer.today - timedelta(days=back + writer.rng.randint(0, back // 2))


def _date(field: Field, writer: Writer) -> str:
    return _day(field, writer).isoformat()


def _moment(field: Field, writer: Writer) -> str:
    minutes = timedelta(minutes=writer.rng.randint(3, 50))
    ahead = field.name in AHEAD or field.future
    at = writer.now + minutes if ahead else writer.now - minutes
    at += _day(field, writer) - writer.today
    if writer.since is not None and not ahead and field.name not in KNOWN_BEFORE:
        at = max(at, min(writer.since + timedelta(minutes=1), writer.now))
    return at.astimezone(LAW_ZONE).isoformat(timespec="minutes")


def _codes(field: Field, writer: Writer) -> list[str]:
    if not field.options_from:
        return [option.value for option in field.options]
    if writer.choices is None:
        return ["1"]
    return [str(value) for value, _ in writer.choices.get(field.options_from, ())]


def _one(field: Field, writer: Writer) -> str | None:
    codes = _codes(field, writer)
    return writer.rng.choice(codes) if codes else None


def _some(field: Field, writer: Writer) -> list[str] | None:
    codes = _codes(field, writer)
    real = [code for code in codes if code != "none"] or codes
    return writer.rng.sample(real, min(len(real), writer.rng.randint(1, 2))) or None


ANSWER: Mapping[Kind, Callable[[Field, Writer], Any]] = {
    "textfield": _text,
    "textarea": _text,
    "given": _text,
    "number": _number,
    "date": _date,
    "datetime": _moment,
    "radio": _one,
    "select": _one,
    "checklist": _some,
    "checkbox": lambda field, writer: True if field.required else writer.rng.random() < 0.5,
    "filepicker": lambda _field, _writer: None,  # an attachment has to be stored first
}
