"""Drafts of releases, their files and their moves."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.schemas.parts import ROW_ID, Said, is_

TEXT = validate.Length(max=4000)


class DraftRow(Schema):
    """A draft in the list."""

    id = fields.Integer()
    title = fields.String()
    state = fields.String(metadata=is_("draft, checked, submitted, approved, published"))
    by = fields.String(metadata=is_("who began it"))
    made_at = fields.AwareDateTime()
    base_id = fields.Integer(metadata=is_("the release whose files it changes"))
    files = fields.Integer(metadata=is_("how many it changes"))


class DraftList(Schema):
    """Drafts, newest first."""

    drafts = fields.List(fields.Nested(DraftRow))


class Move(Schema):
    """One thing that was done to a draft."""

    at = fields.AwareDateTime()
    by = fields.String(metadata=is_("empty: the system, at the time that was set"))
    what = fields.String()
    path = fields.String()
    version = fields.Integer()
    hash = fields.String(metadata=is_("of the whole content, where the move was about it"))
    said = fields.String()


class DraftState(Schema):
    """A draft, what it changes, and everything that was done to it."""

    id = fields.Integer()
    title = fields.String()
    state = fields.String()
    notes = fields.String()
    base_id = fields.Integer()
    since_id = fields.Integer(metadata=is_("the release in force that it will replace"))
    behind = fields.Boolean(metadata=is_("another release has been published since"))
    hash = fields.String(metadata=is_("of the content that was submitted"))
    publish_at = fields.AwareDateTime(allow_none=True)
    release_id = fields.Integer(allow_none=True, metadata=is_("the release that it became"))
    paths = fields.List(fields.String(), metadata=is_("the files that it changes"))
    moves = fields.List(fields.Nested(Move))
    may = fields.List(fields.String(), metadata=is_("what the caller may do with it now"))


class NewDraft(Schema):
    """What is to change, and from which release."""

    title = fields.String(required=True)
    base = fields.Integer(load_default=None, allow_none=True, validate=ROW_ID,
                          metadata=is_("an older release, to go back to it; the one in force unless given"))  # fmt: skip


class DraftFile(Schema):
    """A file of a draft as it stands."""

    path = fields.String()
    version = fields.Integer(metadata=is_("name it when saving; 0: as in the base"))
    text = fields.String()
    changed = fields.Boolean()


class DraftPath(Schema):
    """Which file."""

    path = fields.String(required=True, metadata=is_("bpmn/NAME.bpmn, forms/NAME.json or bpmn/NAME.json"))


class DraftText(Schema):
    """A text to be saved, begun from `version`."""

    path = fields.String(required=True)
    text = fields.String(required=True, allow_none=True, metadata=is_("null: go back to the base"))
    version = fields.Integer(required=True, validate=validate.Range(min=0))


class Finding(Schema):
    """One thing to mend."""

    file = fields.String()
    element = fields.String()
    rule = fields.String()
    severity = fields.String(metadata=is_("error, warning"))
    message = Said()
    hint = Said()


class Findings(Schema):
    """What a check found, errors first."""

    problems = fields.List(fields.Nested(Finding))


class Notes(Schema):
    """What changed and why."""

    notes = fields.String(required=True, validate=TEXT)


class Reason(Schema):
    """Why it goes back."""

    reason = fields.String(required=True, validate=TEXT)


class From(Schema):
    """When it comes into force."""

    publish_at = fields.AwareDateTime(load_default=None, allow_none=True, metadata=is_("null: at once"))
