"""Operations: what each asks for, that asking twice adds nothing, and that none exceeds its declaration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import app.models  # noqa: F401 - fills the metadata
from app.clock import LAW_ZONE
from app.db import db
from app.operations import (
    NEEDS,
    TABLES,
    BadEffects,
    Effects,
    Message,
    MissingFacts,
    NewId,
    Notice,
    OpenCase,
    Row,
    Start,
    TaskChange,
    UnknownOperation,
    registry,
    run,
    schedules,
)
from app.operations.needs import (
    LiveInstance,
    Monitored,
    PerformanceRow,
    PlanService,
    RaisedEvent,
    ReportChild,
    Visit,
)
from app.operations.registry import Operation

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 10, 2, 30, tzinfo=UTC)  # 10:30 in Shanghai


def at(text: str) -> datetime:
    """A Shanghai time as aware UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=LAW_ZONE).astimezone(UTC)


def facts(**given: Any) -> dict[str, Any]:
    """Quiet values for every fact, but for those given."""
    quiet: dict[str, Any] = {
        "process": "emergency-response",
        "report_id": 7,
        "child_id": 11,
        "guardian_id": 21,
        "submission_id": 90,
        "notices_sent": (),
        "live_instances": (),
        "report_children": (),
        "case_links": (),
        "report_anonymous": False,
        "drafted_report_id": None,
        "intervene_guardians": (),
        "petition_guardians": (),
        "plan_services": (),
        "begun_services": (),
        "place_kind": "relief",
        "handed_at": at("2026-03-10T09:00"),
        "recorded_placement_id": None,
        "visit": Visit(80, at("2026-03-10T10:00"), "alone", "yes"),
        "risk": "yellow",
        "last_visit_at": at("2026-03-10T10:00"),
        "entrustment_id": None,
        "placed_at": at("2026-03-10T09:00"),
        "moves_to": "/620000/620700/620702/620702102/620702102201/",
        "in_care": True,
        "parent_returned": False,
        "parent_notices": 0,
        "last_notice_at": at("2026-03-10T09:00"),
        "performance_rows": (),
        "raised_events": (),
        "monitored": (),
        "overdue_task_id": 5,
        "overdue_role": "village_worker",
        "overdue_opened_at": NOW - timedelta(days=4),
        "overdue_due_at": NOW - timedelta(days=1),
        "assignee_id": None,
        "new_due_at": None,
    }
    assert quiet.keys() == NEEDS.keys()
    return {**quiet, **given}


VARIABLES: Mapping[str, Any] = {"danger_now": False, "escalation_action": "direct"}


def ask(name: str, now: datetime = NOW, variables: Mapping[str, Any] = VARIABLES, **given: Any) -> Effects:
    return run(name, facts(**given), variables, now)


def opened(effects: Effects) -> list[datetime | None]:
    return [start.start_at for start in effects.starts]


def names(effects: Effects) -> list[tuple[str, int | str]]:
    return [(message.name, message.case) for message in effects.messages]


# --- registry -------------------------------------------------------------------------------


def test_tables_have_the_columns_that_operations_fill():
    for table in ("report_link", "case_link", "placement", "performance", "clock_alert"):
        assert set(db.metadata.tables[table].columns.keys()) >= TABLES[table]


OF_EARLIER_RELEASES = {"clock.next"}
"""Instances that began on an older diagram still ask for these."""


def test_every_operation_of_the_diagrams_is_registered_and_sets_what_they_say():
    files = sorted((ROOT / "bpmn").glob("*.bpmn"))
    if not files:
        pytest.skip("no diagrams in this tree")
    tasks = [
        task
        for file in files
        for task in re.findall(r"<bpmn:serviceTask.*?</bpmn:serviceTask>", file.read_text(), re.S)
    ]
    drawn: dict[str, set[str]] = {}
    for task in tasks:
        values = dict(re.findall(r'property name="(\w+)" value="([^"]*)"', task))
        drawn[values["operation"]] = {name for name in values.get("sets", "").split(",") if name}
    assert drawn == {name: set(found.sets) for name, found in registry.items() if name not in OF_EARLIER_RELEASES}
    assert registry.keys() >= OF_EARLIER_RELEASES


