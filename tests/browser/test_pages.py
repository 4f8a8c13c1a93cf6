"""Every page as somebody sees it: both languages, desk and phone, looked at, free of axe findings, no sideways scroll."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app.db import db, table
from app.models import Case, Instance, Subscription, Task, Unit
from app.services import _tries, commands, practice, releases
from tests.browser.conftest import DESKTOP, PHONE, Site
from tests.browser.looks import LOOKS, PAIR, look, named, picture, settle

TASK, CASE, INSTANCE, SUBSCRIPTION, UNIT = (table(one) for one in (Task, Case, Instance, Subscription, Unit))


def one(site: Site, query: sa.Select[tuple[int]]) -> int:
    """A single id."""
    with site.app.app_context():
        found = db.session.scalar(query)
        assert found is not None, str(query)
        return found


def test_a_closed_case_says_so(town: Site) -> None:
    case = one(town, sa.select(sa.func.min(CASE.c.id)).where(
        CASE.c.status == "closed", CASE.c.kind == "report", CASE.c.sealed.is_(False), CASE.c.path.contains("620702101")))  # fmt: skip
    page = town.person("suozhang").page
    page.goto(f"/cases/{case}")
    expect(page.locator(".case-head")).to_contain_text("已办结")


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_a_number_that_was_tried_too_often_rests(town: Site, lang: str, phone: bool) -> None:
    page, number = town.page(lang=lang, phone=phone), f"260302-00000{PAIR.index((lang, phone))}"
    page.goto("/report/ask")
    for _ in range(_tries.MOST):
        page.request.post("/report/ask", form={
            "csrf_token": page.locator("form.public-form [name=csrf_token]").input_value(), "number": number, "code": "000000"})  # fmt: skip
    page.locator("#number").fill(number)
    page.locator("#code").fill("000000")
    page.locator("form.public-form button").click()
    expect(page.locator("main")).to_contain_text("请过12小时再查" if lang == "zh" else "wait 12 hours")
    look(page, f"ask-rests-{named(lang, phone=phone)}")


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_a_run_that_waits(town: Site, lang: str, phone: bool) -> None:
    """A supervisor suspends it, sees it in the list, and lets it go on."""
    end, page = named(lang, phone=phone), town.person("kezhang", lang=lang, phone=phone).page
    runs = sa.select(sa.func.min(TASK.c.instance_id)).join(CASE, CASE.c.id == TASK.c.case_id).where(
        TASK.c.process == "assessment-help", TASK.c.status == "open", CASE.c.risk.in_(("orange", "yellow", "green")),
        CASE.c.facts["unattended_now"].as_boolean().is_(False), CASE.c.path.startswith("/620000/620700/620702/"))  # fmt: skip
    run = one(town, runs)
    page.goto(f"/oversight/runs/{run}")
    page.locator("form[action$='/suspend'] button").click()
    look(page, f"suspend-{end}")
    with town.app.app_context():
        page.fill("#until", (practice.now() + timedelta(days=9)).date().isoformat())
    page.fill("#reason", "全家去外地摘棉花，月底回来。")
    page.locator("form[action$='/suspend'] button").click()
    page.wait_for_url("**/oversight/")
    look(page, f"suspended-{end}")
    page.locator("form[action$='/resume'] button").click()
    expect(page.locator("form[action$='/resume']")).to_have_count(0)
    with town.app.app_context():
        task = db.session.execute(
            sa.select(TASK.c.id, TASK.c.case_id).where(TASK.c.status == "open", TASK.c.instance_id == run)
        ).first()
        assert task is not None
        commands.record_incident(task.case_id, "task", task.id, RuntimeError())
    page.goto("/oversight/")
    page.locator(".incident details summary").first.click()
    look(page, f"oversight-incident-{end}")
    page.locator(".incident details textarea").first.fill("先打电话问清楚，记下来。")
    page.locator(".incident details button").first.click()
    expect(page.locator(".incident .tag").first).to_be_visible()
    page.locator(".incident form[action$='/retry'] button").first.click()
    expect(page.locator(".incident form[action$='/retry']")).to_have_count(0)


@pytest.mark.parametrize(("lang", "phone"), LOOKS)
def test_every_diagram(town: Site, lang: str, phone: bool) -> None:
    someone = town.person("zhengce", lang=lang, phone=phone)
    page, end = someone.page, named(lang, phone=phone)
    page.goto("/processes/")
    look(page, f"processes-{end}")
    with town.app.app_context():
        stems = sorted(releases.current_library().diagrams)
    for stem in stems:
        page.goto(f"/processes/{stem}")
        expect(page.locator(".bjs-powered-by")).to_be_visible()
        settle(page)
        picture(page, f"process-{stem}-{end}")
        texts = page.locator(".djs-element text").all_inner_texts()
        assert texts, stem
    look(page, f"process-last-{end}")


def test_no_page_needs_a_script(town: Site) -> None:
    """With scripts off a caseworker reads, keeps a draft, is told what is missing, and sends."""
    someone = town.person("jingcha", script=False)
    page = someone.page
    page.goto("/inbox?view=free")
    rows = page.locator(".inbox-list form[action$='/claim'] button")
    if not rows.count():
        pytest.fail(json.dumps("nothing free for the police officer in the practice data"))
    rows.first.click()
    expect(page.locator("#task-form")).to_be_visible()
    page.locator("#task-form button.btn-go").first.click()
    expect(page.locator(".summary")).to_be_visible()
    page.locator("#task-form button[name=aside]").click()
    page.goto("/inbox?view=mine")
    expect(page.locator(".inbox-list")).to_contain_text("有草稿")


def in_each_look(town: Site, page: Page, path: str, name: str) -> None:
    """One person's page in both languages, at the desk and on the phone."""
    for lang, phone in PAIR:
        page.context.add_cookies([{"name": "lang", "value": lang, "url": town.url}])
        page.set_viewport_size(PHONE if phone else DESKTOP)  # type: ignore[arg-type]
        page.goto(path)
        look(page, f"{name}-{named(lang, phone=phone)}")


