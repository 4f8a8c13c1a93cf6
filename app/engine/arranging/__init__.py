"""A layout for a diagram that came without one: lanes are rows, the flow runs from left to right, nothing overlaps.

1 rank  2 rows  3 route  4 tracks  5 place  6 labels: several placements are routed, and the best drawing wins.
Above `LARGEST` elements a plain grid. The same file gives the same drawing. Source: ADR 0028.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import pairwise

from lxml import etree

from app.engine.arranging.labels import place_labels, quality
from app.engine.arranging.model import Graph
from app.engine.arranging.placing import place
from app.engine.arranging.plain import arrange_plainly
from app.engine.arranging.ranks import Rows, rank
from app.engine.arranging.read import pages
from app.engine.arranging.routing import Router
from app.engine.arranging.straight import draw_missing
from app.engine.arranging.write import diagram
from app.engine.linting.rules import Findings, found
from app.engine.reading import DI, NODES, SUBPROCESSES, local

LARGEST, MOST_LINES = 60, 80
"""Elements and flows of a file that are drawn with care; the search takes more than its share of time above."""
_LINES = ("sequenceFlow", "messageFlow")


def arrange(root: etree._Element) -> Findings:
    """Give the file a layout where it has none or only a part of one; yields what was done."""
    nodes = [each for each in root.iter(etree.Element) if local(each) in NODES]
    if not nodes and root.find("{*}collaboration/{*}participant") is None:
        return
    shapes = {each.get("bpmnElement"): each for each in root.iter(f"{{{DI}}}BPMNShape")}
    folded = {element for element, shape in shapes.items() if shape.get("isExpanded") != "true"}
    frames = [each for each in root.iter(etree.Element) if local(each) in ("lane", "participant")]
    lacking = [each for each in (*nodes, *frames) if each.get("id") not in shapes and not _within(each, folded)]
    used = {str(each.get("id")) for each in root.iter(etree.Element) if each.get("id")}
    if lacking:
        yield found("layout.remade", "", count=str(len(lacking))) if shapes else found("layout.made", "")
        lines = sum(1 for each in root.iter(etree.Element) if local(each) in _LINES)
        plainly = len(nodes) > LARGEST or lines > MOST_LINES
        if plainly:
            yield found("layout.plain", "", count=str(len(nodes)))
        _draw(root, used, plainly=plainly)
        draw_missing(root, used)
        return
    for line in draw_missing(root, used):
        yield found("layout.line", line)


def _within(xml: etree._Element, folded: set[str]) -> bool:
    """Whether it stands in a sub-process that is drawn closed, as its author wanted."""
    return any(local(each) in SUBPROCESSES and each.get("id") in folded for each in xml.iterancestors())


def _draw(root: etree._Element, used: set[str], *, plainly: bool) -> None:
    """Replace every page."""
    for page in root.findall(f"{{{DI}}}BPMNDiagram"):
        used -= {str(each.get("id")) for each in page.iter(etree.Element) if each.get("id")}
        root.remove(page)
    for plane, graph in pages(root, arrange_plainly if plainly else _arrange):
        root.append(diagram((arrange_plainly if plainly else _arrange)(graph), plane, used))


def _arrange(graph: Graph) -> Graph:
    """Lay out a graph, its content at 0, 0: several placements, of which the best drawing wins."""
    rank(graph)
    size = len(graph.nodes)
    tries = []
    for seed in range(min(10, max(2, 200 // (size + 1)))):
        trial = copy.deepcopy(graph)
        tries.append((Rows(trial, seed).search(), seed, trial))
    best: tuple[float, Graph] | None = None
    for _, _, trial in sorted(tries, key=lambda each: each[:2])[: 4 if size < 20 else 2 if size < 40 else 1]:
        for score, drawn in _drawings(trial, sweeps=3 if size < 40 else 2):
            if best is None or score < best[0]:
                best = score, drawn
    assert best is not None
    place_labels(best[1])
    return best[1]


def _drawings(trial: Graph, sweeps: int) -> Iterator[tuple[float, Graph]]:
    """The drawing of one placement, and again while an edge that lies on a stranger's line finds another way."""
    router = Router(trial, sweeps)
    for _ in range(6):
        place(trial, router)
        score, clash = quality(trial)
        yield score, copy.deepcopy(trial)
        if clash is None:
            return
        path = trial.edges[clash].path
        router.avoid[clash] |= {frozenset(step) for step in pairwise(path[1:-1])}
        router.route(clash)
