"""What a diagram says, in plain data: definitions, elements and flows, without the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from app.text import Text

if TYPE_CHECKING:
    from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec

ElementType = Literal[
    "start",
    "end",
    "user",
    "service",
    "call",
    "subprocess",
    "throw",
    "catch",
    "timer",
    "boundary_message",
    "boundary_timer",
    "event_gateway",
    "xor",
    "or",
    "and",
]


@dataclass(frozen=True, slots=True)
class Flow:
    """One sequence flow: where it leads, and on what condition (`expr`, closed language)."""

    id: str
    target: str
    expr: str | None
    default: bool
    name: Text


@dataclass(frozen=True, slots=True)
class Element:
    """One node of a diagram with everything the house's properties say about it."""

    id: str
    process: str
    type: ElementType
    name: Text
    lane: Text | None = None
    role: str | None = None
    form: str | None = None
    deadline: str | None = None
    clauses: tuple[str, ...] = ()
    operation: str | None = None
    message: str | None = None
    payload: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    timer: str | None = None
    collection: str | None = None
    called: str | None = None
    attached: str | None = None
    interrupting: bool = True
    flows: tuple[Flow, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Definition:
    """A process that can run, with all the processes it calls; immutable, shared by threads.

    `hash` covers the diagram and every diagram it calls; `variables` are the names that its
    conditions, collections, timers and message payloads read: nothing else is worth keeping.
    """

    id: str
    hash: str
    name: Text
    variables: frozenset[str]
    processes: tuple[str, ...]
    _elements: Mapping[str, Mapping[str, Element]] = field(repr=False)
    _sources: Mapping[str, bytes] = field(repr=False)
    spec: BpmnProcessSpec = field(repr=False)
    called: Mapping[str, BpmnProcessSpec] = field(repr=False)

    def element(self, process: str, element: str) -> Element:
        """The element of that id; KeyError when the diagram has none."""
        return self._elements[process][element]

    def elements(self, process: str | None = None) -> tuple[Element, ...]:
        """All elements in the order of the diagram, of one process or of all of them."""
        chosen = self.processes if process is None else (process,)
        return tuple(element for each in chosen for element in self._elements[each].values())

    def xml(self, process: str | None = None) -> bytes:
        """The diagram as it was given, byte for byte."""
        return self._sources[process or self.id]
