"""One word about a file that anybody may have sent: it runs, it is a drawing, or it is refused and why."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from app.engine.diagrams import check_loads
from app.engine.faults import DiagramError
from app.engine.linting import Catalog, Problem, lint, speaks_house
from app.engine.linting.rules import found, of_file, problems
from app.engine.mending import mend
from app.engine.reading import Document, read

_LOG = logging.getLogger(__name__)
_ELSEWHERE = Catalog(ours=False)

LACKING = frozenset(
    [
        "element.unsupported",
        "gateway.complex",
        "subprocess.adhoc",
        "subprocess.event",
        "subprocess.transaction",
        "task.business-rule",
        "task.several-flows",
        "event.signal",
        "event.link",
        "event.compensation",
        "event.conditional",
        "event.error",
        "event.escalation",
        "event.cancel",
        "event.multiple",
        "event.undefined",
        "message.missing",
        "receive.no-message",
        "loop.standard",
        "loop.cardinality",
        "loop.no-collection",
        "loop.data",
        "loop.only-people",
        "call.no-process",
        "call.unknown",
        "service.no-operation",
        "start.missing",
        "start.several",
        "start.several-flows",
        "start.in-subprocess",
        "end.missing",
        "node.dead-end",
        "node.unreachable",
        "timer.duration",
        "timer.cycle",
        "timer.undefined",
        "gateway.no-default",
        "gateway.no-condition",
        "flow.condition-on-task",
        "condition.foreign",
        "foreign.code",
        "boundary.non-interrupting-message",
        "event-gateway.timers",
        "event-gateway.one",
        "flow.twice",
        "gateway.split-and-join",
    ]
)
"""What BPMN allows and this engine lacks, or what has still to be filled in: such a file from elsewhere is a drawing."""
NAMES = frozenset(("condition.unknown-name", "collection.unknown-name", "timer.unknown-name"))
"""Lacking too, where the name was carried over from another engine: no form of ours gives it yet."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is good for, with everything that must or might be mended."""

    verdict: Literal["runnable", "drawing", "refused"]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Examined:
    """A file from anywhere: the verdict, the text as it can be used here (None: it cannot be read), what was changed."""

    verdict: Literal["runnable", "drawing", "refused"]
    problems: tuple[Problem, ...]
    xml: bytes | None
    changes: tuple[Problem, ...]


def verdict(xml: bytes, catalog: Catalog | None = None, carried: frozenset[str] = frozenset()) -> Verdict:
    """The verdict on any bytes; never an exception, and every refusal names a rule and how to mend it.

    "runnable": the engine has loaded every executable process in it. "drawing": it can be opened and viewed, but
    nothing in it is marked executable, or it comes from elsewhere and needs what this engine lacks. "refused": it
    cannot be read, is unsafe or contradicts itself; or it is one of ours and has any error. `carried` are the
    elements on which names of another engine's variables were carried over.
    """
    try:
        return _judge(xml, catalog, carried)
    except Exception as fault:  # a file must never break the gate
        return Verdict("refused", _fault(fault))


def examine(xml: bytes, known: Catalog, *, arranged: bool = False) -> Examined:
    """What any file is good for once it is mended; never an exception. `arranged`: with a layout where it has none.

    One that speaks our language is held against `known`, one from elsewhere against itself alone.
    """
    try:
        catalog = known if speaks_house(xml) else _ELSEWHERE
        mended = mend(xml, known, arranged=arranged)
    except Exception as fault:  # a file must never break the gate
        return Examined("refused", _fault(fault), None, ())
    carried = frozenset(each.element for each in mended.changes if each.rule.startswith("carried."))
    judged = verdict(mended.xml, catalog, carried)
    return Examined(judged.verdict, judged.problems, mended.xml, mended.changes)


def _fault(fault: Exception) -> tuple[Problem, ...]:
    """Why a file could not be read or judged, in a rule's words."""
    if isinstance(fault, DiagramError):
        return tuple(of_file(fault))
    if isinstance(fault, (MemoryError, RecursionError)):
        return tuple(problems([found("file.too-heavy", "")]))
    _LOG.exception("a file could not be judged: %s", type(fault).__name__)
    return tuple(problems([found("file.unjudged", "")]))


def _judge(xml: bytes, catalog: Catalog | None, carried: frozenset[str]) -> Verdict:
    noted = tuple(lint(xml, catalog))
    errors = [problem for problem in noted if problem.severity == "error"]
    if errors:
        ours = speaks_house(xml) if catalog is None else catalog.ours
        lacking = not ours and all(_lacks(problem, carried) for problem in errors)
        return Verdict("drawing" if lacking else "refused", noted)
    document = read(xml)
    if not any(process.executable for process in document.processes()):
        return Verdict("drawing", noted)
    unread = _unread(document)
    return Verdict("refused" if unread else "runnable", (*noted, *unread))


def _lacks(problem: Problem, carried: frozenset[str]) -> bool:
    return problem.rule in LACKING or (problem.rule in NAMES and problem.element in carried)


def _unread(document: Document) -> list[Problem]:
    """What the library itself refuses, after all rules have passed."""
    try:
        check_loads(document)
    except DiagramError as fault:
        return problems([found("diagram.unreadable", str(fault.ids.get("element") or ""))])
    return []
