"""Rules on what the engine foresees: it keeps a task for every certain step ahead, up to the next choice."""

from __future__ import annotations

from app.engine.linting.graph import cycles
from app.engine.linting.rules import Findings, found
from app.engine.reading import Scope

MAX_FORESEEN = 1_000
_CHOICES = ("exclusiveGateway", "inclusiveGateway", "eventBasedGateway")


def check_scope(scope: Scope) -> Findings:
    """Loops without a choice are foreseen for ever; parallel blocks in a row double what is foreseen."""
    graph = {
        identity: [flow.target for flow in node.outgoing] if node.tag not in _CHOICES else []
        for identity, node in scope.nodes.items()
    }
    endless = cycles(graph)
    for part in endless:
        yield found("loop.no-way-out", min(part))
    if not endless:
        foreseen = _foreseen(graph)
        widest = max(foreseen, key=lambda identity: foreseen[identity], default="")
        if widest and foreseen[widest] > MAX_FORESEEN:
            yield found("gateway.too-many-paths", widest)


def _foreseen(graph: dict[str, list[str]]) -> dict[str, int]:
    """How many tasks stand below each node, every path counted by itself (the graph has no cycle)."""
    counts: dict[str, int] = {}
    for root in graph:
        stack = [root]
        while stack:
            node = stack[-1]
            missing = [target for target in graph[node] if target not in counts]
            if missing:
                stack.extend(missing)
            else:
                counts[node] = 1 + sum(counts[target] for target in graph[node])
                stack.pop()
    return counts
