"""Steps 1 and 2: the column of a node is its longest path; its row in the lane is found by local search."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from app.engine.arranging.model import Edge, Graph, Node

Link = tuple[int, int, Edge]


def rank(graph: Graph) -> None:
    """Longest-path columns; an edge to a node still on the depth-first stack is a back edge."""
    graph.edges = [edge for edge in graph.edges if edge.src in graph.nodes and edge.dst in graph.nodes]
    out: dict[str, list[Edge]] = defaultdict(list)
    for edge in graph.edges:
        if "pool" not in (graph.nodes[edge.src].tag, graph.nodes[edge.dst].tag):
            out[graph.anchor(edge.src).id].append(edge)
    for node in reversed(_finished(graph, out)):
        for edge in out[node]:
            if not edge.back:
                target = graph.anchor(edge.dst)
                target.col = max(target.col, graph.anchor(edge.src).col + (not edge.message))


def _finished(graph: Graph, out: dict[str, list[Edge]]) -> list[str]:
    """Nodes in the order in which a depth-first walk leaves them; edges that close a loop are marked."""
    entered = {edge.dst for edge in graph.edges if not edge.message}
    on_stack: dict[str, bool] = {}
    order: list[str] = []
    for root in sorted(graph.grid, key=lambda node: (node.id in entered, node.tag != "startEvent")):
        if root.id in on_stack:
            continue
        stack: list[tuple[str, Iterator[Edge]]] = [(root.id, iter(out[root.id]))]
        on_stack[root.id] = True
        while stack:
            current, rest = stack[-1]
            edge = next(rest, None)
            if edge is None:
                on_stack[current] = False
                order.append(current)
                stack.pop()
                continue
            target = graph.anchor(edge.dst).id
            if on_stack.get(target):
                edge.back = True
            elif target not in on_stack:
                on_stack[target] = True
                stack.append((target, iter(out[target])))
    return order


class Rows:
    """The search for rows of one graph; each node's slot and row name one cell."""

    def __init__(self, graph: Graph, seed: int) -> None:
        self.graph, self.rng = graph, random.Random(seed)  # noqa: S311 - a drawing, not a secret
        self.grid: list[Node] = sorted(graph.grid, key=lambda node: node.col)
        index = {node.id: place for place, node in enumerate(self.grid)}
        self.links: list[Link] = [
            (index[graph.anchor(edge.src).id], index[graph.anchor(edge.dst).id], edge) for edge in graph.edges
        ]
        self.slots = [(node.band * 1000 + node.col) * 1000 for node in self.grid]
        self.between = [
            [1000 * step for step in range(1, self.grid[b].col - self.grid[a].col)] for a, b, _ in self.links
        ]
        self.pairs = self._pairs()

    def _pairs(self) -> list[tuple[int, int, int, int]]:
        """Edges that may cross: they share a stretch of columns and no end."""
        spans = [sorted((self.grid[a].col, self.grid[b].col)) for a, b, _ in self.links]
        return [
            (*one[:2], *other[:2])
            for (one, s), (other, t) in combinations(zip(self.links, spans, strict=True), 2)
            if max(s[0], t[0]) < min(s[1], t[1]) and not {*one[:2]} & {*other[:2]} and one[2].back == other[2].back
        ]

    def search(self) -> float:
        """Give each node a row; returns the estimated cost of the drawing."""
        rows = self._start()
        best, last = self.cost(rows), math.inf
        while best < last - 1e-9:
            last = best
            for place in self.rng.sample(range(len(self.grid)), len(self.grid)):
                best, rows = self._improved(place, rows, best)
            rows = self._closed_up(rows)
            best = self.cost(rows)
        for node, row in zip(self.grid, rows, strict=True):
            node.row = row
        return best

    def _start(self) -> list[int]:
        """Barycentre of the predecessors in the band, nearest free row."""
        rows: list[int] = []
        for place, node in enumerate(self.grid):
            before = [rows[a] for a, b, _ in self.links if b == place and a < place and self.grid[a].band == node.band]
            want = sum(before) / len(before) if before else 0
            taken = {slot + row for slot, row in zip(self.slots, rows, strict=False)}
            free = [row for row in range(len(self.grid)) if self.slots[place] + row not in taken]
            rows.append(min(free, key=lambda row, to=want: abs(row - to) + self.rng.random() * 0.3))  # type: ignore[misc]
        return rows

    def _improved(self, place: int, rows: list[int], best: float) -> tuple[float, list[int]]:
        """Try every row of its band for a node, and for the straight run that it begins."""
        band, chain = self.grid[place].band, self._chain(place, rows)
        for group in ([place], chain)[: len(chain)]:
            for to in range(max(rows[other] for other, node in enumerate(self.grid) if node.band == band) + 2):
                if to != rows[place]:
                    tried = self._moved(rows, group, to)
                    now = self.cost(tried)
                    if now < best - 1e-9:
                        best, rows = now, tried
        return best, rows

    def _chain(self, place: int, rows: list[int]) -> list[int]:
        chain = [place]
        while True:
            last = chain[-1]
            following = (b for a, b, _ in self.links if a == last and self._goes_straight(a, b, rows))
            chosen = next(following, None)
            if chosen is None:
                return chain
            chain.append(chosen)

    def _goes_straight(self, a: int, b: int, rows: list[int]) -> bool:
        one, other = self.grid[a], self.grid[b]
        return one.band == other.band and rows[a] == rows[b] and other.col > one.col

    def _moved(self, rows: list[int], group: list[int], to: int) -> list[int]:
        """The rows after a group moved; whoever is in the way takes the old row."""
        cells = {slot + row: place for place, (slot, row) in enumerate(zip(self.slots, rows, strict=True))}
        result = rows[:]
        for place in group:
            other = cells.get(self.slots[place] + to)
            if other is not None:
                result[other] = rows[place]
            result[place] = to
        return result

    def _closed_up(self, rows: list[int]) -> list[int]:
        """Without empty rows."""
        for band in range(len(self.graph.bands)):
            used = sorted({row for node, row in zip(self.grid, rows, strict=True) if node.band == band})
            rows = [used.index(row) if node.band == band else row for node, row in zip(self.grid, rows, strict=True)]
        return rows

    def cost(self, rows: list[int]) -> float:
        """Rows, bends, lines through shapes, crossings."""
        height = [0] * len(self.graph.bands)
        for node, row in zip(self.grid, rows, strict=True):
            height[node.band] = max(height[node.band], row + 1)
        base, above = [], 0.0
        for each in height:
            base.append(above)
            above += each + 0.3
        y = [base[node.band] + row for node, row in zip(self.grid, rows, strict=True)]
        cells = {slot + row for slot, row in zip(self.slots, rows, strict=True)}
        total = 3.0 * sum(height)
        for (a, b, edge), steps in zip(self.links, self.between, strict=True):
            total += 0.4 * abs(y[a] - y[b]) if edge.back else self._forward(a, b, edge, steps, rows, y, cells)
        return total + 2.5 * sum((y[a] - y[c]) * (y[b] - y[d]) < 0 for a, b, c, d in self.pairs)

    def _forward(
        self, a: int, b: int, edge: Edge, steps: list[int], rows: list[int], y: list[float], cells: set[int]
    ) -> float:
        dy = abs(y[a] - y[b])
        near = sum(self.slots[a] + rows[a] + step in cells for step in steps)
        if dy:
            far = sum(self.slots[b] + rows[b] - step in cells for step in steps)
            total = dy + 2 + 2 * min(near, far)
        else:
            total = 7.0 * near
        return total + 4 * (edge.src != self.grid[a].id and y[b] <= y[a])
