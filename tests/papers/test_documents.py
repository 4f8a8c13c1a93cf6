"""Words to files: Word documents and PDFs that say the same, the shipped templates, and what typesetting cannot do."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml.ns import qn

from app import documents
from app.documents import FIELDS, pdf, shipped_layout, templates
from app.documents.fields import AT_ISSUE
from app.documents.shipped_texts import TEXTS
from app.errors import Refused
from tests.papers.pdf_text import Pdf

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS: dict[str, dict[str, Any]] = {row["id"]: row for row in json.loads((ROOT / "bpmn" / "papers.json").read_text())}
NOW = datetime(2026, 11, 24, tzinfo=UTC)
PAPERS = pytest.mark.parametrize("kind", sorted(KINDS))


def known() -> dict[str, Any]:
    """A value for every field: its own meaning."""
    return {
        field.name: [{column: f"{label.zh}{row}" for column, label in field.columns.items()} for row in (1, 2, 3)]
        if field.columns else field.label.zh
        for field in FIELDS.values()
    }  # fmt: skip


def filled(kind: str, values: dict[str, Any]) -> bytes:
    template = documents.shipped(kind)
    assert template is not None
    return documents.fill(template, documents.uses(template), values)


def bare(text: str) -> str:
    """Without spaces, line ends and page numbers."""
    return re.sub(r"\s|—\d+—", "", re.sub(r"— (\d+) —", "", text))


@PAPERS
def test_the_pdf_says_what_the_word_document_says(kind: str) -> None:
    blocks = documents.blocks_of(filled(kind, known()))
    made = Pdf(documents.typeset(blocks, "标题", "单位", NOW))
    assert sorted(bare(made.text())) == sorted(bare(documents.text_of(blocks)))
    assert made.fonts <= {
        f"NotoSerifCJKsc-{weight}{end}" for weight in ("Regular", "Bold") for end in ("", "-Identity-H")
    }
    assert made.embedded in (1, 2)
    assert len(made.pages) == documents.sheets(blocks)
    assert all(b"595.2756 841.8898" in page for page in made.pages), "not A4"


@PAPERS
def test_every_field_of_a_shipped_template_is_said(kind: str) -> None:
    template = documents.shipped(kind)
    assert template is not None
    text = documents.text_of(documents.blocks_of(filled(kind, known())))
    for name, _ in documents.uses(template):
        field = FIELDS[name]
        shown = (
            [f"{label.zh}2" for column, label in field.columns.items() if column != "no"]
            if field.columns
            else [field.label.zh]
        )
        assert any(value in text for value in shown), name
    assert "{" not in text


@PAPERS
def test_without_any_value_every_gap_is_seen(kind: str) -> None:
    template = documents.shipped(kind)
    assert template is not None
    used = documents.uses(template)
    text = documents.text_of(documents.blocks_of(filled(kind, {})))
    needed = {name for name, condition in used if not condition}
    assert set(documents.gaps(used, {})) == needed - AT_ISSUE
    assert text.count(documents.BLANK) >= len(needed)


@PAPERS
def test_the_shipped_template_is_what_the_script_makes(kind: str) -> None:
    assert documents.shipped(kind) == shipped_layout.make(kind)
    assert documents.problems(shipped_layout.make(kind), frozenset(KINDS[kind]["sealed"])) == ()


def test_every_paper_has_a_template_and_every_form_exists() -> None:
    assert set(KINDS) == set(TEXTS)
    for row in KINDS.values():
        assert all((ROOT / "forms" / f"{form}.json").is_file() for form in row["forms"]), row["id"]
        assert all(FIELDS[name].sealed for name in row["sealed"]), row["id"]


def test_the_origin_of_every_field_is_a_question_of_its_form() -> None:
    for field in FIELDS.values():
        if not field.origin.startswith("form:"):
            continue
        seals = set()
        for question in field.origin[5:].split("|"):
            form, _, key = question.partition(".")
            found = _questions(json.loads((ROOT / "forms" / f"{form}.json").read_text())["components"])
            assert key in found, (field.name, question)
            seals.add(found[key] == "S3")
        assert seals == {field.sealed}, f"{field.name} is not marked as its forms are"


def _questions(components: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for one in components:
        found |= {one["key"]: one["properties"]["sensitivity"]} if "key" in one else {}
        found |= _questions(one.get("components", [])) if one["type"] == "group" else {}
    return found


def test_the_same_words_and_time_give_the_same_pdf() -> None:
    blocks = documents.blocks_of(filled("petition", known()))
    once, again = (documents.typeset(blocks, "标题", "单位", NOW) for _ in range(2))
    assert once == again
    assert b"pdfaid" in once or b"pdfaid" in Pdf(once).stream(
        next(o for o in Pdf(once).objects.values() if b"/Metadata" in o and b"stream" in o)
    )


ATTEMPTS = (
    '#read("/etc/passwd")', '#import "@preview/example:0.1.0": *', "#panic()", "#eval(\"1\")", "*粗*", "_斜_", "`x`", "$ x^2 $", "= 一级",
    "- 项", "<标签>", "@引用", "\\u{41}", "//注", "/*注*/", "~", "---", "[", "]", "#", "\"'", "{{ x }}", "{% if x %}",
)  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_what_looks_like_markup_is_set_as_it_stands(attempt: str) -> None:
    blocks = documents.blocks_of(filled("township-notice", known() | {"child_name": attempt}))
    assert bare(attempt) in bare(Pdf(documents.typeset(blocks, attempt, attempt, NOW)).text())


def test_the_check_would_notice_words_that_are_read_as_markup() -> None:
    """The broken twin: the same words put in a layout's source are evaluated, and gone from the page."""
    source = '#set text(font: "Noto Serif CJK SC")\n儿童：#eval("6*7")'
    child = pdf.CHILD.read_text().replace('str(here / "paper.typ")', "asked['source'].encode()").replace(
        "Path(__file__).resolve().parent", repr(pdf.HERE) .replace("PosixPath", "Path")
    )  # fmt: skip
    asked = json.dumps({"format": "pdf", "sheet": 1, "at": 0, "paper": {}, "source": source}).encode()
    done = subprocess.run([sys.executable, "-I", "-c", child], input=asked, capture_output=True, check=True)
    text = Pdf(done.stdout).text()
    assert "42" in text
    assert "eval" not in text


