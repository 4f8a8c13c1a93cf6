"""The administrator's half: accounts, posts and units; who may change what; every change on record; nothing of a child."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock, jobs
from app.db import table, transaction
from app.models import JobRun, Outbox, Post, Task, Unit, User
from app.services import authenticator, checks, leaving
from tests.api.site import COUNTY, TOWNSHIP, Caller, Site, says_nothing

USER, POST, UNIT, TASK, RUN = (table(model) for model in (User, Post, Unit, Task, JobRun))
pytestmark = pytest.mark.parametrize("site", ["sqlite"], indirect=True)
"""Plain rows and pages: the database makes no difference, and test_routes asks both."""
NEW = {"name": "新来的", "username": "xinlai", "role": "police_officer", "unit": f"{TOWNSHIP}-police"}
FRESH = re.compile(r"<code>([\w-]{12})</code>")


def admin(site: Site) -> Caller:
    return site.person("admin", "620700-civil_affairs")


def added(site: Site, username: str = "xinlai") -> tuple[int, str]:
    """A new officer: their id and their temporary password."""
    answer = admin(site).post("/accounts/new", NEW | {"username": username})
    assert answer.status_code == 200, answer.text
    (user,) = site.rows(sa.select(USER.c.id).where(USER.c.username == username))
    return user["id"], FRESH.findall(answer.text)[0]


def signs_in(site: Site, password: str) -> bool:
    caller = site.anonymous()
    form = {"username": "xinlai", "password": password, "csrf_token": caller.csrf}
    return bool(caller.client.post("/account/login", data=form).status_code == 302)


def posts(site: Site, user_id: int) -> list[dict[str, int]]:
    return site.rows(sa.select(POST).where(POST.c.user_id == user_id).order_by(POST.c.id))


def test_a_person_is_added_and_can_begin(site: Site) -> None:
    user_id, password = added(site)
    assert signs_in(site, password)
    assert not signs_in(site, password[:-1])
    task = site.task("emergency-response", "t1")["id"]
    assert site.user(user_id).get(f"/tasks/{task}").status_code == 200


WRONG = (
    ({"username": "Xin Lai", "name": " ", "role": "system"}, ("小写字母开头", "写上姓名", "没有这个岗位")),
    ({"username": "minzheng", "role": "king", "unit": "nowhere"}, ("已经有人用", "没有这个岗位", "没有这个单位")),
    ({"role": "county_legal"}, ("不设在这种单位",)),
)


def test_what_does_not_fit_is_said_and_nothing_is_added(site: Site) -> None:
    before = site.rows(sa.select(USER.c.id))
    for wrong, said in WRONG:
        answer = admin(site).post("/accounts/new", NEW | wrong)
        assert answer.status_code == 422, wrong
        assert all(one in answer.text for one in said), wrong
    assert site.rows(sa.select(USER.c.id)) == before


def test_nobody_administers_and_works_on_cases_at_once(site: Site) -> None:
    """Else an administrator could read children's records by giving a post."""
    me = admin(site)
    worker = site.person("county_worker", f"{COUNTY}-civil_affairs")
    own = me.post(f"/accounts/{me.user_id}/posts", {"role": "police_officer", "unit": f"{TOWNSHIP}-police"})
    both = me.post(f"/accounts/{worker.user_id}/posts", {"role": "admin", "unit": "620700-civil_affairs"})
    assert (own.status_code, both.status_code) == (403, 422)
    assert "不能兼办" in both.text
    assert {post["role"] for post in posts(site, me.user_id)} == {"admin"}
    user_id, _ = added(site)  # the same for somebody who holds no other post does go
    more = {"role": "police_intake", "unit": f"{TOWNSHIP}-police"}
    assert me.post(f"/accounts/{user_id}/posts", more).status_code == 302
    assert me.post(f"/accounts/{user_id}/posts", more).status_code == 422, "held already"


def test_a_post_that_ends_gives_its_work_back(site: Site) -> None:
    me, (user_id, _) = admin(site), added(site)
    task = site.task("emergency-response", "t1")["id"]
    assert site.user(user_id).post(f"/tasks/{task}/claim").status_code == 302
    (post,) = posts(site, user_id)
    end, other = (f"/accounts/{user_id}/posts/{id_}/end" for id_ in (post["id"], post["id"] + 1))
    assert me.post(other, {f"why-{post['id'] + 1}": "moved"}).status_code == 404
    for why in ({}, {f"why-{post['id']}": "because"}):
        answer = me.post(end, why)
        assert answer.status_code == 422
        assert f'id="why-{post["id"]}-error"' in answer.text, "said beside the question, on the same page"
        assert len(posts(site, user_id)) == 1
    assert me.post(end, {f"why-{post['id']}": "moved"}).status_code == 302
    assert "现在没有人" not in me.get("/system/").text, "others hold it still"
    assert "结束了岗位" in me.get("/system/changes").text
    assert "调到别的岗位" in me.get("/system/changes").text
    (row,) = site.rows(sa.select(TASK.c.assignee_id, TASK.c.status).where(TASK.c.id == task))
    assert (row["assignee_id"], row["status"]) == (None, "open")
    assert site.user(user_id).get(f"/tasks/{task}").status_code in (403, 404)
    assert posts(site, user_id) == []


