"""Rules on conditions: the closed language, known names, types, and branches that overlap."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import combinations, islice, product

from app.engine.elements import collection, message_name, names_read, timer_variable
from app.engine.linting.catalog import Catalog, unite
from app.engine.linting.rules import Finding, Findings, found
from app.engine.reading import BPMN, Document, FlowRef, Node, Scope, names
from app.rules.expressions import ExpressionError, Type, check, compile_expression
from app.rules.translated import is_foreign

MAX_CASES = 512
Types = dict[str, Type | None]


def check_language(scope: Scope) -> Findings:
    """Every condition is one of the closed language, and compares literals of one type."""
    for where, text in _conditions(scope):
        fault = _fault_of(text)
        if fault is not None and is_foreign(text):
            yield found("condition.foreign", where, what=text)
        elif fault is not None:
            yield found("condition.language", where, why=fault.text.zh, why_en=fault.text.en)


def check_names(document: Document, process: str, catalog: Catalog | None) -> Findings:
    """Names and types of the conditions, collections and timers of one process."""
    scopes = document.of_process(process)
    given = _given(document, scopes, process, catalog)
    elsewhere = catalog.everything() if catalog else {}
    if catalog is not None:
        yield from _unknown(scopes, given, elsewhere)
    types = _filled_in(scopes, {**elsewhere, **given} if catalog else {})
    for scope in scopes:
        for where, text in _conditions(scope):
            yield from _type_fault(where, text, types)
        for node in scope.nodes.values():
            if node.tag == "exclusiveGateway":
                yield from _coverage(node, types)


def _conditions(scope: Scope) -> Iterator[tuple[str, str]]:
    """(element id, text) of each condition that the engine would evaluate."""
    for node in scope.nodes.values():
        if node.tag in ("exclusiveGateway", "inclusiveGateway"):
            for flow in node.outgoing:
                if flow.condition and flow.id != node.xml.get("default"):
                    yield flow.id or node.id, flow.condition
        path = f"{{{BPMN}}}multiInstanceLoopCharacteristics/{{{BPMN}}}completionCondition"
        text = node.xml.findtext(path)
        if text and text.strip():
            yield node.id, text.strip()


def _fault_of(text: str) -> ExpressionError | None:
    try:
        compile_expression(text)
    except ExpressionError as fault:
        return fault
    return None


# --- names -------------------------------------------------------------------------------


def _given(document: Document, scopes: list[Scope], process: str, catalog: Catalog | None) -> Types:
    """What the forms, operations and messages of this diagram give, and what the process starts with."""
    if catalog is None:
        return {}
    found_: Types = dict(catalog.context.get(process, {}))
    for scope in scopes:
        for node in scope.nodes.values():
            for name, kind in given_by(document, node, catalog):
                found_[name] = unite(found_[name], kind) if name in found_ else kind
    return found_


def given_by(document: Document, node: Node, catalog: Catalog) -> Iterator[tuple[str, Type | None]]:
    """The variables that one node adds: from its form, its operation or its message."""
    said = node.properties
    yield from catalog.forms.get(said.get("form", ""), {}).items()
    yield from catalog.operations.get(said.get("operation", ""), {}).items()
    yield from ((name, None) for name in names(said.get("sets")) if said.get("operation") not in catalog.operations)
    if node.tag in ("startEvent", "intermediateCatchEvent", "receiveTask", "boundaryEvent"):
        yield from catalog.messages.get(message_name(document, node) or "", {}).items()
        yield from ((name, None) for name in names(said.get("payload")))


def _unknown(scopes: list[Scope], given: Types, elsewhere: Types) -> Findings:
    for scope in scopes:
        for where, text in _conditions(scope):
            for name in sorted(names_read(text)):
                yield from _unknown_name("condition.unknown-name", where, name, given, elsewhere)
        for node in scope.nodes.values():
            listed, date = collection(node), timer_variable(node)
            if listed:
                yield from _unknown_name("collection.unknown-name", node.id, listed, given, elsewhere)
            if date and date.isidentifier() and not date.startswith("due_") and node.tag != "startEvent":
                yield from _unknown_name("timer.unknown-name", node.id, date, given, elsewhere)


def _unknown_name(rule: str, where: str, name: str, given: Types, elsewhere: Types) -> Iterator[Finding]:
    if name in given:
        return
    yield found("condition.not-set-here" if name in elsewhere else rule, where, name=name)


# --- types -------------------------------------------------------------------------------


def _filled_in(scopes: list[Scope], types: Types) -> dict[str, Type]:
    """`types`, and for names whose type is not known the one that their first use suggests."""
    full = {name: kind for name, kind in types.items() if kind is not None}
    for scope in scopes:
        for _, text in _conditions(scope):
            if _fault_of(text) is None:
                for name, kind in _suggested(ast.parse(text.strip(), mode="eval").body):
                    full.setdefault(name, kind)
    return full


def _suggested(node: ast.expr) -> Iterator[tuple[str, Type]]:
    """(name, type) for each name of a condition, judged by what it stands beside."""
    match node:
        case ast.BoolOp() | ast.UnaryOp():
            for part in node.values if isinstance(node, ast.BoolOp) else [node.operand]:
                yield from _suggested(part)
        case ast.Name(id=name):
            yield name, "bool"
        case ast.Compare(ops=[ast.In()], comparators=[ast.Name(id=name)]):
            yield name, "list"
        case ast.Compare(left=left, ops=[operation], comparators=[right]):
            ordered = not isinstance(operation, (ast.Eq, ast.NotEq))
            pairs = [(left, right), (right, left)]
            yield from ((one.id, _beside(other, ordered=ordered)) for one, other in pairs if isinstance(one, ast.Name))


def _beside(other: ast.expr, *, ordered: bool) -> Type:
    match other:
        case ast.Constant(value=bool()):
            return "bool"
        case ast.Constant(value=str()):
            return "datetime" if ordered else "str"
    return "int"


def _type_fault(where: str, text: str, types: Mapping[str, Type]) -> Findings:
    if _fault_of(text) is not None or not names_read(text) <= types.keys():
        return
    try:
        check(text, types)
    except ExpressionError as fault:
        yield found("condition.type", where, why=fault.text.zh, why_en=fault.text.en)


# --- branches of an exclusive gateway ----------------------------------------------------


def _coverage(node: Node, types: Mapping[str, Type]) -> Findings:
    """Each combination of known values takes exactly one branch; each branch is taken by some."""
    default = node.xml.get("default")
    branches = [flow for flow in node.outgoing if flow.condition and flow.id != default]
    cases = _cases(branches, types)
    if cases is None or not branches:
        return
    taken: set[str] = set()
    left_over = False
    for case in cases:
        holding = [flow for flow in branches if _holds(flow, case)]
        taken.update(flow.id for flow in holding)
        left_over = left_over or not holding
        if len(holding) > 1:
            said = ", ".join(f"{name} = {value}" for name, value in case.items())
            yield found("gateway.overlap" if len(case) == 1 else "gateway.order-matters", node.id, value=said)
            return
    for flow in branches:
        if flow.id not in taken:
            yield found("gateway.never", flow.id or node.id)
    if default and not left_over:
        yield found("gateway.default-unused", node.id)


def _cases(branches: list[FlowRef], types: Mapping[str, Type]) -> list[dict[str, object]] | None:
    """Every combination of values of the names that the branches read; None if they cannot be counted."""
    texts = [flow.condition or "" for flow in branches]
    read = sorted(set().union(*(names_read(text) for text in texts)))
    if any(_fault_of(text) is not None for text in texts) or not all(name in types for name in read):
        return None
    values = [_values(types[name]) for name in read]
    if not read or any(each is None for each in values):
        return None
    cases = list(islice(product(*(each for each in values if each is not None)), MAX_CASES + 1))
    return None if len(cases) > MAX_CASES else [dict(zip(read, case, strict=True)) for case in cases]


def _values(kind: Type) -> list[object] | None:
    if kind == "bool":
        return [True, False]
    if isinstance(kind, tuple):
        return list(kind)
    if isinstance(kind, frozenset) and len(kind) <= 10:
        members = sorted(kind)
        return [chosen for size in range(len(members) + 1) for chosen in combinations(members, size)]
    return None


def _holds(flow: FlowRef, case: Mapping[str, object]) -> bool:
    try:
        return bool(compile_expression(flow.condition or "", "false")(case))
    except ExpressionError:
        return False
