"""What services hand to pages and to the API: frozen, ready to show, already filtered by access.

Texts that come from diagrams, forms and rules are `Text`; the page picks the language.
Instants are aware UTC. Nothing here holds a database object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from app.text import Text

Risk = Literal["red", "orange", "yellow", "green", ""]


@dataclass(frozen=True, slots=True)
class Seal:
    """Answers that lie sealed (S3) in a submission, and whether this person sees them.

    Not `open`: `ask` says what opens them: a reason, or only breaking the glass; or nothing does.
    """

    record: int  # the submission
    names: frozenset[str]
    open: bool
    until: datetime | None = None
    ask: Literal["", "reason", "glass"] = ""


@dataclass(frozen=True, slots=True)
class DueView:
    """Until when, by which rule, and how it was reckoned."""

    at: datetime | None
    provisional: bool = False
    deadline_id: str = ""
    rule: Text = Text("", "")
    started_at: datetime | None = None
    start_fact: Text = Text("", "")
    method: Text = Text("", "")
    source: str = ""
    is_choice: bool = False  # law and plan leave it open: the page says so
    extended_reason: str = ""


@dataclass(frozen=True, slots=True)
class ChildLine:
    """The child in one line; `name` is empty when this person may not see it, or when it was lawfully erased."""

    case_id: int
    name: str
    sex: str
    age: int | None
    risk: Risk
    place: str
    last_seen_at: datetime | None = None
    erased: bool = False


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One task in a list."""

    id: int
    title: Text
    process: Text
    child: ChildLine | None
    case_id: int
    report: str  # the case's number when it is a report's, which no name tells from others
    due: DueView
    late: bool
    mine: bool
    claimed_by: str
    unit: str
    role: Text
    has_draft: bool
    opened_at: datetime
    owner: str = ""  # who handed it on, and answers for it
    stands_in_for: str = ""  # who is away, and whose substitute does it
    stands_in_until: datetime | None = None
    on_duty: bool = False  # free, urgent, and theirs to take first
    watched: bool = False
    follow_up_on: date | None = None


@dataclass(frozen=True, slots=True)
class InboxGroup:
    """Rows that fall due in the same span: late, today, this week, later, no limit."""

    key: Literal["late", "today", "week", "later", "open"]
    rows: tuple[InboxRow, ...]


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """What a list is narrowed to; empty means everything.

    `place` is a unit's path and means all below; `search` a child's whole name, a case's number, or part of a place's name.
    """

    risk: str = ""
    process: str = ""
    place: str = ""
    search: str = ""

    def __bool__(self) -> bool:
        return any((self.risk, self.process, self.place, self.search))


@dataclass(frozen=True, slots=True)
class InboxPage:
    """One page of an inbox view; `after` is the key of the next page, or empty."""

    view: str
    groups: tuple[InboxGroup, ...]
    counts: Mapping[str, str]  # view → figure, "1000+" when more
    after: str
    as_of: datetime
    matching: str = ""  # how many the filter lets through, when there is one


