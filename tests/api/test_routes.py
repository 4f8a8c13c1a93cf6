"""Every route has a class, and its class is tried: strangers, forged forms, headers, logs.

A route that nobody has classified fails the first test.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.routing import Rule

from app.logs import JsonLines
from app.models import Instance
from app.services import _step
from app.services.practice import PASSWORD
from app.web import build
from app.web.frame import BUILT, CSP
from tests.api.site import API, COUNTY, MARKS, OPEN_FAMILY, SEALED_FAMILY, TOWNSHIP, Caller, Site, says_nothing

PUBLIC, SIGNED_IN, CASEWORK, AUDITORS, POLICIES, REVIEWERS, APPROVERS, ADMINS, MACHINE = (
    "public",
    "signed-in",
    "casework",
    "auditors",
    "policies",
    "reviewers",
    "approvers",
    "admins",
    "machine",
)
ROUTES = {
    # anybody
    "static": PUBLIC, "security.static": PUBLIC, "security.login": PUBLIC, "security.logout": PUBLIC, "locale.switch": PUBLIC,
    "report.start": PUBLIC, "report.ask": PUBLIC, "health.alive": PUBLIC, "health.ready": PUBLIC, "api-docs.openapi_json": PUBLIC,
    "kept.worker": PUBLIC, "kept.unsent": PUBLIC, "kept.report_form": PUBLIC, "kept.session": PUBLIC, "kept.send_report": PUBLIC,
    "api-tokens.create": PUBLIC, "api-reports.form": PUBLIC, "api-reports.file": PUBLIC, "api-reports.status": PUBLIC,
    "help.index": PUBLIC, "help.guide": PUBLIC, "help.words": PUBLIC, "help.practice": PUBLIC, "help.picture": PUBLIC, "help.tour": PUBLIC,
    # this machine, or the holder of a token
    "health.metrics": MACHINE,
    # whoever has signed in
    "security.change_password": SIGNED_IN, "security.verify": SIGNED_IN, "desk.home": SIGNED_IN, "desk.inbox": SIGNED_IN,
    "cases.index": SIGNED_IN, "oversight.index": SIGNED_IN, "oversight.tonight": SIGNED_IN, "oversight.figures": SIGNED_IN, "oversight.heat": SIGNED_IN, "people.index": SIGNED_IN, "people.mine": SIGNED_IN, "processes.index": SIGNED_IN, "processes.show": SIGNED_IN,
    "processes.xml": SIGNED_IN, "practice.travel": SIGNED_IN, "api-session.show": SIGNED_IN, "api-tasks.index": SIGNED_IN,
    "api-cases.index": SIGNED_IN, "api-cases.search": SIGNED_IN, "api-deadlines.index": SIGNED_IN, "api-releases.index": SIGNED_IN,
    "api-releases.current": SIGNED_IN, "api-releases.listing": SIGNED_IN, "desk.notices": SIGNED_IN, "records.unseal": SIGNED_IN,
    "records.reviews": SIGNED_IN, "authenticator.show": SIGNED_IN, "authenticator.keep": SIGNED_IN, "addresses.show": SIGNED_IN, "addresses.keep": SIGNED_IN, "addresses.again": SIGNED_IN, "addresses.confirm": SIGNED_IN,
    "desk.pulse": SIGNED_IN, "desk.many": SIGNED_IN, "desk.keep_filter": SIGNED_IN, "kept.visits": SIGNED_IN, "help.seen": SIGNED_IN,
    # whose work it is, or who may see it: tests/api/test_access_matrix.py
    "desk.task": CASEWORK, "desk.complete": CASEWORK, "desk.draft": CASEWORK, "desk.claim": CASEWORK, "desk.release": CASEWORK,
    # tests/api/test_inbox.py
    "desk.give": CASEWORK, "desk.give_back": CASEWORK, "desk.watch": CASEWORK, "desk.drop_filter": CASEWORK,
    "desk.record": CASEWORK, "desk.correct": CASEWORK, "desk.remark": CASEWORK, "desk.outlook": CASEWORK, "files.add": CASEWORK, "files.show": CASEWORK, "desk.send_correction": CASEWORK, "desk.record_form": CASEWORK, "cases.show": CASEWORK, "cases.diagram": CASEWORK, "cases.xml": CASEWORK,
    "cases.new_danger": CASEWORK, "oversight.decide": CASEWORK, "oversight.retry": CASEWORK, "oversight.run": CASEWORK, "oversight.ladder": CASEWORK, "oversight.by_hand": CASEWORK, "oversight.keep_filter": SIGNED_IN, "oversight.drop_filter": CASEWORK, "oversight.suspend": CASEWORK, "oversight.resume": CASEWORK, "api-tasks.show": CASEWORK,
    "api-tasks.form": CASEWORK, "api-tasks.claim": CASEWORK, "api-tasks.release": CASEWORK, "api-tasks.complete": CASEWORK, "api-tasks.correct": CASEWORK,
    "api-cases.show": CASEWORK, "audit.replay": CASEWORK, "audit.moment": CASEWORK,
    # auditors: nobody else is even told that there is something
    "audit.index": AUDITORS, "audit.head": AUDITORS, "audit.register": AUDITORS, "population.index": AUDITORS, "population.show": AUDITORS, "population.draw": AUDITORS,
    "population.sample": AUDITORS, "population.export": AUDITORS,
    # tests/api/test_looks.py
    "audit.reads": AUDITORS, "audit.case_reads": AUDITORS, "audit.export_reads": AUDITORS,
    # tests/api/test_notices.py, test_sealed.py
    "desk.read_notice": CASEWORK, "records.show": CASEWORK, "records.reason": CASEWORK,
    "records.review": CASEWORK,
    # tests/papers/test_access.py
    "papers.index": CASEWORK, "papers.draft": CASEWORK, "papers.show": CASEWORK, "papers.sheet": CASEWORK,
    "papers.file": CASEWORK, "papers.fill": CASEWORK, "papers.renew": CASEWORK, "papers.issue": CASEWORK,
    "papers.drop": CASEWORK, "papers.revise": CASEWORK, "papers.withdraw": CASEWORK,
    "api-papers.index": CASEWORK, "api-papers.draft": CASEWORK, "api-papers.show": CASEWORK, "api-papers.fill": CASEWORK,
    "api-papers.issue": CASEWORK, "api-papers.withdraw": CASEWORK, "api-papers.file": CASEWORK,
    # who draws up a release, who approves it, who looks at both: tests/unit/test_drafts.py
    "studio.index": REVIEWERS, "studio.compare": REVIEWERS, "studio.xml": REVIEWERS,
    "drafts.show": REVIEWERS, "drafts.changes": REVIEWERS, "drafts.file": REVIEWERS, "api-drafts.index": REVIEWERS,
    "api-drafts.show": REVIEWERS, "api-drafts.file": REVIEWERS,
    "drafts.make": POLICIES, "drafts.check": POLICIES, "drafts.submit": POLICIES, "drafts.withdraw": POLICIES,
    "drafts.follow": POLICIES, "drafts.drop": POLICIES, "drafts.upload": POLICIES, "drafts.restore": POLICIES,
    "api-drafts.make": POLICIES, "api-drafts.save": POLICIES, "api-drafts.check": POLICIES, "api-drafts.submit": POLICIES,
    "api-drafts.withdraw": POLICIES,
    "drafts.approve": APPROVERS, "drafts.refuse": APPROVERS, "api-drafts.approve": APPROVERS, "api-drafts.refuse": APPROVERS,
    "papers.templates": POLICIES, "papers.upload": POLICIES, "papers.template": POLICIES,
    # tests/api/test_system.py
    "system.index": ADMINS, "accounts.new": ADMINS, "accounts.add": ADMINS, "accounts.show": ADMINS, "accounts.give_post": ADMINS,
    "accounts.end_post": ADMINS, "accounts.password": ADMINS, "accounts.forget_factor": ADMINS, "units.index": ADMINS, "units.add_unit": ADMINS,
    "system.changes": CASEWORK,
    # tests/api/test_leaving.py
    "people.show": CASEWORK, "people.give": CASEWORK, "people.leave": CASEWORK,
    # tests/api/test_absences.py, test_duty.py
    "account.show": SIGNED_IN, "people.my_away": SIGNED_IN, "people.rotas": SIGNED_IN,
    "people.away": CASEWORK, "people.enter_away": CASEWORK, "people.end_away": CASEWORK, "people.duty": CASEWORK,
    "people.keep_duty": CASEWORK,
    # tests/api/test_one_child.py
    "one_child.merge": CASEWORK, "one_child.compare": CASEWORK, "one_child.unmerge": CASEWORK, "one_child.attach": CASEWORK,
    # tests/api/test_kept.py
    "kept.visit": CASEWORK, "kept.send_task": CASEWORK,
}  # fmt: skip
STAFF = {
    "police_chief": f"{TOWNSHIP}-police", "county_head": COUNTY, "auditor": "620700-audit",
    "policy": "620700-civil_affairs", "approver": "620700-civil_affairs", "admin": "620700-civil_affairs",
}  # fmt: skip
FILES = frozenset(("static", "security.static", "help.picture"))
"""Files of the program's own, alike for everybody."""
WRITES = frozenset(("POST", "PUT", "PATCH", "DELETE"))
PROVED_ELSEWHERE = frozenset(("api-tokens.create", "api-reports.file", "api-reports.status", "kept.send_report"))
"""Calls that nobody in particular may make: they carry no session's rights (test_signing_in.py)."""


