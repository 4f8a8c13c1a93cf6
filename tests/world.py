"""A small county that works: units, people, a published release, and a driver for cases.

Everything goes through the real services on a real database under a fixed clock. What a test
does not say of a form is filled in with plausible answers. After every move the world looks
around: nothing may be stuck and no step may have failed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from app import clock
from app.clock import LAW_ZONE
from app.db import db, table, transaction
from app.demo.answers import plausible
from app.models import (
    Case,
    CaseLink,
    Child,
    Deadline,
    Event,
    Guardian,
    Incident,
    Instance,
    Outbox,
    Performance,
    Post,
    ReportLink,
    Submission,
    Subscription,
    Task,
    Unit,
)
from app.rules.calendar import add_months, parse_rule
from app.rules.forms import Choices, Form
from app.services import (
    _queue,
    _registers,
    _route,
    _seal,
    choices,
    commands,
    deadlines,
    inbox,
    outbox,
    people,
    releases,
    reports,
    submissions,
    units,
)
from app.services._work import SYSTEM, Actor, Live
from app.services.library import Library

CITY, COUNTY = "/620000/620700/", "/620000/620700/620702/"
TOWNSHIP = COUNTY + "620702101/"
VILLAGE, OTHER_VILLAGE = TOWNSHIP + "620702101201/", TOWNSHIP + "620702101202/"
PLACES = (
    ("city", CITY, "张掖市", ("city_government", "civil_affairs", "police", "governance", "audit")),
    ("county", COUNTY, "甘州区", (
        "county_government", "civil_affairs", "police", "education", "health", "justice", "relief_institution",
        "welfare_institution", "womens_federation", "social_work", "volunteer",
    )),
    ("township", TOWNSHIP, "柳河镇", ("township_government", "police", "education", "health")),
    ("village", VILLAGE, "红柳滩村", ("village",)),
    ("village", OTHER_VILLAGE, "沙河湾村", ("village",)),
)  # fmt: skip
"""Level, path, name, and the sectors that have a unit there."""

(
    CASE,
    DEADLINE,
    EVENT,
    INSTANCE,
    TASK,
    OUTBOX,
    POST,
    UNIT,
    GUARDIAN,
    INCIDENT,
    SUBSCRIPTION,
    LINK,
    REPORT_LINK,
    PERFORMANCE,
    SUBMISSION,
    CHILD,
) = (
    table(model)
    for model in (
        Case,
        Deadline,
        Event,
        Instance,
        Task,
        Outbox,
        Post,
        Unit,
        Guardian,
        Incident,
        Subscription,
        CaseLink,
        ReportLink,
        Performance,
        Submission,
        Child,
    )
)
LIVE = ("running", "scheduled")
Moment = str | datetime
"""A span from now (PT2H, P3D, P6M, P1Y) or an instant."""


def found() -> None:
    """Found the county: units, a person for every role in every unit that has it, the repository's release."""
    with transaction() as session:
        for level, path, name, sectors in PLACES:
            place = path.strip("/").split("/")[-1]
            for sector in sectors:
                code = place if sector in ("village", f"{level}_government") else f"{place}-{sector}"
                values = {"path": path, "level": level, "sector": sector, "name_zh": name + sector, "name_en": code}
                session.add(Unit(code=code, **values))
    releases.publish(releases.load())
    for role in releases.current_library().roles.values():
        for code, sector, path in db.session.execute(sa.select(UNIT.c.code, UNIT.c.sector, UNIT.c.path)).all():
            depth = len(path.strip("/").split("/"))
            if sector in role["sectors"] and (role["level"] == "external" or depth == units.depth(role["level"])):
                people.add_user(f"{role['id']}.{code}", f"{role['id']} {code}", "*", [(role["id"], code)])


