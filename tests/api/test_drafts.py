"""Drafts by the API: one program draws, another person approves; everybody else is refused; a stale save is 409."""

from __future__ import annotations

import json

import pytest

from tests.api.site import Site

CITY = "620700-civil_affairs"
PATH = "bpmn/deadlines.json"


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_from_draft_to_release_by_programs(site: Site) -> None:
    drawer, approver = site.person("policy", CITY), site.person("approver", CITY)
    draft = drawer.api("POST /drafts", {"title": "缩短出警期限"}).json["id"]
    file = drawer.api(f"GET /drafts/{draft}/file?path={PATH}").json
    deadlines = json.loads(file["text"])
    next(row for row in deadlines["deadlines"] if row["id"] == "D03")["rules"][1]["value"] = "PT12H"
    body = {"path": PATH, "text": json.dumps(deadlines), "version": file["version"]}
    assert drawer.api(f"PUT /drafts/{draft}/file", body).json["version"] == 1
    stale = drawer.api(f"PUT /drafts/{draft}/file", body)
    assert (stale.status_code, stale.json["code"]) == (409, "draft_file")
    calls = {
        "submit": {"notes": "省里要求"}, "approve": {"publish_at": None}, "refuse": {"reason": "不行"},
        "check": None, "withdraw": None,
    }  # fmt: skip
    held = {"policy": {"submit", "check", "withdraw"}, "approver": {"approve", "refuse"}}
    for role, unit in (
        ("policy", CITY),
        ("approver", CITY),
        ("auditor", "620700-audit"),
        ("admin", CITY),
        ("county_head", "620702"),
    ):
        someone = site.person(role, unit)
        for verb, sent in calls.items():
            if verb not in held.get(role, ()):
                assert someone.api(f"POST /drafts/{draft}/{verb}", sent).status_code == 403, (role, verb)
        if role != "policy":
            assert someone.api("POST /drafts", {"title": "改"}).status_code == 403
            assert someone.api(f"PUT /drafts/{draft}/file", {**body, "version": 1}).status_code == 403
        sees = 200 if role in ("policy", "approver", "auditor") else 403
        for path in ("/drafts", f"/drafts/{draft}", f"/drafts/{draft}/file?path={PATH}"):
            assert someone.api(f"GET {path}").status_code == sees, (role, path)
    assert drawer.api(f"POST /drafts/{draft}/check").json["problems"] == []
    assert drawer.api(f"POST /drafts/{draft}/submit", calls["submit"]).json["state"] == "submitted"
    before = drawer.api("GET /releases/current").json["id"]
    done = approver.api(f"POST /drafts/{draft}/approve", calls["approve"]).json
    assert done["state"] == "published"
    assert drawer.api("GET /releases/current").json["id"] == done["release_id"] != before
