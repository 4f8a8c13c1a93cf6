"""The pages where people spend their day: a task, a case, oversight; and what they weigh on the way to a phone."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import sqlalchemy as sa
from flask import current_app
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from app.db import db
from app.models import Post, User
from tests.bench.ground import Answers, Ground, Loop
from tests.bench.measure import Report, span_of

LOOKS = 40
HISTORY = 30
"""Completed tasks behind the case that is looked at."""
ASSET = re.compile(r'(?:href|src)="(/static/dist/[^"]+\.(?:css|js))"')


def measure(ground: Ground, report: Report) -> None:
    """Figures of single pages, over HTTP in this process."""
    loop = Loop(ground, Answers(ground.world))
    for _ in range(HISTORY):
        loop.complete()
    officer, chief = signed_in(_holder("police_officer", loop)), signed_in(_holder("police_chief", loop))
    pages = {
        "task_page": (officer, f"/tasks/{loop.task['id']}"),
        "case_page": (officer, f"/cases/{loop.task['case_id']}"),
        "overdue_page": (chief, "/oversight/"),
        "inbox_page": (officer, "/inbox?view=unit"),
    }
    for name, (http, path) in pages.items():
        answer = get(http, path)
        assert answer.status_code == 200, (path, answer.status_code)
        report.spans(name, [span_of(lambda http=http, path=path: get(http, path)) for _ in range(LOOKS)])  # type: ignore[misc]
        report.figure(
            f"{name}_kb", _weight(answer.text), "KB", "HTML, styles and scripts, gzip; bar 40 for inbox and task"
        )


def _holder(role: str, loop: Loop) -> User:
    """Who holds `role` in the unit that has the loop's task."""
    query = sa.select(User).join(Post, Post.user_id == User.id)
    user = db.session.scalars(query.where(Post.role == role, Post.unit_id == loop.task["unit_id"])).first()
    assert user is not None, role
    return user


def signed_in(user: User) -> FlaskClient:
    """A browser of that person's."""
    http = current_app.test_client()
    with http.session_transaction() as session:
        session.update(_user_id=user.fs_uniquifier, _fresh=True, fs_cc="set", fs_paa=clock.real_now().timestamp())
    return http


def get(http: FlaskClient, path: str) -> TestResponse:
    """A page as a server gives it: nothing that an earlier request read is still at hand."""
    with current_app.app_context():
        return http.get(path)


def _weight(html: str) -> float:
    """What a first visit sends, in KB: the page, and the styles and scripts that it names."""
    static = Path(current_app.root_path) / "web"
    files = [static / path.removeprefix("/") for path in dict.fromkeys(ASSET.findall(html))]
    return (
        sum(len(gzip.compress(content)) for content in (html.encode(), *(file.read_bytes() for file in files))) / 1000
    )
