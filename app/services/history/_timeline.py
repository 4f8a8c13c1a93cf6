"""A case's events in order of time, with those of the reports that led to it: heads at once, bodies when asked for.

Every event has two times. `happened` is what had occurred by a moment, whoever knew it; `known` is
the part of it that had been recorded by then. Source: ARCHITECTURE rule 5; UI.md "Replay".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, table
from app.errors import NotFound
from app.models import Case, Event, Instance, Report, ReportLink
from app.rules.access import Person
from app.services import access
from app.services.history._walk import Walks
from app.services.history.replay_views import Tick, View
from app.services.library import library

CASE, EVENT, INSTANCE = table(Case), table(Event), table(Instance)
REPORT, REPORT_LINK = table(Report), table(ReportLink)
PROMPT = timedelta(minutes=1)
"""What is recorded within this time was known at once: the system looks for what is due every few seconds."""
SCALE, BUCKET = 1000, 4
"""The slider's length, and how near two ticks may stand on it."""
FEW = 500
"""More events than this are not asked for one by one."""
BY_THE_ENGINE = ("step", "ended", "case_closed", "case_reopened")
"""Events that follow from others of the same command: moves, not acts."""


class Head(NamedTuple):
    """An event without its body, under the names of its columns."""

    id: int
    case_id: int
    seq: int
    kind: str
    instance_id: int | None
    task_id: int | None
    actor_id: int | None
    occurred_at: datetime
    recorded_at: datetime

    @property
    def known_at(self) -> datetime:
        """From when on it was known."""
        return self.recorded_at if self.late else self.occurred_at

    @property
    def late(self) -> bool:
        """Whether it was recorded later than it happened."""
        return self.recorded_at - self.occurred_at > PROMPT

    @property
    def quiet(self) -> bool:
        """Whether it is a move of the engine."""
        return self.kind in BY_THE_ENGINE


class Timeline:
    """The events that somebody who may replay the case may step through. Raises NotFound, Forbidden."""

    def __init__(self, session: Session, person: Person, case_id: int) -> None:
        self.session, self.case_id = session, case_id
        self.cases = (case_id, *_reports(session, person, case_id))
        columns = [EVENT.c[name] for name in Head._fields]
        found = session.execute(select(*columns).where(EVENT.c.case_id.in_(self.cases)))
        heads = [Head(*row) for row in found]
        self.heads = sorted(heads, key=lambda head: (head.occurred_at, head.recorded_at, head.id))
        if not self.heads:
            raise NotFound("no_events", access.NOTHING_HERE)
        opened = session.execute(select(CASE.c.id, CASE.c.opened_at).where(CASE.c.id.in_(self.cases)))
        self.opened: dict[int, datetime] = {row.id: row.opened_at for row in opened}
        rows = session.execute(select(INSTANCE).where(INSTANCE.c.case_id.in_(self.cases)).order_by(INSTANCE.c.id))
        self.instances: dict[int, Row] = {row["id"]: row for row in rows.mappings()}

    def address(self, head: Head) -> str:
        """How a link names an event."""
        return str(head.seq) if head.case_id == self.case_id else f"{head.case_id}.{head.seq}"

    @cached_property
    def _places(self) -> dict[str, int]:
        return {self.address(head): place for place, head in enumerate(self.heads)}

    def number(self, head: Head) -> int:
        """Which event it is in order of time, from 1."""
        return self._places[self.address(head)] + 1

    def place(self, address: str, x: int | None = None) -> int:
        """The place of an event, from 0: by its address, else the first of those nearest to `x`, else the last."""
        if address in self._places:
            return self._places[address]
        if x is None or x >= SCALE:
            return len(self.heads) - 1
        return min(range(len(self.heads)), key=lambda place: abs(self.x(place) - x))

    def x(self, place: int) -> int:
        """Where an event stands on the slider."""
        first, last = self.heads[0].occurred_at, self.heads[-1].occurred_at
        if first == last:
            return SCALE * place // max(len(self.heads) - 1, 1)
        return round(SCALE * ((self.heads[place].occurred_at - first) / (last - first)))

    def ticks(self) -> tuple[Tick, ...]:
        """A tick for each event; those that would lie on each other are one, hollow when any of them was late."""
        late: dict[int, bool] = {}
        for place, head in enumerate(self.heads):
            x = self.x(place) // BUCKET * BUCKET
            late[x] = late.get(x, False) or head.late
        return tuple(Tick(x, late[x]) for x in sorted(late))

    def until(self, place: int, view: View) -> list[Head]:
        """What had happened up to the event at `place`, or what of it was known then."""
        happened = self.heads[: place + 1]
        if view == "happened":
            return happened
        return [head for head in happened if head.known_at <= self.heads[place].occurred_at]

    def bodies(self, heads: Iterable[Head]) -> dict[int, dict[str, Any]]:
        """The data of some events, by their id."""
        wanted = {head.id for head in heads}
        few = EVENT.c.id.in_(wanted) if len(wanted) <= FEW else EVENT.c.case_id.in_(self.cases)
        found = self.session.execute(select(EVENT.c.id, EVENT.c.body).where(few))
        return {row.id: orjson.loads(row.body)["data"] for row in found if row.id in wanted}

    def steps(self, place: int) -> list[Row]:
        """The engine's steps that had happened, in the order of the record."""
        query = select(EVENT.c.id, EVENT.c.instance_id, EVENT.c.recorded_at, EVENT.c.body).where(
            EVENT.c.case_id.in_(self.cases),
            EVENT.c.kind == "step",
            EVENT.c.occurred_at <= self.heads[place].occurred_at,
        )
        return list(self.session.execute(query.order_by(EVENT.c.id)).mappings())


def fold(timeline: Timeline, steps: Iterable[Row], among: Collection[Head]) -> dict[int, Walks]:
    """The walks of all instances after those steps that are `among` the events given; the last one moved comes last."""
    wanted = {head.id for head in among}
    walks: dict[int, Walks] = {}
    for step in steps:
        if step["id"] in wanted:
            instance = timeline.instances[step["instance_id"]]
            books = library(timeline.session, instance["release_id"])
            walk = walks.pop(instance["id"], None) or Walks(books.definition(instance["process"]))
            walk.step(orjson.loads(step["body"])["data"]["transitions"], step["recorded_at"])
            walks[instance["id"]] = walk
    return walks


def _reports(session: Session, person: Person, case_id: int) -> tuple[int, ...]:
    """The cases of the reports that this case came from, as far as the person may replay them too."""
    query = select(REPORT.c.case_id).join(REPORT_LINK, REPORT_LINK.c.report_id == REPORT.c.id)
    found = session.scalars(query.where(REPORT_LINK.c.case_id == case_id).distinct().order_by(REPORT.c.case_id))
    rules = access.policy(session)
    decisions = ((found_id, rules.can(person, "replay", access.case_resource(session, found_id))) for found_id in found)
    return tuple(found_id for found_id, decision in decisions if decision and not decision.needs)