def rules(site: Site) -> Iterator[tuple[Rule, str, str]]:
    """Each route with each of its methods, and an address for it in the open family."""
    task, case = site.task("temporary-placement", "h2")["id"], site.cases("child")[0]
    instance = site.rows(
        sa.select(Instance.id, Instance.process).where(Instance.case_id == case).order_by(Instance.id)
    )[0]
    given = {"task_id": task, "case_id": case, "instance_id": instance["id"], "process": instance["process"],
             "message": "performance_changed", "incident_id": 1, "sample_id": 1, "submission_id": 1, "file_id": 1, "field": "files", "notice_id": 1, "read_id": 1,
             "paper_id": 1, "sheet": 1, "form": "pdf", "kind": "petition", "version": 0,
             "lang": "en", "filename": "favicon.svg", "page": "caseworker", "key": "inbox", "name": "inbox.png", "user_id": 1, "post_id": 1, "absence_id": 1, "unit_id": 1, "role": "police_officer", "draft_id": 1, "path": "bpmn/deadlines.json"}  # fmt: skip
    with site.app.test_request_context():
        adapter = site.app.create_url_adapter(None) or site.app.url_map.bind("localhost")
        for rule in site.app.url_map.iter_rules():
            path = adapter.build(
                rule.endpoint, {name: given.get(name, 1) for name in rule.arguments}, append_unknown=False
            )
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield rule, method, path


