"""The second factor: set up by whoever has phone and password, asked for when a glass is broken, good for once."""

from __future__ import annotations

import base64
import json
import re

import pytest
import sqlalchemy as sa

from app import clock
from app.db import table
from app.models import Event, User
from app.services import authenticator
from app.services.practice import PASSWORD
from tests.api.site import Caller, Site
from tests.api.test_sealed import WHY, chief, number_of, reads
from tests.unit.test_cli import run

USER, EVENT = table(User), table(Event)
PAGE = "/account/authenticator"


@pytest.fixture(autouse=True)
def same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's clock stands, so that no half minute ends within a test."""
    moment = clock.real_now()
    monkeypatch.setattr(clock, "real_now", lambda: moment)


def now() -> int:
    """The half minute it is."""
    return int(clock.real_now().timestamp()) // authenticator.PERIOD


def secret_on(page: str) -> str:
    return re.findall(r'name="secret" value="([A-Z2-7]{32})"', page)[0]


def enrol(someone: Caller, step: int | None = None) -> str:
    """Scan and confirm; returns the secret that is on the phone now."""
    secret = secret_on(someone.get(PAGE).text)
    code = authenticator.code(secret, now() - 1 if step is None else step)
    assert someone.post(PAGE, {"secret": secret, "code": code, "password": PASSWORD}).status_code == 302
    return secret


def unseal(someone: Caller, number: str, code: str, reason: str = WHY, password: str = PASSWORD) -> int:
    sent = {"number": number, "reason": reason, "password": password, "code": code}
    return someone.post("/cases/unseal", sent).status_code


@pytest.mark.parametrize(("key", "step", "code"), [
    (b"12345678901234567890", 1, "287082"), (b"12345678901234567890", 37037036, "081804"),
    (b"12345678901234567890", 41152263, "005924"), (b"12345678901234567890", 666666666, "353130"),
])  # fmt: skip
def test_codes_are_those_of_the_rfc(key: bytes, step: int, code: str) -> None:
    """RFC 6238 appendix B, the last six digits."""
    assert authenticator.code(base64.b32encode(key).decode(), step) == code


def test_it_is_asked_for_once_it_is_set_up(site: Site) -> None:
    boss, number = chief(site), number_of(site, site.cases("child", sealed=True)[0])
    assert "还没有绑定验证器" in boss.get("/cases/unseal").text
    secret = enrol(boss)
    assert 'name="code"' in boss.get("/cases/unseal").text
    for wrong in (
        "",
        "000000",
        "abcdef",
        "１２３４５６",
        authenticator.code(secret, now() - 1),
        authenticator.code(secret, now() + 40),
    ):
        assert unseal(boss, number, wrong) == 422, "wrong, used, or of another time"
    assert not reads(site)
    good = authenticator.code(secret, now())
    assert unseal(boss, number, good, reason="") == 422, "it is not used up while something else is wrong"
    assert unseal(boss, number, good) == 302
    assert unseal(boss, number, good) == 422, "a code counts once"
    (event,) = site.rows(sa.select(EVENT.c.body).where(EVENT.c.kind == "read"))
    assert json.loads(event["body"])["data"]["factors"] == ["password", "code"]


def test_without_one_the_record_says_so(site: Site) -> None:
    boss, number = chief(site), number_of(site, site.cases("child", sealed=True)[0])
    assert unseal(boss, number, "") == 302
    (event,) = site.rows(sa.select(EVENT.c.body).where(EVENT.c.kind == "read"))
    assert json.loads(event["body"])["data"]["factors"] == ["password"]


def test_setting_up_needs_password_and_phone(site: Site) -> None:
    boss = chief(site)
    secret = secret_on(boss.get(PAGE).text)
    good = authenticator.code(secret, now())
    for sent in ({"code": good, "password": "wrong"}, {"code": "000000", "password": PASSWORD},
                 {"code": good, "password": PASSWORD, "secret": "AAAA"}, {"password": PASSWORD}):  # fmt: skip
        assert boss.post(PAGE, {"secret": secret, **sent}).status_code == 422, sent
    assert site.rows(sa.select(USER.c.totp).where(USER.c.totp.is_not(None))) == []


def test_it_is_kept_sealed_and_taken_away_by_both_or_by_an_operator(site: Site) -> None:
    boss = chief(site)
    secret = enrol(boss)
    (row,) = site.rows(sa.select(USER).where(USER.c.totp.is_not(None)))
    assert secret.encode() not in row["totp"]
    assert secret not in boss.get(PAGE).text
    assert boss.post(PAGE, {"code": "000000", "password": PASSWORD}).status_code == 422
    assert boss.post(PAGE, {"code": authenticator.code(secret, now()), "password": "wrong"}).status_code == 422
    assert boss.post(PAGE, {"code": authenticator.code(secret, now()), "password": PASSWORD}).status_code == 302
    assert site.rows(sa.select(USER.c.totp).where(USER.c.totp.is_not(None))) == []
    enrol(boss)
    run(site.app, "user", "forget-authenticator", row["username"])
    assert site.rows(sa.select(USER.c.totp).where(USER.c.totp.is_not(None))) == []


def test_wrong_codes_close_the_account_for_a_while(site: Site) -> None:
    boss, number = chief(site), number_of(site, site.cases("child", sealed=True)[0])
    secret = enrol(boss)
    for _ in range(20):
        assert unseal(boss, number, "000000") == 422
    assert unseal(boss, number, authenticator.code(secret, now())) == 422, "right, but too late"
    assert not reads(site)
