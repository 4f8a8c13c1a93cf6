"""The ticker: how fast deadlines fire that have come, and what a look costs when none has."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import clock
from app.db import table, transaction
from app.models import Case, Deadline, Instance
from app.services import _queue, commands, deadlines, releases
from app.services._work import SYSTEM
from tests.bench.ground import PROCESS, Ground
from tests.bench.measure import Report, Span, span_of
from tests.world import VILLAGE

VISITS = 100
"""Visits that begin on their day; each then has a task whose limit passes: two deadlines a case."""
FEW, MANY = 1_000, 100_000
LOOKS = 200
APART = 10_000_000
"""From here on rows made here are numbered, out of the way of those that the product makes."""
FAR = datetime(2099, 1, 1, tzinfo=UTC)
CASE, INSTANCE, DEADLINE = table(Case), table(Instance), table(Deadline)


def measure(ground: Ground, report: Report) -> None:
    """Figures of the ticker."""
    _fire(ground, 2)  # diagrams are read once
    begun, escalated = _fire(ground, VISITS)
    report.figure("deadlines_per_s", 1000 * VISITS / begun.wall, "deadlines/s", "visits that begin; one worker")
    report.figure("deadlines_per_s_cpu", 1000 * VISITS / begun.cpu, "deadlines/s", "visits that begin; one worker")
    report.figure(
        "escalations_per_s", 1000 * VISITS / escalated.wall, "deadlines/s", "tasks past their limit; one worker"
    )
    report.figure(
        "escalations_per_s_cpu", 1000 * VISITS / escalated.cpu, "deadlines/s", "tasks past their limit; one worker"
    )
    few, many = _idle(ground, report, FEW), _idle(ground, report, MANY)
    report.figure("idle_tick_many_vs_few", many / few, "ratio", f"{MANY} and {FEW} open cases; bar 2")


def _fire(ground: Ground, count: int) -> tuple[Span, Span]:
    """Visits begin on their day; then each visit's task is past its limit, which a supervisor must hear of."""
    clear, begin = clock.now() + timedelta(days=30), clock.now() + timedelta(days=31)
    ground.world.move(clear)
    deadlines.tick()
    for _ in range(count):
        case_id = ground.case()
        with commands.work_on(SYSTEM) as work:
            case = work.lock(case_id)
            _queue.start(work, case, "home-visit", {}, releases.current(work.session), begin)
    ground.world.move(begin)
    begun = span_of(deadlines.tick)
    ground.world.move(_limit(ground))
    return begun, span_of(deadlines.tick)


def _limit(ground: Ground) -> datetime:
    """When the visits' tasks, all alike, are past their limit."""
    query = sa.select(sa.func.max(DEADLINE.c.due_at).label("at")).where(
        DEADLINE.c.state == "due", DEADLINE.c.rule == "D21a"
    )
    at: datetime = ground.world.rows(query)[0]["at"]
    return at


def _idle(ground: Ground, report: Report, cases: int) -> float:
    """A tick that finds nothing, while `cases` cases are open, each with a deadline to come."""
    fill(cases)
    spans = [span_of(deadlines.tick) for _ in range(LOOKS)]
    wall, cpu = statistics.median(span.wall for span in spans), statistics.median(span.cpu for span in spans)
    report.figure(f"idle_tick_ms_{cases}", wall, "ms", f"{cases} open cases")
    report.figure(f"idle_tick_cpu_ms_{cases}", cpu, "ms", f"{cases} open cases")
    return wall


def fill(cases: int) -> None:
    """Rows for open cases up to `cases`, made in the database."""
    with transaction() as session:
        have = session.scalar(sa.select(sa.func.count()).select_from(CASE).where(CASE.c.status == "open"))
        release_id = releases.current(session)
        top = max(APART, session.scalar(sa.select(sa.func.max(CASE.c.id))) or 0)
        numbers = sa.select(sa.literal(top + 1).label("i")).cte("numbers", recursive=True)
        numbers = numbers.union_all(sa.select(numbers.c.i + 1).where(numbers.c.i < top + cases - have))
        for target, values in _rows(numbers.c.i, release_id):
            query = sa.select(*values.values()).select_from(numbers)
            session.execute(sa.insert(target).from_select(list(values), query, include_defaults=False))
    with transaction() as session:
        session.execute(sa.text("ANALYZE"))


def _rows(
    number: sa.ColumnElement[int], release_id: int
) -> Iterator[tuple[sa.Table, dict[str, sa.ColumnElement[Any]]]]:
    """A case, its instance and a deadline that is far away, all under the same number."""

    def given(target: sa.Table, **values: Any) -> dict[str, sa.ColumnElement[Any]]:
        return {name: sa.literal(value, target.c[name].type) for name, value in values.items()} | {"id": number}

    now = clock.now()
    yield CASE, given(CASE, kind="child", status="open", path=VILLAGE, risk="", sealed=False, facts={}, wrapped_key=b"",
                      opened_at=now, version=0, last_seq=0, last_hash=b"")  # fmt: skip
    running = given(INSTANCE, release_id=release_id, process=PROCESS, status="running", context={}, facts={}, timers=[],
                    awaits=[], mailbox=[], version=0, started_at=now)  # fmt: skip
    yield INSTANCE, running | {"case_id": number}
    due = given(DEADLINE, kind="timer", key="far", rule="", due_at=FAR, provisional=False, state="due", attempts=0)
    yield DEADLINE, due | {"case_id": number, "instance_id": number}
