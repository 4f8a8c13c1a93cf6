"""A real browser on a real server: Chromium, the whole application, one small county at work.

The server runs in a thread of this process under the same fixed clock, so that a test can move
time; every page that a test looks at can be kept as a picture in tests/pictures/.
"""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from app import clock, create_app, errors
from app.db import db, table, transaction
from app.demo import load as demo
from app.demo import people
from app.models import User
from app.services import access, deadlines, practice, releases
from app.services._work import CHANGED
from app.services.audit import sequencer, signing_keys
from app.text import Text
from app.web import tours
from app.web.people import NOT_SURE
from tests.api.site import signed_in
from tests.browser.looks import PICTURES, watch
from tests.browser.person import Person
from tests.conftest import START, settings

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Site:
    """A running installation with units, people and a release, and a clock that can be moved."""

    app: Flask
    url: str
    browser: Browser
    contexts: list[BrowserContext]

    def page(self, *, phone: bool = False, lang: str = "zh", script: bool = True) -> Page:
        """A fresh page of somebody nobody knows yet; a script error or a refused style fails the test.

        It keeps nothing for the time without network: those who do are in test_offline.py.
        """
        looks = self.looks(phone=phone, lang=lang)
        context = self.browser.new_context(**looks, java_script_enabled=script, service_workers="block")
        return self.open(context, lang)

    def looks(self, *, phone: bool, lang: str) -> dict[str, Any]:
        """The device and its language."""
        return {
            "viewport": PHONE if phone else DESKTOP, "locale": "zh-CN" if lang == "zh" else "en-GB", "base_url": self.url,
            "timezone_id": "Asia/Shanghai", "has_touch": phone,
        }  # fmt: skip

    def open(self, context: BrowserContext, lang: str = "zh") -> Page:
        """A page in `context`, in that language."""
        context.add_cookies([{"name": "lang", "value": lang, "url": self.url}])
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._listen)
        watch(page)
        return page

    def __post_init__(self) -> None:
        self.faults: list[str] = []
        self.cut = False
        """True while the network of some browser is cut: what cannot be loaded then is no fault."""

    def _listen(self, message: object) -> None:
        text, kind = f"{message.text} {message.location}", message.type  # type: ignore[attr-defined]
        expected = ("status of 4", "ERR_INTERNET_DISCONNECTED", "/refused/")  # refusals, and tests that pull the plug
        known = any(part in text for part in expected) or (self.cut and "net::ERR" in text)
        if kind == "error" and not known:
            self.faults.append(text)

    def client(self, username: str) -> FlaskClient:
        """Somebody who has just signed in, without a browser."""
        with self.app.app_context():
            user_id = db.session.scalars(sa.select(User.id).where(User.username == username)).one()
        return signed_in(self.app, user_id)

    def person(self, username: str, **how: Any) -> Person:
        """Somebody at a browser, before an empty page, who has signed in already."""
        page, cookie = self.page(**how), self.client(username).get_cookie("session")
        assert cookie is not None
        page.context.add_cookies([{"name": "session", "value": cookie.value, "url": self.url}])
        return Person(page, self.app)

    def travel(self, by: str) -> None:
        """Move the practice clock, deadline by deadline."""
        with self.app.app_context():
            deadlines.travel(practice.ahead(by))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


REFUSALS = {
    403: errors.Forbidden("not_yours", access.NOT_YOURS), 404: errors.NotFound("nothing", access.NOTHING_HERE),
    409: errors.Stale("stale", CHANGED), 422: errors.Refused("not_sure", NOT_SURE),
    429: errors.TooMany("too_many", Text("试的次数太多了。", "Too many tries."), 600),
}  # fmt: skip


def refuse(status: int) -> NoReturn:
    """A page that always fails, to look at what is said then."""
    raise REFUSALS.get(status) or RuntimeError


def sign(site: Site) -> None:
    """Give the installation a key, and sign a head."""
    with site.app.app_context():
        known = site.app.config["SETTINGS"]
        key = known.instance_dir / "audit-key.pem"
        if not key.exists():
            signing_keys.make(key)
        site.app.config["SETTINGS"] = replace(known, audit_key_file=key)
        sequencer.head_now()


def _application(folder: Path) -> Flask:
    app = create_app(settings(f"sqlite:///{folder / 'site.db'}", folder))
    app.add_url_rule("/refused/<int:status>", "refused", refuse)
    return app


def filled(folder: Path, empty: Path, fill: Callable[[], object]) -> Path:
    """An installation that `fill` has filled, at rest: to copy from."""
    shutil.copy(empty, folder / "site.db")
    with clock.fixed(START):
        app = _application(folder)
        with app.app_context():
            releases.publish(releases.load())
            fill()
            with transaction() as session:  # tours are looked at in test_help.py; elsewhere everybody knows the pages
                session.execute(sa.update(table(User)).values(tours=",".join(tours.KEYS)))
            db.session.remove()
            db.engine.dispose()
    return folder


@contextmanager
def running(chromium: Browser, folder: Path, at_rest: Path) -> Iterator[Site]:
    """A copy of `at_rest` served from this process, torn down at the end."""
    shutil.copytree(at_rest, folder, dirs_exist_ok=True)
    PICTURES.mkdir(exist_ok=True)
    with clock.fixed(START):
        app = _application(folder)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        made = Site(app, f"http://127.0.0.1:{server.port}", chromium, [])
        yield made
        for context in made.contexts:
            context.close()
        server.shutdown()
        thread.join()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    assert not made.faults, made.faults


def _settle() -> None:
    """Units and people, and nothing to do yet."""
    roles = list(releases.current_library().roles.values())
    with transaction() as session:
        people.settle(session, roles, random.Random(1))


@pytest.fixture(scope="session")
def settled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A county with people and no cases, to copy from."""
    return filled(tmp_path_factory.mktemp("settled"), sqlite_template, _settle)


@pytest.fixture(scope="session")
def at_work(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A county with two dozen invented children at every stage, to copy from."""
    return filled(tmp_path_factory.mktemp("at-work"), sqlite_template, lambda: demo.load(24, 5))


@pytest.fixture(scope="module")
def site(chromium: Browser, settled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A county with people and no cases."""
    with running(chromium, tmp_path_factory.mktemp("site"), settled) as made:
        yield made


@pytest.fixture(scope="module")
def town(chromium: Browser, at_work: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A county at work: two dozen invented children at every stage."""
    with running(chromium, tmp_path_factory.mktemp("town"), at_work) as made:
        yield made
