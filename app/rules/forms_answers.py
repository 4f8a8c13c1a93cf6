"""From what was sent to an answer that may be kept: one marshmallow field for each kind of question.

Raw values come from a page (all text) or from the API (JSON). Answers are JSON-ready: text,
numbers, true or false, lists of codes, days as YYYY-MM-DD, instants as ISO with +08:00.
"""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NoReturn

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.experimental.context import Context

from app.clock import LAW_ZONE
from app.rules import forms_words as words
from app.rules.expressions import compile_expression, names
from app.rules.forms_dates import parts, plain, read_date, read_instant, read_time
from app.rules.forms_layout import Field, Kind, questions
from app.rules.forms_reading import conditions, order_of
from app.text import Text

Choices = Mapping[str, tuple[tuple[str, str], ...]]
"""For each source that options_from names: (value, label in the page's language), in order."""

LONGEST: Mapping[Kind, int] = {"textfield": 200, "textarea": 5000, "given": 200}
MAX_ROWS, MAX_FILES, MAX_NUMBER = 50, 20, 10**12
TICKED, NOT_TICKED = ("1", "on", "yes", "true", "True"), ("0", "off", "no", "false", "False")
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,10})?", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


@dataclass(frozen=True, slots=True)
class Asking:
    """When the form is read, what may be chosen, and what a list's rows see of the form around them."""

    now: datetime
    choices: Choices | None
    outer: Mapping[str, Any]

    @property
    def today(self) -> date:
        """The day it is where the law is reckoned."""
        return self.now.astimezone(LAW_ZONE).date()


def blank(value: Any) -> bool:
    """True when nothing was typed, ticked or chosen."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, Mapping):
        return all(blank(part) for part in value.values())
    if isinstance(value, (list, tuple)):
        return all(blank(part) for part in value)
    return value is None or value is False


def clean(text: str) -> str:
    """`text` as it may be stored: line ends as "\\n", no control characters, no half characters, trimmed."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in lines if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs")).strip()


def _said(value: Any) -> str | None:
    """A text or a number as text; None for anything else (and for numbers beyond any use)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return repr(value) if isinstance(value, float) or value.bit_length() <= 64 else None


def _refuse(text: Text) -> NoReturn:
    # A list, because marshmallow takes one apart from its own messages, which are plain strings.
    raise ValidationError([text])


class Answer(fields.Field[Any], ABC):
    """The answer to `asked`; it complains in both languages."""

    def __init__(self, asked: Field) -> None:
        super().__init__(required=asked.required)
        self.asked = asked

    @property
    def asking(self) -> Asking:
        """What this reading is about (see Asking)."""
        return Context[Asking].get()

    @abstractmethod
    def read(self, value: Any) -> Any:
        """The answer in its stored form. Raises ValidationError with a Text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return self.read(value)

    def make_error(self, *_: Any, **__: Any) -> ValidationError:
        """The only error that marshmallow itself finds: the answer is missing."""
        return ValidationError([words.missing(self.asked, self.asking.today)])


class TextAnswer(Answer):
    """Words, with line ends as "\\n" and without control characters."""

    def read(self, value: Any) -> str:
        said = _said(value)
        if said is None:
            _refuse(words.not_text())
        text = clean(said)
        limits, most = self.asked.limits, LONGEST[self.asked.kind]
        if limits.longest is not None:
            most = min(limits.longest, 10 * most)
        if len(text) > most:
            _refuse(words.too_long(len(text), most))
        if limits.shortest is not None and len(text) < limits.shortest:
            _refuse(words.too_short(len(text), limits.shortest))
        return text


class NumberAnswer(Answer):
    """A number; an int when it is whole."""

    def read(self, value: Any) -> int | float:
        limits = self.asked.limits
        number = _decimal(value)
        if number is None or number != round(number, limits.digits):
            _refuse(words.not_number(limits.digits))
        if limits.low is not None and number < Decimal(str(limits.low)):
            _refuse(words.too_small(limits.low))
        if number > Decimal(str(MAX_NUMBER if limits.high is None else limits.high)):
            _refuse(words.too_large(MAX_NUMBER if limits.high is None else limits.high))
        return int(number) if number == int(number) else float(number)


