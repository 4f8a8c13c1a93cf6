"""Step 6: each label takes the candidate place with the least overlap. And: how good a drawing is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

from app.engine.arranging.model import DOWN, HEADER, UP, Box, Edge, Graph, Node, Point, label_size, related

Option = tuple[float, Box]


def place_labels(graph: Graph) -> None:
    """Find a place for the name of each event, gateway and edge."""
    places = _Places(graph)
    for node in graph.nodes.values():
        if node.outside:
            node.label = places.choose(list(_beside(node)))
    for edge in graph.edges:
        options = list(_along(edge)) if edge.name else []
        edge.label = places.choose(options, edge) if options else None


class _Places:
    """What is taken already."""

    def __init__(self, graph: Graph) -> None:
        self.taken = [node.box for node in graph.nodes.values() if node.tag != "pool"]
        self.segments = [
            ((min(p[0], q[0]) - 1, min(p[1], q[1]) - 1, abs(p[0] - q[0]) + 2, abs(p[1] - q[1]) + 2), edge)
            for edge in graph.edges
            for p, q in edge.segments
        ]
        ends = (y for band in graph.bands for y in (band.top, band.bottom))
        self.borders: list[Box] = [(-HEADER, y - 3, graph.width + 60, 6) for y in ends]

    def choose(self, options: list[Option], own: Edge | None = None) -> Box:
        """The best of the options, which is taken from now on."""
        chosen = min(options, key=lambda option: option[0] + self._penalty(option[1], own))[1]
        self.taken.append(chosen)
        return chosen

    def _penalty(self, box: Box, own: Edge | None) -> float:
        near = (box[0] - 8, box[1] - 8, box[2] + 16, box[3] + 16)
        total = sum(50 + 5 * over for each in self.taken if (over := overlap(box, each)))
        total += sum(15 for each in self.borders if overlap(box, each))
        total += sum(40 + over for each, _ in self.segments if (over := overlap(box, each)))
        return total + sum(45 for each, edge in self.segments if own and edge is not own and overlap(near, each))


def _beside(node: Node) -> Iterator[Option]:
    w, h = label_size(node.name)
    first = UP if node.is_gateway else DOWN
    for side, dy in ((DOWN, node.h / 2 + 4), (UP, -node.h / 2 - 4 - h)):
        for cost, dx in ((0, -w / 2), (4, 5), (5, -5 - w)):
            yield cost + 3 * (side != first), (node.x + dx, node.y + dy, w, h)


def _along(edge: Edge) -> Iterator[Option]:
    run = 0.0
    for p, q in edge.segments:
        length = abs(p[0] - q[0]) + abs(p[1] - q[1])
        for step in range(5, max(6, int(length)), 6):
            yield from _at(label_size(edge.name), p, q, step, (run + step) * 0.06)
        run += length


def _at(size: tuple[float, float], p: Point, q: Point, step: int, cost: float) -> Iterator[Option]:
    (w, h), sign = size, 1 if q[0] + q[1] > p[0] + p[1] else -1
    if p[1] == q[1]:
        x, cost = p[0] + sign * step - w * (sign < 0), cost + 8 * (step + w > abs(p[0] - q[0]))
        yield cost, (x, p[1] - h - 3, w, h)
        yield cost + 6, (x, p[1] + 3, w, h)
    else:
        y = p[1] + sign * step - h * (sign < 0)
        yield cost + 5, (p[0] + 4, y, w, h)
        yield cost + 6, (p[0] - 4 - w, y, w, h)


def overlap(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    w = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    h = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return w * h if w > 0 and h > 0 else 0.0


def quality(graph: Graph) -> tuple[float, int | None]:
    """Bends, crossings and length (lower is better); an edge that lies on a stranger's line, if any."""
    total, clash = graph.height / 100, None
    parts: list[tuple[int, Edge, list[float], list[float]]] = []
    for number, edge in enumerate(graph.edges):
        total += 2 * (len(edge.points) - 2) + sum(math.dist(p, q) for p, q in edge.segments) / 300
        parts += [(number, edge, sorted((p[0], q[0])), sorted((p[1], q[1]))) for p, q in edge.segments]
    for (number, edge, ax, ay), (_, other, bx, by) in combinations(parts, 2):
        if (ax[0] == ax[1]) != (bx[0] == bx[1]):
            total += 3 * _cross(ax, ay, bx, by)
        elif edge is not other and not related(edge, other) and _on_one_line(ax, ay, bx, by):
            total, clash = total + 20, number
    return total, clash


def _cross(ax: list[float], ay: list[float], bx: list[float], by: list[float]) -> bool:
    if ay[0] == ay[1]:
        return ax[0] < bx[0] < ax[1] and by[0] < ay[0] < by[1]
    return bx[0] < ax[0] < bx[1] and ay[0] < by[0] < ay[1]


def _on_one_line(ax: list[float], ay: list[float], bx: list[float], by: list[float]) -> bool:
    x, y = min(ax[1], bx[1]) - max(ax[0], bx[0]), min(ay[1], by[1]) - max(ay[0], by[0])
    return max(x, y) > 2 and min(x, y) > -2
