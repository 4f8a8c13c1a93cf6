"""Replay: a case at any moment of its history, as it happened or as it was known then.

Opening a case reads the heads of its events and what one moment needs; each further moment is
asked for by its address. Nothing is shown that the record does not say; the marks are folded as
those of the case page are. Source: UI.md "Replay"; ARCHITECTURE rule 5.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.models import Submission, Task, Unit
from app.rules.access import Person
from app.services import access, cases, releases
from app.services.audit import verification
from app.services.history import _limits, _scenes
from app.services.history._sheets import Reader
from app.services.history._telling import NOTHING, Telling, names_of, whom
from app.services.history._timeline import Head, Timeline
from app.services.history.replay_views import Chain, Detail, Entry, Moment, ReplayPage, View
from app.services.library import Library, library
from app.text import Text

SUBMISSION, TASK, UNIT = table(Submission), table(Task), table(Unit)
VIEWS: tuple[View, ...] = ("happened", "known")
BEFORE, SHOWN = 5, 40
"""How many events the list shows before the moment, and in all."""
WHOLE = -1
"""A list that starts here holds every event."""


def page(person: Person, case_id: int, at: str = "", lang: str = "zh", **how: Any) -> ReplayPage:
    """A case's replay at one moment, with the check of its record; `how` as for a moment. Raises NotFound, Forbidden."""
    replay = Replay(person, case_id, lang)
    shown = replay.moment(at, **how)
    return ReplayPage(case_id, replay.number, replay.chain(), replay.timeline.ticks(), shown)


def moment(person: Person, case_id: int, at: str = "", lang: str = "zh", **how: Any) -> Moment:
    """One moment of a case. Raises NotFound, Forbidden.

    `how`: view, on (a diagram's key), x (a place on the slider), start (where the list begins).
    """
    return Replay(person, case_id, lang).moment(at, **how)


def may(person: Person, case_id: int) -> bool:
    """Whether this person may replay the case, perhaps after saying why. Raises NotFound."""
    session = db.session()
    return bool(access.policy(session).can(person, "replay", access.case_resource(session, case_id)))


