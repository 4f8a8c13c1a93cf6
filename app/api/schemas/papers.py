"""What goes in and out about papers, as marshmallow schemas."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api.schemas.parts import ROW_ID, Said, is_


class PaperKind(Schema):
    """A kind of paper."""

    id = fields.String()
    name = Said()


class PaperLine(Schema):
    """A paper in a list."""

    id = fields.Integer()
    kind = fields.String()
    name = Said()
    number = fields.String(metadata=is_("empty while it is a draft"))
    status = fields.String(metadata=is_("draft, issued, replaced or withdrawn"))
    version = fields.Integer()
    unit = Said()
    by = fields.String()
    at = fields.AwareDateTime(metadata=is_("when it was issued, else drawn up"))


class PaperQuery(Schema):
    """Of which case."""

    case = fields.Integer(required=True, validate=ROW_ID)


class PaperList(Schema):
    """The papers of a case."""

    case_id = fields.Integer()
    number = fields.String()
    papers = fields.List(fields.Nested(PaperLine))
    kinds = fields.List(fields.Nested(PaperKind), metadata=is_("what the caller may draw up"))


class NewPaper(Schema):
    """What to draw up."""

    case = fields.Integer(required=True, validate=ROW_ID)
    kind = fields.String(required=True, validate=validate.Length(1, 40))
    task = fields.Integer(load_default=None, allow_none=True, validate=ROW_ID, metadata=is_("the task for which it is"))


class PaperGap(Schema):
    """A field that leaves a blank, or was filled by hand."""

    name = fields.String()
    label = Said()
    typed = fields.String()
    sealed = fields.Boolean(metadata=is_("on record, but shut to the caller"))


class Paper(Schema):
    """One paper."""

    paper = fields.Nested(PaperLine, attribute="line")
    case_id = fields.Integer()
    open = fields.Boolean(metadata=is_("false while it holds sealed content that is shut to the caller"))
    locks = fields.List(fields.Integer(), metadata=is_("the records to be opened first, with a reason"))
    sheets = fields.Integer()
    gaps = fields.List(fields.Nested(PaperGap))
    docx_hash = fields.String(metadata=is_("SHA-256 of the Word file, once issued"))
    pdf_hash = fields.String(metadata=is_("SHA-256 of the PDF, once issued"))
    withdrawn = fields.String(metadata=is_("why it was withdrawn"))
    may = fields.List(fields.String())


class PaperGaps(Schema):
    """What is put in by hand."""

    values = fields.Dict(required=True, keys=fields.String(), values=fields.String(), metadata=is_("by field"))


class PaperIssue(Schema):
    """How it is issued."""

    blanks = fields.Boolean(load_default=False, metadata=is_("confirms that blanks are to be filled by pen"))


class PaperReason(Schema):
    """Why it is withdrawn."""

    reason = fields.String(required=True)
