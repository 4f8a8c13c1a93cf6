"""Each trap as the smallest diagram that falls into it, under the name of its rule."""

from __future__ import annotations

import pytest
from engine_drawings import (
    HEAD,
    boundary,
    call,
    catch,
    draw,
    end,
    gateway,
    many,
    message_event,
    node,
    service,
    start,
    sub,
    throw,
    timer,
    timer_event,
    user,
)

from app.engine import Catalog, lint
from app.engine.linting import RULES
from app.engine.reading import DI

DUTIES = {"form": "F01", "role": "police", "deadline": "D02", "clause": "4.2", "name_en": "Do"}
CATALOG = Catalog(
    forms={"F01": {"seen": ("yes", "no", "unknown"), "danger": "bool", "harm": "bool", "age": "int"}},
    operations={"case.open": {"case_id": "int", "units": "list"}},
    messages={"reply": {"case_id": "int"}, "stop": {}},
    roles=frozenset({"police"}),
    deadlines=frozenset({"D02"}),
    clauses=frozenset({"4.2"}),
    processes=frozenset({"child"}),
)
LINE = ["s t", "t e"]


def line(*nodes: str, messages: str = "", **how) -> bytes:
    return draw("p", start(), *nodes, end(), flows=LINE, messages=messages, **how)


def event(tag: str, kind: str) -> str:
    return node(tag, "t", f"<bpmn:{kind}EventDefinition/>")


def branches(*flows: str, kind: str = "xor", **said: str) -> bytes:
    house = {**DUTIES, **said}
    return draw("p", start(), user("t", **house), gateway(kind, "g"), end("e"), end("e2"), end("e3"),
                flows=["s t", "t g", *flows])  # fmt: skip


def drop(xml: bytes, text: str, instead: str = "") -> bytes:
    assert text.encode() in xml
    return xml.replace(text.encode(), instead.encode(), 1)


def timed(text: str, tag: str = "timeDate") -> bytes:
    return line(node("intermediateCatchEvent", "t", timer_event(text, tag)))


def loop(inside: str, attributes: str = "", tag: str = "userTask") -> bytes:
    return line(
        node(tag, "t", f"<bpmn:{inside}</bpmn:{inside.split('>', maxsplit=1)[0].split(maxsplit=1)[0]}>", attributes)
    )


MI = "multiInstanceLoopCharacteristics>"
COLLECTION = "<bpmn:loopDataInputRef>units</bpmn:loopDataInputRef>"
FORK = ["s g", "g t", "g u"]

