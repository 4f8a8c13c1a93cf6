"""Notices and sealed content as people meet them: told, opened for a reason, broken open, reviewed, read by the auditor."""

from __future__ import annotations

import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app.db import db, table
from app.models import Case, Submission, Task
from app.services import cases, deadlines, outbox, reports
from app.services._work import Actor
from app.services.practice import PASSWORD
from tests.browser.conftest import Site
from tests.browser.test_pages import look

TASK, CASE, SUBMISSION = table(Task), table(Case), table(Submission)
NAME, PHONE, LATER = "赵婶", "13900005555", "昨晚又听见孩子哭，灯一直没亮。"
REPORT = {
    "reported_situations": ["living_alone"], "safe_adult_now": "no", "facts": "家里只有孩子。", "place": "红柳滩村",
    "village": "620702101201", "reporter_kind": "citizen", "reporter_name": NAME, "reporter_phone": PHONE,
    "children": [{"name": "林小禾"}],
}  # fmt: skip


def ids(site: Site, query: sa.Select[tuple[int]]) -> list[int]:
    with site.app.app_context():
        return list(db.session.scalars(query))


def deliver(site: Site) -> None:
    with site.app.app_context():
        deadlines.tick()
        outbox.deliver()


def give_reason(page: Page, words: str) -> None:
    page.locator("textarea[name=reason]").fill(words)
    page.locator("main form button.btn-go").click()


def test_from_the_reporters_words_to_the_auditors_list(site: Site) -> None:
    with site.app.app_context():
        receipt = reports.file_report(REPORT, Actor(None, "reporter"))
        case, number = (
            receipt.case_id,
            cases.number(receipt.case_id, db.session.get_one(Case, receipt.case_id).opened_at),
        )

    police = site.person("jingcha")
    (task,) = ids(site, sa.select(TASK.c.id).where(TASK.c.case_id == case))
    police.page.goto(f"/tasks/{task}")
    expect(police.page.locator(".sealed")).to_have_count(2)
    expect(police.page.locator("#task-form button[data-submit]")).to_have_count(0)
    assert NAME not in police.page.content()
    look(police.page, "task-sealed-desktop-zh")
    police.page.locator(".note form button").click()
    expect(police.page.locator("[name=reporter_name]")).to_have_value(NAME)
    expect(police.page.locator("body")).to_contain_text("这次查看已经记下")
    look(police.page, "task-opened-desktop-zh")
    police.page.locator("#task-form button[data-submit]").click()
    expect(police.page.locator(".summary, .case-head").first).to_be_visible()

    asking = site.page()
    asking.goto("/report/ask")
    asking.locator("[name=number]").fill(receipt.number)
    asking.locator("[name=code]").fill(receipt.code)
    asking.locator("main .btn-go").click()
    asking.locator("[name=more]").fill(LATER)
    asking.locator("main .btn-go").click()
    expect(asking.locator("body")).to_contain_text("补充的情况收到了")
    look(asking, "report-added-desktop-zh")
    deliver(site)

    police.page.goto("/inbox")
    expect(police.page.locator(".views")).to_contain_text("通知")
    police.page.locator(".views a[href='/notices']").click()
    expect(police.page.locator("h1")).to_contain_text("还没有人看的通知")
    assert NAME not in police.page.content()
    look(police.page, "notices-desktop-zh")
    police.page.locator(".notice", has_text="报告人补充了情况").locator("button[name=go]").click()
    police.page.wait_for_url(f"**/cases/{case}")
    expect(police.page.locator(".story")).to_contain_text(LATER)
    look(police.page, "case-report-facts-desktop-zh")

    (record,) = ids(
        site, sa.select(SUBMISSION.c.id).where(SUBMISSION.c.case_id == case, SUBMISSION.c.form == "report-public")
    )
    chief = site.person("suozhang")
    chief.page.goto(f"/records/{record}")
    assert NAME not in chief.page.content()
    look(chief.page, "record-sealed-glass-desktop-zh")
    chief.page.locator("a[href^='/cases/unseal']").click()
    expect(chief.page.locator("[name=number]")).to_have_value(number)
    chief.page.locator("main form button.btn-go").click()
    expect(chief.page.locator(".summary")).to_be_visible()
    look(chief.page, "unseal-refused-desktop-zh")
    chief.page.locator("[name=reason]").fill("孩子联系不上，要马上找到报告人。")
    chief.page.locator("[name=password]").fill(PASSWORD)
    chief.page.locator("main form button.btn-go").click()
    expect(chief.page.locator("body")).to_contain_text("你紧急打开了")
    look(chief.page, "case-glass-desktop-zh")
    chief.page.goto(f"/records/{record}")
    expect(chief.page.locator("dl")).to_contain_text(PHONE)
    look(chief.page, "record-open-desktop-zh")
    deliver(site)

    above = site.person("xianzhang")
    above.page.goto("/notices")
    look(above.page, "notices-review-desktop-zh")
    above.page.locator(".notice", has_text="紧急查看").locator("button[name=go]").click()
    expect(above.page.locator("h1")).to_contain_text("等你复核")
    look(above.page, "reviews-desktop-zh")
    above.page.get_by_label("不妥当", exact=True).check(force=True)
    above.page.locator("form[action^='/reviews/'] button").click()
    expect(above.page.locator(".field-wrong")).to_be_visible()
    above.page.locator("[name=remark]").fill("可以先找受理的民警。")
    above.page.locator("form[action^='/reviews/'] button").click()
    expect(above.page.locator("h1")).to_contain_text("没有紧急查看等你复核")

    watcher = site.person("shenji")
    watcher.page.goto(f"/audit/cases/{case}/reads")
    expect(watcher.page.locator("table")).to_contain_text("孩子联系不上")
    assert PHONE not in watcher.page.content()
    look(watcher.page, "reads-desktop-zh")


def test_a_reason_where_an_auditor_reads_a_child(town: Site) -> None:
    watcher = town.person("shenji")
    (case, *_) = ids(town, sa.select(CASE.c.id).where(CASE.c.kind == "child").order_by(CASE.c.id))
    watcher.page.goto(f"/cases/{case}")
    look(watcher.page, "case-auditor-desktop-zh")
    watcher.page.locator(f"a[href^='/cases/{case}/reason']").click()
    look(watcher.page, "reason-desktop-zh")
    give_reason(watcher.page, "抽查这个孩子的安置")
    watcher.page.wait_for_url(f"**/cases/{case}")
    expect(watcher.page.locator("a[href*='/reason']")).to_have_count(0)
