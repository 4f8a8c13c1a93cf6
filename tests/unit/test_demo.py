"""Practice data: answers that every form accepts, places and people for every role, histories that are true."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask_security.utils import verify_password

from app import create_app
from app.db import db, table
from app.demo import answers, load, people, places, story
from app.demo.answers import plausible
from app.errors import Refused
from app.models import Deadline, Draft, Incident, Instance, Outbox, Performance, Post, Task, Unit, User
from app.rules.clock_six_months import evaluate
from app.rules.forms import Form
from app.services import _needs, practice, releases, units
from app.services.audit import verification
from app.services.deadlines import ESCALATION
from tests.conftest import ROOT, START, rows, settings

Move = Callable[[datetime], None]
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
FORMS = [Form.parse(json.loads(path.read_bytes())) for path in sorted((ROOT / "forms").glob("*.json"))]
OFFERED = {
    source: (("1", "一"), ("2", "二"))
    for source in ("guardians", "case_persons", "units", "providers", "cases", "candidates", "colleagues", "receivers")
} | dict.fromkeys(("villages", "receiving_villages"), (("620702101201", "红柳滩村"),))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)
def test_plausible_answers_fit_their_form(form: Form) -> None:
    for seed in range(12):
        raw = plausible(form, OFFERED, random.Random(seed), NOW)
        assert form.validate(raw, "zh", NOW, OFFERED).errors == {}, raw
        assert plausible(form, OFFERED, random.Random(seed), NOW) == raw


def test_what_was_done_because_it_was_asked_for_was_done_since() -> None:
    since, told, earlier = NOW - timedelta(minutes=4), 0, 0
    for form in FORMS:
        moments = {name for name, field in form.questions.items() if field.kind == "datetime"} - answers.KNOWN_BEFORE
        for seed in range(6):
            raw = plausible(form, OFFERED, random.Random(seed), NOW, since=since)
            assert form.validate(raw, "zh", NOW, OFFERED).errors == {}, raw
            for name in moments & set(raw):
                told += 1
                assert datetime.fromisoformat(raw[name]) >= since, (form.id, name)
            free = plausible(form, OFFERED, random.Random(seed), NOW)
            earlier += sum(datetime.fromisoformat(free[name]) < since for name in moments & set(free))
    assert told > 50
    assert earlier > 50, "without a start they would have lain before it"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)
def test_any_option_may_be_wanted(form: Form) -> None:
    """Whatever is decided, the questions that follow from it are answered too."""
    for name, field in form.questions.items():
        for option in field.options:
            wanted = {name: [option.value] if field.kind == "checklist" else option.value}
            raw = plausible(form, OFFERED, random.Random(1), NOW, wanted)
            checked = form.validate(raw, "zh", NOW, OFFERED)
            assert checked.errors == {}
            assert raw.get(name, wanted[name]) == wanted[name]


def test_the_sign_in_page_offers_everybody_who_has_a_name_in_practice() -> None:
    assert tuple(one.username for one in people.SIGN_INS) == practice.SIGN_INS


def test_what_a_form_does_not_ask_is_left_out() -> None:
    form = next(form for form in FORMS if form.id == "F04")
    raw = plausible(form, None, random.Random(1), NOW, {"intake_decision": "accept", "transfer_to": "x", "care": "y"})
    assert "transfer_to" not in raw
    assert "care" not in raw
    assert raw["intake_decision"] == "accept"


def test_every_role_finds_its_unit_in_every_village(app: Flask, at: Move) -> None:
    load.load(0, seed=1)
    roles = [
        role for role in releases.current_library().roles.values() if role["level"] not in ("system", "escalation")
    ]
    for place in places.places():
        if place.level == "village":
            found = {units.resolve(db.session().connection(), role, place.path) for role in roles}
            assert len(found) > 10


def test_every_seat_is_taken_and_named_people_sign_in(app: Flask, at: Move) -> None:
    load.load(0, seed=1)
    held = {(post["role"], post["unit_id"]) for post in rows(table(Post))}
    unit_ids = {unit["code"]: unit["id"] for unit in rows(table(Unit))}
    users = {user["username"]: user for user in rows(table(User))}
    for one in people.SIGN_INS:
        assert (one.role, unit_ids[one.unit]) in held
        assert verify_password(practice.PASSWORD, str(users[one.username]["password"]))
    assert {role for role, _ in held} == {role for seat in people.SEATS for role in seat}
    assert len({user["name"] for user in users.values()}) > 200


def test_stories_are_played_out_in_true_time(app: Flask, at: Move) -> None:
    made = load.load(len(story.PLOTS), seed=3)
    tasks, deadlines = rows(table(Task)), rows(table(Deadline))
    assert made.cases > len(story.PLOTS)
    assert rows(table(Incident)) == []
    assert [row for row in deadlines if row["state"] == "due" and row["due_at"] <= START] == []
    assert [row for row in rows(table(Outbox)) if row["state"] != "done"] == []
    stood = {f"{task['process']}.{task['element']}" for task in tasks if task["status"] == "open"}
    assert {"report-intake.t1", "emergency-response.t1", "assessment-help.t2", "stop-harm.d3", "home-visit.t1"} <= stood
    late = [task for task in tasks if task["status"] == "open" and task["due_at"] <= START]
    assert {task["escalations"] for task in late if task["process"] != ESCALATION} == {1}
    assert any(task["assignee_id"] for task in tasks)
    assert rows(table(Draft))
    assert {row["process"] for row in rows(table(Instance))} >= {
        "six-month-clock",
        "revocation-petition",
        "protection-order",
    }
    assert verification.verify() == []


def test_a_clock_stands_at_five_months_and_some_days(app: Flask, at: Move) -> None:
    load.load(2, seed=3)
    (first, *_) = [row for row in rows(table(Performance)) if row["knew"]]
    clock_now = evaluate([_needs.performance_row(row) for row in rows(table(Performance))], START.date())
    assert first["state"] == "fails"
    assert clock_now.state == "RUN"
    assert clock_now.current.months == 5
    assert clock_now.current.days >= 15


def test_the_same_seed_tells_the_same_stories(tmp_path: Path, sqlite_template: Path, at: Move) -> None:
    told = []
    for name in ("one", "other"):
        shutil.copy(sqlite_template, tmp_path / name)
        with create_app(settings(f"sqlite:///{tmp_path / name}", tmp_path)).app_context():
            load.load(6, seed=5)
            told.append([(t["process"], t["element"], t["opened_at"], t["closed_at"]) for t in rows(table(Task))])
            db.session.remove()
            db.engine.dispose()
    assert told[0] == told[1]


def test_practice_data_go_into_an_empty_installation_only(app: Flask, at: Move) -> None:
    load.load(0, seed=1)
    with pytest.raises(Refused) as refused:
        load.load(1, seed=1)
    assert refused.value.code == "not_empty"
