"""What other tools left out or said in their own words: given ids, carried over, told; nothing is taken away."""

from __future__ import annotations

from engine_drawings import draw, end, gateway, node, start
from lxml import etree

from app.engine import Catalog, examine
from app.engine.mending import mend
from app.engine.reading import NODES, local, parse_xml, properties, read

KNOWN = Catalog(roles=frozenset({"police"}), forms={"F01": {}}, operations={"case.open": {}})
ZEEBE = 'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"'


def task(attributes: str, inside: str = "", tag: str = "userTask") -> bytes:
    return draw("p", start(), node(tag, "t", inside, attributes), end(), flows=["s t", "t e"])


def said(xml: bytes, element: str = "t") -> dict[str, str]:
    (found,) = (each for each in parse_xml(mend(xml, KNOWN).xml).iter() if each.get("id") == element)
    return properties(found)


def test_a_file_that_needs_nothing_keeps_its_bytes():
    whole = task("")
    assert mend(whole, KNOWN).xml == whole
    assert mend(whole, KNOWN).changes == ()


def test_who_what_and_how_is_carried_over_where_the_release_knows_it():
    assert said(task('camunda:candidateGroups="police"')) == {"role": "police"}
    assert said(task('camunda:formKey="F01"')) == {"form": "F01"}
    assert said(task('camunda:type="external" camunda:topic="case.open"', tag="serviceTask")) == {
        "operation": "case.open"
    }


def test_what_the_release_does_not_know_is_a_hint_and_the_original_stays():
    xml = task('camunda:assignee="kermit" camunda:candidateGroups="frogs, police" camunda:formKey="x.html"')
    assert said(xml) == {"role_hint": "kermit; frogs, police", "form_hint": "x.html"}
    mended = mend(xml, KNOWN)
    assert b'camunda:assignee="kermit"' in mended.xml
    assert {each.rule for each in mended.changes} == {"carried.hint"}
    assert {each.element for each in mended.changes} == {"t"}


def test_zeebe_and_the_standard_say_it_too():
    inside = (
        f'<bpmn:extensionElements><zeebe:assignmentDefinition {ZEEBE} candidateGroups="police"/>'
        f'<zeebe:formDefinition {ZEEBE} formId="F01"/></bpmn:extensionElements>'
    )
    assert said(task("", inside)) == {"role": "police", "form": "F01"}
    owner = (
        "<bpmn:potentialOwner><bpmn:resourceAssignmentExpression><bpmn:formalExpression>police</bpmn:formalExpression>"
        "</bpmn:resourceAssignmentExpression></bpmn:potentialOwner>"
    )
    assert said(task("", owner)) == {"role": "police"}


def test_conditions_dates_and_collections_are_said_in_our_words():
    xml = draw(
        "p",
        start(),
        gateway("xor", "g"),
        node("userTask", "t", '<bpmn:multiInstanceLoopCharacteristics camunda:collection="${children}"/>'),
        node(
            "intermediateCatchEvent",
            "c",
            "<bpmn:timerEventDefinition><bpmn:timeDate>${due}</bpmn:timeDate></bpmn:timerEventDefinition>",
        ),
        end(),
        flows=["s g", "g t: ${danger}", "g c *", "t e", "c e"],
    )
    mended = mend(xml, KNOWN)
    assert b">danger<" in mended.xml
    assert b">due<" in mended.xml
    assert b"loopDataInputRef>children<" in mended.xml
    assert {each.element for each in mended.changes} == {"f2", "c", "t"}
    examined = examine(xml, KNOWN)
    assert examined.verdict == "drawing"
    assert {each.rule for each in examined.problems if each.severity == "error"} == {
        "condition.unknown-name",
        "timer.unknown-name",
        "collection.unknown-name",
    }


def test_what_is_left_is_said_once_and_what_is_carried_is_not_said_again():
    examined = examine(task('camunda:assignee="kermit" camunda:asyncBefore="true"'), KNOWN)
    assert [(each.rule, each.element) for each in examined.problems if each.rule.startswith("foreign")] == [
        ("foreign.ignored", "t")
    ]


def test_mending_again_changes_nothing():
    once = mend(task('camunda:assignee="kermit" camunda:candidateGroups="a;b" camunda:dueDate="${x}"'), KNOWN)
    assert mend(once.xml, KNOWN).changes == ()
    assert mend(once.xml, KNOWN).xml == once.xml


BARE = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="x"><!-- kept -->
<process id="p"><startEvent id="Start"/><sequenceFlow sourceRef="Start" targetRef="t "/><userTask id="t "/>
<sequenceFlow sourceRef="t " targetRef="e"/><sequenceFlow id="flow_t_e" sourceRef="t " targetRef="e"/>
<endEvent id="e"/><task/><task/></process></definitions>"""


def test_ids_are_given_stable_and_told():
    mended = mend(BARE.encode(), KNOWN)
    document = read(mended.xml)
    (scope,) = document.processes()
    assert set(scope.nodes) == {"Start_1", "t", "e", "task_1", "task_2"}
    assert [(flow.id, flow.source, flow.target) for flow in scope.flows] == [
        ("flow_Start_t", "Start_1", "t"),
        ("flow_t_e_2", "t", "e"),
        ("flow_t_e", "t", "e"),
    ]
    assert b"<!-- kept -->" in mended.xml
    assert {each.rule for each in mended.changes} == {"mended.flow-id", "mended.id", "mended.renamed"}
    assert mend(BARE.encode(), KNOWN).xml == mended.xml


def test_no_node_and_no_text_is_lost():
    xml = task('camunda:assignee="kermit"', "<bpmn:documentation>why</bpmn:documentation>")
    before, after = (etree.fromstring(each) for each in (xml, mend(xml, KNOWN).xml))
    tags = [[local(each) for each in root.iter(etree.Element) if local(each) in NODES] for root in (before, after)]
    assert tags[0] == tags[1]
    assert "why" in "".join(after.itertext())
    assert [local(each) for each in after.iter() if each.get("id") == "t" for each in each][:2] == [
        "documentation",
        "extensionElements",
    ]
