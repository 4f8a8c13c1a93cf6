"""Templates that staff upload: what is taken, what is refused with its place, and what hostile files come to."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import docx
import pytest
import sqlalchemy as sa

from app import documents
from app.db import db
from app.documents import hostile
from app.errors import Forbidden, Invalid, NotFound
from app.rules.access import Person
from app.services import people
from app.services.paperwork import paper_pages, paper_templates, papers
from app.services.paperwork.paper_templates import Unfit
from tests.papers.petition import USER, Petition
from tests.papers.test_papers import words

SEALED = frozenset(("child_words", "injury_result"))
GOOD = documents.shipped("petition") or b""


def edited(*paragraphs: str) -> bytes:
    """The shipped petition as somebody edited it in Word: with more paragraphs."""
    document = docx.Document(io.BytesIO(GOOD))
    for text in paragraphs:
        document.add_paragraph(text)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def repacked(change: Callable[[dict[str, bytes]], None], content: bytes = GOOD) -> bytes:
    """The file with its parts changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, part in parts.items():
            made.writestr(name, part)
    return packed.getvalue()


def said(content: bytes, sealed: frozenset[str] = SEALED) -> str:
    return "\n".join(f"{one.message.zh} {one.where.zh}" for one in documents.problems(content, sealed))


# --- fields -----------------------------------------------------------------------------------


def test_an_edited_template_is_taken() -> None:
    more = ("抄送：{{ court }}。", "{%p if injury_result %}", "鉴定：{{ injury_result }}", "{%p endif %}", "{%p for row in guardians %}",
            "{{ row.no }}. {{ row.kind }} {{ row.name }}", "{%p endfor %}")  # fmt: skip
    assert documents.problems(edited(*more), SEALED) == ()


def test_an_unknown_field_is_refused_with_the_nearest_and_its_place() -> None:
    text = said(edited("联系人：{{ chld_name }}，请查收"))
    assert "没有叫“chld_name”的字段" in text
    assert "是不是“child_name”" in text
    assert "段：“联系人：{{ chld_name }}，请查收”" in text


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    text = said(edited("{%p for row in evidence %}", "{{ row.docet }}", "{%p endfor %}"))
    assert "row.docet" in text
    assert "是不是“row.docket”" in text


def test_every_fault_is_told_at_once() -> None:
    assert len(documents.problems(edited("{{ aaa }}", "{{ bbb }}"), SEALED)) == 2


def test_sealed_content_is_for_papers_that_need_it() -> None:
    assert "封存内容" in said(GOOD, frozenset())
    assert "child_words" in said(GOOD, frozenset(("injury_result",)))


NOT_PLAIN = (
    "{{ 7*7 }}", "{{ court.__class__ }}", "{{ court|upper }}", "{{ court[0] }}", "{{ court() }}", "{{ 'x' }}", "{{ court ~ unit }}",
    "{{ self }}", "{{ cycler }}", "{{ config }}", "{% set x = 1 %}", "{% include 'x' %}", "{% import 'x' as y %}",
    "{% macro m() %}{% endmacro %}", "{% raw %}{{ x }}{% endraw %}{{ loop.index }}", "{% if court == 'x' %}{% endif %}",
    "{% if not court %}{% endif %}", "{% for x in [1,2] %}{% endfor %}", "{% for x in court %}{% endfor %}",
    "{% for x in evidence if x.no %}{% endfor %}", "{% for court in evidence %}{% endfor %}", "{{ evidence }}",
    "{% for x in evidence %}{{ x }}{% endfor %}", "{% for x in evidence %}{{ x.items }}{% endfor %}",
    "{% for x in evidence %}{% for y in spells %}{% endfor %}{% endfor %}", "{% block b %}{% endblock %}", "{% filter upper %}{% endfilter %}",
    "{{ court if unit }}", "{% do x %}", "{% with x = 1 %}{% endwith %}", "{{ court", "{% if court %}", "{% endfor %}", "{% autoescape false %}{% endautoescape %}",
)  # fmt: skip


