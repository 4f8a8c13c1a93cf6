"""Where stories are played: tasks that open are done by whoever has the post, deadlines fire on their days.

Nothing is written behind the services' back: reports are filed, forms sent, arrivals registered and
deadlines fired, each at its own instant, so that what stands today follows from what happened.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from sqlalchemy import func, select

from app.clock import LAW_ZONE
from app.db import Row, db, table
from app.demo.answers import plausible
from app.demo.story import AGAIN, FIRST, RETURNED, Arrival, Plot, Story
from app.models import Case, Deadline, Instance, Post, Report, Subscription, Task
from app.rules.forms import Choices, Field, Form
from app.services import choices, commands, deadlines, notices, outbox, people, releases, reports, tasks, units
from app.services._work import NO_LIMIT, Actor
from app.services.inbox import listing
from app.services.library import Library, library

TASK, CASE, INSTANCE, WAITS = (table(model) for model in (Task, Case, Instance, Subscription))
OFFICE = (8, 18)
"""Office hours in Zhangye; what has a day or less is done at any hour."""
LATE = 0.04
"""How often something is done after its limit though nothing is the matter."""
REGISTERED_BY: Mapping[str, str] = {
    "parents_returned": "police_officer",
    "child_found": "police_missing",
    "performance_changed": "village_worker",
    "court_accepted": "county_legal",
    "judgment_received": "county_legal",
    "ruling_received": "proxy_applicant",
}
"""Who registers what comes from outside."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Stage:
    """One performance: what is still to happen, in order of time, until `now`."""

    def __init__(self, now: datetime, move: Callable[[datetime], None]) -> None:
        self.now, self.move, self.at = now, move, now
        self.coming: list[tuple[datetime, int, Callable[[], None]]] = []
        self.order, self.taken = count(), count()
        self.told: dict[int, Story] = {}
        self.rounds: Counter[tuple[int, str]] = Counter()
        self.last_task = 0
        self.waits: set[tuple[int, str]] = set()
        rows = db.session.execute(select(Post.role, Post.unit_id, Post.user_id).order_by(Post.id.desc()))
        self.holders = {(role, unit_id): user_id for role, unit_id, user_id in rows}

    def tell(self, told: Story) -> None:
        """Put a story down for its day."""
        began = self._back(told.plot.began)
        self._put(_by_day(began, told.rng) if told.plot.began >= 1 else began, lambda: self._report(told))
        if told.plot.again is not None:
            second = Story(AGAIN, told.village, told.children, told.rng)
            self._put(self._back(told.plot.again), lambda: self._report(second))

    def run(self) -> None:
        """Let everything happen that happens before now."""
        while (at := self._next()) is not None and at <= self.now:
            self.at = at
            self.move(at)
            if self.coming and self.coming[0][0] <= at:
                heapq.heappop(self.coming)[2]()
            else:
                deadlines.tick()
            outbox.deliver()
            self._look()
        self.move(self.now)

    def _next(self) -> datetime | None:
        query = select(func.min(Deadline.due_at)).where(Deadline.state == "due", Deadline.attempts == 0)
        due: datetime | None = db.session.scalar(query)
        db.session.rollback()
        planned = self.coming[0][0] if self.coming else None
        times = [at for at in (due, planned) if at is not None]
        return max(min(times), self.at) if times and self.last_task else planned

    def _put(self, at: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self.coming, (at, next(self.order), act))

    def _back(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    # --- looking at what is new -------------------------------------------------------------

    def _look(self) -> None:
        """Plan for each task and each wait that has come up since the last look."""
        opened = db.session.execute(select(TASK).where(TASK.c.id > self.last_task).order_by(TASK.c.id)).mappings().all()
        waits = db.session.execute(select(WAITS).order_by(WAITS.c.id)).mappings().all()
        for task in opened:
            self.last_task = task["id"]
            self._plan_task(task, self._story_of(task["case_id"]))
        for wait in waits:
            where = (wait["instance_id"], wait["element"])
            if where not in self.waits:
                self._plan_arrival(wait, self._story_of(wait["case_id"]).plot, self._story_of(wait["case_id"]).rng)
        self.waits = {(wait["instance_id"], wait["element"]) for wait in waits}
        db.session.rollback()

    def _story_of(self, case_id: int) -> Story:
        if case_id not in self.told:
            report_id = db.session.execute(select(Case.facts).where(Case.id == case_id)).scalar_one()[
                "latest_report_id"
            ]
            origin = db.session.execute(select(Report.case_id).where(Report.id == report_id)).scalar_one()
            self.told[case_id] = self.told[origin]
        return self.told[case_id]

    def _plan_task(self, task: Row, told: Story) -> None:
        where = f"{task['process']}.{task['element']}"
        if where in told.plot.stands:
            self._leave(task, told.rng)
        elif where in told.plot.done:
            self._put(
                max(self.at + timedelta(minutes=5), self._back(told.plot.done[where])), lambda: self._do(task, told)
            )
        else:
            self._put(self._when(task, told.rng), lambda: self._do(task, told))

    def _when(self, task: Row, rng: Random) -> datetime:
        """When a task is done: well within its limit, in office hours if there is time, rarely late."""
        limit = 2 * DAY if task["due_at"] == NO_LIMIT else task["due_at"] - self.at
        if limit <= HOUR:
            return self.at + timedelta(minutes=rng.randint(2, 7))
        if limit > DAY and rng.random() < LATE:
            return _in_office(self.at + limit * rng.uniform(1.1, 1.4), rng)
        at = self.at + min(limit * rng.uniform(0.1, 0.5), 4 * DAY)
        return at if limit <= 1.1 * DAY else _in_office(at, rng)

    def _leave(self, task: Row, rng: Random) -> None:
        """A task that still stands: often taken already, sometimes with something typed."""
        user_id = self.holders.get((task["role"], task["unit_id"]))
        taken = user_id is not None and rng.random() < 0.6
        if taken:
            self._put(self.at + timedelta(minutes=2), lambda: self._take(task, int(user_id or 0), rng))

    def _plan_arrival(self, wait: Row, plot: Plot, rng: Random) -> None:
        arrival = plot.arrivals.get(wait["message"]) or RETURNED.get(wait["message"])
        if arrival is None or self.rounds[wait["instance_id"], wait["message"]] >= arrival.times:
            return
        at = self.at + DAY * arrival.after * rng.uniform(0.8, 1.2)
        self._put(at if arrival.after < 1 else _in_office(at, rng), lambda: self._arrive(wait, arrival))

    # --- what people do ---------------------------------------------------------------------

    def _report(self, told: Story) -> None:
        safe = told.plot.answer("report-intake.t2", 0)["safe_adult_now"]
        wanted = {
            "village": told.village,
            "children": [_asked(child) for child in told.children],
            "safe_adult_now": safe,
        }
        form = releases.current_library().form(reports.PUBLIC_FORM)
        offered = choices.of(db.session(), {}, form, "zh")
        receipt = reports.file_report(plausible(form, offered, told.rng, self.at, wanted), Actor(None, "reporter"))
        self.told[receipt.case_id] = told

    def _take(self, task: Row, user_id: int, rng: Random) -> None:
        found = self._open(task["id"])
        if found is None:
            return
        who = people.person(db.session(), user_id)
        tasks.claim(who, task["id"])
        if next(self.taken) % 2 == 0:
            form, offered, row = self._asked(task["id"])
            typed = plausible(form, offered, rng, self.at, since=row["opened_at"])
            tasks.save_draft(who, task["id"], dict(list(typed.items())[: max(1, len(typed) // 2)]))

    def _do(self, task: Row, told: Story) -> None:
        found = self._open(task["id"])
        if found is None:
            return
        where = f"{task['process']}.{task['element']}"
        form, offered, asked = self._asked(task["id"])
        row = {**asked, "since": asked["opened_at"]}
        wanted = told.plot.answer(where, self.rounds[task["instance_id"], where])
        self.rounds[task["instance_id"], where] += 1
        raw = self._answers(form, offered, row, told, wanted)
        user_id = self.holders.get((task["role"], task["unit_id"]))
        if user_id is not None:
            self._read_notices(user_id)
        commands.complete(task["id"], found["version"], raw, Actor(user_id, task["role"]))

    def _read_notices(self, user_id: int) -> None:
        """Who sits down to work reads first what they were told."""
        person = people.person(db.session(), user_id)
        for told in notices.page(person).rows:
            if told.read_at is None:
                notices.read(person, told.id)

    def _open(self, task_id: int) -> Row | None:
        """The task as it is now, if it is still to be done."""
        row = db.session.execute(select(TASK).where(TASK.c.id == task_id)).mappings().one()
        return row if row["status"] == "open" else None

    def _asked(self, task_id: int) -> tuple[Form, Choices, Row]:
        row = db.session.execute(listing.base().where(TASK.c.id == task_id)).mappings().one()
        books = library(db.session(), row["release_id"])
        form = books.form(books.definition(row["process"]).element(row["process"], row["element"]).form or "")
        return form, choices.of(db.session(), row, form, "zh"), row

    def _answers(
        self, form: Form, offered: Choices, row: Row, told: Story, wanted: Mapping[str, Any]
    ) -> dict[str, Any]:
        known = {name: _first(form.questions.get(name), value, offered) for name, value in wanted.items()}
        if form.id == "F01":
            safe = told.plot.answer("report-intake.t2", 0)["safe_adult_now"]
            known["children"] = [{**child, "safe_adult_now": safe} for child in told.children]
        if form.id == "F03":
            known["matches"] = [_match(ref, name, offered) for ref, name in choices.report_children(db.session(), row)]
        known = {**_about(form, row["context"]), **known}
        return plausible(form, offered, told.rng, self.at, known, since=row["since"])

    def _arrive(self, wait: Row, arrival: Arrival) -> None:
        query = select(CASE.c.path, CASE.c.wrapped_key, INSTANCE.c.context, INSTANCE.c.release_id, INSTANCE.c.case_id,
                       INSTANCE.c.started_at.label("since"))  # fmt: skip
        query = query.join(CASE, CASE.c.id == INSTANCE.c.case_id).where(INSTANCE.c.id == wait["instance_id"])
        row = db.session.execute(query).mappings().one()
        still = select(WAITS.c.id).where(WAITS.c.instance_id == wait["instance_id"], WAITS.c.message == wait["message"])
        if db.session.scalar(still) is None:
            return
        books = library(db.session(), row["release_id"])
        form = books.form(books.messages[wait["message"]]["form"])
        offered = choices.of(db.session(), row, form, "zh")
        raw = self._answers(form, offered, row, self.told[row["case_id"]], arrival.answers)
        actor = self._registrar(books, wait["message"], row["path"])
        self.rounds[wait["instance_id"], wait["message"]] += 1
        commands.record_arrival(row["case_id"], wait["message"], wait["instance_id"], raw, actor)
        self.waits.discard((wait["instance_id"], wait["element"]))

    def _registrar(self, books: Library, message: str, path: str) -> Actor:
        role = REGISTERED_BY[message]
        unit_id = units.resolve(db.session().connection(), books.roles[role], path)
        return Actor(self.holders[role, unit_id], role)


def _in_office(at: datetime, rng: Random) -> datetime:
    """`at`, or the next morning when offices are closed then."""
    local = at.astimezone(LAW_ZONE)
    if OFFICE[0] <= local.hour < OFFICE[1]:
        return at
    morning = local.replace(hour=OFFICE[0], minute=rng.randint(5, 55))
    return (morning if local.hour < OFFICE[0] else morning + DAY).astimezone(UTC)


def _by_day(at: datetime, rng: Random) -> datetime:
    """Some time on that day when people are up."""
    return at.astimezone(LAW_ZONE).replace(hour=rng.randint(7, 20), minute=rng.randint(0, 59)).astimezone(UTC)


def _asked(child: Mapping[str, Any]) -> dict[str, Any]:
    """What a reporter says of a child."""
    return {name: child[name] for name in ("name", "sex", "age_or_dob", "school")}


def _match(ref: int, name: str, offered: Choices) -> dict[str, str]:
    """One line of F03: the same child when there is a file under that name."""
    files = offered.get("candidates", ())
    same = {"match": "same", "candidate": files[0][0]} if files else {"match": "different"}
    return {"child_ref": f"{ref} {name}", **same}


def _about(form: Form, context: Mapping[str, Any]) -> dict[str, str]:
    """The guardian that an instance is about, wherever a form asks for one."""
    if "guardian_id" not in context:
        return {}
    asked = (name for name, field in form.questions.items() if field.options_from == "guardians")
    return {name: str(context["guardian_id"]) for name in asked if form.questions[name].kind == "select"}


def _first(field: Field | None, value: Any, offered: Choices) -> Any:
    """The answer, with FIRST replaced by the first thing that may be chosen."""
    if field is None or value not in (FIRST, [FIRST]):
        return value
    first = offered[field.options_from][0][0]
    return [first] if isinstance(value, list) else first
