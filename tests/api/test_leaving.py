"""Somebody leaves: their work goes back to the post, no task is orphaned unseen; loads and hand-over lists."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.db import db, table, transaction
from app.errors import NotFound
from app.models import Draft, Post, Task, Unit, User
from app.services import leaving, loads, people
from tests.api.site import COUNTY, OPEN_FAMILY, SEALED_FAMILY, Caller, Site, says_nothing
from tests.api.test_inbox import POLICE, colleague, free, holder, officer, signed_in

TASK, USER, POST, DRAFT = table(Task), table(User), table(Post), table(Draft)
WARNING = "这个岗位没有人"


def chief(site: Site) -> Caller:
    return site.person("police_chief", POLICE)


def admin(site: Site) -> Caller:
    return site.person("admin", "620700-civil_affairs")


def held_by(site: Site, caller: Caller) -> int:
    """An open task of the open family, taken by the caller."""
    task = free(site)
    assert caller.post(f"/tasks/{task}/claim").status_code == 302
    return task


def leave(site: Site, who: Caller, user_id: int) -> str:
    answer = who.post(f"/people/{user_id}/leave", {"sure": "1", "why": "moved"})
    assert answer.status_code == 200
    return answer.text


def alone(site: Site, me: Caller) -> None:
    """Nobody else holds a post that the caller holds."""
    with site.app.app_context(), transaction() as session:
        mine = sa.select(POST.c.role, POST.c.unit_id).where(POST.c.user_id == me.user_id)
        for role, unit in session.execute(mine).all():
            session.execute(
                sa.delete(POST).where(POST.c.role == role, POST.c.unit_id == unit, POST.c.user_id != me.user_id)
            )


# --- leaving --------------------------------------------------------------------------------


def test_their_work_goes_back_and_their_sign_in_ends(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    assert me.post(f"/tasks/{task}/give", {"to": other.user_id}).status_code == 302
    mine = site.task("emergency-response", "t1", sealed=True)["id"]
    assert me.post(f"/tasks/{mine}/claim").status_code == 302
    assert holder(site, task) == (other.user_id, me.user_id)
    page = leave(site, chief(site), me.user_id)
    assert holder(site, mine) == (None, None)
    assert holder(site, task) == (other.user_id, None), "the colleague goes on, and owes it to nobody who has gone"
    assert me.get("/inbox").status_code == 302
    assert me.api("GET /tasks").status_code == 401
    assert signed_in(site, me.user_id).get("/inbox").status_code == 302, "not with the new key either"
    assert not site.rows(sa.select(POST.c.id).where(POST.c.user_id == me.user_id))
    assert "1件手上的事" in page
    assert other.post(f"/tasks/{mine}/claim").status_code == 302


def test_a_post_that_nobody_holds_is_said_aloud(site: Site) -> None:
    me = officer(site)
    alone(site, me)
    task = held_by(site, me)
    assert WARNING not in chief(site).get("/oversight/").text
    assert WARNING in leave(site, chief(site), me.user_id)
    assert holder(site, task) == (None, None)
    assert WARNING in chief(site).get("/oversight/").text
    everything = admin(site).get("/people/")
    assert WARNING in everything.text
    assert says_nothing(everything)
    with site.app.app_context():
        people.add_user(
            "successor", "接任", "-", [(post, POLICE) for post in ("police_officer", "police_intake", "police_station")]
        )
    assert WARNING not in chief(site).get("/oversight/").text


def test_without_clearing_an_orphan_is_still_found(site: Site) -> None:
    """Negative control: only the account is closed, as a hand at the database might; the task stays in dead hands."""
    me, _other = officer(site), colleague(site)
    task = held_by(site, me)
    orphans = sa.select(TASK.c.id).where(leaving.ORPHAN)
    assert not site.rows(orphans)
    with site.app.app_context(), transaction() as session:
        session.execute(sa.update(USER).where(USER.c.id == me.user_id).values(active=False))
    assert task in [row["id"] for row in site.rows(orphans)]
    assert WARNING in chief(site).get("/oversight/").text
    with site.app.app_context(), transaction() as session:
        session.execute(sa.update(TASK).where(TASK.c.id == task).values(assignee_id=None))
    assert task not in [row["id"] for row in site.rows(orphans)], "a colleague may take it"


def test_drafts_stay_and_are_nobodys(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    assert me.post(f"/tasks/{task}/draft", {"seen_child": "yes"}).status_code == 302
    before = site.rows(sa.select(DRAFT))
    assert [row["user_id"] for row in before] == [me.user_id]
    assert "1份没提交的草稿继续封存" in leave(site, chief(site), me.user_id)
    assert site.rows(sa.select(DRAFT)) == before
    assert other.post(f"/tasks/{task}/claim").status_code == 302
    assert "有草稿" not in other.get("/inbox?view=mine").text


def test_who_may_end_whose_posts(site: Site) -> None:
    me, other = officer(site), colleague(site)
    elsewhere = site.person("county_worker", f"{COUNTY}-civil_affairs")
    for who, status in ((other, 403), (elsewhere, 403), (me, 403), (site.person("auditor", "620700-audit"), 403)):
        assert who.post(f"/people/{me.user_id}/leave", {"sure": "1", "why": "moved"}).status_code == status
    assert chief(site).post(f"/people/{me.user_id}/leave").status_code == 422, "not without saying so"
    boss = admin(site)
    assert boss.post(f"/people/{boss.user_id}/leave", {"sure": "1", "why": "moved"}).status_code == 403, (
        "nobody for themself"
    )
    assert boss.post(f"/people/{me.user_id}/leave", {"sure": "1", "why": "moved"}).status_code == 200
    assert boss.post(f"/people/{me.user_id}/leave", {"sure": "1", "why": "moved"}).status_code == 404, (
        "nobody leaves twice"
    )


def test_a_head_cannot_end_a_post_that_they_do_not_answer_for(site: Site) -> None:
    other = colleague(site)
    with site.app.app_context(), transaction() as session:
        unit = session.scalar(sa.select(Unit.id).where(Unit.code == f"{COUNTY}-civil_affairs"))
        session.add(Post(user_id=other.user_id, role="county_worker", unit_id=unit))
    assert chief(site).post(f"/people/{other.user_id}/leave", {"sure": "1", "why": "moved"}).status_code == 403


# --- loads and hand-over lists --------------------------------------------------------------


def test_a_load_counts_what_one_answers_for_and_is_in_the_order_of_names(site: Site) -> None:
    me, _other = officer(site), colleague(site)
    held_by(site, me)
    boss = chief(site)
    with site.app.app_context(), site.app.test_request_context():
        page = loads.page(people.person(db.session(), boss.user_id))
    mine = next(row for row in page.rows if row.user_id == me.user_id)
    (counted,) = site.rows(
        sa.select(sa.func.count().label("n")).where(TASK.c.status == "open", TASK.c.assignee_id == me.user_id)
    )
    assert mine.open == counted["n"] > 0
    assert [row.name for row in page.rows] == sorted(row.name for row in page.rows)
    assert mine.over == 0
    assert loads.Load(1, "a", (), loads.AGREED + 2).over == 2


def test_the_hand_over_list_is_for_the_person_and_for_who_answers_for_the_work(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    address = f"/people/{me.user_id}"
    assert f"/tasks/{task}" in me.get(address).text
    assert f"/tasks/{task}" in chief(site).get(address).text
    assert other.get(address).status_code == 404
    for post in (
        ("county_worker", f"{COUNTY}-civil_affairs"),
        ("auditor", "620700-audit"),
        ("policy", "620700-civil_affairs"),
    ):
        answer = site.person(*post).get(address)
        assert answer.status_code == 404
        assert says_nothing(answer)
    seen = admin(site).get(address)
    assert seen.status_code == 200
    assert says_nothing(seen)
    assert f"/tasks/{task}" not in seen.text
    assert me.get("/people/me").headers["Location"] == address


def test_a_list_shows_no_task_whose_page_would_not(site: Site) -> None:
    me = officer(site)
    task = site.task("emergency-response", "t1", sealed=True)["id"]
    assert me.post(f"/tasks/{task}/claim").status_code == 302
    assert SEALED_FAMILY["sibling"] in me.get("/people/me", follow_redirects=True).text
    heads = {role: site.person(role, unit) for role, unit in (("police_chief", POLICE), ("county_head", COUNTY))}
    opens = {role: head.get(f"/tasks/{task}").status_code == 200 for role, head in heads.items()}
    lists = {role: f"/tasks/{task}" in head.get(f"/people/{me.user_id}").text for role, head in heads.items()}
    assert opens == lists == {"police_chief": False, "county_head": False}
    assert SEALED_FAMILY["sibling"] not in heads["county_head"].get(f"/people/{me.user_id}").text


def test_what_somebody_watches_is_on_their_own_list_only(site: Site) -> None:
    me = officer(site)
    task = free(site)
    assert me.post(f"/tasks/{task}/watch").status_code == 302
    assert f"/tasks/{task}" in me.get(f"/people/{me.user_id}").text
    assert f"/tasks/{task}" not in chief(site).get(f"/people/{me.user_id}").text


def test_ticked_tasks_go_to_a_colleague_each_on_its_own(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    assert chief(site).post(f"/people/{me.user_id}/give", {"task": [task]}).status_code == 422
    stranger = site.person("county_worker", f"{COUNTY}-civil_affairs")
    assert stranger.post(f"/people/{me.user_id}/give", {"task": [task], "to": other.user_id}).status_code == 302
    assert holder(site, task) == (me.user_id, None)
    sealed = site.task("emergency-response", "t1", sealed=True)["id"]
    data = {"task": [task, sealed, 999999], "to": other.user_id}
    moved = chief(site).client
    answer = moved.post(
        f"/people/{me.user_id}/give", data={**data, "csrf_token": csrf_of(moved)}, follow_redirects=True
    )
    assert holder(site, task) == (other.user_id, None)
    assert holder(site, sealed) == (None, None)
    assert "已转交1件" in answer.text
    assert "没有转交" in answer.text
    assert OPEN_FAMILY["child"] not in answer.text


def csrf_of(client: object) -> str:
    return Caller(client).csrf  # type: ignore[arg-type]


def test_nobody_unknown_leaves(site: Site) -> None:
    with site.app.app_context(), pytest.raises(NotFound):
        leaving.leave(10**6)


def test_a_seal_hides_no_empty_post_but_its_figure(site: Site) -> None:
    me = officer(site)
    alone(site, me)
    task = site.task("emergency-response", "t1", sealed=True)["id"]
    with site.app.app_context(), transaction() as session:
        session.execute(sa.update(TASK).where(TASK.c.id != task).values(status="done"))
    leave(site, chief(site), me.user_id)
    page = chief(site).get("/oversight/")
    assert WARNING in page.text
    assert "件事没有人办" not in page.text
