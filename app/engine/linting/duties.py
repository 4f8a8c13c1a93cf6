"""Rules of the house on people's work: who, by when, with what form and on what ground."""

from __future__ import annotations

from app.engine.elements import message_name, timer_variable
from app.engine.linting.catalog import Catalog
from app.engine.linting.rules import Findings, found
from app.engine.linting.timing import due_id
from app.engine.reading import Document, Node, names

_PEOPLE = ("userTask", "manualTask", "task")
_NAMED = ("id", "name_en")


def speaks_house(document: Document) -> bool:
    """Whether the file uses our own properties, so that what is missing is a slip and not a foreign habit."""
    return any(any(key not in _NAMED for key in node.properties) for node in document.nodes())


def check_node(document: Document, node: Node, catalog: Catalog | None) -> Findings:
    """What a task must name, and whether what is named exists in `catalog`."""
    said = node.properties
    if node.tag in _PEOPLE:
        for what in ("form", "role", "deadline", "clause"):
            if not said.get(what):
                yield found(f"task.no-{what}", node.id)
    if node.name and not said.get("name_en"):
        yield found("name.no-english", node.id)
    if catalog is not None:
        yield from _known(node, catalog)
        yield from _operation(node, catalog)
        yield from _message(document, node, catalog)
        if node.tag == "callActivity":
            yield from _called(document, node, catalog)


def check_calls(document: Document) -> Findings:
    """Without a catalog, a call activity can only call what is in the same file."""
    for node in document.nodes():
        if node.tag == "callActivity":
            yield from _called(document, node, Catalog())


def _known(node: Node, catalog: Catalog) -> Findings:
    said = node.properties
    form, role = said.get("form"), said.get("role")
    if form and form not in catalog.forms:
        yield found("form.unknown", node.id, id=form)
    if role and role not in catalog.roles:
        yield found("role.unknown", node.id, id=role)
    for clause in names(said.get("clause")):
        if clause not in catalog.clauses:
            yield found("clause.unknown", node.id, id=clause)
    for deadline in (said.get("deadline"), due_id(timer_variable(node))):
        if deadline and deadline not in catalog.deadlines:
            yield found("deadline.unknown", node.id, id=deadline)


def _operation(node: Node, catalog: Catalog) -> Findings:
    operation = node.properties.get("operation")
    if not operation or node.tag != "serviceTask":
        return
    if operation not in catalog.operations:
        yield found("operation.unknown", node.id, id=operation)
        return
    for name in names(node.properties.get("sets")):
        if name not in catalog.operations[operation]:
            yield found("operation.sets", node.id, id=operation, name=name)


def _message(document: Document, node: Node, catalog: Catalog) -> Findings:
    message = message_name(document, node)
    if not message:
        return
    if message not in catalog.messages:
        yield found("message.unknown", node.id, id=message)
        return
    for name in names(node.properties.get("payload")):
        if name not in catalog.messages[message]:
            yield found("message.payload", node.id, id=message, name=name)


def _called(document: Document, node: Node, catalog: Catalog) -> Findings:
    called = node.xml.get("calledElement") or ""
    here = {scope.id for scope in document.processes()}
    if called and called not in here and called not in catalog.processes:
        yield found("call.unknown", node.id, process=called)
