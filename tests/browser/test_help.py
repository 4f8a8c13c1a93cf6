"""Help: the tour of a first visit, the guides, the words, practice; and the administrator's pages."""

from __future__ import annotations

import re

import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app.db import db, table, transaction
from app.models import User
from app.web import guides, tours
from tests.browser.conftest import Site
from tests.browser.looks import look
from tests.browser.test_pages import in_each_look

USER = table(User)
WHO = {"inbox": "jingcha", "oversight": "kezhang", "audit": "shenji", "processes": "zhengce", "system": "guanli"}


def fresh(site: Site) -> None:
    """Nobody has seen any tour."""
    with site.app.app_context(), transaction() as session:
        session.execute(sa.update(USER).values(tours=""))


def seen(site: Site, username: str) -> str:
    with site.app.app_context():
        return str(db.session.scalar(sa.select(USER.c.tours).where(USER.c.username == username)))


def walk(page: Page, keyboard: bool) -> list[str]:
    """Go through the tour of a page to its end; what each step says, having pointed at something."""
    said = []
    for _ in range(9):
        step = page.locator("dialog.tour [data-tour-step]:visible")
        said.append(step.locator("h2").inner_text())
        expect(page.locator("[data-tour-here]")).to_have_count(1)
        on = page.locator("[data-tour-on]")
        if keyboard:
            on.focus()
            page.keyboard.press("Enter")
        else:
            on.click()
        if not page.locator("dialog.tour").is_visible():
            break
    return said


def test_everybody_is_shown_around_once_and_again_when_they_ask(site: Site) -> None:
    fresh(site)
    for key, username in WHO.items():
        page, tour = site.person(username).page, tours.KEYS[key]
        page.goto("/")
        if key == "oversight":
            assert page.url.endswith("/inbox"), "a supervisor has tasks too, and begins with them"
            page.keyboard.press("Escape")
            expect(page.locator("dialog.tour")).to_be_hidden()
            page.goto("/oversight/")
        expect(page.locator("dialog.tour")).to_be_visible()
        with page.expect_response(re.compile("/help/tour/")):
            said = walk(page, keyboard=key in ("inbox", "audit"))
        assert said == [step.title.zh for step in tour.steps]
        assert key in seen(site, username).split(",")
        page.reload()
        expect(page.locator("dialog.tour")).to_have_count(0)
        page.locator("details.person summary").click()
        page.get_by_role("link", name="再看一遍这一页的介绍").click()
        expect(page.locator("dialog.tour")).to_be_visible()
        assert page.evaluate("document.activeElement.closest('dialog') !== null"), "the keyboard is where the words are"
    assert seen(site, "shenji") == "audit", "nobody else's tours"


def test_a_tour_is_words_on_a_page_where_there_is_no_script(site: Site) -> None:
    fresh(site)
    page = site.person("cunzhang", script=False).page
    page.goto("/")
    page.get_by_role("link", name="第一次来？先看看这一页怎么用").click()
    for step in tours.KEYS["inbox"].steps:
        expect(page.locator("main")).to_contain_text(step.words.zh)
    page.locator("main form button").click()
    expect(page.locator(".tour-plain")).to_have_count(0)
    assert seen(site, "cunzhang") == "inbox"


def test_help_is_for_everybody(site: Site) -> None:
    page = site.person("jingcha").page
    in_each_look(site, page, "/inbox?tour=1", "tour-inbox")
    for guide in guides.PAGES:
        page.goto(f"/help/{guide}")
        expect(page.locator(".guide h1")).to_be_visible()
    page.goto("/help/words?q=六个月")
    assert page.locator(".words dt").first.inner_text().startswith("Six-month clock")
    page.goto("/help/words?q=xyzzy")
    expect(page.locator(".words")).to_have_count(0)
    stranger = site.page()
    stranger.goto("/report/")
    stranger.get_by_role("link", name="帮助").click()
    expect(stranger.locator(".guide h1")).to_be_visible()


def test_an_account_that_lacks_something(site: Site) -> None:
    page = site.person("guanli", lang="en", phone=True).page
    page.goto("/accounts/new")
    page.locator("main form button.btn-go").click()
    expect(page.locator(".summary")).to_be_visible()
    look(page, "account-new-wrong-phone-en")
