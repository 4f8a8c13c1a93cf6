"""Every deadline of deadlines.json under every one of its rules."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.errors import NotFound, Refused
from app.rules.calendar import end_of, instant
from app.rules.deadline_words import CASES, START_LABELS
from app.rules.deadlines import DeadlineRules
from app.rules.expressions import compile_expression

ROOT = Path(__file__).parents[2]
FILES = (ROOT / "bpmn/deadlines.json", ROOT / "../shared/plan/deadlines.json")
DOCUMENT = json.loads(next(path for path in FILES if path.exists()).read_text())
RULES = DeadlineRules.load(DOCUMENT)
ROWS = {row["id"]: row for row in DOCUMENT["deadlines"]}
NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
OPENED = "2026-03-02T09:00:00+08:00"

# facts that make each condition of the file true
TRUE: dict[str, dict[str, Any]] = {
    **{name: {name: True} for name in ("art40_2", "birthday_ahead", "court_date_given", "danger_now", "extended")},
    **{name: {name: True} for name in ("order_due_given", "unattended_now", "valid_to_given")},
    "chased": {"last_chase_at": "2026-03-02T08:00:00+08:00"},
    "round <= 4": {"round": 2},
    "round <= 7": {"round": 7},
    "round > 1": {"round": 2},
}


def facts_for(condition: str | None) -> dict[str, Any]:
    if condition is None:
        return {}
    if condition in TRUE:
        return dict(TRUE[condition])
    name, _, value = condition.partition(" == ")
    return {name: json.loads(value)}


def start_for(fact: str) -> Any:
    kinds = {row["name"]: row["type"] for row in DOCUMENT["facts"]}
    return {"year": 2026, "date": "2026-03-01", "datetime": "2026-03-01T18:30:00+08:00"}[kinds[fact]]


CASES_OF_ALL = [(row["id"], rule) for row in DOCUMENT["deadlines"] for rule in row["rules"]]


def test_there_are_the_plans_deadlines() -> None:
    assert len(RULES.ids) >= 166
    assert len(set(RULES.ids)) == len(RULES.ids)


@pytest.mark.parametrize(("id_", "rule"), CASES_OF_ALL, ids=lambda value: value if isinstance(value, str) else "")
def test_every_rule_of_every_deadline(id_: str, rule: dict[str, Any]) -> None:
    facts = {"task_opened_at": OPENED, **facts_for(rule["when"])}
    if rule["start"]:
        facts[rule["start"]] = start_for(rule["start"])
    if rule["when"] == "chased":
        facts |= TRUE["chased"]
    rounds = any(
        "round ==" in (other["when"] or "") or "round <=" in (other["when"] or "") for other in ROWS[id_]["rules"]
    )
    if rule["when"] is None and rounds:
        facts["round"] = 50
    due = RULES.due(id_, facts, datetime(2026, 3, 1, tzinfo=UTC))
    if rule["start"] is None:
        assert due is None
        return
    assert due is not None
    assert (due.id, due.rule, due.start, due.assumed) == (id_, rule["value"], rule["start"], False)
    if rule["start"] != "year":
        assert due.at == end_of(instant(str(facts[rule["start"]])), rule["value"]).at
    assert list(due.remind_at) == sorted(due.remind_at)
    assert all(NOW - timedelta(days=2) < at < due.at for at in due.remind_at)
    assert due.explanation.zh
    assert due.explanation.en
    assert due.plain()["zh"] == due.explanation.zh


@pytest.mark.parametrize("id_", RULES.ids)
def test_every_deadline_is_described(id_: str) -> None:
    said, row = RULES.describe(id_), ROWS[id_]
    assert (said.name.zh, said.source, said.quote) == (row["name_zh"], row["source"], row["quote"])
    assert said.is_choice == (row["basis"] == ["proposal"])
    assert len(said.rules) == len(row["rules"])
    assert said.rule.zh
    assert said.rule.en


def test_words_for_every_start_and_case() -> None:
    for _, rule in CASES_OF_ALL:
        assert rule["start"] is None or rule["start"] in START_LABELS
        assert rule["when"] is None or rule["when"] in CASES


def test_plain_words() -> None:
    assert RULES.describe("D17").rule.zh == "法院收到申请起 72 小时内"
    assert RULES.describe("D17").rule.en == "within 72 hours of the filing of the application"
    assert RULES.describe("D17", {"urgent": "yes"}).rule.zh == "法院收到申请起 24 小时内"
    assert RULES.describe("D00").rule.zh == "没有期限"
    assert RULES.describe("D24").rule.en == "by December 10"
    assert RULES.describe("D17c", {"valid_to_given": True}).rule.zh == "保护令到期日当日 24 时前"


def test_the_first_rule_that_holds_wins_and_the_unknown_is_false() -> None:
    known = {"received_at": "2026-03-02T10:00:00+08:00"}
    assert RULES.due("D02", known, NOW).rule == "PT1H"
    assert RULES.due("D02", known | {"danger_now": False}, NOW).rule == "PT1H"
    assert RULES.due("D02", known | {"danger_now": True}, NOW).rule == "PT30M"


def test_without_its_start_fact_it_counts_from_the_tasks_opening_and_says_so() -> None:
    due = RULES.due("D07", {"task_opened_at": OPENED}, NOW)
    assert due.assumed
    assert due.at == instant(OPENED) + timedelta(hours=24)
    assert "待办产生" in due.explanation.zh
    assert RULES.due("D07", {}, NOW).at == NOW + timedelta(hours=24)


def test_a_risk_nobody_has_set_is_presumed() -> None:
    formed = {"team_formed_at": "2026-03-02"}
    assert RULES.due("D12", formed, NOW).rule == "P15D"
    assert RULES.due("D12", formed | {"founded": True}, NOW).rule == "P7D"
    assert RULES.due("D12", formed | {"danger_now": True, "risk": ""}, NOW).rule == "P3D"
    assert RULES.due("D12", formed | {"danger_now": True, "risk": "green"}, NOW).rule == "P15D"


def test_a_chasing_counts_only_for_the_wait_it_was_about() -> None:
    docketed = {"docketed_at": "2026-02-10T10:00:00+08:00"}
    assert RULES.due("D18", docketed, NOW).rule == "P30D"
    assert RULES.due("D18", docketed | {"last_chase_at": "2026-02-05T10:00:00+08:00"}, NOW).rule == "P30D"
    assert RULES.due("D18", docketed | {"last_chase_at": "2026-02-20T10:00:00+08:00"}, NOW).rule == "P10D"
    assert RULES.due("D18", docketed | {"chased": True}, NOW).rule == "P30D"


def test_points_of_a_schedule_that_have_passed_are_skipped() -> None:
    placed = {"placed_at": "2026-01-01T10:00:00+08:00", "round": 1}
    assert RULES.due("D09", placed, instant("2026-01-02")).rule == "P7D"
    assert RULES.due("D09", placed, instant("2026-02-20")).rule == "P90D"
    late = RULES.due("D09", placed | {"last_review_at": "2027-05-01"}, instant("2027-05-02"))
    assert (late.start, late.rule) == ("last_review_at", "P30D")


def test_a_point_stands_and_is_due_at_once_when_nothing_later_is_known() -> None:
    missing = {"missing_reported_at": "2026-03-01T10:00:00+08:00", "round": 1}
    assert RULES.due("D06", missing, NOW).at < NOW
    notice = {"last_notice_at": "2026-02-20T10:00:00+08:00", "round": 2}
    assert RULES.due("D05b", notice, NOW).rule == "P1D"  # never put off to the weekly rhythm
    report = {"period_end": "2026-01-01", "role": "village_worker", "round": 1}
    assert RULES.due("D20", report, NOW).rule == "P10D"  # a duty past its day stays past due


def test_reminders() -> None:
    week = RULES.due("D33", {"dropout_registered_at": "2026-03-02T00:00:00+08:00"}, NOW)
    assert week.remind_at == (week.started_at + (week.at - week.started_at) * 0.8,)
    report = RULES.due("D24", {"year": 2026}, NOW)
    assert report.law_date == date(2026, 12, 10)
    assert report.remind_at == tuple(instant(day) for day in ("2026-11-20", "2026-12-01", "2026-12-08"))
    assert RULES.due("D38", {"year": 2026}, NOW).remind_at == (instant("2026-10-01"),)
    half = RULES.due("D39", {"spell_started_on": "2026-01-31"}, NOW)
    assert half.remind_at == (instant("2026-05-01"), instant("2026-06-16"))  # 24:00 of 30 April; 4 months and 15 days
    assert RULES.due("D17c", {"valid_to_given": True, "valid_to": "2026-08-01"}, NOW).remind_at == (
        instant("2026-07-02"),
    )
    assert RULES.due("D02", {"received_at": "2026-03-02T09:00:00+08:00"}, NOW).remind_at == ()  # already past


def test_the_day_after_a_fourth_quarter_lies_in_the_next_year() -> None:
    assert RULES.due("D20s", {"year": 2026, "quarter": "q1"}, NOW).law_date == date(2026, 4, 1)
    assert RULES.due("D20s", {"year": 2026, "quarter": "q4"}, NOW).law_date == date(2027, 1, 1)
    assert RULES.due("D37s", {"year": 2026}, NOW).law_date == date(2026, 1, 1)


def test_an_unknown_deadline_is_not_found() -> None:
    with pytest.raises(NotFound):
        RULES.due("D99", {}, NOW)


@pytest.mark.parametrize(
    "broken",
    [
        {"when": "no_such_fact"},
        {"when": 'risk == "purple"'},
        {"value": "6 months"},
        {"start": "no_such_start"},
        {"start": None},
        {"when": "danger_now.__class__"},
    ],
)
def test_a_file_that_cannot_be_computed_is_refused_with_the_deadlines_id(broken: dict[str, Any]) -> None:
    document = deepcopy(DOCUMENT)
    row = next(row for row in document["deadlines"] if row["id"] == "D04")
    row["rules"][0] |= broken
    with pytest.raises(Refused) as caught:
        DeadlineRules.load(document)
    assert "D04" in caught.value.text.zh


def test_two_deadlines_of_one_id_are_refused() -> None:
    document = deepcopy(DOCUMENT)
    document["deadlines"].append(document["deadlines"][0])
    with pytest.raises(Refused):
        DeadlineRules.load(document)


def test_conditions_read_only_declared_facts() -> None:
    for _, rule in CASES_OF_ALL:
        if rule["when"]:
            assert compile_expression(rule["when"], "false")({}) is False
