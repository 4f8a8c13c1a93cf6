"""Rules on single elements: what the engine runs, what it would silently get wrong."""

from __future__ import annotations

from lxml import etree

from app.engine.elements import collection, message_name
from app.engine.linting.rules import Findings, found
from app.engine.reading import ACTIVITIES, BPMN, HOUSE, RUNNABLE, SUBPROCESSES, Document, Node, Scope, local
from app.rules.translated import is_foreign, plain_name

_KINDS = {
    "complexGateway": "gateway.complex",
    "adHocSubProcess": "subprocess.adhoc",
    "transaction": "subprocess.transaction",
    "scriptTask": "task.script",
    "businessRuleTask": "task.business-rule",
}
_EVENTS = {
    "signal": "event.signal",
    "link": "event.link",
    "compensate": "event.compensation",
    "compensation": "event.compensation",
    "conditional": "event.conditional",
    "error": "event.error",
    "escalation": "event.escalation",
    "cancel": "event.cancel",
}
_ALLOWED_EVENTS = {
    "startEvent": ("message", "timer"),
    "endEvent": ("message", "terminate"),
    "intermediateCatchEvent": ("message", "timer"),
    "intermediateThrowEvent": ("message",),
    "boundaryEvent": ("message", "timer"),
}
_MARKS = {"triggeredByEvent": "subprocess.event", "isForCompensation": "event.compensation"}
_MAY_BE_PLAIN = ("startEvent", "endEvent", "intermediateThrowEvent")
_CODE = ("preScript", "postScript", "script", "serviceTaskOperator")


def check_node(document: Document, scope: Scope, node: Node) -> Findings:
    """Everything about one node that does not need its neighbours."""
    if node.tag not in RUNNABLE:
        rule = _KINDS.get(node.tag)
        yield found(rule, node.id) if rule else found("element.unsupported", node.id, tag=node.tag)
        return
    yield from _marks(node)
    if node.tag in _ALLOWED_EVENTS:
        yield from _event(document, node)
    if node.tag == "boundaryEvent":
        yield from _boundary(scope, node)
    if node.tag in ACTIVITIES:
        yield from _activity(document, scope, node)


def _marks(node: Node) -> Findings:
    for mark, rule in _MARKS.items():
        if node.xml.get(mark) in ("true", "1"):
            yield found(rule, node.id)
    if _has_script(node):
        yield found("task.pre-script", node.id)
    if _data_drawn(node):
        yield found("data.drawn-only", node.id)


def check_data(scope: Scope) -> Findings:
    """Data drawn beside the flow."""
    for child in scope.xml:
        if local(child) in ("dataObject", "dataObjectReference", "dataStoreReference"):
            yield found("data.drawn-only", child.get("id") or scope.id)


def _has_script(node: Node) -> bool:
    extensions = node.xml.find(f"{{{BPMN}}}extensionElements")
    return extensions is not None and any(
        etree.QName(each).localname in _CODE and _is_house(each) for each in extensions
    )


def _is_house(xml: etree._Element) -> bool:
    return str(etree.QName(xml).namespace) == HOUSE


def _data_drawn(node: Node) -> bool:
    return any(
        local(child) in ("dataInputAssociation", "dataOutputAssociation", "ioSpecification") for child in node.xml
    )


def _event(document: Document, node: Node) -> Findings:
    kinds = node.event_kinds() + ["signal" for child in node.xml if local(child) == "eventDefinitionRef"]
    if len(kinds) > 1:
        yield found("event.multiple", node.id)
    if not kinds and node.tag not in _MAY_BE_PLAIN:
        yield found("event.undefined", node.id)
    for kind in kinds:
        if kind in _EVENTS:
            yield found(_EVENTS[kind], node.id)
        elif kind not in _ALLOWED_EVENTS[node.tag]:
            yield found("event.wrong-place", node.id)
        elif kind == "message" and not message_name(document, node):
            yield found("message.missing", node.id)


def _boundary(scope: Scope, node: Node) -> Findings:
    host = scope.nodes.get(node.xml.get("attachedToRef") or "")
    if host is None or host.tag not in ACTIVITIES:
        yield found("boundary.detached", node.id)
    if node.xml.get("cancelActivity") in ("false", "0") and "message" in node.event_kinds():
        yield found("boundary.non-interrupting-message", node.id)


def _activity(document: Document, scope: Scope, node: Node) -> Findings:
    if node.tag == "callActivity":
        yield from _call(scope, node)
    if node.tag == "serviceTask" and not node.properties.get("operation"):
        yield found("service.no-operation", node.id)
    if node.tag == "receiveTask" and not message_name(document, node):
        yield found("receive.no-message", node.id)
    if node.tag == "sendTask" and not message_name(document, node):
        yield found("message.missing", node.id)
    if node.children("standardLoopCharacteristics"):
        yield found("loop.standard", node.id)
    for loop in node.children("multiInstanceLoopCharacteristics"):
        yield from _many(node, loop)


def _call(scope: Scope, node: Node) -> Findings:
    called = node.xml.get("calledElement")
    if not called:
        yield found("call.no-process", node.id)
    elif called == scope.process:
        yield found("call.self", node.id)


def _is_code(text: str | None) -> bool:
    """Whether it says more than a number or a name, in our own words or between another engine's marks."""
    said = (text or "").strip()
    return bool(said) and not (said.isdigit() or is_foreign(said) or plain_name(said))


def _many(node: Node, loop: etree._Element) -> Findings:
    tags = {local(child) for child in loop}
    count = loop.findtext(f"{{{BPMN}}}loopCardinality")
    over = collection(node)
    if _is_code(count) or _is_code(over):
        yield found("loop.code", node.id, text=" ".join((count or over or "").split()))
    elif count is not None:
        yield found("loop.cardinality", node.id)
    elif over is None or not over.isidentifier():
        yield found("loop.no-collection", node.id)
    if tags & {"inputDataItem", "outputDataItem", "loopDataOutputRef", "complexBehaviorDefinition"}:
        yield found("loop.data", node.id)
    if node.tag not in ("userTask", "manualTask", "task") or node.tag in SUBPROCESSES:
        yield found("loop.only-people", node.id)
