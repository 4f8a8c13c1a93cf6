"""Tasks, and what is sent with them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.schemas.parts import After, Clause, Page, Said, TaskRow, is_
from app.services.inbox import listing


class TaskQuery(After):
    """Which tasks."""

    view = fields.String(load_default="mine", validate=validate.OneOf(listing.VIEWS))
    limit = fields.Integer(load_default=listing.PAGE, validate=validate.Range(1, 100))


class TaskList(Page):
    """One page of a view, in the order in which tasks fall due."""

    view = fields.String()
    as_of = fields.AwareDateTime()
    counts = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata=is_("tasks in each view; past a thousand “1000+”")
    )
    tasks = fields.List(fields.Nested(TaskRow))


class Outcome(Schema):
    """What follows one answer."""

    answer = Said()
    when = fields.Dict()
    follows = fields.List(Said())
    open_ended = fields.Boolean()


class Version(Schema):
    """What was sent with a task, once: first, or as a correction."""

    record = fields.Integer(metadata=is_("the submission"))
    by = fields.String()
    occurred_at = fields.AwareDateTime()
    recorded_at = fields.AwareDateTime()
    corrects = fields.Boolean()
    reason = fields.String(metadata=is_("why it was corrected; empty where you may not read it"))


class Task(Schema):
    """Everything about a task; what its form asks is at /tasks/{task_id}/form."""

    row = fields.Nested(TaskRow)
    version = fields.Integer(metadata=is_("to be sent with the answers: a stale one is refused"))
    form_id = fields.String()
    answers = fields.Dict(metadata=is_("your draft, or what is known already"))
    draft_saved_at = fields.AwareDateTime(allow_none=True)
    clauses = fields.List(fields.Nested(Clause))
    outcomes = fields.List(fields.Nested(Outcome))
    may = fields.List(fields.String(), metadata=is_("claim, release, complete, draft, correct, remark"))
    closed = Said(allow_none=True, metadata=is_("why it is no longer open; null while it is"))
    versions = fields.List(fields.Nested(Version), metadata=is_("what was sent, and its corrections, newest first"))


class Correction(Schema):
    """What stands from now on in the place of what was sent with a task."""

    supersedes = fields.Integer(required=True, metadata=is_("the newest of the task's versions when it was read"))
    answers = fields.Dict(required=True, keys=fields.String(), metadata=is_("all of them, by the form's keys"))
    reason = fields.String(required=True, metadata=is_("what was wrong and how you know"))
    occurred_at = fields.AwareDateTime(
        load_default=None, allow_none=True, metadata=is_("when it happened, if not when it was said to")
    )


class Completion(Schema):
    """A task's form, filled in."""

    version = fields.Integer(required=True, metadata=is_("the task's version when it was read"))
    answers = fields.Dict(required=True, keys=fields.String(), metadata=is_("by the form's keys"))
    occurred_at = fields.AwareDateTime(
        load_default=None, allow_none=True, metadata=is_("when it happened, if that was not now; with an offset")
    )


class IdempotencyKey(Schema):
    """Makes sending twice the same as sending once."""

    key = fields.String(
        data_key="Idempotency-Key",
        load_default=None,
        validate=validate.Length(1, 255),
        metadata=is_("chosen by the caller, one for each thing sent; the same again gives the first result"),
    )


class Completed(Schema):
    """What was kept."""

    submission_id = fields.Integer()
    case_id = fields.Integer()


# --- cases ----------------------------------------------------------------------------------
