"""What goes in and out, as marshmallow schemas; services' views become plain JSON here.

Instants are ISO 8601 in UTC; a text is in the caller's language. What comes in must be known:
an unknown name is refused, so that a slip of the pen does not pass unseen.
"""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from app.api.languages import lang
from app.services import agenda, inbox
from app.text import Text

ROW_ID = validate.Range(min=1, max=2**63 - 1)


def _is(says: str, **more: Any) -> dict[str, Any]:
    """How the OpenAPI description puts a field."""
    return {"description": says, **more}


class Said(fields.String):
    """A bilingual text, in the caller's language."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return value.say(lang()) if isinstance(value, Text) else None


class Problem(Schema):
    """RFC 9457: what went wrong."""

    type = fields.String(required=True, metadata=_is("a URN made of `code`"))
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True, metadata=_is("what happened and how to mend it, in the caller's language"))
    instance = fields.String(required=True, metadata=_is("the path that was called"))
    code = fields.String(required=True, metadata=_is("stable, for programs"))
    wrong = fields.Dict(
        data_key="fields",
        keys=fields.String(),
        values=fields.String(),
        metadata=_is("path of a value: what is wrong with it"),
    )


class Page(Schema):
    """Where to go on: give `after` back to get the next page; empty on the last."""

    after = fields.String(metadata=_is("key of the next page; empty on the last"))


class After(Schema):
    """Where a page begins."""

    after = fields.String(
        load_default="", validate=validate.Length(max=64), metadata=_is("the `after` of the page before")
    )


# --- who ------------------------------------------------------------------------------------


class Credentials(Schema):
    """A name and a password."""

    username = fields.String(required=True, validate=validate.Length(1, 64))
    password = fields.String(required=True, validate=validate.Length(1, 256), load_only=True)


class Token(Schema):
    """What a program sends as Authentication-Token from now on."""

    token = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class Post(Schema):
    """A role that somebody holds in a region."""

    role = fields.String()
    region = fields.String(attribute="unit_path")


class Session(Schema):
    """Who calls."""

    id = fields.Integer()
    posts = fields.List(fields.Nested(Post))
    csrf_token = fields.String(metadata=_is("to be sent as X-CSRFToken by a browser's session; empty for a token"))


# --- reports --------------------------------------------------------------------------------


class FormLayout(Schema):
    """A form: its layout in form-js format, and the options that come from data."""

    id = fields.String()
    layout = fields.Dict(metadata=_is("form-js JSON; `components[].key` are the names of the answers"))
    choices = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.List(fields.String())),
        metadata=_is("for each `options_from` of the layout: [value, label] pairs"),
    )


class NewReport(Schema):
    """A report from outside."""

    answers = fields.Dict(
        required=True, keys=fields.String(), metadata=_is("answers to the form of GET /reports/form, by key")
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


class Due(Schema):
    """Until when, and why."""

    at = fields.AwareDateTime(allow_none=True, metadata=_is("null: no limit"))
    provisional = fields.Boolean(metadata=_is("true until that year's holidays are published"))
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


class TaskRow(Schema):
    """A task in a list."""

    id = fields.Integer()
    title = Said()
    process = Said()
    child = fields.Nested(Child, allow_none=True)
    due = fields.Nested(Due)
    late = fields.Boolean()
    mine = fields.Boolean()
    claimed_by = fields.String(metadata=_is("name of whoever took it; empty: free"))
    unit = fields.String()
    role = Said()
    has_draft = fields.Boolean()
    opened_at = fields.AwareDateTime()


class TaskQuery(After):
    """Which tasks."""

    view = fields.String(load_default="mine", validate=validate.OneOf(inbox.VIEWS))
    limit = fields.Integer(load_default=inbox.PAGE, validate=validate.Range(1, 100))


class TaskList(Page):
    """One page of a view, in the order in which tasks fall due."""

    view = fields.String()
    as_of = fields.AwareDateTime()
    counts = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata=_is("tasks in each view; past a thousand “1000+”")
    )
    tasks = fields.List(fields.Nested(TaskRow))


class Clause(Schema):
    """Why a task exists."""

    id = fields.String()
    citation = Said()
    summary = Said()
    kind = fields.String()


class Outcome(Schema):
    """What follows one answer."""

    answer = Said()
    when = fields.Dict()
    follows = fields.List(Said())
    open_ended = fields.Boolean()


class Version(Schema):
    """What was sent with a task, once: first, or as a correction."""

    record = fields.Integer(metadata=_is("the submission"))
    by = fields.String()
    occurred_at = fields.AwareDateTime()
    recorded_at = fields.AwareDateTime()
    corrects = fields.Boolean()
    reason = fields.String(metadata=_is("why it was corrected; empty where you may not read it"))


class Task(Schema):
    """Everything about a task; what its form asks is at /tasks/{task_id}/form."""

    row = fields.Nested(TaskRow)
    version = fields.Integer(metadata=_is("to be sent with the answers: a stale one is refused"))
    form_id = fields.String()
    answers = fields.Dict(metadata=_is("your draft, or what is known already"))
    draft_saved_at = fields.AwareDateTime(allow_none=True)
    clauses = fields.List(fields.Nested(Clause))
    outcomes = fields.List(fields.Nested(Outcome))
    may = fields.List(fields.String(), metadata=_is("claim, release, complete, draft, correct, remark"))
    closed = Said(allow_none=True, metadata=_is("why it is no longer open; null while it is"))
    versions = fields.List(fields.Nested(Version), metadata=_is("what was sent, and its corrections, newest first"))


class Correction(Schema):
    """What stands from now on in the place of what was sent with a task."""

    supersedes = fields.Integer(required=True, metadata=_is("the newest of the task's versions when it was read"))
    answers = fields.Dict(required=True, keys=fields.String(), metadata=_is("all of them, by the form's keys"))
    reason = fields.String(required=True, metadata=_is("what was wrong and how you know"))
    occurred_at = fields.AwareDateTime(
        load_default=None, allow_none=True, metadata=_is("when it happened, if not when it was said to")
    )


class Completion(Schema):
    """A task's form, filled in."""

    version = fields.Integer(required=True, metadata=_is("the task's version when it was read"))
    answers = fields.Dict(required=True, keys=fields.String(), metadata=_is("by the form's keys"))
    occurred_at = fields.AwareDateTime(
        load_default=None, allow_none=True, metadata=_is("when it happened, if that was not now; with an offset")
    )