def call(caller: Caller, method: str, path: str, data: dict[str, Any] | None = None) -> Any:
    if path.startswith(API):
        return caller.client.open(path, method=method, json={} if method in WRITES else None)
    return caller.client.open(path, method=method, data=data)


def everybody(site: Site) -> Iterator[Caller]:
    """One person of each kind of post."""
    for post in (("police_officer", f"{TOWNSHIP}-police"), ("police_chief", f"{TOWNSHIP}-police"), ("village_worker", "620702101201"),
                 ("auditor", "620700-audit"), ("policy", "620700-civil_affairs"), ("approver", "620700-civil_affairs"), ("admin", "620700-civil_affairs")):  # fmt: skip
        yield site.person(*post)


def test_every_route_is_classified(shared_site: Site) -> None:
    assert {rule.endpoint for rule in shared_site.app.url_map.iter_rules()} - set(ROUTES) == set()


def test_nobody_gets_past_the_door(shared_site: Site) -> None:
    nobody = shared_site.anonymous()
    for rule, method, path in rules(shared_site):
        if ROUTES[rule.endpoint] in (PUBLIC, MACHINE):
            continue
        answer = call(nobody, method, path, {"csrf_token": nobody.csrf} if method in WRITES else None)
        if path.startswith(API):
            assert answer.status_code == 401, (method, path)
        else:
            assert answer.status_code == 302, (method, path)
            assert answer.headers["Location"].startswith("/account/login"), (method, path)
        assert says_nothing(answer)


