"""Layouts made here: everything drawn, nothing on top of anything, lanes kept, the same each time."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import pytest
from engine_drawings import boundary, draw, end, gateway, message_event, start, sub, user
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from app.engine.arranging import LARGEST, arrange
from app.engine.arranging.straight import _boxes
from app.engine.reading import DI, NODES, SUBPROCESSES, local, parse_xml

ROOT = Path(__file__).resolve().parents[3]
OURS = sorted((ROOT / "bpmn").glob("*.bpmn"))


def bare(xml: bytes) -> etree._Element:
    root = parse_xml(xml)
    for page in root.findall(f"{{{DI}}}BPMNDiagram"):
        root.remove(page)
    return root


def boxes(root: etree._Element) -> dict[str, tuple[float, float, float, float]]:
    return {key: box for plane in root.iter(f"{{{DI}}}BPMNPlane") for key, box in _boxes(plane).items()}


def faults(root: etree._Element) -> list[str]:
    """Whatever is wrong with a layout: not drawn, overlapping, outside its lane or sub-process."""
    at, found = boxes(root), []
    lines = {each.get("bpmnElement") for each in root.iter(f"{{{DI}}}BPMNEdge")}
    for xml in root.iter(etree.Element):
        if local(xml) in NODES | {"lane", "participant"} and xml.get("id") not in at:
            found.append(f"no shape: {xml.get('id')}")
        if local(xml) == "sequenceFlow" and xml.get("id") not in lines:
            found.append(f"no line: {xml.get('id')}")
        if local(xml) in SUBPROCESSES | {"process"}:
            found += _of_scope(xml, at)
    return found


def _of_scope(scope: etree._Element, at) -> list[str]:
    found = []
    nodes = [each.get("id") for each in scope if local(each) in NODES and local(each) != "boundaryEvent"]
    for one, other in combinations(nodes, 2):
        (ax, ay, aw, ah), (bx, by, bw, bh) = at[one], at[other]
        if ax < bx + bw and bx < ax + aw and ay < by + bh and by < ay + ah:
            found.append(f"overlap: {one}, {other}")
    for lane in scope.iterfind("{*}laneSet//{*}lane"):
        _, top, _, height = at[lane.get("id")]
        for node in (each.text.strip() for each in lane.iterfind("{*}flowNodeRef")):
            if not top <= at[node][1] + at[node][3] / 2 <= top + height:
                found.append(f"out of its lane: {node}")
    if local(scope) != "process":
        x, y, w, h = at[scope.get("id")]
        outside = [n for n in nodes if at[n][0] < x or at[n][0] + at[n][2] > x + w or at[n][1] < y or at[n][1] > y + h]
        found += [f"out of its sub-process: {each}" for each in outside]
    return found


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_each_of_our_diagrams_without_its_layout(path):
    root = bare(path.read_bytes())
    assert [each.rule for each in arrange(root)] == ["layout.made"]
    assert faults(root) == []
    for line in root.iter(f"{{{DI}}}BPMNEdge"):
        points = [(float(each.get("x")), float(each.get("y"))) for each in line.iter("{*}waypoint")]
        assert all(abs(p[0] - q[0]) < 0.2 or abs(p[1] - q[1]) < 0.2 for p, q in pairwise(points)), line.get("id")


def test_the_same_file_gives_the_same_drawing():
    drawings = [bare(OURS[0].read_bytes()) for _ in range(2)]
    assert [[*arrange(each)] for each in drawings]
    assert etree.tostring(drawings[0]) == etree.tostring(drawings[1])


def test_the_measure_finds_what_is_wrong():
    """The negative control: a shape moved, a shape and a line removed."""
    root = bare((ROOT / "bpmn" / "report-intake.bpmn").read_bytes())
    assert [*arrange(root)]
    plane = next(root.iter(f"{{{DI}}}BPMNPlane"))
    tasks = {each.get("id") for each in root.iter("{*}userTask")}
    shapes = [each for each in plane if each.get("bpmnElement") in tasks]
    for side in ("x", "y"):
        shapes[0][0].set(side, shapes[1][0].get(side))
    plane.remove(next(plane.iter(f"{{{DI}}}BPMNEdge")))
    said = " ".join(faults(root))
    assert "overlap" in said
    assert "no line" in said


def test_a_whole_layout_is_left_alone():
    root = parse_xml(OURS[0].read_bytes())
    before = etree.tostring(root)
    assert list(arrange(root)) == []
    assert etree.tostring(root) == before


def test_a_line_that_lacks_gets_one_and_a_shape_that_lacks_a_new_page():
    root = parse_xml(OURS[0].read_bytes())
    plane = next(root.iter(f"{{{DI}}}BPMNPlane"))
    flows = {each.get("id") for each in root.iter("{*}sequenceFlow")}
    line = next(each for each in plane if each.get("bpmnElement") in flows)
    plane.remove(line)
    assert [(each.rule, each.element) for each in arrange(root)] == [("layout.line", line.get("bpmnElement"))]
    assert faults(root) == []
    nodes = {each.get("id") for each in root.iter("{*}userTask")}
    plane.remove(next(each for each in plane if each.get("bpmnElement") in nodes))
    assert [each.rule for each in arrange(root)] == ["layout.remade"]
    assert faults(root) == []


def test_sub_processes_boundaries_loops_and_several_processes():
    inner = sub("b", start("bs"), user("bt"), end("be"), flows=["bs bt", "bt be"])
    xml = draw(
        "p",
        start(),
        inner,
        boundary("x", "b", message_event("m")),
        gateway("xor", "g"),
        end(),
        flows=["s b", "b g", "g g", "g b", "x e", "g e"],
        messages="m",
        more='<bpmn:process id="q"><bpmn:task id="q1"/><bpmn:task id="q2"/></bpmn:process>',
    )
    root = bare(xml)
    assert [each.rule for each in arrange(root)] == ["layout.made"]
    assert faults(root) == []
    assert len(list(root.iter(f"{{{DI}}}BPMNPlane"))) == 2


def test_a_large_diagram_is_put_on_a_grid():
    count = LARGEST + 40
    names = [f"n{each}" for each in range(count)]
    flows = ["s n0", *(f"{a} {b}" for a, b in pairwise(names)), f"{names[-1]} e", "n50 n3"]
    root = bare(draw("p", start(), *map(user, names), end(), flows=flows))
    assert [each.rule for each in arrange(root)] == ["layout.made", "layout.plain"]
    assert faults(root) == []


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=20))
@settings(max_examples=40, deadline=None)
def test_any_graph(count, pairs):
    names = [f"n{each}" for each in range(count)]
    flows = [f"{names[a % count]} {names[b % count]}" for a, b in pairs]
    root = bare(draw("p", *(user(each) if int(each[1:]) % 3 else gateway("xor", each) for each in names), flows=flows))
    assert list(arrange(root))
    assert faults(root) == []
