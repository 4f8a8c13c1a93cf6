"""What a form file says: its questions, read from the form-js layout and checked to the last key.

The layout is a subset (contract: DECISIONS, Forms). Whatever the server would not honour in
the same way as the editor's preview is a problem, not a warning. Source: ADR 0005.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from app.errors import Refused
from app.rules.expressions import Type
from app.text import Text

Kind = Literal[
    "textfield",
    "textarea",
    "number",
    "date",
    "datetime",
    "radio",
    "select",
    "checkbox",
    "checklist",
    "filepicker",
    "text",
    "given",
    "group",
    "dynamiclist",
]
"""As form-js has them, but: a date is a datetime of subtype date, and a text in a list's rows is
"given": the row's own matter, shown and sent back unchanged."""
Sensitivity = Literal["S0", "S1", "S2", "S3"]
SENSITIVITIES: tuple[Sensitivity, ...] = ("S0", "S1", "S2", "S3")
SECRET: tuple[Sensitivity, ...] = ("S2", "S3")
CHOICES: tuple[Kind, ...] = ("radio", "select", "checklist")
MOMENTS: tuple[Kind, ...] = ("date", "datetime")
UNANSWERED: tuple[Kind, ...] = ("text", "group")  # shown, never sent


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a form file cannot be used: at which field ("" means the file itself), and what to mend."""

    field: str
    text: Text


class FormError(Refused):
    """The form file is outside the subset; `problems` lists everything that has to be mended."""

    def __init__(self, form: str, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        super().__init__("form", first.text, form=form, field=first.field)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(f"{problem.field}: {problem.text.en}" for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be chosen."""

    value: str
    label: Text


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of an answer; None means that only the house's own caps apply."""

    low: float | None = None
    high: float | None = None
    shortest: int | None = None
    longest: int | None = None
    digits: int = 2  # decimal places of a number


@dataclass(frozen=True, slots=True)
class Field:
    """One component of a form.

    `fields` are a group's questions or a list's columns. `future` allows a day to come where
    the name (…_at) speaks of something that has happened. `fixed`: rows are given, not added.
    """

    name: str
    kind: Kind
    label: Text
    hint: Text = Text("", "")
    required: bool = False
    sensitivity: Sensitivity = "S1"
    options: tuple[Option, ...] = ()
    options_from: str = ""
    limits: Limits = Limits()
    visible_if: str = ""
    clauses: tuple[str, ...] = ()
    future: bool = False
    fixed: bool = False
    fields: tuple[Field, ...] = ()

    @property
    def occurred(self) -> bool:
        """True when the answer tells when something happened, so that it cannot lie ahead."""
        return self.kind in MOMENTS and self.name.endswith("_at") and not self.future

    @property
    def seal(self) -> Sensitivity:
        """The highest sensitivity of the field and its columns."""
        return max((self.sensitivity, *(column.seal for column in self.fields)), key=SENSITIVITIES.index)

    def label_of(self, value: str, choices: Mapping[str, tuple[tuple[str, str], ...]], lang: str) -> str:
        """What the option `value` is called; the code itself when nobody knows it any more."""
        known = {option.value: option.label.say(lang) for option in self.options}
        known.update(choices.get(self.options_from, ()) if self.options_from else ())
        return known.get(value, value)


@dataclass(frozen=True, slots=True)
class Derived:
    """A flag that is computed from the answers by a rule in the closed language."""

    name: str
    rule: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A form file, read."""

    id: str
    name: Text
    fields: tuple[Field, ...]
    derived: tuple[Derived, ...]


def questions(fields: tuple[Field, ...]) -> Iterator[Field]:
    """The fields that take an answer, in order, groups opened; a list counts as one."""
    for field in fields:
        if field.kind == "group":
            yield from questions(field.fields)
        elif field.kind != "text":
            yield field


def type_of(field: Field) -> Type | None:
    """What conditions may do with an answer; None for what they may not read at all."""
    values = tuple(option.value for option in field.options)
    match field.kind:
        case "radio" | "select":
            return values or "str"
        case "checklist":
            return frozenset(values) or "list"
        case "checkbox":
            return "bool"
        case "number":
            return "int"
        case "date" | "datetime":
            return field.kind
        case _:
            return None


def types_of(fields: tuple[Field, ...]) -> dict[str, Type]:
    """The names that a condition among `fields` may read."""
    known = {field.name: type_of(field) for field in questions(fields)}
    return {name: kind for name, kind in known.items() if kind is not None}