def test_the_auditors_pages_are_for_auditors(shared_site: Site) -> None:
    for post in (("police_chief", f"{TOWNSHIP}-police"), ("county_head", COUNTY), ("admin", "620700-civil_affairs")):
        someone = shared_site.person(*post)
        for rule, method, path in rules(shared_site):
            if ROUTES[rule.endpoint] == AUDITORS:
                answer = call(someone, method, path, {"csrf_token": someone.csrf} if method in WRITES else None)
                assert answer.status_code in (403, 404), (post, path)
                assert says_nothing(answer)


def test_the_policy_pages_are_for_policy_staff(shared_site: Site) -> None:
    for post in (
        ("police_chief", f"{TOWNSHIP}-police"),
        ("county_head", COUNTY),
        ("auditor", "620700-audit"),
        ("admin", "620700-civil_affairs"),
    ):
        someone = shared_site.person(*post)
        for rule, method, path in rules(shared_site):
            if ROUTES[rule.endpoint] == POLICIES and not path.startswith(API):  # those of programs: test_drafts.py
                answer = call(someone, method, path, {"csrf_token": someone.csrf} if method in WRITES else None)
                assert answer.status_code == 403, (post, path)


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        (REVIEWERS, ("police_chief", "county_head", "admin")),
        (APPROVERS, ("police_chief", "county_head", "admin", "auditor", "policy")),
        (POLICIES, ("approver",)),
    ],
)
def test_releases_are_drawn_up_and_approved_by_those_posts_alone(
    shared_site: Site, kind: str, others: tuple[str, ...]
) -> None:
    for role in others:
        someone = shared_site.person(role, STAFF[role])
        for rule, method, path in rules(shared_site):
            if ROUTES[rule.endpoint] == kind and not path.startswith(API):
                answer = call(someone, method, path, {"csrf_token": someone.csrf} if method in WRITES else None)
                assert answer.status_code == 403, (role, path)
                assert says_nothing(answer)


def test_the_administrators_pages_are_for_administrators(shared_site: Site) -> None:
    for post in (
        ("police_chief", f"{TOWNSHIP}-police"),
        ("county_head", COUNTY),
        ("auditor", "620700-audit"),
        ("policy", "620700-civil_affairs"),
    ):
        someone = shared_site.person(*post)
        for rule, method, path in rules(shared_site):
            if ROUTES[rule.endpoint] == ADMINS:
                answer = call(someone, method, path, {"csrf_token": someone.csrf} if method in WRITES else None)
                assert answer.status_code == 403, (post, path)


def test_an_administrator_reads_nothing_of_any_child(shared_site: Site) -> None:
    someone = shared_site.person("admin", "620700-civil_affairs")
    read = 0
    for rule, method, path in rules(shared_site):
        if method == "GET" and ROUTES[rule.endpoint] != MACHINE and rule.endpoint not in FILES:
            answer = call(someone, method, path)
            assert says_nothing(answer), path
            read += answer.status_code == 200
    assert read > 25


