"""Rules on the shape of a diagram: ids, flows, starts, ends, and what no path reaches."""

from __future__ import annotations

import re
from collections import Counter

from app.engine.linting.graph import reachable, successors
from app.engine.linting.rules import Findings, found
from app.engine.reading import GATEWAYS, Document, FlowRef, Node, Scope, local

_SHAPE = re.compile(r"[\w.\-]{1,100}")
_RESERVED = re.compile(
    r"(Start|End|Root|StartEventSplit|StartEventJoin)|.*\.(EndJoin|BoundaryEventSplit|BoundaryEventJoin)"
)

_NOTHING_BEFORE = {"startEvent": "start.incoming", "boundaryEvent": "boundary.incoming"}


def check_document(document: Document) -> Findings:
    """Ids, over the whole file."""
    for identity in dict.fromkeys(document.repeated):
        yield found("id.repeated", identity, id=identity)


def check_scope(scope: Scope) -> Findings:
    """The shape of one process or sub-process."""
    yield from _ids(scope)
    yield from _flows(scope)
    if local(scope.xml) == "adHocSubProcess":
        return  # refused by name; it has no order that could be wrong
    yield from _starts(scope)
    if not any(node.tag == "endEvent" for node in scope.nodes.values()):
        yield found("end.missing", scope.id)
    yield from _paths(scope)


def reserved(identity: str) -> bool:
    """Whether the engine keeps this id for itself."""
    return _RESERVED.fullmatch(identity) is not None


def _ids(scope: Scope) -> Findings:
    for identity in [scope.id, *scope.nodes, *(flow.id for flow in scope.flows if flow.id)]:
        if not identity:
            yield found("id.missing", scope.id)
        elif not _SHAPE.fullmatch(identity):
            yield found("id.shape", identity, id=identity)
        elif reserved(identity):
            yield found("id.reserved", identity, id=identity)


def _way(flow: FlowRef) -> tuple[str, str, str]:
    return flow.source, flow.target, flow.condition or ""


def _flows(scope: Scope) -> Findings:
    same = Counter(_way(flow) for flow in scope.flows)
    for flow in scope.flows:
        if not flow.id:
            yield found("flow.no-id", flow.source)
        if flow.source not in scope.nodes or flow.target not in scope.nodes:
            yield found("flow.dangling", flow.id or flow.source)
        if same[_way(flow)] > 1:
            yield found("flow.twice", flow.id or flow.source)
    for node in scope.nodes.values():
        yield from _ends(node)


def _ends(node: Node) -> Findings:
    if len(node.outgoing) > 1 and node.tag not in GATEWAYS:
        yield found("start.several-flows" if node.tag == "startEvent" else "task.several-flows", node.id)
    if node.incoming and node.tag in _NOTHING_BEFORE:
        yield found(_NOTHING_BEFORE[node.tag], node.id)
    if node.outgoing and node.tag == "endEvent":
        yield found("end.outgoing", node.id)


def _starts(scope: Scope) -> Findings:
    starts = [node for node in scope.nodes.values() if node.tag == "startEvent"]
    if not starts:
        yield found("start.missing", scope.id)
    for extra in starts[1:]:
        yield found("start.several", extra.id)
    for node in starts:
        if node.events() and not scope.is_process and scope.xml.get("triggeredByEvent") not in ("true", "1"):
            yield found("start.in-subprocess", node.id)


def _paths(scope: Scope) -> Findings:
    starts = [node.id for node in scope.nodes.values() if node.tag == "startEvent"]
    reached = reachable(successors(scope), starts)
    for node in scope.nodes.values():
        if starts and node.id not in reached and not _is_aside(node):
            yield found("node.unreachable", node.id)
        elif not node.outgoing and node.tag != "endEvent" and not _is_aside(node):
            yield found("node.dead-end", node.id)


def _is_aside(node: Node) -> bool:
    """Nodes that other rules refuse by name, where these rules would only add noise."""
    marked = any(node.xml.get(mark) in ("true", "1") for mark in ("triggeredByEvent", "isForCompensation"))
    return marked or bool({"link", "compensate"} & set(node.event_kinds()))
