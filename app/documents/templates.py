"""Whether a template may be used: only known fields, only plain access, loops over declared lists.

Checked when it is uploaded; rendering then meets nothing that was not looked at. Source: ADR 0017.
"""

from __future__ import annotations

import difflib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from docxtpl import DocxTemplate
from jinja2 import TemplateSyntaxError, nodes

from app.documents import hostile
from app.documents.blocks import Block, blocks_of
from app.documents.fields import FIELDS, Field, Uses
from app.documents.word import environment
from app.text import Text

MARK = re.compile(r"\{\{|\{%|\{#")
NOWHERE = Text("", "")
SHOWN = 40
"""Characters of a paragraph that are quoted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What has to be mended before a template is taken, and where it stands."""

    message: Text
    where: Text = NOWHERE


class _Refused(Exception):
    """Raised inside the walk at the first thing that is not allowed; `name` is what to look for in the text."""

    def __init__(self, message: Text, name: str) -> None:
        super().__init__(message.en)
        self.message, self.name = message, name


def problems(content: bytes, sealed: frozenset[str]) -> tuple[Problem, ...]:
    """Everything wrong with a template; `sealed` are the sealed fields that its paper may use. Never raises."""
    dangers = tuple(Problem(text) for text in hostile.dangers(content))
    if dangers:
        return dangers
    try:
        return tuple(_problems(content, sealed))
    except Exception:
        return (Problem(hostile.NOT_DOCX),)


def _problems(content: bytes, sealed: frozenset[str]) -> Iterator[Problem]:
    for place in _outside(content):
        yield Problem(
            Text(
                "页眉页脚里不能放字段。请移到正文。",
                "Fields cannot stand in a header or footer. Move them to the text.",
            ),
            place,
        )
    try:
        tree = _tree(content)
    except TemplateSyntaxError as wrong:
        yield Problem(
            Text(f"模板标记没有写完整：{wrong.message}", f"A template mark is not complete: {wrong.message}"),
            _unpaired(content),
        )
        return
    for found in _Walk(sealed).check(tree):
        yield Problem(found.message, _where(content, found.name))


def uses(content: bytes) -> Uses:
    """The fields that a template uses, in which `problems` found nothing wrong."""
    return frozenset(_uses(_tree(content).body, ""))


def _uses(body: Iterable[nodes.Node], condition: str) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, nodes.If) and isinstance(node.test, nodes.Name):
            yield node.test.name, node.test.name
            yield from _uses(node.body, node.test.name)
            yield from _uses(node.else_, condition)
        else:
            yield from ((found.name, condition) for found in node.find_all(nodes.Name) if found.name in FIELDS)


def _tree(content: bytes) -> nodes.Template:
    document = DocxTemplate(io.BytesIO(content))
    document.init_docx()
    return environment().parse(document.patch_xml(document.get_xml()))


class _Walk:
    """Goes through a template's tree and lets pass only what is on the list."""

    def __init__(self, sealed: frozenset[str]) -> None:
        self.sealed = sealed

    def check(self, tree: nodes.Template) -> Iterator[_Refused]:
        """Everything that is not allowed, one for each place."""
        yield from self._body(tree.body, {})

    def _body(self, body: list[nodes.Node], loops: dict[str, Field]) -> Iterator[_Refused]:
        for node in body:
            yield from self._statement(node, loops)

    def _statement(self, node: nodes.Node, loops: dict[str, Field]) -> Iterator[_Refused]:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    if not isinstance(part, nodes.TemplateData):
                        yield from self._value(part, loops)
            case nodes.For():
                yield from self._loop(node, loops)
            case nodes.If():
                yield from self._question(node, loops)
            case _:
                yield _not_plain(node)

    def _question(self, node: nodes.If, loops: dict[str, Field]) -> Iterator[_Refused]:
        """Whether a field is known; what stands under it may be a loop, no further question."""
        if not isinstance(node.test, nodes.Name) or node.elif_ or any(inner.find(nodes.If) for inner in node.body):
            yield _not_plain(node)
            return
        yield from self._value(node.test, loops, asked=True)
        yield from self._body([*node.body, *node.else_], loops)

    def _loop(self, node: nodes.For, loops: dict[str, Field]) -> Iterator[_Refused]:
        plain = isinstance(node.iter, nodes.Name) and isinstance(node.target, nodes.Name)
        if not plain or node.recursive or node.test or node.else_ or loops:
            yield _not_plain(node)
            return
        assert isinstance(node.iter, nodes.Name)
        assert isinstance(node.target, nodes.Name)
        field = FIELDS.get(node.iter.name)
        if field is None or not field.columns:
            yield from ([_unknown(node.iter.name, [f.name for f in FIELDS.values() if f.columns])] if field is None else
                        [_Refused(_not_list(field), node.iter.name)])  # fmt: skip
            return
        if node.target.name in FIELDS:
            yield _not_plain(node)
            return
        yield from self._body(node.body, {node.target.name: field})

    def _value(self, node: nodes.Node, loops: dict[str, Field], *, asked: bool = False) -> Iterator[_Refused]:
        match node:
            case nodes.Name(name=name) if name in FIELDS:
                yield from self._known(FIELDS[name], asked=asked)
            case nodes.Name(name=name) if name not in loops:
                yield _unknown(name, [*FIELDS, *loops])
            case nodes.Getattr(node=nodes.Name(name=row), attr=column) if row in loops:
                if column not in loops[row].columns:
                    yield _unknown(f"{row}.{column}", [f"{row}.{known}" for known in loops[row].columns])
            case _:
                yield _not_plain(node)

    def _known(self, field: Field, *, asked: bool) -> Iterator[_Refused]:
        if field.columns and not asked:
            yield _Refused(
                Text(f"“{field.name}”是清单，要逐行写出来。", f"“{field.name}” is a list; go through it row by row."),
                field.name,
            )
        elif field.sealed and field.name not in self.sealed:
            yield _Refused(
                Text(f"“{field.name}”（{field.label.zh}）是封存内容，这种文书用不着，不能放。",
                     f"“{field.name}” ({field.label.en}) is sealed, and this paper does not need it."),
                field.name,
            )  # fmt: skip


