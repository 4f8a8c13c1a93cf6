"""What a phone keeps, as the server sees it: what may be kept, and that what was kept arrives once."""

from __future__ import annotations

import json
import re
import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import clock
from app.db import db, table
from app.models import Report, Submission
from app.services import reports
from app.services._work import Actor
from app.web import build
from tests.api.conftest import NOW
from tests.api.site import OPEN_FAMILY, VILLAGE, Caller, Site, says_nothing
from tests.conftest import START
from tests.world import World

REPORT, SUBMISSION = table(Report), table(Submission)


def report(**more: str) -> dict[str, Any]:
    """A report as the phone sends it."""
    return {
        "reported_situations": ["living_alone"], "safe_adult_now": "no", "facts": "哨兵见灯一直黑着", "place": "村口",
        "village": VILLAGE, "reporter_kind": "anonymous", "_key": str(uuid4()), **more,
    }  # fmt: skip


def count(site: Site, query: Any) -> int:
    return int(site.rows(sa.select(sa.func.count().label("n")).select_from(query))[0]["n"])


# --- reports ---------------------------------------------------------------------------------


def test_a_report_sent_again_is_one_report_with_one_receipt(site: Site) -> None:
    nobody, before, sent = site.anonymous(), count(site, REPORT), report()
    first, again = (nobody.client.post("/kept/report", data=sent) for _ in range(2))
    assert (first.status_code, first.json) == (200, again.json)
    assert count(site, REPORT) == before + 1
    assert first.json["sent"] is True
    asked = nobody.post("/report/ask", {"number": first.json["number"], "code": first.json["code"]})
    assert "已收到" in asked.text


def test_without_the_key_it_would_be_two(site: Site) -> None:
    """The broken twin."""
    nobody, before, sent = site.anonymous(), count(site, REPORT), report(_key="")
    for _ in range(2):
        assert nobody.client.post("/kept/report", data=sent).status_code == 200
    assert count(site, REPORT) == before + 2


def test_the_button_and_the_phone_send_the_same_report(site: Site) -> None:
    """The page was posted and arrived, but its answer was lost; the phone sends it once more."""
    nobody, before, sent = site.anonymous(), count(site, REPORT), report()
    page = nobody.post("/report/", {**sent, "step": "3", "go": "send"})
    assert f"settled={sent['_key']}" in page.headers["Set-Cookie"]
    told = nobody.client.post("/kept/report", data=sent).json
    assert count(site, REPORT) == before + 1
    assert told["number"] in page.text
    assert f"{told['code'][:3]} {told['code'][3:]}" in page.text


def test_something_else_under_the_same_key_is_refused(site: Site) -> None:
    nobody, sent = site.anonymous(), report()
    assert nobody.client.post("/kept/report", data=sent).status_code == 200
    other = nobody.client.post("/kept/report", data={**sent, "facts": "别的事"})
    assert (other.status_code, other.json["sent"]) == (422, False)


def test_a_report_says_when_it_was_written(site: Site) -> None:
    """Without network for five hours: they learned of it then, and it was received now."""
    with clock.fixed(START + timedelta(days=2)) as move:
        written = (START + timedelta(days=2)).isoformat()
        move(START + timedelta(days=2, hours=5))
        told = site.anonymous().client.post("/kept/report", data=report(_written=written)).json
        with site.app.app_context():
            row = db.session.execute(sa.select(Report).where(Report.number == told["number"])).scalar_one()
            sent = db.session.execute(sa.select(SUBMISSION).where(SUBMISSION.c.case_id == row.case_id)).mappings().one()
    assert row.received_at == START + timedelta(days=2, hours=5)
    assert datetime.fromisoformat(sent["answers"]["learned_at"]) == START + timedelta(days=2)


def test_what_is_missing_is_said_and_nothing_is_filed(site: Site) -> None:
    before = count(site, REPORT)
    answer = site.anonymous().client.post("/kept/report", data={**report(), "facts": ""})
    assert (answer.status_code, answer.json["count"]) == (422, 1)
    assert count(site, REPORT) == before


