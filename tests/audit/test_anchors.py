"""Keys, heads and what goes out: to a file, to a second office, on paper; and how it is read back."""

from __future__ import annotations

import dataclasses
import random
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from flask import Flask

from app.db import db
from app.errors import Refused
from app.services.audit import anchors, head_paper, sequencer, signing_keys, verification
from app.services.audit.anchors import Anchor
from app.services.audit.heads import Head, SignedHead, sign
from app.services.audit.signing_keys import Keys
from app.services.deadlines import BACK_OFF
from app.settings import BadSetting, Settings
from tests.audit import records
from tests.conftest import START, rows

Move = Callable[[datetime], None]
HEAD = Head(3, 1000, b"r" * 32, datetime(2026, 3, 2, 1, 0, 5, tzinfo=UTC), b"p" * 32, "0123456789abcdef")


@pytest.fixture
def signed(tmp_path: Path) -> SignedHead:
    signing_keys.make(tmp_path / "key.pem")
    keys = signing_keys.read(tmp_path / "key.pem")
    return sign(dataclasses.replace(HEAD, key=keys.own), keys)


# --- keys --------------------------------------------------------------------------------


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    signing_keys.make(path)
    before = path.read_bytes()
    signing_keys.make(path)
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key.pem"]


def test_keys_that_went_before_still_count(tmp_path: Path, signed: SignedHead) -> None:
    old = signing_keys.read(tmp_path / "key.pem")
    (tmp_path / "new.pem").write_bytes(b"")
    signing_keys.make(tmp_path / "fresh.pem")
    (tmp_path / "new.pem").write_bytes((tmp_path / "fresh.pem").read_bytes() + old.public_pem())
    new = signing_keys.read(tmp_path / "new.pem")
    assert new.own == signing_keys.read(tmp_path / "fresh.pem").own != old.own
    assert signed.holds(new)
    assert not signed.holds(signing_keys.read(tmp_path / "fresh.pem"))


def test_an_auditor_needs_public_keys_only(tmp_path: Path, signed: SignedHead) -> None:
    (tmp_path / "public.pem").write_bytes(signing_keys.read(tmp_path / "key.pem").public_pem())
    keys = signing_keys.read(tmp_path / "public.pem")
    assert keys.signer is None
    assert signed.holds(keys)


@pytest.mark.parametrize("kind", ["empty", "rubbish", "rsa", "rsa public", "encrypted"])
def test_other_keys_are_refused(tmp_path: Path, kind: str) -> None:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    rsa = generate_private_key(65537, 2048)
    text = {
        "empty": b"",
        "rubbish": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "rsa": rsa.private_bytes(*form, serialization.NoEncryption()),
        "rsa public": rsa.public_key().public_bytes(form[0], serialization.PublicFormat.SubjectPublicKeyInfo),
        "encrypted": Ed25519PrivateKey.generate().private_bytes(*form, serialization.BestAvailableEncryption(b"x")),
    }[kind]
    (tmp_path / "key.pem").write_bytes(text)
    with pytest.raises(Refused, match="audit_key"):
        signing_keys.read(tmp_path / "key.pem")


def test_settings_say_plainly_what_is_wrong(tmp_path: Path) -> None:
    base = {"DEMO": "1", "INSTANCE_DIR": str(tmp_path)}
    with pytest.raises(BadSetting, match="AUDIT_KEY_FILE"):
        Settings.read(base | {"AUDIT_KEY_FILE": str(tmp_path / "none.pem")})
    with pytest.raises(BadSetting, match="AUDIT_ANCHOR_URL"):
        Settings.read(base | {"AUDIT_ANCHOR_URL": "file:///etc/passwd"})
    signing_keys.make(tmp_path / "key.pem")
    real = {"SECRET_KEY": "x" * 16, "SEAL_KEY": "00" * 32, "AUDIT_KEY_FILE": str(tmp_path / "key.pem"),
            "AUDIT_ANCHOR_FILE": str(tmp_path / "anchors.txt"), "AUDIT_ANCHOR_URL": "https://office.example/heads"}  # fmt: skip
    read = Settings.read(real)
    assert (read.audit_key, read.audit_anchors) == (tmp_path / "key.pem", tmp_path / "anchors.txt")
    assert Settings.read({"SECRET_KEY": "x" * 16, "SEAL_KEY": "00" * 32}).audit_key is None


