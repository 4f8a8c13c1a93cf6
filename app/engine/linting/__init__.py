"""Judging a diagram before it runs: every trap of the engine and every rule of the house, by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from app.engine.faults import DiagramError
from app.engine.linting import conditions, duties, foreign, gateways, parts, prediction, structure, timing
from app.engine.linting.catalog import Catalog, Fields
from app.engine.linting.context import with_context
from app.engine.linting.rules import RULES, Finding, Problem, Severity, found, of_file, problems
from app.engine.reading import Document, read

__all__ = [
    "RULES",
    "Catalog",
    "Fields",
    "Problem",
    "Severity",
    "engine_problems",
    "lint",
    "speaks_house",
    "with_context",
]

UNDRAWABLE = ("id.repeated", "flow.dangling")
"""What no editor could open without losing something."""


def lint(xml: bytes, catalog: Catalog | None = None) -> list[Problem]:
    """Every problem of the processes in a file, in the order of the file.

    With a `catalog` the names that the diagram uses must exist in it. A file that cannot be read
    gives its one reason; of a drawing it is told, as warnings, what is missing for it to run.
    """
    try:
        document = read(xml)
    except DiagramError as fault:
        return of_file(fault)
    return list(dict.fromkeys(_everything(document, catalog)))


def speaks_house(xml: bytes) -> bool:
    """Whether a file uses our own properties; one that cannot be read does not."""
    try:
        return duties.speaks_house(read(xml))
    except DiagramError:
        return False


def engine_problems(document: Document, process: str) -> list[Problem]:
    """What keeps one process from running at all, whatever the release says."""
    return [each for each in problems(_of_process(document, process)) if each.severity == "error"]


def _everything(document: Document, catalog: Catalog | None) -> Iterator[Problem]:
    processes = document.processes()
    if not processes:
        yield from problems([found("process.none", "")])
    for process in processes:
        if process.executable:
            yield from problems([*_of_process(document, process.id), *_of_house(document, process.id, catalog)])
        else:
            yield from problems([found("process.drawing", process.id)])
            yield from _missing_to_run(document, process.id)
    yield from problems(foreign.check_around(document))


def _missing_to_run(document: Document, process: str) -> Iterator[Problem]:
    """What a drawing lacks: it keeps no drawing from being one, unless nobody could draw it."""
    for each in problems([*_of_process(document, process), *_of_elsewhere(document, process)]):
        yield each if each.rule in UNDRAWABLE else replace(each, severity="warning")


def _of_process(document: Document, process: str) -> Iterator[Finding]:
    yield from structure.check_document(document)
    for scope in document.of_process(process):
        yield from structure.check_scope(scope)
        yield from parts.check_data(scope)
        for node in scope.nodes.values():
            yield from parts.check_node(document, scope, node)
            yield from timing.check_timers(node)
        yield from gateways.check_scope(document, scope)
        yield from timing.check_scope(document, scope)
        yield from prediction.check_scope(scope)
        yield from conditions.check_language(scope)


def _of_house(document: Document, process: str, catalog: Catalog | None) -> Iterator[Finding]:
    yield from conditions.check_names(document, process, catalog)
    ours = duties.speaks_house(document) if catalog is None else catalog.ours
    if catalog is None or not ours:
        yield from duties.check_calls(document)
    for scope in document.of_process(process):
        for node in scope.nodes.values():
            if ours:
                yield from duties.check_node(document, node, catalog)
    yield from _of_elsewhere(document, process)


def _of_elsewhere(document: Document, process: str) -> Iterator[Finding]:
    for scope in document.of_process(process):
        yield from foreign.check_scope(scope)
        for node in scope.nodes.values():
            yield from foreign.check_node(node)
