"""A child moves to another township, or has two files: as both sides see it, in a browser."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app.db import db, table
from app.demo.people import PASSWORD
from app.models import Unit
from app.services import people
from tests.browser.conftest import DESKTOP, PHONE, Site
from tests.browser.person import Person
from tests.browser.test_pages import LOOKS, look, named
from tests.world import World

UNIT = table(Unit)
ELSEWHERE = "620702102"


def looks(site: Site, page: Page, name: str) -> None:
    """The page as it is now, in both languages, on desk and phone."""
    for lang, phone in LOOKS:
        page.context.add_cookies([{"name": "lang", "value": lang, "url": site.url}])
        page.set_viewport_size(PHONE if phone else DESKTOP)  # type: ignore[arg-type]
        page.reload()
        look(page, f"{name}-{named(lang, phone=phone)}")
    page.context.add_cookies([{"name": "lang", "value": "zh", "url": site.url}])
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.reload()


def child(site: Site, *started: str, **told: Any) -> int:
    """A child of the first village, with what was started for it; the case."""
    with site.app.app_context():
        world = World(lambda _: None)
        case = world.child(**told)
        for message in started:
            world.start(message)
        return case


def join(site: Site, username: str, *posts: tuple[str, str]) -> Person:
    """Somebody new who holds these posts, signed in."""
    with site.app.app_context():
        people.add_user(username, "岳文秀", PASSWORD, posts)
    return site.person(username)


def test_a_child_moves_to_another_township(site: Site) -> None:
    case = child(site, "legal_aid_needed")
    old, new = site.person("dudao"), join(site, "shanghe", ("township_in", ELSEWHERE), ("township_worker", ELSEWHERE))
    with site.app.app_context():
        there = str(db.session.scalar(sa.select(UNIT.c.id).where(UNIT.c.code == ELSEWHERE)))
    page = old.page
    page.goto(f"/cases/{case}/record/transfer_needed")
    page.select_option("[name=to_unit]", there)
    page.fill("[name=reason]", "奶奶说下周搬到那边")
    page.locator("main form button.btn-go").last.click()
    page.wait_for_url(re.compile(r"/cases/\d+$"))
    old.do("case-transfer", "t1", transfer_wanted="yes", to_unit=there, handover="外婆照料，药在书包里，周五复诊。")
    looks(site, page, "transfer-proposed")

    asked = new.page
    asked.goto(f"/cases/{case}")
    expect(asked.locator("main")).to_contain_text("没有这一页")
    task = new.take("case-transfer", "t2")
    expect(asked.locator("main")).to_contain_text("药在书包里")
    expect(asked.locator(f"main a[href='/cases/{case}']")).to_have_count(0)
    looks(site, asked, "transfer-answer")
    new.fill_task(task, {"transfer_answer": "accept", "village": f"{ELSEWHERE}201"})
    asked.locator("#task-form button[data-submit]").click()
    asked.wait_for_url("**/cases/**")
    asked.goto(f"/cases/{case}")
    expect(asked.locator(".story")).to_contain_text("1件待办一起移过去")
    looks(site, asked, "transfer-accepted")

    page.goto(f"/cases/{case}")
    expect(page.locator("main")).to_contain_text("没有这一页")
    with site.app.app_context():
        World(lambda _: None).settle()
    page.goto("/notices")
    page.locator("main button[name=go]").first.click()
    page.wait_for_url("**/tasks/**")
    expect(page.locator("main")).to_contain_text("已经办完")
    looks(site, page, "transfer-own-past")
