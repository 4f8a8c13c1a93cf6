"""A diagram to be laid out: nodes, edges and bands (lanes), with sizes of shapes and of the texts beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

HEADER, TRACK, PAD, GAP, POOL_GAP, ORIGIN = 30, 14, 20, 46, 40, 40
"""Pixels: a pool's or lane's title, one track of a channel, around content, between columns, between pools, the margin."""
FONT, LABEL_EM = 11, 7
"""Pixels of an outside label's letters; Chinese characters in one line of it."""
DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))
RIGHT, DOWN, LEFT, UP = range(4)

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""x, y, width, height."""
Cell = tuple[int, int]
"""On the coarse grid: odd x is a column, even x a channel; y counts lines of the router."""


@dataclass(slots=True)
class Node:
    """A flow node or a collapsed pool; x and y are its centre. A boundary event has a `host` and an offset `dx` on it."""

    id: str
    tag: str
    name: str
    band: int
    w: float
    h: float
    host: str = ""
    dx: float = 0
    col: int = 0
    row: int = 0
    x: float = 0
    y: float = 0
    label: Box | None = None
    inner: Graph | None = None

    @property
    def box(self) -> Box:
        return self.x - self.w / 2, self.y - self.h / 2, self.w, self.h

    @property
    def outside(self) -> bool:
        """True if the name stands outside the shape."""
        return bool(self.name) and self.tag.endswith(("Event", "Gateway"))

    @property
    def is_gateway(self) -> bool:
        return self.tag.endswith("Gateway")


@dataclass(slots=True)
class Edge:
    """A sequence or message flow with its way: over cells, then in pixels."""

    id: str
    src: str
    dst: str
    name: str
    message: bool = False
    back: bool = False
    path: list[Cell] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    label: Box | None = None

    @property
    def segments(self) -> list[tuple[Point, Point]]:
        return list(pairwise(self.points))


def related(one: Edge, other: Edge) -> bool:
    """True if two edges may share a stem: same kind and either the same source or the same target."""
    return one.message == other.message and (one.src == other.src) != (one.dst == other.dst)


@dataclass(slots=True)
class Band:
    """A leaf lane, or a pool without lanes. `lanes` holds the lane and its parents, outermost first."""

    pool: int
    lanes: list[str]
    name: str = ""
    top: float = 0
    bottom: float = 0


@dataclass(slots=True)
class Graph:
    """What is laid out in one frame; `pools` are participant ids, "" where there is none.

    `asides` are data and annotations with their sizes, which stand below the flow.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    pools: list[str] = field(default_factory=list)
    asides: dict[str, tuple[float, float]] = field(default_factory=dict)
    left: float = 0
    width: float = 0
    height: float = 0

    def anchor(self, node: str) -> Node:
        """The node that stands in the grid: the host for a boundary event."""
        return self.nodes[self.nodes[node].host or node]

    @property
    def grid(self) -> list[Node]:
        return [node for node in self.nodes.values() if not node.host]

    @property
    def guests(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.host]


def text_width(text: str, size: float) -> float:
    """Pixels of a line: a Chinese character is as wide as the letters are high."""
    return sum(size if ord(each) > 0x2E7F else size * 0.56 for each in text)


def lines_of(text: str, width: float, size: float = 12) -> list[str]:
    """The text in lines of at most `width` pixels."""
    found = []
    while text:
        cut = len(text)
        while cut > 1 and (wide := text_width(text[:cut], size)) >= width:
            cut = max(int(cut * width / wide - 0.5), 1)
        found.append(text[:cut])
        text = text[cut:]
    return found


def label_size(text: str) -> tuple[float, float]:
    """Width and height of a label outside a shape."""
    em = text_width(text, 1)
    lines = max(1, math.ceil(em / LABEL_EM - 0.01))
    return (math.ceil(em / lines) + 0.7) * FONT, lines * 14


def task_size(names: list[str]) -> tuple[float, float]:
    """One size for all tasks of a diagram: no line of one character, no text of more than 3 lines if possible."""

    def faults(width: float) -> float:
        texts = [lines_of(name, width - 10) for name in names if name]
        return width / 50 + sum((len(text) > 1 and len(text[-1]) < 2) + 3 * (len(text) > 3) for text in texts)

    width = min((100, 112, 124), key=faults)
    most = max((len(lines_of(name, width - 10)) for name in names), default=0)
    return width, min(84 + 13 * max(0, most - 2), 240)
