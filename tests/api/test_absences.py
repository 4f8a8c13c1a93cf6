"""Somebody is away: who takes their work, what stays shut, what the record says, and that it all comes back by itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.clock import LAW_ZONE
from app.db import db, table, transaction
from app.models import Absence, Event, FormerPost, Notice, Outbox, Post, Task, Unit, User
from app.rules import access as rules
from app.services import access, outbox, people
from app.services.inbox import queries
from app.services.outward import _planned
from app.services.presence import standing
from app.settings import MailServer
from tests.api.conftest import NOW
from tests.api.site import COUNTY, SEALED_FAMILY, Caller, Site, says_nothing
from tests.api.test_inbox import POLICE, colleague, free, holder, listed, officer
from tests.api.test_leaving import admin, alone, chief, held_by

ABSENCE, TASK, EVENT, POST, NOTICE = (table(model) for model in (Absence, Task, Event, Post, Notice))
TODAY = NOW.astimezone(LAW_ZONE).date()
ONE = pytest.mark.parametrize("site", ["sqlite"], indirect=True)
"""For tests whose queries are tried on both databases by others."""
ERROR = re.compile(r'id="(\w+)-error"')


def form(substitute: int | str = "", first: int = 0, last: int = 2, **more: str) -> dict[str, str]:
    days = {"first": (TODAY + timedelta(first)).isoformat(), "last": (TODAY + timedelta(last)).isoformat()}
    return {**days, "why": "holiday", "substitute": str(substitute), **more}


def goes(who: Caller, user: Caller, substitute: int | str = "", first: int = 0, last: int = 2) -> None:
    answer = who.post(f"/people/{user.user_id}/away", form(substitute, first, last))
    assert answer.status_code == 302, ERROR.findall(answer.text)


def wrong(who: Caller, user: Caller, **given: object) -> list[str]:
    answer = who.post(f"/people/{user.user_id}/away", form(**given))  # type: ignore[arg-type]
    assert answer.status_code == 422
    return ERROR.findall(answer.text)


def on(site: Site, days: int, hour: int = 12) -> None:
    """Move the clock to that hour of a day from today."""
    site.move((NOW.astimezone(LAW_ZONE) + timedelta(days=days)).replace(hour=hour, minute=0))


def events(site: Site, task: int, kind: str) -> list[tuple[int, int | None]]:
    """Who did it, and for whom."""
    rows = site.rows(sa.select(EVENT.c.actor_id, EVENT.c.body).where(EVENT.c.task_id == task, EVENT.c.kind == kind))
    return [(row["actor_id"], json.loads(row["body"])["data"].get("for")) for row in rows]


def send(site: Site, who: Caller, task: int, **answers: str) -> int:
    (row,) = site.rows(sa.select(TASK.c.version).where(TASK.c.id == task))
    data = {**site.posted(task, **answers), "version": [str(row["version"])]}
    return who.post(f"/tasks/{task}/complete", data).status_code


# --- the substitute --------------------------------------------------------------------------


def test_the_substitute_sees_does_and_the_record_names_both(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    assert task not in listed(other.get("/inbox?view=mine"))
    goes(me, me, other.user_id)
    page = other.get("/inbox?view=mine")
    assert task in listed(page)
    assert "代" in page.text
    assert other.post(f"/tasks/{task}/remark", {"_remark": "已联系"}).status_code == 302
    assert send(site, other, task, seen_child="yes") == 302
    assert events(site, task, "remarked") == [(other.user_id, me.user_id)]
    assert events(site, task, "task_done") == [(other.user_id, me.user_id)]
    (row,) = site.rows(sa.select(TASK.c.case_id).where(TASK.c.id == task))
    names = {row["id"]: row["name"] for row in site.rows(sa.text('select id, name from "user"'))}
    told = f"{names[other.user_id]}（代{names[me.user_id]}）办完"
    assert told in chief(site).get(f"/cases/{row['case_id']}").text


@ONE
def test_it_begins_and_ends_by_itself_and_leaves_every_task_where_it_was(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    goes(me, me, other.user_id, first=1, last=2)
    for day, hour, stands_in in ((0, 23, False), (1, 0, True), (2, 23, True), (3, 0, False)):
        on(site, day, hour)
        assert (task in listed(other.get("/inbox?view=mine"))) == stands_in, (day, hour)
        assert bool(other.post(f"/tasks/{task}/draft").status_code == 302) == stands_in, (day, hour)
        assert task in listed(me.get("/inbox?view=mine")), "nobody is locked out of their own work"
    assert holder(site, task) == (me.user_id, None)


@ONE
def test_back_early_ends_it_at_once(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    goes(me, me, other.user_id)
    (row,) = site.rows(sa.select(ABSENCE.c.id))
    assert other.post(f"/people/absences/{row['id']}/end").status_code == 403, "not the substitute"
    site.move(NOW + timedelta(hours=1))
    assert me.post(f"/people/absences/{row['id']}/end").status_code == 302
    assert task not in listed(other.get("/inbox?view=mine"))
    assert me.post(f"/people/absences/{row['id']}/end").status_code == 404, "nothing ends twice"
    (row,) = site.rows(sa.select(ABSENCE.c.ended_by, ABSENCE.c.ends_at))
    assert row == {"ended_by": me.user_id, "ends_at": NOW + timedelta(hours=1)}
    site.move(NOW + timedelta(hours=2))
    goes(me, me, other.user_id)
    goes(me, me, other.user_id, first=20, last=21)
    later = site.rows(sa.select(ABSENCE.c.id).order_by(ABSENCE.c.id.desc()))[0]["id"]
    assert me.post(f"/people/absences/{later}/end").status_code == 302, "called off before it began"
    on(site, 20)
    assert task not in listed(other.get("/inbox?view=mine"))
    goes(me, me, other.user_id, first=20, last=21)


@ONE
def test_with_nobody_else_in_the_post_the_supervisor_takes_what_is_free_too(site: Site) -> None:
    me = officer(site)
    alone(site, me)
    task, boss = free(site), chief(site)
    assert boss.post(f"/tasks/{task}/draft").status_code == 403
    assert "没有同岗位的人能代" in me.get(f"/people/{me.user_id}/away").text
    goes(me, me)
    assert task in listed(boss.get("/inbox?view=mine"))
    assert boss.post(f"/tasks/{task}/claim").status_code == 403, "it falls back by itself, so nobody keeps it"
    assert send(site, boss, task, seen_child="yes") == 302
    assert events(site, task, "task_done") == [(boss.user_id, me.user_id)]
    on(site, 3)
    assert not set(listed(boss.get("/inbox?view=mine"))) & {free(site, "report-intake", "t8")}


@ONE
def test_is_the_substitute_away_too_the_supervisor_takes_it_and_nobody_is_passed_over(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task, boss = held_by(site, me), chief(site)
    goes(me, me, other.user_id, last=9)
    answer = other.post(f"/people/{other.user_id}/away", form("above", first=1, last=2))
    assert answer.status_code == 302, ERROR.findall(answer.text)
    assert "原定代" in other.get(f"/people/{other.user_id}/away").text
    for day, takes in ((0, other), (1, boss), (3, other)):
        on(site, day)
        assert [task in listed(who.get("/inbox?view=mine")) for who in (other, boss)] == [takes is other, takes is boss]


@ONE
def test_a_child_waits_for_nobody_while_all_are_away(site: Site) -> None:
    """Away are the officer, the colleague and the head: the county takes it, and the notice reaches somebody."""
    me, other = officer(site), colleague(site)
    task, boss, county = held_by(site, me), chief(site), site.person("county_head", COUNTY)
    goes(boss, boss, "above")
    goes(other, other, me.user_id)
    answer = me.post(f"/people/{me.user_id}/away", form("above"))
    assert answer.status_code == 302, ERROR.findall(answer.text)
    assert task in listed(county.get("/inbox?view=mine"))
    assert task not in listed(boss.get("/inbox?view=mine"))
    with site.app.app_context():
        unit = db.session.scalar(sa.select(Unit.id).where(Unit.code == POLICE))
        assert standing.acting(db.session(), "police_officer", unit, NOW) == {county.user_id}
        assert standing.acting(db.session(), "police_officer", unit, NOW, me.user_id) == {county.user_id}


# --- what stays shut ---------------------------------------------------------------------------


def test_lists_and_pages_agree_and_a_list_that_forgets_the_seal_is_noticed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, other = officer(site), colleague(site)
    sealed = site.task("emergency-response", "t1", sealed=True)["id"]
    assert me.post(f"/tasks/{sealed}/claim").status_code == 302
    held_by(site, me)
    goes(me, me, other.user_id)
    assert agrees(site, other.user_id), "a colleague"
    assert sealed in works(site, other.user_id)
    (row,) = site.rows(sa.select(ABSENCE.c.id))
    me.post(f"/people/absences/{row['id']}/end")
    alone(site, me)
    goes(me, me)
    boss = chief(site)
    assert agrees(site, boss.user_id), "the head"
    assert works(site, boss.user_id)
    assert sealed not in works(site, boss.user_id)
    assert boss.get(f"/tasks/{sealed}").status_code == 404
    assert SEALED_FAMILY["sibling"] not in boss.get("/inbox?view=mine").text
    true_filter = access.stood_in
    monkeypatch.setattr(
        access, "stood_in", lambda _session, person: [true_filter_without_seal(one) for one in person.stands_in]
    )
    assert not agrees(site, boss.user_id), "the broken twin lists the sealed case"
    monkeypatch.setattr(access, "stood_in", true_filter)


def true_filter_without_seal(one: rules.StandIn) -> sa.ColumnElement[bool]:
    return sa.and_(TASK.c.unit_id == one.post.unit_id, TASK.c.role == one.post.role)


def works(site: Site, user_id: int) -> set[int]:
    """The open tasks that the rules let this person work on, page by page."""
    with site.app.app_context():
        session = db.session()
        person, policy = people.person(session, user_id), access.policy(session)
        ids = session.scalars(sa.select(TASK.c.id).where(TASK.c.status == "open"))
        return {one for one in ids if policy.can(person, "work", access.task_resource(session, one))}


def agrees(site: Site, user_id: int) -> bool:
    """Whether the inbox holds exactly the tasks that the person may work on: theirs, those stood in for, and what is free."""
    with site.app.app_context():
        session = db.session()
        person = people.person(session, user_id)
        parts = [part for view in ("mine", "free") for part in queries.parts(session, view, person, NOW)]
        shown = set(queries.first(session, parts, 500))
    return shown == works(site, user_id)


@ONE
def test_who_may_enter_end_and_see_it(site: Site) -> None:
    me, other = officer(site), colleague(site)
    stranger = site.person("county_worker", f"{COUNTY}-civil_affairs")
    for who in (other, stranger, site.person("auditor", "620700-audit"), site.person("policy", "620700-civil_affairs")):
        for answer in (who.get(f"/people/{me.user_id}/away"), who.post(f"/people/{me.user_id}/away", form())):
            assert answer.status_code == 403
            assert says_nothing(answer)
    for who, first in ((chief(site), 0), (admin(site), 10), (me, 20)):
        goes(who, me, other.user_id, first=first, last=first + 1)
    assert {row["entered_by"] for row in site.rows(sa.select(ABSENCE.c.entered_by))} == {
        chief(site).user_id, admin(site).user_id, me.user_id,
    }  # fmt: skip
    assert "不在岗" in chief(site).get(f"/people/{me.user_id}").text
    assert me.get("/people/999999/away").status_code == 404


# --- what is refused ---------------------------------------------------------------------------


def test_what_cannot_be_entered_is_said_where_it_stands(site: Site) -> None:
    me, other = officer(site), colleague(site)
    stranger = site.person("county_worker", f"{COUNTY}-civil_affairs")
    assert wrong(me, me, substitute=me.user_id) == ["substitute"], "oneself"
    assert wrong(me, me, substitute=stranger.user_id) == ["substitute"], "another body"
    assert wrong(me, me, substitute="") == ["substitute"]
    assert wrong(me, me, substitute="above") == ["substitute"], "a colleague can"
    assert wrong(me, me, substitute=other.user_id, first=-1) == ["first"], "backdated"
    assert wrong(me, me, substitute=other.user_id, first=3, last=2) == ["last"]
    assert wrong(me, me, substitute=other.user_id, last=400) == ["last"]
    assert wrong(me, me, substitute=other.user_id, why="") == ["why"]
    answer = me.post(f"/people/{me.user_id}/away", {"first": "x", "last": "", "why": "", "substitute": ""})
    assert sorted(ERROR.findall(answer.text)) == ["first", "last", "why"]
    goes(me, me, other.user_id, first=2, last=4)
    assert wrong(me, me, substitute=other.user_id, first=4, last=6) == ["first"], "entered already"
    assert wrong(other, other, substitute=me.user_id, first=4, last=6) == ["substitute"], "a circle: they are away too"
    goes(other, other, me.user_id, first=5, last=6)
    assert not site.rows(sa.select(ABSENCE.c.id).where(ABSENCE.c.user_id == stranger.user_id))


@ONE
def test_work_is_given_to_nobody_who_is_away(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    goes(other, other, me.user_id)
    answer = me.post(f"/tasks/{task}/give", {"to": other.user_id})
    assert answer.status_code == 422
    assert "不在岗" in answer.text
    assert holder(site, task) == (me.user_id, None)
    assert f'<option value="{other.user_id}">' not in me.get(f"/tasks/{task}").text


# --- notices -----------------------------------------------------------------------------------


def notice(site: Site, task: int, user_id: int | None, kind: str = "task_urgent") -> dict[str, object]:
    """A notice about a task, to one person or to the post, the newest of its kind."""
    with site.app.app_context(), transaction() as session:
        case_id, unit_id = session.execute(sa.select(TASK.c.case_id, TASK.c.unit_id).where(TASK.c.id == task)).one()
        payload = {
            "kind": kind,
            "role": "police_officer",
            "ids": {"task_id": task},
            "receipt": True,
            "unit_id": unit_id,
        }
        session.execute(sa.insert(Outbox).values(case_id=case_id, kind="notice", key=f"notice:test:{task}",
                        payload=payload, state="waiting", attempts=0, due_at=NOW))  # fmt: skip
    with site.app.app_context():
        outbox.deliver()
    row = site.rows(sa.select(NOTICE).where(NOTICE.c.kind == kind).order_by(NOTICE.c.id.desc()))[0]
    assert row["user_id"] == user_id
    return row


def readers(site: Site, row: dict[str, object], but: int = 0) -> set[int]:
    """Who is told of a notice by mail, where everybody `but` one wants mail."""
    known = site.app.config["SETTINGS"]
    mail = MailServer("127.0.0.1", 25, tls=False, sender="notices@example.org")
    site.app.config["SETTINGS"] = replace(known, outward=replace(known.outward, mail=mail), demo=False)
    with site.app.app_context(), transaction() as session:
        session.execute(sa.update(User).values(notice_mail=User.id != but, mail_confirmed=True))
        return set(_planned._readers(session, row, "mail", NOW))


@ONE
def test_what_comes_to_who_is_away_reaches_the_substitute_who_reads_it_for_them(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = held_by(site, me)
    row = notice(site, task, me.user_id, "task_directed")
    assert f"/notices/{row['id']}/read" not in other.get("/notices").text
    assert readers(site, row) == {me.user_id}
    goes(me, me, other.user_id)
    assert f"/notices/{row['id']}/read" in other.get("/notices").text
    assert readers(site, row) == {other.user_id}
    assert other.post(f"/notices/{row['id']}/read", {"go": "1"}).headers["Location"] == f"/tasks/{task}"
    (read,) = site.rows(sa.select(EVENT.c.body).where(EVENT.c.kind == "notice_read"))
    assert json.loads(read["body"])["data"]["for"] == me.user_id


@ONE
def test_what_comes_to_a_post_where_all_are_away_reaches_the_supervisor(site: Site) -> None:
    me = officer(site)
    alone(site, me)
    row = notice(site, free(site), None)
    assert readers(site, row) == {me.user_id}
    goes(me, me)
    assert f"/notices/{row['id']}/read" in chief(site).get("/notices").text
    assert readers(site, row) == {chief(site).user_id}


# --- posts that ended ----------------------------------------------------------------------------


@ONE
def test_who_ended_a_post_when_and_why_stays_on_record(site: Site) -> None:
    me, _other = officer(site), colleague(site)
    held = {row["role"] for row in site.rows(sa.select(POST.c.role).where(POST.c.user_id == me.user_id))}
    assert chief(site).post(f"/people/{me.user_id}/leave", {"sure": "1"}).status_code == 422, "not without a reason"
    assert chief(site).post(f"/people/{me.user_id}/leave", {"sure": "1", "why": "moved"}).status_code == 200
    rows = site.rows(sa.select(FormerPost.role, FormerPost.ended_at, FormerPost.ended_by, FormerPost.why).where(
        FormerPost.user_id == me.user_id))  # fmt: skip
    assert {row["role"] for row in rows} == held
    assert {(row["ended_at"], row["ended_by"], row["why"]) for row in rows} == {(NOW, chief(site).user_id, "moved")}
    assert "调到别的岗位" in chief(site).get("/people/").text
    assert "调到别的岗位" in admin(site).get("/people/").text
    assert "调到别的岗位" not in site.person("county_lead", f"{COUNTY}-civil_affairs").get("/people/").text


@ONE
def test_ones_own_page_leads_to_it(site: Site) -> None:
    me = officer(site)
    assert f"/people/{me.user_id}/away" in me.get("/account").text
    assert me.get("/people/me/away").headers["Location"] == f"/people/{me.user_id}/away"
