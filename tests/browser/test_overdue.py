"""A task passes its deadline: the supervisor hears of it, decides in the row; left alone, it goes one level up."""

from __future__ import annotations

import sqlalchemy as sa
from playwright.sync_api import expect

from app.db import db, table
from app.models import Task
from app.services import reports
from app.services._work import Actor
from tests.browser.conftest import Site
from tests.browser.person import Person

TASK = table(Task)
REPORT = {
    "reported_situations": ["living_alone"], "safe_adult_now": "no", "facts": "家里只有孩子。", "place": "红柳滩村",
    "village": "620702101201", "reporter_kind": "anonymous",
}  # fmt: skip


def file_report(site: Site) -> None:
    """Somebody reports; intake begins and nobody does anything."""
    with site.app.app_context():
        reports.file_report(REPORT, Actor(None, "reporter"))


def due(site: Site) -> list[str]:
    """When open tasks of people, not of escalations, fall due."""
    with site.app.app_context():
        query = sa.select(TASK.c.due_at).where(TASK.c.status == "open", TASK.c.process == "report-intake")
        return [at.isoformat() for at in db.session.scalars(query)]


def decide(chief: Person, name: str, reason: str, until: str = "") -> None:
    """Open the decision's small form in the row, fill it and send it."""
    page = chief.page
    page.goto("/oversight/")
    page.locator(f"button[popovertarget$='-{name}']").first.click()
    form = page.locator(f"[id$='-{name}'][popover]").first
    form.locator("[name=reason]").fill(reason)
    if until:
        form.locator("[name=until]").fill(until)
    chief.look(f"oversight-decide-{name}-desktop-zh")
    form.locator("button.btn-go").click()
    page.wait_for_load_state("networkidle")


def test_lateness_reaches_the_supervisor_and_then_the_next(site: Site) -> None:
    file_report(site)
    chief = site.person("suozhang")
    chief.page.goto("/oversight/")
    expect(chief.page.locator("h1")).not_to_contain_text("件要你定")

    site.travel("P1D")
    decide(chief, "direct", "先去看孩子，车不够找指挥中心。")
    expect(chief.page.locator("body")).not_to_contain_text("件要你定")

    site.travel("P1D")
    above = site.person("xianzhang")
    above.page.goto("/oversight/")
    expect(above.page.locator("h1")).to_contain_text("件要你定")
    above.look("oversight-second-level-desktop-zh")
    before = due(site)
    decide(above, "extend", "大雪封路，改到后天。", "2026-03-09")
    after = due(site)
    assert before != after
    assert after == ["2026-03-09T16:00:00+00:00"]

    site.travel("P1D")
    police = site.person("jingcha")
    police.page.goto("/inbox?view=free")
    expect(police.page.locator(".inbox-list")).to_contain_text("登记报告")
    police.do("report-intake", "t1")
    assert "2026-03-09T16:00:00+00:00" not in due(site), "the next task has a limit of its own"