# --- heads as text -----------------------------------------------------------------------


def test_a_head_survives_a_line_and_paper(signed: SignedHead) -> None:
    assert SignedHead.of_line(signed.line()) == signed
    assert SignedHead.of_line(signed.paper()) == signed
    assert SignedHead.of_line(signed.paper().lower()) == signed
    first = dataclasses.replace(signed, head=dataclasses.replace(signed.head, prev=b""))
    assert SignedHead.of_line(first.paper()) == first


@pytest.mark.parametrize(
    "line",
    ["", "{}", "[]", "7", '{"head":"{}","signature":""}', '{"head":1,"signature":""}', "SHOUWANG-HEAD-1/1/2",
     "SHOUWANG-HEAD-1/1/2/20260302T010000Z/zz/-/AB/AAAA"],
)  # fmt: skip
def test_what_is_no_head_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        SignedHead.of_line(line)


def test_a_head_has_one_way_to_be_written(signed: SignedHead) -> None:
    spaced = signed.head.body().replace(b'":', b'": ')
    with pytest.raises(ValueError, match="canonical"):
        Head.read(spaced)


def test_a_changed_head_is_not_signed(tmp_path: Path, signed: SignedHead) -> None:
    keys = signing_keys.read(tmp_path / "key.pem")
    for change in ({"n": 4}, {"size": 999}, {"root": b"q" * 32}, {"at": START}, {"prev": b""}, {"key": "ab" * 8}):
        assert not SignedHead(dataclasses.replace(signed.head, **change), signed.signature).holds(keys)
    assert not signed.holds(Keys({}))


