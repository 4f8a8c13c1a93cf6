"""What the replay hands to its pages: frozen, ready to show, already filtered by access.

Texts are `Text`; the page picks the language. Instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app.services.views import ClauseView, DiagramView
from app.text import Text

View = Literal["happened", "known"]
Mask = Literal["", "reason", "sealed", "erased"]
TwinState = Literal["now", "done", "cancelled", ""]
LimitState = Literal["open", "met", "missed", "gone", "none"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in its place in time, seen from the moment that is shown."""

    at: str  # its address: “12”, or “7.12” for an event of another case (the report's)
    number: int  # from 1, in order of time
    case_id: int
    seq: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    sentence: Text
    source: Text
    late: bool  # recorded later than it happened
    unknown: bool  # it had happened, and was not recorded yet
    ahead: bool  # it lies after the moment that is shown
    quiet: bool  # the engine's own move, not somebody's act
    missed: timedelta | None = None  # how long after its limit it was done


@dataclass(frozen=True, slots=True)
class Tick:
    """Where events stand on the slider, in thousandths of the time from the first to the last."""

    x: int
    late: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a form; without its value when it is masked."""

    label: str
    value: str
    mask: Mask = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A form as it was sent; `corrects` and `corrected_at` are when the earlier or the later version was recorded."""

    case_id: int
    form: Text
    by: str
    occurred_at: datetime
    recorded_at: datetime
    answers: tuple[Answer, ...]
    corrects: datetime | None = None
    corrected_at: datetime | None = None

    @property
    def asks_reason(self) -> bool:
        """Whether more of it is shown to this person once they have said why."""
        return any(answer.mask == "reason" for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Limit:
    """Until when something had to be done, by which rule, and how that came out."""

    rule: Text
    source: str
    at: datetime | None
    state: LimitState
    by: timedelta | None = None  # how long after the limit
    moved: bool = False  # a supervisor moved it


@dataclass(frozen=True, slots=True)
class Detail:
    """All about one event: who, why, until when, and what was written."""

    who: str
    role: Text
    unit: Text
    process: Text
    step: Text
    clauses: tuple[ClauseView, ...]
    limit: Limit | None
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True, slots=True)
class OpenAt:
    """A task that was open at the moment, and until when."""

    name: Text
    role: Text
    due_at: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class TwinRow:
    """One element of the diagram in words: its state then, since when, and where tokens went from it."""

    id: str
    name: Text
    type: str
    lane: Text | None
    state: TwinState
    unknown: bool
    since: datetime | None
    went: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """One diagram at the moment; `unknown` are elements that had been reached without anybody having recorded it."""

    case_id: int
    release: int
    whole: Text  # the process of the instance, of which this may be a called part
    marks: DiagramView
    unknown: tuple[str, ...]
    since: Mapping[str, datetime]
    standing: tuple[Text, ...]
    rows: tuple[TwinRow, ...] = ()

    @property
    def key(self) -> str:
        """How an address names this diagram."""
        return f"{self.marks.instance_id}.{self.marks.process}"


@dataclass(frozen=True, slots=True)
class Moment:
    """The case at one moment, as it was or as it was known."""

    case_id: int
    view: View
    entry: Entry
    total: int
    x: int
    lead: Text
    unrecorded: int
    scenes: tuple[Scene, ...]
    scene: Scene | None
    pinned: bool
    detail: Detail
    open_tasks: tuple[OpenAt, ...]
    go: Mapping[str, str]  # first, previous, next, last → address
    entries: tuple[Entry, ...]
    start: int  # place of the first of `entries`, from 0


@dataclass(frozen=True, slots=True)
class Chain:
    """What checking the record found: how many events, and where it does not hold."""

    count: int
    broken: tuple[tuple[Text, Text], ...]  # where, and what is wrong


@dataclass(frozen=True, slots=True)
class ReplayPage:
    """A case's replay, opened."""

    case_id: int
    number: str
    chain: Chain
    ticks: tuple[Tick, ...]
    moment: Moment


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A case in the auditor's list."""

    id: int
    number: str
    kind: str
    place: str
    opened_at: datetime
    last_at: datetime | None
    events: int
    processes: tuple[Text, ...]
