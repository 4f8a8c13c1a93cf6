"""The record as an event log for other tools: what leaves the house, and what never does.

Let out are kinds, codes, ids and instants, by name; what a body holds beyond them stays in, and so do answers (S2, S3),
sealed cases, names and villages. People appear under pseudonyms that only this installation's key can make. The
engine's own moves (`step`) are left to the audit bundle. Source: ARCHITECTURE rule 8; ADR 0007, 0008.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from app.db import Row, db, settings, table
from app.models import Case, Event, Instance, Task
from app.rules.access import Person, Resource
from app.services import _seal, access, commands
from app.services._work import Actor
from app.services.audit import register, stored_rows
from app.services.history import _population, export_formats
from app.services.history.export_formats import Line
from app.services.library import Library, library
from app.text import Text

CASE, EVENT, INSTANCE, TASK = table(Case), table(Event), table(Instance), table(Task)
COUNTY = 3
"""How many steps of a place's path are let out: province, city, county."""

COLUMNS = (
    EVENT.c.case_id, EVENT.c.seq, EVENT.c.kind, EVENT.c.task_id, EVENT.c.actor_id, EVENT.c.occurred_at,
    EVENT.c.recorded_at, EVENT.c.body, CASE.c.kind.label("case_kind"), CASE.c.path,
    INSTANCE.c.id.label("instance_id"), INSTANCE.c.process, INSTANCE.c.release_id, TASK.c.process.label("task_process"), TASK.c.element, TASK.c.role,
    TASK.c.deadline_id,
)  # fmt: skip
NAMED = {
    "case_opened": Text("立案", "case opened"),
    "case_closed": Text("办结", "case closed"),
    "case_reopened": Text("重新办理", "case reopened"),
    "facts_added": Text("补充情况", "facts added"),
    "new_danger": Text("孩子有新危险", "new danger"),
    "case_merged": Text("档案合并", "files merged"),
    "case_unmerged": Text("撤销合并", "merge undone"),
    "report_attached": Text("报告归案", "report attached"),
    "report_detached": Text("报告取下", "report taken away"),
    "case_moved": Text("转移到另一个乡镇", "moved to another township"),
}
WAIVED, EXTENDED = Text("期限不适用", "limit not applicable"), Text("延期", "limit extended")
ASKED_AGAIN = Text("重新督办", "taken up again")
WAITS = {"suspended": Text("暂停", "suspended"), "resumed": Text("恢复", "resumed")}
CORRECTED = Text("更正", "correction")
SETTLED, BEGUN = Text("期限重算", "limit settled"), Text("定好开始的日子", "start scheduled")


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be exported: a condition on cases, what was left out, and how to write it."""

    among: Any
    cases: int
    sealed: int
    since: datetime | None
    lang: str
    paths: tuple[str, ...] = ()
    """The regions it is of; none when it is of everything."""

    def take(self, form: str, actor: Actor) -> Iterator[str]:
        """`write`, after it has gone on record who takes the log out of the house."""
        told = {"format": form, "cases": self.cases, "sealed_left_out": self.sealed, "paths": list(self.paths)}
        since = self.since.isoformat() if self.since else None
        with commands.work_on(actor) as work:
            register.enter(work, "exported", {**told, "since": since})
        return self.write(form)

    def write(self, form: str) -> Iterator[str]:
        """The log in one of FORMATS, piece by piece, all as it stood at one instant."""
        note = {"cases": self.cases, "sealed_cases_left_out": self.sealed, "since": self.since}
        return FORMATS[form].write(self._lines(), note)

    def _lines(self) -> Iterator[Line]:
        session = db.session()
        releases = session.scalars(select(INSTANCE.c.release_id).distinct())
        namer = Namer({release_id: library(session, release_id) for release_id in releases}, self.lang)
        query = (
            select(*COLUMNS)
            .join(CASE, CASE.c.id == EVENT.c.case_id)
            .outerjoin(TASK, TASK.c.id == EVENT.c.task_id)
            .outerjoin(INSTANCE, INSTANCE.c.id == func.coalesce(TASK.c.instance_id, EVENT.c.instance_id))
            .where(
                self.among, EVENT.c.kind.in_(namer.kinds), EVENT.c.recorded_at >= self.since if self.since else true()
            )
            .order_by(EVENT.c.case_id, EVENT.c.occurred_at, EVENT.c.seq)
        )
        with stored_rows.snapshot() as connection:
            rows = connection.execution_options(yield_per=_population.BATCH).execute(query).mappings()
            yield from map(namer.line, rows)


FORMATS: Mapping[str, export_formats.Format] = {
    "xes": export_formats.Format("application/xml", "xes", export_formats.xes),
    "ocel": export_formats.Format("application/json", "json", export_formats.ocel),
    "csv": export_formats.Format("text/csv", "csv", export_formats.csv_),
}
"""XES (IEEE 1849-2016), OCEL 2.0 JSON, and CSV (UTF-8 with a byte-order mark, for spreadsheets)."""


def of_person(person: Person, since: datetime | None = None, lang: str = "zh") -> Export:
    """An export of the regions that this person audits. Raises Forbidden, BadSetting."""
    session = db.session()
    access.require(session, person, "export", Resource("log"))
    paths = tuple(sorted(access.policy(session).scope(person).audited))
    return _export(session, _population.audited(session, person), since, lang, paths)


def of_everything(since: datetime | None = None, lang: str = "zh") -> Export:
    """An export of all cases, for operators. Raises BadSetting."""
    return _export(db.session(), true(), since, lang)


def _export(session: Session, among: Any, since: datetime | None, lang: str, paths: tuple[str, ...] = ()) -> Export:
    settings().complete()  # pseudonyms need the key: better told now than in the middle of a file
    among = among & CASE.c.kind.not_in(register.KINDS)
    counts = select(CASE.c.sealed, func.count()).where(among).group_by(CASE.c.sealed)
    found: dict[bool, int] = {bool(sealed): count for sealed, count in session.execute(counts)}
    return Export(among & CASE.c.sealed.is_(False), found.get(False, 0), found.get(True, 0), since, lang, paths)


class Namer:
    """Turns rows of the record into lines of a log, with activities named as each instance's own release draws them."""

    def __init__(self, books: Mapping[int, Library], lang: str) -> None:
        self.books, self.lang = books, lang
        self.pseudonyms: dict[int, str] = {}
        self.kinds: Mapping[str, Callable[[Row, Mapping[str, Any]], dict[str, Any]]] = {
            **dict.fromkeys(NAMED, self._case),
            "scheduled": self._scheduled,
            "task_opened": self._opened,
            "task_changed": self._changed,
            "task_done": lambda row, _: self._task(row),
            "corrected": self._corrected,
            "task_cancelled": lambda row, _: self._task(row) | {"transition": "withdraw"},
            "deadline": self._deadline,
            "deadline_settled": self._settled,
            "message": self._message,
            "suspended": self._waits,
            "resumed": self._waits,
            "asked_again": self._asked_again,
            "ended": self._ended,
        }

    def line(self, row: Row) -> Line:
        """One event, with what may leave the house."""
        told = self.kinds[row["kind"]](row, orjson.loads(row["body"])["data"])
        return Line(
            case_id=row["case_id"], seq=row["seq"], kind=row["kind"], case_kind=row["case_kind"],
            county="/".join(row["path"].split("/")[: COUNTY + 1]) + "/", at=row["occurred_at"],
            recorded_at=row["recorded_at"], instance_id=row["instance_id"], task_id=row["task_id"],
            run=row["process"] or "", actor=self._pseudonym(row["actor_id"]),
            **{"process": row["process"] or "", **told},
        )  # fmt: skip

    def _pseudonym(self, user_id: int | None) -> str:
        if user_id is None:
            return ""
        if user_id not in self.pseudonyms:
            self.pseudonyms[user_id] = "p-" + _seal.blind_index("export.actor", str(user_id)).hex()
        return self.pseudonyms[user_id]

    def _case(self, row: Row, _data: Mapping[str, Any]) -> dict[str, Any]:
        return {"activity": f"case.{row['kind']} {NAMED[row['kind']].say(self.lang)}"}

    def _scheduled(self, _row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
        activity = f"{data['process']} {BEGUN.say(self.lang)}"
        return {"activity": activity, "process": data["process"], "transition": "schedule"}

    def _asked_again(self, row: Row, _data: Mapping[str, Any]) -> dict[str, Any]:
        return self._task(row) | {"activity": f"limit.{row['deadline_id']} {ASKED_AGAIN.say(self.lang)}"}

    def _waits(self, row: Row, _data: Mapping[str, Any]) -> dict[str, Any]:
        return {"activity": f"{row['process']} {WAITS[row['kind']].say(self.lang)}"}

    def _task(self, row: Row) -> dict[str, Any]:
        process, element = row["task_process"], row["element"]
        found = self.books[row["release_id"]].definition(row["process"]).element(process, element)
        return {"activity": f"{process}.{element} {found.name.say(self.lang)}", "process": process, "element": element,
                "role": row["role"], "deadline": row["deadline_id"]}  # fmt: skip

    def _opened(self, row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
        return self._task(row) | {"transition": "schedule", "due": _instant(data["due"])}

    def _corrected(self, row: Row, _data: Mapping[str, Any]) -> dict[str, Any]:
        """That what was sent was corrected; which answers, stays in."""
        told = self._task(row)
        return told | {"activity": f"{told['process']}.{told['element']} {CORRECTED.say(self.lang)}"}

    def _changed(self, row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
        """A supervisor's decision: another person, a later limit, or none."""
        told = self._task(row) | {"due": _instant(data["due"])}
        if data["due"] or data["not_applicable"]:
            name = WAIVED if data["not_applicable"] else EXTENDED
            return told | {"activity": f"limit.{row['deadline_id']} {name.say(self.lang)}"}
        return told | {"transition": "reassign"}

    def _settled(self, row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
        activity = f"limit.{data['rule']} {SETTLED.say(self.lang)}"
        return self._task(row) | {"activity": activity, "due": _instant(data["due"])}

    def _deadline(self, row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
        """A limit that passed, a timer that fired, or a start that came."""
        rule, due = data["rule"], _instant(data["due"])
        name = self.books[row["release_id"]].deadlines.describe(rule).name.say(self.lang) if rule else data["kind"]
        return {"activity": f"deadline.{data['kind']}.{rule} {name}" if rule else f"deadline.{data['kind']}",
                "deadline": rule, "due": due}  # fmt: skip

    def _message(self, row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
        release = row["release_id"] or max(self.books)
        rules = self.books[release].messages.get(data["message"], {})
        label = Text(rules.get("label_zh", ""), rules.get("label_en", "")).say(self.lang)
        return {"activity": f"message.{data['message']} {label}".strip()}

    def _ended(self, row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
        definition = self.books[row["release_id"]].definition(data["process"])
        names = "、".join(definition.element(data["process"], end).name.say(self.lang) for end in data["at"])
        ends = ",".join(data["at"])
        return {"activity": f"{data['process']}.{ends} {names}", "process": data["process"], "element": ends}


def _instant(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None
