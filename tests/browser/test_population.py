"""The whole-population view in a browser: every look, without a script, a sample drawn, a log downloaded."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.browser.looks import PAIR, look, named

PAGE = "/audit/population/"


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_every_look(town: Site, lang: str, phone: bool) -> None:
    someone = town.person("shenji", lang=lang, phone=phone)
    page, end = someone.page, named(lang, phone=phone)
    page.goto(PAGE)
    look(page, f"population-{end}")
    for stem in ("assessment-help", "reach-parents", "overdue-escalation"):
        page.goto(f"{PAGE}processes/{stem}")
        expect(page.locator(".bjs-powered-by")).to_be_visible()
        expect(page.locator(".diagram-wait").first).to_be_visible()
        look(page, f"population-{stem}-{end}")
    page.goto(PAGE)
    page.fill("#seed", "2026-03")
    page.locator("form.draw button.btn-go").click()
    page.wait_for_url("**/samples/*")
    look(page, f"population-sample-{end}")
    page.goto("/audit/register")
    expect(page.locator("main table tbody tr").first).to_be_visible()
    look(page, f"register-{end}")


def test_the_picture_moves_to_a_step(town: Site) -> None:
    page = town.person("shenji").page
    page.goto(f"{PAGE}processes/emergency-response")
    expect(page.locator(".bjs-powered-by")).to_be_visible()
    before = page.locator(".viewport").first.get_attribute("transform")
    page.locator("[data-diagram-go]").last.click()
    expect(page.locator(".viewport").first).not_to_have_attribute("transform", before or "")


def test_everything_works_without_a_script(town: Site) -> None:
    page = town.person("shenji", script=False).page
    page.goto(PAGE)
    page.locator("a[href$='/processes/report-intake']").click()
    expect(page.locator(".way").first).to_contain_text("登记报告")
    page.goto(PAGE)
    page.fill("#size", "abc")
    page.locator("form.draw button.btn-go").click()
    expect(page.locator("#size-error")).to_be_visible()
    assert page.input_value("#size") == "abc", "what was typed is kept"
    page.fill("#size", "3")
    page.locator("form.draw button.btn-go").click()
    expect(page.locator(".tag-done")).to_contain_text("结果相同")
    assert re.fullmatch(r"[0-9a-f]{16}", page.locator("code").inner_text())


def test_the_log_comes_as_a_file(town: Site) -> None:
    page = town.person("shenji").page
    page.goto(PAGE)
    with page.expect_download() as waiting:
        page.locator("form[action$='/export'] button").click()
    assert re.fullmatch(r"shouwang-\d{4}-\d\d-\d\d\.csv", waiting.value.suggested_filename)
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) > 200
    assert {row["actor"][:2] for row in rows} == {"", "p-"}
