"""Reading a BPMN file that anybody may have sent: bounded, without entities, without surprises.

Nothing here knows the engine; lint, verdict and diagrams all look at the `Document` made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from app.engine.faults import DiagramError
from app.text import Text

MAX_BYTES = 1_000_000
MAX_ELEMENTS = 2_000
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DI = "http://www.omg.org/spec/BPMN/20100524/DI"
HOUSE = "http://spiffworkflow.org/bpmn/schema/1.0/core"
NO_NAMESPACE = ("", BPMN)

ACTIVITIES = frozenset(
    [
        "task",
        "userTask",
        "manualTask",
        "serviceTask",
        "sendTask",
        "receiveTask",
        "scriptTask",
        "businessRuleTask",
        "callActivity",
        "subProcess",
        "transaction",
        "adHocSubProcess",
    ]
)
GATEWAYS = frozenset(["exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway", "complexGateway"])
EVENTS = frozenset(["startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"])
SUBPROCESSES = frozenset(("subProcess", "transaction", "adHocSubProcess"))
NODES = ACTIVITIES | GATEWAYS | EVENTS | {"event", "implicitThrowEvent", "callChoreography", "subChoreography"}

RUNNABLE = frozenset(
    [
        "task",
        "userTask",
        "manualTask",
        "serviceTask",
        "sendTask",
        "receiveTask",
        "callActivity",
        "subProcess",
        "exclusiveGateway",
        "inclusiveGateway",
        "parallelGateway",
        "eventBasedGateway",
        "startEvent",
        "endEvent",
        "intermediateCatchEvent",
        "intermediateThrowEvent",
        "boundaryEvent",
    ]
)
"""What the engine runs; whatever else stands in a diagram is refused, never dropped."""

_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(slots=True)
class FlowRef:
    """A sequence flow as drawn; any part may be missing."""

    xml: etree._Element
    id: str
    source: str
    target: str
    condition: str | None


@dataclass(slots=True)
class Node:
    """A node as drawn: its tag (without namespace), properties and the scope it stands in."""

    xml: etree._Element
    id: str
    tag: str
    scope: str
    properties: Mapping[str, str]
    incoming: list[FlowRef] = field(default_factory=list)
    outgoing: list[FlowRef] = field(default_factory=list)

    @property
    def name(self) -> str:
        return " ".join((self.xml.get("name") or "").split())

    def children(self, tag: str) -> list[etree._Element]:
        """Direct children of that BPMN tag."""
        return list(self.xml.findall(f"{{{BPMN}}}{tag}"))

    def events(self) -> list[etree._Element]:
        """Its event definitions, in order."""
        return [child for child in self.xml if _local(child).endswith("EventDefinition")]

    def event_kinds(self) -> list[str]:
        """ "message", "timer", … for each event definition."""
        return [_local(child).removesuffix("EventDefinition") for child in self.events()]


@dataclass(slots=True)
class Scope:
    """A process or an embedded sub-process with what stands directly in it."""

    xml: etree._Element
    id: str
    process: str
    executable: bool
    nodes: dict[str, Node] = field(default_factory=dict)
    flows: list[FlowRef] = field(default_factory=list)

    @property
    def is_process(self) -> bool:
        return _local(self.xml) == "process"


@dataclass(slots=True)
class Document:
    """One file: its scopes (processes first met first), and the messages it names."""

    root: etree._Element
    scopes: list[Scope]
    messages: dict[str, str]
    repeated: list[str]

    def processes(self) -> list[Scope]:
        return [scope for scope in self.scopes if scope.is_process]

    def nodes(self) -> Iterator[Node]:
        for scope in self.scopes:
            yield from scope.nodes.values()

    def of_process(self, process: str) -> list[Scope]:
        """The process and the sub-processes embedded in it."""
        return [scope for scope in self.scopes if scope.process == process]


def refuse(code: str, zh: str, en: str, element: str = "", **where: int) -> DiagramError:
    """A DiagramError about the whole file, or about one element or one line of it."""
    return DiagramError(code, Text(zh, en), element=element, **where)


def parse_xml(xml: bytes, *, comments: bool = False) -> etree._Element:
    """The root of a well-formed, bounded, entity-free BPMN 2.0 file; raises DiagramError otherwise.

    With `comments` they are kept, as in a text that is given back.
    """
    if len(xml) > MAX_BYTES:
        raise refuse("file.size", "文件超过 1 MB，请拆成几张图", "The file is larger than 1 MB: split it")
    if _DOCTYPE.search(xml):
        raise _doctype()
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=not comments,
        remove_pis=not comments,
    )
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as fault:
        raise _ill_formed(fault) from None
    except (etree.LxmlError, ValueError, LookupError, RecursionError):
        raise refuse("file.xml", "不是格式完好的 XML 文件", "This is not well-formed XML", line=1) from None
    _check_root(root)
    return root


def _ill_formed(fault: etree.XMLSyntaxError) -> DiagramError:
    line = fault.lineno or 1
    if fault.code == etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE:
        said = f"第 {line} 行用了没有声明的前缀", f"Line {line} uses a prefix that is not declared"
        return refuse("file.prefix", *said, line=line)
    return refuse(
        "file.xml", f"第 {line} 行起不是格式完好的 XML", f"From line {line} this is not well-formed XML", line=line
    )


def _doctype() -> DiagramError:
    return refuse(
        "file.doctype",
        "文件里有 DOCTYPE 或实体声明，出于安全不读；请用建模工具重新导出",
        "The file declares a DOCTYPE or entities, which are never read: export it again from a modelling tool",
    )


def _check_root(root: etree._Element | None) -> None:
    if root is None:
        raise refuse("file.xml", "文件是空的", "The file is empty", line=1)
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype()
    if root.tag != f"{{{BPMN}}}definitions":
        raise refuse(
            "file.not-bpmn",
            "不是 BPMN 2.0 文件（根元素应为 definitions）",
            "This is not a BPMN 2.0 file (its root must be definitions)",
        )
    if sum(1 for _ in root.iter(f"{{{BPMN}}}*")) > MAX_ELEMENTS:
        raise refuse(
            "file.elements", f"元素超过 {MAX_ELEMENTS} 个，请拆图", f"More than {MAX_ELEMENTS} elements: split it"
        )
    misplaced = root.find(f"{{{DI}}}BPMNDiagram//{{{BPMN}}}*")
    if misplaced is not None:  # a new layout would drop it
        said = "图形信息里夹着流程元素", "A process element stands inside the drawing information"
        raise refuse("file.misplaced", *said, line=misplaced.sourceline or 1)


def read(xml: bytes) -> Document:
    """The diagram in `xml`; raises DiagramError if it cannot be read."""
    return document(parse_xml(xml))


def document(root: etree._Element) -> Document:
    """The scopes, nodes and flows of a parsed file, however incomplete."""
    result = Document(root, [], _messages(root), [])
    seen: set[str] = set()
    for process in root.findall(f"{{{BPMN}}}process"):
        _read_scope(result, process, process.get("id") or "", _executable(process), seen)
    return result


def _read_scope(result: Document, xml: etree._Element, process: str, executable: bool, seen: set[str]) -> None:
    waiting = [xml]
    while waiting:
        current = waiting.pop(0)
        scope = Scope(current, current.get("id") or "", process, executable)
        result.scopes.append(scope)
        _note_repeated(result, scope.id, seen)
        for child in current:
            _read_child(result, scope, child, seen)
            if _local(child) in SUBPROCESSES:
                waiting.append(child)
        _join_up(scope)


def _read_child(result: Document, scope: Scope, child: etree._Element, seen: set[str]) -> None:
    tag = _local(child)
    identity = child.get("id") or ""
    if tag == "sequenceFlow":
        condition = child.find(f"{{{BPMN}}}conditionExpression")
        text = None if condition is None else "".join(condition.itertext()).strip()
        flow = FlowRef(child, identity, child.get("sourceRef") or "", child.get("targetRef") or "", text)
        scope.flows.append(flow)
        _note_repeated(result, identity, seen)
    elif tag in NODES:
        if tag not in SUBPROCESSES:
            _note_repeated(result, identity, seen)
        scope.nodes.setdefault(identity, Node(child, identity, tag, scope.id, properties(child)))


def _note_repeated(result: Document, identity: str, seen: set[str]) -> None:
    if identity and identity in seen:
        result.repeated.append(identity)
    seen.add(identity)


def _join_up(scope: Scope) -> None:
    for flow in scope.flows:
        if flow.source in scope.nodes and flow.target in scope.nodes:
            scope.nodes[flow.source].outgoing.append(flow)
            scope.nodes[flow.target].incoming.append(flow)


def _messages(root: etree._Element) -> dict[str, str]:
    found = root.iterfind(f".//{{{BPMN}}}message")
    return {each.get("id"): each.get("name") or "" for each in found if each.get("id")}


def _executable(process: etree._Element) -> bool:
    return (process.get("isExecutable") or "true").strip().lower() not in ("false", "0")


def properties(xml: etree._Element) -> dict[str, str]:
    """The house's extension properties of an element: role, form, clause, operation, …"""
    path = f"{{{BPMN}}}extensionElements/{{{HOUSE}}}properties/{{{HOUSE}}}property"
    found = {each.get("name") or "": each.get("value") or "" for each in xml.iterfind(path)}
    return {name: value.strip() for name, value in found.items() if name}


def names(text: str | None) -> tuple[str, ...]:
    """The members of a comma-separated list, without blanks."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _local(xml: etree._Element) -> str:
    """The tag without its namespace for BPMN elements, "" for all others."""
    tag = xml.tag
    return tag[len(BPMN) + 2 :] if isinstance(tag, str) and tag.startswith(f"{{{BPMN}}}") else ""


local = _local
