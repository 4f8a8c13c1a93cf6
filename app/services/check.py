"""Is a release sound? Diagrams, forms and registers, each by itself and all against one another.

What is found here keeps a release from being published; the same catalog judges a diagram that
somebody sends or edits. Source: ARCHITECTURE "Fixed names and commands", rule 6; MODELLING rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app import engine, operations
from app.errors import Refused
from app.rules import forms
from app.rules.access import Access
from app.rules.deadlines import DeadlineRules
from app.rules.forms_layout import Field
from app.services import choices
from app.services.library import Library
from app.text import Text

REGISTERS = ("clauses", "deadlines", "legal_bases", "messages", "roles")
UNREADABLE = Text("读不出来，不是合格的 JSON", "It cannot be read: it is no valid JSON")
MENDED_IN = Text("请在文件里改好再发布", "Mend it in the file, then publish")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: in which file, where in it, by which rule, and how."""

    file: str
    element: str
    rule: str
    severity: str
    message: Text
    hint: Text = MENDED_IN


def release(files: Mapping[str, bytes]) -> list[Problem]:
    """Everything to mend in a release, errors first; files are path → content."""
    unread = list(_unreadable(files))
    if unread:
        return unread
    books = Library(files)
    found = [*_registers(books), *_forms(books)]
    known = catalog(books)
    for stem, xml in books.diagrams.items():
        found += diagram(f"bpmn/{stem}.bpmn", xml, known)
    found += _messages(books, known)
    return sorted(found, key=lambda problem: (problem.severity != "error", problem.file))


def diagram(file: str, xml: bytes, known: engine.Catalog | None) -> list[Problem]:
    """Everything to mend in one diagram, given what its release offers."""
    return [
        Problem(file, problem.element, problem.rule, problem.severity, problem.message, problem.hint)
        for problem in engine.verdict(xml, known).problems
    ]


def catalog(books: Library) -> engine.Catalog:
    """What this release offers to its diagrams; a form or register that cannot be read offers nothing."""
    clauses = {row["id"] for name in ("clauses", "legal_bases") for row in _json(books, name)}
    bare = engine.Catalog(
        forms={form.id: form.types() for form in _good_forms(books)},
        operations={name: dict.fromkeys(found.sets) for name, found in operations.registry.items()},
        messages={name: dict.fromkeys(rules["payload"]) for name, rules in books.messages.items()},
        roles=frozenset(books.roles),
        deadlines=frozenset(row["id"] for row in _json(books, "deadlines")["deadlines"]),
        clauses=frozenset(clauses),
        processes=frozenset(books.diagrams),
    )
    return engine.with_context(bare, books.diagrams.values())


def coverage(books: Library) -> dict[str, list[str]]:
    """For each clause of the plan that a diagram implements, where: “process.element”, in the register's order."""
    found: dict[str, list[str]] = {row["id"]: [] for row in _json(books, "clauses")}
    for stem in sorted(books.diagrams):
        for element in books.definition(stem).elements(stem):
            for clause in element.clauses:
                if clause in found:
                    found[clause].append(f"{stem}.{element.id}")
    return {clause: elements for clause, elements in found.items() if elements}


def _json(books: Library, name: str) -> Any:
    return orjson.loads(books.files[f"bpmn/{name}.json"])


def _unreadable(files: Mapping[str, bytes]) -> Iterator[Problem]:
    for name in REGISTERS:
        if f"bpmn/{name}.json" not in files:
            missing = Text("版本里缺这个文件", "The release lacks this file")
            yield Problem(f"bpmn/{name}.json", "", "file.missing", "error", missing)
    for path, content in files.items():
        if path.endswith(".json") and not _is_json(content):
            yield Problem(path, "", "file.unreadable", "error", UNREADABLE)


def _is_json(content: bytes) -> bool:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return True


# --- registers ---------------------------------------------------------------------------


def _registers(books: Library) -> Iterator[Problem]:
    """The rules that this program computes with have to load."""
    loaders: dict[str, Callable[[], object]] = {
        "deadlines": lambda: DeadlineRules.load(_json(books, "deadlines")),
        "roles": lambda: Access.load(_json(books, "roles")),
    }
    for name, load in loaders.items():
        try:
            load()
        except Refused as fault:
            where = str(fault.ids.get("deadline") or fault.ids.get("role") or "")
            yield Problem(f"bpmn/{name}.json", where, f"{name}.refused", "error", fault.text)