class Words(HTMLParser):
    """The text of a page, and the elements it is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_the_sheet_holds_the_head_as_text_and_as_a_code(signed: SignedHead) -> None:
    sheet = head_paper.page(signed)
    words = Words()
    words.feed(sheet)
    assert signed.paper() in words.said
    assert {"svg", "path"} <= words.tags
    assert "script" not in words.tags
    assert "2026-03-02 09:00:05 +0800" in words.said
    assert SignedHead.of_line(next(said for said in words.said if said.startswith("SHOUWANG-HEAD-1"))) == signed


# --- going out ---------------------------------------------------------------------------


@contextmanager
def office(answers: list[int]) -> Iterator[tuple[str, list[bytes]]]:
    """A second office: keeps what it accepts; answers as told, then 200."""
    kept: list[bytes] = []

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = answers.pop(0) if answers else 200
            if status == 200:
                kept.append(body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Desk) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/heads", kept
        finally:
            server.shutdown()
            thread.join()


def use(app: Flask, **change: object) -> None:
    app.config["SETTINGS"] = dataclasses.replace(app.config["SETTINGS"], **change)


def states(target: str) -> list[tuple[int, str, int]]:
    found = rows(db.metadata.tables["log_anchor"])
    return sorted((row["n"], row["state"], row["attempts"]) for row in found if row["target"] == target)  # type: ignore[misc]


def grown(app: Flask) -> list[int]:
    cases = records.open_cases(2)
    records.grow(cases, 10, random.Random(1))
    return cases


def test_the_file_holds_every_leaf_and_head(app: Flask, at: Move) -> None:
    cases = grown(app)
    sequencer.tick()
    records.grow(cases, 4, random.Random(2))
    sequencer.tick()
    path = app.config["SETTINGS"].audit_anchors
    first, second = anchors.read(path.read_text().splitlines())
    assert isinstance(first, Anchor)
    assert isinstance(second, Anchor)
    assert (first.first, len(first.lines), second.first, len(second.lines)) == (0, 10, 10, 4)
    entries = {row["position"]: row["leaf"] for row in rows(db.metadata.tables["log_entry"])}
    for leaf in (*first.leaves(), *second.leaves()):
        assert entries[leaf.position] == leaf.leaf
    assert {leaf.case_id for leaf in second.leaves(cases[0])} <= {cases[0]}
    assert states("file") == [(1, "done", 0), (2, "done", 0)]
    assert anchors.last_kept() == second.signed
    report = verification.examine()
    assert (report.breaks, report.anchors, report.anchored) == ([], 2, 14)


def test_the_second_office_gets_each_head_in_order_however_often_it_fails(app: Flask, at: Move) -> None:
    with office([500, 302, 404]) as (url, kept):
        use(app, audit_anchor_url=url)
        cases = grown(app)
        sequencer.tick()
        records.grow(cases, 4, random.Random(2))
        sequencer.tick()
        assert kept == []
        now = START
        for attempt, wait in enumerate(BACK_OFF[:3], start=1):
            assert states("office") == [(1, "waiting", attempt), (2, "waiting", 0)]
            now += wait
            at(now)
            anchors.deliver()
        assert states("office") == [(1, "done", 3), (2, "done", 0)]
        path = app.config["SETTINGS"].audit_anchors
        assert b"".join(kept) == path.read_bytes()
    use(app, audit_anchor_url="")
    elsewhere = path.with_name("office.txt")
    elsewhere.write_bytes(b"".join(kept))
    report = verification.examine(files=[elsewhere])
    assert (report.breaks, report.anchors) == ([], 4)


def test_an_office_that_cannot_be_reached_does_not_hold_up_the_file(app: Flask, at: Move) -> None:
    use(app, audit_anchor_url="http://127.0.0.1:1/")
    grown(app)
    sequencer.tick()
    assert states("office") == [(1, "waiting", 1)]
    assert states("file") == [(1, "done", 0)]


def test_of_two_who_deliver_one_waits(app: Flask, at: Move) -> None:
    """The first has the head for a while; when it dies, another takes over."""
    grown(app)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anchors, "targets", lambda: {"file": lambda _: None, "office": lambda _: None})
        sequencer.extend()
    assert anchors._claim("office") == 1
    assert anchors._claim("office") is None
    at(START + anchors.LEASE)
    assert anchors._claim("office") == 1


def test_half_a_line_is_ended_and_passed_over(app: Flask, at: Move) -> None:
    cases = grown(app)
    sequencer.tick()
    path = app.config["SETTINGS"].audit_anchors
    with path.open("ab") as file:
        file.write(b'ab12cd 1 2\n{"head":"{')
    assert anchors.last_kept() is not None
    records.grow(cases, 2, random.Random(2))
    sequencer.tick()
    found = list(anchors.read_file(path, path.stat().st_size))
    assert [type(one).__name__ for one in found] == ["Anchor", "str", "str", "Anchor"]
    report = verification.examine()
    assert (report.breaks, report.anchors, len(report.remarks)) == ([], 2, 2)
    given = path.with_name("given.txt")
    given.write_bytes(path.read_bytes())
    assert {broken.code for broken in verification.examine(files=[given]).breaks} == {"anchor_line"}, (
        "given ones must be sound"
    )


def test_the_last_head_is_found_behind_many_leaves(app: Flask, at: Move) -> None:
    grown(app)
    sequencer.tick()
    path = app.config["SETTINGS"].audit_anchors
    kept = anchors.last_kept()
    with path.open("ab") as file:
        file.write(b"".join(f"{number:064x} 1 2\n".encode() for number in range(2_000)))
    assert anchors.last_kept() == kept
    path.unlink()
    assert anchors.last_kept() is None


def test_heads_copied_from_paper_are_anchors(app: Flask, at: Move, tmp_path: Path) -> None:
    cases = grown(app)
    sheet = sequencer.head_now().paper()
    at(START + timedelta(minutes=1))
    records.grow(cases, 5, random.Random(2))
    sequencer.tick()
    (tmp_path / "paper.txt").write_text(f"\n{sheet}\n")
    use(app, audit_anchor_file=tmp_path / "none.txt")
    report = verification.examine(files=[tmp_path / "paper.txt"])
    assert (report.breaks, report.anchors, report.anchored) == ([], 1, 10)
