"""Clicks as docs/first-tasks.json writes them: what a person presses, picks and writes, by the words on the page.

A click is a line. “press 领取” is a button or a link by its words; “take 登记报告” takes that task from the free
ones; “open …” opens it from a list, “next …” from a case's page; “pick …” ticks a choice; “write 孩子在哪里？: 村口” and “choose 单位: …” fill a
field by its label; “fill {…}” fills what is left of a task's form, some answers given; “send” submits it; “see …”
is what must then stand on the page; “as kezhang” is somebody else, “phone” a phone, “nobody” not signed in.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from app.db import db
from app.services.inbox import listing
from app.settings import ROOT
from tests.browser.conftest import Site
from tests.browser.person import TASK, Person

FILE = ROOT / "docs" / "first-tasks.json"
KEPT = re.compile(r"\{(\w+)\}")


def audiences() -> list[dict[str, Any]]:
    """Who tries what, in the order in which it can be tried."""
    found: list[dict[str, Any]] = json.loads(FILE.read_bytes())
    return found


class Clicks:
    """A few people at their browsers; each keeps the page they are on."""

    def __init__(self, site: Site, kept: dict[str, str], *, phone: bool = False) -> None:
        self.site, self.phone, self.kept = site, phone, kept
        self.people: dict[str, Person] = {}
        self.me = Person(site.page(phone=phone), site.app)

    @property
    def page(self) -> Page:
        """The page of whoever acts now."""
        return self.me.page

    def run(self, click: str) -> None:
        """One click; what was kept before stands in it in braces."""
        verb, _, said = click.partition(" ")
        getattr(self, f"_{verb}")(KEPT.sub(lambda found: self.kept.get(found[1], found[0]), said))

    def _as(self, username: str) -> None:
        if username not in self.people:
            self.people[username] = self.site.person(username, phone=self.phone)
            self.people[username].page.goto("/")
        self.me = self.people[username]

    def _go(self, path: str) -> None:
        self.page.goto(path)

    def _named(self, words: str) -> Locator:
        """What can be pressed by these words: called just so before what only holds them, a button before a link."""
        every = self.page.locator("button, a, summary").locator("visible=true").filter(has_text=words)
        every.first.wait_for()
        just = every.filter(has_text=re.compile(rf"^\s*{re.escape(words)}\s*$"))
        asked = [found.and_(self.page.locator(tag)) for found in (just, every) for tag in ("button", "a", "summary")]
        return next(found for found in asked if found.count()).first

    def _press(self, words: str) -> None:
        self._named(words).click()

    def _row(self, title: str) -> Locator:
        return self.page.locator(".inbox-rows > li").filter(has_text=title).first

    def _take(self, title: str) -> None:
        if "/inbox" not in self.page.url:
            self.page.goto("/inbox?view=free")
        self._row(title).locator("form[action$='/claim'] button").click()
        expect(self.page.locator("#task-form")).to_be_visible()

    def _open(self, title: str) -> None:
        self._row(title).locator("a[href^='/tasks/']").first.click()
        expect(self.page.locator("#task-form")).to_be_visible()

    def _next(self, title: str) -> None:
        """From a case's page on to one of its tasks, taken where it is free."""
        self.page.locator("main a[href^='/tasks/']").filter(has_text=title).first.press("Enter")
        expect(self.page.locator("#task-form")).to_be_visible()
        claim = self.page.locator("form[action$='/claim'] button")
        if claim.count():
            claim.first.click()
            expect(self.page.locator("#task-form [data-submit]")).to_be_visible()

    def _first(self, words: str) -> None:
        """The first in a list of cases (/cases/) or of replays (/audit/cases/)."""
        self.page.locator(f"main a[href^='{words}']").locator("visible=true").first.click()
        self.page.wait_for_load_state()

    def _child(self, _said: str) -> None:
        """From a task to the page of the child that it is about."""
        self.page.locator(".crumbs a").nth(1).click()
        self.page.wait_for_url("**/cases/**")

    def _pick(self, words: str) -> None:
        labels = self.page.locator("label.choice, label.tick")
        exact = labels.filter(has_text=re.compile(rf"^\s*{re.escape(words)}\s*$"))
        (exact if exact.count() else labels.filter(has_text=words)).locator("input").first.check(force=True)

    def _field(self, label: str) -> Locator:
        asked = self.page.locator("input, select, textarea").locator("visible=true")
        exact = self.page.get_by_label(label, exact=True).and_(asked)
        return (exact if exact.count() else self.page.get_by_label(label).and_(asked)).first

    def _write(self, said: str) -> None:
        label, _, value = said.partition(": ")
        self._field(label).fill(value)

    def _choose(self, said: str) -> None:
        label, _, value = said.partition(": ")
        self._field(label).select_option(label=value)

    def _fill(self, wanted: str) -> None:
        found = re.search(r"/tasks/(\d+)", self.page.url)
        assert found, f"no task is open: {self.page.url}"
        with self.site.app.app_context():
            row = dict(db.session.execute(inbox_row(int(found[1]))).mappings().one())
        self.me.fill_task(row, json.loads(wanted or "{}"))

    def _send(self, _said: str) -> None:
        self.page.locator("#task-form button[data-submit]").click()
        self.page.wait_for_url("**/cases/**")

    def _see(self, words: str) -> None:
        expect(self.page.locator("body")).to_contain_text(words)

    def _gone(self, words: str) -> None:
        expect(self.page.locator("main")).not_to_contain_text(words)

    def _keep(self, name: str) -> None:
        """Remember what stands in large figures: the number and the code, or the child's page."""
        if name == "receipt":
            number, code = self.page.locator("dl.receipt dd").all_inner_texts()
            self.kept.update({"number": number.strip(), "code": re.sub(r"\s", "", code)})
        else:
            self.kept[name] = self.page.url.partition(self.site.url)[2]

    def _key(self, name: str) -> None:
        self.page.keyboard.press(name)

    def _load(self, words: str) -> None:
        """Press what gives a file."""
        with self.page.expect_download() as given:
            self._named(words).click()
        assert Path(given.value.path()).stat().st_size > 0

    def _travel(self, by: str) -> None:
        self.page.locator(f"form[action='/practice/travel'] button[value={by}]").click(timeout=90_000)
        self.page.wait_for_load_state(timeout=90_000)


def inbox_row(task_id: int) -> Any:
    """The task as the forms of tests want it."""
    return listing.base().where(TASK.c.id == task_id)
