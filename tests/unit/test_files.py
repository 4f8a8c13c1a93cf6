"""Which files come in: by their bytes; and what of a photo is left. Hostile ones are made in tests/files.py."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image

from app.rules import files
from app.services import _photos
from app.text import Text
from tests import files as made

MOST = 20 * 2**20


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.JPG", made.photo(), "jpeg"),
        ("a.jpeg", made.photo(), "jpeg"),
        ("a.png", made.photo("PNG", (40, 30)), "png"),
        ("a.webp", made.photo("WEBP", (40, 30)), "webp"),
        ("判决书.pdf", made.PDF, "pdf"),
        ("a.docx", made.office(), "docx"),
        ("a.xlsx", made.office("xl/workbook.xml"), "xlsx"),
        ("a.mp3", made.MP3, "mp3"),
        ("a.wav", made.WAV, "wav"),
        ("a.m4a", made.M4A, "m4a"),
    ],
)
def test_what_is_let_in(name: str, content: bytes, kind: str) -> None:
    found = files.judge(name, content, MOST)
    assert isinstance(found, files.Kind)
    assert found.code == kind


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.jpg", b"", files.EMPTY),
        ("a.jpg", made.photo(size=(60, 60)) + bytes(MOST), files.too_large(MOST)),
        ("a.heic", made.HEIC, files.HEIC),
        ("a.jpg", made.HEIC, files.HEIC),
        ("a.html", made.HTML, files.UNKNOWN),
        ("a.jpg", made.HTML, files.UNKNOWN),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", files.UNKNOWN),
        ("a.exe", b"MZ" + bytes(200), files.UNKNOWN),
        ("a.gif", b"GIF89a" + bytes(200), files.UNKNOWN),
        ("a.pdf", made.photo(size=(60, 60)), files.MISNAMED),
        ("a.jpg", made.PDF, files.MISNAMED),
        ("a.pdf.exe", made.PDF, files.MISNAMED),
        ("a", made.PDF, files.MISNAMED),
        ("a.pdf", made.PDF + made.office(), files.HIDDEN),
        ("a.mp3", made.MP3 + made.office(), files.HIDDEN),
        ("a.docx", made.office("other/part.xml"), files.UNKNOWN),
        ("a.docx", made.HTML + made.office(), files.UNKNOWN),
        ("a.docx", made.office(extra={"word/vbaProject.bin": b"x"}), files.MACROS),
        ("a.docx", made.office()[:-30], files.UNKNOWN),
        ("a.docx", made.bomb(), files.TOO_BIG_INSIDE),
        ("a.docx", made.office(extra={f"word/{n}.xml": b"" for n in range(2001)}), files.TOO_BIG_INSIDE),
    ],
)
def test_what_is_refused(name: str, content: bytes, why: Text) -> None:
    assert files.judge(name, content, MOST) == why


def test_a_directory_that_lies_does_not_help() -> None:
    began = time.process_time()
    assert isinstance(files.judge("a.docx", made.lying_bomb(), MOST), Text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\a\\b.PDF", "b.pdf"),
        ("a\u202efdp.exe.pdf", "afdp.exe.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie: x.pdf"),
        (".pdf", "pdf"),
        ("", "file"),
        ("长" * 300 + ".pdf", "长" * 120 + ".pdf"),
    ],
)
def test_names_are_tidied(given: str, kept: str) -> None:
    assert files.tidy(given) == kept


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_photo_is_small_upright_and_tells_no_place(kind: str) -> None:
    content = made.photo(kind.upper(), (3000, 1500), turned=True)
    assert made.PLACE in content
    found = _photos.drawn_again(content, files.KINDS[kind])
    assert isinstance(found, bytes)
    with Image.open(io.BytesIO(found)) as image:
        assert image.size == (1000, 2000)
        assert not image.getexif()
        assert image.format == kind.upper()
    assert made.PLACE not in found
    assert b"Exif" not in found


def test_what_hides_behind_a_photo_is_lost() -> None:
    """A polyglot: a good JPEG with a page and an archive behind it."""
    found = _photos.drawn_again(made.photo(size=(80, 60)) + made.HTML + made.office(), files.KINDS["jpeg"])
    assert isinstance(found, bytes)
    assert b"script" not in found
    assert b"PK\x03\x04" not in found


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (made.pixel_bomb(), _photos.TOO_MANY_PIXELS),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), files.BROKEN),
        (made.photo("PNG", (400, 300))[:500], files.BROKEN),
    ],
)
def test_a_picture_that_is_none_is_refused(content: bytes, why: Text) -> None:
    assert _photos.drawn_again(content, files.KINDS["png"]) == why


def test_a_picture_of_another_kind_is_not_opened() -> None:
    assert _photos.drawn_again(made.photo("PNG", (40, 30)), files.KINDS["jpeg"]) == files.BROKEN