def test_what_is_public_answers_nobody_in_particular(shared_site: Site) -> None:
    nobody = shared_site.anonymous()
    for rule, method, path in rules(shared_site):
        if ROUTES[rule.endpoint] == PUBLIC and method == "GET" and rule.endpoint not in FILES:
            answer = call(nobody, method, path)
            assert answer.status_code in (200, 302), path
            assert says_nothing(answer)


def test_a_form_without_its_token_is_refused_everywhere(shared_site: Site) -> None:
    for caller in (shared_site.anonymous(), shared_site.person("police_officer", f"{TOWNSHIP}-police")):
        for rule, method, path in rules(shared_site):
            if method not in WRITES or rule.endpoint in PROVED_ELSEWHERE:
                continue
            if path.startswith(API) and not caller.user_id:
                continue  # 401, see above
            for data in ({}, {"csrf_token": "forged"}):
                assert call(caller, method, path, data).status_code == 400, (method, path)


def test_a_token_of_another_session_is_refused(shared_site: Site) -> None:
    one, other = shared_site.person("police_officer", f"{TOWNSHIP}-police"), shared_site.anonymous()
    task = shared_site.task("temporary-placement", "h2")["id"]
    assert one.client.post(f"/tasks/{task}/claim", data={"csrf_token": other.csrf}).status_code == 400


def test_every_answer_carries_strict_headers(shared_site: Site) -> None:
    for caller in (shared_site.anonymous(), *everybody(shared_site)):
        for rule, method, path in rules(shared_site):
            if method != "GET":
                continue
            headers = call(caller, method, path).headers
            assert headers["Content-Security-Policy"] == CSP, path
            assert headers["X-Content-Type-Options"] == "nosniff", path
            assert headers["Referrer-Policy"] == "same-origin", path
            assert rule.endpoint in ("static", "security.static") or headers["Cache-Control"] == "no-store", path


def test_built_files_are_asked_for_once(shared_site: Site) -> None:
    """Their names change with what they hold; what is not there must not be remembered."""
    client = shared_site.anonymous().client
    with shared_site.app.test_request_context():
        kept, missing = client.get(build.sprite()), client.get(f"{BUILT}none.js")
    assert "immutable" in kept.headers["Cache-Control"]
    assert missing.status_code == 404
    assert "immutable" not in missing.headers.get("Cache-Control", "")


def test_the_policy_lets_nothing_inline_and_nothing_from_elsewhere() -> None:
    assert "unsafe" not in CSP
    assert "default-src 'none'" in CSP
    assert not re.search(r"https?:|\*", CSP)
    assert "frame-ancestors 'none'" in CSP


INLINE = (
    re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>"),
    re.compile(r"<style\b"),
    re.compile(r"<[^>]+\sstyle="),
    re.compile(r"<[^>]+\son[a-z]+="),
    re.compile(r"(?:href|action|src)=\"\s*(?:javascript|data):", re.IGNORECASE),
    re.compile(r"(?:src|action)=\"(?:https?:)?//"),
)


def test_no_page_holds_what_the_policy_would_refuse(shared_site: Site) -> None:
    looked = 0
    for caller in (shared_site.anonymous(), *everybody(shared_site)):
        for _rule, method, path in rules(shared_site):
            answer = call(caller, method, path) if method == "GET" else None
            if answer is None or not answer.content_type.startswith("text/html"):
                continue
            looked += 1
            for pattern in INLINE:
                found = pattern.search(answer.text)
                assert found is None, (path, found)
    assert looked > 60


@pytest.mark.parametrize(
    "onward", ["//evil.example", "/\\evil.example", "/\t/evil.example", "/\n/evil.example", "https://evil.example", ""]
)
def test_no_link_leads_off_this_site(shared_site: Site, onward: str) -> None:
    moved = shared_site.anonymous().get("/language/en", query_string={"next": onward})
    assert (moved.status_code, moved.headers["Location"]) == (302, "/")


