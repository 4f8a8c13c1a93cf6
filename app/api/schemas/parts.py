"""What several of them share."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.api.languages import lang
from app.text import Text

ROW_ID = validate.Range(min=1, max=2**63 - 1)


def is_(says: str, **more: Any) -> dict[str, Any]:
    """How the OpenAPI description puts a field."""
    return {"description": says, **more}


class Said(fields.String):
    """A bilingual text, in the caller's language."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return value.say(lang()) if isinstance(value, Text) else None


class Problem(Schema):
    """RFC 9457: what went wrong."""

    type = fields.String(required=True, metadata=is_("a URN made of `code`"))
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata=is_("what happened and how to mend it, in the caller's language"))
    instance = fields.String(required=True, metadata=is_("the path that was called"))
    code = fields.String(required=True, metadata=is_("stable, for programs"))
    wrong = fields.Dict(
        data_key="fields",
        keys=fields.String(),
        values=fields.String(),
        metadata=is_("path of a value: what is wrong with it"),
    )


class Page(Schema):
    """Where to go on: give `after` back to get the next page; empty on the last."""

    after = fields.String(metadata=is_("key of the next page; empty on the last"))


class After(Schema):
    """Where a page begins."""

    after = fields.String(
        load_default="", validate=validate.Length(max=64), metadata=is_("the `after` of the page before")
    )


# --- who ------------------------------------------------------------------------------------


class FormLayout(Schema):
    """A form: its layout in form-js format, and the options that come from data."""

    id = fields.String()
    layout = fields.Dict(metadata=is_("form-js JSON; `components[].key` are the names of the answers"))
    choices = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.List(fields.String())),
        metadata=is_("for each `options_from` of the layout: [value, label] pairs"),
    )


class Due(Schema):
    """Until when, and why."""

    at = fields.AwareDateTime(allow_none=True, metadata=is_("null: no limit"))
    provisional = fields.Boolean(metadata=is_("true until that year's holidays are published"))
    deadline_id = fields.String()
    rule = Said()
    method = Said()
    source = fields.String()


class Child(Schema):
    """The child in one line."""

    case_id = fields.Integer()
    name = fields.String()
    sex = fields.String()
    age = fields.Integer(allow_none=True)
    risk = fields.String()
    place = fields.String()
    last_seen_at = fields.AwareDateTime(allow_none=True)


class Clause(Schema):
    """Why a task exists."""

    id = fields.String()
    citation = Said()
    summary = Said()
    kind = fields.String()


class TaskRow(Schema):
    """A task in a list."""

    id = fields.Integer()
    title = Said()
    process = Said()
    child = fields.Nested(Child, allow_none=True)
    due = fields.Nested(Due)
    late = fields.Boolean()
    mine = fields.Boolean()
    claimed_by = fields.String(metadata=is_("name of whoever took it; empty: free"))
    stands_in_for = fields.String(metadata=is_("who is away, and whose substitute you are for it; empty: nobody"))
    on_duty = fields.Boolean(metadata=is_("free, urgent, and yours to take first: you are on duty"))
    unit = fields.String()
    role = Said()
    has_draft = fields.Boolean()
    opened_at = fields.AwareDateTime()
