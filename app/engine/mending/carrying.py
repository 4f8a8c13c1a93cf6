"""What other engines' attributes mean here, written in our own words beside them.

Who does it, with what form and by what operation becomes a property: the property itself where the release knows
that role, form or operation, else a hint for the person who mends the file. Conditions, dates and collections that
are plain names or translate into the closed language are rewritten in place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lxml import etree

from app.engine.linting.catalog import Catalog
from app.engine.linting.rules import Finding, Findings, found
from app.engine.reading import BPMN, HOUSE, Document, Node, local, properties
from app.engine.vendors import CALLED, CARRIED, COLLECTIONS, Foreign, foreign, is_carried
from app.rules.translated import is_foreign, plain_name, translate

_LOOP = f"{{{BPMN}}}multiInstanceLoopCharacteristics"


def carry(document: Document, known: Catalog) -> Findings:
    """Say in our words what can be said; yields what was changed."""
    for node in document.nodes():
        for told in list(foreign(node.xml)):
            if told.value and not is_carried(node.xml, told):
                yield from _told(node, told, known)
        yield from _owners(node, known)
        yield from _dates(node)
        for text in node.xml.iterfind(f"{_LOOP}/{{{BPMN}}}completionCondition"):
            yield from _condition(node.id, text)
    for scope in document.scopes:
        for flow in scope.flows:
            for text in flow.xml.iterfind(f"{{{BPMN}}}conditionExpression"):
                yield from _condition(flow.id, text)


def _told(node: Node, told: Foreign, known: Catalog) -> Iterator[Finding]:
    if told.label in CARRIED:
        yield from _keep(node, CARRIED[told.label], told, known)
    elif told.label == CALLED and not node.xml.get("calledElement"):
        node.xml.set("calledElement", told.value)
        yield found("carried.over", node.id, what=told.label, value=told.value, to="calledElement")
    elif told.label in COLLECTIONS:
        yield from _collection(node, told)


def _keep(node: Node, kept: str, told: Foreign, known: Catalog) -> Iterator[Finding]:
    """As the property itself if the release knows it; else as one more hint."""
    said = properties(node.xml)
    names: dict[str, Collection[str]] = {
        "role": known.roles,
        "form": known.forms,
        "operation": known.operations,
        "deadline": known.deadlines,
    }
    if kept in said:
        return
    if told.value in names[kept] and f"{kept}_hint" not in said:
        write_property(node.xml, kept, told.value)
        yield found("carried.over", node.id, what=told.label, value=told.value, to=kept)
        return
    hints = [*filter(None, said.get(f"{kept}_hint", "").split("; ")), told.value]
    write_property(node.xml, f"{kept}_hint", "; ".join(hints))
    yield found("carried.hint", node.id, what=told.label, value=told.value, to=f"{kept}_hint")


def _owners(node: Node, known: Catalog) -> Iterator[Finding]:
    """BPMN's own way to say who does it: potentialOwner, humanPerformer, performer."""
    for tag in ("potentialOwner", "humanPerformer", "performer"):
        for owner in node.children(tag):
            text = " ".join("".join(owner.itertext()).split())
            told = Foreign(tag, text)
            if text and text not in properties(node.xml).get("role_hint", "").split("; "):
                yield from _keep(node, "role", told, known)


def _collection(node: Node, told: Foreign) -> Iterator[Finding]:
    name, loop = plain_name(told.value), node.xml.find(_LOOP)
    if name and loop is not None and loop.find(f"{{{BPMN}}}loopDataInputRef") is None:
        reference = etree.Element(f"{{{BPMN}}}loopDataInputRef")
        reference.text = name
        loop.insert(len(loop.findall(f"{{{BPMN}}}extensionElements")), reference)
        yield found("carried.over", node.id, what=told.label, value=told.value, to="loopDataInputRef")


def _dates(node: Node) -> Iterator[Finding]:
    for event in node.events():
        for date in event.iterfind(f"{{{BPMN}}}timeDate"):
            was = "".join(date.itertext()).strip()
            name = plain_name(was) if is_foreign(was) else None
            if name:
                _say(date, name)
                yield found("carried.over", node.id, what="timeDate", value=was, to=name)


def _condition(where: str, xml: etree._Element) -> Iterator[Finding]:
    was = "".join(xml.itertext()).strip()
    now = translate(was) if is_foreign(was) else None
    if now:
        _say(xml, now)
        yield found("carried.condition", where, was=was, now=now)


def _say(xml: etree._Element, text: str) -> None:
    for child in list(xml):
        xml.remove(child)
    xml.text = text


def write_property(xml: etree._Element, name: str, value: str) -> None:
    """Set one of the house's properties of an element."""
    extensions = xml.find(f"{{{BPMN}}}extensionElements")
    if extensions is None:
        extensions = etree.Element(f"{{{BPMN}}}extensionElements")
        xml.insert(sum(1 for child in xml if local(child) == "documentation"), extensions)
    held = extensions.find(f"{{{HOUSE}}}properties")
    if held is None:
        held = etree.SubElement(extensions, f"{{{HOUSE}}}properties", nsmap={"spiffworkflow": HOUSE})
    for each in held.iterfind(f"{{{HOUSE}}}property"):
        if each.get("name") == name:
            each.set("value", value)
            return
    etree.SubElement(held, f"{{{HOUSE}}}property", name=name, value=value)