TRAPS: dict[str, bytes] = {
    "file.size": b"<a>" + b" " * 1_000_001,
    "file.doctype": b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    "file.xml": b"<a><b></a>",
    "file.not-bpmn": b"<html/>",
    "file.elements": draw("p", *(user(f"t{i}") for i in range(2001)), flows=[]),
    "id.missing": drop(line(user("t")), 'userTask id="t"', "userTask"),
    "id.repeated": draw("p", start(), user("t"), user("t"), end(), flows=LINE),
    "id.reserved": draw("p", start("Start"), user("t"), end("End"), flows=["Start t", "t End"]),
    "id.shape": draw("p", start(), user("t" * 101), end(), flows=[f"s {'t' * 101}", f"{'t' * 101} e"]),
    "flow.no-id": drop(line(user("t")), 'sequenceFlow id="f2"', "sequenceFlow"),
    "flow.dangling": draw("p", start(), user("t"), end(), flows=["s t", "t nowhere", "t e"]),
    "start.missing": draw("p", user("t"), end(), flows=["t e"]),
    "start.several": draw("p", start(), start("s2"), user("t"), end(), flows=["s t", "s2 t", "t e"]),
    "start.several-flows": draw("p", start(), user("t"), user("u"), end(), flows=["s t", "s u", "t e", "u e"]),
    "start.in-subprocess": draw(
        "p", start(), sub("t", start("a", timer_event("x")), end("b"), flows=["a b"]), end(), flows=LINE
    ),
    "end.missing": draw("p", start(), user("t"), flows=["s t", "t t"]),
    "node.unreachable": draw("p", start(), user("t"), user("u"), end(), flows=[*LINE, "u e"]),
    "node.dead-end": draw("p", start(), gateway("and", "g"), user("t"), end(), flows=["s g", "g t", "g e"]),
    "start.incoming": draw(
        "p", start(), user("t"), gateway("xor", "g"), end(), flows=["s t", "t g", 'g s: a == "x"', "g e *"]
    ),
    "end.outgoing": draw("p", start(), user("t"), end(), flows=[*LINE, "e t"]),
    "element.unsupported": line(node("callChoreography", "t")),
    "gateway.complex": line(node("complexGateway", "t")),
    "subprocess.adhoc": line(node("adHocSubProcess", "t")),
    "subprocess.event": line(user("t"), node("subProcess", "x", attributes='triggeredByEvent="true"')),
    "subprocess.transaction": line(node("transaction", "t")),
    "task.script": line(node("scriptTask", "t", "<bpmn:script>1</bpmn:script>")),
    "task.business-rule": line(node("businessRuleTask", "t")),
    "task.pre-script": line(
        "<bpmn:userTask id='t'><bpmn:extensionElements><spiffworkflow:preScript>x = 1</spiffworkflow:preScript>"
        "</bpmn:extensionElements></bpmn:userTask>"
    ),
    "task.several-flows": draw("p", start(), user("t"), user("u"), end(), flows=[*LINE, "t u", "u e"]),
    "flow.condition-on-task": draw("p", start(), user("t"), end(), flows=["s t", 't e: a == "x"']),
    "event.signal": drop(
        line(user("t")),
        '<bpmn:endEvent id="e" name="e" ></bpmn:endEvent>',
        '<bpmn:endEvent id="e"><bpmn:signalEventDefinition/></bpmn:endEvent>',
    ),
    "event.link": line(event("intermediateThrowEvent", "link")),
    "event.compensation": line(event("intermediateThrowEvent", "compensate")),
    "event.conditional": line(event("intermediateCatchEvent", "conditional")),
    "event.error": draw(
        "p",
        start(),
        gateway("and", "g"),
        sub("a", start("a1"), node("endEvent", "a2", "<bpmn:errorEventDefinition/>"), flows=["a1 a2"]),
        sub("b", start("b1"), end("b2"), flows=["b1 b2"]),
        boundary("x", "b", "<bpmn:errorEventDefinition/>"),
        end(),
        flows=["s g", "g a", "g b", "a e", "b e", "x e"],
    ),
    "event.escalation": line(event("intermediateThrowEvent", "escalation")),
    "event.cancel": line(user("t"), boundary("x", "t", "<bpmn:cancelEventDefinition/>")),
    "event.multiple": line(
        node("intermediateCatchEvent", "t", message_event("stop") + timer_event("x")), messages="stop"
    ),
    "event.undefined": line(node("intermediateCatchEvent", "t")),
    "event.wrong-place": line(event("intermediateThrowEvent", "timer")),
    "message.missing": line(catch("t", "nobody")),
    "receive.no-message": line(node("receiveTask", "t")),
    "boundary.non-interrupting-message": line(
        user("t"), boundary("x", "t", message_event("stop"), interrupting=False), messages="stop"
    ),
    "boundary.detached": line(user("t"), boundary("x", "e", timer_event("due_D02"))),
    "boundary.incoming": draw(
        "p", start(), user("t"), boundary("x", "t", timer_event("due_D02")), end(), flows=["s t", "t x", "x e"]
    ),
    "loop.standard": loop("standardLoopCharacteristics>"),
    "loop.cardinality": loop(f"{MI}<bpmn:loopCardinality>10000000</bpmn:loopCardinality>"),
    "loop.no-collection": loop(MI),
    "loop.data": loop(f"{MI}{COLLECTION}<bpmn:inputDataItem id='i'/>"),
    "loop.only-people": loop(f"{MI}{COLLECTION}", 'calledElement="child"', "callActivity"),
    "call.no-process": line(node("callActivity", "t")),
    "call.self": line(call("t", "p")),
    "call.unknown": line(call("t", "nobody")),
    "service.no-operation": line(node("serviceTask", "t")),
    "timer.months": timed("P6M", "timeDuration"),
    "timer.duration": timed("PT6M", "timeDuration"),
    "timer.cycle": timed("R1000000/PT0S", "timeCycle"),
    "timer.not-a-variable": timed('"2026-01-01T00:00:00+08:00"'),
    "timer.undefined": line(event("intermediateCatchEvent", "timer")),
    "loop.no-wait": draw(
        "p", start(), gateway("xor", "g"), service("t", "case.open"), end(), flows=["s g", "g t: harm", "g e *", "t g"]
    ),
    "loop.no-way-out": draw(
        "p",
        start(),
        user("t"),
        user("u"),
        boundary("x", "t", timer_event("due_D02")),
        end(),
        flows=["s t", "t u", "u t", "x e"],
    ),
    "gateway.too-many-paths": draw(
        "p",
        start(),
        *(gateway("and", f"{kind}{number}") for number in range(10) for kind in "aj"),
        *(user(f"{kind}{number}") for number in range(10) for kind in "tu"),
        end(),
        flows=[
            "s a0",
            *(f"{one}{number} {other}{number}" for number in range(10) for one, other in ("at", "au", "tj", "uj")),
            *(f"j{number} a{number + 1}" for number in range(9)),
            "j9 e",
        ],
    ),
    "wait.no-timer": line(catch("t", "reply"), messages="reply"),
    "timer.reused": draw(
        "p", start(), timer("t", "at"), gateway("xor", "g"), end(), flows=["s t", "t g", "g t: harm", "g e *"]
    ),
    "message.two-branches": draw(
        "p",
        start(),
        gateway("and", "g"),
        catch("t", "reply"),
        catch("u", "reply"),
        gateway("and", "j"),
        end(),
        flows=[*FORK, "t j", "u j", "j e"],
        messages="reply",
    ),
    "gateway.no-default": branches("g e: danger", "g e2: harm"),
    "gateway.no-condition": branches("g e", "g e2 *"),
    "gateway.bad-default": drop(branches("g e: danger", "g e2 *"), 'default="f4"', 'default="f1"'),
    "gateway.split-and-join": draw(
        "p",
        start(),
        gateway("and", "g"),
        user("t"),
        user("u"),
        gateway("and", "j"),
        end(),
        end("e2"),
        flows=[*FORK, "t j", "u j", "j e", "j e2"],
    ),
    "gateway.join-on-cycle": draw(
        "p",
        start(),
        gateway("xor", "m"),
        gateway("and", "g"),
        user("t"),
        user("u"),
        gateway("and", "j"),
        gateway("xor", "x"),
        end(),
        flows=["s m", "m g", "g t", "g u", "t j", "u j", "j x", "x m: harm", "x e *"],
    ),
    "gateway.overlap": branches('g e: seen == "yes"', 'g e2: seen == "yes" or seen == "no"', "g e3 *"),
    "gateway.order-matters": branches("g e: danger", "g e2: harm", "g e3 *"),
    "gateway.never": branches('g e: seen == "yes" and seen == "no"', "g e2 *"),
    "gateway.default-condition": drop(branches("g e: danger", "g e2: harm"), 'id="g"', 'id="g" default="f4"'),
    "gateway.default-unused": branches("g e: danger", "g e2: not danger", "g e3 *"),
    "event-gateway.timers": draw(
        "p",
        start(),
        gateway("event", "g"),
        timer("t", "due_D02"),
        timer("u", "due_D02"),
        end(),
        flows=[*FORK, "t e", "u e"],
    ),
    "event-gateway.same-message": draw(
        "p",
        start(),
        gateway("event", "g"),
        catch("t", "stop"),
        catch("u", "stop"),
        end(),
        flows=[*FORK, "t e", "u e"],
        messages="stop",
    ),
    "event-gateway.one": draw(
        "p", start(), gateway("event", "g"), timer("t", "due_D02"), end(), flows=["s g", "g t", "t e"]
    ),
    "flow.twice": draw("p", start(), user("t"), end(), flows=["s t", "t e", "t e"]),
    "file.prefix": f"{HEAD}<nobody:thing/></bpmn:definitions>".encode(),
    "file.misplaced": f"{HEAD}<d:BPMNDiagram xmlns:d='{DI}'><bpmn:task/></d:BPMNDiagram></bpmn:definitions>".encode(),
    "event-gateway.target": draw(
        "p", start(), gateway("event", "g"), user("t"), timer("u", "due_D02"), end(), flows=[*FORK, "t e", "u e"]
    ),
    "event-gateway.shared": draw(
        "p",
        start(),
        gateway("event", "g"),
        catch("t", "stop"),
        timer("u", "due_D02"),
        end(),
        flows=[*FORK, "u t", "t e"],
        messages="stop",
    ),
    "condition.language": branches("g e: __import__('os').system('id')", "g e2 *"),
    "condition.unknown-name": branches("g e: nobody_sets_this", "g e2 *"),
    "condition.type": branches('g e: age == "ten"', "g e2 *"),
    "condition.not-set-here": branches("g e: case_id == 1", "g e2 *"),
    "collection.unknown-name": line(many("t", "nowhere", **DUTIES)),
    "timer.unknown-name": timed("nobody_at"),
    "name.no-english": line(user("t", role="police")),
    "data.drawn-only": line(user("t"), '<bpmn:dataStoreReference id="x"/>'),
    "process.drawing": line(user("t"), executable="false"),
    "process.none": f"{HEAD}</bpmn:definitions>".encode(),
    "beside.ignored": line(node("userTask", "t", "<bpmn:auditing/>")),
    "element.foreign": line(user("t"), '<x:step xmlns:x="urn:x" id="x"/>'),
    "condition.foreign": branches("g e: =danger.level > 1", "g e2 *"),
    "loop.code": line(many("t", "a.b()")),
    "foreign.ignored": line(node("userTask", "t", attributes='camunda:assignee="kermit"')),
    "foreign.code": line(node("serviceTask", "t", attributes='camunda:class="a.B"')),
    "task.no-form": line(user("t", role="police")),
    "task.no-role": line(user("t", form="F01")),
    "task.no-deadline": line(user("t", form="F01")),
    "task.no-clause": line(user("t", form="F01")),
    "form.unknown": line(user("t", form="F99")),
    "role.unknown": line(user("t", role="nobody")),
    "deadline.unknown": timed("due_D99"),
    "clause.unknown": line(user("t", clause="4.2,9.9")),
    "operation.unknown": line(service("t", "no.such")),
    "operation.sets": line(service("t", "case.open", sets="case_id,other")),
    "message.unknown": line(throw("t", "nobody_knows"), messages="nobody_knows"),
    "message.payload": line(throw("t", "reply", payload="case_id,other"), messages="reply"),
}
NOT_FROM_A_DIAGRAM = {"file.unjudged", "file.too-heavy", "diagram.unreadable"}


