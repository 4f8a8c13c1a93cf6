"""The inbox: narrowed, searched, handed on, watched, several at once; nothing of it shows what one may not see."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import table, transaction
from app.models import Case, Post, Report, SavedFilter, Task, TaskMark, Unit, User
from app.services import people
from app.services.inbox import queries
from tests.api.site import COUNTY, OPEN_FAMILY, SEALED_FAMILY, TOWNSHIP, Caller, Site

TASK, MARK, FILTER, CASE, REPORT = (table(model) for model in (Task, TaskMark, SavedFilter, Case, Report))
POLICE = f"{TOWNSHIP}-police"
ROW = re.compile(r'<a class="inbox-title" href="/tasks/(\d+)"')


def officer(site: Site) -> Caller:
    return site.person("police_officer", POLICE)


def colleague(site: Site, role: str = "police_officer", unit: str = POLICE) -> Caller:
    """Somebody new who holds the same post."""
    with site.app.app_context():
        user_id = people.add_user(f"new-{role}", "同事甲", "-", [(role, unit)])
        with transaction() as session:
            older = (
                sa.select(Post.user_id).join(Unit, Unit.id == Post.unit_id).where(Post.role == role, Unit.code == unit)
            )
            kept = session.scalars(older.where(Post.user_id != user_id)).all()
            assert kept, "the post was held before"
    return signed_in(site, user_id)


def signed_in(site: Site, user_id: int) -> Caller:
    client = site.app.test_client()
    (row,) = site.rows(sa.select(User.fs_uniquifier).where(User.id == user_id))
    with client.session_transaction() as session:
        session.update(_user_id=row["fs_uniquifier"], _fresh=True, fs_cc="set")
    return Caller(client, user_id)


def listed(page: Any) -> list[int]:
    assert page.status_code == 200
    return [int(found) for found in ROW.findall(page.text)]


def free(site: Site, process: str = "emergency-response", element: str = "t1") -> int:
    return int(site.task(process, element)["id"])


def holder(site: Site, task_id: int) -> tuple[int | None, int | None]:
    (row,) = site.rows(sa.select(TASK.c.assignee_id, TASK.c.owner_id).where(TASK.c.id == task_id))
    return row["assignee_id"], row["owner_id"]


# --- narrowed and searched ------------------------------------------------------------------


def test_a_search_finds_the_child_by_whole_name_and_the_case_by_number(site: Site) -> None:
    me = officer(site)
    everything = listed(me.get("/inbox?view=unit"))
    found = listed(me.post("/inbox", {"view": "unit", "search": OPEN_FAMILY["sibling"]}))
    assert found
    assert set(found) < set(everything)
    (row,) = site.rows(sa.select(TASK.c.case_id).where(TASK.c.id == found[0]))
    by_number = listed(me.post("/inbox", {"view": "unit", "search": f"个案-{row['case_id']:04d}"}))
    assert by_number == found
    assert listed(me.post("/inbox", {"view": "unit", "search": "查无此人"})) == []
    assert listed(me.post("/inbox", {"view": "unit", "search": "%"})) == []


def test_a_search_finds_a_report_by_the_number_its_reporter_was_given(site: Site) -> None:
    me = officer(site)
    of = {row["id"]: row["case_id"] for row in site.rows(sa.select(TASK.c.id, TASK.c.case_id))}
    everything = listed(me.get("/inbox?view=unit"))
    numbers = {row["case_id"]: row["number"] for row in site.rows(sa.select(REPORT))}
    task = next(task for task in everything if of[task] in numbers)
    case_id, number = of[task], numbers[of[task]]
    assert listed(me.post("/inbox", {"view": "unit", "search": number})) == [t for t in everything if of[t] == case_id]
    assert number in me.get(f"/cases/{case_id}").text
    assert f'href="/cases/{case_id}"' in me.post("/cases/", {"q": number}).text
    assert f'href="/cases/{case_id}"' in me.get(f"/tasks/{task}").text


def test_a_search_stands_in_no_address(site: Site) -> None:
    me = officer(site)
    page = me.post("/inbox", {"view": "unit", "search": OPEN_FAMILY["sibling"]})
    assert not re.search(rf'(href|action)="[^"]*{OPEN_FAMILY["sibling"]}', page.text)
    assert listed(me.get(f"/inbox?view=unit&search={OPEN_FAMILY['sibling']}")) == listed(me.get("/inbox?view=unit"))


def test_a_search_reaches_no_further_than_the_inbox(site: Site) -> None:
    stranger = site.person("county_worker", f"{COUNTY}-civil_affairs")
    page = stranger.post("/inbox", {"view": "unit", "search": SEALED_FAMILY["sibling"]})
    assert listed(page) == []


@pytest.mark.parametrize(("field", "value"), [("risk", "red"), ("process", "emergency-response")])
def test_a_filter_lets_through_what_it_says(site: Site, field: str, value: str) -> None:
    me = officer(site)
    whole, some = listed(me.get("/inbox?view=unit")), listed(me.get(f"/inbox?view=unit&{field}={value}"))
    assert set(some) <= set(whole)
    rows = site.rows(
        sa.select(TASK.c.id, TASK.c.process, CASE.c.risk, CASE.c.facts).join(CASE, CASE.c.id == TASK.c.case_id)
    )
    if field == "process":
        assert set(some) == {row["id"] for row in rows if row["id"] in whole and row["process"] == value}
    else:
        red = {row["id"] for row in rows if (row["id"] in whole and "red" in (row["risk"], row["facts"].get("risk")))
               or (row["id"] in whole and not row["risk"] and row["facts"].get("danger_now"))}  # fmt: skip
        assert set(some) == red
    assert f'value="{value}" selected' in me.get(f"/inbox?view=unit&{field}={value}").text


def test_a_place_means_all_below_it(site: Site) -> None:
    me = officer(site)
    (unit,) = site.rows(sa.select(Unit.path).where(Unit.code == TOWNSHIP))
    assert listed(me.get(f"/inbox?view=unit&place={unit['path']}")) == listed(me.get("/inbox?view=unit"))
    assert listed(me.get("/inbox?view=unit&place=/999999/")) == []


def test_a_filter_is_kept_without_what_was_searched_for(site: Site) -> None:
    me, other = officer(site), site.person("township_worker", TOWNSHIP)
    sent = {"view": "unit", "risk": "red", "search": OPEN_FAMILY["child"], "name": "红色的"}
    assert me.post("/inbox/filters", sent).status_code == 302
    (row,) = site.rows(sa.select(FILTER))
    assert row["asked"] == {"risk": "red"}
    assert "红色的" in me.get("/inbox").text
    assert "红色的" not in other.get("/inbox").text
    assert other.post(f"/inbox/filters/{row['id']}/drop", {}).status_code == 404
    assert me.post("/inbox/filters", {**sent, "name": " "}).status_code == 422
    assert me.post(f"/inbox/filters/{row['id']}/drop", {}).status_code == 302
    assert site.rows(sa.select(FILTER)) == []


# --- handed on ------------------------------------------------------------------------------


def test_a_task_is_handed_on_and_given_back(site: Site) -> None:
    me, other, task = officer(site), colleague(site), free(site)
    me.post(f"/tasks/{task}/claim")
    assert me.post(f"/tasks/{task}/give", {"to": other.user_id}).status_code == 302
    assert holder(site, task) == (other.user_id, me.user_id)
    assert task in listed(me.get("/inbox?view=delegated"))
    assert task in listed(other.get("/inbox?view=mine"))
    assert other.post(f"/tasks/{task}/give-back").status_code == 302
    assert holder(site, task) == (me.user_id, None)
    assert me.post(f"/tasks/{task}/give-back").status_code == 422


def test_who_first_handed_it_on_stays_its_owner(site: Site) -> None:
    me, other, task = officer(site), colleague(site), free(site)
    me.post(f"/tasks/{task}/claim")
    me.post(f"/tasks/{task}/give", {"to": other.user_id})
    third = signed_in(site, _third(site))
    assert other.post(f"/tasks/{task}/give", {"to": third.user_id}).status_code == 302
    assert holder(site, task) == (third.user_id, me.user_id)


def _third(site: Site) -> int:
    with site.app.app_context():
        return people.add_user("third", "同事乙", "-", [("police_officer", POLICE)])


def test_only_who_has_it_or_answers_for_it_may_give_it_and_only_to_who_holds_the_post(site: Site) -> None:
    me, other, task = officer(site), colleague(site), free(site)
    chief, stranger = site.person("police_chief", POLICE), site.person("township_worker", TOWNSHIP)
    me.post(f"/tasks/{task}/claim")
    assert other.post(f"/tasks/{task}/give", {"to": other.user_id}).status_code == 403
    assert stranger.post(f"/tasks/{task}/give", {"to": stranger.user_id}).status_code == 404
    assert me.post(f"/tasks/{task}/give", {"to": stranger.user_id}).status_code == 422
    assert me.post(f"/tasks/{task}/give", {"to": "x"}).status_code == 422
    assert holder(site, task) == (me.user_id, None)
    assert chief.post(f"/tasks/{task}/give", {"to": other.user_id}).status_code == 302
    assert holder(site, task) == (other.user_id, None), "given for good"


# --- watched --------------------------------------------------------------------------------


def test_a_watched_task_stands_in_its_watchers_list_alone(site: Site) -> None:
    me, other, task = officer(site), colleague(site), free(site)
    assert me.post(f"/tasks/{task}/watch", {"on": "2026-03-09"}).status_code == 302
    page = me.get("/inbox?view=watching")
    assert listed(page) == [task]
    assert "跟进" in page.text
    assert listed(other.get("/inbox?view=watching")) == []
    assert me.post(f"/tasks/{task}/watch", {"on": "the ninth"}).status_code == 422
    me.post(f"/tasks/{task}/watch", {"stop": "1"})
    assert listed(me.get("/inbox?view=watching")) == []


def test_one_watches_what_one_may_see_and_no_longer_when_one_may_not(site: Site) -> None:
    task = free(site)
    stranger = site.person("county_worker", f"{COUNTY}-civil_affairs")
    assert stranger.post(f"/tasks/{task}/watch", {}).status_code == 404
    with site.app.app_context(), transaction() as session:
        session.execute(sa.insert(MARK).values(user_id=stranger.user_id, task_id=task))
    assert listed(stranger.get("/inbox?view=watching")) == []
    assert stranger.api("GET /tasks?view=watching").status_code in (200, 401)


# --- several at once ------------------------------------------------------------------------


def test_several_are_claimed_and_what_one_refuses_holds_back_no_other(site: Site) -> None:
    me, other = officer(site), colleague(site)
    first, second = listed(me.get("/inbox?view=free"))[:2]
    other.post(f"/tasks/{first}/claim")
    answer = me.client.post(
        "/inbox/many", data={"task": [first, second], "action": "claim", "view": "free", "csrf_token": me.csrf}
    )
    assert answer.status_code == 302
    assert holder(site, first) == (other.user_id, None)
    assert holder(site, second) == (me.user_id, None)
    told = me.get("/inbox?view=free").text
    assert "已处理1件" in told
    assert "有1件没有处理" in told


@pytest.mark.parametrize("action", ["", "drop", "complete"])
def test_an_unknown_action_does_nothing(site: Site, action: str) -> None:
    me, task = officer(site), free(site)
    assert me.post("/inbox/many", {"task": task, "action": action}).status_code == 302
    assert holder(site, task) == (None, None)


# --- counts and merging ---------------------------------------------------------------------


def test_counts_are_those_of_the_lists(site: Site) -> None:
    me = officer(site)
    me.post(f"/tasks/{free(site)}/claim")
    counts = me.get("/inbox/pulse").json["counts"]
    assert set(counts) == set(queries.VIEWS)
    for view, figure in counts.items():
        assert figure == str(len(listed(me.get(f"/inbox?view={view}"))))


def test_two_posts_share_one_list_without_doubles(site: Site) -> None:
    """A person who holds a post twice over, and has one of its tasks in hand, sees each task once, in order."""
    me = officer(site)
    with site.app.app_context(), transaction() as session:
        unit_id = session.scalar(sa.select(Unit.id).where(Unit.code == POLICE))
        session.add(Post(user_id=me.user_id, role="police_chief", unit_id=unit_id))
    me.post(f"/tasks/{free(site)}/claim")
    shown = listed(me.get("/inbox?view=today"))
    assert len(shown) == len(set(shown)) > 0
    dues = {
        row["id"]: row["due_at"] for row in site.rows(sa.select(TASK.c.id, TASK.c.due_at).where(TASK.c.id.in_(shown)))
    }
    assert shown == sorted(shown, key=lambda id_: (dues[id_], id_))
