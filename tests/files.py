"""Files to attach, honest and hostile, made here."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from PIL import Image

PLACE = b"Zhangye 38.9N 100.4E"


def photo(kind: str = "JPEG", size: tuple[int, int] = (3000, 1500), *, turned: bool = False) -> bytes:
    """A photo, with the place where it was taken in its EXIF (and held sideways, where `turned`)."""
    image = Image.effect_noise((size[0] // 10, size[1] // 10), 40).resize(size).convert("RGB")
    exif = Image.Exif()
    exif[0x010E] = PLACE.decode()  # image description
    exif[0x8825] = {1: "N", 2: (38.0, 55.0, 0.0), 3: "E", 4: (100.0, 27.0, 0.0)}  # GPS
    if turned:
        exif[0x0112] = 6
    target = io.BytesIO()
    image.save(target, kind, exif=exif)
    return target.getvalue()


def office(main: str = "word/document.xml", extra: dict[str, bytes] | None = None) -> bytes:
    """An office document with little in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"[Content_Types].xml": b"<Types/>", main: b"<w:document/>", **(extra or {})}.items():
            archive.writestr(name, content)
    return target.getvalue()


def bomb(size: int = 150 * 2**20) -> bytes:
    """A document that unpacks to a mountain of nothing."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:document/>")
        with archive.open("word/media/image1.png", "w") as part:
            for _ in range(size // 2**20):
                part.write(bytes(2**20))
    return target.getvalue()


def lying_bomb() -> bytes:
    """The same, whose directory claims that the part is small."""
    content = bytearray(bomb())
    for at in _sizes(content):
        struct.pack_into("<I", content, at, 1000)
    return bytes(content)


def _sizes(content: bytearray) -> list[int]:
    """Where the directory says how large the image unpacks to."""
    found, at = [], content.find(b"PK\x01\x02")
    while at >= 0:
        if b"image1.png" in content[at : at + 80]:
            found.append(at + 24)
        at = content.find(b"PK\x01\x02", at + 4)
    return found


def pixel_bomb(side: int = 30_000) -> bytes:
    """A PNG of a few kilobytes that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    row = bytes(1 + side // 8 + 1)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(row * 2000)) + chunk(b"IEND", b"")


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
MP3, WAV, M4A = b"ID3\x03" + bytes(64), b"RIFF\x24\0\0\0WAVEfmt " + bytes(32), b"\0\0\0\x20ftypM4A " + bytes(32)
HEIC = b"\0\0\0\x18ftypheic" + bytes(64)
HTML = b"<script>fetch('//evil.example')</script>"
