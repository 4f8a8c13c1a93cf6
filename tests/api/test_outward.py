"""Notices that leave the house: to whom, when, in what words, and once, whatever fails on the way."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import logging
import threading
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from app import clock
from app.clock import LAW_ZONE
from app.db import db, table, transaction
from app.models import Case, Delivery, Incident, Notice, Outbox, User
from app.services import cases, notices, outbox, people
from app.services import incidents as repairs
from app.services.outward import _letters, addresses, deliveries
from app.settings import BadSetting, MailServer, Outward, Settings
from tests import mailbox
from tests.api.site import MARKS, TOWNSHIP, Caller, Site

SECRET = "a-secret-of-the-gateway"
POLICE = f"{TOWNSHIP}-police"
ADDRESS, PHONE = "worker@example.org", "13711112222"
DAY = datetime(2026, 3, 3, tzinfo=LAW_ZONE)
QUIET = (time(22), time(7))
URL = "https://shouwang.example.org"


@pytest.fixture
def box() -> Iterator[mailbox.Mailbox]:
    with mailbox.mail_server() as made:
        yield made


@pytest.fixture
def gate() -> Iterator[mailbox.Gateway]:
    with mailbox.gateway() as made:
        yield made


def switch_on(site: Site, box: mailbox.Mailbox | None = None, gate: mailbox.Gateway | None = None, **more: Any) -> None:
    """The settings of an installation that sends."""
    mail = MailServer("127.0.0.1", box.port, tls=False, sender="notices@example.org") if box else None
    known = Outward(mail, gate.url if gate else "", SECRET, URL, **{"quiet": QUIET, "digest_at": time(8, 30), **more})
    site.app.config["SETTINGS"] = dataclasses.replace(site.app.config["SETTINGS"], outward=known, demo=False)


def wants(site: Site, *by: str, lang: str = "zh", who: Caller | None = None) -> Caller:
    """The township's worker, or who is named, who wants to be told; what they had before is read."""
    someone = who or site.person("township_worker", TOWNSHIP)
    with site.app.app_context():
        addresses.keep(someone.user_id, addresses.Wishes({"mail": ADDRESS, "sms": PHONE}, by, lang), "zh")
        with transaction() as session:
            session.execute(sa.update(User).values(mail_confirmed=True, sms_confirmed=True))
            session.execute(sa.delete(Delivery))
            session.execute(sa.update(Notice).values(read_at=clock.now()))
    return someone


def tell(site: Site, kind: str, key: str = "1") -> None:
    """A notice to the township's worker, put up."""
    case = site.cases("child")[0]
    payload = {"kind": kind, "role": "township_worker", "ids": {}, "receipt": False}
    with site.app.app_context():
        with transaction() as session:
            session.execute(sa.insert(table(Outbox)).values(
                case_id=case, kind="notice", key=f"test:{kind}:{key}", payload=payload, state="waiting", attempts=0,
                due_at=clock.now(),
            ))  # fmt: skip
        outbox.deliver()


def tick(site: Site) -> int:
    """What the three jobs do; how many deliveries were settled."""
    with site.app.app_context():
        deliveries.digests()
        return deliveries.send("mail") + deliveries.send("sms")


def states(site: Site) -> list[str]:
    return [row["state"] for row in site.rows(sa.select(table(Delivery)).order_by(Delivery.id))]


def incidents(site: Site) -> list[dict[str, Any]]:
    return site.rows(sa.select(table(Incident)).where(Incident.source == "delivery"))


# --- when -----------------------------------------------------------------------------------


def test_what_protects_a_child_goes_at_once_at_night_too(site: Site, box: mailbox.Mailbox) -> None:
    switch_on(site, box)
    wants(site, "mail")
    site.move(DAY.replace(hour=2))
    tell(site, "facts_added")
    assert tick(site) == 1
    (letter,) = box.letters
    assert (letter["To"], letter["From"], letter["Subject"]) == (ADDRESS, "notices@example.org", "守望：有一件急事")
    text = letter.get_content()
    assert notices.KINDS["facts_added"].zh in text
    assert f"{URL}/notices" in text
    assert tick(site) == 0