def _decimal(value: Any) -> Decimal | None:
    text = plain((_said(value) or "")[:40])
    return Decimal(text.replace(",", "")) if _NUMBER.fullmatch(text) else None


class DateAnswer(Answer):
    """A day."""

    def read(self, value: Any) -> str:
        day = _day(value, self.asking.today)
        if self.asked.occurred and day > self.asking.today:
            _refuse(words.future_day())
        return day.isoformat()


class MomentAnswer(Answer):
    """A day and a time of day, in Asia/Shanghai."""

    def read(self, value: Any) -> str:
        today = self.asking.today
        if isinstance(value, str) and len(value) <= 40 and (instant := read_instant(value)) and len(plain(value)) > 10:
            return self._not_ahead(instant)
        day, clock = parts(value)
        if blank(day):
            _refuse(words.missing_date(today))
        found = _day(day, today)
        if blank(clock):
            _refuse(words.missing_time())
        return self._not_ahead(datetime.combine(found, _time(clock), LAW_ZONE))

    def _not_ahead(self, instant: datetime) -> str:
        if self.asked.occurred and instant > self.asking.now:
            _refuse(words.future_day() if instant.date() > self.asking.today else words.future_time())
        return instant.isoformat(timespec="minutes")


def _day(value: Any, today: date) -> date:
    said = value if isinstance(value, str) else ""
    day = read_date(said[:40], today)
    return _refuse(words.unread_date(clean(said), today)) if day is None else day


def _time(said: str) -> time:
    clock = read_time(said[:40])
    return _refuse(words.unread_time(clean(said))) if clock is None else clock


class ChoiceAnswer(Answer):
    """One of the options, by its code."""

    def read(self, value: Any) -> str:
        return _option(self.asked, value, self.asking.choices)


class ListAnswer(Answer):
    """Some of the options, in their order, each once."""

    def read(self, value: Any) -> list[str]:
        ticked = value if isinstance(value, (list, tuple)) else [value]
        if len(ticked) > 500:
            _refuse(words.not_an_option())
        chosen = {_option(self.asked, item, self.asking.choices) for item in ticked if not blank(item)}
        order = allowed(self.asked, self.asking.choices)
        return sorted(chosen) if order is None else [code for code in order if code in chosen]


def allowed(field: Field, choices: Choices | None) -> tuple[str, ...] | None:
    """The codes that may be chosen; None when they come from data that is not at hand."""
    if not field.options_from:
        return tuple(option.value for option in field.options)
    return None if choices is None else tuple(str(value) for value, _ in choices.get(field.options_from, ()))


def _option(field: Field, value: Any, choices: Choices | None) -> str:
    code = (_said(value) or "").strip()
    among = allowed(field, choices)
    if not (code in among if among is not None else _CODE.fullmatch(code)):
        _refuse(words.not_an_option())
    return code


class TickAnswer(Answer):
    """True when the box is ticked."""

    def read(self, value: Any) -> bool:
        if value is True or value in TICKED:
            return True
        if value not in NOT_TICKED:
            _refuse(words.not_a_tick())
        if self.asked.required:
            raise self.make_error("required")
        return False


class FilesAnswer(Answer):
    """Ids of attachments that are stored already."""

    def read(self, value: Any) -> list[str]:
        sent = value if isinstance(value, (list, tuple)) else [value]
        ids = [_said(item) or "" for item in sent if not blank(item)]
        if len(ids) > MAX_FILES or not all(_CODE.fullmatch(item) for item in ids):
            _refuse(words.not_files(MAX_FILES))
        return list(dict.fromkeys(ids))


class RowsAnswer(Answer):
    """Rows of a list; rows left blank are dropped, errors keep the place the row had when it was sent."""

    def __init__(self, asked: Field) -> None:
        super().__init__(asked)
        self.row = Block(asked.fields)

    def read(self, value: Any) -> list[dict[str, Any]]:
        rows = value if isinstance(value, (list, tuple)) else [value]
        if len(rows) > MAX_ROWS:
            _refuse(words.too_many_rows(MAX_ROWS))
        kept, wrong = [], {}
        for place, raw in enumerate(rows):
            if blank(raw):
                continue
            answers, errors = self.row.check(raw) if isinstance(raw, Mapping) else ({}, [words.not_rows()])
            kept.append(answers)
            if errors:
                wrong[place] = errors
        if wrong:
            raise ValidationError(wrong)
        return kept


