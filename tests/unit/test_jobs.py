"""The ticker and the outbox: everything once, whoever does it; failures wait, show, and mend themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, insert, update

from app import clock, jobs
from app.clock import LAW_ZONE
from app.db import db, table, transaction
from app.demo import load
from app.demo.places import CITY_PATH
from app.models import Deadline, Event, Incident, JobRun, Notice, Outbox, Post, Task, Unit
from app.rules.calendar import Calendar
from app.services import commands, deadlines, outbox, provisional, releases, reports, units
from app.services._work import Actor
from app.services.audit import verification
from tests.conftest import START, MakeApp, rows

Move = Callable[[datetime], None]
VILLAGE = "620702101201"


@pytest.fixture
def ready(app: Flask, at: Move) -> Flask:
    """An installation with units, people and a published release."""
    load.load(0, seed=1)
    return app


def file_report(village: str = VILLAGE) -> reports.Receipt:
    told = {
        "reported_situations": ["living_alone"], "safe_adult_now": "no", "facts": "孩子一个人在家", "place": "村口",
        "village": village, "reporter_kind": "anonymous", "children": [{"name": "林小禾"}],
    }  # fmt: skip
    receipt = reports.file_report(told, Actor())
    with transaction() as session:
        session.execute(
            delete(table(Outbox))
        )  # that the police must set out now is told in tests/process/test_urgent_notices.py
    return receipt


def notice(case_id: int, role: str = "township_worker", key: str = "n1", **ids: Any) -> None:
    with transaction() as session:
        session.execute(insert(table(Outbox)).values(
            case_id=case_id, kind="notice", key=key, payload={"kind": "first_notice", "role": role, "ids": ids},
            state="waiting", attempts=0, due_at=clock.now(),
        ))  # fmt: skip


def test_a_notice_reaches_its_unit_once(ready: Flask) -> None:
    case_id = file_report().case_id
    notice(case_id)
    assert outbox.deliver() == 1
    assert outbox.deliver() == 0
    (sent,) = rows(table(Notice))
    (unit,) = [unit for unit in rows(table(Unit)) if unit["id"] == sent["unit_id"]]
    assert (unit["code"], sent["kind"], sent["case_id"]) == ("620702101", "first_notice", case_id)


@pytest.mark.parametrize(
    ("role", "code"),
    [("reporter", "620702101-police"), ("police_elsewhere", "620702101-police"), ("parents", "620702101-police")],
)
def test_who_does_not_sign_in_hears_through_the_police(ready: Flask, role: str, code: str) -> None:
    notice(file_report().case_id, role)
    outbox.deliver()
    (sent,) = rows(table(Notice))
    assert [unit["code"] for unit in rows(table(Unit)) if unit["id"] == sent["unit_id"]] == [code]


def test_an_assignee_hears_on_the_page_of_the_tasks_unit(ready: Flask) -> None:
    case_id = file_report().case_id
    (task,) = rows(table(Task))
    notice(case_id, "assignee", task_id=task["id"])
    outbox.deliver()
    assert [sent["unit_id"] for sent in rows(table(Notice))] == [task["unit_id"]]


def test_a_failed_delivery_is_tried_again_and_shows_after_the_third_time(ready: Flask, at: Move) -> None:
    case_id = file_report().case_id
    notice(case_id)
    with transaction() as session:
        session.execute(update(Unit).values(path="x" + Unit.path))
    now = START
    for attempt, wait in enumerate(deadlines.BACK_OFF[:3], start=1):
        assert outbox.deliver() == 0
        (row,) = rows(table(Outbox))
        assert (row["state"], row["attempts"], row["due_at"]) == ("waiting", attempt, now + wait)
        assert len(rows(table(Incident))) == (1 if attempt > outbox.QUIET_FAILURES else 0)
        assert outbox.deliver() == 0, "it waits for its next try"
        now += wait
        at(now)
    with transaction() as session:
        session.execute(update(Unit).values(path=func.substr(Unit.path, 2)))
    assert outbox.deliver() == 1
    assert len(rows(table(Notice))) == 1
    assert [incident["state"] for incident in rows(table(Incident))] == ["closed"]


def test_two_workers_deliver_once(make_app: MakeApp, at: Move) -> None:
    with make_app().app_context():
        load.load(0, seed=1)
        case_id = file_report().case_id
        for number in range(6):
            notice(case_id, key=f"n{number}")
        ids = outbox.due_ids()
    begin, failed = threading.Barrier(2), []

    def deliver(app: Flask) -> None:
        with app.app_context():
            begin.wait()
            failed.extend(outbox_id for outbox_id in ids if not outbox.deliver_one(outbox_id))
            db.session.remove()

    threads = [threading.Thread(target=deliver, args=(make_app(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with make_app().app_context():
        assert failed == []
        assert len(rows(table(Notice))) == 6


def test_the_scheduler_fires_deadlines_and_delivers(ready: Flask, at: Move) -> None:
    case_id = file_report().case_id
    notice(case_id)
    at(START + timedelta(hours=2))
    done = threading.Event()
    scheduler = jobs.start(ready)
    scheduler.add_listener(lambda _event: done.set() if _fired() else None)

    def _fired() -> bool:
        with ready.app_context():
            late = [row for row in rows(table(Deadline)) if row["state"] == "due" and row["due_at"] <= clock.now()]
            return not late and bool(rows(table(Notice)))

    assert done.wait(30)
    scheduler.shutdown()
    assert {job_id for job_id, *_ in jobs.JOBS} == {
        "deadlines", "releases", "outbox", "digests", "mail", "sms", "looks", "log", "provisional",
    }  # fmt: skip
    (task,) = [task for task in rows(table(Task)) if task["process"] == "report-intake"]
    assert task["escalations"] == 1
    assert verification.verify() == []


def test_a_failing_job_does_not_end_the_ticking(ready: Flask) -> None:
    def broken() -> int:
        raise RuntimeError("no")

    jobs._within(ready, "broken", broken, jobs.EVERY)()
    (run,) = rows(table(JobRun))
    assert (run["name"], run["failed_at"]) == ("broken", run["ran_at"])


class Published(Calendar):
    """The schedule of a year that is not out yet: it gives a week off that nobody could guess."""

    def published(self, year: int) -> bool:
        return True

    def is_working_day(self, day: date) -> bool:
        return day.weekday() < 5 and not date(2030, 3, 4) <= day <= date(2030, 3, 8)


def provisional_task() -> int:
    """A case with an open task whose limit was guessed; returns its number."""
    case_id = file_report().case_id
    for element, answers in (
        ("t1", {"channel": "web", "reporter_kind": "anonymous", "learned_at": clock.now().isoformat(), "place": "村口",
                "reported_situations": ["living_alone"], "facts": "x",
                "children": [{"name": "林小禾", "village": VILLAGE, "safe_adult_now": "yes"}]}),
        ("t2", {"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}),
        ("t3", {"matches": [{"child_ref": "1", "match": "different"}], "same_incident": "no"}),
        ("t4", {"intake_decision": "accept", "reason": "r"}),
    ):  # fmt: skip
        (task,) = [task for task in rows(table(Task)) if task["element"] == element and task["case_id"] == case_id]
        commands.complete(int(str(task["id"])), int(str(task["version"])), answers, Actor())
    (task,) = [task for task in rows(table(Task)) if task["element"] == "t8"]
    return int(str(task["id"]))


def test_a_provisional_limit_is_settled_when_the_schedule_is_out(ready: Flask, at: Move) -> None:
    at(datetime(2030, 3, 1, 10, tzinfo=LAW_ZONE).astimezone(clock.now().tzinfo))
    task_id = provisional_task()
    (before,) = [row for row in rows(table(Deadline)) if row["task_id"] == task_id]
    assert before["provisional"]
    assert before["law_date"] == date(2030, 3, 4)
    assert provisional.recompute() == 0, "the schedule is still not out"
    assert provisional.recompute(Published()) == 1
    (after,) = [row for row in rows(table(Deadline)) if row["task_id"] == task_id]
    (task,) = [row for row in rows(table(Task)) if row["id"] == task_id]
    assert (after["law_date"], after["provisional"]) == (date(2030, 3, 11), False)
    assert after["due_at"] == task["due_at"] == datetime(2030, 3, 12, tzinfo=LAW_ZONE)
    assert "暂定" not in task["due"]["zh"]
    assert "deadline_settled" in {event["kind"] for event in rows(table(Event))}
    assert provisional.recompute(Published()) == 0
    assert verification.verify() == []


def test_a_report_that_names_no_place_reaches_somebody_at_every_step(ready: Flask) -> None:
    roles = [role for role in releases.current_library().roles.values() if role["level"] in units.LEVELS]
    held = {(post["role"], post["unit_id"]) for post in rows(table(Post))}
    for role in roles:
        unit_id = units.resolve(db.session().connection(), role, CITY_PATH)
        assert role["sectors"] == ["all"] or (role["id"], unit_id) in held, role["id"]


# --- the record ------------------------------------------------------------------------------


def tampered(change: Callable[[Any], object]) -> list[str]:
    with transaction() as session:
        change(session)
    return [broken.code for broken in verification.verify()]


EVENTS = table(Event)
TAMPERING: dict[str, tuple[Callable[[Any], object], str]] = {
    "a body": (lambda s: s.execute(update(EVENTS).where(EVENTS.c.seq == 2).values(body="{}")), "hash"),
    "a body and its hash": (
        lambda s: s.execute(update(EVENTS).where(EVENTS.c.seq == 2).values(body="{}", hash=b"x" * 32)), "hash"
    ),
    "a hash before": (lambda s: s.execute(update(EVENTS).where(EVENTS.c.seq == 2).values(prev=b"x" * 32)), "link"),
    "an actor": (lambda s: s.execute(update(EVENTS).where(EVENTS.c.seq == 2).values(actor_id=99)), "column"),
    "a time": (lambda s: s.execute(update(EVENTS).where(EVENTS.c.seq == 2).values(occurred_at=START)), "column"),
    "an event that is gone": (lambda s: s.execute(delete(EVENTS).where(EVENTS.c.seq == 2)), "number"),
    "a last event that is gone": (
        lambda s: s.execute(delete(EVENTS).where(EVENTS.c.seq == max(row["seq"] for row in rows(EVENTS)))), "end"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_shows(ready: Flask, at: Move, what: str) -> None:
    at(START + timedelta(minutes=1))
    file_report()
    assert verification.verify() == []
    change, code = TAMPERING[what]
    assert tampered(change) == [code]