def test_whoever_ends_the_last_post_is_told_that_nobody_holds_it_now(site: Site) -> None:
    me = admin(site)
    chief = site.person("police_chief", f"{TOWNSHIP}-police")
    (post,) = posts(site, chief.user_id)
    assert (
        me.post(f"/accounts/{chief.user_id}/posts/{post['id']}/end", {f"why-{post['id']}": "term"}).status_code == 302
    )
    assert "这个岗位现在没有人" in me.get(f"/accounts/{chief.user_id}").text


def test_leaving_is_a_change_of_the_account(site: Site) -> None:
    me, (user_id, _) = admin(site), added(site)
    assert me.post(f"/people/{user_id}/leave", {"sure": "1", "why": "retired"}).status_code == 200
    other, _ = added(site, "lingyige")
    with site.app.app_context():
        leaving.leave(other)  # at the machine itself
    page = me.get("/system/changes").text
    assert page.count("办了离岗") == 2
    assert "退休" in page
    assert "在服务器上" in page


def test_a_new_password_unlocks_and_ends_the_old_session(site: Site) -> None:
    user_id, old = added(site)
    before = site.user(user_id)
    with site.app.app_context(), transaction() as session:
        locked = sa.update(USER).where(USER.c.id == user_id)
        session.execute(locked.values(locked_until=clock.real_now() + timedelta(minutes=10)))
    assert not signs_in(site, old)
    fresh = FRESH.findall(admin(site).post(f"/accounts/{user_id}/password").text)[0]
    assert signs_in(site, fresh)
    assert not signs_in(site, old)
    assert before.get("/inbox").status_code == 302


def test_a_lost_phone_loses_its_authenticator(site: Site) -> None:
    user_id, _ = added(site)
    secret = authenticator.new_secret()
    with site.app.app_context():
        step = int(clock.real_now().timestamp()) // authenticator.PERIOD
        assert authenticator.enrol(user_id, secret, authenticator.code(secret, step))
    assert admin(site).post(f"/accounts/{user_id}/factor").status_code == 302
    with site.app.app_context():
        assert not authenticator.enrolled(user_id)


def test_every_change_is_on_record_for_administrators_and_auditors(site: Site) -> None:
    user_id, _ = added(site)
    me, auditor, chief = (
        admin(site),
        site.person("auditor", "620700-audit"),
        site.person("police_chief", f"{TOWNSHIP}-police"),
    )
    me.post(f"/accounts/{user_id}/password")
    for who in (me, auditor):
        page = who.get("/system/changes").text
        assert "新来的" in page
        assert "换了临时密码" in page
        assert "柳河派出所" in page
    assert chief.get("/system/changes").status_code == 403


def test_a_unit_is_added_where_it_belongs(site: Site) -> None:
    me = admin(site)
    village = {
        "above": TOWNSHIP,
        "sector": "village",
        "name_zh": "新村",
        "name_en": "New Village",
        "code": "620702101299",
    }
    assert me.post("/units/", village).status_code == 302
    assert me.post("/units/", village | {"code": "620702101300", "above": COUNTY}).status_code == 422, (
        "not below a county"
    )
    assert me.post("/units/", village).status_code == 422, "the code is taken"
    station = {
        "above": TOWNSHIP,
        "sector": "police",
        "name_zh": "二所",
        "name_en": "Second",
        "code": f"{TOWNSHIP}-police2",
    }
    assert me.post("/units/", station).status_code == 302
    rows = {row["code"]: row for row in site.rows(sa.select(UNIT))}
    assert rows["620702101299"]["path"] == f"{rows[TOWNSHIP]['path']}620702101299/"
    assert (rows[f"{TOWNSHIP}-police2"]["path"], rows[f"{TOWNSHIP}-police2"]["level"]) == (
        rows[TOWNSHIP]["path"],
        "township",
    )


def test_what_stands_still_is_said(site: Site) -> None:
    me = admin(site)
    assert "还没有运行过" in me.get("/system/").text
    with site.app.app_context():
        checks.ran("outbox", jobs.EVERY)
        checks.ran("outbox", jobs.EVERY, failed=True)
        case = site.cases("child")[0]
        with transaction() as session:
            session.execute(sa.insert(table(Outbox)).values(case_id=case, kind="notice", key="stuck", payload={}, state="waiting",
                                                            attempts=3, due_at=clock.now()))  # fmt: skip
    page = me.get("/system/").text
    assert "都在按时运行" in page
    assert "1条通知或消息没有送到" in page
    with site.app.app_context(), transaction() as session:
        session.execute(sa.update(RUN).values(ran_at=clock.real_now() - timedelta(hours=1)))
    page = me.get("/system/")
    assert "后台任务停了" in page.text
    assert says_nothing(page)
