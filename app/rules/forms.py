"""A form: what it asks, whether answers fit it, and what they mean to the process.

A form is a frozen value read from a form-js file (`Form.parse`). Raw answers become a `Checked`;
from its answers follow the flags and variables that the process decides on, the parts that are
stored open and sealed, and the lines that people read back. Source: DECISIONS, Forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, NamedTuple

from marshmallow.experimental.context import Context

from app.rules.expressions import ExpressionError, Type, compile_expression
from app.rules.forms_answers import LONGEST, MAX_ROWS, Asking, Block, Choices, blank, clean
from app.rules.forms_dates import parts, read_instant
from app.rules.forms_layout import (
    CHOICES,
    MOMENTS,
    SECRET,
    Derived,
    Field,
    FormError,
    Layout,
    Option,
    Problem,
    Sensitivity,
    questions,
    type_of,
)
from app.rules.forms_reading import read
from app.text import Text

__all__ = ["Checked", "Choices", "Derived", "Field", "Form", "FormError", "Option", "Problem", "Shown", "problems"]

_LONGEST_DRAFT = 10 * max(LONGEST.values())
_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


@dataclass(frozen=True, slots=True)
class Checked:
    """What stands of the answers, and by path ("place", "children.0.name") what has to be mended."""

    answers: dict[str, Any]
    errors: dict[str, str]

    @property
    def ok(self) -> bool:
        """True when nothing has to be mended."""
        return not self.errors


class Shown(NamedTuple):
    """One answer for reading: its question, its value in words, how sensitive it is."""

    label: str
    value: str
    sensitivity: Sensitivity


def problems(document: Any) -> list[Problem]:
    """Everything in a form file that has to be mended before it may be used; never raises."""
    return list(read(document)[1])


@dataclass(frozen=True)
class Form:
    """A form that may be used: its file has no problems."""

    id: str
    name: Text
    fields: tuple[Field, ...]
    flags: tuple[Derived, ...]

    @classmethod
    def parse(cls, document: Any) -> Form:
        """The form of a file's JSON. Raises FormError, with all its problems, for anything outside the subset."""
        layout, found = read(document)
        if found:
            raise FormError(layout.id, found)
        return cls._of(layout)

    @classmethod
    def _of(cls, layout: Layout) -> Form:
        return cls(layout.id, layout.name, layout.fields, layout.derived)

    @cached_property
    def questions(self) -> dict[str, Field]:
        """The fields that take an answer, by name, in order; groups are opened, a list counts as one."""
        return {field.name: field for field in questions(self.fields)}

    @cached_property
    def _block(self) -> Block:
        return Block(self.fields)

    def validate(self, raw: Mapping[str, Any], lang: str, now: datetime, choices: Choices | None = None) -> Checked:
        """Read `raw` as answers; whatever it holds, nothing is raised.

        Hidden questions are dropped, questions that the form does not ask are errors. `choices`
        says what options_from may offer; without it any code is taken (the caller then checks).
        """
        with Context(Asking(now, choices, {})):
            answers, errors = self._block.check(raw)
        return Checked(answers, {path: text.say(lang) for path, text in _flat(errors)})

    def visible(self, answers: Mapping[str, Any]) -> frozenset[str]:
        """The questions that are asked, given `answers`."""
        return frozenset(name for name, shown in self._block.visible(answers, {}).items() if shown)

    def keep(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """What was typed so far, for a draft: as it was typed, hidden or not, right or wrong; never fails."""
        return {name: _typed(raw[name]) for name in self.questions if name in raw and not blank(raw[name])}

    def known(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """The part of earlier answers that this form asks for too, to fill it in beforehand."""
        return {name: answers[name] for name, field in self.questions.items() if _fits(field, answers.get(name))}

    def derived(self, answers: Mapping[str, Any]) -> dict[str, bool | None]:
        """The flags that follow from valid answers; None where an answer that the rule reads is missing."""
        return {flag.name: _flag(flag.rule, answers) for flag in self.flags}

    def variables(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """What the process may decide on: codes, ticks, days of timers and flags, None where hidden or open.

        Never words, names or rows: the state of an instance holds no person's data.
        """
        decided = {name: answers.get(name) for name, field in self.questions.items() if _decides(field)}
        return {**decided, **self.derived(answers)}

    def types(self) -> dict[str, Type]:
        """The names that `variables` gives, with what conditions in diagrams may do with them."""
        decided = {name: type_of(field) for name, field in self.questions.items() if _decides(field)}
        flags: dict[str, Type] = {flag.name: "bool" for flag in self.flags}
        return {**{name: kind for name, kind in decided.items() if kind is not None}, **flags}

    def split(self, answers: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The answers that may be stored open (S0, S1), and those that are stored encrypted (S2, S3).

        A list is as sensitive as its most sensitive column; so is what the form does not know.
        """
        plain: dict[str, Any] = {}
        secret: dict[str, Any] = {}
        for name, value in answers.items():
            field = self.questions.get(name)
            (secret if field is None or field.seal in SECRET else plain)[name] = value
        return plain, secret

    def describe(self, answers: Mapping[str, Any], lang: str, choices: Choices | None = None) -> list[Shown]:
        """Answers, or what was typed so far, as lines to read back, in the form's order; open questions are left out."""
        return [line for field in self.questions.values() for line in _lines(field, answers, lang, choices or {})]


def _flat(errors: Any, path: str = "") -> Iterator[tuple[str, Text]]:
    """Nested errors as (path, first text)."""
    if isinstance(errors, Mapping):
        for key, below in errors.items():
            yield from _flat(below, f"{path}.{key}" if path else str(key))
    elif errors:
        yield path, errors[0]


def _decides(field: Field) -> bool:
    open_day = field.kind in MOMENTS and field.seal not in SECRET  # a timer may wait for it
    return field.kind in CHOICES or field.kind == "checkbox" or open_day


def _flag(rule: str, answers: Mapping[str, Any]) -> bool | None:
    try:
        return bool(compile_expression(rule)(answers))
    except ExpressionError:
        return None


def _fits(field: Field, value: Any) -> bool:
    listed = field.kind in ("checklist", "filepicker", "dynamiclist")
    if blank(value) or isinstance(value, list) != listed:
        return False
    codes = [option.value for option in field.options]
    return not codes or all(code in codes for code in (value if listed else [value]))


def _typed(value: Any) -> Any:
    """`value` without what JSON or a database could not hold, and not beyond all measure."""
    match value:
        case str():
            return clean(value)[:_LONGEST_DRAFT]
        case bool():
            return value
        case int() | float():
            return str(value)[:40] if isinstance(value, float) or value.bit_length() <= 64 else ""
        case Mapping():
            return {str(key)[:64]: _typed_part(part) for key, part in list(value.items())[:100]}
        case list() | tuple():
            return [_typed(item) if isinstance(item, Mapping) else _typed_part(item) for item in value[: 2 * MAX_ROWS]]
    return ""


def _typed_part(value: Any) -> Any:
    """A part of a list, a row or a moment: a text, a tick, or a list or moment of texts."""
    if isinstance(value, Mapping):
        return {str(key)[:64]: _typed(part) for key, part in value.items() if isinstance(part, str)}
    if isinstance(value, (list, tuple)):
        return [_typed(part) for part in value[:100] if isinstance(part, str)]
    return _typed(value)


def _lines(field: Field, answers: Mapping[str, Any], lang: str, choices: Choices) -> Iterator[Shown]:
    value = answers.get(field.name)
    if field.kind == "dynamiclist":
        rows = [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
        for place, row in enumerate(rows, start=1):
            for column in field.fields:
                for line in _lines(column, row, lang, choices):
                    of, apart = (" ", ", ") if lang.startswith("en") else ("", "　")
                    label = f"{field.label.say(lang)}{of}{place}{apart}{line.label}"
                    yield Shown(label, line.value, max(line.sensitivity, field.sensitivity))
    elif not blank(value) or value is False:
        yield Shown(field.label.say(lang), _said(field, value, lang, choices), field.sensitivity)


def _said(field: Field, value: Any, lang: str, choices: Choices) -> str:
    english = lang.startswith("en")
    match value:
        case bool():
            return ("yes" if value else "no") if english else ("是" if value else "否")
        case list() if field.kind == "filepicker":
            return f"{len(value)} file{'s' if len(value) > 1 else ''}" if english else f"{len(value)}个附件"
        case list():
            return (", " if english else "、").join(field.label_of(str(item), choices, lang) for item in value)
        case str() | Mapping() if field.kind in MOMENTS:
            return _day_said(value if isinstance(value, str) else " ".join(parts(value)), lang)
        case _:
            return field.label_of(str(value), choices, lang) if field.kind in CHOICES else str(value)


def _day_said(value: str, lang: str) -> str:
    """“2026年11月23日 周一 16:30” or "Mon 23 Nov 2026 16:30"; what is no ISO text stands as it is."""
    instant = read_instant(value)
    if instant is None:
        return value
    day: date = instant.date()
    clock = f" {instant:%H:%M}" if len(value) > 10 else ""
    if lang.startswith("en"):
        return f"{day:%a} {day.day} {day:%b %Y}{clock}"
    return f"{day.year}年{day.month}月{day.day}日 {_WEEKDAYS[day.weekday()]}{clock}"
