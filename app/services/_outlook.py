"""What happens next for each answer: a dry run of the engine in memory, nothing stored.

Operations are not called; where one would decide, the outlook says so. Source: DECISIONS 17.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import engine
from app.db import Row, table
from app.models import Instance
from app.rules.forms import Field, Form
from app.rules.forms_answers import blank
from app.services import _seal
from app.services.library import Library
from app.services.views import Outcome, Outlook
from app.text import Text

INSTANCE = table(Instance)
SENT = Text("提交后", "When you send it")
ENDS = Text("这个流程到此结束", "this process ends here")
MOST_OPTIONS = 12


def outcomes(session: Session, row: Row, books: Library, form: Form, now: datetime) -> tuple[Outcome, ...]:
    """One line for each answer that leads somewhere else; a single line when all lead to the same."""
    run = _DryRun(session, row, books, now)
    asked = run.definition.variables
    deciding = [field for field in form.questions.values() if field.options and _matters(field, form, asked)]
    base = {field.name: _first(field) for field in form.questions.values() if field.options}
    told = [outcome for field in deciding for outcome in _of_field(run, form, field, base)]
    return tuple(told) or (Outcome(SENT, {}, *run.follow(form.variables(base))),)


def so_far(session: Session, row: Row, books: Library, form: Form, now: datetime, raw: Mapping[str, Any]) -> Outlook:
    """What follows the answers as they stand, together; what still decides and is open comes first."""
    run = _DryRun(session, row, books, now)
    answers = form.validate(raw, "zh", now).answers
    shown = form.visible(answers)
    deciding = (
        field for field in form.questions.values()
        if field.options and field.name in shown and _matters(field, form, run.definition.variables)
    )  # fmt: skip
    missing = tuple(field.label for field in deciding if field.required and blank(answers.get(field.name)))
    if missing:
        return Outlook(missing)
    return Outlook((), *run.follow(form.variables({name: answers[name] for name in answers if name in shown})))


def _matters(field: Field, form: Form, asked: frozenset[str]) -> bool:
    """True when the diagram reads the field, or a flag that is computed from it."""
    return field.name in asked or any(flag.name in asked and field.name in flag.rule for flag in form.flags)


def _first(field: Field) -> Any:
    value = field.options[0].value
    return [value] if field.kind == "checklist" else value


def _of_field(run: _DryRun, form: Form, field: Field, base: Mapping[str, Any]) -> list[Outcome]:
    """The outcomes of one field's options, when they differ."""
    found = []
    for option in field.options[:MOST_OPTIONS]:
        value = [option.value] if field.kind == "checklist" else option.value
        answers = {**base, field.name: value}
        shown = form.visible(answers)
        follows, open_ended = run.follow(form.variables({name: answers[name] for name in answers if name in shown}))
        found.append(Outcome(option.label, {field.name: option.value}, follows, open_ended, field.label))
    same = {(outcome.follows, outcome.open_ended) for outcome in found}
    return found if len(same) > 1 else []


class _DryRun:
    """The task's instance, ready to be tried with different answers."""

    def __init__(self, session: Session, row: Row, books: Library, now: datetime) -> None:
        instance = session.execute(select(INSTANCE).where(INSTANCE.c.id == row["instance_id"])).mappings().one()
        self.books, self.now, self.task = books, now, row["engine_id"]
        self.definition = books.definition(instance["process"])
        self.state = engine.open_state(
            _seal.state_key(), instance["id"], self.definition.hash, instance["version"], instance["state"]
        )
        self.facts = {**instance["context"], **row["facts"], "risk": row["risk"], **instance["facts"]}

    def follow(self, answers: Mapping[str, Any]) -> tuple[tuple[Text, ...], bool]:
        """What follows these answers, in words; and whether an operation decides."""
        known = {name: value for name, value in answers.items() if name in self.definition.variables}
        try:
            step = engine.dry_run(
                self.definition, self.state, engine.Complete(self.task, known), self.facts, self.now, self._deadline
            )
        except engine.EngineError:  # an answer that no branch takes is the form's to refuse
            return (), True
        return tuple(self._words(step)), bool(step.undecided)

    def _deadline(self, rule: str, element: engine.Element, facts: Mapping[str, Any]) -> datetime:
        arrived = {**facts, "role": element.role, "task_opened_at": self.now.isoformat()}
        due = self.books.deadlines.due(rule, arrived, self.now)
        return due.at if due else self.now

    def _words(self, step: engine.Step) -> Iterable[Text]:
        for opened in step.opened:
            role, name = self.books.role_name(opened.element.role or ""), opened.element.name
            yield Text(f"{role.zh}收到“{name.zh}”", f"{role.en} gets “{name.en}”")
        for thrown in step.thrown:
            yield Text(f"同时：{thrown.element.name.zh}", f"also: {thrown.element.name.en}")
        if step.completed:
            yield ENDS
        elif not step.opened and not step.undecided:
            yield from (
                Text(f"等待：{wait.element.name.zh}", f"waits for: {wait.element.name.en}") for wait in step.awaits
            )
