"""From a BPMN file to graphs: lanes as bands, nodes, sequence and message flows; one graph for each page."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from app.engine.arranging.model import GAP, Band, Edge, Graph, Node, task_size
from app.engine.reading import ACTIVITIES, BPMN, NODES, SUBPROCESSES, local

Arrange = Callable[[Graph], Graph]
_B = f"{{{BPMN}}}"
ASIDES = {"textAnnotation": (110.0, 60.0), "dataObjectReference": (36.0, 50.0), "dataStoreReference": (50.0, 50.0)}
"""Drawn below the flow, with their sizes."""


def pages(root: etree._Element, arrange: Arrange) -> list[tuple[str, Graph]]:
    """(id of the plane's element, graph): the collaboration, then each process that no pool shows."""
    found = []
    processes = {process.get("id"): process for process in root.findall(f"{_B}process")}
    collaboration = root.find(f"{_B}collaboration")
    shown: set[str] = set()
    if collaboration is not None and len(collaboration.findall(f"{_B}participant")):
        shown = {_process_of(each) for each in collaboration.findall(f"{_B}participant")}
        found.append((collaboration.get("id") or "", _collaboration(collaboration, processes, arrange)))
    for identity, process in processes.items():
        if identity not in shown:
            graph = Graph(pools=[""])
            _scope(graph, process, 0, arrange)
            found.append((identity or "", graph))
    return found


def _process_of(participant: etree._Element) -> str:
    return str(participant.get("processRef") or "").split(":")[-1]


def _collaboration(xml: etree._Element, processes: dict[str | None, etree._Element], arrange: Arrange) -> Graph:
    graph = Graph()
    for child in xml:
        identity = child.get("id") or ""
        if local(child) == "participant":
            graph.pools.append(identity)
            process = processes.get(_process_of(child))
            if process is not None:
                _scope(graph, process, len(graph.pools) - 1, arrange)
            else:
                graph.bands.append(Band(len(graph.pools) - 1, []))
                graph.nodes[identity] = Node(identity, "pool", "", len(graph.bands) - 1, 100, 50)
        elif local(child) == "messageFlow":
            ends = child.get("sourceRef") or "", child.get("targetRef") or ""
            graph.edges.append(Edge(identity, *ends, (child.get("name") or "").strip(), message=True))
    pools = dict(zip(graph.pools, range(len(graph.pools)), strict=True))
    graph.edges = [edge for edge in graph.edges if not edge.message or not {edge.src, edge.dst} & _opened(graph, pools)]
    return graph


def _opened(graph: Graph, pools: dict[str, int]) -> set[str]:
    """Pools that are drawn with their content: a flow to their border is not drawn."""
    return {pool for pool in pools if pool not in graph.nodes}


def _scope(graph: Graph, xml: etree._Element, pool: int, arrange: Arrange) -> None:
    """Add a process or sub-process: lanes as bands, nodes, sequence flows."""
    first = len(graph.bands)
    lane_of = _lanes(graph, xml, pool)
    if len(graph.bands) == first:
        graph.bands.append(Band(pool, []))
    size = task_size([(child.get("name") or "").strip() for child in xml if local(child) in ACTIVITIES])
    added = []
    for child in xml:
        identity, name = child.get("id") or "", (child.get("name") or "").strip()
        if local(child) == "sequenceFlow":
            graph.edges.append(Edge(identity, child.get("sourceRef") or "", child.get("targetRef") or "", name))
        elif local(child) in NODES:
            node = _node(child, identity, name, lane_of.get(identity, first), size)
            if local(child) in SUBPROCESSES:
                _fill(node, child, arrange)
            graph.nodes[identity] = node
            added.append(node)
        elif local(child) in ASIDES:
            graph.asides[identity] = ASIDES[local(child)]
    _seat_guests(graph, added)


def _lanes(graph: Graph, xml: etree._Element, pool: int) -> dict[str, int]:
    """Add the lanes as bands, innermost ones; which band each node stands in."""
    found: dict[str, int] = {}
    waiting = [(lane, [lane.get("id") or ""]) for lane in xml.iterfind(f"{_B}laneSet/{_B}lane")]
    while waiting:
        lane, chain = waiting.pop(0)
        within = [(each, [*chain, each.get("id") or ""]) for each in lane.iterfind(f"{_B}childLaneSet/{_B}lane")]
        if within:
            waiting = within + waiting
            continue
        graph.bands.append(Band(pool, chain, (lane.get("name") or "").strip()))
        for reference in lane.iterfind(f"{_B}flowNodeRef"):
            found.setdefault((reference.text or "").strip(), len(graph.bands) - 1)
    return found


def _node(xml: etree._Element, identity: str, name: str, band: int, size: tuple[float, float]) -> Node:
    tag = local(xml)
    shape = (36.0, 36.0) if tag.endswith("Event") else (50.0, 50.0) if tag.endswith("Gateway") else size
    return Node(identity, tag, name, band, *shape, host=xml.get("attachedToRef") or "")


def _fill(node: Node, xml: etree._Element, arrange: Arrange) -> None:
    inner = Graph(pools=[""])
    _scope(inner, xml, 0, arrange)
    if inner.nodes:
        node.inner = arrange(inner)
        node.inner.height += (GAP + 60) if inner.asides else 0
        node.w, node.h = max(node.inner.left + node.inner.width, 140), node.inner.height + 30


def _seat_guests(graph: Graph, added: list[Node]) -> None:
    """Spread boundary events along the lower edge of their hosts."""
    for node in added:
        node.host = node.host if node.host in graph.nodes and node.host != node.id else ""
    for node in added:
        guests = [each for each in added if each.host == node.id]
        for place, guest in enumerate(guests):
            guest.band, guest.dx = node.band, node.w * ((place + 0.5) / len(guests) - 0.5)