@pytest.mark.parametrize("mark", NOT_PLAIN)
def test_nothing_but_plain_fields_is_taken(mark: str) -> None:
    assert said(edited(mark)), mark


def test_marks_outside_the_text_are_refused() -> None:
    document = docx.Document(io.BytesIO(GOOD))
    document.sections[0].footer.paragraphs[0].add_run("{{ court }}")
    written = io.BytesIO()
    document.save(written)
    assert "页眉页脚" in said(written.getvalue())


def test_what_was_not_looked_at_is_not_run_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the check passed by, the sandbox knows no filter, no function and no private name."""
    for mark in ("{{ court.__class__.__mro__ }}", "{{ court|list }}", "{{ range(9) }}", "{{ cycler.__init__ }}"):
        template = edited(mark)
        with pytest.raises(Exception, match=r"(?i)undefined|unsafe|no filter|unknown filter|has no attribute"):
            documents.fill(template, documents.uses(GOOD), {"court": "甲"})


# --- hostile files ----------------------------------------------------------------------------


def bomb(parts: dict[str, bytes]) -> None:
    parts["word/media/zeros.xml"] = b"0" * (hostile.LARGEST_PART + 1)


def many(parts: dict[str, bytes]) -> None:
    parts.update({f"word/x{number}.xml": b"<x/>" for number in range(hostile.MOST_PARTS)})


def macros(parts: dict[str, bytes]) -> None:
    parts["word/vbaProject.bin"] = b"\xd0\xcf\x11\xe0"


def macro_type(parts: dict[str, bytes]) -> None:
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"wordprocessingml.document.main", b"document.macroEnabled.main"
    )


def outside(parts: dict[str, bytes]) -> None:
    link = b'<Relationship Id="rX" Type="http://x/attachedTemplate" Target="http://example.org/x.dotm" TargetMode="External"/>'
    parts["word/_rels/document.xml.rels"] = parts["word/_rels/document.xml.rels"].replace(
        b"</Relationships>", link + b"</Relationships>"
    )


def entities(parts: dict[str, bytes]) -> None:
    body = parts["word/document.xml"]
    at = body.index(b"<w:document")
    parts["word/document.xml"] = body[:at] + b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + body[at:]


def wide(parts: dict[str, bytes]) -> None:
    parts["word/document.xml"] = (
        parts["word/document.xml"].decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    )


def field_code(parts: dict[str, bytes]) -> None:
    code = b'<w:p><w:fldSimple w:instr=" INCLUDETEXT &quot;http://example.org/x&quot; "><w:r><w:t>x</w:t></w:r></w:fldSimple></w:p></w:body>'
    parts["word/document.xml"] = parts["word/document.xml"].replace(b"</w:body>", code)


def dde(parts: dict[str, bytes]) -> None:
    code = b"<w:p><w:r><w:instrText> DDEAUTO c:\\\\x cmd </w:instrText></w:r></w:p></w:body>"
    parts["word/document.xml"] = parts["word/document.xml"].replace(b"</w:body>", code)


def embedded(parts: dict[str, bytes]) -> None:
    parts["word/embeddings/x.xlsx"] = b"PK"


def alternative(parts: dict[str, bytes]) -> None:
    parts["word/document.xml"] = parts["word/document.xml"].replace(b"</w:body>", b'<w:altChunk r:id="rX"/></w:body>')


def climbing(parts: dict[str, bytes]) -> None:
    parts["../../x.xml"] = b"<x/>"


def headless(parts: dict[str, bytes]) -> None:
    del parts["word/document.xml"]


HOSTILE: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "bomb": (bomb, "太大"), "many": (many, "不是能用的"), "macros": (macros, "宏"), "macro type": (macro_type, "宏"),
    "outside": (outside, "指向外面"), "entities": (entities, "实体"), "utf-16": (wide, "实体"), "field code": (field_code, "域代码"),
    "dde": (dde, "域代码"), "embedded": (embedded, "嵌入"), "alternative": (alternative, "排不出来"), "climbing": (climbing, "不是能用的"),
    "headless": (headless, "不是能用的"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_not_opened(name: str) -> None:
    change, why = HOSTILE[name]
    assert why in said(repacked(change))


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"%PDF-1.7", b"\xd0\xcf\x11\xe0" * 99, GOOD[: len(GOOD) // 2], GOOD[::-1], b"0" * (hostile.LARGEST_UPLOAD + 1)]
)  # fmt: skip
def test_what_is_no_word_document_is_refused(content: bytes) -> None:
    assert said(content)


def test_a_part_that_does_not_unpack_is_refused() -> None:
    """Its place and size are right; what is packed there is not."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        part = archive.getinfo("word/document.xml")
    at = part.header_offset + 30 + len(part.filename)
    broken = GOOD[:at] + b"\xff" * 40 + GOOD[at + 40 :]
    assert list(hostile.dangers(broken)) == [hostile.NOT_DOCX]