class Replay:
    """A case as one person may look back at it."""

    def __init__(self, person: Person, case_id: int, lang: str) -> None:
        self.session: Session = db.session()
        self.person, self.lang = person, lang
        access.require(self.session, person, "replay", access.case_resource(self.session, case_id))
        self.timeline = Timeline(self.session, person, case_id)
        self.number = cases.number(case_id, self.timeline.opened[case_id])

    def chain(self) -> Chain:
        """The record of the case and of its reports, checked now."""
        found = [
            fault for case_id in self.timeline.cases for fault in verification.examine(case_id, sealed=False).breaks
        ]
        return Chain(len(self.timeline.heads), tuple((fault.where, fault.text) for fault in found))

    def moment(
        self, at: str = "", *, view: View = "happened", on: str = "", x: int | None = None, start: int | None = None
    ) -> Moment:
        """The moment of the event at that address, or nearest to `x` on the slider; else the last."""
        timeline = self.timeline
        place = timeline.place(at, x)
        head, seen = timeline.heads[place], timeline.until(place, view)
        first = 0 if start == WHOLE else max(0, place - BEFORE if start is None else start)
        listed = timeline.heads[first:] if start == WHOLE else timeline.heads[first : first + SHOWN]
        telling, bodies = self._telling({head, *listed})
        known, missed = {one.id for one in seen}, _limits.missed(timeline, listed)
        entries = [self._entry(one, bodies[one.id], telling, place, known, missed) for one in (head, *listed)]
        data, found = bodies[head.id], _scenes.scenes(timeline, place, seen)
        scene, pinned = _scenes.chosen(found, on, head, data)
        return Moment(
            case_id=timeline.case_id,
            view=view,
            entry=entries[0],
            total=len(timeline.heads),
            x=timeline.x(place),
            lead=_scenes.lead(found),
            unrecorded=sum(not one.quiet for one in timeline.heads[: place + 1]) - sum(not one.quiet for one in seen),
            scenes=found,
            scene=_scenes.in_words(timeline, scene) if scene else None,
            pinned=pinned,
            detail=self._detail(head, data, telling, view),
            open_tasks=_limits.still_open(timeline, telling, seen, head.occurred_at),
            go=self._go(place),
            entries=tuple(entries[1:]),
            start=first,
        )

    def _go(self, place: int) -> dict[str, str]:
        heads, last = self.timeline.heads, len(self.timeline.heads) - 1
        steps = {"first": 0, "previous": max(place - 1, 0), "next": min(place + 1, last), "last": last}
        return {name: self.timeline.address(heads[to]) for name, to in steps.items()}

    # --- events in words ----------------------------------------------------------------

    def _telling(self, heads: set[Head]) -> tuple[Telling, dict[int, dict[str, Any]]]:
        """What tells these events, and their bodies."""
        timeline, tasks = self.timeline, {head.task_id for head in heads if head.kind in ("task_done", "corrected")}
        sent = self.session.execute(
            select(SUBMISSION).where(SUBMISSION.c.case_id.in_(timeline.cases), SUBMISSION.c.task_id.in_(tasks))
        ).mappings().all()  # fmt: skip
        bodies = timeline.bodies(heads)
        names = names_of(self.session, {head.actor_id for head in heads} | set(map(whom, bodies.values())))
        return Telling(self.session, timeline.instances, sent, names), bodies

    def _entry(
        self, head: Head, data: Mapping[str, Any], telling: Telling, place: int, known: Collection[int],
        missed: Mapping[int, timedelta],
    ) -> Entry:  # fmt: skip
        sentence, source = telling.told(head._asdict(), data)
        number = self.timeline.number(head)
        return Entry(
            at=self.timeline.address(head),
            number=number,
            case_id=head.case_id,
            seq=head.seq,
            kind=head.kind,
            occurred_at=head.occurred_at,
            recorded_at=head.recorded_at,
            sentence=sentence,
            source=source,
            late=head.late,
            unknown=number <= place + 1 and head.id not in known,
            ahead=number > place + 1,
            quiet=head.quiet,
            missed=missed.get(head.id),
        )

    def _detail(self, head: Head, data: Mapping[str, Any], telling: Telling, view: View) -> Detail:
        """Who did what, why, until when, and what was written."""
        task = self._task(head)
        about = {**task, **data}
        books = telling.books(head.instance_id) if head.instance_id is not None else self._books()
        element = telling.element(head._asdict(), about)
        clauses = element.clauses if element else ()
        return Detail(
            who=telling.names.get(head.actor_id or 0, ""),
            role=books.role_name(task["role"]) if task else NOTHING,
            unit=Text(task["unit_zh"], task["unit_en"]) if task else NOTHING,
            process=books.process_name(about["process"]) if "process" in about else NOTHING,
            step=element.name if element else NOTHING,
            clauses=tuple(books.clauses[clause] for clause in clauses if clause in books.clauses),
            limit=_limits.limit(self.timeline, telling, head),
            sheets=Reader(self.session, self.person, head.case_id, self.lang).sheets(
                head, data, books, later=view == "happened"
            ),
        )

    def _task(self, head: Head) -> Row:
        """Whose work a task was, and where on the diagram; nothing for events that are not about a task."""
        query = select(TASK.c.process, TASK.c.element, TASK.c.role, UNIT.c.name_zh.label("unit_zh"),
                       UNIT.c.name_en.label("unit_en")).join(UNIT, UNIT.c.id == TASK.c.unit_id)  # fmt: skip
        return self.session.execute(query.where(TASK.c.id == head.task_id)).mappings().first() or {}

    def _books(self) -> Library:
        """The release of the case's first instance; of the one in force while nothing has begun."""
        first = next(iter(self.timeline.instances.values()), None)
        return library(self.session, first["release_id"] if first else releases.current(self.session))
