"""Looking back at a long history: opening a case for replay, and each further moment, as a browser asks for them.

Whole answers are timed, from the request to the last byte: access, record check, one moment, HTML.
"""

from __future__ import annotations

import random
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask.testing import FlaskClient

from app.db import table
from app.models import Case, Event, Post, User
from app.rules.access import AUDITOR
from app.web import build
from tests.bench.ground import Answers, Ground, Loop
from tests.bench.measure import Report, span_of

EVENTS = 2_000
OPENED = 20
"""How often the case is opened, and how many moments are looked at."""

CASE, EVENT, POST, USER = table(Case), table(Event), table(Post), table(User)


def measure(ground: Ground, report: Report) -> None:
    """Figures of the replay."""
    build.build()
    case_id, events = _long_case(ground)
    client = _auditor(ground)
    page, moment = f"/audit/cases/{case_id}", f"/audit/cases/{case_id}/moment"
    dice = random.Random(11)
    _get(client, page)
    opened = [span_of(lambda: _get(client, page)) for _ in range(OPENED)]
    places = [dice.randint(1, events) for _ in range(OPENED)]
    looked = [span_of(lambda at=at: _get(client, f"{moment}?at={at}")) for at in places]
    known = [span_of(lambda at=at: _get(client, f"{moment}?at={at}&view=known")) for at in places]
    about = f"a case of {events} events"
    report.spans("replay_open", opened, about)
    report.spans("replay_moment", looked, about)
    report.spans("replay_moment_as_known", known, about)
    report.figure("replay_open_kb", len(_get(client, page)) / 1024, "KB", f"the page's HTML, {about}")


def _long_case(ground: Ground) -> tuple[int, int]:
    """A case that went round and round until its record was long: its id, and how many events it has."""
    loop = Loop(ground, Answers(ground.world))
    case_id = loop.task["case_id"]
    query = sa.select(CASE.c.last_seq).where(CASE.c.id == case_id)
    while ground.world.rows(query)[0]["last_seq"] < EVENTS:
        loop.complete()
    return case_id, ground.world.rows(query)[0]["last_seq"]


def _auditor(ground: Ground) -> FlaskClient:
    """A browser of the first auditor, signed in."""
    query = sa.select(USER.c.fs_uniquifier).join(POST, POST.c.user_id == USER.c.id).where(POST.c.role == AUDITOR)
    who: dict[str, Any] = ground.world.rows(query.limit(1))[0]
    client = current_app.test_client()
    with client.session_transaction() as session:
        session.update(_user_id=who["fs_uniquifier"], _fresh=True)
    return client


def _get(client: FlaskClient, path: str) -> bytes:
    with current_app.app_context():  # of its own, as every request has
        answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status)
    return answer.data
