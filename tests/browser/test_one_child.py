"""A child moves to another township, or has two files: as both sides see it, in a browser."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from flask_security.utils import hash_password
from playwright.sync_api import Page, expect

from app.db import db, table
from app.models import Unit
from app.services import cases, people
from app.services.practice import PASSWORD
from tests.browser.conftest import DESKTOP, PHONE, Site
from tests.browser.looks import PAIR, look, named
from tests.browser.person import Person
from tests.world import World

UNIT = table(Unit)
ELSEWHERE = "620702102"


def looks(site: Site, page: Page, name: str) -> None:
    """The page as it is now, in both languages, on desk and phone."""
    for lang, phone in PAIR:
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
        people.add_user(username, "岳文秀", hash_password(PASSWORD), list(posts))
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


def test_two_files_of_one_child(site: Site) -> None:
    told = {"name": "林石榴", "sex": "f", "age_or_dob": "2017-01-01", "school": "柳河镇中心小学"}
    kept, other = (child(site, "legal_aid_needed", **told | more) for more in ({}, {"school": "上河小学"}))
    someone = site.person("dudao")
    page = someone.page
    page.goto(f"/cases/{kept}")
    expect(page.locator(".case-head")).to_contain_text("另有1份档案可能是同一个孩子")
    page.locator(".case-note a", has_text="对照看看").click()
    looks(site, page, "merge-suspects")
    page.locator(f"main a[href$='/merge/{other}']").click()
    looks(site, page, "merge-compare")
    page.locator("main form button.btn-go").click()
    expect(page.locator("#keep")).to_contain_text("请选哪一份留着用")
    look(page, "merge-refused-desktop-zh")
    page.locator(f'[name=keep][value="{kept}"]').check(force=True)
    page.fill("[name=reason]", "外婆说是同一个孩子，看过出生证")
    page.locator("main form button.btn-go").click()
    page.wait_for_url(re.compile(rf"/cases/{kept}$"))
    expect(page.locator(f"#merged-{other}")).to_be_visible()
    looks(site, page, "merged-kept")
    page.goto(f"/cases/{other}")
    expect(page.locator(".case-head")).to_contain_text("已经并入")
    looks(site, page, "merged-alias")
    page.locator(".case-note a", has_text="撤销合并").click()
    page.fill("[name=reason]", "不是同一个孩子")
    looks(site, page, "merge-undo")
    page.fill("[name=reason]", "不是同一个孩子")
    page.locator("main form button.btn-go").click()
    page.wait_for_url(re.compile(rf"/cases/{other}$"))
    expect(page.locator(".story")).to_contain_text("两份各是各的")


def test_a_report_goes_to_another_child(site: Site) -> None:
    case = child(site, "legal_aid_needed", name="林石榴")
    with site.app.app_context():
        world = World(lambda _: None)
        world.accepted([{"name": "别家的孩子"}])
        report = max(world.cases("report"))
        number = cases.number(case, world.case_row(case)["opened_at"])
    police = join(site, "jingzhang", ("police_chief", "620702101-police"), ("police_intake", "620702101-police"),
                  ("township_worker", "620702101"))  # fmt: skip
    page = police.page
    page.goto(f"/cases/{report}")
    page.locator("main a", has_text="归到个案").click()
    page.fill("[name=number]", number)
    page.fill("[name=reason]", "说的是这个孩子")
    page.locator("main form button.btn-go").first.click()
    page.wait_for_url(re.compile(rf"/cases/{report}/attach$"))
    expect(page.locator("main")).to_contain_text(number)
    looks(site, page, "report-attach")
