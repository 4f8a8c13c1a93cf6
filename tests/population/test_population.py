"""All cases at once, from the record: what was asked and what became of it, ways taken, waiting times, samples."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import clock
from app.db import db, table, transaction
from app.demo import load as demo
from app.errors import Forbidden, Invalid, NotFound
from app.models import AuditSample, Case, Event, Instance, Post, Task
from app.rules import access
from app.rules.conformance import FINDINGS, Finding
from app.services import people, practice, releases
from app.services._work import NO_LIMIT
from app.services.history import _population, population, samples
from tests.conftest import START, copied
from tests.process.moves import do, fires, in_days, play
from tests.process.worlds import either_world, postgres_county, postgres_world, running, sqlite_county, world
from tests.world import CITY, COUNTY, World

__all__ = ["either_world", "postgres_county", "postgres_world", "sqlite_county", "world"]
CASE, EVENT, INSTANCE, POST, TASK, SAMPLE = (table(model) for model in (Case, Event, Instance, Post, Task, AuditSample))
ESCALATION = "overdue-escalation"


def auditor(path: str = CITY, person_id: int = 0) -> access.Person:
    """Somebody who audits the region at `path`."""
    known = person_id or db.session.scalar(sa.select(POST.c.user_id).where(POST.c.role == "auditor"))
    db.session.rollback()
    return access.Person(int(known or 0), (access.Post("auditor", path, "audit"),))


def counts(process: str = "legal-aid") -> dict[Finding, int]:
    """What became of the duties of one process."""
    page = population.page(auditor())
    db.session.rollback()
    (line,) = [line for line in page.processes if line.id == process]
    return {finding: count for finding, count in line.tally.counts.items() if count}


def late_aid(world: World) -> dict[str, Any]:
    """A township worker's task that has passed its limit."""
    world.child()
    world.start("legal_aid_needed")
    task = world.open("legal-aid", "t1")
    world.pass_time(task["due_at"])
    return task


# --- what became of duties -----------------------------------------------------------------


def test_a_duty_goes_from_open_to_missed_to_late(either_world: World) -> None:
    either_world.child()
    either_world.start("legal_aid_needed")
    assert counts() == {"open": 1}
    either_world.pass_time(either_world.open("legal-aid", "t1")["due_at"])
    assert counts() == {"missed": 1}
    either_world.pass_time("PT1M")
    either_world.send("t1", "legal-aid")
    assert counts() == {"late": 1, "open": 1}


def test_closed_cases_are_counted_from_the_record(either_world: World) -> None:
    either_world.child()
    either_world.start("legal_aid_needed")
    open_page = population.page(auditor())
    assert (open_page.cases, open_page.closed) == (2, 0)
    play(either_world, "legal-aid", [do("t1"), do("t2", legal_decision="grant"), do("t3")])
    assert population.page(auditor()).closed == 1
    db.session.rollback()
    either_world.start("legal_aid_needed")
    assert population.page(auditor()).closed == 0


def test_an_extended_limit_counts_as_extended(either_world: World) -> None:
    late_aid(either_world)
    play(either_world, ESCALATION, [do("t1", escalation_action="extend", new_due_at=in_days(5))])
    assert counts() == {"open": 1}
    either_world.send("t1", "legal-aid")
    assert counts()["in_time"] == 1
    assert counts(ESCALATION) == {"in_time": 1}


def test_a_limit_found_not_applicable_counts_as_none(either_world: World) -> None:
    late_aid(either_world)
    play(either_world, ESCALATION, [do("t1", escalation_action="not_applicable")])
    either_world.pass_time("P1M")
    assert counts() == {"open": 1}


def test_a_silent_supervisor_is_a_duty_not_done(either_world: World) -> None:
    task = late_aid(either_world)
    play(either_world, ESCALATION, [fires("b3")])
    assert counts(ESCALATION) == {"missed": 1, "open": 1}
    page = population.page(auditor())
    undone = {(one.step.zh, one.still_open) for one in page.undone}
    assert undone == {("协助申请法律援助", True), ("处理逾期", False)}
    assert {one.case_id for one in page.undone} == {task["case_id"]}


def test_what_is_withdrawn_in_time_was_not_missed(either_world: World) -> None:
    late_aid(either_world)
    either_world.send("t1", "legal-aid")
    assert counts(ESCALATION) == {"withdrawn": 1}


