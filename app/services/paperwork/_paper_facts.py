"""What a paper may say of its case: each field's value, read from the record as the person may read it.

Nothing is invented: a value that is not on record is absent. Sealed answers (S3) come in only where the
paper's purpose needs them and they are open to the person; what stays shut is named. Source: ADR 0015, 0017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import LAW_ZONE
from app.db import Row, table
from app.documents import FIELDS
from app.errors import Refused
from app.models import Draft, Instance, Paper, Performance, Submission, Task, Unit, User
from app.rules import clock_six_months
from app.rules.access import Person
from app.rules.calendar import instant
from app.rules.forms import Form
from app.rules.forms_answers import blank
from app.rules.forms_layout import MOMENTS, Field
from app.services import _needs, _seal, _seals, cases, children, choices, submissions, units
from app.services._filled import draft_place
from app.services._seals import Seals
from app.services.library import Library
from app.services.paperwork._paper_evidence import EVIDENCE
from app.services.views import Seal

DRAFT, INSTANCE, PAPER, PERFORMANCE, SUBMISSION, TASK, UNIT, USER = (
    table(model) for model in (Draft, Instance, Paper, Performance, Submission, Task, Unit, User)
)
SPELL = {"counted": "未履行", "hold": "待核实，不计", "unverifiable": "无法核实，不计", "performing": "履行"}
LANG = "zh"
"""Papers are official Chinese; templates in another language are staff's to make."""
Opens = Callable[[Seal], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who draws up which paper, of which case, for which unit and task; `sealed` are the S3 fields it may hold."""

    person: Person
    row: Row
    unit_id: int
    task_id: int | None
    sealed: frozenset[str]
    books: Library
    now: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """One submission, or the draft of the task at hand (then `id` is 0)."""

    id: int
    form: Form
    author: int | None
    answers: Mapping[str, Any]
    occurred_at: datetime


@dataclass
class Facts:
    """Reads a case's values for one paper. `opens` is asked before a sealed answer that a reason would open is used."""

    session: Session
    wanted: Wanted
    opens: Opens
    rests_on: set[int] = field(default_factory=set)
    shut: dict[str, Seal] = field(default_factory=dict)

    def values(self, names: Iterable[str]) -> dict[str, Any]:
        """The value of each of these fields that is on record and open to the person."""
        found: dict[str, Any] = {}
        for name in names:
            origin = FIELDS[name].origin
            value = self._answer(name, origin[5:]) if origin.startswith("form:") else self._sources.get(name)
            if value:
                found[name] = value
        return found

    # --- answers ------------------------------------------------------------------------------

    def _answer(self, name: str, asked: str) -> str:
        """The newest answer to the first of the questions that was ever answered."""
        for question in asked.split("|"):
            form, _, key = question.partition(".")
            for sent in reversed(self._sent):
                if sent.form.id == form and not blank(sent.answers.get(key)):
                    return self._said(sent, key) if self._open(name, sent, key) else ""
        return ""

    def _open(self, name: str, sent: Sent, key: str) -> bool:
        """Whether the person may take this answer over; a sealed one makes the paper rest on its submission."""
        known = sent.form.questions.get(key)
        if sent.id == 0 or (known is not None and known.seal != "S3"):
            return True
        if name not in self.wanted.sealed:
            return False
        seal = self._seals.of(sent.id, sent.author, frozenset((key,)))
        if seal is None or not (seal.open or (seal.ask == "reason" and self.opens(seal))):
            self.shut[name] = seal or Seal(sent.id, frozenset((key,)), open=False)
            return False
        self.rests_on.add(sent.id)
        return True

    def _said(self, sent: Sent, key: str) -> str:
        question = sent.form.questions[key]
        if question.kind in MOMENTS:
            return moment(sent.answers[key])
        shown = sent.form.describe({key: sent.answers[key]}, LANG, self._offered(sent.form))
        return shown[0].value if shown else ""

    def _offered(self, form: Form) -> Mapping[str, Any]:
        return choices.of_case(self.session, self.wanted.row["case_id"], form, LANG)

    @cached_property
    def _seals(self) -> Seals:
        return Seals(self.session, self.wanted.person, self.wanted.row["case_id"])

    @cached_property
    def _sent(self) -> list[Sent]:
        """Everything that was sent in the case as it stands corrected, oldest first; last the person's own draft of the task at hand."""
        row = self.wanted.row
        found = []
        stands = _seals.sent(self.session, row["case_id"], submissions.stands(SUBMISSION.c.id))
        for one in sorted(stands, key=lambda one: one["origin_id"] or one["id"]):
            form = _seals.form_of(self.session, one)
            if form is not None:
                answers = _seals.read(one, row["wrapped_key"])
                found.append(Sent(one["id"], form, one["user_id"], answers, one["occurred_at"]))
        return [*found, *self._draft()]

    def _draft(self) -> Iterator[Sent]:
        key, person = f"task:{self.wanted.task_id}", self.wanted.person.id
        secret = self.session.scalar(select(DRAFT.c.secret).where(DRAFT.c.user_id == person, DRAFT.c.key == key))
        task = self._task
        if secret is None or task is None:
            return
        element = self.wanted.books.definition(task["process"]).element(task["process"], task["element"])
        form = self.wanted.books.form(element.form or "")
        typed = _seal.open_key(self.wanted.row["wrapped_key"]).open(secret, draft_place(person, key))
        checked = form.validate(typed, LANG, self.wanted.now, self._offered(form))
        yield Sent(0, form, person, checked.answers, self.wanted.now)

    @cached_property
    def _task(self) -> Row | None:
        query = select(TASK, INSTANCE.c.context).join(INSTANCE, INSTANCE.c.id == TASK.c.instance_id)
        return self.session.execute(query.where(TASK.c.id == self.wanted.task_id)).mappings().first()

    # --- registers ----------------------------------------------------------------------------

    @cached_property
    def _sources(self) -> dict[str, Any]:
        """Every value that is no form's answer."""
        row = self.wanted.row
        return {
            "unit": self._name(UNIT.c.name_zh, UNIT.c.id == self.wanted.unit_id),
            "author": self._name(USER.c.name, USER.c.id == self.wanted.person.id),
            "case_number": cases.number(row["case_id"], row["opened_at"]),
            "opened_on": day(row["opened_at"].astimezone(LAW_ZONE).date()),
            "township": self._township(),
            "child_place": children.place_name(self.session, row["path"], LANG),
            **self._child(), **self._guardians(), **self._clock(),
            "observations": self._observations(), "attempts": list(self._attempts()), "evidence": list(self._evidence()),
        }  # fmt: skip

    def _name(self, column: Any, where: Any) -> str:
        return self.session.scalar(select(column).where(where)) or ""

    def _township(self) -> str:
        above = units.ancestors(self.wanted.row["path"])
        query = select(UNIT.c.name_zh).where(UNIT.c.path.in_(above), UNIT.c.sector == "township_government")
        return self.session.scalar(query.limit(1)) or ""

    def _child(self) -> dict[str, str]:
        row = self.wanted.row
        if row["child_secret"] is None:
            return {}
        told = children.told_of(row)
        sex = {"m": "男", "f": "女"}.get(str(told.get("sex") or ""), "")
        return {"child_name": str(told.get("name") or ""), "child_sex": sex, "child_school": str(told.get("school") or ""),
                "child_born": _age_or_birth(str(told.get("age_or_dob") or ""))}  # fmt: skip

    @cached_property
    def _people(self) -> list[tuple[int, str, dict[str, Any]]]:
        return children.guardians(self.session, self.wanted.row["case_id"], self.wanted.row["wrapped_key"])

    def _guardians(self) -> dict[str, Any]:
        rows = [
            {"kind": children.kind_name(kind), "name": str(told.get("name") or "")} for _, kind, told in self._people
        ]
        named = {guardian: (kind, told) for guardian, kind, told in self._people}
        if self._respondent in named:
            kind, told = named[self._respondent]
            return {
                "guardians": rows,
                "respondent": str(told.get("name") or ""),
                "respondent_kind": children.kind_name(kind),
            }
        return {"guardians": rows, "respondent": self._answer("respondent", "F44.respondent"), "respondent_kind": ""}

    @cached_property
    def _respondent(self) -> int | None:
        """The guardian whom the matter is about: named in the form at hand, else by the process that asks."""
        for sent in reversed(self._sent):
            if sent.form.id == "F28" and str(sent.answers.get("respondent") or "").isdecimal():
                return int(sent.answers["respondent"])
        context = self._task["context"] if self._task else {}
        return int(context["guardian_id"]) if context.get("guardian_id") else None

    def _watched(self) -> list[Row]:
        query = select(PERFORMANCE).where(PERFORMANCE.c.case_id == self.wanted.row["case_id"])
        return list(self.session.execute(query.order_by(PERFORMANCE.c.observed_on, PERFORMANCE.c.id)).mappings())

    def _clock(self) -> dict[str, Any]:
        """The six-month clock of the guardian whom the matter is about; of the one who is watched, where there is one."""
        watched = self._watched()
        guardians = {row["guardian_id"] for row in watched}
        about = self._respondent if self._respondent or len(guardians) != 1 else guardians.pop()
        rows = [_needs.performance_row(row) for row in watched if row["guardian_id"] == about]
        if not rows:
            return {}
        clock = clock_six_months.evaluate(rows, self.wanted.now.astimezone(LAW_ZONE).date())
        return {
            "clock_current": _length(clock.current), "clock_longest": _length(clock.longest),
            "clock_year": f"{clock.last_12_months}天", "clock_rule": clock.rule_version,
            "spells": [{"start": str(start), "end": str(until - timedelta(days=1)), "state": SPELL.get(kind, kind)}
                       for start, until, kind in clock.spans],
        }  # fmt: skip

    def _observations(self) -> list[dict[str, str]]:
        form = self.wanted.books.form("F25")
        named = {
            guardian: f"{children.kind_name(kind)}{told.get('name') or ''}" for guardian, kind, told in self._people
        }
        said = {name: form.questions[name] for name in ("state", "source")}
        return [
            {"date": str(row["observed_on"]), "who": named.get(row["guardian_id"], ""),
             **{name: question.label_of(row[name], {}, LANG) for name, question in said.items()}}
            for row in self._watched()
        ]  # fmt: skip

    def _attempts(self) -> Iterator[dict[str, str]]:
        for sent in self._sent:
            for row in sent.answers.get("attempts") or [] if sent.form.id == "F09" else []:
                columns = {column.name: column for column in sent.form.questions["attempts"].fields}
                yield {"date": _short(row.get("time")), "who": str(row.get("who") or ""),
                       "how": _option(columns["channel"], row), "result": _option(columns["result"], row)}  # fmt: skip

    def _evidence(self) -> Iterator[dict[str, str]]:
        """What the record holds that a court or another body may ask for, in the order in which it came about."""
        number = cases.number(self.wanted.row["case_id"], self.wanted.row["opened_at"])
        for sent in self._sent:
            if sent.id and (kind := EVIDENCE.get(sent.form.id)):
                at = sent.answers.get(kind.day) if kind.day else None
                docket = str(sent.answers.get(kind.docket) or "") if kind.docket else ""
                yield {"name": sent.form.name.zh, "date": _short(at or sent.occurred_at.isoformat()),
                       "docket": docket or f"{number} 第{sent.id}号", "proves": kind.proves}  # fmt: skip
            for item in sent.answers.get("items") or [] if sent.form.id == "F27" else []:
                if item.get("kind") == "other":
                    yield {"name": str(item.get("ref") or ""), "proves": ""}
        query = select(PAPER).where(PAPER.c.case_id == self.wanted.row["case_id"], PAPER.c.status == "issued")
        for paper in self.session.execute(query.order_by(PAPER.c.issued_at, PAPER.c.id)).mappings():
            yield {"name": self.wanted.books.paper_name(paper["kind"]).zh, "date": _short(paper["issued_at"].isoformat()),
                   "docket": paper_number(paper), "proves": "已经制发"}  # fmt: skip


def paper_number(row: Row) -> str:
    """A paper's number as people write it: 护申字〔2026〕12号; empty while it has none."""
    return f"{row['word']}字〔{row['year']}〕{row['ordinal']}号" if row["ordinal"] else ""


def day(on: date) -> str:
    """“2026年3月2日”."""
    return f"{on.year}年{on.month}月{on.day}日"


def moment(said: Any) -> str:
    """A day, with the hour where one was given, as a paper writes it; what is no date stands as it is."""
    text = str(said)
    try:
        at = instant(text).astimezone(LAW_ZONE)
    except (Refused, OverflowError):
        return text
    return f"{day(at.date())}{at.hour}时{at.minute:02}分" if len(text) > 10 else day(at.date())


def _age_or_birth(told: str) -> str:
    return f"{told}岁" if told.isdecimal() and len(told) <= 2 else moment(told)


def _short(said: Any) -> str:
    """A day in a table: 2026-03-02."""
    try:
        return str(instant(str(said)).astimezone(LAW_ZONE).date())
    except (Refused, OverflowError):
        return str(said or "")


def _option(column: Field, row: Mapping[str, Any]) -> str:
    value = row.get(column.name)
    return column.label_of(str(value), {}, LANG) if value else ""


def _length(length: clock_six_months.Length) -> str:
    return f"{length.months}个月{length.days}天"
