"""Step 4: parallel runs in a channel get tracks of their own, ordered so that few cross."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations, pairwise

from app.engine.arranging.model import Cell, Edge, Graph, related

Channels = dict[tuple[int, int], list["Group"]]


@dataclass(eq=False, slots=True)
class Run:
    """A straight part of a way; axis 1 is vertical with `line` its x, axis 0 horizontal with `line` its y.

    `ends`: the position along the run, and the side to which the way goes on: -1, 0, 1.
    """

    edge: Edge
    axis: int
    line: int
    ends: list[tuple[float, int]]
    group: Group | None = None


@dataclass(eq=False, slots=True)
class Group:
    """Runs on one track: the stem of a fork or of a join."""

    runs: list[Run]
    track: int = 0

    def span(self) -> tuple[float, float]:
        """From where to where, along the channel."""
        places = [place for run in self.runs for place, _ in run.ends]
        return min(places), max(places)


def assign(graph: Graph, lines: list[Cell]) -> tuple[list[list[Run]], dict[tuple[int, int], int]]:
    """All runs per edge, those in channels with a track; and the number of tracks per (axis, line)."""
    runs = [_runs(edge) for edge in graph.edges]
    channels: Channels = defaultdict(list)
    for run in (run for part in runs for run in part):
        if run.line % 2 == 0 if run.axis else lines[run.line][1] < 0:
            run.group = Group([run])
            channels[run.axis, run.line].append(run.group)
    for groups in channels.values():
        _share_stems(groups)
    count: dict[tuple[int, int], int] = {}
    for _ in range(4):
        for key in sorted(channels, reverse=True):
            count[key] = _lay(channels[key])
        for one, other in (pair for part in runs for pair in pairwise(part)):
            _meet(one, 1, other, count)
            _meet(other, 0, one, count)
    return runs, count


def _runs(edge: Edge) -> list[Run]:
    path = edge.path
    corners = [
        at for at in range(1, len(path) - 1) if (path[at - 1][0] == path[at][0]) != (path[at][0] == path[at + 1][0])
    ]
    found = []
    for i, j in pairwise([0, *corners, len(path) - 1]):
        axis = int(path[i][0] == path[j][0])
        before, after = path[max(i - 1, 0)][1 - axis], path[min(j + 1, len(path) - 1)][1 - axis]
        line = path[i][1 - axis]
        ends = [(path[i][axis], _sign(before - line)), (path[j][axis], _sign(after - line))]
        found.append(Run(edge, axis, line, [(float(place), side) for place, side in ends]))
    return found


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _share_stems(groups: list[Group]) -> None:
    """One track for the common stem of a fork or join."""
    for one, other in combinations([group.runs[0] for group in groups], 2):
        if one.group is other.group or not related(one.edge, other.edge) or not _have_stem(one, other):
            continue
        assert one.group is not None
        assert other.group is not None
        both = one.group.runs + other.group.runs
        if min(len({run.edge.src for run in both}), len({run.edge.dst for run in both})) == 1:
            groups.remove(other.group)
            one.group.runs = both
            for run in both:
                run.group = one.group


def _have_stem(one: Run, other: Run) -> bool:
    """Whether two runs share more than a point of their line, counted from their common end."""
    forward, backward = (one.edge.path, other.edge.path), (one.edge.path[::-1], other.edge.path[::-1])
    ways = [forward] * (one.edge.src == other.edge.src) + [backward] * (one.edge.dst == other.edge.dst)
    for p, q in ways:
        common = next((at for at, (u, v) in enumerate(zip(p, q, strict=False)) if u != v), min(len(p), len(q)))
        if sum(cell[1 - one.axis] == one.line for cell in p[:common]) > 1:
            return True
    return False


def _lay(groups: list[Group]) -> int:
    """Order the groups of one channel and give them tracks; how many tracks it takes."""
    order: list[Group] = []
    for group in sorted(groups, key=Group.span):
        costs = [
            sum(_conflict(other, group) for other in order[:at]) + sum(_conflict(group, other) for other in order[at:])
            for at in range(len(order) + 1)
        ]
        order.insert(costs.index(min(costs)), group)
    for at, group in enumerate(order):
        low, high = group.span()
        beside = (other for other in order[:at] if other.span()[0] <= high and low <= other.span()[1])
        group.track = 1 + max((other.track for other in beside), default=-1)
    return max(group.track for group in order) + 1


def _conflict(one: Group, other: Group) -> float:
    """Crossings if `one` lies before (left of, above) `other`; a shared stretch of line counts 3."""
    total = 0.0
    for first, second, side in ((one, other, 1), (other, one, -1)):
        low, high = second.span()
        turning = [place for run in second.runs for place, turn in run.ends if turn == -side]
        for place in (place for run in first.runs for place, turn in run.ends if turn == side):
            total += low + 1e-6 < place < high - 1e-6
            total += 3 * any(abs(place - each) < 1e-6 for each in turning)
    return total


def _meet(run: Run, end: int, other: Run, count: dict[tuple[int, int], int]) -> None:
    """The exact end of a run, where the run that goes on from it has its track."""
    if other.group:
        share = (other.group.track + 0.5) / count[other.axis, other.line] - 0.5
        run.ends[end] = other.line + 0.8 * share, run.ends[end][1]
