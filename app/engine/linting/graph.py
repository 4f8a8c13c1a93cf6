"""The drawn graph of one scope: where tokens can go, and where they can go round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.engine.reading import Node, Scope

Graph = Mapping[str, list[str]]


def successors(scope: Scope) -> dict[str, list[str]]:
    """Where a token can go next from each node; a boundary event follows the activity it is attached to."""
    graph = {identity: [flow.target for flow in node.outgoing] for identity, node in scope.nodes.items()}
    for node in scope.nodes.values():
        host = node.xml.get("attachedToRef") or ""
        if node.tag == "boundaryEvent" and host in graph:
            graph[host].append(node.id)
    return graph


def reachable(graph: Graph, sources: Iterable[str]) -> set[str]:
    """Every node on a path from `sources`, themselves included."""
    waiting = [source for source in sources if source in graph]
    seen = set(waiting)
    while waiting:
        for target in graph[waiting.pop()]:
            if target not in seen and target in graph:
                seen.add(target)
                waiting.append(target)
    return seen


def cycles(graph: Graph) -> list[set[str]]:
    """The strongly connected parts that hold a cycle (Kosaraju, without recursion)."""
    order = _finished(graph)
    back: dict[str, list[str]] = {node: [] for node in graph}
    for node, targets in graph.items():
        for target in targets:
            if target in back:
                back[target].append(node)
    seen: set[str] = set()
    found = []
    for node in reversed(order):
        if node in seen:
            continue
        part = _closed(back, node, seen)
        if len(part) > 1 or node in graph[node]:
            found.append(part)
    return found


def _finished(graph: Graph) -> list[str]:
    seen: set[str] = set()
    order: list[str] = []
    for root in graph:
        stack = [(root, iter(graph[root]))] if root not in seen else []
        seen.add(root)
        while stack:
            following = next((each for each in stack[-1][1] if each in graph and each not in seen), None)
            if following is None:
                order.append(stack.pop()[0])
            else:
                seen.add(following)
                stack.append((following, iter(graph[following])))
    return order


def _closed(back: Graph, node: str, seen: set[str]) -> set[str]:
    part, waiting = {node}, [node]
    seen.add(node)
    while waiting:
        for before in back[waiting.pop()]:
            if before not in seen:
                seen.add(before)
                part.add(before)
                waiting.append(before)
    return part


def without(graph: Graph, left_out: set[str]) -> dict[str, list[str]]:
    """The graph without some of its nodes."""
    return {
        node: [target for target in targets if target not in left_out]
        for node, targets in graph.items()
        if node not in left_out
    }


def waits(node: Node) -> bool:
    """Whether a token may rest here: a person, an event, or a called process that may hold either (not: a sub-process)."""
    if node.tag in ("userTask", "manualTask", "task", "callActivity", "receiveTask"):
        return True
    return node.tag in ("eventBasedGateway", "intermediateCatchEvent", "boundaryEvent")
