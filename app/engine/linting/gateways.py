"""Rules on gateways: defaults, conditions, joins, and what may follow an event gateway."""

from __future__ import annotations

from app.engine.elements import message_name
from app.engine.linting.graph import cycles, successors
from app.engine.linting.rules import Findings, found
from app.engine.reading import GATEWAYS, Document, Node, Scope

_CONDITIONAL = ("exclusiveGateway", "inclusiveGateway")
_JOINING = ("parallelGateway", "inclusiveGateway")


def check_scope(document: Document, scope: Scope) -> Findings:
    """The gateways of one scope, and conditions that no gateway reads."""
    on_cycle = set().union(*cycles(successors(scope)))
    for node in scope.nodes.values():
        if node.tag in _CONDITIONAL:
            yield from _branches(node)
        if node.tag in _JOINING:
            yield from _joins(node, on_cycle)
        if node.tag == "eventBasedGateway":
            yield from _events(document, scope, node)
        if node.tag not in _CONDITIONAL:
            yield from _unread(node)


def _branches(node: Node) -> Findings:
    default = node.xml.get("default")
    chosen = next((flow for flow in node.outgoing if flow.id == default), None)
    if default and chosen is None:
        yield found("gateway.bad-default", node.id)
    if chosen is not None and chosen.condition:
        yield found("gateway.default-condition", chosen.id)
    if len(node.outgoing) < 2:
        return
    if not default:
        yield found("gateway.no-default", node.id)
    for flow in node.outgoing:
        if flow is not chosen and not flow.condition:
            yield found("gateway.no-condition", flow.id or node.id)


def _joins(node: Node, on_cycle: set[str]) -> Findings:
    if len(node.incoming) > 1 and len(node.outgoing) > 1:
        yield found("gateway.split-and-join", node.id)
    if len(node.incoming) > 1 and node.id in on_cycle:
        yield found("gateway.join-on-cycle", node.id)


def _unread(node: Node) -> Findings:
    for flow in node.outgoing:
        if flow.condition:
            yield found("flow.condition-on-task", flow.id or node.id)
    if node.xml.get("default") and node.tag not in GATEWAYS:
        yield found("flow.condition-on-task", node.id)


def _events(document: Document, scope: Scope, gateway: Node) -> Findings:
    targets = [scope.nodes[flow.target] for flow in gateway.outgoing]
    timers = [node for node in targets if "timer" in node.event_kinds()]
    messages = [name for node in targets if (name := message_name(document, node))]
    if len(targets) < 2:
        yield found("event-gateway.one", gateway.id)
    for extra in timers[1:]:
        yield found("event-gateway.timers", extra.id)
    if len(set(messages)) < len(messages):
        yield found("event-gateway.same-message", gateway.id)
    for node in targets:
        if node.tag not in ("intermediateCatchEvent", "receiveTask"):
            yield found("event-gateway.target", node.id)
        elif len(node.incoming) > 1:
            yield found("event-gateway.shared", node.id)
