"""All cases at once: what should have happened and did not, the ways that cases took, how long steps waited.

Within the regions that an auditor audits, from the record alone. Source: issue "the auditor's half", part 5;
the measure is rules/conformance.py, numbered and shown in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import engine
from app.db import db, table
from app.models import Case
from app.rules.access import Person, Resource
from app.rules.conformance import FINDINGS, Finding, judge
from app.services import access, cases, practice, processes, releases
from app.services.history import _population
from app.services.history._population import Asked, Population, Run
from app.services.history.population_views import (
    ClauseRow,
    Passed,
    PopulationPage,
    ProcessLine,
    ProcessView,
    StepRow,
    Tally,
    Undone,
    Variant,
)
from app.services.library import Library, library
from app.services.views import ClauseView
from app.text import Text

CASE = table(Case)
SHOWN_UNDONE, SHOWN_VARIANTS = 50, 25
LEVELS = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=30))
"""Where the shades of the heat map change: below the first is 1, from the last on 5. Choice, the same for all processes."""


def page(person: Person) -> PopulationPage:
    """Everything that the record says of the audited cases. Raises Forbidden."""
    session, now = db.session(), practice.now()
    found = read(session, person)
    drawn, books = Drawn(session, found.runs), releases.current_library()
    findings = {task: judge(duty, now) for task, duty in found.duties.items()}
    missed = [found.duties[task] for task, finding in findings.items() if finding == "missed"]
    return PopulationPage(
        as_of=now,
        cases=found.cases,
        closed=len(found.closed),
        runs=len(found.runs),
        tally=tally(findings.values()),
        clauses=_clauses(found, drawn, findings, books),
        unmet=_unmet(found, drawn, books),
        undone=_undone(session, sorted(missed, key=_due, reverse=True)[:SHOWN_UNDONE], drawn, books),
        processes=_processes(found, findings),
    )


def process(person: Person, process_id: str) -> ProcessView:
    """One process over all its runs. Raises Forbidden, NotFound."""
    session, now = db.session(), practice.now()
    books = releases.current_library()
    definition = books.definition(process_id)
    found = read(session, person)
    runs = {number: run for number, run in found.runs.items() if run.process == process_id}
    ended = [run for run in runs.values() if run.ended_at]
    variants = _variants(ended, Drawn(session, found.runs))
    duties = [duty for duty in found.duties.values() if duty.process == process_id]
    return ProcessView(
        id=process_id,
        name=definition.name,
        as_of=now,
        ended=len(ended),
        running=len(runs) - len(ended),
        kinds=len(variants),
        variants=variants[:SHOWN_VARIANTS],
        steps=_steps(definition, duties, books, now),
    )


def read(session: Session, person: Person) -> Population:
    """The audited cases as the record has them. Raises Forbidden."""
    access.require(session, person, "see", Resource("log"))
    return _population.read(_population.audited(session, person))


class Drawn:
    """The elements of runs, each as its own release draws it."""

    def __init__(self, session: Session, runs: Mapping[int, Run]) -> None:
        self.session, self.runs = session, runs
        self.definitions: dict[tuple[int, str], engine.Definition] = {}

    def element(self, run: Run, process_id: str, element_id: str) -> engine.Element:
        """An element of a run, or of a process that it called."""
        of = (run.release_id, run.process)
        if of not in self.definitions:
            self.definitions[of] = library(self.session, run.release_id).definition(run.process)
        return self.definitions[of].element(process_id, element_id)

    def of(self, duty: Asked) -> engine.Element:
        """The step that a duty is about."""
        return self.element(self.runs[duty.instance_id], duty.process, duty.element)

    def stop(self, run: Run, name: str) -> engine.Element:
        """A stop of a run's path, by "process.element"."""
        process_id, _, element_id = name.partition(".")
        return self.element(run, process_id, element_id)


# --- conformance -------------------------------------------------------------------------


def tally(findings: Iterable[Finding]) -> Tally:
    """Findings, counted."""
    counted = Counter(findings)
    return Tally({finding: counted[finding] for finding in FINDINGS}, counted.total())


def _clauses(found: Population, drawn: Drawn, findings: Mapping[int, Finding], books: Library) -> tuple[ClauseRow, ...]:
    """Every clause in whose name something was asked, those with most undone first."""
    asked: dict[str, list[int]] = {}
    for task, duty in found.duties.items():
        for clause in drawn.of(duty).clauses:
            asked.setdefault(clause, []).append(task)
    rows = [
        ClauseRow(_clause(books, clause), tally(findings[task] for task in tasks),
                  len({found.duties[task].case_id for task in tasks}))
        for clause, tasks in asked.items()
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (*_failures(row.tally), _place(books, row.clause.id))))


def _failures(counted: Tally) -> tuple[int, int]:
    """What sorts the most undone first, then the most done late."""
    return -counted.counts["missed"], -counted.counts["late"]


