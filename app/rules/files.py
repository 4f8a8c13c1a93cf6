"""What files may be attached: judged by their bytes, not by their names. Pure, standard library only.

A file is what its first bytes say; its name must agree. An archive inside anything but an office document, macros,
and an archive that unpacks beyond measure are refused. Photos are judged further where they are drawn again.
"""

from __future__ import annotations

import io
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePath

from app.text import Text

LONGEST_NAME = 120
MOST_PARTS, LARGEST_WHOLE, CHUNK = 2000, 100 * 2**20, 2**16
"""An office document's parts, the bytes that they may unpack to, and how many are unpacked at a time."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its code, how names of it end, its media type, and whether it is a photo."""

    code: str
    endings: tuple[str, ...]
    media: str
    photo: bool = False


KINDS = {
    kind.code: kind
    for kind in (
        Kind("jpeg", ("jpg", "jpeg"), "image/jpeg", photo=True),
        Kind("png", ("png",), "image/png", photo=True),
        Kind("webp", ("webp",), "image/webp", photo=True),
        Kind("pdf", ("pdf",), "application/pdf"),
        Kind("docx", ("docx",), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        Kind("xlsx", ("xlsx",), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        Kind("mp3", ("mp3",), "audio/mpeg"),
        Kind("m4a", ("m4a",), "audio/mp4"),
        Kind("wav", ("wav",), "audio/wav"),
    )
}
ENDINGS = tuple(f".{ending}" for kind in KINDS.values() for ending in kind.endings)
BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError,
)  # fmt: skip
"""What unpacking raises where the archive, or a part of it, is broken, encrypted or packed in some other way."""
OFFICE = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}

EMPTY = Text("这个文件是空的，没有加上。", "This file is empty; it was not added.")
UNKNOWN = Text(
    "这种文件不能加。可以加照片（JPG、PNG、WebP）、PDF、Word（docx）、Excel（xlsx）和录音（MP3、M4A、WAV）。",
    "This kind of file cannot be added. Photos (JPG, PNG, WebP), PDF, Word (docx), Excel (xlsx) and sound (MP3, M4A, WAV) can.",
)
HEIC = Text(
    "这是苹果的HEIC照片，这里打不开。请在手机“设置—相机—格式”里选“兼容性最佳”，或者先存成JPG再加。",
    "This is an HEIC photo, which cannot be opened here. Choose “Most Compatible” in the phone's camera settings, or save it as JPG first.",
)
MISNAMED = Text(
    "文件名和内容对不上，没有加上。请用原来的文件再试。",
    "The name does not fit the content; it was not added. Try the original file.",
)
HIDDEN = Text(
    "这个文件里夹着别的东西，没有加上。请重新导出一份再试。",
    "Something else is hidden in this file; it was not added. Export it afresh and try again.",
)
BROKEN = Text(
    "这个文件打不开，可能没有存完整。请再存一次再试。",
    "This file does not open; it may be incomplete. Save it again and retry.",
)
MACROS = Text(
    "这个文件带宏，没有加上。请另存为不带宏的文件。", "This file has macros; it was not added. Save it without them."
)
TOO_BIG_INSIDE = Text("这个文件解开以后太大，没有加上。", "This file is too large when unpacked; it was not added.")


def too_large(most: int) -> Text:
    """Larger than `most` bytes."""
    size = f"{most // 2**20}"
    return Text(f"文件超过{size}MB，没有加上。", f"The file is larger than {size} MB; it was not added.")


def judge(name: str, content: bytes, most: int) -> Kind | Text:
    """What kind of file this is; or why it may not be attached. Photos must still be drawn again."""
    if not content:
        return EMPTY
    if len(content) > most:
        return too_large(most)
    kind = KINDS.get(_told_by_bytes(content))
    if kind is None:
        return HEIC if _is_heic(content) else UNKNOWN
    return _objection(name, content, kind) or kind


def _objection(name: str, content: bytes, kind: Kind) -> Text | None:
    if PurePath(name).suffix.lower().lstrip(".") not in kind.endings:
        return MISNAMED
    if kind.code in OFFICE:
        return _office(content, kind)
    if not kind.photo and zipfile.is_zipfile(io.BytesIO(content)):  # what is drawn again loses what was behind it
        return HIDDEN
    return None


def tidy(name: str) -> str:
    """A file's name without folders, control signs or what turns the reading direction; cut to a bearable length."""
    bare = PurePath(unicodedata.normalize("NFC", name).replace("\\", "/")).name
    seen = "".join(sign for sign in bare if unicodedata.category(sign)[0] != "C")
    stem, ending = PurePath(seen).stem.strip(". "), PurePath(seen).suffix.lower()
    return f"{stem[:LONGEST_NAME] or 'file'}{ending}"


def _told_by_bytes(content: bytes) -> str:  # noqa: PLR0911 - one line for each kind
    if content[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if content[:4] == b"RIFF":
        return {b"WEBP": "webp", b"WAVE": "wav"}.get(content[8:12], "")
    if content[:5] == b"%PDF-":
        return "pdf"
    if content[4:12] in (b"ftypM4A ", b"ftypM4B "):
        return "m4a"
    if content[:3] == b"ID3" or (content[0] == 0xFF and content[1:2] in (b"\xfb", b"\xf3", b"\xf2", b"\xfa")):
        return "mp3"
    return _office_code(content) if content[:4] == b"PK\x03\x04" else ""


def _is_heic(content: bytes) -> bool:
    return content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def _office_code(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except BROKEN_ZIP:
        return ""
    return next((code for code, main in OFFICE.items() if {"[Content_Types].xml", main} <= names), "")


def _office(content: bytes, kind: Kind) -> Text | None:
    """Why an office document may not be attached; every part is unpacked, and counted, since headers may lie."""
    left = LARGEST_WHOLE
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > left:
                return TOO_BIG_INSIDE
            if any(part.filename.lower().endswith("vbaproject.bin") for part in parts):
                return MACROS
            for part in parts:
                left -= _unpacked(archive, part, left)
                if left < 0:
                    return TOO_BIG_INSIDE
            main = archive.read(OFFICE[kind.code])
    except BROKEN_ZIP:
        return BROKEN
    return None if b"<" in main else BROKEN


def _unpacked(archive: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> int:
    """How many bytes a part unpacks to; counting ends beyond `most`."""
    count = 0
    with archive.open(part) as stream:
        while chunk := stream.read(CHUNK):
            count += len(chunk)
            if count > most:
                break
    return count