def rules(xml: bytes, catalog: Catalog | None = CATALOG) -> dict[str, str]:
    return {problem.rule: problem.element for problem in lint(xml, catalog)}


@pytest.mark.parametrize("rule", TRAPS)
def test_trap(rule):
    assert rule in rules(TRAPS[rule])


def test_every_rule_has_its_trap():
    told_by_mending = {rule for rule in RULES if rule.startswith(("mended.", "carried.", "layout."))}
    assert set(RULES) == set(TRAPS) | NOT_FROM_A_DIAGRAM | told_by_mending


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_speaks_both_languages_and_no_program(rule):
    for text in (RULES[rule].message, RULES[rule].hint):
        assert any("\u4e00" <= each <= "\u9fff" for each in text.zh)
        assert text.en
        assert not any("\u4e00" <= each <= "\u9fff" for each in text.en)


@pytest.mark.parametrize("rule", TRAPS)
def test_words_are_filled_in(rule):
    for problem in lint(TRAPS[rule], CATALOG):
        said = problem.message.zh + problem.message.en + problem.hint.zh + problem.hint.en
        assert "{" not in said
        assert "Exception" not in said
        assert "Traceback" not in said


def test_a_good_diagram_has_nothing_to_mend():
    good = draw(
        "p",
        node("startEvent", "s", message_event("reply"), name_en="Start"),
        user("t", **DUTIES),
        node("exclusiveGateway", "g", name_en="Seen?"),
        node("endEvent", "e", name_en="Yes"),
        node("endEvent", "e2", name_en="No"),
        flows=["s t", "t g", 'g e: seen == "yes"', "g e2 *"],
        messages="reply",
    )
    assert lint(good, CATALOG) == []


