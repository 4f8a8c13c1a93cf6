"""What each process of a release has from its start: what it declares, and what those who call it know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from app.engine.faults import DiagramError
from app.engine.linting.catalog import Catalog, unite
from app.engine.linting.conditions import given_by
from app.engine.reading import Document, names, properties, read
from app.rules.expressions import Type


def with_context(catalog: Catalog, diagrams: Iterable[bytes]) -> Catalog:
    """`catalog` with each process's starting variables: its property `context`, and all that its callers are given.

    A file that cannot be read gives nothing: lint says why.
    """
    documents = [document for xml in diagrams if (document := _read(xml))]
    known: dict[str, dict[str, Type | None]] = {
        process.id: dict.fromkeys(names(properties(process.xml).get("context")))
        for document in documents
        for process in document.processes()
    }
    for document in documents:
        for process in document.processes():
            _pass_on(document, process.id, known, catalog)
    return replace(catalog, context=known)


def _read(xml: bytes) -> Document | None:
    try:
        return read(xml)
    except DiagramError:
        return None


def _pass_on(document: Document, process: str, known: dict[str, dict[str, Type | None]], catalog: Catalog) -> None:
    """Give what this process knows to those that it calls."""
    nodes = [node for scope in document.of_process(process) for node in scope.nodes.values()]
    given = dict(known[process])
    for node in nodes:
        given = _joined(given, dict(given_by(document, node, catalog)))
    for called in {node.xml.get("calledElement") for node in nodes if node.tag == "callActivity"}:
        if called in known:
            known[called] = _joined(known[called], given)


def _joined(one: Mapping[str, Type | None], other: Mapping[str, Type | None]) -> dict[str, Type | None]:
    joined = dict(one)
    for name, kind in other.items():
        joined[name] = unite(joined[name], kind) if joined.get(name) is not None else kind
    return joined