class IdempotencyKey(Schema):
    """Makes sending twice the same as sending once."""

    key = fields.String(
        data_key="Idempotency-Key",
        load_default=None,
        validate=validate.Length(1, 255),
        metadata=_is("chosen by the caller, one for each thing sent; the same again gives the first result"),
    )


class Completed(Schema):
    """What was kept."""

    submission_id = fields.Integer()
    case_id = fields.Integer()


# --- cases ----------------------------------------------------------------------------------


class CaseRow(Schema):
    """A case in a list."""

    id = fields.Integer()
    number = fields.String()
    kind = fields.String(metadata=_is("child or report"))
    closed = fields.Boolean(metadata=_is("everything in it has ended; it opens again when something starts in it"))
    child = fields.Nested(Child, allow_none=True)
    lead = Said()
    next_task = fields.Nested(TaskRow, allow_none=True)


class CaseQuery(Schema):
    """Which cases."""

    after = fields.Integer(
        load_default=0, validate=validate.Range(0, 2**63 - 1), metadata=_is("the page before's `after`")
    )


class CaseSearch(CaseQuery):
    """Which cases; in the body, because a child's name must not stand in an address."""

    find = fields.String(
        required=True, validate=validate.Length(1, 60), metadata=_is("a child's whole name, or a case's number")
    )


class CaseList(Page):
    """Cases, newest first."""

    total = fields.Integer()
    cases = fields.List(fields.Nested(CaseRow))


class StoryLine(Schema):
    """One event in plain words."""

    seq = fields.Integer()
    occurred_at = fields.AwareDateTime()
    recorded_at = fields.AwareDateTime()
    sentence = Said()
    by = fields.String()
    source = Said()
    late_entry = fields.Boolean()


class Diagram(Schema):
    """One instance and where it stands on its diagram."""

    instance_id = fields.Integer()
    process = fields.String()
    name = Said()
    status = fields.String()
    now = fields.List(fields.String(), metadata=_is("ids of elements"))
    done = fields.List(fields.String())
    cancelled = fields.List(fields.String())
    waiting_since = fields.AwareDateTime(allow_none=True)
    sentence = Said()


class Clock(Schema):
    """The six-month clock of one guardian."""

    guardian = fields.String()
    state = fields.String()
    current = Said()
    longest = Said()
    last_year = Said()
    rule_version = fields.String()
    six_months_on = fields.Date(allow_none=True)


class Relative(Schema):
    """Someone of the child's family or care."""

    kind = Said()
    name = fields.String()
    note = fields.String()
    case_id = fields.Integer(allow_none=True)


class Case(Schema):
    """A case, as its home page tells it."""

    id = fields.Integer()
    number = fields.String()
    kind = fields.String()
    closed = fields.Boolean(metadata=_is("everything in it has ended; it opens again when something starts in it"))
    child = fields.Nested(Child, allow_none=True)
    lead = Said()
    tonight = Said(metadata=_is("where the child sleeps tonight; empty when nobody recorded it"))
    story = fields.List(fields.Nested(StoryLine))
    next_tasks = fields.List(fields.Nested(TaskRow))
    diagrams = fields.List(fields.Nested(Diagram))
    clocks = fields.List(fields.Nested(Clock))
    family = fields.List(fields.Nested(Relative))
    reports = fields.Integer()
    may = fields.List(fields.String())


# --- deadlines and releases -----------------------------------------------------------------


class DeadlineQuery(After):
    """Which deadlines."""

    when = fields.String(
        load_default="due",
        validate=validate.OneOf(agenda.WHEN),
        metadata=_is(
            "overdue: already past; today: until midnight in Zhangye; due: all that are still to come or past"
        ),
    )


class DeadlineRow(Schema):
    """One deadline."""

    id = fields.Integer()
    kind = fields.String(metadata=_is("task: a person's limit; timer and start: the process goes on by itself"))
    rule = fields.String(metadata=_is("id of the rule; empty where the diagram names a day itself"))
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


class Release(Schema):
    """A bundle of diagrams and forms under which cases start."""

    id = fields.Integer()
    hash = fields.String()
    note = fields.String()
    loaded_at = fields.AwareDateTime()
    published_at = fields.AwareDateTime(allow_none=True, metadata=_is("null: never published"))
    current = fields.Boolean()


class ReleaseList(Schema):
    """Every release, newest first."""

    releases = fields.List(fields.Nested(Release))


class Process(Schema):
    """A process of a release."""

    id = fields.String()
    name = Said()
    steps = fields.Integer(metadata=_is("steps that people do"))
    running = fields.Integer(metadata=_is("instances that run now"))


class ProcessList(Schema):
    """The processes of the release in force, in the order in which a child meets them."""

    release_id = fields.Integer()
    processes = fields.List(fields.Nested(Process))
