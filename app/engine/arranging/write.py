"""A laid-out graph as BPMN's diagram interchange."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from app.engine.arranging.model import GAP, HEADER, ORIGIN, Box, Graph, Node
from app.engine.reading import DI

_DC, _DD = "http://www.omg.org/spec/DD/20100524/DC", "http://www.omg.org/spec/DD/20100524/DI"
_NAMES = {"bpmndi": DI, "dc": _DC, "di": _DD}


def diagram(graph: Graph, plane: str, used: set[str]) -> etree._Element:
    """The BPMNDiagram for one page; `used` are the ids of the file, to which those of shapes are added."""
    page = etree.Element(f"{{{DI}}}BPMNDiagram", nsmap=_NAMES, id=_free(f"{plane}_diagram", used))
    drawn = etree.SubElement(page, f"{{{DI}}}BPMNPlane", id=_free(f"{plane}_plane", used), bpmnElement=plane)
    pen = _Pen(drawn, used, ORIGIN + graph.left, ORIGIN)
    _frames(graph, pen)
    _content(graph, pen)
    _asides(graph, pen)
    return page


def add_edge(plane: etree._Element, element: str, points: list[tuple[float, float]], used: set[str]) -> None:
    """One line more on a page."""
    _Pen(plane, used, 0, 0).edge(element, points, None)


@dataclass(frozen=True, slots=True)
class _Pen:
    """Where things are drawn: onto which plane, and how far to the right and down."""

    plane: etree._Element
    used: set[str]
    dx: float
    dy: float

    def shape(self, element: str, box: Box, label: Box | None, **more: str) -> None:
        """A node, pool or lane."""
        shape = self._add("BPMNShape", element, more)
        self._bounds(shape, box)
        self._label(shape, label)

    def edge(self, element: str, points: list[tuple[float, float]], label: Box | None) -> None:
        """A flow."""
        edge = self._add("BPMNEdge", element, {})
        for x, y in points:
            etree.SubElement(edge, f"{{{_DD}}}waypoint", x=_number(x + self.dx), y=_number(y + self.dy))
        self._label(edge, label)

    def _add(self, kind: str, element: str, more: dict[str, str]) -> etree._Element:
        identity = _free(f"{element}_di", self.used)
        return etree.SubElement(self.plane, f"{{{DI}}}{kind}", {"id": identity, "bpmnElement": element, **more})

    def _bounds(self, owner: etree._Element, box: Box) -> None:
        x, y, w, h = box
        sides = {"x": x + self.dx, "y": y + self.dy, "width": w, "height": h}
        etree.SubElement(owner, f"{{{_DC}}}Bounds", {name: _number(value) for name, value in sides.items()})

    def _label(self, owner: etree._Element, label: Box | None) -> None:
        if label:
            self._bounds(etree.SubElement(owner, f"{{{DI}}}BPMNLabel"), label)


def _frames(graph: Graph, pen: _Pen) -> None:
    """Pools and lanes."""
    pooled = any(graph.pools)
    for number, pool in enumerate(graph.pools):
        bands = [band for band in graph.bands if band.pool == number]
        levels = {pool: 0} if pool else {}
        levels |= {lane: level + pooled for band in bands for level, lane in enumerate(band.lanes)}
        for element, level in levels.items():
            part = [band for band in bands if element == pool or element in band.lanes]
            x = HEADER * level - graph.left
            box = (x, part[0].top, graph.width - x, part[-1].bottom - part[0].top)
            pen.shape(element, box, None, isHorizontal="true")


def _content(graph: Graph, pen: _Pen) -> None:
    for node in graph.nodes.values():
        if node.tag == "pool":
            continue
        more = {"isMarkerVisible": "true"} if node.tag == "exclusiveGateway" else {}
        more |= {"isExpanded": "true"} if node.inner else {}
        pen.shape(node.id, node.box, node.label, **more)
        if node.inner:
            _inner(node, node.inner, pen)
    for edge in graph.edges:
        pen.edge(edge.id, edge.points, edge.label)


def _asides(graph: Graph, pen: _Pen) -> None:
    """Data and annotations, in a row below the flow."""
    x = 0.0
    for element, (w, h) in graph.asides.items():
        pen.shape(element, (x, graph.height + GAP, w, h), None)
        x += w + 2 * GAP


def _inner(node: Node, inner: Graph, pen: _Pen) -> None:
    dx = pen.dx + node.x - (inner.left + inner.width) / 2 + inner.left
    dy = pen.dy + node.y - inner.height / 2 + 8
    within = _Pen(pen.plane, pen.used, dx, dy)
    _frames(inner, within)
    _content(inner, within)
    _asides(inner, within)


def _free(wanted: str, used: set[str]) -> str:
    chosen, number = wanted, 1
    while chosen in used:
        number += 1
        chosen = f"{wanted}_{number}"
    used.add(chosen)
    return chosen


def _number(value: float) -> str:
    return f"{round(value, 1):g}"