def test_police_who_must_go_now_are_told_at_night_and_not_once_they_have_come(site: Site, box: mailbox.Mailbox) -> None:
    """From new danger to the letter: one, though several tasks follow; the notice leads to the task; then it is over."""
    switch_on(site, box, digest_at=None)
    officer = wants(site, "mail", who=site.person("police_officer", POLICE))
    site.move(DAY.replace(hour=2))
    case = site.cases("child")[0]
    assert officer.post(f"/cases/{case}/new-danger").status_code == 302
    with site.app.app_context():
        outbox.deliver()
    assert tick(site) == 1
    (letter,) = box.letters
    assert notices.KINDS["task_urgent"].zh in letter.get_content()
    with site.app.app_context():
        me = people.person(db.session(), officer.user_id)
        urged = next(row for row in notices.page(me).rows if row.text == notices.KINDS["task_urgent"])
        assert urged.leads == "task"
    assert officer.get(f"/tasks/{urged.target}").status_code == 200
    assert (tick(site), len(box.letters)) == (0, 1)


def test_what_can_wait_until_morning_does_and_the_rest_is_one_digest_a_day(site: Site, box: mailbox.Mailbox) -> None:
    switch_on(site, box)
    wants(site, "mail", lang="en")
    site.move(DAY.replace(hour=23))
    tell(site, "glass_broken")
    for key in "ab":
        tell(site, "report_accepted", key)
    assert tick(site) == 0
    site.move(DAY + timedelta(days=1, hours=6, minutes=59))
    assert tick(site) == 0
    site.move(DAY + timedelta(days=1, hours=7))
    assert tick(site) == 1
    assert notices.KINDS["glass_broken"].en in box.letters[0].get_content()
    site.move(DAY + timedelta(days=1, hours=8, minutes=29))
    assert tick(site) == 0
    site.move(DAY + timedelta(days=1, hours=8, minutes=30))
    assert tick(site) == 1
    assert box.letters[1]["Subject"] == "Shouwang: today's notices"
    assert f"2: {notices.KINDS['report_accepted'].en}" in box.letters[1].get_content()
    tell(site, "report_accepted", "c")
    site.move(DAY + timedelta(days=1, hours=20))
    assert tick(site) == 0, "the next day's digest has it"
    site.move(DAY + timedelta(days=2, hours=9))
    assert tick(site) == 1
    assert len(box.letters) == 3


def test_nothing_goes_to_those_who_did_not_ask_nor_for_what_was_read(site: Site, box: mailbox.Mailbox) -> None:
    switch_on(site, box)
    someone = wants(site)
    tell(site, "facts_added")
    assert states(site) == []
    with site.app.app_context():
        addresses.keep(someone.user_id, addresses.Wishes({"mail": ADDRESS}, ("mail",), ""), "zh")
    tell(site, "facts_added", "2")
    with site.app.app_context():
        for row in notices.page(people.person(db.session(), someone.user_id)).rows:
            notices.read(people.person(db.session(), someone.user_id), row.id)
    tick(site)
    assert (states(site), box.letters) == (["dropped", "dropped"], [])  # the urgent one, and an empty digest


def test_off_is_off(site: Site) -> None:
    wants(site, "mail", "sms")
    tell(site, "facts_added")
    assert (tick(site), states(site)) == (0, [])
    site.app.config["SETTINGS"] = dataclasses.replace(site.app.config["SETTINGS"], demo=False)
    assert "通知只在页面上" in site.anonymous().get("/readyz").text


def test_practice_notifies_nobody(site: Site, box: mailbox.Mailbox) -> None:
    switch_on(site, box)
    site.app.config["SETTINGS"] = dataclasses.replace(site.app.config["SETTINGS"], demo=True)
    wants(site, "mail")
    tell(site, "facts_added")
    assert (tick(site), states(site), box.letters) == (0, [], [])
    assert "练习环境" in site.anonymous().get("/readyz").text


# --- once -----------------------------------------------------------------------------------


