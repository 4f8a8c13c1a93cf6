"""Tasks by the API: lists and their pages, taking, giving back, sending once whatever happens."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db
from app.models import Task
from tests.api.site import COUNTY, TOWNSHIP, Caller, Site

KEY = "7d3f-a-key-of-the-caller"


def township(site: Site) -> Caller:
    return site.person("township_worker", TOWNSHIP)


def officer(site: Site) -> Caller:
    return site.person("police_officer", f"{TOWNSHIP}-police")


def worker(site: Site) -> Caller:
    return site.person("county_worker", f"{COUNTY}-civil_affairs")


def work(site: Site) -> dict[str, Any]:
    """The county worker's task in the open family."""
    return site.task("guardianship-intervention", "t0")


def completion(site: Site, task: dict[str, Any]) -> dict[str, Any]:
    return {"version": task["version"], "answers": site.answers(task["id"])}


def test_a_list_is_ordered_by_what_falls_due_first(shared_site: Site) -> None:
    page = officer(shared_site).api("GET /tasks?view=unit").json
    assert page["as_of"] == "2026-03-02T02:00:00+00:00"
    dues = [task["due"]["at"] for task in page["tasks"]]
    assert len(dues) >= 2
    assert dues == sorted(dues)
    assert page["counts"]["unit"] == str(len(dues))
    assert page["after"] == ""


def test_pages_join_without_gap_or_overlap(shared_site: Site) -> None:
    someone = officer(shared_site)
    whole = [task["id"] for task in someone.api("GET /tasks?view=unit").json["tasks"]]
    joined: list[int] = []
    after = ""
    while True:
        page = someone.client.get("/api/v1/tasks", query_string={"view": "unit", "limit": 1, "after": after}).json
        joined += [task["id"] for task in page["tasks"]]
        after = page["after"]
        if not after:
            break
    assert joined == whole


@pytest.mark.parametrize("view", ["mine", "free", "unit", "overdue", "today"])
def test_each_view_holds_what_it_says(shared_site: Site, view: str) -> None:
    page = officer(shared_site).api(f"GET /tasks?view={view}").json
    assert page["view"] == view
    assert page["counts"][view] == str(len(page["tasks"]))
    assert all(task["late"] for task in page["tasks"]) or view not in ("overdue",)
    if view == "overdue":
        assert page["tasks"]


@pytest.mark.parametrize(
    "query", ["view=everything", "limit=0", "limit=101", "limit=many", "after=x", "after=2026-99-99T00:00:00%2B00:00_1",
              "after=2026-03-02T00:00:00%2B00:00_99999999999999999999", "colour=red", "after=%00"],
)  # fmt: skip
def test_a_list_refuses_what_it_does_not_know(shared_site: Site, query: str) -> None:
    answer = township(shared_site).api(f"GET /tasks?{query}")
    assert answer.status_code == (200 if query.startswith("colour") else 422)


@pytest.mark.parametrize("query", ["view=everything", "after=x", "after=2026-99-99T00:00:00%2B00:00_1", "after=%00"])
def test_the_page_of_the_inbox_bears_them_too(shared_site: Site, query: str) -> None:
    assert township(shared_site).get(f"/inbox?{query}").status_code in (200, 422)


def test_a_task_says_until_when_and_why_and_what_follows(shared_site: Site) -> None:
    answer = worker(shared_site).api(f"GET /tasks/{work(shared_site)['id']}")
    assert answer.status_code == 200
    page = answer.json
    assert page["version"] == 0
    assert page["row"]["due"]["rule"]
    assert page["clauses"]
    assert page["row"]["child"]["name"] == "哨小禾"
    assert sorted(page["may"]) == ["claim", "complete", "draft", "remark"]
    assert page["closed"] is None


def test_a_tasks_form_is_its_releases(shared_site: Site) -> None:
    form = worker(shared_site).api(f"GET /tasks/{work(shared_site)['id']}/form").json
    keys = [component.get("key") for component in form["layout"]["components"]]
    assert "guardian" in keys
    assert form["choices"]["guardians"]


@pytest.mark.parametrize("task_id", ["0", "9223372036854775807", "9223372036854775808", "x", "-1"])
def test_no_such_task(shared_site: Site, task_id: str) -> None:
    assert worker(shared_site).api(f"GET /tasks/{task_id}").status_code == 404


def test_take_give_back_take_again(site: Site) -> None:
    someone, task = worker(site), work(site)
    taken = someone.api(f"POST /tasks/{task['id']}/claim")
    assert (taken.status_code, taken.json["row"]["mine"]) == (200, True)
    assert someone.api(f"POST /tasks/{task['id']}/claim").status_code == 409
    assert someone.api(f"POST /tasks/{task['id']}/release").status_code == 204
    assert someone.api(f"POST /tasks/{task['id']}/release").status_code == 409
    assert someone.api(f"POST /tasks/{task['id']}/claim").status_code == 200


def test_what_a_colleague_took_is_theirs(site: Site) -> None:
    task = work(site)
    worker(site).api(f"POST /tasks/{task['id']}/claim")
    with site.app.app_context():
        db.session.execute(sa.update(Task).where(Task.id == task["id"]).values(assignee_id=1))
        db.session.commit()
    colleague = worker(site)
    assert colleague.api(f"POST /tasks/{task['id']}/claim").status_code == 409
    assert colleague.api(f"POST /tasks/{task['id']}/release").status_code == 409
    refused = colleague.api(f"POST /tasks/{task['id']}/complete", completion(site, task))
    assert (refused.status_code, refused.json["code"]) == (403, "not_yours")