def test_a_session_that_comes_along_must_prove_itself(site: Site) -> None:
    teacher = site.person("class_teacher", "620702101-education")
    assert teacher.client.post("/kept/report", data=report()).status_code == 400
    assert teacher.post("/kept/report", report()).status_code == 200
    sent = site.rows(sa.select(SUBMISSION.c.user_id).order_by(SUBMISSION.c.id.desc()).limit(1))
    assert sent[0]["user_id"] == teacher.user_id


def test_two_at_the_same_time_are_one(site: Site) -> None:
    answers = {**{name: value for name, value in report().items() if name != "_key"}, "learned_at": NOW.isoformat()}
    before, key, gate = count(site, REPORT), str(uuid4()), threading.Barrier(4)
    found: list[tuple[str, str]] = []

    def send() -> None:
        with site.app.app_context():
            gate.wait()
            receipt = reports.file_report(answers, Actor(None, "reporter"), key=key)
            found.append((receipt.number, receipt.code))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert count(site, REPORT) == before + 1


# --- visits ----------------------------------------------------------------------------------


def begin_visit(site: Site, *, sealed: bool = False) -> dict[str, Any]:
    """A visit of the open family's child, due now."""
    with site.app.app_context():
        world = World(site.move)
        world.case = site.cases("child", sealed=sealed)[0]
        world.schedule("home-visit", world.now + timedelta(hours=1), world.case, child_id=1)
        world.pass_time("PT1H")
    return site.task("home-visit", "t1", sealed=sealed)


def director(site: Site) -> Caller:
    """The women's director of the child's village."""
    return site.person("village_worker", "620702101201")


def visit_form(site: Site, task: dict[str, Any], **more: str) -> dict[str, Any]:
    """The visit as the phone sends it."""
    posted = site.posted(task["id"], seen="alone", finding="normal")
    return {**posted, "version": task["version"], "_key": str(uuid4()), **more}


def test_a_visit_sent_again_is_one_visit(site: Site) -> None:
    task = begin_visit(site)
    someone, sent = director(site), visit_form(site, task)
    for path in (f"/kept/tasks/{task['id']}", f"/tasks/{task['id']}/complete", f"/kept/tasks/{task['id']}"):
        assert someone.post(path, sent).status_code in (200, 302)
    assert site.submissions(task["id"]) == 1


def test_without_the_key_the_second_meets_a_conflict_with_oneself(site: Site) -> None:
    """The broken twin."""
    task = begin_visit(site)
    someone, sent = director(site), visit_form(site, task, _key="")
    told = [someone.post(f"/kept/tasks/{task['id']}", sent).status_code for _ in range(2)]
    assert told == [200, 409]


def test_a_visit_says_when_it_was_written(site: Site) -> None:
    task = begin_visit(site)
    written = clock.now()
    sent = visit_form(site, task, _written=written.isoformat())
    site.move(written + timedelta(hours=6))
    assert director(site).post(f"/kept/tasks/{task['id']}", sent).json == {"sent": True}
    row = site.rows(sa.select(SUBMISSION).where(SUBMISSION.c.task_id == task["id"]))[0]
    assert (row["occurred_at"], row["recorded_at"]) == (written, written + timedelta(hours=6))


@pytest.mark.parametrize(
    "written", ["1999-01-01T00:00:00+00:00", "2199-01-01T00:00:00+00:00", "2026-03-02T01:00", "nonsense"]
)
def test_a_clock_that_cannot_be_right_is_not_believed(site: Site, written: str) -> None:
    task = begin_visit(site)
    assert director(site).post(f"/kept/tasks/{task['id']}", visit_form(site, task, _written=written)).status_code == 200
    row = site.rows(sa.select(SUBMISSION).where(SUBMISSION.c.task_id == task["id"]))[0]
    assert row["occurred_at"] == row["recorded_at"]


def test_a_conflict_shows_both_and_when_mine_was_written(site: Site) -> None:
    task = begin_visit(site)
    written = clock.now()
    mine = visit_form(site, task, _written=written.isoformat(), seen_where="山上的羊圈")
    assert director(site).post(f"/tasks/{task['id']}/complete", visit_form(site, task, _key="")).status_code == 302
    site.move(written + timedelta(hours=6))
    told = director(site).post(f"/kept/tasks/{task['id']}", mine)
    assert (told.status_code, told.json["sent"]) == (409, False)
    page = director(site).post(f"/tasks/{task['id']}/complete", mine)
    assert page.status_code == 409
    assert f"{written.astimezone(clock.LAW_ZONE):%H:%M}" in page.text
    assert f'name="_key" value="{mine["_key"]}"' in page.text
    assert site.submissions(task["id"]) == 1


