"""What forms, messages and operations teach: the tables fit the forms, and the values are plain."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.rules.expressions import names
from app.rules.facts import (
    FORM_FACTS,
    FROM_PAPER,
    MESSAGE_FACTS,
    OPERATION_FACTS,
    Lesson,
    facts_of_message,
    facts_of_operation,
    facts_of_submission,
    presumed_risk,
)

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
NOW_TEXT = "2026-03-02T10:00:00+08:00"


def plan(name: str) -> Any:
    for folder in (ROOT / "bpmn", ROOT / "../shared/plan"):
        if (folder / f"{name}.json").exists():
            return json.loads((folder / f"{name}.json").read_text())
    pytest.skip(f"{name}.json is not here")


def values(learned: Any) -> dict[str, Any]:
    return {name: fact.value for name, fact in learned.items()}


def form_fields(form_id: str) -> set[str]:
    path = ROOT / f"forms/{form_id}.json"
    if path.exists():
        return {part["key"] for part in json.loads(path.read_text())["components"] if "key" in part}
    return {field["name"] for field in plan("forms")[form_id]["fields"]}


@pytest.mark.parametrize("form_id", FORM_FACTS)
def test_lessons_read_fields_that_the_form_has(form_id: str) -> None:
    fields = form_fields(form_id)
    for lesson in FORM_FACTS[form_id]:
        read = {lesson.field} if lesson.field else set()
        for condition in (lesson.when, lesson.rule):
            read |= names(condition) if condition else set()
        assert read <= fields, lesson


def test_danger_is_what_the_form_says_it_is() -> None:
    path = ROOT / "forms/F02.json"
    if not path.exists():
        pytest.skip("the forms are not here")
    derived = {flag["name"]: flag["rule"] for flag in json.loads(path.read_text())["properties"]["derived"]}
    taught = {lesson.fact: lesson.rule for lesson in FORM_FACTS["F02"]}
    assert taught["danger_now"] == derived["danger_now"]


def test_lessons_teach_facts_that_deadlines_know() -> None:
    declared = {fact["name"] for fact in plan("deadlines")["facts"]} | {"founded", "child_seen_at"}
    for table in (FORM_FACTS, MESSAGE_FACTS, OPERATION_FACTS):
        for lessons in table.values():
            assert {lesson.fact for lesson in lessons} <= declared
    assert declared >= FROM_PAPER


def test_every_start_fact_is_taught_or_named_as_coming_from_elsewhere() -> None:
    elsewhere = {
        *("task_opened_at", "period_start", "period_end", "year", "year_nov_1", "changed_at", "found_at"),
        *("service_end_on", "birthday_18", "court_due_on", "order_issued_at", "named_notice_at", "record_made_at"),
    }
    taught = {
        lesson.fact
        for table in (FORM_FACTS, MESSAGE_FACTS, OPERATION_FACTS)
        for lessons in table.values()
        for lesson in lessons
    }
    starts = {rule["start"] for row in plan("deadlines")["deadlines"] for rule in row["rules"] if rule["start"]}
    assert starts <= taught | elsewhere


def test_messages_and_operations_exist() -> None:
    assert set(MESSAGE_FACTS) <= set(plan("messages"))
    path = ROOT / "../shared/plan/operations.json"
    if path.exists():
        assert set(OPERATION_FACTS) <= set(json.loads(path.read_text()))


def test_scopes_are_the_same_wherever_a_fact_is_taught() -> None:
    scopes: dict[str, set[str]] = {}
    every: list[Lesson] = [
        lesson
        for table in (FORM_FACTS, MESSAGE_FACTS, OPERATION_FACTS)
        for lessons in table.values()
        for lesson in lessons
    ]
    for lesson in every:
        scopes.setdefault(lesson.fact, set()).add(lesson.scope)
    assert {fact: found for fact, found in scopes.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("form_id", "answers", "expected"),
    [
        ("F01", {"learned_at": "2026-03-01T08:00"}, {"learned_at": "2026-03-01T08:00:00+08:00"}),
        (
            "F02",
            {"safe_adult_now": "unknown", "injured_now": "no", "suspect_present": "no", "life_threat": "no"},
            {"danger_now": True, "unattended_now": True},
        ),
        (
            "F02",
            {"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"},
            {"danger_now": False, "unattended_now": False},
        ),
        ("F04", {"intake_decision": "accept"}, {"accepted_at": NOW_TEXT}),
        ("F04", {"intake_decision": "refuse"}, {}),
        (
            "F07",
            {"founded": "suspected", "situations": ["living_alone"]},
            {"situation_established_at": NOW_TEXT, "founded": True, "unattended_now": True},
        ),
        (
            "F16",
            {"measure": ["caution"], "done_at": "2026-03-01T08:00:00Z"},
            {"caution_issued_at": "2026-03-01T16:00:00+08:00"},
        ),
        ("F17", {"accepted": "no", "handed_at": "2026-03-01T08:00"}, {}),
        (
            "F17",
            {"accepted": "yes", "handed_at": datetime(2026, 3, 1, 0, tzinfo=UTC), "place_name": "某处"},
            {
                "placed_at": "2026-03-01T08:00:00+08:00",
                "child_seen_at": "2026-03-01T08:00:00+08:00",
                "last_notice_at": "2026-03-01T08:00:00+08:00",
                "unattended_now": False,
            },
        ),
        ("F32", {"seen": "no", "visited_at": "2026-03-01T08:00"}, {}),
        ("F42", {"level": "orange"}, {"risk": "orange", "level_set_at": NOW_TEXT, "last_review_at": NOW_TEXT}),
        (
            "F43P",
            {"valid_to": date(2026, 9, 1), "received_at": "2026-03-01T08:00"},
            {
                "paper_received_at": "2026-03-01T08:00:00+08:00",
                "ruling_effective_at": "2026-03-01T08:00:00+08:00",
                "valid_to": "2026-09-01",
                "valid_to_given": True,
            },
        ),
        ("F45", {"revoked_on": "2025-03-01", "bars": ["abuse"]}, {"revoked_at": "2025-03-01", "art40_2": True}),
        ("F45", {"revoked_on": ""}, {"art40_2": False}),
        ("F99", {"anything": "x"}, {}),
    ],
)
def test_what_a_form_teaches(form_id: str, answers: dict[str, Any], expected: dict[str, Any]) -> None:
    assert values(facts_of_submission(form_id, answers, NOW)) == expected


def test_what_a_message_teaches_at_its_arrival() -> None:
    assert values(facts_of_message("report_received", {"report_id": 1}, NOW)) == {"received_at": NOW_TEXT}
    assert values(facts_of_message("petition_started", {"ground": "g3"}, NOW)) == {"ground": "g3"}
    assert facts_of_message("parents_returned", {}, NOW)["unattended_now"].scope == "case"
    assert facts_of_message("no_such_message", {"case_id": 1}, NOW) == {}


def test_a_day_read_off_the_paper_wins_over_its_arrival() -> None:
    paper = {"case_id": 1, "docketed_at": "2026-02-20", "court_due_on": "2026-04-01", "guardian": "某人"}
    assert values(facts_of_message("court_accepted", paper, NOW)) == {
        "docketed_at": "2026-02-20",
        "paper_received_at": NOW_TEXT,
        "court_due_on": "2026-04-01",
        "court_date_given": True,
    }


def test_what_an_operation_teaches() -> None:
    assert values(facts_of_operation("report.transfer", {}, NOW)) == {"transferred_at": NOW_TEXT}
    started = facts_of_operation("clock.evaluate", {"spell_started_on": date(2026, 1, 16)}, NOW)
    assert values(started) == {"spell_started_on": "2026-01-16"}
    assert facts_of_operation("clock.evaluate", {"clock_event": "none"}, NOW) == {}


def test_a_fact_is_a_scalar() -> None:
    with pytest.raises(TypeError):
        facts_of_submission("F44", {"urgent": ["yes"], "filed_at": "2026-03-01T08:00"}, NOW)


def test_presumed_risk() -> None:
    assert presumed_risk({}) is None
    assert presumed_risk({"founded": True}) == "orange"
    assert presumed_risk({"founded": True, "danger_now": True}) == "red"
    assert presumed_risk({"danger_now": True, "risk": "green"}) == "green"
