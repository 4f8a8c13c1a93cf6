"""What must hold of the tables after any history: the record is whole, and the lists say what the engine says."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import sqlalchemy as sa

from app.services.audit import verification
from tests.world import CASE, DEADLINE, EVENT, INSTANCE, SUBSCRIPTION, TASK, World


def check(world: World) -> None:
    """Everything that must hold, of every case."""
    world.pass_time("PT1M")  # the ticker looks at what was late when it opened
    check_chains(world)
    world.prove()
    check_instances(world)
    check_tasks(world)


def check_chains(world: World) -> None:
    """Each case's events are numbered without gaps, chained by hash, and the case knows the end of its chain."""
    assert not verification.verify()
    for case in world.rows(sa.select(CASE)):
        events = world.rows(sa.select(EVENT).where(EVENT.c.case_id == case["id"]).order_by(EVENT.c.seq))
        head = b""
        for number, event in enumerate(events, start=1):
            body = json.loads(event["body"])
            assert (event["seq"], body["seq"], body["case"], body["kind"]) == (
                number,
                number,
                case["id"],
                event["kind"],
            )
            assert event["prev"] == head
            head = hashlib.sha256(head + event["body"].encode()).digest()
            assert event["hash"] == head
        assert (case["last_seq"], case["last_hash"]) == (len(events), head)
        times = [event["recorded_at"] for event in events]
        assert times == sorted(times)


def check_instances(world: World) -> None:
    """An instance's own lists of timers and messages are the rows that tickers and pages read."""
    timers = world.rows(sa.select(DEADLINE).where(DEADLINE.c.state == "due", DEADLINE.c.kind == "timer"))
    waits = world.rows(sa.select(SUBSCRIPTION))
    for one in world.rows(sa.select(INSTANCE)):
        mine = sorted([row["key"], row["due_at"].isoformat()] for row in timers if row["instance_id"] == one["id"])
        assert mine == (sorted(timer[:2] for timer in one["timers"]) if one["status"] == "running" else [])
        mine = sorted([row["message"], row["element"]] for row in waits if row["instance_id"] == one["id"])
        assert mine == (sorted(one["awaits"]) if one["status"] == "running" else [])


def check_tasks(world: World) -> None:
    """Open tasks belong to running instances; each has a limit that the ticker knows, unless it has none or is late."""
    running = {one["id"] for one in world.instances(status=("running",))}
    due = Counter(
        row["task_id"]
        for row in world.rows(sa.select(DEADLINE).where(DEADLINE.c.state == "due", DEADLINE.c.kind == "task"))
    )
    for task in world.rows(sa.select(TASK)):
        if task["status"] != "open":
            assert not due[task["id"]], f"a limit still runs for a closed task: {task}"
            continue
        assert task["instance_id"] in running
        limited = task["due_at"].year < 9999 and task["due_at"] > world.now
        assert due[task["id"]] == int(limited), f"{due[task['id']]} limits run for {task}"