def test_the_kept_page_is_the_empty_form(site: Site) -> None:
    """No draft, no token, nothing sealed, nothing of the case beyond whom the visit is to."""
    task = begin_visit(site)
    someone = director(site)
    words = "哨兵说的悄悄话"
    form = {**visit_form(site, task), "child_words": words}
    assert someone.post(f"/tasks/{task['id']}/draft", form).status_code == 302
    assert words in someone.get(f"/tasks/{task['id']}").text
    page = someone.get(f"/kept/visits/{task['id']}")
    assert page.status_code == 200
    assert OPEN_FAMILY["child"] in page.text
    assert words not in page.text
    assert set(re.findall(r'name="csrf_token" value="([^"]*)"', page.text)) == {""}
    assert "outcomes" not in page.text
    assert someone.client.get("/kept/visits").json == [f"/kept/visits/{task['id']}"]


def test_only_visits_of_their_own_may_be_kept(site: Site) -> None:
    other = site.task("temporary-placement", "h2")
    officer = site.person("police_officer", "620702101-police")
    assert officer.get(f"/tasks/{other['id']}").status_code == 200
    assert officer.get(f"/kept/visits/{other['id']}").status_code == 404
    task = begin_visit(site)
    assert officer.client.get("/kept/visits").json == []
    for stranger in (
        site.person("village_worker", "620702101202"),
        site.person("village_worker", "620721101201"),
        site.anonymous(),
    ):
        page = stranger.get(f"/kept/visits/{task['id']}")
        assert page.status_code in (302, 404)
        assert says_nothing(page)
        sent = stranger.post(f"/kept/tasks/{task['id']}", visit_form(site, task))
        assert sent.status_code in (302, 401, 404)
    assert site.submissions(task["id"]) == 0


def test_a_form_that_shows_what_is_sealed_keeps_nothing(site: Site) -> None:
    """The reporter's name stands in the form of who registers the report."""
    name = "哨大伯"
    told = report(reporter_kind="citizen", reporter_name=name, reporter_phone="13900003333")
    assert site.anonymous().client.post("/kept/report", data=told).status_code == 200
    task, officer = site.task("report-intake", "t1"), site.person("police_officer", "620702101-police")
    assert officer.post(f"/tasks/{task['id']}/claim").status_code == 302
    page = officer.get(f"/tasks/{task['id']}").text
    assert name in page
    assert "data-kept-as" not in page
    other = officer.get(f"/tasks/{site.task('temporary-placement', 'h2')['id']}").text
    assert "data-kept-as" in other


def test_no_page_of_a_sealed_case_is_kept(site: Site) -> None:
    task = begin_visit(site, sealed=True)
    page = director(site).get(f"/kept/visits/{task['id']}")
    assert page.status_code == 404
    assert says_nothing(page)


# --- the shell -------------------------------------------------------------------------------


def test_the_shell_holds_nobodys_data(site: Site) -> None:
    """As the worker fetches it: signed out. And who is signed in is an alias that says nothing."""
    begin_visit(site)
    worker = site.anonymous().get("/sw.js")
    assert worker.content_type.startswith("text/javascript")
    shell = json.loads(re.match(r"self\.SHELL = (.*);", worker.text)[1])  # type: ignore[index]
    assert shell["version"] == build.version()
    for path in (*shell["files"], *shell["pages"]):
        answer = site.anonymous().get(path)
        assert answer.status_code == 200, path
        assert path in shell["files"] or 'data-who=""' in answer.text
        assert path in shell["files"] or says_nothing(answer)
    someone = director(site)
    alias = someone.client.get("/kept/session").json["who"]
    assert re.fullmatch(r"[0-9a-f]{32}", alias)
    assert f'data-who="{alias}"' in someone.get("/inbox").text
    assert site.anonymous().client.get("/kept/session").json["who"] == ""
