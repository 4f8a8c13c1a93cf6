"""A plain grid for what is too large to be drawn with care: lanes kept, nodes in the order of the flow, lines between."""

from __future__ import annotations

import math
from itertools import accumulate

from app.engine.arranging.model import GAP, HEADER, PAD, POOL_GAP, Band, Edge, Graph, Node, Point, label_size
from app.engine.arranging.ranks import rank

_ASIDE = 5
"""Pixels between lines that share a gap, of which there are `_LINES`."""
_LINES = 5


def arrange_plainly(graph: Graph) -> Graph:
    """Lay out a graph, its content at 0, 0."""
    rank(graph)
    rows = _rows(graph)
    widths: dict[int, float] = {}
    for node in graph.grid:
        room = max(node.w, label_size(node.name)[0] if node.outside else 0)
        widths[node.col] = max(widths.get(node.col, 0), room + GAP + _ASIDE * _LINES)
    gaps = [0.0, *accumulate(widths[column] for column in sorted(widths))]
    floors = _heights(graph, rows, gaps)
    graph.left = HEADER * (max((len(band.lanes) for band in graph.bands), default=0) + any(graph.pools))
    graph.width = gaps[-1] + GAP
    for guest in graph.guests:
        host = graph.nodes[guest.host]
        guest.x, guest.y, guest.row, guest.col = host.x + guest.dx, host.y + host.h / 2, host.row, host.col
    for number, edge in enumerate(graph.edges):
        _connect(graph, edge, gaps, floors, _ASIDE * (number % _LINES - _LINES // 2))
    return graph


def _rows(graph: Graph) -> list[list[Node]]:
    """Each band's nodes in the order of the flow, so many side by side; numbers their rows and columns."""
    columns = max(4, math.ceil(math.sqrt(2 * len(graph.grid))))
    rows: list[list[Node]] = []
    for number in range(len(graph.bands)):
        nodes = sorted((node for node in graph.grid if node.band == number), key=lambda node: node.col)
        rows += [nodes[start : start + columns] for start in range(0, len(nodes), columns)]
    for number, row in enumerate(rows):
        for place, node in enumerate(row):
            node.row, node.col = number, place
    return rows


def _heights(graph: Graph, rows: list[list[Node]], gaps: list[float]) -> list[float]:
    """Place the nodes and set the bands; the gap below each row."""
    top, floors, waiting = 0.0, [0.0] * len(rows), list(rows)
    for number, band in enumerate(graph.bands):
        top += POOL_GAP * (number > 0 and graph.bands[number - 1].pool != band.pool)
        band.top = top
        while waiting and waiting[0][0].band == number:
            row = waiting.pop(0)
            top = _place(row, gaps, top)
            floors[row[0].row] = top - GAP / 2
        top = _closed(band, top)
    graph.height = top
    return floors


def _closed(band: Band, top: float) -> float:
    band.bottom = max(top + PAD, band.top + max(len(band.name) * 13 + 20, 90))
    return band.bottom


def _place(row: list[Node], gaps: list[float], top: float) -> float:
    """Put nodes side by side; where the next row begins."""
    height = max(node.h for node in row)
    for node in row:
        node.x, node.y = (gaps[node.col] + gaps[node.col + 1]) / 2 + GAP / 2, top + GAP / 2 + height / 2
        if node.outside:
            w, h = label_size(node.name)
            node.label = (node.x - w / 2, node.y + node.h / 2 + 4, w, h)
    return top + height + 1.5 * GAP + max((node.label[3] for node in row if node.label), default=0)


def _connect(graph: Graph, edge: Edge, gaps: list[float], floors: list[float], aside: float) -> None:
    """Straight to the next node; else through the gaps between columns and rows, where no shape stands."""
    a, b = graph.nodes[edge.src], graph.nodes[edge.dst]
    start: Point = (a.x, a.y + a.h / 2) if a.host else (a.x + a.w / 2, a.y)
    end: Point = (b.x - b.w / 2, b.y)
    if a.row == b.row and b.col == a.col + 1 and not a.host:
        edge.points = [start, end]
    else:
        floor, before = floors[a.row] + aside, gaps[b.col] + GAP / 2 + aside
        after = a.x if a.host else gaps[a.col + 1] + GAP / 2 + aside
        edge.points = [start, (after, start[1]), (after, floor), (before, floor), (before, end[1]), end]
    if edge.name:
        w, h = label_size(edge.name)
        edge.label = (start[0] + 4, start[1] - h - 3, w, h)
