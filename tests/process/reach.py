"""What the tests' cases walked through, read from the record; and what they should have.

A branch of a gateway counts as taken when, of its targets, that one is the first to move after it;
a branch of an event gateway when its event happened; any other element when it was completed.
Nothing is declared: the `step` events say it all.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app import engine
from app.db import db, table
from app.engine import Definition, Element
from app.models import Event
from app.settings import ROOT

TAKES_BRANCHES = ("xor", "or")
pad: set[str] = set()
"""What the worlds of the present test reached: "process.element" and "process.flow"."""


@cache
def diagrams() -> Mapping[str, Definition]:
    """Every diagram of the repository, parsed."""
    sources = {path.stem: path.read_bytes() for path in sorted((ROOT / "bpmn").glob("*.bpmn"))}
    return {stem: engine.parse(sources, stem) for stem in sources}


def note_down() -> None:
    """Put on the pad what the cases of the present database walked through."""
    query = sa.select(table(Event).c.body).where(table(Event).c.kind == "step")
    for body in db.session.scalars(query):
        pad.update(walked(json.loads(body)["data"]["transitions"]))
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


def missing(reached: Iterable[str]) -> list[str]:
    """What has not been reached, by name."""
    everything = set().union(*map(wanted, diagrams()))
    return [name(of) for of in sorted(everything - set(reached))]


class Record:
    """What all tests of this run have reached, in a file that the workers share."""

    def __init__(self, folder: Path, expected: Iterable[str]) -> None:
        self.path, self.expected = folder / "reached.json", set(expected)

    @contextmanager
    def _content(self) -> Iterator[dict[str, Any]]:
        with self.path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            content = json.loads(file.read() or '{"ended": [], "reached": [], "asked": false}')
            yield content
            file.truncate(0)
            file.write(json.dumps(content))

    def end(self, test: str) -> list[str]:
        """A test has ended; when it was the last and coverage has been asked for, what is missing."""
        with self._content() as content:
            content["ended"] = sorted({*content["ended"], test})
            content["reached"] = sorted({*content["reached"], *pad})
            return missing(content["reached"]) if content["asked"] and self._whole(content) else []

    def ask(self) -> list[str] | None:
        """What is missing; None while other workers are still at it: then the last test to end says it."""
        with self._content() as content:
            content["asked"] = True
            return missing(content["reached"]) if self._whole(content) else None

    def _whole(self, content: dict[str, Any]) -> bool:
        return self.expected <= set(content["ended"])