def test_a_server_that_is_down_blocks_nothing_and_shows_until_it_is_back(
    site: Site, box: mailbox.Mailbox, gate: mailbox.Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    switch_on(site, box, gate, digest_at=None)
    wants(site, "mail", "sms")
    box.broken = True
    with caplog.at_level(logging.DEBUG):
        tell(site, "facts_added")  # the notice is up all the same
        assert tick(site) == 1, "the text message is on its way"
        for minutes in (1, 5):
            assert not incidents(site)
            assert tick(site) == 0, "not before its time"
            site.move(clock.now() + timedelta(minutes=minutes))
            tick(site)
    (failed,) = incidents(site)
    assert (failed["state"], failed["code"]) == ("open", "SMTPConnectError")
    assert ADDRESS not in caplog.text + str([record.__dict__ for record in caplog.records])
    box.broken = False
    assert tick(site) == 0
    with site.app.app_context():
        assert repairs.AGAIN["delivery"](failed["source_id"]) is False
    assert tick(site) == 1
    assert (states(site), len(box.letters), len(gate.taken)) == (["done", "done"], 1, 1)
    assert incidents(site)[0]["state"] == "closed"


class Killed(BaseException):
    """The worker's end."""


def test_a_worker_killed_after_sending_leads_to_the_same_letter_again(
    site: Site, box: mailbox.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_on(site, box, digest_at=None)
    wants(site, "mail")
    tell(site, "facts_added")

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "_settle", killed)
        with pytest.raises(Killed):
            tick(site)
    assert (len(box.letters), states(site)) == (1, ["waiting"])
    assert tick(site) == 0, "the claim holds"
    site.move(clock.now() + deliveries.CLAIM)
    assert tick(site) == 1
    assert len({letter["Message-ID"] for letter in box.letters}) == 1, "mail systems know it for the same"
    assert tick(site) == 0
    tell(site, "facts_added", "2")
    tick(site)
    assert len({letter["Message-ID"] for letter in box.letters}) == 2, "another letter is another"


def test_a_server_that_hangs_up_after_taking_it_is_not_asked_again(site: Site, box: mailbox.Mailbox) -> None:
    switch_on(site, box, digest_at=None)
    wants(site, "mail")
    box.rude = True
    tell(site, "facts_added")
    assert (tick(site), states(site), len(box.letters)) == (1, ["done"], 1)


def test_a_server_that_says_nothing_holds_up_no_case(site: Site, box: mailbox.Mailbox) -> None:
    switch_on(site, box, digest_at=None)
    wants(site, "mail")
    box.go_on = threading.Event()
    tell(site, "facts_added")
    worker = threading.Thread(target=tick, args=(site,))
    worker.start()
    assert box.reached.wait(10)
    tell(site, "facts_added", "2")  # writes while the letter hangs
    assert states(site) == ["waiting", "waiting"]
    box.go_on.set()
    worker.join()
    assert states(site) == ["done", "waiting"]


def test_many_workers_send_each_letter_once(site: Site, box: mailbox.Mailbox) -> None:
    switch_on(site, box)
    wants(site, "mail")
    site.move(DAY.replace(hour=9))
    for key in "abc":
        tell(site, "facts_added", key)
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        tick(site)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    tick(site)
    assert len(box.letters) == len({letter["Message-ID"] for letter in box.letters}) == 4  # three, and the digest


# --- by what --------------------------------------------------------------------------------


def test_the_gateway_gets_a_signed_order_and_is_not_followed_elsewhere(site: Site, gate: mailbox.Gateway) -> None:
    switch_on(site, gate=gate, digest_at=None)
    wants(site, "sms")
    gate.answers = [302, 500]
    tell(site, "facts_added")
    for minutes in (1, 5):
        assert tick(site) == 0
        site.move(clock.now() + timedelta(minutes=minutes))
    assert tick(site) == 1
    ((headers, body),) = gate.taken
    signed = f"{headers['Shouwang-Timestamp']}.".encode() + body
    assert headers["Shouwang-Signature"] == f"sha256={hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()}"
    told = orjson.loads(body)
    assert (told["to"], told["urgent"], told["id"]) == (PHONE, True, headers["Idempotency-Key"])


def test_tls_is_verified(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = mailbox.certificate(tmp_path / "mail.pem")
    with mailbox.mail_server(pem) as box:
        switch_on(site, box, digest_at=None)
        server = MailServer("localhost", box.port, tls=True, sender="n@example.org", user="me", password="word")
        known = site.app.config["SETTINGS"]
        outside = dataclasses.replace(known.outward, mail=server)
        site.app.config["SETTINGS"] = dataclasses.replace(known, outward=outside)
        wants(site, "mail")
        tell(site, "facts_added")
        assert (tick(site), box.letters) == (0, [])  # nobody vouches for it
        assert box.sign_ins == [], "the password stays here"
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        site.move(clock.now() + timedelta(minutes=1))
        assert (tick(site), len(box.letters), len(box.sign_ins)) == (1, 1, 1)


# --- what it says ---------------------------------------------------------------------------


def test_no_letter_of_any_kind_says_anything_personal(site: Site, box: mailbox.Mailbox, gate: mailbox.Gateway) -> None:
    switch_on(site, box, gate)
    wants(site, "mail", "sms", lang="")
    for kind in (*notices.KINDS, "unheard_of"):
        tell(site, kind)
    site.move(DAY + timedelta(days=1, hours=9))
    tick(site)
    assert len(box.letters) == len(gate.taken) == len(_letters.URGENT) + 1
    with site.app.app_context():
        names = {name for (name,) in db.session.execute(sa.select(User.name))}
        opened = db.session.execute(sa.select(Case.id, Case.opened_at))
        numbers = {cases.number(row.id, row.opened_at) for row in opened}
    for text in [f"{letter['Subject']}\n{letter.get_content()}" for letter in box.letters] + [
        orjson.loads(body)["text"] for _headers, body in gate.taken
    ]:
        assert not [mark for mark in (*MARKS, *names, *numbers) if mark in text]
        assert "请登录" in text
        assert "Sign in" in text


def test_each_urgent_kind_is_a_kind_and_says_why() -> None:
    assert set(_letters.URGENT) <= set(notices.KINDS)
    assert all(urgency.why for urgency in _letters.URGENT.values())


# --- the page -------------------------------------------------------------------------------


def test_a_person_says_where_they_want_to_be_told(site: Site, box: mailbox.Mailbox) -> None:
    someone = site.person("township_worker", TOWNSHIP)
    switch_on(site)
    assert "还没有开通" in someone.get("/account/notices").text
    switch_on(site, box)
    for wrong in ("", "nobody", "a@shouwang.invalid", "a@b.cn\r\nBcc: c@d.cn"):
        answer = someone.post("/account/notices", {"by": "mail", "mail": wrong, "lang": "en"})
        assert answer.status_code == 422, wrong
    assert someone.post("/account/notices", {"by": "mail", "mail": ADDRESS, "lang": "en"}).status_code == 302
    assert ADDRESS in someone.get("/account/notices").text
    assert ADDRESS not in site.person("county_worker", "620702-civil_affairs").get("/account/notices").text
    (row,) = site.rows(sa.select(table(User)).where(User.id == someone.user_id))
    assert (row["notice_mail"], row["notice_sms"], row["notice_lang"]) == (True, False, "en")
    assert ADDRESS.encode() not in row["notice_to"]
    assert "SMTP" in site.anonymous().get("/readyz").text


# --- settings -------------------------------------------------------------------------------

GOOD = {"DEMO": "1", "SMTP_URL": "smtps://me:p%40ss@mail.example.org?from=n@example.org", "PUBLIC_URL": f"{URL}/",
        "QUIET_HOURS": "22:00-07:00", "DIGEST_AT": "08:30", "NOTICE_WEBHOOK_URL": "https://sms.example.org/x",
        "NOTICE_WEBHOOK_SECRET": SECRET}  # fmt: skip


def test_settings_are_read() -> None:
    assert Settings.read({"DEMO": "1"}).outward == Outward()
    known = Settings.read(GOOD)
    assert known.outward.mail == MailServer("mail.example.org", 465, True, "n@example.org", "me", "p@ss")
    assert (known.outward.public_url, known.outward.quiet) == (URL, QUIET)
    assert "p@ss" not in repr(known)
    assert SECRET not in repr(known)


@pytest.mark.parametrize(("name", "value"), [
    ("SMTP_URL", "smtps://me:p%40ss@mail.example.org"), ("SMTP_URL", "http://mail.example.org?from=n@example.org"),
    ("SMTP_URL", "smtps://me:p%40ss@mail.example.org:x?from=n@example.org"), ("PUBLIC_URL", ""),
    ("PUBLIC_URL", "shouwang"), ("QUIET_HOURS", "22-7"), ("DIGEST_AT", "25:00"), ("DIGEST_AT", "23:00"),
    ("NOTICE_WEBHOOK_URL", "http://sms.example.org"), ("NOTICE_WEBHOOK_SECRET", "short"),
])  # fmt: skip
def test_a_wrong_setting_stops_the_start_and_tells_no_password(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name) as wrong:
        Settings.read({**GOOD, name: value})
    assert "p%40ss" not in str(wrong.value)
