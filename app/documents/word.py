"""A template filled with values: a .docx that staff can still edit, with visible blanks where nothing is known."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from docx import Document
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.documents.fields import AT_ISSUE, FIELDS, Field, Uses, Values

BLANK = "＿＿＿"
"""Stands where a value is not known, to be filled in by pen."""


def environment() -> ImmutableSandboxedEnvironment:
    """Jinja with nothing in it: no filter, no test, no function, no global; every value is escaped."""
    made = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    for names in (made.filters, made.tests, made.globals):
        names.clear()
    return made


def fill(template: bytes, used: Uses, values: Values) -> bytes:
    """The template as a document; of the fields it uses those without a value become blanks."""
    asked = {name for name, condition in used if name == condition}
    document = DocxTemplate(io.BytesIO(template))
    given = {name: _given(FIELDS[name], values, asked=name in asked) for name, _ in used}
    document.render(given, jinja_env=environment(), autoescape=True)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def headed(document: bytes, mark: str) -> bytes:
    """The document with `mark` at the head of every page; as it is, where there is none."""
    if not mark:
        return document
    opened = Document(io.BytesIO(document))
    for section in opened.sections:
        for header in (section.header, section.first_page_header, section.even_page_header):
            header.is_linked_to_previous = False
            header.paragraphs[0].text = mark
    written = io.BytesIO()
    opened.save(written)
    return written.getvalue()


def gaps(used: Uses, values: Values) -> tuple[str, ...]:
    """The fields that leave a blank, in the order in which they are declared; those of the issue itself aside."""
    blank = {
        name for name, condition in used
        if not values.get(name) and (not condition or (condition != name and values.get(condition)))
    }  # fmt: skip
    return tuple(name for name in FIELDS if name in blank - AT_ISSUE)


def _given(field: Field, values: Values, *, asked: bool) -> Any:
    value = values.get(field.name)
    if not field.columns:
        return _plain(str(value)) if value else "" if asked else BLANK
    rows: Any = value or ([] if asked else [{}])
    return [_row(field, number, row) for number, row in enumerate(rows, start=1)]


def _row(field: Field, number: int, row: Mapping[str, str]) -> dict[str, str]:
    said = {column: _plain(str(row.get(column) or "")) or BLANK for column in field.columns}
    return {**said, "no": str(number)}


def _plain(text: str) -> str:
    """The text without what XML cannot hold, its lines joined: a paragraph is the template's to make."""
    return "".join(_allowed(text)).strip()


def _allowed(text: str) -> Iterator[str]:
    for sign in text:
        if sign in "\n\r\t\v\f\u2028\u2029":
            yield " "
        elif (
            sign >= " "
            and not "\ud800" <= sign <= "\udfff"
            and sign not in "\ufffe\uffff"
            and not "\x7f" <= sign <= "\x9f"
        ):
            yield sign