_ANSWERS: Mapping[Kind, Callable[[Field], Answer]] = {
    "textfield": TextAnswer,
    "textarea": TextAnswer,
    "given": TextAnswer,
    "number": NumberAnswer,
    "date": DateAnswer,
    "datetime": MomentAnswer,
    "radio": ChoiceAnswer,
    "select": ChoiceAnswer,
    "checklist": ListAnswer,
    "checkbox": TickAnswer,
    "filepicker": FilesAnswer,
    "dynamiclist": RowsAnswer,
}


class _Strict(Schema):
    """Refuses answers to questions that were not asked."""

    error_messages = {"unknown": words.not_in_form()}  # type: ignore[dict-item]  # noqa: RUF012

    class Meta:
        unknown = RAISE


def _deciding(asked: tuple[Field, ...]) -> frozenset[str]:
    """The names that conditions read, here or in the rows of a list."""
    own = frozenset(name for sources in conditions(asked).values() for source in sources for name in names(source))
    return own.union(*(_deciding(field.fields) for field in questions(asked) if field.kind == "dynamiclist"))


class Block:
    """Questions that are answered together: a form, or one row of a list. Compiled once, safe to share."""

    def __init__(self, asked: tuple[Field, ...]) -> None:
        self.asked = {field.name: field for field in questions(asked)}
        self.shown_if = {
            name: tuple(compile_expression(source, "false") for source in sources)
            for name, sources in conditions(asked).items()
        }
        self.order = order_of(asked)
        self.deciding = _deciding(asked)
        answers: dict[str, fields.Field[Any]] = {
            name: _ANSWERS[field.kind](field) for name, field in self.asked.items()
        }
        self.schema = _Strict.from_dict(answers, name="Answers")()

    def visible(self, answers: Mapping[str, Any], outer: Mapping[str, Any]) -> dict[str, bool]:
        """Which questions are asked, given `answers` so far; what is hidden counts as unanswered."""
        facts, shown = dict(outer), {}
        for name in self.order:
            facts.pop(name, None)
            shown[name] = all(holds(facts) for holds in self.shown_if[name])
            if shown[name]:
                facts[name] = answers.get(name, self.untouched(name))
        return shown

    def untouched(self, name: str) -> Any:
        """What a question means that was asked and left alone: no items, not ticked, else nothing."""
        kind = self.asked[name].kind
        return False if kind == "checkbox" else [] if kind in ("checklist", "filepicker", "dynamiclist") else None

    def check(self, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The answers that stand, and by name what is wrong with the others. Needs an Asking as context."""
        asking: Asking = Context[Asking].get()
        typed = {str(name): value for name, value in raw.items() if not blank(value)}
        settled = {
            name: self._settled(name, typed[name]) for name in self.asked if name in typed and name in self.deciding
        }
        shown = self.visible(settled, asking.outer)
        hidden = {name for name, asked in shown.items() if not asked}
        with Context(replace(asking, outer={**asking.outer, **settled})):
            try:
                given = {name: value for name, value in typed.items() if name not in hidden}
                found, errors = self.schema.load(given, partial=hidden), {}
            except ValidationError as wrong:
                found, errors = wrong.valid_data, wrong.messages_dict
        return self._complete(dict(found or {}), shown, errors), errors

    def _settled(self, name: str, value: Any) -> Any:
        """The answer as conditions see it: None while it is not one."""
        if self.asked[name].kind == "dynamiclist":
            return None
        try:
            return self.schema.fields[name].deserialize(value)
        except ValidationError:
            return None

    def _complete(self, found: dict[str, Any], shown: Mapping[str, bool], errors: Mapping[str, Any]) -> dict[str, Any]:
        """Every list and tick that was asked and left alone is an answer too: none, not ticked."""
        for name in self.asked:
            if shown[name] and name not in errors and self.untouched(name) is not None:
                found.setdefault(name, self.untouched(name))
        return {name: found[name] for name in self.asked if name in found}
