"""An independent reader of our PDFs: pages, fonts and words, from the bytes alone, by the fonts' own ToUnicode maps.

Knows what typst writes (objects in the open or in object streams, FlateDecode, two-byte glyph codes) and no more.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.DOTALL)
STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
REFERENCE = re.compile(rb"/([A-Za-z0-9+_-]+)\s+(\d+) 0 R")
TOKEN = re.compile(rb"\b(BT|ET)\b|/([A-Za-z0-9]+)\s+[\d.+-]+\s+Tf|<([0-9A-Fa-f]+)>|(\()", re.DOTALL)
PART = re.compile(rb"\\.|[()]", re.DOTALL)
ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def plain(literal: bytes) -> bytes:
    """The bytes of a literal string."""
    return ESCAPE.sub(
        lambda found: bytes([int(found[1], 8)]) if found[1].isdigit() else LETTERS.get(found[1], found[1]), literal
    )


def literal(content: bytes, start: int) -> int:
    """Where the literal string that begins at `start` ends; brackets in pairs belong to it."""
    depth = 1
    for found in PART.finditer(content, start):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if depth == 0:
            return found.start()
    raise ValueError("a string without an end")


@dataclass
class Pdf:
    """A PDF, taken apart."""

    content: bytes
    objects: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, body in OBJECT.findall(self.content):
            self.objects[int(number)] = body
        for body in list(self.objects.values()):
            if b"/ObjStm" in body:
                self._unpack(body)

    def _unpack(self, body: bytes) -> None:
        first, packed = int(re.search(rb"/First (\d+)", body)[1]), self.stream(body)
        heads = list(map(int, packed[:first].split()))
        ends = [*heads[3::2], len(packed) - first]
        for number, start, end in zip(heads[::2], heads[1::2], ends, strict=True):
            self.objects[number] = packed[first + start : first + end]

    @staticmethod
    def stream(body: bytes) -> bytes:
        """The bytes of an object's stream."""
        raw = STREAM.search(body)[1]
        return zlib.decompressobj().decompress(raw) if b"FlateDecode" in body else raw

    @property
    def pages(self) -> list[bytes]:
        """Page objects, in order."""
        return [body for _, body in sorted(self.objects.items()) if re.search(rb"/Type\s*/Page\b", body)]

    @property
    def fonts(self) -> set[str]:
        """Names of the fonts, without the tag of a subset."""
        found = re.findall(rb"/BaseFont\s*/(?:[A-Z]{6}\+)?([A-Za-z0-9_-]+)", b"".join(self.objects.values()))
        return {name.decode() for name in found}

    @property
    def embedded(self) -> int:
        """How many font programs the file carries."""
        return len(set(re.findall(rb"/FontFile[23]?\s+(\d+) 0 R", b"".join(self.objects.values()))))

    def text(self) -> str:
        """The words of all pages, in the order in which they are drawn."""
        return "".join(self._page(page) for page in self.pages)

    def _page(self, page: bytes) -> str:
        resources = self._of(page, b"Resources")
        fonts = self._of(resources, b"Font")
        maps = {name: self._map(self.objects[int(number)]) for name, number in REFERENCE.findall(fonts)}
        contents = re.search(rb"/Contents\s+(\d+) 0 R", page)
        return self._drawn(self.stream(self.objects[int(contents[1])]), maps)

    def _of(self, body: bytes, name: bytes) -> bytes:
        """A dictionary of another, there or elsewhere."""
        found = re.search(rb"/" + name + rb"\s*(?:(\d+) 0 R|<<(.*?)>>)", body, re.DOTALL)
        return self.objects[int(found[1])] if found[1] else found[2]

    def _map(self, font: bytes) -> dict[int, str]:
        cmap = self.stream(self.objects[int(re.search(rb"/ToUnicode\s+(\d+) 0 R", font)[1])]).decode("latin-1")
        known: dict[int, str] = {}
        for block in re.findall(r"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
            for code, said in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
                known[int(code, 16)] = bytes.fromhex(said).decode("utf-16-be")
        for block in re.findall(r"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
            for low, high, said in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
                for code in range(int(low, 16), int(high, 16) + 1):
                    known[code] = chr(ord(bytes.fromhex(said).decode("utf-16-be")) + code - int(low, 16))
        return known

    def _drawn(self, drawing: bytes, maps: dict[bytes, dict[int, str]]) -> str:
        said, known, at, within = [], {}, 0, False
        while found := TOKEN.search(drawing, at):
            mark, font, digits, bracket = found.groups()
            at = literal(drawing, found.end()) if bracket else found.end()
            within = mark == b"BT" if mark else within
            known = maps.get(font, {}) if font else known
            if within and (digits or bracket):
                codes = plain(drawing[found.end() : at]) if bracket else bytes.fromhex(digits.decode())
                said += [known.get(int.from_bytes(codes[i : i + 2], "big"), "") for i in range(0, len(codes), 2)]
        return "".join(said)
