"""Rules on what other engines' tools wrote into a file, and on parts of BPMN that this engine only keeps."""

from __future__ import annotations

import re

from lxml import etree

from app.engine.linting.rules import Findings, found
from app.engine.reading import BPMN, NODES, Document, Node, Scope, local
from app.engine.vendors import foreign, is_carried

_CODE = re.compile(
    r"class|expression|delegateExpression|resultVariable|topic|connector|script|executionListener|taskListener|"
    r"inputOutput|ioMapping|taskDefinition|calledDecision|calledElement|onEntry-script|onExit-script|field",
    re.IGNORECASE,
)
_BESIDE = frozenset(
    [
        "property",
        "auditing",
        "monitoring",
        "resourceRole",
        "performer",
        "humanPerformer",
        "potentialOwner",
        "participantAssociation",
        "correlationSubscription",
        "supports",
        "rendering",
        "supportedInterfaceRef",
        "ioBinding",
    ]
)
"""What the standard has and this engine neither reads nor needs; said, never dropped."""
_OWNERS = ("performer", "humanPerformer", "potentialOwner")
_PARTS = NODES | frozenset(
    [
        "sequenceFlow",
        "laneSet",
        "documentation",
        "extensionElements",
        "textAnnotation",
        "association",
        "group",
        "incoming",
        "outgoing",
        "category",
        "dataObject",
        "dataObjectReference",
        "dataStoreReference",
        "dataInputAssociation",
        "dataOutputAssociation",
        "ioSpecification",
        "standardLoopCharacteristics",
        "multiInstanceLoopCharacteristics",
        "completionCondition",
        "script",
    ]
)
_SCOPES = frozenset(("process", "subProcess", "transaction", "adHocSubProcess"))


def check_node(node: Node) -> Findings:
    """One finding for each thing about a node that would have had an effect elsewhere and has none here."""
    yield from _left(node.xml, node.id)
    told = {child: local(child) for child in node.xml if local(child) in _BESIDE}
    for tag in dict.fromkeys(told.values()):
        if tag not in _OWNERS or not any(key in node.properties for key in ("role", "role_hint")):
            yield found("beside.ignored", node.id, what=tag)


def check_scope(scope: Scope) -> Findings:
    """What stands about a process and its flows, and what stands in it that is no part of a diagram."""
    if scope.is_process:
        yield from _left(scope.xml, scope.id)
    for flow in scope.flows:
        yield from _left(flow.xml, flow.id)
    for child in scope.xml:
        tag = local(child)
        if not tag and isinstance(child.tag, str):
            yield found("element.foreign", child.get("id") or scope.id, tag=etree.QName(child).localname)
        elif scope.is_process and tag in _BESIDE:
            yield found("beside.ignored", scope.id, what=tag)
        elif (
            tag and tag not in _PARTS and tag not in _BESIDE and not tag.endswith(("EventDefinition", "DefinitionRef"))
        ):
            yield found("element.unsupported", child.get("id") or scope.id, tag=tag)


def check_around(document: Document) -> Findings:
    """What stands beside the processes: pools, messages and the like. It is never code here."""
    for child in document.root:
        if local(child) and local(child) != "process":
            for told in foreign(child):
                yield found("foreign.ignored", child.get("id") or "", what=told.label)
        if local(child).startswith("global") or local(child) in ("choreography", "globalChoreographyTask"):
            yield found("beside.ignored", child.get("id") or "", what=local(child))
    ids = {each.get("id") for each in document.root.iter(etree.Element)} - {None}
    for each in document.root.iterfind(f"{{{BPMN}}}collaboration/{{{BPMN}}}messageFlow"):
        joined = each.get("sourceRef") in ids and each.get("targetRef") in ids
        yield (
            found("beside.ignored", each.get("id") or "", what="messageFlow")
            if joined
            else found("flow.dangling", each.get("id") or "")
        )


def _left(xml: etree._Element, where: str) -> Findings:
    for told in foreign(xml):
        if not is_carried(xml, told):
            code = _CODE.fullmatch(told.label.partition(".")[0])
            yield found("foreign.code" if code else "foreign.ignored", where, what=told.label)
