"""An installation to call from outside: a region of six counties, two families, and callers who sign in.

Both families are reported in one village and their stories run through the real services until
people of several bodies have work; one family's cases are sealed. What must not get out is marked.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock, create_app
from app.db import db, table, transaction
from app.demo import people
from app.demo.answers import plausible
from app.models import Case, Post, Submission, Task, Unit, User
from app.services import choices, releases, reports, tasks
from app.services._work import Actor
from app.services.inbox import listing
from app.web import forms
from app.web.signin import Account
from tests import conftest
from tests.world import World

TASK, CASE, POST, UNIT, USER = (table(model) for model in (Task, Case, Post, Unit, User))
VILLAGE, TOWNSHIP, COUNTY = "620702101201", "620702101", "620702"
API = "/api/v1"
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
OPEN_FAMILY = {
    "child": "哨小禾",
    "sibling": "哨小麦",
    "reporter": "哨大爷",
    "phone": "13900001111",
    "facts": "哨兵见孩子独自在家",
}
SEALED_FAMILY = {
    "child": "哨石榴",
    "sibling": "哨杏儿",
    "reporter": "哨二婶",
    "phone": "13900002222",
    "facts": "哨兵听见孩子在哭",
}
MARKS = ("哨", "1390000")
"""Whatever is personal in either family holds one of these."""


@contextmanager
def running(url: str, folder: Path) -> Iterator[Flask]:
    """An application on that database; nothing of it stays open."""
    app = create_app(conftest.settings(url, folder))
    try:
        yield app
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def build(app: Flask) -> None:
    """Settle the region and tell both families' stories."""
    with app.app_context(), clock.fixed(conftest.START) as move:
        releases.publish(releases.load())
        roles = list(releases.current_library().roles.values())
        with transaction() as session:
            people.settle(session, roles, random.Random(1))
        for family, sealed in ((OPEN_FAMILY, False), (SEALED_FAMILY, True)):
            _tell(World(move), family, sealed=sealed)
        World(move).pass_time("PT1H")


def _tell(world: World, family: Mapping[str, str], *, sealed: bool) -> None:
    """From a report to help: the child is placed, a sibling waits for the police, an outside body is asked."""
    before = world.rows(sa.select(CASE.c.id))
    report = _file(world, family)
    children = [
        {"name": family[who], "sex": "f", "age_or_dob": "9", "safe_adult_now": "no", "village": VILLAGE}
        for who in ("child", "sibling")
    ]
    world.send("t1", "report-intake", report, children=children)
    world.send("t2", "report-intake", report, safe_adult_now="no")
    world.send("t3", "report-intake", report)
    world.send("t4", "report-intake", report, intake_decision="accept")
    world.case = next(row["id"] for row in world.rows(sa.select(CASE.c.id).where(CASE.c.kind == "child").order_by(CASE.c.id))
                      if row not in before)  # fmt: skip
    world.send("t1", "emergency-response", seen_child="yes")
    world.send("t2", "emergency-response", founded="yes", situations=["living_alone"])
    world.send("t1", "reach-parents", parents_reached="unreached")
    answers = {"help_needed": "yes", "intervene": "yes", "failure_found": "no", "reward_due": "no"}
    world.send("t9", "emergency-response", intervene_guardians=world.guardians()[:1], **answers)
    world.send("h1", "temporary-placement", child_view="agrees", place_kind="relief")
    world.send("t1", "assessment-help")
    world.send("t2", "assessment-help")
    world.send("t3", "assessment-help", level="orange")
    world.send("t4", "assessment-help", need_services="yes", need_aid="no", need_legal="yes", need_pairing="no")
    world.send_task(world.open_tasks("t1", "service-referral")[0], {})
    if sealed:
        old = [row["id"] for row in before]
        with transaction() as session:
            session.execute(sa.update(CASE).where(CASE.c.id.not_in(old)).values(sealed=True))


def _file(world: World, family: Mapping[str, str]) -> int:
    """The public report, with the reporter's name."""
    told = {"village": VILLAGE, "facts": family["facts"], "reporter_kind": "citizen", "reporter_name": family["reporter"],
            "reporter_phone": family["phone"], "children": [{"name": family["child"]}]}  # fmt: skip
    form = world.library.form(reports.PUBLIC_FORM)
    raw = plausible(form, choices.of(db.session(), {}, form, "zh"), world.rng, world.now, told)
    return reports.file_report(raw, Actor(None, "reporter")).case_id


def signed_in(app: Flask, user_id: int) -> FlaskClient:
    """A client in whose session this person has just signed in."""
    with app.app_context():
        uniquifier = db.session.get_one(Account, user_id).fs_uniquifier
    client = app.test_client()
    with client.session_transaction() as session:
        session.update(_user_id=uniquifier, _fresh=True, fs_cc="set", fs_paa=clock.real_now().timestamp())
    return client


