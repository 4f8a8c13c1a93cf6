"""Step 5: columns, rows and channels become as large as their content, so that shapes cannot overlap."""

from __future__ import annotations

import math

from app.engine.arranging.model import (
    DOWN,
    GAP,
    HEADER,
    PAD,
    POOL_GAP,
    TRACK,
    UP,
    Edge,
    Graph,
    Node,
    Point,
    label_size,
)
from app.engine.arranging.routing import Router
from app.engine.arranging.tracks import Run, assign


def place(graph: Graph, router: Router) -> None:
    """Turn columns, rows and tracks into coordinates."""
    runs, count = assign(graph, router.lines)
    sizes = _Sizes(graph, router)
    for edge, part in zip(graph.edges, runs, strict=True):
        sizes.make_room(edge, part)
    xs = sizes.across(count)
    ys = sizes.down(count)
    graph.left = HEADER * (max((len(band.lanes) for band in graph.bands), default=0) + any(graph.pools))
    _put_nodes(graph, router, xs, ys)
    for edge, part in zip(graph.edges, runs, strict=True):
        _put_edge(graph, edge, part, xs, ys)


class _Sizes:
    """How much room the content of each column, row and channel wants."""

    def __init__(self, graph: Graph, router: Router) -> None:
        self.graph, self.router = graph, router
        self.half = [20.0] * router.columns
        self.above, self.below = [0.0] * len(router.lines), [0.0] * len(router.lines)
        self.left, self.right = ([0.0] * (2 * router.columns + 1) for _ in range(2))
        for node in graph.nodes.values():
            self._node(node)

    def _node(self, node: Node) -> None:
        width, height = label_size(node.name) if node.outside else (0, -6)
        anchor = self.graph.anchor(node.id)
        y, ports = self.router.at(anchor)[1], self.router.ports
        up = node.is_gateway and not ports[node.id, UP]
        corner = node.is_gateway and not up and ports[node.id, DOWN]  # no free side: the label stands in a corner
        if node.tag != "pool":
            wide = width + 12 if corner else width / 2 + 4
            self.half[anchor.col] = max(self.half[anchor.col], node.w / 2, wide)
        hanging = anchor.h / 2 if node.host else 0
        self.above[y] = max(self.above[y], node.h / 2 + (height + 6) * up)
        self.below[y] = max(self.below[y], node.h / 2 + (height + 6) * (not up) + hanging)

    def make_room(self, edge: Edge, part: list[Run]) -> None:
        """For the label, on the first long horizontal run."""
        flat = [(round(run.ends[0][0]), round(run.ends[1][0])) for run in part if not run.axis]
        flat = [(p, q) for p, q in flat if p < q]
        if not edge.name or not flat:
            return
        p, q = next((each for each in flat if each[1] - each[0] > 1), flat[-1])
        width = label_size(edge.name)[0]
        if p % 2 and q - p == 2:
            taken = self.graph.anchor(edge.src).w / 2 if part[0].axis == 0 else 0
            self.left[p + 1] = max(self.left[p + 1], width + 12 - (self.half[p // 2] - taken))
        elif q % 2 and q - p == 1:
            wanted = width + 22 - self.half[q // 2] + self.graph.anchor(edge.dst).w / 2
            self.right[p] = max(self.right[p], wanted)

    def across(self, count: dict[tuple[int, int], int]) -> list[float]:
        """The middle of each column, the first track of each channel; sets the graph's width."""
        last, position = 2 * self.router.columns, 0.0
        xs = [0.0] * (last + 1)
        for x in range(last + 1):
            if x % 2:
                xs[x] = position + self.half[x // 2]
                position += 2 * self.half[x // 2]
                continue
            tracks = count.get((1, x), 0)
            xs[x] = position + max(PAD, self.left[x])
            if tracks:
                position = xs[x] + TRACK * (tracks - 1) + max(PAD + 6, self.right[x])
            else:
                position += max(GAP if 0 < x < last else 26, self.left[x] + 18)
        self.graph.width = position
        return xs

    def down(self, count: dict[tuple[int, int], int]) -> list[float]:
        """The middle of each row, the first track of each channel; sets the bands and the graph's height."""
        lines, bands = self.router.lines, self.graph.bands
        ys, position = [0.0] * len(lines), 0.0
        for number, band in enumerate(bands):
            position += POOL_GAP * (number > 0 and bands[number - 1].pool != band.pool)
            band.top = position
            mine = [y for y, line in enumerate(lines) if line[0] == number]
            for y in mine:
                tracks, row = count.get((0, y), 0), lines[y][1] >= 0
                ys[y] = position + (self.above[y] if row else PAD - 2)
                bare = 16 if y in (mine[0], mine[-1]) else 26
                channel = 2 * PAD - 4 + TRACK * (tracks - 1) if tracks else bare
                position += self.above[y] + self.below[y] if row else channel
            lack = max(0, max(len(band.name) * 13 + 20, 90) - (position - band.top))
            for y in mine:  # a low lane grows to the length of its name
                ys[y] += lack / 2
            position += lack
            band.bottom = position
        self.graph.height = position
        return ys


def _put_nodes(graph: Graph, router: Router, xs: list[float], ys: list[float]) -> None:
    for node in [*graph.grid, *graph.guests]:
        anchor = graph.anchor(node.id)
        x, y = router.at(anchor)
        node.x, node.y = xs[x] + node.dx, ys[y] + (anchor.h / 2 if node.host else 0)
        if node.tag == "pool":
            node.h = graph.bands[node.band].bottom - graph.bands[node.band].top


def _put_edge(graph: Graph, edge: Edge, part: list[Run], xs: list[float], ys: list[float]) -> None:
    a, b = graph.nodes[edge.src], graph.nodes[edge.dst]
    where = [(xs if run.axis else ys)[run.line] + TRACK * (run.group.track if run.group else 0) for run in part]
    if a.host:
        where[0] = a.x
    turns = [(u, v) if run.axis else (v, u) for run, u, v in zip(part, where, where[1:], strict=False)]
    first = (where[0], a.y) if part[0].axis else (a.x, where[0])
    final = (where[-1], b.y) if part[-1].axis else (b.x, where[-1])
    points = [first, *turns, final]
    edge.points = [border(a, first, points[1]), *points[1:-1], border(b, final, points[-2])]


def border(node: Node, point: Point, toward: Point) -> Point:
    """Where a straight line from the middle of a side leaves the shape."""
    if point[0] == toward[0]:
        return point[0], node.y + math.copysign(node.h / 2, toward[1] - point[1])
    return node.x + math.copysign(node.w / 2, toward[0] - point[0]), point[1]
