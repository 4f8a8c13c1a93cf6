"""An address for notices is confirmed by the code that went there; until then nothing else goes there."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.db import table
from app.models import AddressCode, User
from app.services import _tries
from app.services.outward import confirming
from tests import mailbox
from tests.api.site import TOWNSHIP, Caller, Site
from tests.api.test_outward import ADDRESS, DAY, PHONE, switch_on, tell, tick

pytestmark = pytest.mark.parametrize("site", ["sqlite"], indirect=True)
"""Plain rows and pages: the database makes no difference."""
PAGE, CODE = "/account/notices", re.compile(r"\b([0-9]{6})\b")
OTHER = "other@example.org"


@pytest.fixture
def box() -> Iterator[mailbox.Mailbox]:
    with mailbox.mail_server() as made:
        yield made


def asks(site: Site, box: mailbox.Mailbox, address: str = ADDRESS) -> tuple[Caller, str]:
    """The township's worker, who gave an address, and the code that came there."""
    switch_on(site, box)
    site.move(DAY.replace(hour=8))
    someone = site.person("township_worker", TOWNSHIP)
    assert someone.post(PAGE, {"by": "mail", "mail": address, "lang": "zh"}).status_code == 302
    return someone, received(site, box)


def received(site: Site, box: mailbox.Mailbox) -> str:
    """The code in the next letter."""
    before = len(box.letters)
    assert tick(site) == 1
    (letter,) = box.letters[before:]
    return str(CODE.findall(letter.get_content())[0])


def types(someone: Caller, code: str) -> int:
    """What comes of typing it."""
    return someone.post(f"{PAGE}/confirm", {"channel": "mail", "code-mail": code}).status_code


def confirmed(site: Site, someone: Caller) -> bool:
    (row,) = site.rows(sa.select(table(User).c.mail_confirmed).where(User.id == someone.user_id))
    return bool(row["mail_confirmed"])


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_nothing_but_the_code_goes_to_an_address_that_nobody_confirmed(site: Site, box: mailbox.Mailbox) -> None:
    someone, code = asks(site, box)
    assert "还没有确认" in someone.get(PAGE).text
    tell(site, "facts_added")
    assert tick(site) == 0
    assert types(someone, wrong(code)) == 422
    assert types(someone, f" {code[:3]} {code[3:]} ") == 302
    tell(site, "facts_added", "2")
    assert tick(site) == 1
    assert (box.letters[-1]["To"], box.letters[-1]["Subject"]) == (ADDRESS, "守望：有一件急事")
    assert "已经确认" in someone.get(PAGE).text
    assert someone.post(PAGE, {"by": "mail", "mail": ADDRESS, "lang": "en"}).status_code == 302
    assert confirmed(site, someone), "the same address stays confirmed"
    assert tick(site) == 0
    admin = site.person("admin", "620700-civil_affairs").get(f"/accounts/{someone.user_id}").text
    assert "地址已经确认" in admin
    assert ADDRESS not in admin


def test_the_control_without_asking_for_it_the_letter_goes(
    site: Site, box: mailbox.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks(site, box)
    monkeypatch.setattr("app.services.outward._planned.told", lambda _channel: table(User).c.notice_mail)
    tell(site, "facts_added")
    assert [row["state"] for row in site.rows(sa.text("SELECT state FROM delivery ORDER BY id"))] == ["done", "waiting"]


def test_the_code_is_nowhere_and_made_anew_for_each_letter(site: Site, box: mailbox.Mailbox) -> None:
    someone, code = asks(site, box)
    (row,) = site.rows(sa.select(table(AddressCode)))
    assert code.encode() not in row["code"]
    assert someone.post(f"{PAGE}/again", {"channel": "mail"}).status_code == 429, "a phone is not to be flooded"
    site.move(DAY.replace(hour=8, minute=2))
    assert someone.post(f"{PAGE}/again", {"channel": "mail"}).status_code == 302
    assert types(someone, code) == 422, "what was sent before counts no more"
    assert types(someone, received(site, box)) == 302
    assert someone.post(f"{PAGE}/again", {"channel": "mail"}).status_code == 422, "it is confirmed"


def test_five_tries_and_half_an_hour(site: Site, box: mailbox.Mailbox) -> None:
    someone, code = asks(site, box)
    assert [types(someone, wrong(code)) for _ in range(confirming.TRIES)] == [422] * confirming.TRIES
    assert types(someone, code) == 422
    at = DAY.replace(hour=11)
    site.move(at)
    someone.post(f"{PAGE}/again", {"channel": "mail"})
    code = received(site, box)
    site.move(at + confirming.VALID + timedelta(seconds=1))
    assert types(someone, code) == 422
    assert not confirmed(site, someone)


def test_a_code_is_good_for_the_address_to_which_it_went_and_for_its_owner(site: Site, box: mailbox.Mailbox) -> None:
    someone, code = asks(site, box)
    assert types(site.person("county_worker", "620702-civil_affairs"), code) == 422
    someone.post(PAGE, {"mail": OTHER, "lang": "zh"})
    assert types(someone, code) == 422
    someone.post(PAGE, {"by": "mail", "mail": OTHER, "lang": "zh"})
    assert types(someone, received(site, box)) == 302
    assert box.letters[-1]["To"] == OTHER


def letters_to_strangers(site: Site, box: mailbox.Mailbox) -> Caller:
    """Somebody types one address after the other."""
    switch_on(site, box)
    site.move(DAY.replace(hour=8))
    someone = site.person("township_worker", TOWNSHIP)
    for number in range(_tries.MOST + 3):
        assert someone.post(PAGE, {"by": "mail", "mail": f"s{number}@example.org", "lang": "zh"}).status_code == 302
        tick(site)
    return someone


def test_nobody_floods_strangers_by_typing_their_addresses(
    site: Site, box: mailbox.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = letters_to_strangers(site, box)
    assert len(box.letters) == _tries.MOST
    page = someone.get(PAGE).text
    assert "发的验证码太多了，过12小时再要" in page
    assert f's{_tries.MOST + 2}@example.org"' in page, "what was typed is kept"
    later = clock.real_now() + _tries.RESTS
    monkeypatch.setattr(clock, "real_now", lambda: later)  # sign-ins and tries are counted in real time
    site.move(DAY.replace(hour=20))
    assert someone.post(f"{PAGE}/again", {"channel": "mail"}).status_code == 302
    assert types(someone, received(site, box)) == 302


def test_the_control_without_the_count_every_stranger_gets_a_letter(
    site: Site, box: mailbox.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services._tries.rests", lambda _index: None)
    letters_to_strangers(site, box)
    assert len(box.letters) == _tries.MOST + 3


def test_practice_sends_nothing_and_says_the_code_on_the_page(site: Site, box: mailbox.Mailbox) -> None:
    switch_on(site, box)
    site.app.config["SETTINGS"] = dataclasses.replace(site.app.config["SETTINGS"], demo=True)
    someone = site.person("township_worker", TOWNSHIP)
    given = {"by": ["mail", "sms"], "mail": ADDRESS, "sms": PHONE, "lang": "zh"}
    assert someone.post(PAGE, given).status_code == 302
    codes = dict(re.findall(r"(邮件|短信)验证码是([0-9]{6})", someone.get(PAGE).text))
    assert codes.keys() == {"邮件", "短信"}
    assert types(someone, codes["邮件"]) == 302
    assert (tick(site), box.letters) == (0, [])
