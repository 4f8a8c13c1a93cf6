"""What a test reads of a world: tasks, instances, the record, children and units."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from app import clock
from app.clock import LAW_ZONE
from app.db import db
from app.services import _seal, releases, submissions
from app.services.audit import reexecution
from app.services.library import Library
from tests.process.county import (
    CASE,
    CHILD,
    DEADLINE,
    EVENT,
    GUARDIAN,
    INSTANCE,
    LINK,
    OUTBOX,
    PERFORMANCE,
    REPORT_LINK,
    SUBMISSION,
    SUBSCRIPTION,
    TASK,
    UNIT,
)

LIVE = ("running", "scheduled")


class Books:
    """Reading; `case` is the case that is meant where none is named, 0 for any."""

    case: int = 0

    @property
    def now(self) -> datetime:
        """The time it is here."""
        return clock.now()

    @cached_property
    def library(self) -> Library:
        """The release that runs."""
        return releases.current_library()

    def rows(self, query: Any) -> list[dict[str, Any]]:
        """Rows as plain mappings; the read transaction is ended."""
        read = [dict(row) for row in db.session.execute(query).mappings()]
        db.session.rollback()
        return read

    def open_tasks(self, element: str = "", process: str = "", case: int = 0) -> list[dict[str, Any]]:
        """Open tasks, oldest first."""
        query = sa.select(TASK).where(TASK.c.status == "open").order_by(TASK.c.id)
        wanted = {TASK.c.element: element, TASK.c.process: process, TASK.c.case_id: case or self.case}
        return self.rows(query.where(*(column == value for column, value in wanted.items() if value)))

    def todo(self, case: int = 0) -> list[str]:
        """Open tasks as "process.element", sorted."""
        return sorted(f"{task['process']}.{task['element']}" for task in self.open_tasks(case=case))

    def todo_of(self, process: str, case: int = 0) -> list[str]:
        """Elements of the open tasks of one process, sorted."""
        return sorted(task["element"] for task in self.open_tasks(process=process, case=case))

    def notices(self, case: int = 0) -> list[tuple[str, str]]:
        """What the diagrams' operations say to whom, oldest first; not what urgent tasks say by themselves."""
        query = sa.select(OUTBOX.c.payload).where(OUTBOX.c.kind == "notice").order_by(OUTBOX.c.id)
        about = query.where(OUTBOX.c.case_id == (case or self.case))
        return [(row["payload"]["kind"], row["payload"]["role"]) for row in self.rows(about)
                if row["payload"]["kind"] != "task_urgent"]  # fmt: skip

    def instances(self, process: str = "", case: int = 0, status: Sequence[str] = LIVE) -> list[dict[str, Any]]:
        """Instances that run or are scheduled, oldest first."""
        start = (DEADLINE.c.instance_id == INSTANCE.c.id) & (DEADLINE.c.kind == "start")
        query = sa.select(INSTANCE, DEADLINE.c.due_at.label("start_at")).outerjoin(DEADLINE, start)
        query = query.where(INSTANCE.c.status.in_(status)).order_by(INSTANCE.c.id)
        wanted = {INSTANCE.c.process: process, INSTANCE.c.case_id: case or self.case}
        return self.rows(query.where(*(column == value for column, value in wanted.items() if value)))

    def events(self, kind: str, case: int = 0) -> list[dict[str, Any]]:
        """The data of every event of this kind, in order."""
        query = sa.select(EVENT.c.body).where(EVENT.c.kind == kind).order_by(EVENT.c.case_id, EVENT.c.seq)
        if case or self.case:
            query = query.where(EVENT.c.case_id == (case or self.case))
        return [json.loads(row["body"]) for row in self.rows(query)]

    def ended(self, process: str, case: int = 0) -> list[list[str]]:
        """Where each finished instance of `process` ended, in order."""
        ends = [event["data"] for event in self.events("ended", case)]
        return [end["at"] for end in ends if end["process"] == process]

    def case_row(self, case: int = 0) -> dict[str, Any]:
        """The case, with its facts."""
        return self.rows(sa.select(CASE).where(CASE.c.id == (case or self.case)))[0]

    def guardians(self, case: int = 0) -> list[int]:
        """Ids of the case's guardians."""
        query = sa.select(GUARDIAN.c.id).where(GUARDIAN.c.case_id == (case or self.case)).order_by(GUARDIAN.c.id)
        return [row["id"] for row in self.rows(query)]

    def cases(self, kind: str) -> list[int]:
        """Cases of a kind, oldest first."""
        return [row["id"] for row in self.rows(sa.select(CASE.c.id).where(CASE.c.kind == kind).order_by(CASE.c.id))]

    def links(self) -> list[tuple[int, int, str]]:
        """Which cases belong together, and why."""
        return [
            (row["case_id"], row["other_id"], row["kind"]) for row in self.rows(sa.select(LINK).order_by(LINK.c.id))
        ]

    def provisional(self) -> list[bool]:
        """Of every child, oldest first, whether nobody has confirmed who it is."""
        return [row["provisional"] for row in self.rows(sa.select(CHILD.c.provisional).order_by(CHILD.c.id))]

    def report_links(self, case: int) -> list[str]:
        """How reports reached this case."""
        query = sa.select(REPORT_LINK.c.kind).where(REPORT_LINK.c.case_id == case).order_by(REPORT_LINK.c.id)
        return [row["kind"] for row in self.rows(query)]

    def unit(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The unit that has a task."""
        return self.rows(sa.select(UNIT).where(UNIT.c.id == task["unit_id"]))[0]

    def latest(self, form: str, case: int = 0) -> dict[str, Any]:
        """The newest answers to a form in the case, opened."""
        row = self.case_row(case)
        query = sa.select(SUBMISSION).where(SUBMISSION.c.case_id == row["id"], SUBMISSION.c.form == form)
        newest = self.rows(query.order_by(SUBMISSION.c.id.desc()).limit(1))[0]
        return submissions.read(newest, _seal.open_key(row["wrapped_key"]))

    def performance(self, case: int = 0) -> list[dict[str, Any]]:
        """What was observed of the case's guardians, oldest first."""
        query = sa.select(PERFORMANCE).where(PERFORMANCE.c.case_id == (case or self.case))
        return self.rows(query.order_by(PERFORMANCE.c.id))

    def unit_at(self, path: str, sector: str) -> str:
        """The unit of a sector at a place, as a form names it."""
        return str(self.rows(sa.select(UNIT.c.id).where(UNIT.c.path == path, UNIT.c.sector == sector))[0]["id"])

    def limit(self, task: Mapping[str, Any]) -> timedelta:
        """How long there is from now until the task is late."""
        return task["due_at"] - self.now  # type: ignore[no-any-return]

    def local_day(self) -> date:
        """The day it is where the law applies."""
        return self.now.astimezone(LAW_ZONE).date()

    def timer(self, element: str, case: int = 0) -> datetime:
        """When the one timer of that name fires."""
        (due,) = [due for one in self.instances(case=case) for _, due, name in one["timers"] if name == element]
        return datetime.fromisoformat(due)

    def prove(self) -> None:
        """Every stored state follows from the record, step by step."""
        proofs = [reexecution.reexecute(case) for case in reexecution.case_ids()]
        wrong = [divergence.text.en for proof in proofs for divergence in proof.divergences]
        assert not wrong, wrong
        told = (
            sa.select(INSTANCE.c.id).join(CASE, CASE.c.id == INSTANCE.c.case_id).where(CASE.c.wrapped_key.is_not(None))
        )
        assert sum(proof.instances for proof in proofs) == len(self.rows(told.where(INSTANCE.c.status != "scheduled")))

    def misjudged(self) -> list[dict[str, Any]]:
        """Cases that are marked open although everything in them has ended, or closed although something lives."""
        lives = sa.exists().where(INSTANCE.c.case_id == CASE.c.id, INSTANCE.c.status.in_(LIVE))
        begun = sa.exists().where(INSTANCE.c.case_id == CASE.c.id)
        closed = CASE.c.status == "closed"
        return self.rows(sa.select(CASE.c.id, CASE.c.status).where(begun, closed == lives))

    def stuck(self) -> list[dict[str, Any]]:
        """Running instances with no open task, no timer and no awaited message; scheduled ones with no day."""
        busy = sa.select(TASK.c.instance_id).where(TASK.c.status == "open")
        timed = (DEADLINE.c.state == "due", DEADLINE.c.kind.in_(("timer", "start")))
        moving = sa.union(busy, sa.select(DEADLINE.c.instance_id).where(*timed), sa.select(SUBSCRIPTION.c.instance_id))
        query = sa.select(INSTANCE.c.id, INSTANCE.c.process, INSTANCE.c.case_id, INSTANCE.c.status)
        return self.rows(query.where(INSTANCE.c.status.in_(LIVE), INSTANCE.c.id.not_in(moving)))
