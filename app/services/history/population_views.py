"""What the whole-population view hands to its pages: frozen, ready to show, within the audited regions.

Texts are `Text`; the page picks the language. Instants are aware UTC, spans are timedelta.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.conformance import Finding
from app.services.views import ClauseView
from app.text import Text


@dataclass(frozen=True, slots=True)
class Tally:
    """How many duties came out how; `asked` is their sum."""

    counts: Mapping[Finding, int]
    asked: int

    @property
    def failed(self) -> int:
        """Duties that were not done by their limit."""
        return self.counts["missed"] + self.counts["late"]


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """One clause: what was asked in its name, in how many cases, and what became of it."""

    clause: ClauseView
    tally: Tally
    cases: int


@dataclass(frozen=True, slots=True)
class Undone:
    """One duty that should have been done and was not."""

    case_id: int
    number: str
    step: Text
    process: Text
    clauses: tuple[ClauseView, ...]
    due_at: datetime
    still_open: bool


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """One process in the list; `usual` is how many ended runs took the commonest path."""

    id: str
    name: Text
    ended: int
    running: int
    variants: int
    usual: int
    median: timedelta | None
    tally: Tally


@dataclass(frozen=True, slots=True)
class PopulationPage:
    """All cases of the audited regions at once."""

    as_of: datetime
    cases: int
    closed: int  # of them, those in which nothing runs any more
    runs: int
    tally: Tally
    clauses: tuple[ClauseRow, ...]
    unmet: tuple[ClauseView, ...]  # drawn as people's steps, and no case has come to one of them
    undone: tuple[Undone, ...]
    processes: tuple[ProcessLine, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """One stop of a path: a step and how often it was done in a row, or an end."""

    name: Text
    times: int
    end: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """A path that ended runs took from beginning to end."""

    path: tuple[Passed, ...]
    count: int
    median: timedelta
    quickest: timedelta
    slowest: timedelta
    case_id: int  # the last case that took it, to look at


@dataclass(frozen=True, slots=True)
class StepRow:
    """How long one step was open; `level` is 0 (never asked) to 5, see population.LEVELS."""

    id: str
    name: Text
    role: Text
    asked: int
    open: int
    late: int  # of those open, past their limit
    median: timedelta | None
    longest: timedelta | None
    level: int


@dataclass(frozen=True, slots=True)
class ProcessView:
    """One process over all its runs."""

    id: str
    name: Text
    as_of: datetime
    ended: int
    running: int
    kinds: int
    variants: tuple[Variant, ...]
    steps: tuple[StepRow, ...]


@dataclass(frozen=True, slots=True)
class SampleLine:
    """A sample that was drawn."""

    id: int
    drawn_at: datetime
    by: str
    seed: str
    process: Text | None
    size: int
    frame: int


@dataclass(frozen=True, slots=True)
class SampledCase:
    """A case of a sample, in the order in which it was drawn."""

    id: int
    number: str
    kind: str
    place: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class SampleView:
    """A sample with its cases; `again` says whether its seed draws the same cases now."""

    line: SampleLine
    cases: tuple[SampledCase, ...]
    again: bool
