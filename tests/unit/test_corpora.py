"""1,444 diagrams of other tools: one clear verdict each, nothing lost, nothing unsaid, no program's words.

Judged all in every run; laid out in the process of its own a seeded sample, with NIGHTLY=1 all of them.
GATE_EXAMPLES says how many mutations are tried.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from app.engine import examine, examined
from app.engine.reading import DI, NODES, local, parse_xml
from tests import corpora

NIGHTLY = os.environ.get("NIGHTLY") == "1"
EXAMPLES = int(os.environ.get("GATE_EXAMPLES", "120"))
PROGRAM = re.compile(r"Traceback|\w(Exception|Error)\b|NoneType|object at 0x|<class|lxml|SpiffWorkflow|\{\w+\}")
pytestmark = pytest.mark.skipif(not corpora.FOLDER.is_dir(), reason="the corpora are not here")


def test_all_are_here():
    assert Counter(name.split("/")[0] for name in corpora.files()) == {
        "miwg": 21,
        "bpmnlint": 247,
        "camunda7-platform": 1176,
    }


def check(found, content: bytes) -> None:
    """What holds of every verdict on every file."""
    assert found.verdict in ("runnable", "drawing", "refused")
    assert found.problems or found.verdict == "runnable"
    errors = [problem for problem in found.problems if problem.severity == "error"]
    assert errors or found.verdict != "refused"
    assert not errors or found.verdict != "runnable"
    ids = {""} | ({each.get("id") for each in parse_xml(found.xml).iter()} if found.xml else set())
    for problem in (*found.problems, *found.changes):
        assert problem.rule != "file.unjudged"
        assert problem.element in ids
        for text in (problem.message, problem.hint):
            assert re.search("[\u4e00-\u9fff]", text.zh), problem
            assert not PROGRAM.search(text.en.split("“")[0]), problem
    if found.xml:
        before, after = (
            Counter(map(local, etree.fromstring(each).iter(etree.Element))) for each in (content, found.xml)
        )
        assert {tag: before[tag] for tag in (*NODES, "sequenceFlow")} == {
            tag: after[tag] for tag in (*NODES, "sequenceFlow")
        }


def test_every_file_has_one_clear_verdict():
    for name, content in corpora.files().items():
        began = time.perf_counter()
        found = examine(content, corpora.KNOWN)
        assert time.perf_counter() - began < 5, name
        check(found, content)


def test_the_measure_finds_a_lost_node():
    """The negative control."""
    name = "miwg/Reference/A.1.0.bpmn"
    whole = corpora.files()[name]
    lost = re.sub(rb"<(\w+:)?startEvent.*?</(\w+:)?startEvent>", b"", whole, flags=re.S)
    assert lost != whole
    with pytest.raises(AssertionError):
        check(corpora.judged()[name], lost)


def test_each_is_laid_out_in_a_process_of_its_own():
    names = list(corpora.files()) if NIGHTLY else random.Random(5).sample(list(corpora.files()), 60)
    contents = [corpora.files()[name] for name in names]
    for name, found in zip(names, examined(contents, corpora.KNOWN), strict=True):
        assert found.verdict == corpora.judged()[name].verdict
        if found.xml and "layout.made" in {change.rule for change in found.changes}:
            root = parse_xml(found.xml)
            shown = {each.get("bpmnElement") for each in root.iter(f"{{{DI}}}BPMNShape")}
            assert {each.get("id") for each in root.iter(etree.Element) if local(each) in NODES} <= shown


def test_bpmnlint_agrees_wherever_we_have_the_rule():
    found = corpora.agreement()
    assert len(found) >= 85
    assert {name for name, (theirs, ours) in found.items() if theirs != ours} == set(corpora.DIFFERENT)


def test_the_paper_says_what_is_so():
    assert corpora.PAPER.read_text(encoding="utf-8") == corpora.paper(), "run: python -m tests.corpora"


@given(st.data())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_mutation_of_any_of_them(data):
    """Bytes cut, doubled and put; attributes and elements moved between files: a verdict, or a plain refusal."""
    names = sorted(name for name, content in corpora.files().items() if len(content) < 12_000)
    content = corpora.files()[data.draw(st.sampled_from(names))]
    other = corpora.files()[data.draw(st.sampled_from(names))]
    for _ in range(data.draw(st.integers(1, 3))):
        at, length = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 120))
        start = data.draw(st.integers(0, len(other)))
        put = data.draw(st.sampled_from([b"", content[at : at + length] * 2, other[start : start + length], b'id=""']))
        content = content[:at] + put + content[at + length :]
    found = examine(content, corpora.KNOWN, arranged=True)
    assert "file.unjudged" not in {problem.rule for problem in found.problems}
    if found.xml:
        check(found, content)


@given(st.data())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_rearrangement_of_any_of_them(data):
    """Well-formed mutations reach further: elements removed, doubled, renamed, moved; attributes taken from others."""
    names = sorted(name for name, found in corpora.judged().items() if found.xml and len(found.xml) < 12_000)
    root = parse_xml(corpora.files()[data.draw(st.sampled_from(names))])
    for _ in range(data.draw(st.integers(1, 4))):
        everything = list(root.iter(etree.Element))[1:]
        if not everything:
            break
        one, other = (everything[data.draw(st.integers(0, len(everything) - 1))] for _ in range(2))
        _rearrange(
            data.draw(st.sampled_from(["remove", "double", "rename", "attributes", "no-id", "text"])), one, other
        )
    content = etree.tostring(root)
    found = examine(content, corpora.KNOWN, arranged=True)
    assert "file.unjudged" not in {problem.rule for problem in found.problems}
    check(found, content)


def _rearrange(how: str, one: etree._Element, other: etree._Element) -> None:
    if how == "remove":
        one.getparent().remove(one)
    elif how == "double":
        one.addnext(etree.fromstring(etree.tostring(one)))
    elif how == "rename":
        one.tag = other.tag
    elif how == "attributes":
        one.attrib.update(other.attrib)
    elif how == "no-id":
        one.attrib.pop("id", None)
    else:
        one.text = other.text or "${x}"
