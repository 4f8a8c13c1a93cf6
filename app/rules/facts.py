"""What a submission, a message or an operation teaches the deadline rules.

Declared tables, one row a lesson: which fact, from which field, on which condition, and whether
it belongs to the case (every instance reads it) or to the instance. The facts are those of
deadlines.json; values are ISO texts with Shanghai's offset, ISO dates, codes, yes-no or numbers,
never a name, a place or a narrative.

Not learned here: `role`, `round` and `task_opened_at` (the engine); `chased` (DeadlineRules, from
last_chase_at); `period_*`, `quarter`, `year*`, `change_kind`, `changed_at`, `found_at`,
`service_end_on`, `birthday_*` (the instance's context, from whoever starts it); `court_due_on`,
`order_issued_at`, `order_kind`, `extended`, `named_notice_at`, `record_made_at` (read off a paper at the
desk, which may name them in the message's payload: see `facts_of_message`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from app.rules.calendar import in_law_zone, instant
from app.rules.expressions import compile_expression

Scope = Literal["case", "instance"]
Scalar = str | bool | int

FROM_REPORT = ("learned_at", "received_at", "danger_now", "unattended_now")
"""Facts that a child's case takes over from the report that opened or reached it."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A fact's value and what it belongs to."""

    value: Scalar
    scope: Scope


@dataclass(frozen=True, slots=True)
class Lesson:
    """One row: `fact` is `field`'s answer, else `value`, else the truth of `rule`, else the time of arrival.

    Nothing is learned when `when` (closed language over the answers) is false, or `field` is empty.
    """

    fact: str
    scope: Scope = "instance"
    field: str | None = None
    when: str | None = None
    value: Scalar | None = None
    rule: str | None = None


CHASED = Lesson("last_chase_at")
REVIEWED = Lesson("last_review_at")
PAPER = Lesson("paper_received_at")
ATTENDED = Lesson("unattended_now", "case", value=False)

FORM_FACTS: Mapping[str, tuple[Lesson, ...]] = {
    "F01": (Lesson("learned_at", "case", "learned_at"),),
    "F02": (
        Lesson(
            "danger_now",
            "case",
            rule='safe_adult_now != "yes" or injured_now != "no" or suspect_present != "no" or life_threat != "no"',
        ),
        Lesson("unattended_now", "case", rule='safe_adult_now != "yes"'),
    ),
    "F04": (Lesson("accepted_at", "case", when='intake_decision == "accept"'),),
    "F04R": (Lesson("accepted_at", "case", when='refusal_review == "overturn"'),),
    "F04T": (CHASED, Lesson("accepted_at", "case", when='transfer_next == "take"')),
    "F06": (Lesson("child_seen_at", "case", "seen_at", 'seen_child == "yes"'),),
    "F06P": (Lesson("last_check_at"),),
    "F07": (
        Lesson("situation_established_at"),
        Lesson("founded", "case", rule='founded == "yes" or founded == "suspected"'),
        Lesson("unattended_now", "case", when='"living_alone" in situations', value=True),
    ),
    "F09": (Lesson("last_notice_at", "case"),),
    "F10": (Lesson("order_served_at", field="served_at"),),
    "F12": (
        Lesson("unattended_now", "case", when='carer_ok == "yes" and seen != "no"', value=False),
        Lesson("child_seen_at", "case", "visited_at", 'seen != "no"'),
    ),
    "F16": (
        Lesson("caution_issued_at", "case", "done_at", '"caution" in measure'),
        Lesson("police_case_accepted_at", "case", "done_at", '"accept" in measure'),
    ),
    "F17": (
        Lesson("placed_at", "case", "handed_at", 'accepted == "yes"'),
        Lesson("child_seen_at", "case", "handed_at", 'accepted == "yes"'),
        Lesson("last_notice_at", "case", "handed_at", 'accepted == "yes"'),
        Lesson("unattended_now", "case", when='accepted == "yes"', value=False),
    ),
    "F19": (Lesson("team_formed_at"),),
    "F20P": (Lesson("risk", "case", "level"),),
    "F20R": (Lesson("risk", "case", "level"), Lesson("level_set_at")),
    "F21": (Lesson("plan_made_at"),),
    "F22": (Lesson("referral_sent_at"),),
    "F26": (Lesson("conference_at"),),
    "F26C": (Lesson("conference_at"), REVIEWED),
    "F26R": (CHASED,),
    "F28": (Lesson("petition_filed_at", field="filed_at"),),
    "F28R": (Lesson("petition_filed_at", field="filed_at"),),
    "F30A": (Lesson("registered_at", "case", when='file_ok == "yes"'),),
    "F30T": (Lesson("returned_at", when='township_review == "return"'),),
    "F32": (
        Lesson("last_visit_at", "case", "visited_at", 'seen != "no"'),
        Lesson("child_seen_at", "case", "visited_at", 'seen != "no"'),
    ),
    "F33": (Lesson("absent_since", field="absent_since"),),
    "F34": (Lesson("dropout_registered_at"),),
    "F35O": (
        Lesson("order_served_at", field="served_at"),
        Lesson("order_due_on", field="order_by"),
        Lesson("order_due_given", rule="known(order_by)"),
    ),
    "F36C": (Lesson("pairing_started_at", "case", when='agreed == "yes"'),),
    "F36R": (REVIEWED,),
    "F37": (Lesson("last_activity_at", "case", "activity_on"),),
    "F38K": (CHASED, Lesson("returned_at", when='county_review == "return"')),
    "F39": (
        Lesson("order_served_at"),
        Lesson("order_due_on", field="due_on"),
        Lesson("order_due_given", rule="known(due_on)"),
    ),
    "F40": (Lesson("transfer_sent_at"),),
    "F40A": (Lesson("lost_since", when='transfer_answer == "lost"'),),
    "F40W": (Lesson("last_check_at"),),
    "F42": (Lesson("risk", "case", "level"), Lesson("level_set_at"), REVIEWED),
    "F43": (
        Lesson("paper_received_at", field="received_at"),
        Lesson("revoked_at", "case", "received_at", 'judgment == "revoked"'),
    ),
    "F43P": (
        Lesson("paper_received_at", field="received_at"),
        Lesson("ruling_effective_at", field="received_at"),
        Lesson("valid_to", field="valid_to"),
        Lesson("valid_to_given", rule="known(valid_to)"),
    ),
    "F43Q": (CHASED,),
    "F43R": (Lesson("paper_received_at", field="received_at"),),
    "F44": (Lesson("application_filed_at", field="filed_at"), Lesson("urgent", field="urgent")),
    "F44R": (CHASED,),
    "F45": (Lesson("revoked_at", "case", "revoked_on"), Lesson("art40_2", rule="count(bars) > 0")),
    "F45O": (Lesson("docketed_at"),),
    "F49": (Lesson("urgent", field="urgent"),),
    "F50": (Lesson("legal_aid_applied_at"),),
    "F50D": (Lesson("legal_aid_decided_at"),),
}
"""What a submitted form teaches. Source: facts[].source in deadlines.json."""

MESSAGE_FACTS: Mapping[str, tuple[Lesson, ...]] = {
    "report_received": (Lesson("received_at", "case"),),
    "missing_search_started": (Lesson("missing_reported_at"),),
    "child_left_placement": (Lesson("missing_reported_at"),),
    "placement_needed": (Lesson("placement_needed_at"),),
    "monitoring_started": (Lesson("registered_at", "case"),),
    "petition_started": (Lesson("ground", field="ground"),),
    "ground_found": (Lesson("ground", field="ground"),),
    "carer_named": (Lesson("carer_named_at", "case"),),
    "parents_returned": (Lesson("carer_named_at", "case"), ATTENDED),
    "court_accepted": (Lesson("docketed_at"), PAPER),
    "court_refused": (Lesson("refusal_served_at"), PAPER),
    "court_correction": (PAPER,),
    "judgment_received": (PAPER,),
    "ruling_received": (PAPER,),
    "order_changed": (PAPER,),
    "restoration_requested": (PAPER,),
    "restoration_judgment_received": (PAPER,),
    "reconsideration_decided": (PAPER,),
    "absence_recorded": (Lesson("absence_recorded_at"),),
}
"""What a message teaches the instance that takes it, or its case. A payload that names the fact wins."""

OPERATION_FACTS: Mapping[str, tuple[Lesson, ...]] = {
    "report.transfer": (Lesson("transferred_at"),),
    "case.transfer_unit": (Lesson("transferred_at"),),
    "notice.refusal_reasons": (Lesson("refusal_served_at"),),
    "clock.evaluate": (Lesson("spell_started_on", field="spell_started_on"),),
}
"""What a run operation teaches; a field is read from what it needed and set."""

FROM_PAPER = frozenset(
    (
        "court_due_on",
        "order_issued_at",
        "docketed_at",
        "refusal_served_at",
        "paper_received_at",
        "received_at",
        "missing_reported_at",
        "carer_named_at",
    )
)
"""Facts that whoever registers a message may read off a paper, or know better than its arrival."""


def facts_of_submission(form_id: str, answers: Mapping[str, Any], now: datetime) -> dict[str, Learned]:
    """What a valid submission of `form_id` teaches; `now` is when it was made. A form without lessons: nothing."""
    return _learned(FORM_FACTS.get(form_id, ()), answers, now)


def facts_of_message(name: str, payload: Mapping[str, Any], now: datetime) -> dict[str, Learned]:
    """What message `name` teaches at its arrival; facts of FROM_PAPER in the payload are taken from it."""
    learned = _learned(MESSAGE_FACTS.get(name, ()), payload, now)
    for fact in FROM_PAPER & payload.keys():
        if (value := _plain(payload[fact])) is not None:
            learned[fact] = Learned(value, learned[fact].scope if fact in learned else "instance")
    if "court_due_on" in learned:
        learned["court_date_given"] = Learned(True, "instance")
    return learned


def facts_of_operation(name: str, known: Mapping[str, Any], now: datetime) -> dict[str, Learned]:
    """What operation `name` teaches once it has run; `known` is what it needed and what it set."""
    return _learned(OPERATION_FACTS.get(name, ()), known, now)


def presumed_risk(facts: Mapping[str, Any]) -> str | None:
    """The risk until somebody has set a level: red in danger at intake, else orange if the report is founded."""
    if facts.get("risk"):
        return str(facts["risk"])
    if facts.get("danger_now") is True:
        return "red"
    return "orange" if facts.get("founded") is True else None


def child_seen_at(facts: Mapping[str, Any]) -> datetime | None:
    """When somebody last had the child before them: the police, a visitor, whoever took the child in."""
    told = [facts[name] for name in ("child_seen_at", "last_visit_at") if facts.get(name)]
    return max(map(datetime.fromisoformat, told), default=None)


def _learned(lessons: tuple[Lesson, ...], answers: Mapping[str, Any], now: datetime) -> dict[str, Learned]:
    found: dict[str, Learned] = {}
    for lesson in lessons:
        if lesson.when and not compile_expression(lesson.when, "false")(answers):
            continue
        value = _value(lesson, answers, now)
        if value is not None:
            found[lesson.fact] = Learned(value, lesson.scope)
    return found


def _value(lesson: Lesson, answers: Mapping[str, Any], now: datetime) -> Scalar | None:
    if lesson.field:
        return _plain(answers.get(lesson.field))
    if lesson.rule:
        return bool(compile_expression(lesson.rule, "false")(answers))
    return in_law_zone(now) if lesson.value is None else lesson.value


def _plain(value: Any) -> Scalar | None:
    """`value` as a fact keeps it: an instant in Shanghai's offset, a date, a code, a number; None when empty."""
    match value:
        case None | "":
            return None
        case datetime():
            return in_law_zone(value)
        case date():
            return value.isoformat()
        case str() if _names_an_instant(value):
            return in_law_zone(instant(value))
        case bool() | int() | str():
            return value
    raise TypeError(f"a fact is a scalar, not {type(value).__name__}")


def _names_an_instant(text: str) -> bool:
    return len(text) > 10 and text[4:5] == "-" and "T" in text
