"""Random walks over whole cases: people, papers and the clock in any order; nothing gets stuck.

Each walk has a seed; the same seed walks the same way. `WALKS` and `STEPS` in the environment
make more and longer ones.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from functools import cached_property
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db
from app.errors import Refused, Stale
from app.services import choices, commands
from tests.property import ledger
from tests.world import DEADLINE, TASK, World

WALKS = int(os.environ.get("WALKS", "30"))
STEPS = int(os.environ.get("STEPS", "40"))
SPANS = ("PT20M", "PT2H", "PT9H", "P1D", "P1D", "P3D", "P7D", "P1M", "P3M")
NAMES = ("林小禾", "林小麦", "赵小川")
"""Few names, so that reports are often about a child who is known."""


class Walk:
    """One walk through a world: what may happen next is looked up, and one of it is chosen."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.rng = world, random.Random(seed)
        world.rng = self.rng

    def step(self) -> None:
        """Let one thing happen."""
        things: list[Callable[[], object]] = [self.work, self.time, self.paper, self.news, self.sleep, self.again]
        self.rng.choices(things, weights=(66, 12, 12, 5, 4, 1))[0]()
        self.world.settle()

    def work(self) -> None:
        """Somebody does an open task, mostly one of the older ones."""
        tasks = self.world.open_tasks()
        if not tasks:
            self.news()
            return
        task = tasks[min(int(self.rng.expovariate(0.3)), len(tasks) - 1)]
        try:
            self.world.send_task(task, self.matches(task))
        except Stale:
            if not self.late(task):
                raise
            self.world.pass_time("PT1M")

    def late(self, task: dict[str, Any]) -> bool:
        """Whether a timer of the task's instance came while the ticker was down: it goes first, and may end the task."""
        mine = DEADLINE.c.instance_id == task["instance_id"]
        due = (DEADLINE.c.kind == "timer", DEADLINE.c.state == "due", DEADLINE.c.due_at <= self.world.now)
        return bool(self.world.rows(sa.select(DEADLINE.c.id).where(mine, *due)))

    def matches(self, task: dict[str, Any]) -> dict[str, Any]:
        """When children are matched to files: sometimes it is a child we know."""
        if (task["process"], task["element"]) != ("report-intake", "t3"):
            return {}
        case = self.world.case_row(task["case_id"])
        offered = self.world.offered(self.world.library.form("F03"), case["id"])
        known = [code for code, _ in offered["candidates"]]
        children = choices.report_children(db.session(), case | {"case_id": case["id"]})
        return {"matches": [self.match(f"{ref} {name}", known) for ref, name in children]}

    def match(self, child: str, known: list[str]) -> dict[str, str]:
        """One line of the matching."""
        if known and self.rng.random() < 0.7:
            return {
                "child_ref": child,
                "candidate": self.rng.choice(known),
                "match": self.rng.choice(("same", "pending")),
            }
        return {"child_ref": child, "match": self.rng.choice(("different", "pending"))}

    def time(self) -> None:
        """Time passes, every deadline on its day."""
        self.world.pass_time(self.rng.choice(SPANS))

    def sleep(self) -> None:
        """Time passes while the ticker is down: what has come due waits for the next step or tick."""
        self.world.move(self.world.at(self.rng.choice(SPANS)))

    def paper(self) -> None:
        """Something arrives at the desk: mostly what somebody waits for, sometimes what nobody does."""
        world = self.world
        running = world.instances(status=("running",))
        awaited = [(name, one["case_id"], one["id"]) for one in running for name in self.caught(one["process"])]
        starts = [(name, case, None) for case in world.cases("child") for name in self.starting]
        chosen = awaited if awaited and (not starts or self.rng.random() < 0.8) else starts
        if not chosen:
            return
        message, case, instance = self.rng.choice(chosen)
        sources = world.library.messages[message]["payload_sources"]["desk"].values()
        targeted = any(source.startswith("instance:") for source in sources)
        try:
            world.arrive(message, case, instance if targeted else None)
        except Refused as refused:
            if refused.code != "nobody_waits":
                raise

    @cached_property
    def starting(self) -> list[str]:
        """Messages that start something when they are registered at the desk."""
        return [name for name, rules in self.world.library.messages.items() if rules["desk"] and rules["starts"]]

    def caught(self, process: str) -> list[str]:
        """Messages that a diagram catches and the desk registers."""
        elements = self.world.library.definition(process).elements()
        names = {element.message for element in elements if element.message and element.type != "throw"}
        return sorted(name for name in names if self.world.library.messages[name]["desk"])

    def news(self) -> None:
        """Somebody reports one or more children, some of whom may be known."""
        names = self.rng.sample(NAMES, self.rng.choice((1, 1, 2, 3)))
        self.world.report([{"name": name} for name in names])

    def again(self) -> None:
        """Somebody sends a form that has been sent before: nothing happens, and they are told."""
        done = self.world.rows(sa.select(TASK.c.id, TASK.c.version).where(TASK.c.status != "open"))
        if done:
            task = self.rng.choice(done)
            with pytest.raises(Stale):
                commands.complete(task["id"], task["version"], {}, self.world.anybody())


def walk(world: World, seed: int) -> None:
    """One walk, and a look at the books at its end."""
    steps = Walk(world, seed)
    steps.news()
    for _ in range(STEPS):
        steps.step()
    ledger.check(world)


@pytest.mark.parametrize("seed", range(WALKS))
def test_nothing_gets_stuck(world: World, seed: int) -> None:
    walk(world, seed)


@pytest.mark.parametrize("seed", range(1000, 1003))
def test_nothing_gets_stuck_on_postgresql(postgres_world: World, seed: int) -> None:
    walk(postgres_world, seed)
