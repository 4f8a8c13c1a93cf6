"""The guides of docs/, drawn as pages, and the glossary that stands beside them.

What is shown is what stands in the files: one text for the repository and for the page. Markdown without raw
HTML, so that nothing in a guide can carry a script.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from posixpath import basename

from flask import url_for
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.settings import ROOT
from app.text import Text

DOCS = ROOT / "docs"
PICTURES = DOCS / "pictures"
GUIDES: Mapping[str, Text] = {
    "reporter": Text("报告人", "Reporting a child"),
    "caseworker": Text("个案员", "Caseworker"),
    "supervisor": Text("主管", "Supervisor"),
    "auditor": Text("审计员", "Auditor"),
    "policy": Text("政策岗", "Policy staff"),
    "administrator": Text("管理员", "Administrator"),
}
MORE: Mapping[str, Text] = {
    "first-tasks": Text("先试这些事", "First tasks"),
    "papers": Text("文书（英文）", "Papers"),
    "audit": Text("总日志（英文）", "The log over all cases"),
    "reexecution": Text("重新执行（英文）", "Running a case again"),
    "event-logs": Text("事件日志（英文）", "Event logs"),
}
"""Other papers of docs/ that the guides lead to."""
PAGES: Mapping[str, Text] = {**GUIDES, **MORE}


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the field: what it means in a sentence, and the clauses or laws it comes from."""

    id: str
    word: Text
    means: Text
    source: tuple[str, ...]


@lru_cache(maxsize=1)
def words() -> tuple[Word, ...]:
    """The glossary (docs/words.json), in its order."""
    rows = json.loads((DOCS / "words.json").read_bytes())
    return tuple(
        Word(row["id"], Text(row["zh"], row["en"]), Text(row["means_zh"], row["means_en"]), tuple(row["source"]))
        for row in rows
    )


def find(asked: str) -> tuple[Word, ...]:
    """The words in which `asked` stands, in either language; those named so come first."""
    wanted = asked.strip().casefold()
    if not wanted:
        return words()
    named = [one for one in words() if wanted in f"{one.word.zh}\n{one.word.en}".casefold()]
    told = [one for one in words() if wanted in f"{one.means.zh}\n{one.means.en}".casefold() and one not in named]
    return (*named, *told)


def file_of(page: str, lang: str) -> Path:
    """The file of a page in a language; of a paper that has only one, that one."""
    folder = DOCS / "guides" if page in GUIDES else DOCS
    own = f"{page}.{lang}.md" if page in GUIDES or lang == "zh" else f"{page}.md"
    return folder / own if (folder / own).exists() else folder / f"{page}.md"


@lru_cache(maxsize=64)
def drawn(page: str, lang: str) -> Markup:
    """A page as HTML; links between papers lead to their pages here, and others of the repository stand as words."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(file_of(page, lang).read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            token.attrSet("id", following.content.replace(" ", "-").casefold())
        for inner in token.children or ():
            _lead(inner)
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - our own files, raw HTML is off


def _lead(token: Token) -> None:
    """Turn a link or a picture of the repository into one of this site."""
    if token.type == "image":
        token.attrSet("src", url_for("help.picture", name=basename(str(token.attrs["src"]))))
        token.attrSet("loading", "lazy")
    if token.type != "link_open":
        return
    target, _, anchor = str(token.attrs["href"]).partition("#")
    page = basename(target).split(".")[0]
    if target.endswith(".md") and page in PAGES:
        token.attrSet("href", url_for("help.guide", page=page, _anchor=anchor or None))
    elif target and "://" not in target and not target.startswith("/"):
        del token.attrs["href"]
