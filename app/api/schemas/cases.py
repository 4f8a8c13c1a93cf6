"""Cases: lists of them, and the whole of one."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.schemas.parts import Child, Page, Said, TaskRow, is_


class Merged(Schema):
    """Whether a file was merged into another of the same child."""

    merged = fields.Boolean(metadata=is_("it was merged into another file; what is new goes there"))
    merged_into = fields.Integer(
        allow_none=True, metadata=is_("id of the file that stands for both, where the caller may open it")
    )
    merged_number = fields.String(metadata=is_("its number"))


class CaseRow(Merged):
    """A case in a list."""

    id = fields.Integer()
    number = fields.String()
    kind = fields.String(metadata=is_("child or report"))
    closed = fields.Boolean(metadata=is_("everything in it has ended; it opens again when something starts in it"))
    child = fields.Nested(Child, allow_none=True)
    lead = Said()
    next_task = fields.Nested(TaskRow, allow_none=True)


class CaseQuery(Schema):
    """Which cases."""

    after = fields.Integer(
        load_default=0, validate=validate.Range(0, 2**63 - 1), metadata=is_("the page before's `after`")
    )


class CaseSearch(CaseQuery):
    """Which cases; in the body, because a child's name must not stand in an address."""

    find = fields.String(
        required=True, validate=validate.Length(1, 60), metadata=is_("a child's whole name, or a case's number")
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
    now = fields.List(fields.String(), metadata=is_("ids of elements"))
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


class Case(Merged):
    """A case, as its home page tells it."""

    id = fields.Integer()
    number = fields.String()
    kind = fields.String()
    closed = fields.Boolean(metadata=is_("everything in it has ended; it opens again when something starts in it"))
    child = fields.Nested(Child, allow_none=True)
    lead = Said()
    tonight = Said(metadata=is_("where the child sleeps tonight; empty when nobody recorded it"))
    story = fields.List(fields.Nested(StoryLine))
    next_tasks = fields.List(fields.Nested(TaskRow))
    diagrams = fields.List(fields.Nested(Diagram))
    clocks = fields.List(fields.Nested(Clock))
    family = fields.List(fields.Nested(Relative))
    reports = fields.Integer()
    may = fields.List(fields.String())


# --- deadlines and releases -----------------------------------------------------------------