def test_typesetting_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "TIMEOUT", 0.01)
    with pytest.raises(Refused, match="not_set"):
        documents.typeset((), "", "", NOW)


def test_typesetting_knows_nothing_of_the_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEAL_KEY", "00" * 32)
    spy = tmp_path / "spy.py"
    spy.write_text("import os, sys\nsys.stdout.write(repr(sorted(os.environ)))\n")
    monkeypatch.setattr(pdf, "CHILD", spy)
    seen = pdf._ask({"format": "pdf"}).decode()
    assert "SEAL_KEY" not in seen
    assert "HOME" not in seen


def test_a_character_that_the_fonts_lack_is_named() -> None:
    assert documents.unprintable("林小禾〇〔2026〕12号，—“”＿□１①a") == ""
    assert documents.unprintable("林𰻝𰻝") == "𰻝"


def test_names_of_people_in_the_list_of_standard_characters_can_be_set() -> None:
    """Of its third level, for names and places, a few that GB 2312 lacks."""
    assert documents.unprintable("喆堃昇玥婳珺翀彧淼犇垚") == ""


def test_what_xml_cannot_hold_is_left_out() -> None:
    text = documents.text_of(
        documents.blocks_of(filled("township-notice", known() | {"child_name": "林\x00\x0b小\ud800禾\ufffe\n甲"}))
    )
    assert "林 小禾 甲" in text


def test_the_layout_is_that_of_an_official_paper() -> None:
    document = docx.Document(io.BytesIO(documents.shipped("petition") or b""))
    styles = {style.name: style for style in document.styles}
    body, title = styles["公文正文"], styles["公文标题"]
    assert (body.font.size.pt, title.font.size.pt) == (16, 22)
    assert [style.element.rPr.rFonts.get(qn("w:eastAsia")) for style in (body, title)] == [
        "仿宋_GB2312",
        "方正小标宋简体",
    ]
    table = next(part for part in document.part.package.iter_parts() if str(part.partname).endswith("fontTable.xml"))
    assert "方正小标宋简体" in table.blob.decode()
    assert 'w:altName w:val="宋体"' in table.blob.decode()
    assert templates.MARK.search(documents.text_of(documents.blocks_of(documents.shipped("petition") or b"")))
