"""Policy staff compare two releases: in words, and on the diagrams side by side."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from playwright.sync_api import expect
from sqlalchemy import insert

from app import clock
from app.db import table, transaction
from app.models import Definition, Release
from app.services import releases
from tests.browser.conftest import Site
from tests.browser.looks import PAIR, look, named


@pytest.fixture(scope="module")
def newer(town: Site) -> tuple[int, int]:
    """The release in force, and one that was stored after it: a deadline shortened, a step gone, a step renamed."""
    files = releases.read_folder()
    deadlines = orjson.loads(files["bpmn/deadlines.json"])
    next(row for row in deadlines["deadlines"] if row["id"] == "D03")["rules"][1]["value"] = "PT12H"
    aid = (
        files["bpmn/legal-aid.bpmn"]
        .decode()
        .replace('name="协助申请法律援助"', 'name="陪同申请法律援助"')
        .replace("t4", "t8")
    )
    files |= {"bpmn/deadlines.json": orjson.dumps(deadlines), "bpmn/legal-aid.bpmn": aid.encode()}
    with town.app.app_context(), transaction() as session:
        in_force, at = releases.current(session), clock.now() - timedelta(days=1)
        made = session.execute(insert(table(Release)).values(
            hash=releases.content_hash(files), note="缩短出警期限", loaded_at=at).returning(table(Release).c.id)).scalar_one()  # fmt: skip
        rows = [{"release_id": made, "path": path, "content": content} for path, content in files.items()]
        session.execute(insert(table(Definition)), rows)
    return in_force, made


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_two_releases_side_by_side(town: Site, newer: tuple[int, int], lang: str, phone: bool) -> None:
    before, after = newer
    end = named(lang, phone=phone)
    page = town.person("zhengce", lang=lang, phone=phone).page
    page.goto("/studio/")
    look(page, f"releases-{end}")
    page.locator(f"[name=before][value='{before}']").check()
    page.locator(f"[name=after][value='{after}']").check()
    page.locator("form[action='/studio/compare'] [type=submit]").click()
    wanted = {"zh": "从“收到报告起 24 小时内”改为“收到报告起 12 小时内”",
              "en": "changes from “within 24 hours of the report's arrival” to “within 12 hours of the report's arrival”"}  # fmt: skip
    expect(page.locator(".changes").filter(has_text="D03")).to_contain_text(wanted[lang])
    expect(page.locator("#removed-legal-aid .diagram-removed")).to_be_visible()
    expect(page.locator("#added-legal-aid .diagram-added")).to_be_visible()
    look(page, f"releases-compared-{end}")
    page.goto(f"/studio/compare?before={before}&after={before}")
    expect(page.locator(".changes")).to_have_count(0)