def test_sending_moves_the_case_on(site: Site) -> None:
    someone, task = worker(site), work(site)
    answer = someone.api(f"POST /tasks/{task['id']}/complete", completion(site, task))
    assert answer.status_code == 200
    assert answer.json["case_id"] == task["case_id"]
    assert site.submissions(task["id"]) == 1
    closed = someone.api(f"GET /tasks/{task['id']}").json
    assert closed["closed"]
    assert sorted(closed["may"]) == ["correct", "remark"]
    assert [version["corrects"] for version in closed["versions"]] == [False]


def test_twice_with_one_key_is_once(site: Site) -> None:
    someone, task = worker(site), work(site)
    body = completion(site, task)
    first, again = (someone.api(f"POST /tasks/{task['id']}/complete", body, Idempotency_Key=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json == again.json
    assert site.submissions(task["id"]) == 1


def test_the_order_of_keys_in_the_body_makes_no_difference(site: Site) -> None:
    someone, task = worker(site), work(site)
    body = completion(site, task)
    turned = {"answers": dict(reversed(body["answers"].items())), "version": body["version"]}
    first = someone.api(f"POST /tasks/{task['id']}/complete", body, Idempotency_Key=KEY)
    again = someone.api(f"POST /tasks/{task['id']}/complete", turned, Idempotency_Key=KEY)
    assert first.json == again.json


@pytest.mark.parametrize("other", ["answers", "version", "task"])
def test_one_key_is_for_one_thing(site: Site, other: str) -> None:
    someone, task = officer(site), site.task("report-intake", "t8")
    body = completion(site, task)
    assert someone.api(f"POST /tasks/{task['id']}/complete", body, Idempotency_Key=KEY).status_code == 200
    target = task["id"]
    if other == "answers":
        body["answers"] = {}
    elif other == "version":
        body["version"] += 1
    else:
        target = site.task("temporary-placement", "h2")["id"]
    refused = someone.api(f"POST /tasks/{target}/complete", body, Idempotency_Key=KEY)
    assert (refused.status_code, refused.json["code"]) == (422, "key_reused")
    assert site.submissions(task["id"]) == 1


def test_a_key_is_its_owners(site: Site) -> None:
    """Somebody else's key, by chance the same, is another key."""
    someone, task = worker(site), work(site)
    someone.api(f"POST /tasks/{task['id']}/complete", completion(site, task), Idempotency_Key=KEY)
    other, theirs = township(site), site.task("legal-aid", "t1")
    answer = other.api(f"POST /tasks/{theirs['id']}/complete", completion(site, theirs), Idempotency_Key=KEY)
    assert answer.status_code == 200


def test_a_failed_attempt_does_not_use_up_its_key(site: Site) -> None:
    someone, task = worker(site), work(site)
    body = completion(site, task)
    wrong = someone.api(f"POST /tasks/{task['id']}/complete", {**body, "answers": {}}, Idempotency_Key=KEY)
    assert (wrong.status_code, wrong.json["code"]) == (422, "answers")
    assert someone.api(f"POST /tasks/{task['id']}/complete", body, Idempotency_Key=KEY).status_code == 200


def test_sent_at_the_same_time_with_one_key_it_is_done_once_and_both_hear_the_same(site: Site) -> None:
    task = work(site)
    body, callers = completion(site, task), [worker(site) for _ in range(6)]
    heard: list[tuple[int, str]] = []
    start = threading.Barrier(len(callers))

    def send(caller: Caller) -> None:
        start.wait()
        answer = caller.api(f"POST /tasks/{task['id']}/complete", body, Idempotency_Key=KEY)
        heard.append((answer.status_code, json.dumps(answer.json, sort_keys=True)))

    threads = [threading.Thread(target=send, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site.submissions(task["id"]) == 1
    assert {status for status, _ in heard} == {200}
    assert len(set(heard)) == 1


def test_without_a_key_the_second_is_refused_as_stale(site: Site) -> None:
    someone, task = worker(site), work(site)
    body = completion(site, task)
    assert someone.api(f"POST /tasks/{task['id']}/complete", body).status_code == 200
    again = someone.api(f"POST /tasks/{task['id']}/complete", body)
    assert (again.status_code, again.json["code"]) == (409, "task_changed")


@pytest.mark.parametrize(
    ("body", "fields"),
    [({}, {"version", "answers"}), ({"version": "x", "answers": {}}, {"version"}), ({"version": 0}, {"answers"}),
     ({"version": 0, "answers": {}, "note": ""}, {"note"}), ({"version": None, "answers": {}}, {"version"})],
)  # fmt: skip
def test_a_body_that_does_not_fit(shared_site: Site, body: dict[str, Any], fields: set[str]) -> None:
    answer = worker(shared_site).api(f"POST /tasks/{work(shared_site)['id']}/complete", body)
    assert answer.status_code == 422
    assert set(answer.json["fields"]) == fields


def test_a_stale_version_writes_nothing(shared_site: Site) -> None:
    task = work(shared_site)
    body = {**completion(shared_site, task), "version": task["version"] + 1}
    answer = worker(shared_site).api(f"POST /tasks/{task['id']}/complete", body)
    assert (answer.status_code, answer.json["code"]) == (409, "task_changed")
    assert shared_site.submissions(task["id"]) == 0


def test_a_key_has_a_length(shared_site: Site) -> None:
    task = work(shared_site)
    answer = worker(shared_site).api(
        f"POST /tasks/{task['id']}/complete", completion(shared_site, task), Idempotency_Key="k" * 256
    )
    assert answer.status_code == 422
    assert set(answer.json["fields"]) == {"Idempotency-Key"}
