"""The inbox with the keyboard alone, narrowed, several at once; desk and phone, zh and en."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.looks import PAIR, look, named

WORD = {"zh": "已处理", "en": "done"}


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_narrowed_kept_and_several_at_once(town: Site, lang: str, phone: bool) -> None:
    page, end = town.person("jingcha", lang=lang, phone=phone).page, named(lang, phone=phone)
    page.goto("/inbox?view=unit")
    page.locator(".narrow-more summary").click()
    page.locator("#by-risk").select_option("red")
    page.locator(".narrow-form button").click()
    expect(page.locator(".narrowed")).to_be_visible()
    expect(page.locator("[data-key-row]").first).to_be_visible()
    page.fill("#filter-name", f"红色 {end}")
    page.locator(".narrow-keep button").click()
    expect(page.locator(".kept")).to_contain_text(f"红色 {end}")
    look(page, f"inbox-narrowed-{end}")
    page.locator("[data-key-tick]").first.check()
    expect(page.locator("[data-many-count]")).to_contain_text("1")
    look(page, f"inbox-ticked-{end}")
    page.locator("[data-many-all]").check()
    ticked = page.locator("[data-key-tick]:checked").count()
    assert ticked == page.locator("[data-key-tick]").count()
    page.locator("#many button[value=watch]").click()
    expect(page.locator("[data-flash]")).to_contain_text(WORD[lang])
    page.goto("/inbox?view=watching")
    assert page.locator("[data-key-row]").count() >= ticked
    page.locator(".kept form button").first.click()
    expect(page.locator(".kept")).not_to_be_visible()


def test_search_and_many_without_a_mouse(town: Site) -> None:
    """/ to the search, J to a row, X to tick it, Tab to the buttons, Enter: the task is claimed, and listed as mine."""
    page = town.person("dudao").page
    page.goto("/inbox?view=free")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("红柳滩村")
    page.keyboard.press("Enter")
    expect(page.locator(".narrowed")).to_be_visible()
    assert "红柳滩" not in page.url
    rows = page.locator("[data-key-row]")
    assert rows.count() > 0
    page.keyboard.press("j")
    title = page.locator("[data-key-open]:focus").inner_text()
    page.keyboard.press("x")
    expect(page.locator("[data-key-tick]:checked")).to_have_count(1)
    _shift_tab_to(page, "#many button[value=claim]")
    page.keyboard.press("Enter")
    expect(page.locator("[data-flash]")).to_be_visible()
    page.goto("/inbox?view=mine")
    expect(page.locator(".inbox-list")).to_contain_text(title)


def _shift_tab_to(page: Page, selector: str) -> None:
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_a_page_left_open_says_that_something_changed(town: Site) -> None:
    page = town.person("jingcha").page
    page.goto("/inbox?view=free")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelector('[data-pulse]').dataset.seen = 'yes'")
    row = page.locator(".inbox-claim").first
    task = row.get_attribute("action")
    other = town.person("jingcha").page
    other.goto("/inbox?view=free")
    other.locator(f"""form.inbox-claim[action="{task}"] button""").click()
    other.wait_for_url("**/tasks/*")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("[data-pulse-news]")).to_be_visible()
    expect(page.locator("[data-pulse]")).to_have_attribute("data-seen", "yes")


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_a_task_is_watched_until_a_day(town: Site, lang: str, phone: bool) -> None:
    page, end = town.person("dudao", lang=lang, phone=phone).page, named(lang, phone=phone)
    page.goto("/inbox?view=unit")
    page.goto(page.locator("a.inbox-title").first.get_attribute("href") or "")
    if not page.locator(".hand-on[open]").count():
        page.locator(".hand-on summary").click()
    page.fill("#on", "2026-03-20")
    look(page, f"task-hand-on-{end}")
    page.locator(".hand-on form:has(#on) button").first.click()
    expect(page.locator("#on")).to_have_value("2026-03-20")
    page.goto("/inbox?view=watching")
    look(page, f"inbox-watching-{end}")
