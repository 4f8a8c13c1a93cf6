"""What becomes of the invented children: plots, from a report just in to a judgment long served.

A plot says only what decides the way: answers at some elements, what arrives from outside, where the
case still stands today. Everything else is done as usual, in time, by whoever has the post.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.demo import words
from app.demo.people import VILLAGE
from app.demo.places import places

Answers = Mapping[str, Any]
Course = dict[str, Answers | tuple[Answers, ...]]
"""What decides, by element; a tuple gives each round its own answers."""

FIRST = "first"
"""Stands in an answer for the first thing that may be chosen (the father, among guardians)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something from outside that comes `after` so many days of waiting for it, and what is registered then."""

    after: float
    answers: Answers = field(default_factory=dict)
    times: int = 1


@dataclass(frozen=True, slots=True)
class Plot:
    """One way a child's case may go; elements are “process.element”, days are counted back from now.

    `began`: when the report came. `answers`: what decides, over USUAL; a tuple gives each round its own.
    `stands`: elements that nobody has done yet. `done`: on which day an element was done, where it matters.
    `again`: when a second report came about the same child.
    """

    name: str
    began: float
    answers: Course = field(default_factory=dict)
    arrivals: Mapping[str, Arrival] = field(default_factory=dict)
    stands: frozenset[str] = frozenset()
    done: Mapping[str, float] = field(default_factory=dict)
    level: str = "orange"
    children: int = 1
    again: float | None = None

    def answer(self, where: str, round_: int) -> Answers:
        """What decides at `where` the `round_`-th time (from 0)."""
        own = self.answers.get(where, {})
        if isinstance(own, tuple):
            own = own[min(round_, len(own) - 1)]
        level = {"level": self.level} if where in LEVELS else {}
        return {**USUAL.get(where, {}), **level, **own}


LEVELS = frozenset({"assessment-help.t3", "assessment-help.t7"})
SAFE = {"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}
ALONE = {"safe_adult_now": "no", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}
HURT = {"safe_adult_now": "no", "injured_now": "yes", "suspect_present": "yes", "life_threat": "no"}
HELP = {"outcome": "home_plan", "help_needed": "yes", "intervene": "no", "failure_found": "no", "reward_due": "no"}
INTERVENE = {**HELP, "intervene": "yes", "intervene_guardians": [FIRST]}
FAILS = {"state": "fails", "refusal_known": "yes", "source": "visit", "performance": ["none"], "livelihood_lost": "yes"}
PERFORMS = {"state": "performs", "refusal_known": "no", "livelihood_lost": "no"}

USUAL: Mapping[str, Answers] = {
    "report-intake.t2": ALONE,
    "report-intake.t3": {"same_incident": "no"},
    "report-intake.t4": {"intake_decision": "accept"},
    "report-intake.t8": {"stage": "accepted"},
    "report-intake.t9": {"refusal_review": "uphold", "told_supervision": "yes"},
    "emergency-response.t1": {"seen_child": "yes"},
    "emergency-response.t2": {"founded": "yes", "situations": ["living_alone"], "guardian_is_suspect": "no"},
    "emergency-response.n2": {"unfounded_ok": "yes"},
    "emergency-response.t9": HELP,
    "reach-parents.t1": {"parents_reached": "both"},
    "reach-parents.t5": {"carer_ok": "yes", "seen": "with", "relation": "grandparent", "bans": ["none"]},
    "stop-harm.d1": {"suspect_role": "other", "placement_now": "no", "measures": ["stopped", "separated"]},
    "stop-harm.d6": {"protection_order": "no"},
    "missing-child-search.t3": {"found_next": "home", "cause": ["ran_away"]},
    "temporary-placement.h1": {"child_view": "agrees", "place_kind": "relief"},
    "temporary-placement.h2": {"accepted": "yes"},
    "temporary-care-review.t1": {"fit_again": "no", "child_view": "agrees"},
    "temporary-care-review.t2": {"care_result": "continue"},
    "assessment-help.t4": {"need_services": "no", "need_aid": "no", "need_legal": "no", "need_pairing": "no",
                           "guardian_agrees": "agrees"},
    "assessment-help.t7": {"goals_met": "no", "review_result": "continue"},
    "assessment-help.t8": {"close_reason": "goals"},
    "assessment-help.t9": {"close_ok": "yes"},
    "service-referral.t2": {"referral_answer": "accept"},
    "service-referral.t3": {"service_result": "done"},
    "legal-aid.t2": {"legal_decision": "grant"},
    "guardianship-intervention.t0": {"neglect_kind": "refusing"},
    "guardianship-intervention.t2": {"serious_harm": "no", "gravity": "minor"},
    "six-month-clock.t1": FAILS,
    "six-month-clock.t4": {"refuses": "yes", "livelihood_lost": "yes", "petition_ground": "g2"},
    "six-month-clock.t6": {"two_sources": "yes", "restored_ok": "yes"},
    "six-month-clock.c2": FAILS,
    "revocation-petition.t1": {"petition_decision": "petition", "grounds": ["g2"]},
    "revocation-petition.t2": {"applicant_kind": "civil"},
    "revocation-petition.t4": {"petition_grounds": ["g2"]},
    "revocation-petition.t11": {"judgment": "revoked"},
    "protection-order.t1": {"applicant": "police", "urgent": "yes"},
    "protection-order.t5": {"ruling": "granted"},
    "home-visit.t1": {"seen": "with", "finding": "normal", "parent_contact": "yes"},
    "home-visit.t2": {"seen": "with", "finding": "normal", "parent_contact": "yes"},
    "notify-parents.t1": {"parents_reached": "unreached"},
    "overdue-escalation.t1": {"escalation_action": "direct"},
    "overdue-escalation.t2": {"escalation_action": "direct"},
}  # fmt: skip
"""What is answered where no plot says otherwise."""

RETURNED: Mapping[str, Arrival] = {"parents_returned": Arrival(0.8)}
"""What comes of itself: parents who were reached come home."""
UNREACHED: Course = {
    "reach-parents.t1": {"parents_reached": "unreached"},
    "emergency-response.t9": {**HELP, "outcome": "placed"},
}
PLACED: Course = UNREACHED | {"temporary-care-review.t2": ({"care_result": "continue"}, {"care_result": "home"})}
HARMED: Course = {
    "report-intake.t2": HURT,
    "emergency-response.t2": {"founded": "yes", "situations": ["violence"], "guardian_is_suspect": "yes"},
    "emergency-response.t9": INTERVENE,
    "stop-harm.d1": {"suspect_role": "guardian", "placement_now": "no", "measures": ["stopped", "guarded"]},
}
CALM: Course = {"report-intake.t2": SAFE}
NEGLECTED: Course = {
    "report-intake.t2": SAFE,
    "emergency-response.t2": {"founded": "yes", "situations": ["not_performing"], "guardian_is_suspect": "no"},
    "emergency-response.t9": INTERVENE,
}
DIVIDED = {"need_services": "yes", "need_aid": "yes", "need_legal": "yes", "need_pairing": "no"}
SERIOUS: Course = HARMED | {"guardianship-intervention.t2": {"serious_harm": "yes", "gravity": "crime"}}
OBSERVED = Arrival(40, FAILS, times=4)
DOCKETED = Arrival(4)

PLOTS: tuple[Plot, ...] = (
    Plot("just reported", 0.01, stands=frozenset({"report-intake.t1"})),
    Plot("six-month clock near its end", 181, NEGLECTED, {"performance_changed": OBSERVED},
         done={"six-month-clock.t1": 172}, level="red"),
    Plot("emergency under way", 0.015, stands=frozenset({"emergency-response.t1", "report-intake.t3"})),
    Plot("in assessment", 6, stands=frozenset({"assessment-help.t2"})),
    Plot("placed", 24, UNREACHED, level="red"),
    Plot("petition before the court", 240, NEGLECTED,
         {"performance_changed": OBSERVED, "court_accepted": DOCKETED},
         stands=frozenset({"revocation-petition.t12"}), done={"six-month-clock.t1": 231}, level="red"),
    Plot("under visits", 120, CALM | {"assessment-help.t7": {"goals_met": "yes", "review_result": "close"}},
         stands=frozenset({"home-visit.t1"}), done={"assessment-help.t9": 33}, level="yellow"),
    Plot("plan overdue", 30, CALM, stands=frozenset({"assessment-help.t4", "overdue-escalation.t2"})),
    Plot("violence, being investigated", 0.4, HARMED, stands=frozenset({"stop-harm.d3", "stop-harm.d4"})),
    Plot("guardianship revoked", 200, SERIOUS,
         {"court_accepted": DOCKETED, "judgment_received": Arrival(25)}, level="red"),
    Plot("referred, provider to answer", 12, {"assessment-help.t4": DIVIDED},
         stands=frozenset({"service-referral.t2", "legal-aid.t2", "manual-duty.t1"})),
    Plot("intervention", 5, NEGLECTED, stands=frozenset({"guardianship-intervention.t1"})),
    Plot("three months of neglect", 106, NEGLECTED, stands=frozenset({"six-month-clock.t2"}),
         done={"six-month-clock.t1": 94}),
    Plot("choosing where to place", 0.1, UNREACHED, stands=frozenset({"temporary-placement.h1"})),
    Plot("unfounded", 70, {"emergency-response.t2": {"founded": "no"}, "emergency-response.t9": {"help_needed": "no"}}),
    Plot("lawyer to judge six months", 194, NEGLECTED, {"performance_changed": OBSERVED},
         stands=frozenset({"six-month-clock.t4"}), done={"six-month-clock.t1": 185}, level="red"),
    Plot("closing proposed", 47, CALM | {"assessment-help.t7": {"goals_met": "yes", "review_result": "close"}},
         stands=frozenset({"assessment-help.t9"}), level="green"),
    Plot("assessment overdue", 28, stands=frozenset({"assessment-help.t2", "overdue-escalation.t1"})),
    Plot("passed on to other police", 1.5, {"report-intake.t4": {"intake_decision": "transfer"}},
         stands=frozenset({"report-intake.t5"})),
    Plot("home again after placement", 100, PLACED, level="orange"),
    Plot("protection order in force", 40, HARMED | {"stop-harm.d6": {"protection_order": "yes", "respondent_id": FIRST}},
         {"ruling_received": Arrival(0.7)}, level="red"),
    Plot("found after a search", 55,
         {"emergency-response.t2": {"founded": "yes", "situations": ["missing"], "guardian_is_suspect": "no"}},
         {"child_found": Arrival(0.1)}, level="yellow"),
    Plot("review due", 38, CALM, stands=frozenset({"assessment-help.t7"}), level="yellow"),
    Plot("answered, not accepted", 33, CALM | {"report-intake.t4": {"intake_decision": "refuse"}}),
    Plot("reported twice", 20, level="orange", again=0.3, stands=frozenset({"assessment-help.t7"})),
    Plot("guardian performs again", 120, NEGLECTED, {"performance_changed": Arrival(20, PERFORMS, times=2)},
         done={"six-month-clock.t1": 108}),
    Plot("evidence being gathered", 26, SERIOUS, stands=frozenset({"revocation-petition.t3"}), level="red"),
    Plot("petition rejected", 150, SERIOUS | {"revocation-petition.t11": {"judgment": "rejected"}},
         {"court_accepted": DOCKETED, "judgment_received": Arrival(25)}, stands=frozenset({"revocation-petition.t9"}),
         level="red"),
    Plot("asked for advice", 12, CALM | {"report-intake.t4": {"intake_decision": "consult"}}),
    Plot("brother and sister", 7, children=2, stands=frozenset({"assessment-help.t3"})),
    Plot("missed on a visit", 90, CALM | {"assessment-help.t7": {"goals_met": "yes", "review_result": "close"},
                                          "home-visit.t1": {"seen": "no"}},
         stands=frozenset({"home-visit.t2"}), done={"assessment-help.t9": 32, "home-visit.t1": 1}, level="yellow"),
)  # fmt: skip
"""In the order in which they are told: a small load already shows each kind of desk its work."""

AGAIN = Plot("the same child again", 0, {"report-intake.t2": SAFE})


@dataclass(frozen=True, slots=True)
class Story:
    """A plot with its children: who they are, where they live, and its own random source."""

    plot: Plot
    village: str
    children: tuple[Mapping[str, Any], ...]
    rng: random.Random


def stories(children: int, seed: int) -> Iterator[Story]:
    """About so many children's stories; each plot first in the named people's village, then anywhere."""
    villages = [place.code for place in places() if place.level == "village"]
    for index in range(children):
        plot = PLOTS[index % len(PLOTS)]
        rng = random.Random(f"{seed}:{index}")  # noqa: S311 - a story, not a secret
        village = VILLAGE if index < len(PLOTS) else rng.choice(villages)
        yield Story(plot, village, tuple(_children(plot.children, village, rng)), rng)


def _children(count: int, village: str, rng: random.Random) -> Iterator[dict[str, Any]]:
    surname = rng.choice(words.SURNAMES)
    for given in rng.sample(words.CHILDREN, count):
        yield {
            "name": surname + given,
            "sex": rng.choice("mf"),
            "age_or_dob": str(rng.randint(6, 14)),
            "school": rng.choice(words.PHRASES["school"]),
            "village": village,
        }
