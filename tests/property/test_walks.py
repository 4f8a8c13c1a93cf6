"""Random walks over whole cases: people, papers and the clock in any order; nothing gets stuck.

Each walk has a seed; the same seed walks the same way. `WALKS` and `STEPS` in the environment
make more and longer ones.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db
from app.errors import Refused, Stale
from app.services import choices, commands
from tests.property import ledger
from tests.world import TASK, World

WALKS = int(os.environ.get("WALKS", "30"))
STEPS = int(os.environ.get("STEPS", "45"))
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
        things: list[Callable[[], object]] = [self.work, self.time, self.paper, self.news, self.again]
        self.rng.choices(things, weights=(70, 12, 12, 5, 1))[0]()
        self.world.settle()

    def work(self) -> None:
        """Somebody does an open task, mostly one of the older ones."""
        tasks = self.world.open_tasks()
        if not tasks:
            self.news()
            return
        task = tasks[min(int(self.rng.expovariate(0.3)), len(tasks) - 1)]
        self.world.send_task(task, self.matches(task))

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

    def paper(self) -> None:
        """Something arrives at the desk: mostly what somebody waits for, sometimes what nobody does."""
        world, awaited = self.world, []
        for one in world.instances(status=("running",)):
            catches = {
                element.message
                for element in world.library.definition(one["process"]).elements()
                if element.type != "throw"
            }
            awaited += [(name, one["case_id"], one["id"]) for name in sorted(filter(None, catches)) if self.desk(name)]
        starts = [
            (name, case, None) for case in world.cases("child") for name in world.library.messages if self.starts(name)
        ]
        if not (awaited or starts):
            return
        message, case, instance = self.rng.choice(awaited if awaited and self.rng.random() < 0.8 else starts or awaited)
        by_case = not any(source.startswith("instance:") for source in self.sources(message))
        try:
            world.arrive(message, case, None if by_case else instance)
        except Refused as refused:
            if refused.code != "nobody_waits":
                raise

    def desk(self, message: str) -> bool:
        """Whether the message can be registered at the desk."""
        return bool(self.world.library.messages[message]["desk"])

    def starts(self, message: str) -> bool:
        """Whether the message starts something when it is registered."""
        return self.desk(message) and bool(self.world.library.messages[message]["starts"])

    def sources(self, message: str) -> list[str]:
        """Where the message's payload comes from at the desk."""
        return list(self.world.library.messages[message]["payload_sources"]["desk"].values())

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


@pytest.mark.parametrize("seed", range(WALKS))
def test_nothing_gets_stuck(world: World, seed: int) -> None:
    walk = Walk(world, seed)
    walk.news()
    for _ in range(STEPS):
        walk.step()
    ledger.check(world)
