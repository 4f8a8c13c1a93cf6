"""One child, one file: who may merge, and attach reports; to everybody else these pages are not there."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.db import db, table
from app.models import CaseMerge
from app.services import merging
from tests.api.site import Caller, Site, says_nothing

MERGE = table(CaseMerge)
TOWNSHIP, POLICE, SEALED_APART = "620702101", "620702101-police", "封存"
STRANGERS = (
    ("village_worker", "620702101202"), ("township_worker", "620702102"), ("county_worker", "620721-civil_affairs"),
    ("class_teacher", "620702101-education"), ("provider", "620702-social_work"), ("policy", "620700-civil_affairs"),
)  # fmt: skip
SEE_ONLY = (("village_worker", "620702101201"), ("police_officer", POLICE), ("auditor", "620700-audit"))
REASON = {"reason": "看过出生证", "checked": "yes"}


def pages(site: Site) -> list[tuple[str, dict[str, str]]]:
    """Every page of this kind about the open family, and what is sent to it."""
    child, sibling = site.cases("child")
    (report,) = site.cases("report")
    return [
        (f"/cases/{child}/merge", {"number": str(sibling)}),
        (f"/cases/{child}/merge/{sibling}", {"keep": str(child), **REASON}),
        (f"/cases/{sibling}/unmerge", REASON),
        (f"/cases/{report}/attach", {"number": str(child), **REASON}),
    ]


def merges(site: Site) -> int:
    with site.app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(MERGE)) or 0


def test_to_strangers_there_is_nothing(shared_site: Site) -> None:
    for post in STRANGERS:
        someone = shared_site.person(*post)
        for path, data in pages(shared_site):
            for answer in (someone.get(path), someone.post(path, data)):
                assert answer.status_code == 404, (post, path)
                assert says_nothing(answer)
    assert merges(shared_site) == 0


def test_who_only_sees_the_child_may_not_merge(shared_site: Site) -> None:
    for post in SEE_ONLY:
        someone = shared_site.person(*post)
        for path, data in pages(shared_site)[:3]:
            assert someone.post(path, data).status_code in (403, 404, 409), (post, path)
    assert merges(shared_site) == 0


def test_the_pages_would_notice_when_nobody_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: without the question a stranger merges two children."""
    monkeypatch.setattr(merging, "require", lambda *_: None)
    path, data = pages(site)[1]
    assert site.person("county_worker", "620721-civil_affairs").post(path, data).status_code in (302, 404)
    assert merges(site) == 1


def township(site: Site) -> Caller:
    return site.person("township_worker", TOWNSHIP)


def test_two_files_by_page(site: Site) -> None:
    me = township(site)
    child, sibling = site.cases("child")
    beside = f"/cases/{child}/merge/{sibling}"
    assert "哨小麦" in me.get(beside).text
    assert "差得很远：姓名对不上" in me.get(beside).text
    right = {"keep": str(child), **REASON}
    for missing in ("keep", "reason", "checked"):
        assert me.post(beside, {name: said for name, said in right.items() if name != missing}).status_code == 422
    assert me.post(beside, right | {"keep": "999"}).status_code == 422
    assert merges(site) == 0
    assert me.post(beside, right).status_code == 302
    assert me.post(beside, right).status_code == 409, "sent twice"
    found = me.post("/cases/", {"q": "哨小麦"}).text
    assert f'<a class="reach" href="/cases/{child}">已并入' in found
    rows = {row["id"]: row for row in me.api("GET /cases").get_json()["cases"]}
    assert (rows[sibling]["merged"], rows[sibling]["merged_into"]) == (True, child)
    assert (rows[child]["merged"], rows[child]["merged_into"]) == (False, None)
    assert me.api(f"GET /cases/{sibling}").get_json()["merged_into"] == child
    assert f"merged-{sibling}" in me.get(f"/cases/{child}").text
    assert "已经并入" in me.get(f"/cases/{sibling}").text
    assert REASON["reason"] not in me.get(f"/cases/{child}").text, "a reason may be about anybody: it is sealed"
    assert me.post(f"/cases/{sibling}/unmerge", {"reason": ""}).status_code == 422
    assert me.post(f"/cases/{sibling}/unmerge", REASON).status_code == 302
    assert me.post(f"/cases/{sibling}/unmerge", REASON).status_code == 409


def test_a_sealed_file_and_an_open_one(site: Site) -> None:
    me = township(site)
    open_one, (sealed, *_) = site.cases("child")[0], site.cases("child", sealed=True)
    answer = me.post(f"/cases/{open_one}/merge/{sealed}", {"keep": str(open_one), **REASON})
    assert answer.status_code == 422
    assert SEALED_APART in answer.text
    assert merges(site) == 0


def test_a_number_that_is_not_theirs_is_no_number(site: Site) -> None:
    me = township(site)
    child = site.cases("child")[0]
    hidden = site.cases("child", sealed=True)[1]
    texts = [me.post(f"/cases/{child}/merge", {"number": number}).text for number in (str(hidden), "2026-99999", "x")]
    assert all("没有这个个案" in text for text in texts)
