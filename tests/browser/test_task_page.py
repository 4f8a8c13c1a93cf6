"""The task page's other half in a browser: when it happened, corrections, files and notes; desk and phone, zh and en."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from app.db import db, table
from app.models import Post, Task, User
from tests.browser.conftest import Site
from tests.browser.looks import PAIR, look, named
from tests.files import HTML, PDF, photo

POST, TASK, USER = table(Post), table(Task), table(User)


@pytest.mark.parametrize(("lang", "phone"), PAIR)
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


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_a_closed_task_is_corrected(town: Site, lang: str, phone: bool) -> None:
    """From the case's story to the form, without a reason first, then with one; the story then tells both."""
    someone = town.person("dudao", lang=lang, phone=phone)
    page, end = someone.page, named(lang, phone=phone)
    task, case = done_by(town, "dudao", "assessment-help", "t2")
    page.goto(f"/cases/{case}")
    page.locator(f'.story a.story-correct[href="/tasks/{task}"]').click()
    page.wait_for_url(f"**/tasks/{task}")
    look(page, f"task-closed-{end}")
    page.locator(f'a[href="/tasks/{task}/correct"]').click()
    look(page, f"task-correct-{end}")
    page.fill("[name=strengths]", f"奶奶每天接送。{end}")
    page.locator("#task-form button[data-submit]").click()
    expect(page.locator(".summary")).to_be_visible()
    look(page, f"task-correct-wrong-{end}")
    page.fill(
        "[name=_reason]", "当时记错了，回访时发现。" if lang == "zh" else "Noted wrongly; found at the next visit."
    )
    page.locator("#task-form button[data-submit]").click()
    page.wait_for_url("**/cases/**")
    expect(page.locator(".story")).to_contain_text("更正了" if lang == "zh" else "corrected")
    look(page, f"case-corrected-{end}")
    page.goto(f"/tasks/{task}")
    expect(page.locator(".versions .tag")).not_to_have_count(0)
    look(page, f"task-corrected-{end}")


def done_by(site: Site, username: str, process: str, element: str) -> tuple[int, int]:
    """A task that this person has done there, and its case."""
    with site.app.app_context():
        query = sa.select(TASK.c.id, TASK.c.case_id).join(USER, USER.c.id == TASK.c.closed_by).where(
            USER.c.username == username, TASK.c.process == process, TASK.c.element == element, TASK.c.status == "done"
        )  # fmt: skip
        row = db.session.execute(query.order_by(TASK.c.id)).first()
        assert row is not None, f"{username} has done no {process}.{element}"
        return row.id, row.case_id


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_files_are_sent_while_the_form_is_filled(town: Site, lang: str, phone: bool) -> None:
    """A photo goes at once; a page posing as one is refused with a reason; without a network it waits and goes later."""
    task, username = open_visit(town)
    someone = town.person(username, lang=lang, phone=phone)
    page, end = someone.page, named(lang, phone=phone)
    page.goto(f"/tasks/{task}")
    claim = page.locator("form[action$='/claim'] button")
    if claim.count():
        claim.click()
    box = page.locator("input[type=file][data-upload]")
    had = page.locator(".file-kept").count()
    box.set_input_files([{"name": "门口.jpg", "mimeType": "image/jpeg", "buffer": photo(size=(600, 400))}])
    expect(page.locator(".file-kept")).to_have_count(had + 1)
    box.set_input_files([{"name": "坏的.jpg", "mimeType": "image/jpeg", "buffer": HTML}])
    expect(page.locator(".files-coming .is-refused")).to_be_visible()
    look(page, f"task-files-{end}")
    page.context.set_offline(True)
    box.set_input_files([{"name": "证明.pdf", "mimeType": "application/pdf", "buffer": PDF}])
    expect(page.locator(".files-coming li")).to_have_count(2)
    expect(page.locator(".files-coming li").last).to_contain_text("没有网络" if lang == "zh" else "no network")
    with page.expect_response(
        lambda reply: reply.url.endswith("/draft") and (reply.request.post_data or "").count("&files=") == had + 2
    ):
        page.context.set_offline(False)
        expect(page.locator(".file-kept")).to_have_count(had + 2)
    page.reload()
    expect(page.locator(".file-kept")).to_have_count(had + 2)


def test_files_without_a_script(town: Site) -> None:
    task, username = open_visit(town)
    page = town.person(username, script=False).page
    page.goto(f"/tasks/{task}")
    claim = page.locator("form[action$='/claim'] button")
    if claim.count():
        claim.click()
    page.locator("input[type=file]").set_input_files(
        [{"name": "证明.pdf", "mimeType": "application/pdf", "buffer": PDF}]
    )
    page.locator("#task-form button[name=aside]").click()
    page.goto(f"/tasks/{task}")
    expect(page.locator(".file-kept").last).to_contain_text("证明.pdf")


def open_visit(site: Site) -> tuple[int, str]:
    """An open visit, and whoever may do it."""
    with site.app.app_context():
        query = sa.select(TASK.c.id, USER.c.username).join(
            POST, sa.and_(POST.c.role == TASK.c.role, POST.c.unit_id == TASK.c.unit_id)
        )
        query = query.join(USER, USER.c.id == POST.c.user_id).where(
            TASK.c.process == "home-visit", TASK.c.status == "open"
        )
        mine = sa.or_(TASK.c.assignee_id.is_(None), TASK.c.assignee_id == USER.c.id)
        row = db.session.execute(query.where(mine).order_by(TASK.c.id)).first()
        assert row is not None, "nobody has a visit to make in the practice data"
        return row.id, row.username


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_what_happens_next_follows_the_form_and_notes_stay(town: Site, lang: str, phone: bool) -> None:
    task, username = open_visit(town)
    someone = town.person(username, lang=lang, phone=phone)
    page, end = someone.page, named(lang, phone=phone)
    page.goto(f"/tasks/{task}")
    claim = page.locator("form[action$='/claim'] button")
    if claim.count():
        claim.click()
    now = page.locator(".outlook")
    expect(now).to_be_visible()
    for name, value in (("seen", "with"), ("finding", "normal"), ("parent_contact", "yes")):
        page.locator(f'[name={name}][value="{value}"]').check(force=True)
    expect(now).to_contain_text("这个流程到此结束" if lang == "zh" else "this process ends here")
    page.locator('[name=seen][value="no"]').check(force=True)
    expect(now).to_contain_text("三日内再访" if lang == "zh" else "Revisit")
    said = page.locator(".remark-words").count()
    page.fill(
        "[name=_remark]",
        "奶奶下午在家，可以那时去。" if lang == "zh" else "The grandmother is at home in the afternoon.",
    )
    page.locator(".remarks button").click()
    expect(page.locator(".remark-words")).to_have_count(said + 1)
    expect(page.locator('[name=seen][value="no"]')).to_be_checked()
    look(page, f"task-outlook-{end}")
