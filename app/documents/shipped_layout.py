"""Makes the shipped templates as Word documents: `python -m app.documents.shipped_layout` writes them anew.

A4, margins, sizes, spacing and page numbers after GB/T 9704-2012, without a red head. Fonts are named, not
shipped: where a machine lacks one, Word and WPS take the alternative that the font table names.
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt
from docx.table import _Cell
from docx.text.paragraph import Paragraph

from app.documents.shipped import FOLDER
from app.documents.shipped_texts import TEXTS, Grid, Line

SONG, FANG, HEI = "方正小标宋简体", "仿宋_GB2312", "黑体"
INSTEAD = {SONG: "宋体", FANG: "仿宋", HEI: "SimHei"}
"""Fonts that may be missing, each with what stands in for it."""
PITCH = Pt(28.95)
"""Line pitch: 22 lines of 16 pt on a page."""
BODY, TITLE, CELL, FOOT = Pt(16), Pt(22), Pt(12), Pt(14)
STYLES: dict[str, tuple[str, str, Any, bool]] = {
    "title": ("公文标题", SONG, TITLE, False),
    "number": ("公文文号", FANG, BODY, False),
    "to": ("公文主送", FANG, BODY, False),
    "body": ("公文正文", FANG, BODY, True),
    "heading": ("公文小标题", HEI, BODY, True),
    "annex": ("公文附件", FANG, BODY, True),
    "signed": ("公文落款", FANG, BODY, False),
    "cell": ("公文表格", FANG, CELL, False),
}
"""Role → style name, font, size, and whether its first line is set in by two characters."""
CENTERED = ("title", "number")
LINE_WIDTH = Mm(156)
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def make(paper: str) -> bytes:
    """The template of a paper as a .docx."""
    document = docx.Document()
    _page(document)
    _styles(document)
    _fonts(document)
    for line in TEXTS[paper]:
        _line(document, line)
    core = document.core_properties
    core.title, core.author, core.comments = TEXTS[paper][0][1], "", ""  # type: ignore[index]  # the first line is the title
    core.created = core.modified = MADE
    written = io.BytesIO()
    document.save(written)
    return _undated(written)


def _undated(written: io.BytesIO) -> bytes:
    """The same archive without the time at which it was written: made anew it is the same file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(written) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for part in archive.infolist():
            entry = zipfile.ZipInfo(part.filename)
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, archive.read(part))
    return packed.getvalue()


def _page(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.footer_distance = Mm(25)
    document.settings.odd_and_even_pages_header_footer = True
    for footer, side in (
        (section.footer, WD_ALIGN_PARAGRAPH.RIGHT),
        (section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT),
    ):
        footer.is_linked_to_previous = False
        _page_number(footer.paragraphs[0], side)


def _page_number(paragraph: Paragraph, side: WD_ALIGN_PARAGRAPH) -> None:
    paragraph.alignment = side
    paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = FOOT
    for piece in ("— ", None, " —"):
        run = paragraph.add_run(piece or "")
        run.font.size = FOOT
        _east_asian(run._element.get_or_add_rPr(), "宋体")
        if piece is None:
            for kind, text in (("begin", ""), ("", " PAGE "), ("end", "")):
                run._element.append(_field_part(kind, text))


def _field_part(kind: str, text: str) -> Any:
    if not kind:
        part = OxmlElement("w:instrText")
        part.set(qn("xml:space"), "preserve")
        part.text = text
        return part
    part = OxmlElement("w:fldChar")
    part.set(qn("w:fldCharType"), kind)
    return part


def _styles(document: Document) -> None:
    for role, (name, font, size, indented) in STYLES.items():
        style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = None
        style.quick_style = True
        style.font.name, style.font.size = "Times New Roman", size
        _east_asian(style.element.get_or_add_rPr(), font)
        shape = style.paragraph_format
        shape.space_before = shape.space_after = Pt(0)
        shape.line_spacing_rule, shape.line_spacing = WD_LINE_SPACING.EXACTLY, PITCH
        if role == "cell":
            shape.line_spacing = Pt(18)
        if indented:
            _two_characters(style.element.get_or_add_pPr())
        if role in CENTERED:
            shape.alignment = WD_ALIGN_PARAGRAPH.CENTER
            shape.space_after = Pt(14)
        elif role == "signed":
            shape.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            shape.right_indent = Pt(32)
        elif indented:
            shape.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY


def _two_characters(properties: Any) -> None:
    """First line in by two characters of its own size, as Word counts them in Chinese text."""
    indent = OxmlElement("w:ind")
    indent.set(qn("w:firstLineChars"), "200")
    indent.set(qn("w:firstLine"), "640")
    properties.append(indent)


def _east_asian(properties: Any, font: str) -> None:
    fonts = properties.get_or_add_rFonts()
    fonts.set(qn("w:eastAsia"), font)
    fonts.set(qn("w:hint"), "eastAsia")


def _fonts(document: Document) -> None:
    """Name what may stand in for a font in the document's font table."""
    entries = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{other}"/><w:charset w:val="86"/><w:family w:val="auto"/></w:font>'
        for name, other in INSTEAD.items()
    )
    part = document.part.part_related_by(RELATIONSHIP_TYPE.FONT_TABLE)
    part._blob = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:fonts {nsdecls("w")}>{entries}</w:fonts>'.encode()
    )


def _line(document: Document, line: Line) -> None:
    if isinstance(line, Grid):
        _grid(document, line)
        return
    role, text = line
    if role.startswith("if "):
        for words in (f"{{%p if {role[3:]} %}}", text, "{%p endif %}"):
            document.add_paragraph(words, STYLES["body"][0])
    elif role == "page":
        document.add_paragraph(text, STYLES["to"][0]).paragraph_format.page_break_before = True
    elif role == "caption":
        document.add_paragraph(text, STYLES["to"][0]).alignment = WD_ALIGN_PARAGRAPH.CENTER
    else:
        document.add_paragraph(text, STYLES[role][0])


def _grid(document: Document, grid: Grid) -> None:
    loop = ((f"{{%tr for row in {grid.each} %}}",), *grid.rows, ("{%tr endfor %}",)) if grid.each else grid.rows
    table = document.add_table(rows=1 + len(loop), cols=len(grid.heads), style="Table Grid")
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    for column, share in zip(table.columns, grid.shares, strict=True):
        column.width = int(LINE_WIDTH * share / sum(grid.shares))
        for cell in column.cells:
            cell.width = column.width
    for cell, head in zip(table.rows[0].cells, grid.heads, strict=True):
        _cell(cell, head, bold=True)
    table.rows[0]._tr.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))
    for row, texts in zip(table.rows[1:], loop, strict=True):
        for cell, text in zip(row.cells, (*texts, *[""] * (len(grid.heads) - len(texts))), strict=True):
            _cell(cell, text)
    document.add_paragraph("", STYLES["body"][0])


def _cell(cell: _Cell, text: str, *, bold: bool = False) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.style = STYLES["cell"][0]
    paragraph.add_run(text).bold = bold or None
    if bold:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER


if __name__ == "__main__":
    for one in TEXTS:
        (FOLDER / f"{one}.docx").write_bytes(make(one))
