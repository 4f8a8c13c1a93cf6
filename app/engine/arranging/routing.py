"""Step 3: the cheapest orthogonal way of each edge over a coarse grid of cells and channels, ripped up and routed again."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from itertools import pairwise

from app.engine.arranging.model import DIRECTIONS, DOWN, LEFT, RIGHT, UP, Cell, Edge, Graph, Node, related

State = tuple[Cell, int]
Step = frozenset[Cell]
Turn = tuple[int, int, int]
"""Edge, direction in, direction out."""
ARRIVED = 4
"""Added to a direction at the goal, so that a loop can end where it began."""


class Router:
    """Ways over the grid, with regard to those that are there already."""

    def __init__(self, graph: Graph, sweeps: int) -> None:
        self.graph = graph
        self.lines: list[Cell] = []
        self.y_of: dict[Cell, int] = {}
        self.columns = max((node.col for node in graph.grid), default=0) + 1
        for band in range(len(graph.bands)):
            self.lines.append((band, -1))
            for row in range(max((node.row for node in graph.grid if node.band == band), default=0) + 1):
                self.y_of[band, row] = len(self.lines)
                self.lines += [(band, row), (band, -1)]
        self.cells = {self.at(node): node for node in graph.grid}
        self.hosts = {node.host for node in graph.nodes.values()}
        self.avoid: dict[int, set[Step]] = defaultdict(set)
        self._survey(-1)
        for _ in range(sweeps):
            for edge in sorted(range(len(graph.edges)), key=self._priority):
                self.route(edge)

    def at(self, node: Node) -> Cell:
        """The cell of a node that stands in the grid."""
        return 2 * node.col + 1, self.y_of[node.band, node.row]

    def route(self, number: int) -> None:
        """Find the way of one edge anew."""
        self._survey(number)
        self.graph.edges[number].path = _Way(self, number).find()
        self._survey(-1)

    def _priority(self, number: int) -> tuple[bool, bool, int]:
        edge = self.graph.edges[number]
        (ax, ay), (bx, by) = self.at(self.graph.anchor(edge.src)), self.at(self.graph.anchor(edge.dst))
        return edge.message, edge.back, abs(ax - bx) + abs(ay - by) + (ay != by)

    def _survey(self, skip: int) -> None:
        """What the other edges use: edges per step, turns per point, ports of nodes."""
        self.steps: dict[Step, list[int]] = defaultdict(list)
        self.turns: dict[Cell, list[Turn]] = defaultdict(list)
        self.ports: dict[tuple[str, int], set[str]] = defaultdict(set)
        for number, edge in enumerate(self.graph.edges):
            if number != skip and len(edge.path) > 1:
                ways = [DIRECTIONS.index((q[0] - p[0], q[1] - p[1])) for p, q in pairwise(edge.path)]
                for step in pairwise(edge.path):
                    self.steps[frozenset(step)].append(number)
                for point, before, after in zip(edge.path[1:], ways, ways[1:], strict=False):
                    self.turns[point].append((number, before, after))
                self.ports[edge.src, ways[0]].add("out")
                self.ports[edge.dst, (ways[-1] + 2) % 4].add("in")

    def port_cost(self, node: Node, side: int, use: str, *, back: bool) -> float:
        """How unwelcome an edge is at one side of a node."""
        if node.tag == "pool":
            return 0 if side in (UP, DOWN) else 9
        usual = RIGHT if use == "out" else LEFT
        cost = 0.0 if side == usual else 9 if side in (LEFT, RIGHT) else 0.5 if back else 1.5
        if node.is_gateway:
            if side in (UP, DOWN):  # better keep one of them free for the label
                cost = 0.2 + (node.name != "" and bool(self.ports[node.id, UP + DOWN - side]))
            cost += 0.7 * (use == "out" and bool(self.ports[node.id, side]))
        if side == DOWN and (node.id in self.hosts or (node.outside and node.tag.endswith("Event"))):
            cost += 20
        return cost + 8 * bool(self.ports[node.id, side] - {use})


class _Way:
    """A* for one edge, over (point, direction)."""

    def __init__(self, router: Router, number: int) -> None:
        self.router, self.graph = router, router.graph
        self.edge: Edge = router.graph.edges[number]
        self.avoid = router.avoid[number]
        self.a, self.b = self.graph.anchor(self.edge.src), self.graph.anchor(self.edge.dst)
        self.source = self.graph.nodes[self.edge.src]
        self.flip = self.a.tag == "pool"
        if self.flip:
            self.a, self.b = self.b, self.a
        self.start, self.goal = router.at(self.a), router.at(self.b)
        self.pool = self.graph.bands[self.a.band].pool
        self.kin = [related(self.edge, each) for each in self.graph.edges]
        self.best: dict[State, tuple[float, State | None]] = {}
        self.heap: list[tuple[float, State]] = []

    def find(self) -> list[Cell]:
        """The cells from source to target."""
        for way in [DOWN] if self.source.host else range(4):
            use = "in" if self.flip else "out"
            cost = 0 if self.source.host else self.router.port_cost(self.a, way, use, back=self.edge.back)
            self._push(cost, (self.start, way), None)
        state: State | None = None
        while self.heap:
            _, state = heapq.heappop(self.heap)
            if state[1] >= ARRIVED or (self.b.tag == "pool" and state[0][1] == self.goal[1]):
                break
            self._go_on(state)
        path = []
        while state is not None:
            path.append(state[0])
            state = self.best[state][1]
        return path if self.flip else path[::-1]

    def _push(self, cost: float, state: State, parent: State | None) -> None:
        if cost < self.best.get(state, (math.inf, None))[0] - 1e-9:
            self.best[state] = cost, parent
            (x, y), _ = state
            rest = 0.5 * (abs(y - self.goal[1]) + abs(x - self.goal[0]) * (self.b.tag != "pool"))
            heapq.heappush(self.heap, (cost + rest, state))

    def _go_on(self, state: State) -> None:
        point, way = state
        cost = self.best[state][0]
        for onward in range(4) if point != self.start else (way,):
            to = point[0] + DIRECTIONS[onward][0], point[1] + DIRECTIONS[onward][1]
            if self._is_open(point, way, onward, to):
                more = self._step_cost(point, way, onward, to) + self._crossings(point, way, onward)
                if to == self.goal:
                    use = "out" if self.flip else "in"
                    more += self.router.port_cost(self.b, (onward + 2) % 4, use, back=self.edge.back)
                self._push(cost + more, (to, onward + ARRIVED * (to == self.goal)), state)

    def _is_open(self, point: Cell, way: int, onward: int, to: Cell) -> bool:
        x, y = to
        if abs(onward - way) == 2 or not (0 <= x <= 2 * self.router.columns and 0 <= y < len(self.router.lines)):
            return False
        if self.source.dx and onward == way and point == (self.start[0], self.start[1] + 1):
            return False  # below its host an off-centre boundary event must turn
        if not self.edge.message and self.graph.bands[self.router.lines[y][0]].pool != self.pool:
            return False
        hit = self.router.cells.get(to)
        return hit is None or hit is self.b or hit.tag == "pool"

    def _step_cost(self, point: Cell, way: int, onward: int, to: Cell) -> float:
        upright = onward in (UP, DOWN)
        middle = bool(point[0] % 2) if upright else self.router.lines[point[1]][1] >= 0
        step = frozenset((point, to))
        strangers = sum(not self.kin[each] for each in self.router.steps[step])
        more = 0.5 + 1.3 * (onward != way) + (30 if middle else 0.15) * strangers
        leftward = (1 if middle else 0.05) if self.edge.back else 1.5
        return more + leftward * (onward == LEFT) + 0.15 * (middle and upright) + 2 * (step in self.avoid)

    def _crossings(self, point: Cell, way: int, onward: int) -> float:
        total = 0.0
        for other, before, after in self.router.turns[point] if point != self.start else ():
            if self.kin[other]:
                continue
            if before == after and onward == way and (before - way) % 2:
                total += 1.6
            elif (before == after) != (onward == way):
                total += 0.4  # perhaps a crossing
        return total
