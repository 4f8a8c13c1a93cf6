"""The diagrams in bpmn/ and their registers: sound, complete, readable, and true to one another."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from app import operations
from app.engine import Definition, Element, Flow, parse
from app.rules.deadlines import DeadlineRules
from app.rules.expressions import Type, check, compile_expression, names
from app.rules.facts import FROM_PAPER
from app.rules.forms_layout import types_of
from app.rules.forms_reading import read

ROOT = Path(__file__).parents[2]
SOURCES = {path.stem: path.read_bytes() for path in sorted((ROOT / "bpmn").glob("*.bpmn"))}
STEMS = tuple(SOURCES)
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
TASKS = ("user", "service", "call")
CASE_FACTS = {"case_id", "child_id", "report_id", "latest_report_id"}
OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "clock_event": ("none", "month3", "evidence", "six_months", "stopped"),
    "clock_stopped": ("yes", "no"),
    "over_year": ("yes", "no"),
}
"""What operations may set a decision variable to; forms say it for theirs."""

Box = tuple[float, float, float, float]


@cache
def register(name: str) -> Any:
    return json.loads((ROOT / "bpmn" / f"{name}.json").read_text(encoding="utf-8"))


@cache
def definition(stem: str) -> Definition:
    return parse(SOURCES, stem)


def own(stem: str) -> tuple[Element, ...]:
    return tuple(definition(stem).elements(stem))


def tree(stem: str) -> etree._Element:
    return etree.fromstring(SOURCES[stem])


def process_property(stem: str, name: str) -> str:
    found = tree(stem).find(f"{BPMN}process/{BPMN}extensionElements/{{*}}properties/{{*}}property[@name='{name}']")
    return "" if found is None else str(found.get("value"))


def context(stem: str) -> set[str]:
    return set(process_property(stem, "context").split(","))


@cache
def form_types(form_id: str) -> dict[str, Type]:
    layout, _ = read(json.loads((ROOT / "forms" / f"{form_id}.json").read_text(encoding="utf-8")))
    return {**types_of(layout.fields), **{flag.name: "bool" for flag in layout.derived}}


def callers(stem: str) -> list[str]:
    return [other for other in STEMS if any(element.called == stem for element in own(other))]


def variables(stem: str) -> dict[str, Type]:
    """What conditions of this diagram may read, with types: its context, forms, operations and its callers'."""
    known: dict[str, Type] = dict.fromkeys(context(stem), "str")
    for caller in callers(stem):
        known |= variables(caller)
    for element in own(stem):
        for name, kind in form_types(element.form).items() if element.form else ():
            known[name] = either(known.get(name), kind)
        known |= {name: OUTCOMES.get(name, "str") for name in element.sets}
    return known


