"""Notes to colleagues at a task: sealed, only ever added, in the record and the story; and what follows the answers so far."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.db import db, table
from app.models import Case, Event
from app.services.audit import verification
from tests.api.site import COUNTY, TOWNSHIP, Caller, Site

EVENTS = table(Event)
WORDS = "奶奶白天在家，\n下午去最好。"


def officer(site: Site) -> Caller:
    return site.person("police_officer", f"{TOWNSHIP}-police")


def said(site: Site, case: int) -> list[dict[str, object]]:
    return site.rows(sa.select(EVENTS).where(EVENTS.c.case_id == case, EVENTS.c.kind == "remarked"))


def test_a_note_is_told_on_the_task_and_in_the_story_and_lies_sealed(site: Site) -> None:
    task, someone = site.task("temporary-placement", "h2"), officer(site)
    assert someone.post(f"/tasks/{task['id']}/remark", {"_remark": WORDS}).status_code == 302
    for page in (someone.get(f"/tasks/{task['id']}").text, someone.get(f"/cases/{task['case_id']}").text):
        assert "下午去最好" in page
    (event,) = said(site, task["case_id"])
    assert "奶奶" not in str(event["body"])
    assert "奶奶".encode() not in bytes(event["sealed"])  # type: ignore[call-overload]
    with site.app.app_context():
        assert verification.examine(task["case_id"], sealed=True).breaks == []


def test_it_stays_when_the_task_is_done_and_more_can_be_said(site: Site) -> None:
    task, someone = site.task("temporary-placement", "h2"), officer(site)
    someone.post(f"/tasks/{task['id']}/remark", {"_remark": WORDS})
    data = {**site.posted(task["id"], accepted="yes"), "version": task["version"]}
    assert someone.post(f"/tasks/{task['id']}/complete", data).status_code == 302
    assert someone.post(f"/tasks/{task['id']}/remark", {"_remark": "已经送到"}).status_code == 302
    page = someone.get(f"/tasks/{task['id']}").text
    assert page.index("下午去最好") < page.index("已经送到")


@pytest.mark.parametrize("words", ["", " \n ", "长" * 2001])
def test_nothing_and_too_much_are_refused_and_what_was_typed_stays(site: Site, words: str) -> None:
    task, someone = site.task("temporary-placement", "h2"), officer(site)
    answer = someone.post(f"/tasks/{task['id']}/remark", {"_remark": words})
    assert answer.status_code == 422
    assert words in answer.text
    assert said(site, task["case_id"]) == []


MAY = {
    ("police_chief", f"{TOWNSHIP}-police"): 302,
    ("county_head", COUNTY): 302,
    ("auditor", "620700-audit"): 403,
    ("village_worker", "620702101201"): 404,
    ("police_officer", "620702102-police"): 404,
    ("admin", "620700-civil_affairs"): 404,
}


@pytest.mark.parametrize("post", MAY, ids="@".join)
def test_who_may_leave_one_and_who_reads_it(site: Site, post: tuple[str, str]) -> None:
    task = site.task("temporary-placement", "h2")
    officer(site).post(f"/tasks/{task['id']}/remark", {"_remark": WORDS})
    someone = site.person(*post)
    answer = someone.post(f"/tasks/{task['id']}/remark", {"_remark": "也写一句"})
    assert answer.status_code == MAY[post]
    assert len(said(site, task["case_id"])) == (2 if MAY[post] == 302 else 1)
    if MAY[post] != 302:
        assert "下午去最好" not in someone.get(f"/tasks/{task['id']}").text


def test_an_erased_case_keeps_that_something_was_said(site: Site) -> None:
    task, someone = site.task("temporary-placement", "h2"), officer(site)
    someone.post(f"/tasks/{task['id']}/remark", {"_remark": WORDS})
    with site.app.app_context():
        db.session.execute(sa.update(Case).where(Case.id == task["case_id"]).values(wrapped_key=None))
        db.session.commit()
    page = someone.get(f"/cases/{task['case_id']}").text
    assert "留言" in page
    assert "下午去最好" not in page


# --- what follows the answers so far -----------------------------------------------------------


def test_what_follows_is_told_once_what_decides_is_answered(site: Site) -> None:
    task, someone = site.task("temporary-placement", "h2"), officer(site)
    path = f"/tasks/{task['id']}/outlook"
    open_still = someone.post(path, {})
    assert open_still.status_code == 200
    assert "答完这几项就能看到" in open_still.text
    yes, no = (someone.post(path, site.posted(task["id"], accepted=answer)).text for answer in ("yes", "no"))
    assert "照现在填的提交" in yes
    assert "照现在填的提交" in no
    assert yes != no


def test_looking_ahead_stores_nothing_and_is_for_who_fills_the_form(site: Site) -> None:
    task = site.task("temporary-placement", "h2")
    count = sa.select(sa.func.count().label("n")).select_from(EVENTS)
    before = site.rows(count)
    officer(site).post(f"/tasks/{task['id']}/outlook", site.posted(task["id"], accepted="yes"))
    assert site.rows(count) == before
    for post in (("police_officer", "620702102-police"), ("auditor", "620700-audit"), ("county_head", COUNTY)):
        assert site.person(*post).post(f"/tasks/{task['id']}/outlook", {}).status_code in (403, 404)


def test_a_note_loses_nothing_that_was_typed_in_the_form(site: Site) -> None:
    task, someone = site.task("temporary-placement", "h2"), officer(site)
    data = {**site.posted(task["id"], accepted="no"), "version": task["version"], "_remark": WORDS}
    assert someone.post(f"/tasks/{task['id']}/remark", data).status_code == 302
    assert 'name="accepted" value="no" autocomplete="off" checked' in someone.get(f"/tasks/{task['id']}").text
