"""Cases, deadlines and releases by the API, as somebody sees them who may; and the shape of problems."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db
from app.models import Task
from app.services import cases, releases, tasks
from tests.api.conftest import NOW
from tests.api.site import COUNTY, OPEN_FAMILY, TOWNSHIP, Caller, Site
from tests.bench.measure import statements


def worker(site: Site) -> Caller:
    return site.person("county_worker", f"{COUNTY}-civil_affairs")


def officer(site: Site) -> Caller:
    return site.person("police_officer", f"{TOWNSHIP}-police")


# --- cases ----------------------------------------------------------------------------------


def test_cases_newest_first_with_what_comes_next(shared_site: Site) -> None:
    page = officer(shared_site).api("GET /cases").json
    ids = [case["id"] for case in page["cases"]]
    assert ids == sorted(ids, reverse=True)
    assert page["total"] == len(ids) == 6
    assert page["after"] == ""
    child = next(case for case in page["cases"] if case["child"] and case["child"]["name"] == OPEN_FAMILY["child"])
    assert child["next_task"]["id"] == shared_site.task("temporary-placement", "h2")["id"]


def test_a_list_asks_for_each_thing_once_however_many_cases(shared_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for at_most in (1, 6):
        monkeypatch.setattr(cases, "PAGE", at_most)
        with statements() as sent:
            assert len(officer(shared_site).api("GET /cases").json["cases"]) == at_most
        asked.append(len(sent))
    assert asked[0] == asked[1]


@pytest.mark.parametrize("find", [OPEN_FAMILY["child"], f" {OPEN_FAMILY['child']} ", "2026-00002", "2"])
def test_a_case_is_found_by_whole_name_or_number(shared_site: Site, find: str) -> None:
    found = worker(shared_site).api("POST /cases/search", {"find": find}).json
    assert [case["child"]["name"] for case in found["cases"]] == [OPEN_FAMILY["child"]]
    assert found["total"] == 1


@pytest.mark.parametrize("find", ["哨", "%", "'; --", "²", "9" * 19, "\0", "0" * 60, "2026-", "-"])
def test_half_a_name_or_a_trick_finds_nothing(shared_site: Site, find: str) -> None:
    answer = worker(shared_site).api("POST /cases/search", {"find": find})
    assert answer.status_code == 200
    assert answer.json["cases"] == []


@pytest.mark.parametrize("find", ["²", "9" * 30, "\0", "哨"])
def test_the_page_of_cases_bears_them_too(shared_site: Site, find: str) -> None:
    answer = worker(shared_site).post("/cases/", {"q": find, "after": "9" * 30})
    assert answer.status_code == 200


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=9223372036854775808", "q=x"])
def test_a_place_in_the_list_of_cases_is_a_number(shared_site: Site, query: str) -> None:
    assert worker(shared_site).api(f"GET /cases?{query}").status_code == (200 if query == "q=x" else 422)


def test_a_case_tells_its_story(shared_site: Site) -> None:
    case_id = shared_site.cases("child")[0]
    case = worker(shared_site).api(f"GET /cases/{case_id}").json
    assert case["child"]["name"] == OPEN_FAMILY["child"]
    assert case["story"][0]["seq"] > case["story"][-1]["seq"]
    assert {diagram["status"] for diagram in case["diagrams"]} >= {"running", "done"}


def test_a_sibling_is_named_to_those_who_see_that_case_too(shared_site: Site) -> None:
    case_id = shared_site.cases("child")[0]
    named = {
        who: [one["name"] for one in caller(shared_site).api(f"GET /cases/{case_id}").json["family"] if one["case_id"]]
        for who, caller in (("officer", officer), ("worker", worker))
    }
    assert named == {"officer": [OPEN_FAMILY["sibling"]], "worker": []}


def test_a_case_in_english(shared_site: Site) -> None:
    someone = worker(shared_site)
    someone.lang = "en-GB,en;q=0.9"
    case = someone.api(f"GET /cases/{shared_site.cases('child')[0]}").json
    assert case["lead"].startswith("Under way: ")


# --- deadlines ------------------------------------------------------------------------------


def test_deadlines_within_reach_the_earliest_first(shared_site: Site) -> None:
    page = officer(shared_site).api("GET /deadlines").json
    dues = [row["due_at"] for row in page["deadlines"]]
    assert dues == sorted(dues)
    assert {row["kind"] for row in page["deadlines"]} >= {"task"}
    assert all(row["name"] for row in page["deadlines"])


def test_overdue_is_what_has_passed_while_its_task_is_open(shared_site: Site) -> None:
    someone = officer(shared_site)
    late = someone.api("GET /deadlines?when=overdue").json["deadlines"]
    assert late
    assert all(row["overdue"] for row in late)
    asked = {row["task_id"] for row in late if row["task_id"]}
    assert shared_site.task("emergency-response", "t1")["id"] in asked
    shown = [task["id"] for task in someone.api("GET /tasks?view=overdue").json["tasks"]]
    assert asked <= set(shown)


def test_today_ends_at_midnight_in_zhangye(shared_site: Site) -> None:
    rows = officer(shared_site).api("GET /deadlines?when=today").json["deadlines"]
    assert rows
    assert all(datetime.fromisoformat(row["due_at"]) <= datetime(2026, 3, 2, 16, tzinfo=UTC) for row in rows)


def test_an_extended_limit_is_told_once_and_as_it_is_now(site: Site) -> None:
    task = site.task("emergency-response", "t1")
    with site.app.app_context():
        later = NOW + timedelta(days=2)
        db.session.execute(sa.update(Task).where(Task.id == task["id"]).values(due_at=later))
        db.session.commit()
    rows = officer(site).api("GET /deadlines?when=overdue").json["deadlines"]
    assert task["id"] not in [row["task_id"] for row in rows]


@pytest.mark.parametrize("query", ["when=never", "after=x", "after=2026-03-02T00:00:00_1"])
def test_deadlines_refuse_what_they_do_not_know(shared_site: Site, query: str) -> None:
    assert officer(shared_site).api(f"GET /deadlines?{query}").status_code == 422


# --- releases -------------------------------------------------------------------------------


def test_the_release_in_force_and_its_processes(shared_site: Site) -> None:
    someone = worker(shared_site)
    (only,) = someone.api("GET /releases").json["releases"]
    assert only["current"]
    assert someone.api("GET /releases/current").json == only
    listed = someone.api("GET /releases/current/processes").json
    assert listed["release_id"] == only["id"]
    first = listed["processes"][0]
    assert first["id"] == "report-intake"
    assert first["steps"] > 0
    assert sum(process["running"] for process in listed["processes"]) > 0


def test_the_one_published_last_is_in_force(site: Site) -> None:
    with site.app.app_context():
        files = releases.read_folder()
        old = releases.current(db.session())
        newer = _load(files | {"bpmn/note.json": b"{}"})
        site.move(NOW + timedelta(minutes=1))
        releases.publish(newer)
    someone = worker(site)
    assert someone.api("GET /releases/current").json["id"] == newer
    assert [(row["id"], row["current"]) for row in someone.api("GET /releases").json["releases"]] == [
        (newer, True),
        (old, False),
    ]


def _load(files: dict[str, bytes]) -> int:
    """Store a release of these files."""
    from app.models import Definition, Release  # noqa: PLC0415

    release = Release(hash=releases.content_hash(files), note="newer", loaded_at=NOW)
    db.session.add(release)
    db.session.flush()
    db.session.execute(
        sa.insert(Definition),
        [{"release_id": release.id, "path": path, "content": content} for path, content in files.items()],
    )
    db.session.commit()
    return release.id


# --- problems -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("GET /nothing", 404, "not_found"),
        ("GET /tasks/999999", 404, "no_task"),
        ("GET /cases/999999", 404, "no_case"),
        ("DELETE /tasks", 405, "method_not_allowed"),
        ("GET /tasks?view=x", 422, "unprocessable_entity"),
        ("GET /tasks?after=x", 422, "after"),
    ],
)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_problem_has_the_same_shape(shared_site: Site, call: str, status: int, code: str, lang: str) -> None:
    someone = worker(shared_site)
    someone.lang = lang
    answer, called = someone.api(call), call.split(maxsplit=1)[1].partition("?")[0]
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert body["type"] == f"urn:shouwang:problem:{code}"
    assert (body["status"], body["code"], body["instance"]) == (status, code, f"/api/v1{called}")
    assert body["title"].isascii() == body["detail"].isascii() == (lang == "en")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_wrong_method_says_which_are_right(shared_site: Site) -> None:
    assert "GET" in worker(shared_site).api("DELETE /tasks").headers["Allow"]


def test_our_own_fault_is_a_problem_too_and_says_nothing_of_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("哨小禾 in the message")

    monkeypatch.setattr(tasks, "page", fail)
    answer = worker(site).api("GET /tasks/1")
    assert (answer.status_code, answer.json["code"]) == (500, "broken")
    assert "哨" not in answer.text


def test_the_pages_keep_their_own_errors(shared_site: Site) -> None:
    answer = worker(shared_site).get("/tasks/999999")
    assert answer.status_code == 404
    assert answer.content_type.startswith("text/html")