@dataclass
class World:
    """The driver. `move` sets the fixed clock; every choice a test leaves open comes from `rng`."""

    move: Callable[[datetime], None]
    rng: random.Random = field(default_factory=lambda: random.Random(2016))
    village: str = VILLAGE
    case: int = 0
    """The case that is meant where none is named: the last one opened by hand, else any."""

    # --- reading ------------------------------------------------------------------------

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
        """What the outbox says to whom, oldest first."""
        query = sa.select(OUTBOX.c.payload).where(OUTBOX.c.kind == "notice").order_by(OUTBOX.c.id)
        about = query.where(OUTBOX.c.case_id == (case or self.case))
        return [(row["payload"]["kind"], row["payload"]["role"]) for row in self.rows(about)]

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

    # --- people's work ------------------------------------------------------------------

    def open(self, process: str, element: str = "", case: int = 0) -> dict[str, Any]:
        """The one open task there; a readable failure when there is none or more than one."""
        tasks = self.open_tasks(element, process, case)
        assert len(tasks) == 1, f"{process}.{element}: {len(tasks)} open; to do: {self.todo(case)}"
        return tasks[0]

    def send(self, element: str, process: str = "", case: int = 0, **wanted: Any) -> commands.Done:
        """Fill in the form of the open task and send it, as the person whose work it is."""
        return self.send_task(self.open(process, element, case), wanted)

    def send_task(self, task: Mapping[str, Any], wanted: Mapping[str, Any] | None = None) -> commands.Done:
        """Fill in and send this task's form; `wanted` are the answers that matter."""
        row = db.session.execute(inbox.base().where(TASK.c.id == task["id"])).mappings().one()
        element = self.library.definition(row["process"]).element(row["process"], row["element"])
        form = self.library.form(element.form or "")
        given = {name: _plain(value) for name, value in (wanted or {}).items()}
        if form.id == "F03" and "matches" not in given:
            children = choices.report_children(db.session(), row)
            given["matches"] = [{"child_ref": f"{ref} {name}", "match": "different"} for ref, name in children]
        assert given.keys() <= form.questions.keys(), f"{form.id} does not ask {given.keys() - form.questions.keys()}"
        offered = choices.of(db.session(), row, form, "zh")
        raw = plausible(form, offered, self.rng, self.now, given)
        where = f"{task['process']}.{task['element']} ({form.id})"
        with readable(where, raw):
            done = commands.complete(task["id"], task["version"], raw, self.actor(task["role"], task["unit_id"]))
        self.settle()
        return done

    def actor(self, role: str, unit_id: int) -> Actor:
        """Somebody who holds `role` in that unit."""
        query = sa.select(POST.c.user_id).where(POST.c.role == role, POST.c.unit_id == unit_id).order_by(POST.c.user_id)
        held = self.rows(query)
        assert held, f"nobody is {role} in unit {unit_id}"
        return Actor(held[0]["user_id"], role)

    def anybody(self) -> Actor:
        """Any person."""
        return Actor(self.rows(sa.select(POST.c.user_id).limit(1))[0]["user_id"], "township_worker")

    def arrive(self, message: str, case: int = 0, instance: int | None = None, **wanted: Any) -> commands.Done:
        """Register at the desk what came from outside, for the instance it is about."""
        case, rules = case or self.case, self.library.messages[message]
        sources = rules["payload_sources"]["desk"].values()
        if instance is None and any(source.startswith("instance:") for source in sources):
            instance = self._catcher(message, case)
        form = self.library.form(rules["form"])
        offered = self.offered(form, case, instance)
        raw = plausible(form, offered, self.rng, self.now, {name: _plain(value) for name, value in wanted.items()})
        with readable(message, raw):
            done = commands.record_arrival(case, message, instance, raw, Actor(None, "county_worker"))
        self.settle()
        return done

    def offered(self, form: Form, case: int, instance: int | None = None) -> Choices:
        """What may be chosen on a form about this case."""
        row = self.case_row(case)
        context = self.rows(sa.select(INSTANCE.c.context).where(INSTANCE.c.id == instance))
        about = {"case_id": case, "context": context[0]["context"] if context else {}}
        return choices.of(db.session(), row | about, form, "zh")

    def _catcher(self, message: str, case: int) -> int:
        """The one running instance whose diagram catches the message; the one that waits for it now, if one does."""
        running = self.instances(case=case, status=("running",))
        waiting = [one["id"] for one in running if any(name == message for name, _ in one["awaits"])]
        able = [one["id"] for one in running if self._catches(one["process"], message)]
        catchers = waiting or able
        assert len(catchers) == 1, f"{message}: caught by {catchers} of {[one['process'] for one in running]}"
        return catchers[0]

    def _catches(self, process: str, message: str) -> bool:
        return any(element.message == message for element in self.library.definition(process).elements())

    # --- starting -----------------------------------------------------------------------

    def report(self, children: Sequence[Mapping[str, Any]] = ({"name": "林小禾"},), **wanted: Any) -> int:
        """Somebody reports, the police write down who the children are; returns the report's case."""
        case = self.file_report().case_id
        known = {"sex": "f", "age_or_dob": "9", "safe_adult_now": "yes", "village": self.village_code}
        self.send("t1", "report-intake", case, children=[known | child for child in children], **wanted)
        return case

    def file_report(self) -> reports.Receipt:
        """Somebody reports a child of the village on the public page."""
        form = self.library.form(reports.PUBLIC_FORM)
        offered = choices.of(db.session(), {}, form, "zh")
        raw = plausible(form, offered, self.rng, self.now, {"village": self.village_code})
        return reports.file_report(raw, Actor(None, "reporter"))

    @property
    def village_code(self) -> str:
        """The code of the village where children live, unless a test moves there."""
        return self.village.strip("/").split("/")[-1]

    def accepted(self, children: Sequence[Mapping[str, Any]] = ({"name": "林小禾"},), **danger: str) -> list[int]:
        """A report taken in without danger, its children's cases opened; returns their cases."""
        before = self.cases("child")
        case = self.report(children)
        safe = {"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}
        self.send("t2", "report-intake", case, **safe | danger)
        self.send("t3", "report-intake", case)
        self.send("t4", "report-intake", case, intake_decision="accept")
        return [child for child in self.cases("child") if child not in before]

    def child(self, **told: Any) -> int:
        """A child's case by itself, with father and mother; from now on the case that is meant."""
        with commands.work_on(SYSTEM) as work:
            case = work.open_case("child", self.village)
            report = work.open_case("report", self.village)
            report_id, _, _ = _registers.new_report(work, report, "web")
            _registers.take_over(work, case, report_id)
            _registers.add_child(work, case, {"name": "林小禾", "sex": "f", "age_or_dob": "9"} | told)
        self.case = case.id
        return case.id

    def start(self, message: str, case: int = 0, **payload: Any) -> int:
        """A message that a process sends into this case, and what it starts; returns the newest instance."""
        assert self.tell(message, case, **payload), f"nobody took {message}"
        return max(one["id"] for one in self.instances(case=case))

    def tell(self, message: str, case: int = 0, **payload: Any) -> int:
        """A message that a process sends into this case; returns how many took it."""
        with commands.work_on(SYSTEM) as work:
            locked = work.lock(case or self.case)
            taken = _route.route(work, locked, message, payload, _route.origin_of(work, locked))
        self.settle()
        return taken

    def schedule(self, process: str, at: datetime, case: int = 0, **context: Any) -> int:
        """Put an instance down for a day to come, as operations do."""
        with commands.work_on(SYSTEM) as work:
            locked = work.lock(case or self.case)
            live: Live = _queue.start(work, locked, process, context, releases.current(work.session), at)
        return live.id

    # --- time and mail ------------------------------------------------------------------

    def pass_time(self, to: Moment) -> int:
        """Move the clock, every deadline on its own day; returns how many fired."""
        target, fired = self.at(to), 0
        while (due := self._next_due()) is not None and due <= target:
            self.move(max(due, self.now))
            count = deadlines.tick()
            assert count, f"the deadline of {due} does not fire: {self.rows(sa.select(INCIDENT))}"
            fired += count
            self.settle()
        self.move(max(target, self.now))
        return fired

    def at(self, to: Moment) -> datetime:
        """The instant meant: itself, or a span from now (days and months by the calendar)."""
        if isinstance(to, datetime):
            return to.astimezone(UTC)
        rule, here = parse_rule(to), self.now.astimezone(LAW_ZONE)
        if rule.unit in ("H", "M"):
            return self.now + (timedelta(hours=rule.count) if rule.unit == "H" else timedelta(minutes=rule.count))
        months = {"months": rule.count, "Y": 12 * rule.count}.get(rule.unit)
        day = here.date() + timedelta(days=rule.count) if months is None else add_months(here.date(), months)
        return datetime.combine(day, here.time(), LAW_ZONE).astimezone(UTC)

    def fires(self, element: str, process: str = "", case: int = 0) -> None:
        """Let time pass until that timer has fired."""
        armed = [
            (datetime.fromisoformat(due), key, one["id"])
            for one in self.instances(case=case)
            for key, due, name in one["timers"]
            if name == element and process in ("", *self.library.definition(one["process"]).processes)
        ]
        assert armed, f"no timer {process}.{element} runs; to do: {self.todo(case)}"
        due, key, instance = min(armed)
        self.pass_time(due)
        left = [timer[0] for one in self.instances(case=case) if one["id"] == instance for timer in one["timers"]]
        assert key not in left, f"{process}.{element} did not fire at {due}"

    def timer(self, element: str, case: int = 0) -> datetime:
        """When the one timer of that name fires."""
        (due,) = [due for one in self.instances(case=case) for _, due, name in one["timers"] if name == element]
        return datetime.fromisoformat(due)

    def _next_due(self) -> datetime | None:
        first = sa.select(sa.func.min(DEADLINE.c.due_at).label("at")).where(DEADLINE.c.state == "due")
        found: datetime | None = self.rows(first)[0]["at"]
        return found

    def settle(self) -> None:
        """Deliver the outbox; then nothing may have failed and nothing may be stuck."""
        outbox.deliver()
        late = self.rows(sa.select(OUTBOX).where(OUTBOX.c.state == "waiting"))
        assert not late, f"not delivered: {late}"
        assert not self.rows(sa.select(INCIDENT)), f"failed: {self.rows(sa.select(INCIDENT))}"
        assert not self.stuck(), f"stuck: {self.stuck()}"

    def stuck(self) -> list[dict[str, Any]]:
        """Running instances with no open task, no timer and no awaited message; scheduled ones with no day."""
        busy = sa.select(TASK.c.instance_id).where(TASK.c.status == "open")
        timed = (DEADLINE.c.state == "due", DEADLINE.c.kind.in_(("timer", "start")))
        moving = sa.union(busy, sa.select(DEADLINE.c.instance_id).where(*timed), sa.select(SUBSCRIPTION.c.instance_id))
        query = sa.select(INSTANCE.c.id, INSTANCE.c.process, INSTANCE.c.case_id, INSTANCE.c.status)
        return self.rows(query.where(INSTANCE.c.status.in_(LIVE), INSTANCE.c.id.not_in(moving)))


@contextmanager
def readable(where: str, raw: Mapping[str, Any]) -> Iterator[None]:
    """Says what was sent where when a service refuses it."""
    try:
        yield
    except Exception as error:
        error.add_note(f"{where}: {getattr(error, 'fields', '')} sent {dict(raw)}")
        raise


def _plain(value: Any) -> Any:
    """A test's value as a form takes it."""
    if isinstance(value, datetime):
        return value.astimezone(LAW_ZONE).isoformat(timespec="minutes")
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
