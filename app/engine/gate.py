"""One word about a file that anybody may have sent: it runs, it is a drawing, or it is refused and why."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from app.engine.diagrams import check_loads
from app.engine.faults import DiagramError
from app.engine.linting import Catalog, Problem, lint
from app.engine.linting.rules import found, problems
from app.engine.reading import Document, read

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is good for, with everything that must or might be mended."""

    verdict: Literal["runnable", "drawing", "refused"]
    problems: tuple[Problem, ...]


def verdict(xml: bytes, catalog: Catalog | None = None) -> Verdict:
    """The verdict on any bytes; never an exception, and every refusal names a rule and how to mend it.

    "drawing": nothing in it is marked executable. "refused": it cannot be read, or an executable
    process has an error. "runnable": the engine has loaded every executable process in it.
    """
    try:
        return _judge(xml, catalog)
    except Exception as fault:  # a file must never break the gate
        _LOG.exception("a file could not be judged: %s", type(fault).__name__)
        return Verdict("refused", tuple(problems([found("file.unjudged", "")])))


def _judge(xml: bytes, catalog: Catalog | None) -> Verdict:
    noted = lint(xml, catalog)
    if any(problem.severity == "error" for problem in noted):
        return Verdict("refused", tuple(noted))
    document = read(xml)
    if not any(process.executable for process in document.processes()):
        return Verdict("drawing", tuple(noted))
    unread = _unread(document)
    return Verdict("refused" if unread else "runnable", (*noted, *unread))


def _unread(document: Document) -> list[Problem]:
    """What the library itself refuses, after all rules have passed."""
    try:
        check_loads(document)
    except DiagramError as fault:
        return problems([found("diagram.unreadable", str(fault.ids.get("element") or ""))])
    return []