# --- forms -------------------------------------------------------------------------------


def _documents(books: Library) -> Iterator[tuple[str, Any]]:
    return ((path, orjson.loads(content)) for path, content in books.files.items() if path.startswith("forms/"))


def _good_forms(books: Library) -> Iterator[forms.Form]:
    return (forms.Form.parse(document) for _, document in _documents(books) if not forms.problems(document))


def _forms(books: Library) -> Iterator[Problem]:
    for path, document in _documents(books):
        found = forms.problems(document)
        yield from (Problem(path, problem.field, "form.field", "error", problem.text) for problem in found)
        if not found:
            yield from _form(path, forms.Form.parse(document))


def _form(path: str, form: forms.Form) -> Iterator[Problem]:
    if path != f"forms/{form.id}.json":
        text = Text(f"文件名和表号“{form.id}”不同", f"The file's name differs from the form's id “{form.id}”")
        yield Problem(path, "", "form.name", "error", text)
    for field in _asked(form):
        if field.options_from and field.options_from not in choices.SOURCES:
            text = Text(
                f"没有叫“{field.options_from}”的选项来源", f"There is no source of options “{field.options_from}”"
            )
            yield Problem(path, field.name, "form.options-from", "error", text)


def _asked(form: forms.Form) -> Iterator[Field]:
    for field in form.questions.values():
        yield field
        yield from field.fields


# --- messages ----------------------------------------------------------------------------


def _messages(books: Library, known: engine.Catalog) -> Iterator[Problem]:
    """The register of messages against the diagrams and forms that it names."""
    thrown, caught = _exchanged(books)
    for name, rules in books.messages.items():
        for rule, text in _message(rules, known):
            yield Problem("bpmn/messages.json", name, rule, "error", text)
        for stem in sorted(caught.get(name, set()) - set(rules["caught_by"])):
            text = Text(
                f"流程 {stem} 在等它，caught_by 里没有写", f"{stem} waits for it, but caught_by does not say so"
            )
            yield Problem("bpmn/messages.json", name, "message.caught-by", "error", text)
        for where in sorted(thrown.get(name, set()) - set(rules["payload_sources"])):
            text = Text(f"{where} 发出它，payload_sources 里没有写", f"{where} sends it, but payload_sources lacks it")
            yield Problem("bpmn/messages.json", name, "message.sources", "error", text)


def _exchanged(books: Library) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """By message: the elements that throw it, and the processes that catch it."""
    thrown: dict[str, set[str]] = {}
    caught: dict[str, set[str]] = {}
    for stem in books.diagrams:
        for element in _elements(books, stem):
            if element.message and element.type == "throw":
                thrown.setdefault(element.message, set()).add(f"{stem}.{element.id}")
            elif element.message and element.type in ("catch", "boundary_message"):
                caught.setdefault(element.message, set()).add(stem)
    return thrown, caught


def _elements(books: Library, stem: str) -> Iterable[engine.Element]:
    try:
        return books.definition(stem).elements(stem)
    except Refused:  # lint has said why
        return ()


def _message(rules: Mapping[str, Any], known: engine.Catalog) -> Iterator[tuple[str, Text]]:
    if not set(rules["correlation"]) <= set(rules["payload"]):
        yield "message.correlation", Text("对应键不在消息内容里", "A correlation key is not in the payload")
    if rules["starts"] and rules["starts"] not in known.processes and rules["role"] not in known.roles:
        yield (
            "message.starts",
            Text(
                f"流程 {rules['starts']} 还没有画，也没有写由哪个岗位人工办理",
                f"{rules['starts']} is not drawn, and no role is named that does it by hand",
            ),
        )
    if rules["desk"] and rules["form"] not in known.forms:
        yield "message.form", Text(f"没有表单 {rules['form']}", f"There is no form {rules['form']}")
    if rules["desk"] and set(rules["payload_sources"].get("desk", {})) != set(rules["payload"]):
        yield "message.desk", Text("登记台没有给全消息内容", "What the desk gives is not the whole payload")
