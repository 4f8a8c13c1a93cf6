"""From a diagram as drawn to the elements the house works with, names in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import cast

from lxml import etree

from app.engine.model import Element, ElementType, Flow
from app.engine.reading import BPMN, Document, FlowRef, Node, Scope, local, names, properties
from app.rules.expressions import ExpressionError
from app.rules.expressions import names as names_in
from app.text import Text

_TYPES: dict[str, ElementType] = {
    "startEvent": "start",
    "endEvent": "end",
    "task": "user",
    "userTask": "user",
    "manualTask": "user",
    "serviceTask": "service",
    "sendTask": "throw",
    "intermediateThrowEvent": "throw",
    "receiveTask": "catch",
    "intermediateCatchEvent": "catch",
    "boundaryEvent": "boundary_message",
    "callActivity": "call",
    "subProcess": "subprocess",
    "exclusiveGateway": "xor",
    "inclusiveGateway": "or",
    "parallelGateway": "and",
    "eventBasedGateway": "event_gateway",
}
_TIMERS: dict[ElementType, ElementType] = {"catch": "timer", "boundary_message": "boundary_timer"}


def elements_of(document: Document, process: str) -> dict[str, Element]:
    """The elements of one process and of the sub-processes embedded in it, in file order."""
    scopes = document.of_process(process)
    lanes = _lanes(scopes[0])
    found: dict[str, Element] = {}
    for scope in scopes:
        inherited = lanes.get(scope.id)
        for node in scope.nodes.values():
            lanes.setdefault(node.id, inherited) if inherited else None
            found[node.id] = _element(document, process, node, lanes.get(node.id))
    return found


def variables_of(elements: Iterable[Element]) -> frozenset[str]:
    """The names that conditions, collections, timers and payloads of `elements` read."""
    found: set[str] = set()
    for element in elements:
        found.update(element.payload)
        found.update(_read_by(element))
    return frozenset(found)


def _read_by(element: Element) -> Iterator[str]:
    if element.collection:
        yield element.collection
    if element.timer and not element.timer.startswith("due_"):
        yield element.timer
    for flow in element.flows:
        if flow.expr:
            yield from names_read(flow.expr)


def names_read(expression: str) -> frozenset[str]:
    """The names in a condition; none if it is not of the closed language (lint says so)."""
    try:
        return names_in(expression)
    except ExpressionError:
        return frozenset()


def _element(document: Document, process: str, node: Node, lane: Text | None) -> Element:
    said = node.properties
    timer = timer_variable(node)
    type_ = _TYPES.get(node.tag, cast(ElementType, node.tag))  # what the engine does not run keeps its own name
    return Element(
        id=node.id,
        process=process,
        type=_TIMERS.get(type_, type_) if timer else type_,
        name=Text(node.name or node.id, said.get("name_en") or node.name or node.id),
        lane=lane,
        role=said.get("role") or None,
        form=said.get("form") or None,
        deadline=said.get("deadline") or None,
        clauses=names(said.get("clause")),
        operation=said.get("operation") or None,
        message=message_name(document, node),
        payload=names(said.get("payload")),
        sets=names(said.get("sets")),
        timer=timer,
        collection=collection(node),
        called=node.xml.get("calledElement"),
        attached=node.xml.get("attachedToRef"),
        interrupting=(node.xml.get("cancelActivity") or "true").strip().lower() not in ("false", "0"),
        flows=tuple(_flow(node, flow) for flow in node.outgoing),
        properties=dict(said),
    )


def _flow(node: Node, flow: FlowRef) -> Flow:
    name = " ".join((flow.xml.get("name") or "").split())
    only = len(node.outgoing) == 1 and flow.condition is None
    default = flow.id == node.xml.get("default") or (only and node.tag in ("exclusiveGateway", "inclusiveGateway"))
    english = properties(flow.xml).get("name_en") or name
    return Flow(flow.id, flow.target, flow.condition or None, default, Text(name, english))


def message_name(document: Document, node: Node) -> str | None:
    """The name of the message that an event or task throws, catches or starts on."""
    reference = node.xml.get("messageRef")
    for event in node.events():
        if local(event) == "messageEventDefinition":
            reference = event.get("messageRef")
    return document.messages.get(reference or "") or None


def timer_variable(node: Node) -> str | None:
    """The text of the one timeDate of a timer event, or None."""
    for event in node.events():
        date = event.find(f"{{{BPMN}}}timeDate")
        if local(event) == "timerEventDefinition" and date is not None:
            return "".join(date.itertext()).strip() or None
    return None


def collection(node: Node) -> str | None:
    """The variable over whose members a multi-instance task runs, or None."""
    reference = node.xml.find(f"{{{BPMN}}}multiInstanceLoopCharacteristics/{{{BPMN}}}loopDataInputRef")
    return None if reference is None else (reference.text or "").strip() or None


def _lanes(scope: Scope) -> dict[str, Text | None]:
    """Which lane each node stands in; the innermost wins."""
    found: dict[str, Text | None] = {}
    for lane in scope.xml.iterfind(f"{{{BPMN}}}laneSet//{{{BPMN}}}lane"):
        name = " ".join((lane.get("name") or "").split())
        text = Text(name, properties(lane).get("name_en") or name)
        for reference in lane.iterfind(f"{{{BPMN}}}flowNodeRef"):
            found[(reference.text or "").strip()] = text
    return found


def pruned(root: etree._Element) -> etree._Element:
    """A copy of the file with only what the engine understands: no documentation, data, pictures or extensions."""
    kept = deepcopy(root)
    for child in list(kept.iter()):
        if local(child) not in _KEPT and child.getparent() is not None:
            child.getparent().remove(child)
    return kept


_KEPT = frozenset(_TYPES) | frozenset(
    [
        "definitions",
        "process",
        "sequenceFlow",
        "conditionExpression",
        "message",
        "messageEventDefinition",
        "timerEventDefinition",
        "timeDate",
        "terminateEventDefinition",
        "multiInstanceLoopCharacteristics",
        "loopDataInputRef",
        "completionCondition",
    ]
)