def _unmet(found: Population, drawn: Drawn, books: Library) -> tuple[ClauseView, ...]:
    """Clauses that people's steps of the release in force name, and that no duty has rested on."""
    steps = [step for stem in books.diagrams for step in books.definition(stem).elements(stem) if step.type == "user"]
    met = {clause for duty in found.duties.values() for clause in drawn.of(duty).clauses}
    named = {clause for step in steps for clause in step.clauses}
    return tuple(_clause(books, clause) for clause in sorted(named - met, key=lambda one: _place(books, one)))


def _clause(books: Library, clause: str) -> ClauseView:
    """A clause by its id; one that the release in force no longer has is shown by its id alone."""
    return books.clauses.get(clause) or ClauseView(clause, Text(clause, clause), Text("", ""), "plan")


def _place(books: Library, clause: str) -> tuple[int, str]:
    """Where a clause stands in the register; what the register no longer has comes last."""
    known = list(books.clauses)
    return (known.index(clause) if clause in books.clauses else len(known), clause)


def _due(duty: Asked) -> datetime:
    assert duty.due_at is not None, "only what had a limit was not done by it"
    return duty.due_at


def _undone(session: Session, duties: list[Asked], drawn: Drawn, books: Library) -> tuple[Undone, ...]:
    wanted = select(CASE.c.id, CASE.c.opened_at).where(CASE.c.id.in_({duty.case_id for duty in duties}))
    opened = {row.id: row.opened_at for row in session.execute(wanted)}
    return tuple(
        Undone(
            case_id=duty.case_id, number=cases.number(duty.case_id, opened[duty.case_id]), step=element.name,
            process=books.process_name(duty.process), due_at=_due(duty), still_open=not duty.how,
            clauses=tuple(_clause(books, clause) for clause in element.clauses),
        )
        for duty, element in ((duty, drawn.of(duty)) for duty in duties)
    )  # fmt: skip


# --- processes ---------------------------------------------------------------------------


def _processes(found: Population, findings: Mapping[int, Finding]) -> tuple[ProcessLine, ...]:
    """Every process of the release in force, in reading order."""
    runs: dict[str, list[Run]] = {}
    for run in found.runs.values():
        runs.setdefault(run.process, []).append(run)
    by_process: dict[str, list[Finding]] = {}
    for task, duty in found.duties.items():
        by_process.setdefault(duty.process, []).append(findings[task])
    return tuple(
        _line(row.id, row.name, runs.get(row.id, []), tally(by_process.get(row.id, []))) for row in processes.index()
    )


def _line(process_id: str, name: Text, runs: list[Run], counted: Tally) -> ProcessLine:
    ended = [run for run in runs if run.ended_at]
    paths = Counter(run.variant for run in ended)
    return ProcessLine(
        id=process_id, name=name, ended=len(ended), running=len(runs) - len(ended), variants=len(paths),
        usual=max(paths.values(), default=0), median=_median([_took(run) for run in ended]), tally=counted,
    )  # fmt: skip


def _variants(ended: Iterable[Run], drawn: Drawn) -> tuple[Variant, ...]:
    """The paths of ended runs, the commonest first."""
    by_path: dict[tuple[str, ...], list[Run]] = {}
    for run in ended:
        by_path.setdefault(run.variant, []).append(run)
    ranked = sorted(by_path.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(_variant(runs, drawn) for _, runs in ranked)


def _variant(runs: list[Run], drawn: Drawn) -> Variant:
    took, last = sorted(_took(run) for run in runs), runs[-1]
    stops = [(name, len(list(same))) for name, same in groupby(last.path)]
    passed = [Passed(drawn.stop(last, name).name, times, end=False) for name, times in stops]
    ends = [Passed(drawn.stop(last, name).name, 1, end=True) for name in last.ends]
    return Variant((*passed, *ends), len(runs), _median(took) or took[0], took[0], took[-1], last.case_id)


def _took(run: Run) -> timedelta:
    """How long an ended run took; what was entered afterwards may lie before its beginning."""
    assert run.ended_at is not None, "asked of ended runs"
    return max(run.ended_at - run.started_at, timedelta(0))


def _median(spans: list[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(span.total_seconds() for span in spans)) if spans else None


# --- waiting -----------------------------------------------------------------------------


def _steps(
    definition: engine.Definition, duties: Iterable[Asked], books: Library, now: datetime
) -> tuple[StepRow, ...]:
    """People's steps in the order of the diagram, with how long each was open; what is open counts until now."""
    by_element: dict[str, list[Asked]] = {}
    for duty in duties:
        by_element.setdefault(duty.element, []).append(duty)
    steps = [element for element in definition.elements(definition.id) if element.type == "user"]
    return tuple(_step(element, by_element.get(element.id, []), books, now) for element in steps)


def _step(element: engine.Element, duties: list[Asked], books: Library, now: datetime) -> StepRow:
    waits = [timedelta(seconds=duty.waited(now)) for duty in duties if duty.how != "cancelled"]
    middle = _median(waits)
    still = [duty for duty in duties if not duty.how]
    return StepRow(
        id=element.id, name=element.name, role=books.role_name(element.role or ""), asked=len(duties), open=len(still),
        late=sum(judge(duty, now) == "missed" for duty in still), median=middle, longest=max(waits, default=None),
        level=0 if middle is None else 1 + sum(middle >= limit for limit in LEVELS),
    )  # fmt: skip