@pytest.mark.parametrize("onward", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_signing_in_leads_to_this_site(shared_site: Site, onward: str) -> None:
    caller = shared_site.anonymous()
    form = {"username": "minzheng", "password": PASSWORD, "next": onward}
    moved = caller.client.post(f"/account/login?next={onward}", data={**form, "csrf_token": caller.csrf})
    assert re.match(r"/(?![/\\])", moved.headers.get("Location", "/"))


def test_signing_in_and_out_by_the_page(site: Site) -> None:
    caller = site.anonymous()
    wrong = caller.client.post(
        "/account/login", data={"username": "minzheng", "password": "wrong", "csrf_token": caller.csrf}
    )
    assert wrong.status_code == 200
    right = caller.client.post(
        "/account/login", data={"username": "minzheng", "password": PASSWORD, "csrf_token": caller.csrf}
    )
    assert right.status_code == 302
    assert caller.get("/inbox").status_code == 200
    assert "HttpOnly" in right.headers["Set-Cookie"]
    assert "SameSite=Lax" in right.headers["Set-Cookie"]
    del caller.csrf
    assert caller.client.post("/account/logout", data={"csrf_token": caller.csrf}).status_code == 302
    assert caller.get("/inbox").status_code == 302


# --- logs -----------------------------------------------------------------------------------


class Kept(logging.Handler):
    """Keeps every line, as operators get it and as any other formatter would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        ours = record.name.split(".")[0] == "app"
        self.lines.append(JsonLines().format(record) if ours else logging.Formatter().format(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Every log line of every logger, while the test runs."""
    handler, root, ours = Kept(), logging.getLogger(), logging.getLogger("app")
    before = root.level, ours.level
    for logger in (root, ours):
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield handler
    for logger, level in zip((root, ours), before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_no_log_line_names_anybody(site: Site, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports, searches, wrong answers, refusals and a failing step: ids and codes are all that is written."""
    nobody, officer = site.anonymous(), site.person("police_officer", f"{TOWNSHIP}-police")
    worker = site.person("county_worker", f"{COUNTY}-civil_affairs")
    told = site.report_answers(
        facts=OPEN_FAMILY["facts"], reporter_name=OPEN_FAMILY["reporter"], children=[{"name": OPEN_FAMILY["child"]}]
    )
    assert nobody.api("POST /reports", {"answers": told}).status_code == 201
    assert nobody.api("POST /reports", {"answers": {**told, "village": OPEN_FAMILY["child"]}}).status_code == 422
    assert nobody.post("/report/", {**told, "go": "next", "step": "1"}).status_code in (200, 422)
    assert nobody.api("POST /tokens", {"username": "哨", "password": "哨"}).status_code == 401
    assert nobody.post("/account/login", {"username": "哨", "password": "哨"}).status_code == 200
    assert officer.api("POST /cases/search", {"find": OPEN_FAMILY["child"]}).status_code == 200
    assert officer.post("/cases/", {"q": SEALED_FAMILY["child"]}).status_code == 200
    task = site.task("guardianship-intervention", "t0")
    body = {"version": 0, "answers": {"guardian": OPEN_FAMILY["reporter"]}}
    assert worker.api(f"POST /tasks/{task['id']}/complete", body).status_code == 422
    assert worker.post(f"/tasks/{task['id']}/draft", {"guardian": OPEN_FAMILY["reporter"]}).status_code == 302

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(OPEN_FAMILY["child"])

    monkeypatch.setattr(_step.engine, "advance", fail)
    body["answers"] = site.answers(task["id"])
    assert worker.api(f"POST /tasks/{task['id']}/complete", body).status_code == 500
    assert worker.post(f"/tasks/{task['id']}/complete", {"version": "0"}).status_code in (422, 500)
    assert [line for line in kept.lines if "request failed" in line]
    assert not [line for line in kept.lines if any(mark in line for mark in (*MARKS, *OPEN_FAMILY.values()))]
