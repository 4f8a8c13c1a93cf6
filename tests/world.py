"""A small county that works: units, people, a published release, and a driver for cases.

Everything goes through the real services on a real database under a fixed clock. What a test
does not say of a form is filled in with plausible answers. After every move the world looks
around: nothing may be stuck and no step may have failed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.clock import LAW_ZONE
from app.db import db
from app.demo.answers import plausible
from app.rules.calendar import add_months, parse_rule
from app.rules.forms import Choices, Form
from app.services import _queue, _registers, _route, choices, commands, deadlines, outbox, releases, reports
from app.services._work import SYSTEM, Actor, Live
from app.services.inbox import listing
from tests.process.books import Books
from tests.process.county import (
    CASE,
    CITY,
    COUNTY,
    DEADLINE,
    EVENT,
    INCIDENT,
    INSTANCE,
    OTHER_VILLAGE,
    OUTBOX,
    POST,
    SUBSCRIPTION,
    TASK,
    TOWNSHIP,
    VILLAGE,
    found,
)

__all__ = [
    "CASE", "CITY", "COUNTY", "DEADLINE", "EVENT", "INSTANCE", "OTHER_VILLAGE", "SUBSCRIPTION", "TASK", "TOWNSHIP",
    "VILLAGE", "World", "found",
]  # fmt: skip
Moment = str | datetime
"""A span from now (PT2H, P3D, P6M, P1Y) or an instant."""


@dataclass
class World(Books):
    """The driver. `move` sets the fixed clock; every choice a test leaves open comes from `rng`."""

    move: Callable[[datetime], None]
    rng: random.Random = field(default_factory=lambda: random.Random(2016))
    village: str = VILLAGE
    case: int = 0
    """The case that is meant where none is named: the last one opened by hand, else any."""
    honest: bool = True
    """False when a test has tampered with the tables, so that its end is not looked at."""

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
        row = db.session.execute(listing.base().where(TASK.c.id == task["id"])).mappings().one()
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
        about = {"case_id": case, "wrapped_key": row["wrapped_key"], "path": row["path"]}
        return choices.of(db.session(), about | {"context": context[0]["context"] if context else {}}, form, "zh")

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

    def _next_due(self) -> datetime | None:
        first = sa.select(sa.func.min(deadlines.COMES).label("at")).where(DEADLINE.c.state == "due")
        found: datetime | None = self.rows(first)[0]["at"]
        return found

    def settle(self) -> None:
        """Deliver the outbox; then nothing may have failed and nothing may be stuck."""
        outbox.deliver()
        late = self.rows(sa.select(OUTBOX).where(OUTBOX.c.state == "waiting"))
        assert not late, f"not delivered: {late}"
        assert not self.rows(sa.select(INCIDENT)), f"failed: {self.rows(sa.select(INCIDENT))}"
        assert not self.stuck(), f"stuck: {self.stuck()}"
        assert not self.misjudged(), f"open or closed, against the instances: {self.misjudged()}"


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