def press(page: Page, key: str, until: str) -> None:
    """Press a key again and again until what has the focus is that."""
    for _ in range(40):
        if page.evaluate("until => document.activeElement.matches(until)", until):
            return
        page.keyboard.press(key)
    pytest.fail(f"{until} cannot be reached with {key}")


def test_away_and_on_duty(town: Site) -> None:
    """The head keeps the week without script, the officer goes away with the keyboard alone, the head finds the work."""
    with town.app.app_context():
        urgent = TASK.c.deadline_id.in_(releases.current_library().deadlines.in_hours)
        here = sa.select(UNIT.c.id).where(UNIT.c.code == "620702101-police").scalar_subquery()
        free = sa.select(TASK.c.role).where(
            TASK.c.status == "open", TASK.c.assignee_id.is_(None), TASK.c.unit_id == here
        )
        role = db.session.scalars(free.where(urgent, TASK.c.role != "police_chief").order_by(TASK.c.id)).first()
    plain = town.person("suozhang", script=False).page
    plain.goto("/people/duty")
    plain.locator(f"main a[href$='/{role}']").click()
    week, shifts = plain.url, plain.locator("main select")
    for at in range(shifts.count() - 1):
        shifts.nth(at).select_option(index=1)
    plain.locator("main form button.btn-go").click()
    expect(plain.locator(".flash")).to_contain_text("已保存")
    plain.goto("/oversight/")
    expect(plain.locator("#gaps")).to_contain_text("周日夜间")
    expect(plain.locator("#gaps")).to_contain_text("没有人值班")

    officer = town.person("jingcha", phone=True).page
    officer.goto("/inbox?view=mine")
    expect(officer.locator(".inbox-list")).to_contain_text("值班，你先办")
    officer.goto("/account")
    press(officer, "Tab", "main a.btn-go")
    officer.keyboard.press("Enter")
    officer.wait_for_url("**/away")
    press(officer, "Tab", "main form button.btn-go")
    officer.keyboard.press("Enter")
    expect(officer.locator(".summary")).to_be_focused()
    officer.locator("#last").fill(officer.locator("#first").input_value())
    press(officer, "Tab", "[name=why]")
    officer.keyboard.press("Space")
    press(officer, "Tab", "main form button.btn-go")
    officer.keyboard.press("Enter")
    expect(officer.locator(".absences")).to_contain_text("现在不在")
    in_each_look(town, officer, "/account", "account")
    in_each_look(town, officer, "/people/me/away", "away")

    head = town.person("suozhang").page
    in_each_look(town, head, "/inbox?view=mine", "inbox-stands-in")
    in_each_look(town, head, week, "duty")
    head.context.add_cookies([{"name": "lang", "value": "zh", "url": town.url}])
    head.goto("/inbox?view=mine")
    expect(head.locator(".stands-in")).to_contain_text("你在代办")
    head.locator(".inbox-row", has_text="代").locator("a.inbox-title").first.click()
    expect(head.locator("main .note-do")).to_contain_text("由你代办")
    expect(head.locator("#task-form [data-submit]")).to_be_visible()
    head.goto("/people/")
    expect(head.locator("main table")).to_contain_text("不在岗，到")
    look(head, "people-away-desktop-zh")
    officer.context.add_cookies([{"name": "lang", "value": "zh", "url": town.url}])
    officer.goto("/people/me/away")
    officer.get_by_role("button", name="回来了，现在结束").click()
    expect(officer.locator(".flash")).to_contain_text("已结束")
    head.goto("/inbox?view=mine")
    expect(head.locator(".stands-in")).to_have_count(0)
