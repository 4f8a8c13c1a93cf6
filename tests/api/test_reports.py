"""Reports from outside: filing, the receipt, what came of it; and everything that is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from app.models import Case, Report, Task
from tests.api.site import MARKS, Site


def test_anybody_may_file_a_report_and_ask_what_came_of_it(site: Site) -> None:
    nobody = site.anonymous()
    filed = nobody.api("POST /reports", {"answers": site.report_answers(reporter_name="哨大爷")})
    assert filed.status_code == 201
    assert set(filed.json) == {"number", "code"}
    asked = nobody.api("POST /reports/status", filed.json)
    assert asked.status_code == 200
    assert asked.json["stage"] == "已收到，派出所正在受理。"
    assert asked.json["received_at"] == "2026-03-02T02:00:00+00:00"
    assert asked.json["told"] == []


def test_the_police_of_the_place_have_the_task_at_once(site: Site) -> None:
    site.anonymous().api("POST /reports", {"answers": site.report_answers()})
    officer = site.person("police_intake", "620702101-police")
    (case,) = site.rows(sa.select(Case.id).order_by(Case.id.desc()).limit(1))
    (task,) = site.rows(sa.select(Task.id, Task.process).where(Task.case_id == case["id"]))
    assert task["process"] == "report-intake"
    assert task["id"] in [row["id"] for row in officer.api("GET /tasks?view=free").json["tasks"]]
    assert officer.api(f"GET /cases/{case['id']}").status_code == 200


def test_the_form_says_what_is_asked_in_the_callers_language(shared_site: Site) -> None:
    nobody = shared_site.anonymous()
    nobody.lang = "en"
    form = nobody.api("GET /reports/form").json
    assert form["id"] == "report-public"
    assert "facts" in [component.get("key") for component in form["layout"]["components"]]
    assert ["620702101201", "Ganzhou District Liuhe Town Hongliutan Village"] in form["choices"]["villages"]


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ({}, {"facts", "reported_situations", "place", "safe_adult_now", "reporter_kind"}),
        ({"facts": {"a": "b"}}, {"facts"}),
        ({"reported_situations": ["no-such"]}, {"reported_situations"}),
        ({"village": "no-such-place"}, {"village"}),
        ({"children": [{"name": "x" * 201}]}, {"children.0.name"}),
        ({"children": "nobody"}, {"children.0"}),
        ({"colour": "red"}, {"colour"}),
        ({"learned_at": "yesterday"}, {"learned_at"}),
    ],
)  # fmt: skip
def test_answers_that_do_not_fit_are_named_by_path(shared_site: Site, answers: dict[str, Any], wrong: set[str]) -> None:
    given = {**shared_site.report_answers(), **answers} if answers else {}
    answer = shared_site.anonymous().api("POST /reports", {"answers": given})
    assert answer.status_code == 422
    assert answer.json["code"] == "answers"
    assert wrong <= set(answer.json["fields"])


def test_what_does_not_fit_is_said_in_both_languages(shared_site: Site) -> None:
    nobody = shared_site.anonymous()
    zh = nobody.api("POST /reports", {"answers": {}}).json
    nobody.lang = "en"
    en = nobody.api("POST /reports", {"answers": {}}).json
    assert zh["title"] == "还不能这样办"
    assert en["title"] == "Cannot be done like this"
    assert zh["fields"].keys() == en["fields"].keys()
    assert all(zh["fields"][name] != text for name, text in en["fields"].items())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"{", 400, "bad_request"),
        (b'{"answers": {"facts": "\\ud800"}}', 400, "bad_request"),
        (b"\xff", 400, "bad_request"),
        (b"[]", 422, "unprocessable_entity"),
        (b"null", 422, "unprocessable_entity"),
        (b"[" * 100_000, 400, "bad_request"),
        (b'{"answers": []}', 422, "unprocessable_entity"),
        (b'{"answers": {}, "role": "admin"}', 422, "unprocessable_entity"),
        (b'{"answers": {"facts": NaN}}', 400, "bad_request"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_report_is_refused(shared_site: Site, body: bytes, status: int, code: str) -> None:
    answer = shared_site.anonymous().client.post("/api/v1/reports", data=body, content_type="application/json")
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code


def test_a_body_past_the_limit_is_refused_unread(shared_site: Site) -> None:
    body = json.dumps({"answers": {"facts": "x" * 1_000_001}})
    answer = shared_site.anonymous().client.post("/api/v1/reports", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (413, "request_entity_too_large")


def test_nul_and_strange_text_are_no_accident(site: Site) -> None:
    given = site.report_answers(facts="before\0after \u202e 👧🏽", place="\0")
    answer = site.anonymous().api("POST /reports", {"answers": given})
    assert answer.status_code in (201, 422)


@pytest.mark.parametrize("given", [("000000-000000", "000000"), ("\0", "1"), ("2", "\0"), ("x" * 25, "1"), ("", "")])
def test_a_wrong_number_and_a_wrong_code_sound_alike(shared_site: Site, given: tuple[str, str]) -> None:
    answer = shared_site.anonymous().api("POST /reports/status", {"number": given[0], "code": given[1]})
    assert answer.status_code in (404, 422)
    if answer.status_code == 404:
        assert answer.json["code"] == "no_report"


def test_a_right_number_with_a_wrong_code_tells_nothing(shared_site: Site) -> None:
    number = shared_site.rows(sa.select(Report.number).order_by(Report.id))[0]["number"]
    answer = shared_site.anonymous().api("POST /reports/status", {"number": number, "code": "abc"})
    assert (answer.status_code, answer.json["code"]) == (404, "no_report")
    assert not any(mark in answer.text for mark in MARKS)


@pytest.mark.parametrize("path", ["/report/ask", "/report/"])
def test_the_pages_bear_nul_too(shared_site: Site, path: str) -> None:
    sent = {"number": "\0", "code": "\0", "go": "next", "step": "1", "facts": "\0", "village": "\0"}
    assert shared_site.anonymous().post(path, sent).status_code in (200, 404, 422)
