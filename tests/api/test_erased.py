"""A case whose key was destroyed by lawful erasure: its pages stand, and say that the personal data is gone."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db, table
from app.models import Attachment, Case, Notice, Paper, Submission, Task
from app.services import notices, people
from tests.api.site import COUNTY, MARKS, TOWNSHIP, Caller, Site, says_nothing
from tests.api.test_attachments import sent, visit
from tests.api.test_notices import know_the_code

__all__ = ["visit"]  # a fixture
POLICE = f"{TOWNSHIP}-police"
GONE = "已依法删除"
CASE = table(Case)


def destroy_keys(site: Site) -> None:
    """The open family's keys: report, child and sibling."""
    gone = (*site.cases("report"), *site.cases("child"))
    with site.app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.update(CASE).where(CASE.c.id.in_(gone)).values(wrapped_key=None))


@pytest.fixture
def erased(site: Site) -> Site:
    """The open family's keys are gone."""
    destroy_keys(site)
    return site


def people_of(site: Site) -> list[Caller]:
    posts = (("police_officer", POLICE), ("police_chief", POLICE), ("township_worker", TOWNSHIP), ("county_head", COUNTY),
             ("county_worker", f"{COUNTY}-civil_affairs"), ("auditor", "620700-audit"), ("village_worker", "620702101201"))  # fmt: skip
    return [site.person(*post) for post in posts]


def looked_at(answer: Any) -> bool:
    """Whether it was a page; no page may break, and none may name anybody."""
    assert answer.status_code in (200, 403, 404), answer.request.path
    assert says_nothing(answer), answer.request.path
    return answer.status_code == 200


def test_case_pages_say_that_the_data_is_gone(erased: Site) -> None:
    seen = 0
    for case in (*erased.cases("report"), *erased.cases("child")):
        for someone in people_of(erased):
            page = someone.get(f"/cases/{case}")
            if looked_at(page):
                seen += 1
                assert GONE in page.text
            looked_at(someone.api(f"GET /cases/{case}"))
            looked_at(someone.get(f"/audit/cases/{case}/reads"))
            looked_at(someone.get(f"/cases/{case}/record"))
            looked_at(someone.get(f"/cases/{case}/record/performance_changed"))
    assert seen >= 10


def test_tasks_open_and_closed_stand_without_their_answers(erased: Site) -> None:
    seen = 0
    for task in erased.rows(
        sa.select(Task.id).where(Task.case_id.in_((*erased.cases("report"), *erased.cases("child"))))
    ):
        for someone in people_of(erased):
            page = someone.get(f"/tasks/{task['id']}")
            if looked_at(page):
                seen += 1
                assert GONE in page.text
            looked_at(someone.get(f"/tasks/{task['id']}?peek=1"))
            looked_at(someone.api(f"GET /tasks/{task['id']}"))
            looked_at(someone.api(f"GET /tasks/{task['id']}/form"))
    assert seen > 20


def test_records_and_lists_stand_too(erased: Site) -> None:
    sent = erased.rows(
        sa.select(Submission.id).where(Submission.case_id.in_((*erased.cases("report"), *erased.cases("child"))))
    )
    boss = erased.person("county_head", COUNTY)
    for record in sent:
        assert looked_at(boss.get(f"/records/{record['id']}"))
    for path in ("/cases/", "/inbox?view=unit", "/inbox?view=overdue", "/oversight/", "/notices"):
        for someone in people_of(erased):
            looked = someone.get(path).text
            assert not re.search("哨小禾|哨小麦|哨大爷", looked), path


def test_what_needs_the_key_is_refused_plainly(erased: Site) -> None:
    task = erased.task("guardianship-intervention", "t0")
    worker = erased.person("county_worker", f"{COUNTY}-civil_affairs")
    for answer in (
        worker.post(f"/tasks/{task['id']}/complete", {"version": "0"}),
        worker.post(f"/tasks/{task['id']}/draft", {"reason": "还写"}),
    ):
        assert answer.status_code == 422
        assert says_nothing(answer)
    assert erased.rows(sa.select(Task.status).where(Task.id == task["id"]))[0]["status"] == "open"


def test_a_reporter_still_learns_how_it_stands_and_adds_nothing(erased: Site) -> None:
    known = know_the_code(erased, erased.cases("report")[0])
    page = erased.anonymous().post("/report/ask", known)
    assert page.status_code == 200
    assert "送出补充情况" not in page.text
    assert erased.anonymous().api("POST /reports/status", known).status_code == 200
    assert erased.anonymous().post("/report/ask", {**known, "more": "又看到一次"}).status_code == 422


def test_a_notice_about_it_can_still_be_read(erased: Site) -> None:
    worker = erased.person("township_worker", TOWNSHIP)
    with erased.app.app_context():
        found = notices.page(people.person(db.session(), worker.user_id)).rows
    assert found
    for row in found:
        assert worker.post(f"/notices/{row.id}/read").status_code == 302
    unread = erased.rows(sa.select(Notice.id).where(Notice.id.in_([row.id for row in found]), Notice.read_at.is_(None)))
    assert not unread


def test_papers_and_files_are_gone_too(site: Site, visit: dict[str, Any]) -> None:
    """Both open while the key is there, and by nobody when it is not; what lies in the tables tells nothing."""
    someone, file_id = sent(site, visit)
    officer, case = site.person("police_officer", POLICE), visit["case_id"]
    paper = officer.api("POST /papers", {"case": case, "kind": "township-notice"}).json["paper"]["id"]
    assert officer.api(f"POST /papers/{paper}/issue", {"blanks": True}).status_code == 200
    places = [(someone, f"/files/{file_id}"), *((officer, f"/papers/{paper}/file.{form}") for form in ("pdf", "docx"))]
    for who, path in places:
        assert who.get(path).status_code == 200, path
    destroy_keys(site)
    for who, path in places:
        answer = who.get(path)
        assert answer.status_code in (403, 404, 422), path
        assert not answer.data.startswith((b"%PDF", b"PK"))
        assert says_nothing(answer)
    for who in (someone, officer):
        for path in (f"/cases/{case}", f"/papers/{paper}"):
            answer = who.get(path)
            assert answer.status_code in (200, 403, 404, 422), path
            assert says_nothing(answer), path
    stored = site.rows(sa.select(table(Attachment))) + site.rows(sa.select(table(Paper)))
    assert stored
    assert not any(mark.encode() in value for row in stored for value in row.values() if isinstance(value, bytes)
                   for mark in (*MARKS, "%PDF"))  # fmt: skip
