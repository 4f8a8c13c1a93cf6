"""What lacks only its line in a page that is there: a straight one, from border to border."""

from __future__ import annotations

import math

from lxml import etree

from app.engine.arranging.model import Box, Point
from app.engine.arranging.write import add_edge
from app.engine.reading import DI, local

_LINES = ("sequenceFlow", "messageFlow", "association")


def draw_missing(root: etree._Element, used: set[str]) -> list[str]:
    """Draw each flow and association whose two ends stand on one page; the ids of those drawn."""
    lines = [each for each in root.iter(etree.Element) if local(each) in _LINES and each.get("id")]
    drawn = {each.get("bpmnElement") for each in root.iter(f"{{{DI}}}BPMNEdge")}
    added = []
    for plane in root.iter(f"{{{DI}}}BPMNPlane"):
        boxes = _boxes(plane)
        for line in lines:
            ends = boxes.get(line.get("sourceRef") or ""), boxes.get(line.get("targetRef") or "")
            if line.get("id") not in drawn and ends[0] and ends[1]:
                add_edge(plane, line.get("id"), _between(ends[0], ends[1]), used)
                drawn.add(line.get("id"))
                added.append(line.get("id"))
    return added


def _boxes(plane: etree._Element) -> dict[str, Box]:
    found: dict[str, Box] = {}
    for shape in plane.iter(f"{{{DI}}}BPMNShape"):
        bounds = next((each for each in shape if etree.QName(each).localname == "Bounds"), None)
        box = None if bounds is None else _box(bounds)
        if box:
            found[shape.get("bpmnElement") or ""] = box
    return found


def _box(bounds: etree._Element) -> Box | None:
    try:
        sides = [float(bounds.get(side, "")) for side in ("x", "y", "width", "height")]
    except ValueError:
        return None
    return (sides[0], sides[1], sides[2], sides[3]) if all(map(math.isfinite, sides)) else None


def _between(one: Box, other: Box) -> list[Point]:
    centre, target = _centre(one), _centre(other)
    return [_leave(one, centre, target), _leave(other, target, centre)]


def _centre(box: Box) -> Point:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def _leave(box: Box, centre: Point, toward: Point) -> Point:
    """Where the line from the centre leaves the box."""
    dx, dy = toward[0] - centre[0], toward[1] - centre[1]
    shares = [side / 2 / abs(part) for side, part in ((box[2], dx), (box[3], dy)) if part]
    share = min([*shares, 1.0]) if shares else 0.0
    return centre[0] + dx * share, centre[1] + dy * share
