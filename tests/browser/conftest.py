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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from app import clock, create_app
from app.db import db, table, transaction
from app.demo import load as demo
from app.demo import people
from app.models import User
from app.services import deadlines, practice, releases
from app.web import tours
from tests.browser.person import Person
from tests.conftest import START, settings

PICTURES = Path(__file__).resolve().parent.parent / "pictures"
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
        """A fresh page of somebody nobody knows yet; a script error or a refused style fails the test."""
        context = self.browser.new_context(**self.looks(phone=phone, lang=lang), java_script_enabled=script)
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
        return page

    def __post_init__(self) -> None:
        self.faults: list[str] = []
        self.cut = False
        """True while the network of some browser is cut: what cannot be loaded then is no fault."""

    def _listen(self, message: object) -> None:
        text, kind = message.text, message.type  # type: ignore[attr-defined]
        expected = ("status of 4", "ERR_INTERNET_DISCONNECTED")  # refusals, and tests that pull the plug
        known = any(part in text for part in expected) or (self.cut and "net::ERR" in text)
        if kind == "error" and not known:
            self.faults.append(text)

    def person(self, username: str, **how: object) -> Person:
        """Somebody at a browser, signed in."""
        someone = Person(self.page(**how), self.app)  # type: ignore[arg-type]
        someone.sign_in(username)
        return someone

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


def _application(folder: Path) -> Flask:
    return create_app(settings(f"sqlite:///{folder / 'site.db'}", folder))


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
