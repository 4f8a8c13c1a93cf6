"""Official papers: known fields, Word templates that staff edit, and the same words typeset as PDF.

Pure: values and bytes in, bytes out. Where values come from, numbers, seals and access are services'.
Source: ADR 0017.
"""

from app.documents.blocks import Block, Run, Table, blocks_of, text_of
from app.documents.fields import AT_ISSUE, FIELDS, Field, Uses, Values
from app.documents.hostile import LARGEST_UPLOAD
from app.documents.pdf import Mark, draw, sheets, typeset, unprintable
from app.documents.shipped import shipped
from app.documents.templates import Problem, problems, uses
from app.documents.word import BLANK, fill, gaps, headed

__all__ = [
    "AT_ISSUE", "BLANK", "FIELDS", "LARGEST_UPLOAD", "Block", "Field", "Mark", "Problem", "Run", "Table", "Uses", "Values", "blocks_of", "draw", "fill", "gaps",
    "headed", "problems", "sheets", "shipped", "text_of", "typeset", "unprintable", "uses",
]  # fmt: skip
