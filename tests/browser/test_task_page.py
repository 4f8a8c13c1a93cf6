"""The task page's other half in a browser: when it happened, corrections, files and notes; desk and phone, zh and en."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.test_pages import LOOKS, look, named


@pytest.mark.parametrize(("lang", "phone"), LOOKS)
def test_when_it_happened_is_one_line_that_opens(town: Site, lang: str, phone: bool) -> None:
    someone = town.person("dudao", lang=lang, phone=phone)
    page, end = someone.page, named(lang, phone=phone)
    page.goto("/inbox?view=unit")
    page.goto(page.locator("a.inbox-title").first.get_attribute("href") or "")
    claim = page.locator("form[action$='/claim'] button")
    if claim.count():
        claim.click()
    line = page.locator("details.occurred")
    expect(line.locator("fieldset")).not_to_be_visible()
    line.locator("summary").click()
    expect(line.locator("fieldset")).to_be_visible()
    look(page, f"task-occurred-{end}")
    day, clock = line.locator("input").all()
    expect(day).to_have_attribute("type", "date" if phone else "text")
    day.fill("2199-01-01")
    clock.fill("09:00")
    page.locator("#task-form button[data-submit]").click()
    expect(page.locator(".summary")).to_be_visible()
    expect(line.locator("input").first).to_have_value("2199-01-01")
    expect(line.locator(".field-error")).to_be_visible()
    look(page, f"task-occurred-wrong-{end}")