def test_a_step_counts_under_each_of_its_clauses(world: World) -> None:
    late_aid(world)
    element = world.library.definition("legal-aid").element("legal-aid", "t1")
    rows = {row.clause.id: row for row in population.page(auditor()).clauses}
    for clause in element.clauses:
        assert rows[clause].tally.counts["missed"] == 1
        assert rows[clause].cases == 1
    assert "proposal:overdue-escalation" in rows
    everywhere = {clause for stem in world.library.diagrams for step in world.library.definition(stem).elements(stem)
                  if step.type == "user" for clause in step.clauses}  # fmt: skip
    assert {clause.id for clause in population.page(auditor()).unmet} == everywhere - set(rows)


# --- whose eyes ----------------------------------------------------------------------------


def test_only_auditors_and_only_their_regions(world: World) -> None:
    late_aid(world)
    assert population.page(auditor(COUNTY)).cases == population.page(auditor()).cases == 2
    elsewhere = population.page(auditor("/620000/620900/"))
    assert (elsewhere.cases, elsewhere.runs, elsewhere.undone, elsewhere.clauses) == (0, 0, (), ())
    for role in ("county_lead", "policy", "admin"):
        somebody = access.Person(1, (access.Post(role, CITY, ""),))
        for look in (population.page, samples.index, lambda one: population.process(one, "legal-aid")):
            with pytest.raises(Forbidden):
                look(somebody)
        with pytest.raises(Forbidden):
            samples.draw(somebody, "1")


def test_another_post_does_not_widen_what_is_audited(world: World) -> None:
    late_aid(world)
    worker = world.actor("township_worker", world.open("legal-aid", "t1")["unit_id"]).user_id or 0
    held = people.person(db.session(), worker).posts
    both = access.Person(worker, (*held, access.Post("auditor", "/620000/620900/", "audit")))
    assert population.page(both).cases == 0


# --- against the tables, over a town ---------------------------------------------------------


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Some invented children at every stage, for tests that change nothing but samples of their own."""
    folder = tmp_path_factory.mktemp("town")
    with (
        copied(request, folder / "town.db", "sqlite_template", "postgres_template") as url,
        running(url, folder) as app,
        clock.fixed(START),
    ):
        releases.publish(releases.load())
        demo.load(10, 5)
        yield app


def rows(query: Any) -> list[dict[str, Any]]:
    found = [dict(row) for row in db.session.execute(query).mappings()]
    db.session.rollback()
    return found


def test_the_record_says_what_the_tables_say(town: Flask) -> None:
    """The fold reads events only; the inbox's tables were written by other code."""
    found = _population.read(sa.true())
    tasks = {row["id"]: row for row in rows(sa.select(TASK))}
    assert found.duties.keys() == tasks.keys()
    for number, duty in found.duties.items():
        task = tasks[number]
        assert (duty.process, duty.element, duty.case_id) == (task["process"], task["element"], task["case_id"])
        assert duty.how == ("" if task["status"] == "open" else task["status"])
        assert duty.due_at == (None if task["due_at"] == NO_LIMIT else task["due_at"])
        assert duty.opened_at == task["opened_at"]
    instances = {row["id"]: row for row in rows(sa.select(INSTANCE).where(INSTANCE.c.status != "scheduled"))}
    assert found.runs.keys() == instances.keys()
    for number, run in found.runs.items():
        assert (run.ended_at is not None) == (instances[number]["status"] == "done")
        done = rows(sa.select(TASK).where(TASK.c.instance_id == number, TASK.c.status == "done"))
        assert Counter(run.path) == Counter(f"{row['process']}.{row['element']}" for row in done)


def test_figures_add_up(town: Flask) -> None:
    page = population.page(auditor())
    assert page.cases == len(rows(sa.select(CASE.c.id)))
    assert page.tally.asked == sum(page.tally.counts.values()) == len(rows(sa.select(TASK.c.id)))
    for finding in FINDINGS:
        assert sum(line.tally.counts[finding] for line in page.processes) == page.tally.counts[finding]
    assert sum(line.ended + line.running for line in page.processes) == page.runs
    late = rows(sa.select(TASK.c.id).where(TASK.c.status == "open", TASK.c.due_at <= practice.now()))
    assert sum(one.still_open for one in page.undone) == len(late)


