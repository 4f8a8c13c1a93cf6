"""One verdict for any bytes: hostile files, broken files, drawings, and files of other tools."""

from __future__ import annotations

import gzip
import time

import pytest
from engine_drawings import HEAD, call, draw, end, gateway, many, node, service, start, user
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine import DiagramError, gate, parse, verdict

GOOD = draw("p", start(), user("t"), gateway("xor", "g"), end(), end("e2"),
            flows=["s t", "t g", 'g e: seen == "yes"', "g e2 *"])  # fmt: skip
BODY = HEAD.split("?>", 1)[1]


def with_prolog(prolog: str, inside: str = "") -> bytes:
    return f'<?xml version="1.0"?>{prolog}{BODY}{inside}</bpmn:definitions>'.encode()


def condition(text: str) -> bytes:
    return GOOD.replace(b"seen == &quot;yes&quot;", text.encode())


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
HOSTILE = {
    "external entity": with_prolog('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"),
    "external doctype": with_prolog('<!DOCTYPE d SYSTEM "http://example.invalid/d.dtd">'),
    "billion laughs": with_prolog(f'<!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]>', "&l9;"),
    "quadratic": with_prolog(f'<!DOCTYPE d [<!ENTITY x "{"a" * 50_000}">]>', "&x;" * 1000),
    "doctype in UTF-16": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode(
        "utf-16"
    ),
    "undeclared entity": with_prolog("", "&evil;"),
    "too deep": with_prolog("", "<a>" * 5_000 + "</a>" * 5_000),
    "huge attribute": with_prolog("", f'<a b="{"x" * 20_000_000}"/>'),
    "too many elements": draw("p", *(user(f"t{i}") for i in range(3_000)), flows=[]),
    "script": draw(
        "p", start(), node("scriptTask", "t", "<bpmn:script>import os</bpmn:script>"), end(), flows=["s t", "t e"]
    ),
    "code in a condition": condition("().__class__.__mro__[1].__subclasses__()"),
    "code in a timer": draw(
        "p",
        start(),
        node(
            "intermediateCatchEvent",
            "t",
            "<bpmn:timerEventDefinition><bpmn:timeDate>__import__('os').system('id')</bpmn:timeDate>"
            "</bpmn:timerEventDefinition>",
        ),
        end(),
        flows=["s t", "t e"],
    ),
    "code in a loop": draw(
        "p",
        start(),
        node(
            "userTask",
            "t",
            "<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>10**9</bpmn:loopCardinality>"
            "</bpmn:multiInstanceLoopCharacteristics>",
        ),
        end(),
        flows=["s t", "t e"],
    ),
    "long condition": condition("1 + " * 10_000 + "1"),
    "a collection from code": draw("p", start(), many("t", "a.b()"), end(), flows=["s t", "t e"]),
    "calls itself": draw("p", start(), call("t", "p"), end(), flows=["s t", "t e"]),
    "never waits": draw(
        "p", start(), gateway("xor", "g"), service("t"), end(), flows=["s g", "g t: again", "g e *", "t g"]
    ),
    "a very long chain": draw(
        "p",
        start(),
        *(service(f"t{i}") for i in range(900)),
        end(),
        flows=["s t0", *(f"t{i} t{i + 1}" for i in range(899)), "t899 e"],
    ),
    "operator of the library": draw(
        "p",
        start(),
        node(
            "serviceTask",
            "t",
            '<bpmn:extensionElements><spiffworkflow:serviceTaskOperator id="x"/></bpmn:extensionElements>',
        ),
        end(),
        flows=["s t", "t e"],
    ),
    "zipped": gzip.compress(GOOD),
    "nulls": b"\0" * 100,
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_at_once(name):
    began = time.perf_counter()
    judged = verdict(HOSTILE[name])
    assert judged.verdict == "refused"
    assert judged.problems
    assert all(problem.rule != "file.unjudged" for problem in judged.problems)
    assert time.perf_counter() - began < 5
    with pytest.raises(DiagramError):
        parse({"p": HOSTILE[name]}, "p")


def test_an_inclusion_is_inert():
    held = GOOD.replace(
        b"</bpmn:process>", b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd"/></bpmn:process>'
    )
    assert verdict(held).verdict == "runnable"


def test_runnable_drawing_refused():
    assert verdict(GOOD).verdict == "runnable"
    drawing = verdict(draw("p", start(), node("scriptTask", "t"), flows=["s t"], executable="false"))
    assert drawing.verdict == "drawing"
    assert {each.rule for each in drawing.problems} >= {"process.drawing", "task.script", "end.missing"}
    assert {each.severity for each in drawing.problems} == {"warning"}
    unsafe = verdict(draw("p", start(), node("scriptTask", "t"), flows=["s t"]))
    assert unsafe.verdict == "refused"
    assert {each.rule for each in unsafe.problems} >= {"end.missing", "node.dead-end", "task.script"}


def test_what_lacks_something_is_a_drawing_unless_it_is_ours():
    lacking = verdict(draw("p", start(), user("t"), flows=["s t"]))
    assert lacking.verdict == "drawing"
    assert {each.rule for each in lacking.problems} >= {"end.missing", "node.dead-end"}
    assert {each.severity for each in lacking.problems} == {"error"}
    ours = verdict(draw("p", start(), user("t", role="police"), flows=["s t"]))
    assert ours.verdict == "refused"


def test_what_nobody_could_draw_is_refused_even_as_a_drawing():
    twice = draw("p", start(), user("t"), user("t"), flows=["s t"], executable="false")
    assert verdict(twice).verdict == "refused"
    loose = draw("p", start(), user("t"), flows=["s t", "t nowhere"], executable="false")
    assert verdict(loose).verdict == "refused"


def test_what_is_executable_is_judged_when_the_rest_is_a_drawing():
    other = '<bpmn:process id="q" isExecutable="false"><bpmn:scriptTask id="x"/></bpmn:process>'
    assert verdict(draw("p", start(), user("t"), end(), flows=["s t", "t e"], more=other)).verdict == "runnable"


def test_a_fault_of_our_own_is_still_a_verdict(monkeypatch):
    monkeypatch.setattr(gate, "lint", lambda *_: 1 / 0)
    judged = verdict(GOOD)
    assert judged.verdict == "refused"
    assert judged.problems[0].rule == "file.unjudged"


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes(data):
    assert verdict(data).verdict == "refused"


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_mutation_of_a_good_file(data):
    """Cut, doubled and swapped pieces: each gets a verdict, and what is called runnable parses."""
    at = data.draw(st.integers(0, len(GOOD)))
    to = data.draw(st.integers(at, min(len(GOOD), at + 200)))
    put = data.draw(
        st.sampled_from([b"", GOOD[at:to] * 2, b'"', b"<x/>", "\u4e2d".encode(), b' default="f1"', b"&#0;"])
    )
    mutated = GOOD[:at] + put + GOOD[to:]
    judged = verdict(mutated)
    assert all(problem.rule != "file.unjudged" for problem in judged.problems)
    if judged.verdict == "runnable":
        process = gate.read(mutated).processes()[0].id
        assert parse({"any": mutated}, process).elements()
