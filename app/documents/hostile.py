"""What an uploaded .docx may not be: a bomb, a program, or a file that fetches others.

Everything is decided before any of it is parsed as a document. Source: ADR 0017.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from app.rules.files import BROKEN_ZIP
from app.text import Text

LARGEST_UPLOAD = 2 * 2**20
"""Bytes of a template as it comes."""
LARGEST_OPEN, LARGEST_PART, MOST_PARTS = 20 * 2**20, 8 * 2**20, 200
"""Bytes of all parts and of one part once unpacked, and how many parts there may be."""

PROGRAMS = re.compile(r"vbaProject|vbaData|activeX|embeddings/|oleObject|macroEnabled|customUI", re.IGNORECASE)
FETCHES = re.compile(rb"TargetMode\s*=\s*[\"']External", re.IGNORECASE)
ENTITIES = re.compile(rb"<!DOCTYPE|<!ENTITY", re.IGNORECASE)
FIELD_CODES = re.compile(
    rb"<w:(?:instrText|fldSimple|delInstrText)\b[^>]*?(?:w:instr\s*=\s*\"([^\"]*)\"[^>]*)?>([^<]*)"
)
HARMLESS_CODES = frozenset((b"PAGE", b"NUMPAGES", b""))
UNREAD = re.compile(
    rb"<w:altChunk\b|<w:drawing\b|<w:pict\b|<w:object\b|<w:footnoteReference\b|<w:commentReference\b|<w:ins\b|<w:del\b|<w:sdt\b"
)

NOT_DOCX = Text("这不是能用的 Word 文档（.docx）。请在 Word 或 WPS 里另存为 .docx 再传。",
                "This is not a Word document (.docx). Save it as .docx in Word or WPS and upload that.")  # fmt: skip
TOO_LARGE = Text(
    "文件太大。模板里只要文字和表格，2 MB 以内。",
    "The file is too large. A template holds text and tables, up to 2 MB.",
)
BOMB = Text("文件解开后太大，不收。", "Unpacked, the file would be too large; it is not taken.")
PROGRAM = Text(
    "文件里有宏、控件或嵌入的对象，不收。", "The file holds macros, controls or embedded objects; it is not taken."
)
FETCH = Text("文件里有指向外面的链接或图片，不收。请去掉超链接、外部图片和外部模板。",
             "The file points to things outside it. Remove links, linked pictures and attached templates.")  # fmt: skip
ENTITY = Text("文件里有自定义的 XML 实体，不收。", "The file defines XML entities; it is not taken.")
CODE = Text("文件里有 Word 域代码（页码除外），不收。请改成普通文字。",
            "The file holds Word field codes other than page numbers. Turn them into plain text.")  # fmt: skip
UNREADABLE = Text("文件里有图片、文本框、脚注、批注、修订或内容控件，PDF 排不出来。请去掉，并接受全部修订。",
                  "The file holds pictures, text boxes, footnotes, comments, tracked changes or content controls, which the"
                  " PDF cannot carry. Remove them and accept all changes.")  # fmt: skip


def dangers(content: bytes) -> Iterator[Text]:
    """Why this file may not be opened at all, worst first; nothing when it may."""
    if len(content) > LARGEST_UPLOAD:
        yield TOO_LARGE
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from _dangers(archive)
    except BROKEN_ZIP:
        yield NOT_DOCX


def _dangers(archive: zipfile.ZipFile) -> Iterator[Text]:
    parts = archive.infolist()
    names = [part.filename for part in parts]
    if any(part.file_size > LARGEST_PART for part in parts) or sum(p.file_size for p in parts) > LARGEST_OPEN:
        yield BOMB
        return
    if len(parts) > MOST_PARTS or len(set(names)) != len(names) or any(map(_odd, names)):
        yield NOT_DOCX
        return
    if "word/document.xml" not in names or "[Content_Types].xml" not in names:
        yield NOT_DOCX
        return
    yield from _inside({name: _read(archive, part) for name, part in zip(names, parts, strict=True)})


def _odd(name: str) -> bool:
    return name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts


def _read(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    """A part, never more of it than it says of itself: a header may lie. Raises ValueError when it does."""
    with archive.open(part) as stream:
        content = stream.read(LARGEST_PART + 1)
    if len(content) != part.file_size:
        raise ValueError("a part is longer than it says")
    return content


def _inside(parts: dict[str, bytes]) -> Iterator[Text]:
    if any(PROGRAMS.search(name) for name in parts) or PROGRAMS.search(parts["[Content_Types].xml"].decode("latin-1")):
        yield PROGRAM
    markup = {name: content for name, content in parts.items() if name.endswith((".xml", ".rels"))}
    if any(ENTITIES.search(content) or content[:2] in (b"\xff\xfe", b"\xfe\xff") for content in markup.values()):
        yield ENTITY
    if any(FETCHES.search(content) for content in markup.values()):
        yield FETCH
    words = [content for name, content in markup.items() if name.startswith("word/")]
    if any(not _harmless(found) for content in words for found in FIELD_CODES.finditer(content)):
        yield CODE
    if UNREAD.search(parts["word/document.xml"]):
        yield UNREADABLE


def _harmless(found: re.Match[bytes]) -> bool:
    code = (found[1] or found[2] or b"").strip().split(b" ")[0].upper()
    return code in HARMLESS_CODES