def test_a_part_that_is_longer_than_it_says_is_refused() -> None:
    packed = bytearray(repacked(lambda parts: parts.update({"word/z.xml": b"z" * 5000})))
    at = packed.rindex(b"word/z.xml") - 46  # its entry in the central directory
    packed[at + 24 : at + 28] = (10).to_bytes(4, "little")
    assert "不是能用的" in said(bytes(packed))


def test_pictures_that_the_pdf_cannot_carry_are_refused() -> None:
    drawing = b"<w:p><w:r><w:drawing/></w:r></w:p></w:body>"
    assert "排不出来" in said(repacked(lambda parts: parts.update(
        {"word/document.xml": parts["word/document.xml"].replace(b"</w:body>", drawing)})))  # fmt: skip


# --- who, and what becomes of it --------------------------------------------------------------


def policy() -> Person:
    """Somebody who holds the policy post."""
    user = people.add_user("zhengce", "政策员", "*", [("policy", "620700-civil_affairs")])
    return people.person(db.session(), user)


def test_a_template_in_force_makes_the_next_paper_and_leaves_the_last(petition: Petition) -> None:
    staff, before = policy(), petition.draft()
    papers.issue(petition.clerk, before, blanks=True)
    kept, old = petition.file(before), petition.draft()
    assert paper_templates.upload(staff, "petition", edited("抄送：{{ court }}"), "加抄送") == 1
    assert paper_templates.upload(staff, "petition", edited("抄报：{{ court }}"), "改抄报") == 2
    assert "抄报：" in words(petition.file(petition.draft()))
    assert petition.file(before) == kept
    assert "抄" not in words(petition.file(old))
    assert paper_pages.page(petition.clerk, petition.draft()).template.zh == "第2版模板"
    (kind,) = [one for one in paper_templates.index(staff) if one.id == "petition"]
    assert [line.version for line in kind.versions] == [2, 1, 0]
    assert "抄送：" in documents.text_of(documents.blocks_of(paper_templates.file(staff, "petition", 1).content))


def test_only_policy_staff_handle_templates(petition: Petition) -> None:
    for ask in (lambda: paper_templates.index(petition.clerk), lambda: paper_templates.file(petition.clerk, "petition", 0),
                lambda: paper_templates.upload(petition.clerk, "petition", GOOD, "x")):  # fmt: skip
        with pytest.raises(Forbidden):
            ask()


def test_an_unfit_template_changes_nothing(petition: Petition) -> None:
    staff = policy()
    with pytest.raises(Unfit) as refused:
        paper_templates.upload(staff, "petition", edited("{{ chld_name }}"), "改名", "en")
    assert "Did you mean “child_name”?" in refused.value.problems[0].message.en
    for content, note, wrong in ((b"", "x", "template"), (GOOD, " ", "note"), (GOOD, "长" * 201, "note")):
        with pytest.raises(Invalid) as invalid:
            paper_templates.upload(staff, "petition", content, note)
        assert wrong in invalid.value.fields
    with pytest.raises(NotFound):
        paper_templates.upload(staff, "../petition", GOOD, "x")
    assert petition.world.rows(sa.select(paper_templates.TEMPLATE)) == []
    assert petition.world.rows(sa.select(USER.c.id).where(USER.c.username == "zhengce"))