def test_a_join_in_its_own_sub_process_may_be_on_a_loop():
    inner = sub("x", start("xs"), gateway("and", "a"), user("t1"), user("t2"), gateway("and", "j"), end("xe"),
                flows=["xs a", "a t1", "a t2", "t1 j", "t2 j", "j xe"])  # fmt: skip
    xml = draw("p", start(), inner, gateway("xor", "g"), end(), flows=["s x", "x g", "g x: again", "g e *"])
    assert "gateway.join-on-cycle" not in rules(xml, None)


def test_a_foreign_task_is_not_asked_for_our_properties():
    assert rules(line(node("userTask", "t")), None) == {}


def test_types_are_checked_without_a_catalog_too():
    xml = draw("p", start(), user("t"), gateway("xor", "g"), end(), end("e2"), end("e3"),
               flows=["s t", "t g", "g e: age > 14", 'g e2: age == "child"', "g e3 *"])  # fmt: skip
    assert rules(xml, None) == {"condition.type": "f4"}


@pytest.mark.parametrize("text", ["P1Y", "P6M", '"P6M"', "6M", "P1Y2M3D", "P1M2DT3H", "R3/P1M", "= P6M"])
def test_months_and_years_are_named_as_such(text):
    tag = "timeCycle" if text.startswith("R") else "timeDuration"
    assert "timer.months" in rules(timed(text, tag), None)


@pytest.mark.parametrize("text", ["PT6M", "P3D", "PT1H30M", "T5M"])
def test_minutes_are_no_months(text):
    assert rules(timed(text, "timeDuration"), None) == {"timer.duration": "t"}
