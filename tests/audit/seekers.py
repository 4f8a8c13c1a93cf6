"""Walks that seek: each has one diagram in mind, begins it, and mostly works, waits and hears there.

Random walks alone seldom come to the far corners; these do, and are walks still: whole cases, moved
by forms, papers and the clock through the services. The same seed walks the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.errors import Stale
from tests.property.test_walks import Walk
from tests.world import INSTANCE, World

STICKS = 0.9
"""How often somebody answers as they answered before: a year of reviews needs it."""
WAYS: Mapping[str, str] = {
    "notify-parents": "temporary-placement",
    "reach-parents": "emergency-response",
    "service-referral": "assessment-help",
    "stop-harm": "emergency-response",
    "temporary-care-review": "temporary-placement",
}
"""Through which diagram one comes to another that does not begin by itself."""
Mood = Mapping[str, str]
"""Answers by the name of the question."""
AT_FIRST: Mapping[str, tuple[Mood, ...]] = {
    "home-visit": ({}, {"seen": "no"}),
    "service-referral": ({}, {"need_services": "yes", "referral_answer": "accept"}),
    "six-month-clock": ({"state": "fails", "refusal_known": "yes"},),
    "temporary-care-review": ({}, {"care_result": "continue"}),
}
NEWS: Mapping[str, tuple[Mood, ...]] = {
    "six-month-clock": ({"state": "performs", "source": "visit"}, {"state": "performs", "source": "school"}, {}),
}
"""Where chance alone would take too long: what is found at first, and what one hears later."""
AWAY = 0.15
"""How often something happens that has nothing to do with the diagram in mind."""
PATIENCE = 4
"""For so many steps it waits for an instance of its diagram, before it begins another child's."""
ANEW = 0.03
"""How often it begins another child's all the same."""


def _hears(message: str, **payload: Any) -> Callable[[World], object]:
    return lambda world: world.start(message, **payload)


def _about_guardian(message: str, name: str = "guardian_id", **more: Any) -> Callable[[World], object]:
    return lambda world: world.start(message, **{name: world.guardians()[0]}, **more)


def _visit(world: World) -> object:
    return world.schedule("home-visit", world.at("P1D"), child_id=1)


def _restoration(world: World) -> object:
    return world.arrive("restoration_requested", guardian_id=world.guardians()[0])


EMERGENCY, PLACEMENT = _hears("emergency_started"), _hears("placement_needed", reason="no_carer")
BEGINNINGS: Mapping[str, Callable[[World], object]] = {
    "assessment-help": _hears("assessment_started", cause="emergency_done"),
    "case-transfer": _hears("transfer_needed"),
    "emergency-response": EMERGENCY,
    "guardianship-intervention": _about_guardian("intervention_started"),
    "guardianship-restoration": _restoration,
    "home-visit": _visit,
    "legal-aid": _hears("legal_aid_needed"),
    "manual-duty": _hears("social_aid_needed"),
    "missing-child-search": _hears("missing_search_started"),
    "notify-parents": PLACEMENT,
    "overdue-escalation": _hears("legal_aid_needed"),
    "protection-order": _about_guardian("protection_order_needed", "respondent_id"),
    "reach-parents": EMERGENCY,
    "revocation-petition": _about_guardian("petition_started", ground="g2"),
    "service-referral": _hears("assessment_started", cause="emergency_done"),
    "six-month-clock": _about_guardian("monitoring_started"),
    "stop-harm": EMERGENCY,
    "temporary-care-review": PLACEMENT,
    "temporary-placement": PLACEMENT,
}
"""How each diagram begins in a child's case; those that others call or start begin with these."""
REPORT = "report-intake"
GOALS = (*BEGINNINGS, REPORT, "revocation-petition", "six-month-clock", "temporary-care-review")
"""In turn; those with the longest ways come twice."""


