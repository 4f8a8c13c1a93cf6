"""Reports from outside: filing, the receipt, what came of it; and everything that is refused."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock
from app.models import Case, CodeTry, Report, Task
from app.services import _registers, _tries
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
    assert ["620702101201", "Ganzhou District, Liuhe Town, Hongliutan Village"] in form["choices"]["villages"]


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


# --- how often a code may be tried ------------------------------------------------------------


def filed(site: Site) -> dict[str, str]:
    """The receipt of a report."""
    receipt: dict[str, str] = site.anonymous().api("POST /reports", {"answers": site.report_answers()}).json
    return receipt


def tried(site: Site, number: str, times: int = _tries.MOST) -> list[int]:
    """What wrong codes for that number are answered with."""
    nobody = site.anonymous()
    return [nobody.api("POST /reports/status", {"number": number, "code": "x"}).status_code for _ in range(times)]


@pytest.mark.parametrize("known", [True, False])
def test_after_so_many_tries_a_number_rests_whether_it_exists_or_not(site: Site, known: bool) -> None:
    receipt = filed(site) if known else {"number": "000000-000000", "code": "000000"}
    assert tried(site, receipt["number"]) == [404] * _tries.MOST
    nobody = site.anonymous()
    answer = nobody.api("POST /reports/status", receipt)
    assert (answer.status_code, answer.json["code"]) == (429, "too_many_tries")
    assert "请过12小时再查" in answer.json["detail"]
    assert 0 < int(answer.headers["Retry-After"]) <= _tries.RESTS.total_seconds()
    nobody.lang = "en"
    assert "wait 12 hours" in nobody.api("POST /reports/status", receipt).json["detail"]
    page = nobody.post("/report/ask", receipt)
    assert page.status_code == 429
    assert "请过12小时再查" in page.text
    assert receipt["number"] in page.text, "what was typed is not lost"


def test_others_behind_the_same_address_ask_on(site: Site) -> None:
    """The whole office comes from one address; only the number that was tried rests."""
    mine, theirs = filed(site), filed(site)
    tried(site, mine["number"], _tries.MOST + 5)
    assert site.anonymous().api("POST /reports/status", theirs).status_code == 200


def test_the_right_code_gives_all_tries_back(site: Site) -> None:
    receipt = filed(site)
    for _ in range(3):
        assert tried(site, receipt["number"], _tries.MOST - 1) == [404] * (_tries.MOST - 1)
        assert site.anonymous().api("POST /reports/status", receipt).status_code == 200


def test_it_rests_no_longer_than_it_says_and_nothing_is_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = filed(site)
    tried(site, receipt["number"], _tries.MOST + 1)
    (row,) = site.rows(sa.select(CodeTry.number_index))
    assert receipt["number"].encode() not in row["number_index"], "only an index of the number"
    later = clock.datetime.now(clock.UTC) + _tries.RESTS
    monkeypatch.setattr(clock, "real_now", lambda: later)
    assert site.anonymous().api("POST /reports/status", receipt).status_code == 200
    assert not site.rows(sa.select(CodeTry.number_index))


def test_tries_at_the_same_time_all_count(site: Site) -> None:
    """A hundred guesses sent at once are not a hundred guesses."""
    receipt = filed(site)
    codes: list[int] = []

    def guess() -> None:
        codes.extend(tried(site, receipt["number"], 5))

    threads = [threading.Thread(target=guess) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(404) == _tries.MOST
    assert set(codes) == {404, 429}


@pytest.mark.parametrize("known", [True, False])
def test_a_number_that_exists_costs_no_more_than_one_that_does_not(
    site: Site, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One hash is made for either; how long it takes says nothing."""
    receipt, made = filed(site), []
    whole = _registers.code_hash
    monkeypatch.setattr(_registers, "code_hash", lambda number, code: made.append(number) or whole(number, code))
    tried(site, receipt["number"] if known else "000000-000000", 1)
    assert len(made) == 1
