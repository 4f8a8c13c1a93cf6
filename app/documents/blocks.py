"""A Word document read back as plain blocks of text: what the PDF is typeset from, so that both say the same.

Kept are words, bold, alignment, the house's paragraph styles, tables and page breaks; nothing else.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph

STYLES = {
    "公文标题": "title", "公文文号": "number", "公文主送": "to", "公文正文": "body", "公文小标题": "heading", "公文附件": "annex",
    "公文落款": "signed", "Title": "title", "Heading 1": "heading", "Heading 2": "heading",
}  # fmt: skip
"""What each paragraph style is in the house's layout; any other is body text."""
ALIGNED = {WD_ALIGN_PARAGRAPH.CENTER: "center", WD_ALIGN_PARAGRAPH.RIGHT: "right"}


@dataclass(frozen=True, slots=True)
class Run:
    """Words set alike."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph; `role` is one of STYLES' values, `align` "" where the role decides. `breaks`: on a new page."""

    role: str
    runs: tuple[Run, ...]
    align: str = ""
    breaks: bool = False

    @property
    def text(self) -> str:
        """Its words."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `widths` are shares of the line. The first row is its head."""

    widths: tuple[int, ...]
    rows: tuple[tuple[tuple[Block, ...], ...], ...]


def blocks_of(content: bytes) -> tuple[Block | Table, ...]:
    """The blocks of a .docx, in order."""
    document: Document = docx.Document(io.BytesIO(content))
    return tuple(
        _table(item) if isinstance(item, WordTable) else _block(item) for item in document.iter_inner_content()
    )


def text_of(blocks: tuple[Block | Table, ...]) -> str:
    """All words, a paragraph or cell a line."""
    return "\n".join(block.text for one in blocks for block in _flat(one))


def _flat(one: Block | Table) -> Iterator[Block]:
    if isinstance(one, Block):
        yield one
    else:
        yield from (block for row in one.rows for cell in row for block in cell)


def _block(paragraph: Paragraph) -> Block:
    role = STYLES.get(paragraph.style.name if paragraph.style else "", "body")
    runs = tuple(Run(run.text, bool(run.bold)) for run in paragraph.runs if run.text)
    align = ALIGNED.get(paragraph.paragraph_format.alignment, "")
    return Block(role, runs, align, bool(paragraph.paragraph_format.page_break_before))


def _table(table: WordTable) -> Table:
    """A table whose cells are not merged; a merged one counts once for each place, as Word lays it out."""
    rows = tuple(tuple(tuple(map(_block, cell.paragraphs)) for cell in row.cells) for row in table.rows)
    widths = tuple(int(column.width or 1) for column in table.columns)
    return Table(widths, rows)
