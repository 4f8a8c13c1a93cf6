"""What the tests' cases walked through, read from the record; and what they should have.

A branch of a gateway counts as taken when, of its targets, that one is the first to move after it;
a branch of an event gateway when its event happened; any other element when it was completed.
Nothing is declared: the `step` events say it all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from app import engine
from app.db import db, table
from app.engine import Definition, Element
from app.models import Event
from app.settings import ROOT
from tests.world import World

TAKES_BRANCHES = ("xor", "or")
seen: set[str] = set()
"""What has been reached in this run: "process.element" and "process.flow"."""


@cache
def diagrams() -> Mapping[str, Definition]:
    """Every diagram of the repository, parsed."""
    sources = {path.stem: path.read_bytes() for path in sorted((ROOT / "bpmn").glob("*.bpmn"))}
    return {stem: engine.parse(sources, stem) for stem in sources}


def keep(world: World) -> None:
    """Remember what the cases of this world walked through."""
    del world
    query = sa.select(table(Event).c.body).where(table(Event).c.kind == "step")
    for body in db.session.scalars(query):
        seen.update(walked(json.loads(body)["data"]["transitions"]))
    db.session.rollback()


def walked(transitions: list[list[Any]]) -> Iterator[str]:
    """What one step walked through."""
    for index, (_, process, element_id, _, after) in enumerate(transitions):
        if after != "COMPLETED":
            continue
        element = diagrams()[process].element(process, element_id)
        yield f"{process}.{element_id}"
        if element.type in TAKES_BRANCHES:
            yield from _branches(element, transitions[index + 1 :])


def _branches(gateway: Element, then: list[list[Any]]) -> Iterator[str]:
    """The flows by which tokens left `gateway`: the first of its targets to move, or several of an inclusive one's."""
    flows = {flow.target: flow.id for flow in gateway.flows}
    for _, process, element_id, _, _ in then:
        if process != gateway.process or element_id not in (gateway.id, *flows):
            continue
        if element_id == gateway.id:
            return
        yield f"{gateway.process}.{flows.pop(element_id)}"
        if gateway.type == "xor":
            return


def wanted(stem: str) -> set[str]:
    """Everything in a diagram that a test has to reach: elements, and branches of its gateways."""
    elements = diagrams()[stem].elements(stem)
    flows = (flow.id for element in elements if element.type in TAKES_BRANCHES for flow in element.flows)
    return {f"{stem}.{name}" for name in (*(element.id for element in elements), *flows)}


def name(of: str) -> str:
    """What a missing element or flow is, for a person to read."""
    stem, _, identity = of.partition(".")
    for element in diagrams()[stem].elements(stem):
        if element.id == identity:
            return f"{of} {element.type} {element.name.zh}"
        for flow in element.flows:
            if flow.id == identity:
                return f"{stem}.{element.id} → {flow.target} “{flow.name.zh}” {flow.expr or '(default)'}"
    raise KeyError(of)


def missing(stems: Iterable[str] | None = None) -> list[str]:
    """What has not been reached, by name."""
    return [name(of) for stem in stems or diagrams() for of in sorted(wanted(stem) - seen)]