def either(one: Type | None, other: Type) -> Type:
    """The type of a variable that two forms answer: the codes of both."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return tuple(dict.fromkeys((*one, *other)))
    return other


def values(kind: Type) -> list[Any]:
    if kind == "bool":
        return [True, False]
    if isinstance(kind, tuple):
        return list(kind)
    return ["one", "another"]


# --- the file ------------------------------------------------------------------------------


def test_all_processes_are_drawn() -> None:
    assert len(STEMS) == 20
    assert {"report-intake", "six-month-clock", "overdue-escalation", "manual-duty"} <= set(STEMS)


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    place = files("SpiffWorkflow").joinpath("bpmn/parser/schema/BPMN20.xsd")
    return etree.XMLSchema(etree.parse(str(place)))


@pytest.mark.parametrize("stem", STEMS)
def test_file_is_valid_bpmn(stem: str, schema: etree.XMLSchema) -> None:
    assert schema.validate(tree(stem)), schema.error_log.last_error


@pytest.mark.parametrize("stem", STEMS)
def test_process_is_named_and_runs(stem: str) -> None:
    process = tree(stem).find(f"{BPMN}process")
    assert process is not None
    assert (process.get("id"), process.get("isExecutable")) == (stem, "true")
    assert process.get("name")
    assert process_property(stem, "name_en")
    assert process_property(stem, "case") in ("report", "child", "any")


@pytest.mark.parametrize("stem", STEMS)
def test_ids_are_unique_and_free_of_the_engines_own(stem: str) -> None:
    ids = [element.get("id") for element in tree(stem).iter() if isinstance(element.tag, str) and element.get("id")]
    assert [identity for identity, times in Counter(ids).items() if times > 1] == []
    assert not {"Start", "End", "Root"} & set(ids)


@pytest.mark.parametrize("stem", STEMS)
def test_every_node_stands_in_one_lane(stem: str) -> None:
    lanes = tree(stem).findall(f".//{BPMN}lane")
    standing = Counter(ref.text for lane in lanes for ref in lane.findall(f"{BPMN}flowNodeRef"))
    assert standing == Counter({element.id: 1 for element in own(stem)})
    assert 1 <= len(lanes) <= 6
    assert "系统" not in [lane.get("name") for lane in lanes[:-1]]
    assert all(element.lane is not None and element.lane.en.isascii() for element in own(stem))


# --- what people read ----------------------------------------------------------------------


@pytest.mark.parametrize("stem", STEMS)
def test_names_are_short_in_both_languages(stem: str) -> None:
    for element in own(stem):
        zh, en = (14, 30) if element.type in TASKS else (12, 26)
        assert 0 < len(element.name.zh) <= zh, element.name
        assert 0 < len(element.name.en) <= en, element.name
        assert element.name.en.isascii(), element.name
        for flow in element.flows:
            assert len(flow.name.zh) <= 7, flow.name
            assert len(flow.name.en) <= 20, flow.name


@pytest.mark.parametrize("stem", STEMS)
def test_questions_have_answers(stem: str) -> None:
    for element in own(stem):
        if element.type in ("xor", "or") and len(element.flows) > 1:
            assert element.name.zh.endswith("？"), element.name
            assert element.name.en.endswith("?"), element.name
            said = [flow.name for flow in element.flows]
            assert all(name.zh and name.en for name in said), said
            assert len(set(said)) == len(said), said


@pytest.mark.parametrize("stem", STEMS)
def test_latin_punctuation_is_not_used_in_chinese(stem: str) -> None:
    for element in own(stem):
        assert not re.search(r"[(),:;?]", element.name.zh), element.name


# --- the flow ------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", STEMS)
def test_flows_agree_with_incoming_and_outgoing(stem: str) -> None:
    process = tree(stem).find(f"{BPMN}process")
    assert process is not None
    flows = {flow.get("id"): flow for flow in process.findall(f"{BPMN}sequenceFlow")}
    ends = [(flow.get("sourceRef"), flow.get("targetRef")) for flow in flows.values()]
    assert len(set(ends)) == len(ends), "two flows between the same nodes"
    for side, attribute in (("outgoing", "sourceRef"), ("incoming", "targetRef")):
        told = {ref.text: ref.getparent().get("id") for ref in process.iter(f"{BPMN}{side}")}
        assert told == {identity: flow.get(attribute) for identity, flow in flows.items()}


def reached(stem: str, starts: set[str], *, backwards: bool = False) -> set[str]:
    steps = [(element.id, flow.target) for element in own(stem) for flow in element.flows]
    steps += [(element.attached, element.id) for element in own(stem) if element.attached]
    found = set(starts)
    while True:
        more = {(a if backwards else b) for a, b in steps if (b if backwards else a) in found} - found
        if not more:
            return found
        found |= more


@pytest.mark.parametrize("stem", STEMS)
def test_every_node_is_on_a_way_from_the_start_to_an_end(stem: str) -> None:
    everything = {element.id for element in own(stem)}
    starts = {element.id for element in own(stem) if element.type == "start"}
    ends = {element.id for element in own(stem) if element.type == "end"}
    assert len(starts) == 1
    assert reached(stem, starts) == everything
    assert reached(stem, ends, backwards=True) == everything


@pytest.mark.parametrize("stem", STEMS)
def test_gateways_split_or_join(stem: str) -> None:
    incoming = Counter(flow.target for element in own(stem) for flow in element.flows)
    by_id = {element.id: element for element in own(stem)}
    for element in own(stem):
        if element.type in ("and", "or"):
            assert (incoming[element.id] == 1) != (len(element.flows) == 1), element.id
        if element.type == "event_gateway":
            waits = [by_id[flow.target] for flow in element.flows]
            assert sum(wait.timer is not None for wait in waits) == 1, "a wait has exactly one timer"
            assert len({wait.message for wait in waits}) == len(waits)
        if element.type not in ("xor", "or", "and", "event_gateway", "end"):
            assert len(element.flows) == 1, element.id


def conditions(element: Element) -> list[Flow]:
    return [flow for flow in element.flows if not flow.default]


def splits(stem: str) -> Iterator[Element]:
    return (element for element in own(stem) if element.type in ("xor", "or") and len(element.flows) > 1)


@pytest.mark.parametrize("stem", STEMS)
def test_one_branch_is_the_default_and_has_no_condition(stem: str) -> None:
    for element in splits(stem):
        default = [flow for flow in element.flows if flow.default]
        assert len(default) == 1, element.id
        assert default[0].expr is None
        assert all(flow.expr for flow in conditions(element))


@pytest.mark.parametrize("stem", STEMS)
def test_conditions_read_only_what_is_provided(stem: str) -> None:
    known = variables(stem)
    for element in splits(stem):
        for flow in conditions(element):
            check(str(flow.expr), known)


@pytest.mark.parametrize("stem", STEMS)
def test_each_answer_takes_exactly_one_branch(stem: str) -> None:
    known = variables(stem)
    for element in splits(stem):
        branches = [compile_expression(str(flow.expr)) for flow in conditions(element)]
        read_here = sorted({name for flow in conditions(element) for name in names(str(flow.expr))})
        answers = [dict(zip(read_here, row, strict=True)) for row in product(*(values(known[n]) for n in read_here))]
        taken = [tuple(bool(branch(answer)) for branch in branches) for answer in answers]
        if element.type == "xor":
            assert max(map(sum, taken)) == 1, (element.id, "an answer takes two branches")
        assert all(any(row[i] for row in taken) for i in range(len(branches))), (element.id, "a branch is never taken")
        assert any(not any(row) for row in taken), (element.id, "the default is never taken")


@pytest.mark.parametrize("stem", STEMS)
def test_decisions_come_from_required_questions(stem: str) -> None:
    """A variable that a gateway reads is answered, or computed from what is answered."""
    wanted = {name for element in splits(stem) for flow in conditions(element) for name in names(str(flow.expr))}
    for element in own(stem):
        for name in wanted & set(form_types(element.form) if element.form else ()):
            assert name in required(element.form or ""), (element.form, name)


@cache
def required(form_id: str) -> frozenset[str]:
    document = json.loads((ROOT / "forms" / f"{form_id}.json").read_text(encoding="utf-8"))
    flags = {flag["name"] for flag in document["properties"].get("derived", [])}
    return frozenset(flags | {c["key"] for c in document["components"] if c.get("validate", {}).get("required")})


# --- tasks, events and registers -----------------------------------------------------------


@pytest.mark.parametrize("stem", STEMS)
def test_tasks_say_who_what_by_when_and_why(stem: str) -> None:
    roles = {role["id"] for role in register("roles")}
    deadlines = {rule["id"] for rule in register("deadlines")["deadlines"]}
    known = {row["id"] for name in ("clauses", "legal_bases") for row in register(name)}
    for element in own(stem):
        assert set(element.clauses) <= known, element.id
        if element.type != "user":
            assert (element.form, element.role) == (None, None), element.id
            continue
        assert element.role in roles, element.id
        assert element.deadline in deadlines, element.id
        assert element.clauses, element.id
        assert (ROOT / "forms" / f"{element.form}.json").is_file(), element.form
        reasons = {element.properties.get("due_reason"), element.properties.get("due_reason_en")}
        assert (None not in reasons) == (element.deadline == "D00"), element.id


@pytest.mark.parametrize("stem", STEMS)
def test_service_tasks_name_registered_operations(stem: str) -> None:
    for element in own(stem):
        if element.type == "service":
            assert element.operation in operations.registry, element.operation
            assert element.sets == operations.registry[element.operation].sets, element.id


@pytest.mark.parametrize("stem", STEMS)
def test_timers_name_a_plain_variable_that_somebody_sets(stem: str) -> None:
    known = set(variables(stem)) | {"start_at"}
    ids = {rule["id"] for rule in register("deadlines")["deadlines"]}
    for element in own(stem):
        if element.timer:
            assert re.fullmatch(r"[a-z]\w*", element.timer)
            assert element.timer.removeprefix("due_") in ids or element.timer in known, element.timer
            assert (element.timer == "start_at") == (element.type == "start")


@pytest.mark.parametrize("stem", STEMS)
def test_messages_are_in_the_register(stem: str) -> None:
    messages = register("messages")
    for element in own(stem):
        if element.message is None:
            continue
        row = messages[element.message]
        assert set(element.payload) <= set(row["payload"]), element.id
        where = f"{stem}.{element.id}"
        if element.type == "throw":
            assert where in row["thrown_by"]
            assert row["payload_sources"][where].keys() >= set(element.payload) - context(stem)
        elif element.type == "start":
            assert row["starts"] == stem
            assert set(element.payload) <= context(stem)
        else:
            assert stem in row["caught_by"], element.id


def test_calls_lead_to_diagrams_without_a_circle() -> None:
    called = {stem: {element.called for element in own(stem) if element.called} for stem in STEMS}
    assert {target for targets in called.values() for target in targets} == {"reach-parents", "stop-harm"}
    assert all(not called[target] for targets in called.values() for target in targets)
    for stem, targets in called.items():
        for target in targets:
            assert context(target) <= set(variables(stem)), (stem, target)


# --- the registers themselves --------------------------------------------------------------


def source_resolves(stem: str, source: str) -> bool:
    kind, _, rest = source.partition(":")
    if kind in ("const", "submission"):
        return bool(rest)
    if kind == "case":
        return rest in CASE_FACTS
    if kind == "operation":
        element, _, name = rest.partition(".")
        return any(e.id == element and e.operation == name for e in own(stem))
    if kind == "instance":
        return stem == "desk" or rest in context(stem)
    element, form, field = rest.split(".")
    asked = element == "desk" or any(e.id == element and e.form == form for e in own(stem))
    return asked and field in {*form_types(form), *text_fields(form)}


def text_fields(form_id: str) -> set[str]:
    layout, _ = read(json.loads((ROOT / "forms" / f"{form_id}.json").read_text(encoding="utf-8")))
    return {field.name for field in layout.fields if field.kind == "textfield" and field.sensitivity in ("S0", "S1")}


@pytest.mark.parametrize("name", sorted(register("messages")))
def test_message_rules_resolve(name: str) -> None:
    row = register("messages")[name]
    assert all((row["label_zh"], row["label_en"]))
    assert set(row["correlation"]) <= set(row["payload"])
    assert row["policy"].split(":")[0] in ("deliver", "start_another", "keep_one", "keep_one_send")
    assert set(row.get("adds", ())) <= set(row["payload"]) if row["policy"] == "keep_one" else "adds" not in row
    assert (row["starts"] is not None) == (row["role"] in {role["id"] for role in register("roles")})
    for where, sources in row["payload_sources"].items():
        assert set(sources) <= set(row["payload"]), where
        stem = where.split(".")[0]
        if stem in (*STEMS, "desk"):
            for source in sources.values():
                assert source_resolves(stem, source), (where, source)


def test_register_of_messages_and_diagrams_agree() -> None:
    rows = register("messages")
    caught = {(element.message, stem) for stem in STEMS for element in own(stem) if element.type in CATCHES}
    thrown = {
        (element.message, f"{stem}.{element.id}") for stem in STEMS for element in own(stem) if element.type == "throw"
    }
    assert caught == {(name, stem) for name, row in rows.items() for stem in row["caught_by"] if stem in STEMS}
    assert thrown == {(name, at) for name, row in rows.items() for at in row["thrown_by"] if at.split(".")[0] in STEMS}


CATCHES = ("catch", "boundary_message")


def test_what_the_desk_registers_has_a_form_and_fills_the_payload() -> None:
    for name, row in register("messages").items():
        assert row["desk"] == (row["form"] is not None) == ("desk" in row["payload_sources"]), name
        if row["desk"]:
            assert set(row["payload_sources"]["desk"]) == set(row["payload"]), name
            assert (ROOT / "forms" / f"{row['form']}.json").is_file(), name
            assert row["starts"] or set(row["caught_by"]) & set(STEMS), f"nobody waits for {name}"


def test_papers_teach_only_facts_that_papers_may_teach() -> None:
    facts = {fact["name"] for fact in register("deadlines")["facts"]}
    for name, row in register("messages").items():
        given = context(row["starts"]) if row["starts"] in STEMS else set()  # what starts an instance is its context
        taught = set(row["payload"]) & facts - {"ground"} - given
        assert taught <= FROM_PAPER, name


def test_deadlines_load_and_name_the_elements_that_use_them() -> None:
    DeadlineRules.load(register("deadlines"))
    told = {(rule["id"], where) for rule in register("deadlines")["deadlines"] for where in rule["used_by"]}
    used = {
        (element.deadline, f"{stem}.{element.id}") for stem in STEMS for element in own(stem) if element.type == "user"
    }
    used |= {
        (element.timer.removeprefix("due_"), f"{stem}.{element.id}")
        for stem in STEMS for element in own(stem) if (element.timer or "").startswith("due_")
    }  # fmt: skip
    assert used <= told
    built = {(rule, at.split(".")[0], at.split(".")[1]) for rule, at in told if at.split(".")[0] in STEMS}
    assert all(any(element.id == identity for element in own(stem)) for _, stem, identity in built)


def test_clauses_are_all_there_without_the_plans_own_words() -> None:
    clauses = register("clauses")
    assert len({clause["id"] for clause in clauses}) == len(clauses) == 310
    wanted = {"id", "citation", "summary_zh", "summary_en", "lead", "cooperating", "kind"}
    assert all(set(clause) == wanted for clause in clauses)


def test_roles_escalate_upwards_without_a_circle() -> None:
    roles = {role["id"]: role for role in register("roles")}
    assert {"supervisor", "supervisor_upper", "duty_role", "auditor", "policy", "admin"} <= set(roles)
    for role in roles:
        seen, at = [role], roles[role]["escalates_to"]
        while at:
            assert at not in seen, seen
            seen.append(at)
            at = roles[at]["escalates_to"]


# --- the drawing ---------------------------------------------------------------------------


def bounds(shape: etree._Element) -> Box:
    box = shape.find("{*}Bounds")
    assert box is not None
    x, y, width, height = (float(box.get(name)) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def drawn(stem: str) -> dict[str, Box]:
    return {shape.get("bpmnElement"): bounds(shape) for shape in tree(stem).iter("{*}BPMNShape")}


def labels(stem: str) -> dict[str, Box]:
    found = {}
    for kind in ("BPMNShape", "BPMNEdge"):
        for shape in tree(stem).iter(f"{{*}}{kind}"):
            label = shape.find("{*}BPMNLabel")
            if label is not None and label.find("{*}Bounds") is not None:
                found[shape.get("bpmnElement")] = bounds(label)
    return found


def overlap(a: Box, b: Box, slack: float = 1) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > slack and min(a[3], b[3]) - max(a[1], b[1]) > slack


@pytest.mark.parametrize("stem", STEMS)
def test_everything_is_drawn(stem: str) -> None:
    shapes = set(drawn(stem))
    lanes = {lane.get("id") for lane in tree(stem).iter(f"{BPMN}lane")}
    assert shapes == {element.id for element in own(stem)} | lanes | {"pool"}
    flows = {flow.get("id") for flow in tree(stem).iter(f"{BPMN}sequenceFlow")}
    assert {edge.get("bpmnElement") for edge in tree(stem).iter("{*}BPMNEdge")} == flows


@pytest.mark.parametrize("stem", STEMS)
def test_nodes_stand_apart_inside_their_lane(stem: str) -> None:
    boxes, nodes = drawn(stem), {element.id: element for element in own(stem)}
    for one, other in combinations(nodes, 2):
        if nodes[one].attached != other and nodes[other].attached != one:
            assert not overlap(boxes[one], boxes[other]), (one, other)
    for lane in tree(stem).iter(f"{BPMN}lane"):
        left, top, right, bottom = boxes[lane.get("id")]
        for ref in lane.findall(f"{BPMN}flowNodeRef"):
            x1, y1, x2, y2 = boxes[str(ref.text)]
            assert left <= x1 < x2 <= right, ref.text
            assert top <= y1 < y2 <= bottom, ref.text


@pytest.mark.parametrize("stem", STEMS)
def test_labels_cover_neither_nodes_nor_each_other(stem: str) -> None:
    boxes, said = drawn(stem), labels(stem)
    for one, other in combinations(said, 2):
        assert not overlap(said[one], said[other]), (one, other)
    for label, element in product(said, own(stem)):
        if element.id != label:
            assert not overlap(said[label], boxes[element.id], 2), (label, element.id)


@pytest.mark.parametrize("stem", STEMS)
def test_flows_run_straight_from_border_to_border(stem: str) -> None:
    boxes = drawn(stem)
    flows = {flow.get("id"): flow for flow in tree(stem).iter(f"{BPMN}sequenceFlow")}
    for edge in tree(stem).iter("{*}BPMNEdge"):
        flow = flows[edge.get("bpmnElement")]
        points = [(float(p.get("x")), float(p.get("y"))) for p in edge.findall("{*}waypoint")]
        for (x1, y1), (x2, y2) in pairwise(points):
            assert x1 == x2 or y1 == y2, flow.get("id")
        for (x, y), node in ((points[0], flow.get("sourceRef")), (points[-1], flow.get("targetRef"))):
            left, top, right, bottom = boxes[str(node)]
            assert left - 1 <= x <= right + 1, flow.get("id")
            assert top - 1 <= y <= bottom + 1, flow.get("id")