class Seeker(Walk):
    """A walk with the diagram `seed` points to in mind."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(world, seed)
        self.goal = GOALS[seed % len(GOALS)]
        self.mood: dict[str, str] = {}
        self.idle = 0

    def walk(self, steps: int) -> None:
        """Begin, then let `steps` things happen."""
        self.news()
        self.begin()
        for _ in range(steps):
            self.step()

    def begin(self) -> None:
        """Begin the diagram in another child's case, in another mood."""
        self.mood, self.idle = dict(self.rng.choice(AT_FIRST.get(self.goal, ({},)))), 0
        if self.goal == REPORT:
            self.news()
            return
        self.world.child()
        BEGINNINGS[self.goal](self.world)
        self.world.case = 0

    def step(self) -> None:
        """Let one thing happen; what is sent for a task whose own timer is due is refused, and the ticker wakes."""
        try:
            self.happen()
        except Stale:
            self.world.pass_time("PT1M")

    def happen(self) -> None:
        """Let one thing happen, mostly in the diagram in mind."""
        self.idle = 0 if self.lives() or self.lives(WAYS.get(self.goal)) else self.idle + 1
        if self.idle > PATIENCE or self.rng.random() < ANEW:
            self.begin()
        things = (self.work_there, self.wait_there, self.hear_there, self.tell_there)
        there = self.rng.random() > AWAY
        if not there or not any(thing() for thing in self.rng.sample(things, counts=(24, 8, 5, 2), k=3)):
            super().step()

    def work_there(self) -> bool:
        """Somebody does an open task of the diagram, or of the one on the way to it."""
        tasks = self.world.open_tasks(process=self.goal)
        if not tasks and self.goal in WAYS:
            tasks = self.world.open_tasks(process=WAYS[self.goal])
        if tasks:
            task = self.rng.choice(tasks)
            element = self.world.library.definition(task["process"]).element(task["process"], task["element"])
            one = self.world.rows(sa.select(INSTANCE.c.context).where(INSTANCE.c.id == task["instance_id"]))[0]
            self.world.send_task(task, self.answers(element.form or "", one["context"]) | self.matches(task))
        return bool(tasks)

    def wait_there(self) -> bool:
        """Time passes until the next timer of an instance that runs the diagram."""
        dues = [datetime.fromisoformat(timer[1]) for one in self.lives() for timer in one["timers"]]
        if dues:
            self.world.pass_time(min(dues))
        return bool(dues)

    def hear_there(self) -> bool:
        """What an instance that runs the diagram waits for now arrives at the desk."""
        desk = self.world.library.messages
        awaited = [(name, one) for one in self.lives() for name, _ in one["awaits"] if desk[name]["desk"]]
        if awaited:
            name, one = self.rng.choice(awaited)
            self.mood |= self.rng.choice(NEWS.get(self.goal, ({},)))
            self.world.arrive(name, one["case_id"], one["id"], **self.answers(desk[name]["form"], one["context"]))
        return bool(awaited)

    def tell_there(self) -> bool:
        """What an instance that runs the diagram waits for now is told by another process."""
        rules = self.world.library.messages
        awaited = [(name, one) for one in self.lives() for name, _ in one["awaits"] if not rules[name]["desk"]]
        if awaited:
            name, one = self.rng.choice(awaited)
            known = {key: one["context"][key] for key in rules[name]["payload"] if key in one["context"]}
            self.world.tell(name, one["case_id"], **known)
        return bool(awaited)

    def lives(self, process: str | None = "") -> list[dict[str, Any]]:
        """Running instances of the diagram (or of `process`), and of those that call it."""
        running = self.world.instances(status=("running",))
        meant = self.goal if process == "" else process
        return [one for one in running if meant in self.world.library.definition(one["process"]).processes]

    def answers(self, form: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """Answers to questions with options, mostly as before; now and then a mood changes. A guardian is the one meant."""
        questions = self.world.library.form(form).questions
        named = "guardian" in questions and "guardian_id" in context
        asked = {name: [option.value for option in field.options]
                 for name, field in questions.items()
                 if field.kind in ("radio", "select") and field.options}  # fmt: skip
        for name, codes in asked.items():
            if self.mood.get(name) not in codes or self.rng.random() > STICKS:
                self.mood[name] = self.rng.choice(codes)
        return {name: self.mood[name] for name in asked} | ({"guardian": context["guardian_id"]} if named else {})
