"""Small BPMN files for tests, built from strings: `draw("p", start(), user("t"), end(), flows=["s t", "t e"])`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="d" targetNamespace="t">'
)


def properties(**values: str) -> str:
    rows = "".join(f'<spiffworkflow:property name="{k}" value="{escape(v)}"/>' for k, v in values.items())
    inner = f"<spiffworkflow:properties>{rows}</spiffworkflow:properties>"
    return f"<bpmn:extensionElements>{inner}</bpmn:extensionElements>" if rows else ""


def node(tag: str, identity: str, inside: str = "", attributes: str = "", **said: str) -> str:
    return f'<bpmn:{tag} id="{identity}" name="{identity}" {attributes}>{properties(**said)}{inside}</bpmn:{tag}>'


def start(identity: str = "s", inside: str = "") -> str:
    return node("startEvent", identity, inside)


def end(identity: str = "e", inside: str = "") -> str:
    return node("endEvent", identity, inside)


def user(identity: str, inside: str = "", **said: str) -> str:
    return node("userTask", identity, inside, **said)


def service(identity: str, operation: str = "do.it", sets: str = "", **said: str) -> str:
    return node("serviceTask", identity, operation=operation, **({"sets": sets} if sets else {}), **said)


def gateway(kind: str, identity: str, attributes: str = "") -> str:
    tag = {"xor": "exclusive", "or": "inclusive", "and": "parallel", "event": "eventBased"}[kind]
    return node(f"{tag}Gateway", identity, attributes=attributes)


def message_event(name: str) -> str:
    return f'<bpmn:messageEventDefinition messageRef="m_{name}"/>'


def timer_event(variable: str, tag: str = "timeDate") -> str:
    return f"<bpmn:timerEventDefinition><bpmn:{tag}>{escape(variable)}</bpmn:{tag}></bpmn:timerEventDefinition>"


def catch(identity: str, name: str) -> str:
    return node("intermediateCatchEvent", identity, message_event(name))


def timer(identity: str, variable: str) -> str:
    return node("intermediateCatchEvent", identity, timer_event(variable))


def throw(identity: str, name: str, payload: str = "") -> str:
    return node("intermediateThrowEvent", identity, message_event(name), **({"payload": payload} if payload else {}))


def boundary(identity: str, host: str, inside: str, interrupting: bool = True) -> str:
    return node(
        "boundaryEvent", identity, inside, f'attachedToRef="{host}" cancelActivity="{str(interrupting).lower()}"'
    )


def many(identity: str, collection: str, sequential: bool = False, tag: str = "userTask", **said: str) -> str:
    loop = (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(sequential).lower()}">'
        f"<bpmn:loopDataInputRef>{collection}</bpmn:loopDataInputRef></bpmn:multiInstanceLoopCharacteristics>"
    )
    return node(tag, identity, loop, **said)


def call(identity: str, process: str) -> str:
    return node("callActivity", identity, attributes=f'calledElement="{process}"')


def sub(identity: str, *nodes: str, flows: Iterable[str]) -> str:
    return node("subProcess", identity, _body(nodes, flows, prefix=f"{identity}_"))


def draw(
    identity: str, *nodes: str, flows: Iterable[str], messages: str = "", executable: str = "true", more: str = ""
) -> bytes:
    """One file with one process. A flow is "a b", "a b: condition" or "a b *" (the default one)."""
    named = "".join(f'<bpmn:message id="m_{name}" name="{name}"/>' for name in messages.split())
    process = f'<bpmn:process id="{identity}" isExecutable="{executable}">{_body(nodes, flows)}</bpmn:process>'
    return f"{HEAD}{named}{process}{more}</bpmn:definitions>".encode()


def _body(nodes: Iterable[str], flows: Iterable[str], prefix: str = "") -> str:
    text, lines = "".join(nodes), ""
    for number, flow in enumerate(flows, 1):
        ends, _, condition = flow.partition(":")
        source, target, *default = ends.split()
        identity = f"{prefix}f{number}"
        inner = (
            f'<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">{escape(condition.strip())}'
            "</bpmn:conditionExpression>"
            if condition
            else ""
        )
        lines += (
            f'<bpmn:sequenceFlow id="{identity}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'
        )
        if default:
            text = text.replace(f' id="{source}" ', f' id="{source}" default="{identity}" ')
    return text + lines