def test_ways_and_waits_are_what_they_say(town: Flask) -> None:
    found, now = _population.read(sa.true()), practice.now()
    for line in population.page(auditor()).processes:
        view = population.process(auditor(), line.id)
        ended = [run for run in found.runs.values() if run.process == line.id and run.ended_at]
        assert sum(way.count for way in view.variants) == len(ended) == view.ended
        assert [way.count for way in view.variants] == sorted((way.count for way in view.variants), reverse=True)
        assert line.usual == (view.variants[0].count if view.variants else 0)
        assert len({way.path for way in view.variants}) == view.kinds == len({run.variant for run in ended})
        for way in view.variants:
            assert way.quickest <= way.median <= way.slowest
            assert all(not stop.end for stop in way.path[: -len([s for s in way.path if s.end]) or None])
        for step in view.steps:
            waits = [duty.waited(now) for duty in found.duties.values()
                     if (duty.process, duty.element) == (line.id, step.id) and duty.how != "cancelled"]  # fmt: skip
            assert step.median == (timedelta(seconds=median(waits)) if waits else None)
            assert step.level == (0 if not waits else 1 + sum(step.median >= limit for limit in population.LEVELS))


def test_a_process_that_is_not_there(town: Flask) -> None:
    with pytest.raises(NotFound):
        population.process(auditor(), "no-such")


# --- samples -------------------------------------------------------------------------------


def test_a_sample_can_be_drawn_again_by_anybody(town: Flask) -> None:
    number = samples.draw(auditor(), "5", seed=" 8-19-27 ")
    every = [row["id"] for row in rows(sa.select(CASE.c.id).where(CASE.c.kind != "register"))]
    ranked = sorted((hashlib.sha256(b"8-19-27:%d" % case).hexdigest(), case) for case in every)
    shown = samples.show(auditor(), number)
    assert [one.id for one in shown.cases] == [case for _, case in ranked[:5]]
    assert (shown.again, shown.line.seed, shown.line.frame, shown.line.size) == (True, "8-19-27", len(every), 5)
    with transaction() as session:
        session.execute(
            sa.update(SAMPLE).where(SAMPLE.c.id == number).values(case_ids=[case for _, case in ranked[1:6]])
        )
    assert not samples.show(auditor(), number).again


def test_the_system_makes_a_seed_of_its_own(town: Flask) -> None:
    first, second = (samples.show(auditor(), samples.draw(auditor(), "200")).line for _ in range(2))
    assert first.seed != second.seed
    assert len(first.seed) == 16
    assert first.size == first.frame, "no more than there are"
    assert [line.id for line in samples.index(auditor())][:2] == [second.id, first.id]


def test_a_sample_among_cases_that_a_process_ran_in(town: Flask) -> None:
    shown = samples.show(auditor(), samples.draw(auditor(), "200", "home-visit"))
    ran = {row["case_id"] for row in rows(sa.select(INSTANCE.c.case_id).where(INSTANCE.c.process == "home-visit"))}
    assert {one.id for one in shown.cases} == ran
    assert shown.line.process is not None
    with pytest.raises(NotFound):
        samples.draw(auditor(), "1", "no-such")


def test_later_cases_do_not_change_what_was_drawn(world: World) -> None:
    world.child()
    number = samples.draw(auditor(), "1", seed="x")
    drawn = samples.show(auditor(), number)
    world.pass_time("P1D")
    for _ in range(5):
        world.child()
    after = samples.show(auditor(), number)
    assert after.again
    assert after.cases == drawn.cases


@pytest.mark.parametrize("size", ["", "0", "201", "-1", "ten", "1.5", "²", "9" * 40])
def test_a_size_that_is_none(world: World, size: str) -> None:
    world.child()
    with pytest.raises(Invalid) as refused:
        samples.draw(auditor(), size)
    assert set(refused.value.fields) == {"size"}


def test_a_seed_of_a_novel(world: World) -> None:
    world.child()
    with pytest.raises(Invalid) as refused:
        samples.draw(auditor(), "1", seed="种" * 65)
    assert set(refused.value.fields) == {"seed"}


def test_nothing_to_draw_from(world: World) -> None:
    with pytest.raises(Invalid):
        samples.draw(auditor("/620000/620900/"), "1")


def test_a_sample_of_other_regions_is_not_there(world: World) -> None:
    world.child()
    number = samples.draw(auditor(), "1")
    narrow = auditor(COUNTY)
    assert samples.index(narrow) == ()
    with pytest.raises(NotFound):
        samples.show(narrow, number)
    with pytest.raises(NotFound):
        samples.show(auditor(), number + 1)