def test_needs_are_all_used_and_all_known():
    assert {need for found in registry.values() for need in found.needs} == set(NEEDS)


@pytest.mark.parametrize("name", sorted(registry))
def test_operations_are_pure(name: str):
    given, variables = facts(report_children=CHILDREN), dict(VARIABLES)
    kept = dict(given)
    first = run(name, given, variables, NOW)
    assert run(name, given, variables, NOW) == first
    assert (given, variables) == (kept, dict(VARIABLES))


def test_unknown_operation_and_missing_facts_are_refused():
    with pytest.raises(UnknownOperation):
        run("report.lose", {}, {}, NOW)
    with pytest.raises(MissingFacts, match="report_children"):
        run("report.open_urgent_cases", {"report_id": 1}, {}, NOW)


BAD = {
    "a list is not flat": Effects(variables={"x": ["a"]}),  # type: ignore[dict-item]
    "an instant is not a variable": Effects(variables={"x": NOW}),  # type: ignore[dict-item]
    "an undeclared variable": Effects(variables={"x": 1, "y": 2}),
    "a declared variable left out": Effects(),
    "an unknown table": Effects(variables={"x": 1}, rows=(Row("user", {}),)),
    "an unknown column": Effects(variables={"x": 1}, rows=(Row("fact", {"who": "a"}),)),
    "an id nobody makes": Effects(variables={"x": NewId("ghost")}),
    "a case nobody opens": Effects(variables={"x": 1}, messages=(Message("m", {}, "new:ghost"),)),
    "a nested payload": Effects(variables={"x": 1}, messages=(Message("m", {"a": {}}),)),  # type: ignore[dict-item]
    "a nested context": Effects(variables={"x": 1}, starts=(Start("s", {"a": ()}),)),  # type: ignore[dict-item]
    "a nested notice": Effects(variables={"x": 1}, notices=(Notice("n", "r", {"a": []}),)),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("effects", BAD.values(), ids=BAD.keys())
def test_bad_effects_are_refused(effects: Effects, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(registry, "t.bad", Operation("t.bad", (), ("x",), lambda *_: effects))
    with pytest.raises(BadEffects, match=r"t\.bad"):
        run("t.bad", {}, {}, NOW)


def test_good_effects_pass(monkeypatch: pytest.MonkeyPatch):
    effects = Effects(
        variables={"x": NewId("row")},
        cases=(OpenCase("c"),),
        rows=(Row("fact", {"name": "a", "value": "b"}, case="new:c", key="row"),),
        messages=(Message("m", {"id": NewId("c")}, 3),),
    )
    monkeypatch.setitem(registry, "t.good", Operation("t.good", (), ("x",), lambda *_: effects))
    assert run("t.good", {}, {}, NOW) == effects


def test_an_operation_sees_only_what_it_declares(monkeypatch: pytest.MonkeyPatch):
    seen: list[Mapping[str, Any]] = []

    def look(given: Mapping[str, Any], _variables: Mapping[str, Any], _now: datetime) -> Effects:
        seen.append(given)
        return Effects()

    monkeypatch.setitem(registry, "t.look", Operation("t.look", ("risk",), (), look))
    run("t.look", facts(), {}, NOW)
    assert seen == [{"risk": "yellow"}]


# --- report-intake --------------------------------------------------------------------------

CHILDREN = (
    ReportChild(1, match="different"),
    ReportChild(2, child_id=12, match="same", candidate_case_id=40, candidate_live=True),
    ReportChild(3, match="pending"),
)


def taken_in(children: tuple[ReportChild, ...], effects: Effects) -> tuple[ReportChild, ...]:
    """The children as services would read them after applying the effects (new cases get 100 + ref)."""
    went = {row.values["child_ref"]: row for row in effects.rows if row.table == "report_link"}
    provisional = {case.child_ref: case.provisional for case in effects.cases}

    def after(child: ReportChild) -> ReportChild:
        row = went.get(child.ref)
        if row is None:
            return child
        case = row.case if isinstance(row.case, int) else 100 + child.ref
        return replace(child, case_id=case, provisional=provisional.get(child.ref, False))

    return tuple(after(child) for child in children)


def links_of(effects: Effects) -> tuple[tuple[Any, Any, Any], ...]:
    def known(value: Any) -> Any:
        return 100 + int(value.key.removeprefix("child-")) if isinstance(value, NewId) else value

    rows = [row.values for row in effects.rows if row.table == "case_link"]
    return tuple((known(row["case_id"]), known(row["other_id"]), row["kind"]) for row in rows)


def test_urgent_cases_open_provisionally_and_once():
    children = (ReportChild(1), ReportChild(2, case_id=8))
    effects = ask("report.open_urgent_cases", report_children=children)
    assert effects.cases == (OpenCase("child-1", report_id=7, child_ref=1, provisional=True),)
    assert effects.messages == (Message("emergency_started", {"report_id": 7}, "new:child-1"),)
    assert ask("report.open_urgent_cases", report_children=taken_in(children, effects)) == Effects()


def test_matched_children_join_their_case_and_others_get_one():
    effects = ask("report.open_cases", report_children=CHILDREN)
    assert [(case.child_ref, case.provisional) for case in effects.cases] == [(1, False), (3, True)]
    assert names(effects) == [
        ("emergency_started", "new:child-1"),
        ("re_endangered", 40),
        ("emergency_started", "new:child-3"),
    ]
    assert links_of(effects) == ((101, 40, "incident"), (101, 103, "incident"))
    assert [row.values["kind"] for row in effects.rows if row.table == "report_link"] == [
        "opened",
        "attached",
        "opened",
    ]


def test_opening_cases_twice_adds_nothing():
    effects = ask("report.open_cases", report_children=CHILDREN)
    again = ask("report.open_cases", report_children=taken_in(CHILDREN, effects), case_links=links_of(effects))
    assert again == Effects()


@pytest.mark.parametrize(
    ("danger", "live", "sent"),
    [
        (False, True, ["re_endangered"]),
        (True, True, ["re_endangered", "emergency_started"]),
        (False, False, ["re_endangered", "emergency_started"]),
    ],
)
def test_a_known_child_gets_a_response_when_in_danger_or_when_nobody_is_at_work(danger, live, sent):
    child = ReportChild(1, match="same", candidate_case_id=40, candidate_live=live)
    effects = ask("report.open_cases", variables={"danger_now": danger}, report_children=(child,))
    assert names(effects) == [(name, 40) for name in sent]
    assert effects.cases == ()


def test_an_urgent_case_that_proves_to_be_a_known_child_is_linked_once():
    child = ReportChild(1, case_id=101, match="same", candidate_case_id=40, provisional=True)
    effects = ask("report.open_cases", variables={"danger_now": True}, report_children=(child,))
    assert links_of(effects) == ((101, 40, "same_child"),)
    assert names(effects) == [("re_endangered", 40)]
    again = ask("report.open_cases", report_children=(child,), case_links=((40, 101, "same_child"),))
    assert again == Effects()


def test_an_urgent_case_of_a_new_child_is_confirmed():
    child = ReportChild(1, case_id=101, match="different", provisional=True)
    effects = ask("report.open_cases", report_children=(child,))
    assert effects.rows == (Row("report_link", {"report_id": 7, "child_ref": 1, "kind": "confirmed"}, case=101),)
    assert ask("report.open_cases", report_children=taken_in((child,), effects)) == Effects()


def test_two_children_who_are_one_are_told_once():
    children = tuple(ReportChild(ref, match="same", candidate_case_id=40) for ref in (1, 2))
    effects = ask("report.open_cases", report_children=children)
    assert names(effects) == [("re_endangered", 40), ("emergency_started", 40)]
    assert links_of(effects) == ()


def test_a_report_without_children_opens_nothing():
    assert ask("report.open_cases") == Effects()


def test_transfer_asks_for_a_receipt_once():
    effects = ask("report.transfer")
    assert effects.notices == (Notice("transfer_letter", "police_elsewhere", {"report_id": 7}, receipt=True),)
    assert ask("report.transfer", notices_sent=("transfer_letter",)) == Effects()


@pytest.mark.parametrize(("anonymous", "kind"), [(False, "receipt"), (True, "receipt_with_code")])
def test_reporter_township_and_civil_affairs_are_told(anonymous, kind):
    effects = ask("report.acknowledge_and_notify", report_anonymous=anonymous)
    told = [(notice.kind, notice.role) for notice in effects.notices]
    assert told == [(kind, "reporter"), ("report_accepted", "township_worker"), ("report_accepted", "county_worker")]
    sent = tuple(notice.kind for notice in effects.notices)
    assert ask("report.acknowledge_and_notify", report_anonymous=anonymous, notices_sent=sent) == Effects()


def test_a_report_is_drafted_once_for_each_submission():
    effects = ask("report.draft")
    assert effects.variables == {"report_id": NewId("report")}
    assert effects.cases == (OpenCase("report-case", kind="report"),)
    assert effects.rows[0].table == "report"
    assert ask("report.draft", drafted_report_id=77) == Effects(variables={"report_id": 77})


# --- emergency response and care ------------------------------------------------------------


def test_the_first_notice_goes_out_once_with_a_receipt():
    effects = ask("notice.first")
    assert [(notice.role, notice.receipt) for notice in effects.notices] == [
        ("township_worker", True),
        ("county_worker", True),
    ]
    assert ask("notice.first", notices_sent=("first_notice",)) == Effects()


def test_interventions_start_once_for_each_guardian_not_in_one():
    live = (LiveInstance("guardianship-intervention", guardian_id=2), LiveInstance("six-month-clock", guardian_id=3))
    effects = ask("intervention.open", intervene_guardians=(1, 2, 3, 1), live_instances=live)
    assert [message.payload["guardian_id"] for message in effects.messages] == [1, 3]
    both = tuple(LiveInstance("guardianship-intervention", guardian_id=who) for who in (1, 2, 3))
    assert ask("intervention.open", intervene_guardians=(1, 2, 3), live_instances=both) == Effects()


def test_petitions_start_unless_one_runs_on_this_ground():
    live = (
        LiveInstance("revocation-petition", guardian_id=1, grounds=("g2",)),
        LiveInstance("revocation-petition", guardian_id=2, grounds=("g2", "cc36")),
    )
    effects = ask("petition.open", petition_guardians=(1, 2, 3), live_instances=live)
    assert [message.payload for message in effects.messages] == [
        {"guardian_id": 1, "ground": "cc36"},
        {"guardian_id": 3, "ground": "cc36"},
    ]


@pytest.mark.parametrize("entrustment", [None, 31])
def test_an_entrustment_ends_at_once_and_is_told_once(entrustment):
    effects = ask("care.end_entrustment", entrustment_id=entrustment)
    known = {row.values["name"] for row in effects.rows}
    assert known == {"entrustment_ended_at"} | ({"barred_entrustment_id"} if entrustment else set())
    assert effects.messages == (Message("case_changed", {"cause": "entrustment_ended"}),)
    assert [notice.role for notice in effects.notices] == ["parents"]
    assert ask("care.end_entrustment", notices_sent=("entrustment_ended",)) == Effects()


def test_a_placement_is_recorded_once():
    effects = ask("placement.open")
    assert effects.variables == {"placement_id": NewId("placement")}
    values = {"submission_id": 90, "kind": "relief", "handed_at": at("2026-03-10T09:00")}
    assert effects.rows == (Row("placement", values, key="placement"),)
    assert ask("placement.open", recorded_placement_id=4) == Effects(variables={"placement_id": 4})


@pytest.mark.parametrize(
    ("given", "day"),
    [(0, "2026-03-11"), (6, "2026-03-11"), (7, "2026-03-17"), (40, "2026-03-17")],
)
def test_parents_are_told_daily_for_a_week_then_weekly(given, day):
    effects = ask("parents.schedule_notice", parent_notices=given)
    assert effects.starts == (Start("notify-parents", start_at=at(f"{day}T00:00")),)


@pytest.mark.parametrize(
    "quiet",
    [
        {"parent_returned": True},
        {"in_care": False},
        {"live_instances": (LiveInstance("notify-parents", start_at=NOW + timedelta(days=3)),)},
    ],
)
def test_no_notice_once_a_parent_returned_care_ended_or_one_is_scheduled(quiet):
    assert ask("parents.schedule_notice", **quiet) == Effects()


def test_a_late_notice_is_followed_at_once_and_never_in_the_past():
    late = ask("parents.schedule_notice", last_notice_at=NOW - timedelta(days=30))
    assert opened(late) == [NOW]


def test_a_full_week_of_notices_lands_on_seven_days():
    moment, days = at("2026-03-10T15:00"), []
    for given in range(9):
        start = ask("parents.schedule_notice", now=moment, parent_notices=given, last_notice_at=moment).starts[0]
        assert start.start_at is not None
        moment = start.start_at + timedelta(hours=9)
        days.append(moment.astimezone(LAW_ZONE).date())
    assert days == [date(2026, 3, day) for day in (11, 12, 13, 14, 15, 16, 17, 24, 31)]


@pytest.mark.parametrize(
    ("now", "over"),
    [("2027-03-10T23:59", "no"), ("2027-03-11T00:00", "yes"), ("2026-06-01T00:00", "no")],
)
def test_the_year_of_care_ends_with_its_last_day(now, over):
    assert ask("care.check_year", now=at(now)).variables == {"over_year": over}


# --- assessment-help ------------------------------------------------------------------------

SERVICES = (PlanService("90:0", "mind", "u1", "2026-05-01"), PlanService("90:1", "law", "u2", "2026-06-01"))


def test_each_service_is_referred_unless_under_way():
    effects = ask("plan.open_referrals", plan_services=SERVICES, begun_services=(PlanService("60:4", "law", "u2"),))
    assert effects.messages == (Message("referral_opened", {"service_id": "90:0", "service_end_on": "2026-05-01"}),)
    assert ask("plan.open_referrals", plan_services=SERVICES, begun_services=SERVICES) == Effects()


def test_a_closed_plan_leads_to_visits():
    effects = ask("case.close_plan", risk="green")
    known = {row.values["name"]: row.values["value"] for row in effects.rows}
    assert known == {"plan_closed_at": NOW.isoformat(), "visit_every": "P3M"}
    assert effects.starts == (Start("home-visit", {"child_id": 11}, start_at=at("2026-06-10T00:00")),)


# --- visits ---------------------------------------------------------------------------------


def scheduled(effects: Effects) -> tuple[LiveInstance, ...]:
    return tuple(LiveInstance(start.stem, start_at=start.start_at) for start in effects.starts)


@pytest.mark.parametrize(
    ("risk", "day"),
    [
        ("red", "2026-03-17"),
        ("orange", "2026-03-24"),
        ("yellow", "2026-04-10"),
        ("green", "2026-06-10"),
        (None, "2026-04-10"),
    ],
)
def test_the_next_visit_follows_the_level(risk, day):
    effects = ask("visits.record_and_schedule", risk=risk)
    assert opened(effects) == [at(f"{day}T00:00")]
    again = ask("visits.record_and_schedule", risk=risk, live_instances=scheduled(effects))
    assert again.starts == ()


def test_an_earlier_visit_is_added_beside_a_later_one():
    later = (LiveInstance("home-visit", start_at=at("2026-05-01T00:00")),)
    assert opened(ask("visits.record_and_schedule", risk="red", live_instances=later)) == [at("2026-03-17T00:00")]


def test_a_visit_under_way_schedules_its_own_successor():
    assert ask("visits.record_and_schedule", live_instances=(LiveInstance("home-visit"),)).starts == ()


@pytest.mark.parametrize(
    ("last_seen", "day"),
    [("2026-02-20T10:00", "2026-03-20"), ("2025-11-01T10:00", "2026-03-11")],
)
def test_a_missed_child_is_visited_again_by_level_but_not_at_once(last_seen, day):
    missed = Visit(80, at("2026-03-10T10:00"), "no", "unknown")
    effects = ask("visits.record_and_schedule", visit=missed, last_visit_at=at(last_seen))
    assert opened(effects) == [at(f"{day}T00:00")]


def test_a_month_without_the_day_ends_on_its_last():
    assert opened(ask("case.close_plan", now=at("2026-01-31T09:00"), risk="yellow")) == [at("2026-02-28T00:00")]


def test_restoration_brings_six_monthly_visits_and_a_fresh_clock():
    effects = ask("visits.schedule", process="guardianship-restoration", risk="green")
    assert opened(effects) == [at(f"2026-0{month}-10T00:00") for month in range(4, 10)]
    assert effects.rows == (Row("fact", {"name": "clock_from_21", "value": "2026-03-10"}),)
    again = ask("visits.schedule", process="guardianship-restoration", risk="green", live_instances=scheduled(effects))
    assert again.starts == ()


def test_restoration_of_a_child_at_red_adds_the_weekly_visit():
    effects = ask("visits.schedule", process="guardianship-restoration", risk="red")
    assert at("2026-03-17T00:00") in opened(effects)
    assert len(effects.starts) == 7


def test_a_child_back_from_care_is_visited_within_a_week():
    effects = ask("visits.schedule", process="temporary-care-review", risk="green", guardian_id=None)
    assert opened(effects) == [at("2026-03-17T00:00")]
    assert effects.rows == ()
    again = ask("visits.schedule", process="temporary-care-review", live_instances=scheduled(effects))
    assert again.starts == ()


# --- six-month clock ------------------------------------------------------------------------

FAILED = PerformanceRow(date(2025, 9, 10), "fails", "visit", saw_child=True, knew=True)
HELD = PerformanceRow(date(2026, 2, 20), "performs", "school")
SPELL = date(2025, 9, 11)


def clock(name: str, day: str, rows: tuple[PerformanceRow, ...] = (FAILED,), raised: Any = ()) -> Effects:
    return ask(name, now=at(f"{day}T00:00"), performance_rows=rows, raised_events=raised)


@pytest.mark.parametrize(
    ("day", "event", "next_on"),
    [
        ("2025-09-12", "none", "2025-12-11"),
        ("2025-12-11", "month3", "2026-01-26"),
        ("2026-01-26", "evidence", "2026-03-11"),
        ("2026-03-11", "six_months", "2026-04-11"),
    ],
)
def test_the_clock_raises_its_alerts_on_their_days(day, event, next_on):
    effects = clock("clock.evaluate", day)
    assert effects.variables == {"clock_event": event, "clock_next_at": at(f"{next_on}T00:00").isoformat()}
    assert [row.values["event"] for row in effects.rows] == ([] if event == "none" else [event])


def test_an_alert_is_noted_once_for_its_spell():
    first = clock("clock.evaluate", "2026-03-11")
    assert first.rows[0].table == "clock_alert"
    assert first.rows[0].values["spell_started_on"] == SPELL
    again = clock("clock.evaluate", "2026-03-11", raised=(RaisedEvent("six_months", SPELL),))
    assert again.variables["clock_event"] == "none"
    assert again.rows == ()


def test_no_observation_starts_no_clock():
    assert clock("clock.evaluate", "2026-03-11", rows=()).variables["clock_event"] == "none"


def test_the_next_look_lies_ahead():
    effects = clock("clock.next", "2025-12-15", raised=(RaisedEvent("month3", SPELL),))
    assert effects.variables == {"clock_next_at": at("2026-01-26T00:00").isoformat()}


def test_an_alert_that_came_due_meanwhile_is_looked_at_at_once():
    """The three-month review took until after the day on which evidence had to be prepared."""
    effects = clock("clock.next", "2026-02-01", raised=(RaisedEvent("month3", SPELL),))
    assert effects.variables == {"clock_next_at": at("2026-02-01T00:00").isoformat()}


@pytest.mark.parametrize(
    ("seen", "contact", "state"),
    [
        ("alone", "yes", "partly"),
        ("with", "no", "fails"),
        ("alone", "unknown", "unverifiable"),
        ("no", "no", "unverifiable"),
    ],
)
def test_a_visit_is_an_observation_of_each_watched_guardian(seen, contact, state):
    visit = Visit(80, at("2026-03-09T23:30"), seen, contact)
    effects = ask("visits.record_and_schedule", visit=visit, monitored=(Monitored(21), Monitored(22)))
    assert [row.values for row in effects.rows] == [
        {
            "guardian_id": guardian,
            "submission_id": 80,
            "observed_on": date(2026, 3, 9),
            "state": state,
            "source": "visit",
            "saw_child": seen != "no",
            "knew": False,
        }
        for guardian in (21, 22)
    ]


@pytest.mark.parametrize(
    ("rows", "contact", "told"),
    [
        ((), "no", False),  # without a confirmed refusal nothing starts
        ((FAILED,), "no", False),  # it runs already
        ((FAILED, HELD), "no", True),  # a lapse during HOLD
        ((FAILED, HELD), "yes", False),
    ],
)
def test_the_clock_hears_of_a_visit_only_when_its_state_changes(rows, contact, told):
    visit = Visit(80, at("2026-03-10T10:00"), "with", contact)
    effects = ask("visits.record_and_schedule", visit=visit, monitored=(Monitored(21, rows),))
    message = Message("performance_changed", {"guardian_id": 21, "row_id": NewId("performance-21")})
    assert effects.messages == ((message,) if told else ())


def test_a_visit_is_recorded_once():
    effects = ask("visits.record_and_schedule", monitored=(Monitored(21, (FAILED,), submissions=(80,)),))
    assert (effects.rows, effects.messages) == ((), ())


def test_frequencies_are_those_shown_as_limits():
    """The studio shows D21 and D05b; what is scheduled must agree with them."""
    rules = {rule["id"]: rule["rules"] for rule in _deadlines()}
    shown = {str(rule["when"]): rule["value"] for rule in rules["D21"]}
    for level in ("red", "orange", "yellow"):
        assert shown[f'risk == "{level}"'] == schedules.VISITS[level].rule
    assert shown["None"] == schedules.VISITS["green"].rule
    notices = {str(rule["when"]): rule["value"] for rule in rules["D05b"]}
    assert notices == {
        f"round <= {schedules.DAILY_NOTICES}": schedules.NOTICE_DAILY.rule,
        "None": schedules.NOTICE_WEEKLY.rule,
    }


def _deadlines() -> list[dict[str, Any]]:
    file = ROOT / "bpmn" / "deadlines.json"
    if not file.exists():
        pytest.skip("no deadlines in this tree")
    deadlines: list[dict[str, Any]] = json.loads(file.read_text())["deadlines"]
    return deadlines


# --- overdue-escalation ---------------------------------------------------------------------

DAYS_3 = (NOW + timedelta(days=3)).isoformat()


def decide(action: str, **given: Any) -> Effects:
    return ask("escalation.apply", variables={"escalation_action": action}, **given)


def test_directing_tells_the_role_and_changes_nothing():
    effects = decide("direct")
    assert effects.tasks == ()
    assert [(notice.kind, notice.role) for notice in effects.notices] == [("task_directed", "village_worker")]
    assert effects.variables == {"next_check_at": DAYS_3}


def test_reassigning_names_the_new_assignee():
    effects = decide("reassign", assignee_id=9)
    assert effects.tasks == (TaskChange(5, assignee_id=9, reason_id=90),)
    assert [(notice.kind, notice.role) for notice in effects.notices] == [("task_reassigned", "assignee")]


def test_extending_moves_the_limit_and_waits_for_it():
    limit = NOW + timedelta(days=10)
    effects = decide("extend", new_due_at=limit)
    assert effects.tasks == (TaskChange(5, due_at=limit, reason_id=90),)
    assert effects.variables == {"next_check_at": limit.isoformat()}


def test_not_applicable_closes_the_deadline_only():
    assert decide("not_applicable").tasks == (TaskChange(5, not_applicable=True, reason_id=90),)


def test_nobody_is_asked_again_within_a_day():
    effects = decide("direct", overdue_opened_at=NOW - timedelta(hours=3), overdue_due_at=NOW - timedelta(hours=1))
    assert effects.variables == {"next_check_at": (NOW + timedelta(hours=24)).isoformat()}


def test_a_task_that_another_freed_of_its_limit_is_looked_at_in_a_day():
    effects = decide("direct", overdue_due_at=datetime(9999, 12, 31, tzinfo=UTC))
    assert effects.variables == {"next_check_at": (NOW + timedelta(hours=24)).isoformat()}


def test_an_unknown_decision_is_an_error():
    with pytest.raises(KeyError):
        decide("forget")