@dataclass
class Caller:
    """Somebody at a browser, or a program with a token."""

    client: FlaskClient
    user_id: int = 0
    token: str = ""
    lang: str = "zh"

    def get(self, path: str, **more: Any) -> TestResponse:
        """A page."""
        return self.client.get(path, **more)

    @cached_property
    def csrf(self) -> str:
        """The token that this session's forms carry."""
        found: str = CSRF.findall(self.client.get("/report/ask").text)[0]
        return found

    def post(self, path: str, data: Mapping[str, Any] | None = None) -> TestResponse:
        """A form sent as the page sends it."""
        return self.client.post(path, data={**(data or {}), "csrf_token": self.csrf})

    def api(self, call: str, body: Any = None, **headers: str) -> TestResponse:
        """A call of the API, with the token if there is one: "GET /tasks"."""
        method, _, path = call.partition(" ")
        sent = {"Accept-Language": self.lang, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.token:
            sent["Authentication-Token"] = self.token
        return self.client.open(f"{API}{path}", method=method, json=body, headers=sent)


@dataclass
class Site:
    """The installation, and those who call it."""

    app: Flask
    move: Callable[[datetime], None]
    known: dict[tuple[str, str], int] = field(default_factory=dict)

    def anonymous(self) -> Caller:
        """Somebody who has not signed in."""
        return Caller(self.app.test_client())

    def person(self, role: str, unit: str) -> Caller:
        """Whoever holds `role` in the unit with that code: signed in, and with a token for the API."""
        with self.app.app_context():
            query = sa.select(POST.c.user_id).join(UNIT, UNIT.c.id == POST.c.unit_id)
            user_id = db.session.scalars(
                query.where(POST.c.role == role, UNIT.c.code == unit).order_by(POST.c.id)
            ).first()
            assert user_id is not None, f"nobody is {role} in {unit}"
        return self.user(user_id)

    def user(self, user_id: int) -> Caller:
        """Somebody by their id: signed in, and with a token for the API."""
        client = signed_in(self.app, user_id)
        with self.app.test_request_context():
            account = db.session.get_one(Account, user_id)
            token = str(account.get_auth_token())
        return Caller(client, user_id, token)

    def rows(self, query: Any) -> list[dict[str, Any]]:
        """Rows as a test looks at them."""
        with self.app.app_context():
            return [dict(row) for row in db.session.execute(query).mappings()]

    def task(self, process: str, element: str, *, sealed: bool = False) -> dict[str, Any]:
        """The first open task there."""
        query = sa.select(TASK, UNIT.c.code.label("unit")).join(UNIT, UNIT.c.id == TASK.c.unit_id)
        query = query.join(CASE, CASE.c.id == TASK.c.case_id).where(
            TASK.c.process == process, TASK.c.element == element, TASK.c.status == "open", CASE.c.sealed == sealed
        )
        return self.rows(query.order_by(TASK.c.id))[0]

    def cases(self, kind: str, *, sealed: bool = False) -> list[int]:
        """Cases of a kind, oldest first."""
        query = sa.select(CASE.c.id).where(CASE.c.kind == kind, CASE.c.sealed == sealed).order_by(CASE.c.id)
        return [row["id"] for row in self.rows(query)]

    def submissions(self, task_id: int) -> int:
        """How often a task's form was kept."""
        query = sa.select(sa.func.count().label("n")).where(Submission.task_id == task_id)
        return int(self.rows(query)[0]["n"])

    def answers(self, task_id: int, **wanted: Any) -> dict[str, Any]:
        """Answers that the task's form accepts now."""
        with self.app.app_context():
            row = db.session.execute(listing.base().where(TASK.c.id == task_id)).mappings().one()
            books = releases.current_library()
            form = books.form(books.definition(row["process"]).element(row["process"], row["element"]).form or "")
            offered = choices.of(db.session(), row, form, "zh")
            return json.loads(json.dumps(plausible(form, offered, random.Random(7), clock.now(), wanted)))

    def posted(self, task_id: int, **wanted: Any) -> dict[str, Any]:
        """The same as the page would post them."""
        with self.app.app_context():
            form, _case = tasks.form_of(task_id)
            return forms.write(form, self.answers(task_id, **wanted)).to_dict(flat=False)

    def report_answers(self, **wanted: Any) -> dict[str, Any]:
        """Answers that the public form accepts now."""
        with self.app.app_context():
            form = releases.current_library().form(reports.PUBLIC_FORM)
            offered = choices.of(db.session(), {}, form, "zh")
            return plausible(form, offered, random.Random(7), clock.now(), {"village": VILLAGE, **wanted})


def says_nothing(answer: TestResponse) -> bool:
    """Whether an answer holds nothing of either family, escaped or not."""
    text = answer.text + (json.dumps(answer.json, ensure_ascii=False) if answer.is_json else "")
    return not any(mark in text for mark in MARKS)
