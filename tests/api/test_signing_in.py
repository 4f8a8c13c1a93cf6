"""Who may call: tokens, sessions with CSRF, nobody; and what does not count as signing in."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.db import db
from app.models import User
from app.services.practice import PASSWORD
from tests.api.site import COUNTY, Caller, Site

WRITES = ("POST /tasks/1/claim", "POST /tasks/1/release", "POST /tasks/1/complete", "POST /cases/search")
READS = ("GET /session", "GET /tasks", "GET /tasks/1", "GET /tasks/1/form", "GET /cases", "GET /cases/1", "GET /deadlines",
         "GET /releases", "GET /releases/current", "GET /releases/current/processes")  # fmt: skip


def worker(site: Site) -> Caller:
    return site.person("county_worker", f"{COUNTY}-civil_affairs")


def browser(site: Site) -> Caller:
    """The same person with the session alone."""
    someone = worker(site)
    someone.token = ""
    return someone


@pytest.mark.parametrize("call", READS + WRITES)
def test_nobody_is_refused(shared_site: Site, call: str) -> None:
    answer = shared_site.anonymous().api(call, {} if call.startswith("POST") else None)
    assert answer.status_code == 401
    assert answer.json["code"] == "sign_in"
    assert answer.headers["WWW-Authenticate"].startswith("Token")


def test_a_program_signs_in_with_name_and_password(shared_site: Site) -> None:
    caller = shared_site.anonymous()
    answer = caller.api("POST /tokens", {"username": "minzheng", "password": PASSWORD})
    assert answer.status_code == 201
    assert "Set-Cookie" not in answer.headers
    caller.token = answer.json["token"]
    who = caller.api("GET /session").json
    assert [post["role"] for post in who["posts"]] == ["county_worker"]
    assert who["csrf_token"] == ""


@pytest.mark.parametrize(
    "given", [("minzheng", "wrong-password"), ("nobody-here", PASSWORD), ("min\0zheng", PASSWORD), ("minzheng", "x\0")]
)
def test_a_wrong_name_and_a_wrong_password_sound_alike(shared_site: Site, given: tuple[str, str]) -> None:
    answer = shared_site.anonymous().api("POST /tokens", {"username": given[0], "password": given[1]})
    assert answer.status_code == 401
    assert answer.json["code"] == "wrong_credentials"


@pytest.mark.parametrize("spelled", ["minzheng", "MinZheng"])
def test_too_many_wrong_passwords_lock_the_account_here_too(site: Site, spelled: str) -> None:
    caller = site.anonymous()
    for _ in range(8):
        assert caller.api("POST /tokens", {"username": spelled, "password": "wrong"}).status_code == 401
    assert caller.api("POST /tokens", {"username": "minzheng", "password": PASSWORD}).status_code == 401
    assert site.rows(sa.select(User.locked_until).where(User.username == "minzheng"))[0]["locked_until"] is not None


@pytest.mark.parametrize("token", ["", "nonsense", "WyJub2JvZHkiXQ.aaaa.bbbb"])
def test_a_wrong_token_is_refused_even_beside_a_session(shared_site: Site, token: str) -> None:
    answer = browser(shared_site).api("GET /session", Authentication_Token=token)
    assert answer.status_code == 401


def test_a_token_counts_in_its_header_only(shared_site: Site) -> None:
    token, nobody = worker(shared_site).token, shared_site.anonymous()
    assert nobody.api(f"GET /session?auth_token={token}").status_code == 401
    assert nobody.api("POST /cases/search", {"find": "1", "auth_token": token}).status_code == 401
    assert nobody.get(f"/inbox?auth_token={token}").status_code == 302


def test_a_token_dies_with_the_account(site: Site) -> None:
    someone = worker(site)
    assert someone.api("GET /session").status_code == 200
    with site.app.app_context():
        db.session.execute(sa.update(User).where(User.id == someone.user_id).values(active=False))
        db.session.commit()
    assert someone.api("GET /session").status_code == 401


@pytest.mark.parametrize("call", WRITES)
def test_a_session_must_prove_every_write(shared_site: Site, call: str) -> None:
    answer = browser(shared_site).api(call, {})
    assert answer.status_code == 400
    assert answer.json["code"] == "csrf"


def test_a_session_reads_freely_and_writes_with_its_csrf_token(site: Site) -> None:
    someone, task = browser(site), site.task("guardianship-intervention", "t0")
    proof = someone.api("GET /session").json["csrf_token"]
    answer = someone.api(f"POST /tasks/{task['id']}/claim", X_CSRFToken=proof)
    assert answer.status_code == 200
    assert answer.json["row"]["mine"]


def test_a_session_may_not_report_without_proof(shared_site: Site) -> None:
    """Another site must not be able to report in somebody's name."""
    assert browser(shared_site).api("POST /reports", {"answers": {}}).json["code"] == "csrf"


def test_a_form_of_another_site_is_no_json(shared_site: Site) -> None:
    answer = shared_site.anonymous().client.post("/api/v1/reports", data="{}", content_type="text/plain")
    assert answer.status_code == 415
    assert "Access-Control-Allow-Origin" not in answer.headers
