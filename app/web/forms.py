"""Forms on pages: what was posted as raw answers, and a form as a page draws it.

Names of inputs: `name`; `name_date` and `name_time` for an instant; `name` repeated for a
checklist; `children-0-name` for a list's rows; `name_new` for files that are being added. The
buttons `_add_row` and `_remove_row` change rows without script; `_key` and `_written` come from a
phone that may have been without network (ADR 0018). No answer is judged here.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.datastructures import FileStorage, MultiDict

from app.rules.forms import Choices, Field, Form
from app.rules.forms_answers import MAX_ROWS, TICKED, blank
from app.rules.forms_conditions import tree
from app.rules.forms_dates import parts
from app.rules.occurrence import FIELD

Data = MultiDict[str, str]
BLANK_ROW = "__i__"  # stands for the number of a row that the script has still to add
ID = "q-"
KEY, WRITTEN = "_key", "_written"
ON_ITS_WAY = timedelta(minutes=10)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROW = re.compile(r"([a-z][a-z0-9_]*)-(\d{1,4})-.+")
_REMOVED = re.compile(r"([a-z][a-z0-9_]*)-(\d{1,4})")


# --- reading what was posted -----------------------------------------------------------------


def read(form: Form, data: Data) -> dict[str, Any]:
    """The raw answers in `data`, with the row added or removed that a button asked for."""
    added, removed = data.get("_add_row", ""), data.get("_remove_row", "")
    raw: dict[str, Any] = {}
    for name, field in form.questions.items():
        if field.kind != "dynamiclist":
            raw.update(_read_field(field, data, ""))
            continue
        rows = {place: _read_row(field, data, place) for place in _places(name, data) if f"{name}-{place}" != removed}
        raw[name] = [*rows.values(), *([{}] if added == name and len(rows) < MAX_ROWS else [])]
    return raw


def row_pressed(form: Form, data: Data) -> str:
    """The path to show again when a row was added or removed instead of the form being sent; else ""."""
    added, removed = data.get("_add_row", ""), _REMOVED.fullmatch(data.get("_remove_row", ""))
    if added in form.questions:
        return f"{added}.{min(len(_places(added, data)), MAX_ROWS - 1)}"
    return removed[1] if removed and removed[1] in form.questions else ""


def uploads(form: Form, files: MultiDict[str, FileStorage]) -> dict[str, list[FileStorage]]:
    """The files that are being added, by field; the caller stores them and puts their ids among the answers."""
    chosen = {
        name: [file for file in files.getlist(f"{name}_new") if file.filename]
        for name, field in form.questions.items()
        if field.kind == "filepicker"
    }
    return {name: new for name, new in chosen.items() if new}


def key(data: Data) -> str | None:
    """What the phone calls this sending, so that sending it again does nothing."""
    found = data.get(KEY, "")
    return found if _UUID.fullmatch(found) else None


def written(data: Data, now: datetime) -> datetime | None:
    """When the form was filled, where it came only later; a few minutes are no delay."""
    try:
        found = datetime.fromisoformat(data.get(WRITTEN, ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None and now - found > ON_ITS_WAY else None


def occurred(data: Data) -> dict[str, str]:
    """The day and the time at which it happened, as typed; empty when nothing was typed."""
    typed = {part: data.get(f"{FIELD}_{part}", "") for part in ("date", "time")}
    return {part: text for part, text in typed.items() if text.strip()}


def write_occurred(data: Data) -> list[tuple[str, str]]:
    """The same, as a page would post it again."""
    return [(f"{FIELD}_{part}", text) for part, text in occurred(data).items()]


def write(form: Form, answers: Mapping[str, Any]) -> Data:
    """`answers`, raw or stored, as a page would post them: read(form, write(form, a)) says the same as a."""
    pairs: list[tuple[str, str]] = []
    for name, field in form.questions.items():
        if field.kind == "dynamiclist":
            for place, row in enumerate(_rows(answers.get(name))):
                for column in field.fields:
                    pairs.extend(_write_field(column, row.get(column.name), f"{name}-{place}-"))
        else:
            pairs.extend(_write_field(field, answers.get(name), ""))
    return MultiDict(pairs)


def _read_field(field: Field, data: Data, prefix: str) -> dict[str, Any]:
    name = prefix + field.name
    if field.kind == "datetime" and (f"{name}_date" in data or f"{name}_time" in data):
        return {field.name: {"date": data.get(f"{name}_date", ""), "time": data.get(f"{name}_time", "")}}
    if name not in data:
        return {}
    if field.kind in ("checklist", "filepicker"):
        return {field.name: data.getlist(name)}
    return {field.name: True if field.kind == "checkbox" else data[name]}


def _read_row(field: Field, data: Data, place: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in field.fields:
        row.update(_read_field(column, data, f"{field.name}-{place}-"))
    return row


def _places(name: str, data: Data) -> list[int]:
    """The numbers of the rows that were posted; the script leaves gaps where rows were removed."""
    matches = (_ROW.fullmatch(key) for key in data)
    return sorted({int(match[2]) for match in matches if match and match[1] == name})[: 4 * MAX_ROWS]


def _write_field(field: Field, value: Any, prefix: str) -> Iterator[tuple[str, str]]:
    name = prefix + field.name
    if blank(value):
        return
    if field.kind == "datetime":
        yield from zip((f"{name}_date", f"{name}_time"), parts(value), strict=True)
    elif isinstance(value, (list, tuple)):
        yield from ((name, str(item)) for item in value)
    else:
        yield name, "1" if value is True else str(value)


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row if isinstance(row, Mapping) else {} for row in value] if isinstance(value, (list, tuple)) else []


# --- a form as a page draws it ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One option, and whether it is chosen."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One field as it is drawn; `name` is its input's, `id` that of what an error links to.

    `withheld`: what was answered lies sealed, and where to say why one must see it ("" for nowhere).
    """

    field: Field
    name: str
    path: str
    label: str
    hint: str
    error: str
    value: str
    ticked: bool
    moment: tuple[str, str]
    choices: tuple[Choice, ...]
    show_if: str
    items: tuple[Item, ...] = ()
    rows: tuple[Row, ...] = ()
    blank_row: Row | None = None
    withheld: str | None = None

    @property
    def id(self) -> str:
        """The path, set apart: an id of a field's own name would hide a property of the form element."""
        return ID + self.path

    @property
    def chips(self) -> bool:
        """True when the options are few and short enough to stand side by side."""
        widths = [_width(choice.label) for choice in self.choices]
        return len(widths) <= 4 and max(widths, default=0) <= 20 and sum(widths) <= 56

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Value and label of what can be chosen."""
        return [(choice.value, choice.label) for choice in self.choices]

    @property
    def described_by(self) -> str:
        """The ids of what explains the input: hint, seal and error, as far as they are drawn."""
        drawn = {"hint": self.hint, "seal": self.sealed, "error": self.error}
        return " ".join(f"{self.id}-{part}" for part, there in drawn.items() if there)

    @property
    def sealed(self) -> bool:
        """True when every look at the answer will need a reason."""
        return self.field.sensitivity == "S3" and self.field.kind not in ("text", "given", "group")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list; `place` is its number in the inputs' names, `number` the one people read."""

    place: str
    number: int
    items: tuple[Item, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the summary above a form; `target` is the id that it leads to."""

    target: str
    label: str
    message: str
    missing: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole form, ready to draw."""

    items: tuple[Item, ...]
    faults: tuple[Fault, ...]

    @property
    def only_missing(self) -> bool:
        """True when nothing is wrong but that something is missing."""
        return all(fault.missing for fault in self.faults)


def sheet(
    form: Form,
    answers: Mapping[str, Any],
    errors: Mapping[str, str],
    choices: Choices | None,
    lang: str,
    withheld: Mapping[str, str] | None = None,
) -> Sheet:
    """`form` filled with `answers` (stored, drafted or just posted), with what has to be mended.

    `choices` holds what options_from offers; `errors` are those of `validate`, by path; `withheld`
    are the questions whose answers lie sealed, each with the address where they can be opened.
    """
    drawing = _Drawing(errors, choices or {}, lang, withheld or {})
    items = tuple(drawing.items(form.fields, answers, "", ""))
    drawn = dict(drawing.faults)
    other = {
        path: Fault(path, message, message, missing=False) for path, message in errors.items() if path not in drawn
    }
    return Sheet(items, (*drawn.values(), *other.values()))


class _Drawing:
    """Draws one sheet, and notes the faults in the order in which the page shows them."""

    def __init__(self, errors: Mapping[str, str], choices: Choices, lang: str, withheld: Mapping[str, str]) -> None:
        self.errors, self.choices, self.lang, self.withheld = errors, choices, lang, withheld
        self.faults: list[tuple[str, Fault]] = []

    def items(self, fields: Sequence[Field], answers: Mapping[str, Any], name: str, path: str) -> Iterator[Item]:
        """The items of `fields`; `name` and `path` are what their own names are prefixed with."""
        for field in fields:
            yield self.item(field, answers, name, path)

    def item(self, field: Field, answers: Mapping[str, Any], name: str, path: str) -> Item:
        value, here = answers.get(field.name), path + field.name
        self._note(field, value, here)
        return Item(
            field=field,
            name=name + field.name,
            path=here,
            label=field.label.say(self.lang),
            hint=field.hint.say(self.lang),
            error=self.errors.get(here, ""),
            value=value if isinstance(value, str) else "" if value is None else str(value),
            ticked=value is True or value in TICKED,
            moment=parts(value) if field.kind == "datetime" else ("", ""),
            choices=tuple(self.options(field, value)),
            show_if=json.dumps(tree(field.visible_if)) if field.visible_if else "",
            items=tuple(self.items(field.fields, answers, name, path)) if field.kind == "group" else (),
            rows=tuple(self.rows(field, value)),
            blank_row=self.blank_row(field) if field.kind == "dynamiclist" and not field.fixed else None,
            withheld=self.withheld.get(here),
        )

    def _note(self, field: Field, value: Any, path: str) -> None:
        if path in self.errors:
            fault = Fault(ID + path, field.label.say(self.lang), self.errors[path], missing=blank(value))
            self.faults.append((path, fault))

    def options(self, field: Field, value: Any) -> Iterator[Choice]:
        """What can be chosen; for attachments, what is attached already (named by choices[field.name])."""
        chosen = [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]
        if field.kind == "filepicker":
            named = {str(code): label for code, label in self.choices.get(field.name, ())}
            yield from (Choice(code, named.get(code, ""), chosen=True) for code in chosen if not blank(value))
            return
        offered = self.choices.get(field.options_from, ()) if field.options_from else ()
        for code, label in (*((option.value, option.label.say(self.lang)) for option in field.options), *offered):
            yield Choice(str(code), label, str(code) in chosen)

    def rows(self, field: Field, value: Any) -> Iterator[Row]:
        """The rows that are filled, and one to begin with."""
        if field.kind != "dynamiclist":
            return
        for place, row in enumerate(_rows(value) or ([] if field.fixed else [{}])):
            items = self.items(field.fields, row, f"{field.name}-{place}-", f"{field.name}.{place}.")
            self._note_row(field, place)
            yield Row(str(place), place + 1, tuple(items), self.errors.get(f"{field.name}.{place}", ""))

    def _note_row(self, field: Field, place: int) -> None:
        path = f"{field.name}.{place}"
        if path in self.errors:
            label = f"{field.label.say(self.lang)} {place + 1}"
            self.faults.append((path, Fault(ID + path, label, self.errors[path], missing=False)))

    def blank_row(self, field: Field) -> Row:
        plain = _Drawing({}, self.choices, self.lang, {})
        prefix = (f"{field.name}-{BLANK_ROW}-", f"{field.name}.{BLANK_ROW}.")
        return Row(BLANK_ROW, 0, tuple(plain.items(field.fields, {}, *prefix)))


def _width(text: str) -> int:
    """How wide a label is, in halves of a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
