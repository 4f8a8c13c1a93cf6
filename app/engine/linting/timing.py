"""Rules on time: timers, waits without a limit, loops without a wait."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from app.engine.elements import message_name, timer_variable
from app.engine.linting.graph import cycles, reachable, successors, waits, without
from app.engine.linting.rules import Findings, found
from app.engine.reading import Document, Node, Scope, local, names

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DUE = re.compile(r"due_[A-Za-z0-9_]{1,63}")
_PERIOD = re.compile(
    r"(?:^|/)P?(?=\d)(?P<years>[\d.,]+Y)?(?P<months>[\d.,]+M)?([\d.,]+W)?([\d.,]+D)?(T[\d.,HMS]*)?(?:$|/)",
    re.IGNORECASE,
)


def check_timers(node: Node) -> Findings:
    """What a timer event names: the name of a variable, and nothing else."""
    for event in node.events():
        if local(event) == "timerEventDefinition":
            yield from _timer(node, {local(child): "".join(child.itertext()).strip() for child in event})


def _timer(node: Node, parts: dict[str, str]) -> Findings:
    text = next(iter(parts.values()), "")
    if any(_in_months(each) for each in parts.values()):
        yield found("timer.months", node.id)
    elif "timeCycle" in parts:
        yield found("timer.cycle", node.id)
    elif "timeDuration" in parts:
        yield found("timer.duration", node.id)
    elif not text:
        yield found("timer.undefined", node.id)
    elif not _NAME.fullmatch(text):
        yield found("timer.not-a-variable", node.id, text=text)


def _in_months(text: str) -> bool:
    period = _PERIOD.search(text[:200].strip("\"' =\t\n"))
    return bool(period and (period["years"] or period["months"]))


def check_scope(document: Document, scope: Scope) -> Findings:
    """Waits and loops of one scope."""
    graph = successors(scope)
    resting = {node.id for node in scope.nodes.values() if _rests(document, node)}
    for part in cycles(without(graph, resting)):
        yield found("loop.no-wait", min(part))
    yield from _without_limit(scope)
    for part in cycles(graph):
        yield from _reused(scope, part)
    yield from _same_message(document, scope, graph)


def _rests(document: Document, node: Node) -> bool:
    """Whether a token may rest at `node`; in a sub-process if it may rest anywhere inside."""
    if node.tag != "subProcess":
        return waits(node)
    inside = [each for scope in document.scopes if scope.id == node.id for each in scope.nodes.values()]
    return any(each is not node and _rests(document, each) for each in inside)


def _without_limit(scope: Scope) -> Findings:
    behind_gateways = set()
    for node in scope.nodes.values():
        if node.tag == "eventBasedGateway":
            targets = [scope.nodes[flow.target] for flow in node.outgoing]
            behind_gateways |= {target.id for target in targets}
            if not any("timer" in target.event_kinds() for target in targets):
                yield found("wait.no-timer", node.id)
    for node in scope.nodes.values():
        alone = node.id not in behind_gateways and not _has_boundary_timer(scope, node)
        if alone and (node.tag == "receiveTask" or (_is_catch(node) and "message" in node.event_kinds())):
            yield found("wait.no-timer", node.id)


def _is_catch(node: Node) -> bool:
    return node.tag == "intermediateCatchEvent"


def _has_boundary_timer(scope: Scope, host: Node) -> bool:
    return any(
        node.tag == "boundaryEvent" and node.xml.get("attachedToRef") == host.id and "timer" in node.event_kinds()
        for node in scope.nodes.values()
    )


def _reused(scope: Scope, part: set[str]) -> Findings:
    """A plain date in a loop that nothing automatic on the loop sets anew."""
    inside = [scope.nodes[identity] for identity in sorted(part)]
    set_here = {name for node in inside for name in names(node.properties.get("sets"))}
    asked_here = any(node.properties.get("form") for node in inside)
    for node in inside:
        variable = timer_variable(node)
        if variable and not _DUE.fullmatch(variable) and variable not in set_here and not asked_here:
            yield found("timer.reused", node.id, text=variable)


def _same_message(document: Document, scope: Scope, graph: dict[str, list[str]]) -> Findings:
    """The same message awaited in two branches of one split, in parts that only one branch reaches."""
    waiting = {node.id: name for node in scope.nodes.values() if (name := _awaited(document, node))}
    if len(set(waiting.values())) == len(waiting):
        return
    for split in scope.nodes.values():
        if split.tag in ("parallelGateway", "inclusiveGateway") and len(split.outgoing) > 1:
            reached = Counter(_reached_messages(graph, split, waiting))
            for name in sorted(name for name, branches in reached.items() if branches > 1):
                yield found("message.two-branches", split.id, name=name)


def _reached_messages(graph: dict[str, list[str]], split: Node, waiting: dict[str, str]) -> Iterator[str]:
    """For each branch of `split`, each message that it alone would wait for."""
    branches = [waiting.keys() & reachable(graph, [flow.target]) for flow in split.outgoing]
    reached_by = Counter(node for branch in branches for node in branch)
    for branch in branches:
        yield from {waiting[node] for node in branch if reached_by[node] == 1}


def _awaited(document: Document, node: Node) -> str | None:
    catching = ("intermediateCatchEvent", "receiveTask", "boundaryEvent")
    return message_name(document, node) if node.tag in catching else None


def due_id(variable: str | None) -> str | None:
    """The deadline that a timer `due_<id>` names, or None."""
    return variable.removeprefix("due_") if variable and variable.startswith("due_") else None