@dataclass(frozen=True, slots=True)
class ClauseView:
    """Why a task exists: a clause of the plan, or a legal basis, or a proposal of ours."""

    id: str
    citation: Text
    summary: Text
    kind: Literal["plan", "law", "proposal"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows one answer: who receives which task, until when."""

    answer: Text
    when: Mapping[str, Any]  # the answers that lead here: {field: value}
    follows: tuple[Text, ...]
    open_ended: bool = False  # an operation decides: "then the system works out …"
    question: Text = Text("", "")  # that the answer is to; empty where there is only one way


@dataclass(frozen=True, slots=True)
class Outlook:
    """What follows all the answers as they stand; or what must be answered before that can be said."""

    missing: tuple[Text, ...]
    follows: tuple[Text, ...] = ()
    open_ended: bool = False


@dataclass(frozen=True, slots=True)
class Direction:
    """What a supervisor decided about a task past its deadline, for the one who does it."""

    action: str  # direct, reassign, extend, not_applicable
    words: str
    by: str
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Suspended:
    """One suspension that lasts: of what, until when, by whom; `reason` is empty once it was lawfully erased."""

    instance_id: int
    case_id: int
    process: Text
    until: datetime
    began_at: datetime
    by: str
    reason: str
    child: ChildLine | None = None  # in lists


@dataclass(frozen=True, slots=True)
class Version:
    """What was sent with a task, once: first, or as a correction, and why; `reason` is empty where it may not be read."""

    record: int  # the submission
    by: str
    occurred_at: datetime
    recorded_at: datetime
    corrects: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody told colleagues at a task."""

    by: str
    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A report in its own words: question and answer; what was added since; and the record that holds it."""

    record: int  # the submission
    received_at: datetime
    lines: tuple[tuple[str, str], ...]
    added: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Everything the task page shows."""

    row: InboxRow
    version: int
    form_id: str
    answers: Mapping[str, Any]  # the draft, or what is already known; of a closed task what was sent
    draft_saved_at: datetime | None
    choices: Mapping[str, tuple[tuple[str, str], ...]]  # options_from → (value, label)
    clauses: tuple[ClauseView, ...]
    outcomes: tuple[Outcome, ...]
    outlook: Outlook | None  # of the answers so far; None where the task is not open
    seen_by: tuple[Text, ...]
    may: frozenset[str]  # claim, release, give, complete, draft, remark, correct
    closed: Text | None = None  # set when the task is no longer open: by whom and how
    seal: Seal | None = None  # of these answers; while it is not open, they are not among `answers`
    direction: Direction | None = None
    erased: bool = False  # the case's personal data was lawfully erased
    opens_case: bool = True  # whoever sees the task may open its case as well
    occurred: Mapping[str, str] = field(default_factory=dict)  # when it happened, as typed: "date", "time"
    versions: tuple[Version, ...] = ()  # of a task that was done: what was sent, and its corrections, newest first
    colleagues: tuple[tuple[int, str], ...] = ()  # whom it may be handed to
    suspended: Suspended | None = None
    remarks: tuple[Remark, ...] = ()  # what colleagues told each other, oldest first
    reported: Reported | None = None  # what the reporter said, where the task follows from it


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One event of a case in plain words."""

    seq: int
    occurred_at: datetime
    recorded_at: datetime
    sentence: Text
    by: str
    source: Text
    late_entry: bool
    current: bool = False
    words: str = ""  # what somebody told us, in their own words
    seal: Seal | None = None
    correct: int | None = None  # the task whose answers this person may correct


@dataclass(frozen=True, slots=True)
class DiagramView:
    """One instance on its diagram: which elements and flows carry which mark."""

    instance_id: int
    process: str
    name: Text
    status: Literal["running", "done", "ended", "scheduled"]
    now: tuple[str, ...]
    done: tuple[str, ...]
    flows: tuple[str, ...]
    cancelled: tuple[str, ...]
    waiting_since: datetime | None
    sentence: Text


@dataclass(frozen=True, slots=True)
class ClockView:
    """The six-month clock of one guardian, as rows of spans and three figures."""

    guardian: str
    state: Literal["RUN", "HOLD", "STOP", "NONE"]
    current: Text
    longest: Text
    last_year: Text
    rule_version: str
    evidence_on: date | None  # four and a half months: evidence is prepared
    six_months_on: date | None
    spans: tuple[tuple[date, date, str], ...]  # from, to (exclusive), counted|hold|unverifiable|performing


@dataclass(frozen=True, slots=True)
class Relative:
    """Someone of the child's family or care."""

    kind: Text
    name: str
    note: str
    case_id: int | None = None


@dataclass(frozen=True, slots=True)
class CasePage:
    """A child's case, or a report, as its home page tells it."""

    id: int
    number: str
    receipt: str  # of a report: the number that its reporter was given
    kind: str
    closed: bool  # everything in it has ended
    child: ChildLine | None
    lead: Text
    tonight: Text
    story: tuple[StoryLine, ...]
    next_tasks: tuple[InboxRow, ...]
    diagrams: tuple[DiagramView, ...]
    clocks: tuple[ClockView, ...]
    family: tuple[Relative, ...]
    reports: int
    may: frozenset[str]  # record, new_danger, unseal (break the glass), reads (who looked)
    address: str = ""  # where tonight is, while its seal is open to this person
    seal: Seal | None = None  # of the address
    needs_reason: bool = False  # names are withheld until this person says why
    glass_until: datetime | None = None  # this person broke the glass, and may look until then
    erased: bool = False  # personal data was lawfully erased
    merged: bool = False  # into another file of the same child
    merged_into: int | None = None  # the file that stands for both, where its page opens to this person
    merged_number: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something from outside that the desk can register: what it is, and who waits for it."""

    message: str
    label: Text
    form_id: str
    waiting: tuple[tuple[int, Text], ...]  # instance id, what waits
    starts: Text | None  # the process it starts when nobody waits


@dataclass(frozen=True, slots=True)
class OverdueRow:
    """A task past its deadline, and what a supervisor may do about it."""

    task: InboxRow
    level: int  # 1 = first supervisor, 2 = one level up
    escalation_task_ids: tuple[
        int, ...
    ]  # those that ask this person: two of a late transfer, where both sides lead here
    handled: Text | None
    may: frozenset[str]  # direct, reassign, extend, not_applicable
    rungs: int  # how often it was escalated
    instance_id: int
    may_wait: bool  # its run may be suspended


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A post that nobody holds; `open` counts those of its tasks that whoever asks may open."""

    role: Text
    unit: str
    open: int = 0


@dataclass(frozen=True, slots=True)
class OversightPage:
    """What is late and what soon will be, within one person's region."""

    overdue: tuple[OverdueRow, ...]
    soon: tuple[InboxRow, ...]
    by_unit: tuple[tuple[str, int, int, int], ...]  # unit, open, late, due within a day
    incidents: tuple[Any, ...]  # services.incidents.IncidentRow
    as_of: datetime
    people: tuple[tuple[int, str], ...] = field(default=())  # to reassign to
    vacant: tuple[Vacancy, ...] = ()
    elsewhere: int = 0  # decisions asked of this person about tasks that are not listed: sealed, or too many
    suspended: tuple[Suspended, ...] = ()


Whereabouts = Literal["missing", "alone", "unseen", "placed", "home"]


@dataclass(frozen=True, slots=True)
class TonightRow:
    """One child, where the record has it tonight, and when somebody last saw it."""

    child: ChildLine
    where: Whereabouts
    said: Text
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tonight:
    """The children somebody answers for, the unconfirmed first; `more` when there are too many for one page."""

    rows: tuple[TonightRow, ...]
    more: bool
    as_of: datetime