def _not_list(field: Field) -> Text:
    return Text(f"“{field.name}”不是清单，不能逐行写。", f"“{field.name}” is no list to go through.")


def _unknown(name: str, known: list[str]) -> _Refused:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    zh = f"没有叫“{name}”的字段。" + (f"是不是“{near[0]}”？" if near else "")
    en = f"There is no field “{name}”." + (f" Did you mean “{near[0]}”?" if near else "")
    return _Refused(Text(zh, en), name)


def _not_plain(node: nodes.Node) -> _Refused:
    """Something else than a field, a loop over a list, or a question whether a field is known."""
    name = (
        next((found.name for found in node.find_all(nodes.Name)), "") if not isinstance(node, nodes.Name) else node.name
    )
    return _Refused(
        Text("模板里只能写字段名、逐行写清单，或问一个字段有没有；不能算、不能调用、不能取下标。",
             "A template may name a field, go through a list, or ask whether a field is known; no sums, calls or subscripts."),
        name or type(node).__name__,
    )  # fmt: skip


# --- where it stands --------------------------------------------------------------------------


def _paragraphs(content: bytes) -> Iterator[tuple[Text, str]]:
    """Each paragraph's place, in words, and its text."""
    tables = 0
    for number, one in enumerate(blocks_of(content), start=1):
        if isinstance(one, Block):
            yield Text(f"第{number}段", f"Paragraph {number}"), one.text
            continue
        tables += 1
        for line, row in enumerate(one.rows, start=1):
            for cell in row:
                place = Text(f"第{tables}张表第{line}行", f"Table {tables}, row {line}")
                yield place, "".join(block.text for block in cell)


def _where(content: bytes, name: str) -> Text:
    """Where the name stands in a mark, with a few of the words around it."""
    for place, text in _paragraphs(content):
        if MARK.search(text) and name in text:
            return _quoted(place, text, text.index(name))
    return NOWHERE


def _unpaired(content: bytes) -> Text:
    """The first paragraph whose marks do not pair up."""
    for place, text in _paragraphs(content):
        if text.count("{{") != text.count("}}") or text.count("{%") != text.count("%}"):
            return _quoted(place, text, max(text.find("{"), 0))
    return next((_quoted(place, text, 0) for place, text in _paragraphs(content) if MARK.search(text)), NOWHERE)


def _quoted(place: Text, text: str, at: int) -> Text:
    start = max(0, at - SHOWN // 2)
    piece = text[start : start + SHOWN]
    return Text(f"{place.zh}：“{piece}”", f"{place.en}: “{piece}”")


def _outside(content: bytes) -> Iterator[Text]:
    """Marks in headers, footers and properties, which are not the paper's text."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [
            name for name in archive.namelist() if re.fullmatch(r"word/(header|footer)\d*\.xml|docProps/.*\.xml", name)
        ]
        marked = [
            name for name in names if MARK.search(re.sub(r"<[^>]+>", "", archive.read(name).decode("utf-8", "replace")))
        ]
    return (Text("页眉、页脚或文档属性", "Header, footer or document properties") for _ in marked[:1])
