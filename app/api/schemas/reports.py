"""Reports of the public, and what a reporter is told."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.schemas.parts import Said, is_


class NewReport(Schema):
    """A report from outside."""

    answers = fields.Dict(
        required=True, keys=fields.String(), metadata=is_("answers to the form of GET /reports/form, by key")
    )


class Receipt(Schema):
    """What a reporter keeps; the code is told once and never again."""

    number = fields.String()
    code = fields.String()


class Question(Schema):
    """Number and code of a report."""

    number = fields.String(required=True, validate=validate.Length(1, 24))
    code = fields.String(required=True, validate=validate.Length(1, 12))


class Told(Schema):
    """Feedback that was written for the reporter."""

    at = fields.AwareDateTime()
    text = fields.String()


class ReportStatus(Schema):
    """What came of a report, as far as its reporter may know."""

    number = fields.String()
    received_at = fields.AwareDateTime()
    stage = Said()
    told = fields.List(fields.Nested(Told))


# --- tasks ----------------------------------------------------------------------------------
