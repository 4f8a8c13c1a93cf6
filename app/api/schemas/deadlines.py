"""What falls due."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.schemas.parts import After, Page, Said, is_
from app.services import agenda


class DeadlineQuery(After):
    """Which deadlines."""

    when = fields.String(
        load_default="due",
        validate=validate.OneOf(agenda.WHEN),
        metadata=is_(
            "overdue: already past; today: until midnight in Zhangye; due: all that are still to come or past"
        ),
    )


class DeadlineRow(Schema):
    """One deadline."""

    id = fields.Integer()
    kind = fields.String(metadata=is_("task: a person's limit; timer and start: the process goes on by itself"))
    rule = fields.String(metadata=is_("id of the rule; empty where the diagram names a day itself"))
    name = Said()
    due_at = fields.AwareDateTime()
    law_date = fields.Date(allow_none=True)
    provisional = fields.Boolean()
    overdue = fields.Boolean()
    case_id = fields.Integer()
    task_id = fields.Integer(allow_none=True)
    process = fields.String()


class DeadlineList(Page):
    """Deadlines within reach, the earliest first."""

    as_of = fields.AwareDateTime()
    deadlines = fields.List(fields.Nested(DeadlineRow))
