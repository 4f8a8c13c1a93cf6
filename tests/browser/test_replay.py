"""The auditor's replay in a browser: from the first report to the judgment and back, both views, every look.

What the page shows is held against the event table, folded here once more by other means: bodies
read with json, flows and boundary events read from the files of the release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree
from playwright.sync_api import Page, expect

from app.db import db, table
from app.demo.answers import plausible
from app.models import Case, Event, Instance, Post, Report, ReportLink, Task
from app.services import choices, commands, practice, releases
from app.services._work import Actor
from app.services.inbox import listing
from app.services.library import library
from tests.browser.conftest import Site, sign
from tests.browser.looks import PAIR, PICTURES, look, named
from tests.browser.person import Person

CASE, EVENT, INSTANCE, TASK, POST = table(Case), table(Event), table(Instance), table(Task), table(Post)
REPORT, LINK = table(Report), table(ReportLink)
LIVE = ("READY", "WAITING", "STARTED")
MOMENTS = 10


# --- what the database says ----------------------------------------------------------------


@dataclass
class History:
    """A case's events and its reports', in the order in which they happened."""

    site: Site
    case_id: int
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.site.app.app_context():
            reports = sa.select(REPORT.c.case_id).join(LINK, LINK.c.report_id == REPORT.c.id)
            linked = list(db.session.scalars(reports.where(LINK.c.case_id == self.case_id)))
            query = sa.select(EVENT).where(EVENT.c.case_id.in_([self.case_id, *linked]))
            rows = [dict(row) for row in db.session.execute(query).mappings()]
            files = releases.current_library().diagrams
        self.events = sorted(rows, key=lambda row: (row["occurred_at"], row["recorded_at"], row["id"]))
        self.drawn = {stem: etree.fromstring(xml) for stem, xml in files.items()}

    def at(self, index: int) -> str:
        """How the page names an event."""
        event = self.events[index]
        return str(event["seq"]) if event["case_id"] == self.case_id else f"{event['case_id']}.{event['seq']}"

    def index(self, kind: str, **data: Any) -> int:
        """The last event of a kind with such data."""
        return max(i for i, e in enumerate(self.events) if e["kind"] == kind and data.items() <= self.data(e).items())

    @staticmethod
    def data(event: Mapping[str, Any]) -> dict[str, Any]:
        return json.loads(event["body"])["data"]  # type: ignore[no-any-return]

    def marks(self, index: int, instance: int, process: str) -> dict[str, set[str]]:
        """Where tokens stand, stood and went on one diagram, after the event at `index`."""
        where: dict[int, str] = {}
        ended: dict[str, str] = {}
        flows: set[str] = set()
        past = sorted(self.events[: index + 1], key=lambda row: row["id"])
        for event in past:
            if event["kind"] == "step" and event["instance_id"] == instance:
                flows |= self._step(self.data(event)["transitions"], process, where, ended)
        listening = self._boundaries(process)
        now = set(where.values()) - listening
        return {
            "now": now,
            "done": {element for element, how in ended.items() if how == "COMPLETED" and element not in now},
            "flows": flows,
        }

    def _step(self, moves: list[list[Any]], process: str, where: dict[int, str], ended: dict[str, str]) -> set[str]:
        last, taken = "", set()
        passed: list[str] = []
        for task, its_process, element, before, after in moves:
            if its_process != process:
                continue
            if before not in LIVE and after in LIVE:
                for last in reversed(passed):
                    if flow := self._flow(process, last, element):
                        taken.add(flow)
                        break
            if after in LIVE:
                where[task] = element
            else:
                where.pop(task, None)
                ended[element] = after
                passed += [element] if after == "COMPLETED" else []
        return taken

    def _flow(self, process: str, source: str, target: str) -> str:
        if target in self._boundaries(process):
            return ""
        path = f'.//{{*}}sequenceFlow[@sourceRef="{source}"][@targetRef="{target}"]'
        found = self.drawn[process].find(path)
        return "" if found is None else str(found.get("id"))

    def _boundaries(self, process: str) -> set[str]:
        return {str(one.get("id")) for one in self.drawn[process].iterfind(".//{*}boundaryEvent")}


def judged(site: Site) -> int:
    """The case in which a court has revoked the guardianship."""
    with site.app.app_context():
        query = sa.select(INSTANCE.c.case_id).where(
            INSTANCE.c.process == "revocation-petition", INSTANCE.c.status == "done"
        )
        found = db.session.scalars(query.order_by(INSTANCE.c.case_id)).first()
        assert found is not None
        return found


# --- what the page says --------------------------------------------------------------------


def shown(page: Page) -> dict[str, set[str]]:
    """The marks in the table twin."""
    found: dict[str, set[str]] = {"now": set(), "done": set(), "cancelled": set(), "unknown": set(), "": set()}
    for element, state in page.locator("tr[data-element]").evaluate_all(
        "rows => rows.map(row => [row.dataset.element, row.dataset.state])"
    ):
        found[state].add(element)
    return found


def drawn(page: Page, mark: str) -> set[str]:
    """The elements of the picture that carry a mark."""
    script = "all => all.map(one => one.dataset.elementId)"
    return set(page.locator(f"#diagram .djs-element.{mark}").evaluate_all(script))


def agree(page: Page, history: History, index: int) -> None:
    """The page's table and picture say of this moment what the database says."""
    xml = page.locator("#diagram").get_attribute("data-xml") or ""
    instance, process = re.findall(r"/diagram/(\d+)/(.+)\.bpmn", xml)[0]
    wanted = history.marks(index, int(instance), process)
    told = shown(page)
    assert (told["now"], told["done"]) == (wanted["now"], wanted["done"]), (index, process)
    assert drawn(page, "is-now") == wanted["now"], (index, process)
    assert drawn(page, "is-done") == wanted["done"], (index, process)
    assert drawn(page, "is-taken") == wanted["flows"], (index, process)


def press(page: Page, key: str, at: str) -> None:
    """Press a key, and wait until the moment is there."""
    page.keyboard.press(key)
    arrived(page, at)


def arrived(page: Page, at: str) -> None:
    """The page shows that moment: list, words and picture."""
    expect(page.locator(f'[data-replay][data-at="{at}"]')).to_have_count(1)
    expect(page.locator(f'[data-part="steps"] [aria-current="step"][data-replay-at="{at}"]')).to_have_count(1)


# --- the tests -----------------------------------------------------------------------------


def test_from_the_first_report_to_the_judgment_and_back(town: Site) -> None:
    case_id = judged(town)
    history = History(town, case_id)
    end = history.index("ended", process="revocation-petition")
    auditor = town.person("shenji")
    page = auditor.page
    page.goto("/audit/")
    page.locator(f"a[href='/audit/cases/{case_id}']").click()
    expect(page.locator(".replay-side-head")).to_contain_text(f"{len(history.events)}条记录，未被改动")
    page.goto(f"/audit/cases/{case_id}?at={history.at(0)}")
    expect(page.locator('[data-part="detail"]')).to_contain_text("收到一份报告")
    expect(page.locator('[data-part="detail"]')).to_contain_text("敏感，说明理由后才能看")

    checked = set(_spread(end))
    for index in range(1, end + 1):
        press(page, "ArrowRight", history.at(index))
        if index in checked:
            agree(page, history, index)
    expect(page.locator('[data-part="detail"]')).to_contain_text("撤销监护人资格")
    auditor.look("replay-judgment-desktop-zh")
    for index in range(end - 1, -1, -1):
        press(page, "ArrowLeft", history.at(index))
        if index in checked:
            agree(page, history, index)
    expect(page.locator('[data-part="note"]')).to_contain_text("收到一份报告")


def _spread(end: int) -> Iterator[int]:
    """Ten moments from the first step to the last."""
    yield from (1 + (end - 1) * place // (MOMENTS - 1) for place in range(MOMENTS))


@dataclass(frozen=True)
class LateEntry:
    """Something done at noon and recorded the next morning: the case, the event's address, what came of it."""

    case_id: int
    at: str
    process: str
    element: str


@pytest.fixture(scope="module")
def late(town: Site) -> LateEntry:
    """A visit that saw the child twenty hours before anybody wrote it down."""
    with town.app.app_context():
        now = practice.now()
        query = listing.base().where(
            TASK.c.status == "open", TASK.c.process == "home-visit", TASK.c.opened_at < now - timedelta(days=2)
        )
        task = dict(db.session.execute(query.order_by(TASK.c.id)).mappings().first() or {})
        assert task, "no visit has been open for two days in the practice data"
        books = library(db.session(), task["release_id"])
        form = books.form(books.definition(task["process"]).element(task["process"], task["element"]).form or "")
        raw = plausible(form, choices.of(db.session(), task, form, "zh"), Person(town.page(), town.app).rng, now,
                        {"seen": "with", "finding": "normal", "parent_contact": "yes"})  # fmt: skip
        actor = db.session.scalar(
            sa.select(POST.c.user_id).where(POST.c.role == task["role"], POST.c.unit_id == task["unit_id"])
        )
        commands.complete(
            task["id"], task["version"], raw, Actor(actor, task["role"]), occurred_at=now - timedelta(hours=20)
        )
        done = sa.select(EVENT.c.seq).where(EVENT.c.task_id == task["id"], EVENT.c.kind == "task_done")
        return LateEntry(task["case_id"], str(db.session.scalar(done)), task["process"], task["element"])


def test_what_was_not_known_then_keeps_its_place(town: Site, late: LateEntry) -> None:
    page = town.person("shenji").page
    page.goto(f"/audit/cases/{late.case_id}?at={late.at}")
    expect(page.locator('[data-part="note"]')).to_contain_text("实际情况")
    expect(page.locator('[data-part="note"]')).to_contain_text("才知道")
    expect(page.locator('[data-part="detail"]')).to_contain_text("晚20小时")
    expect(page.locator(".tick-late")).not_to_have_count(0)
    assert late.element in shown(page)["done"]
    here = page.locator('[data-part="steps"] li.is-here')
    expect(here).to_contain_text("补录")

    page.locator('[data-part="views"] a', has_text="按当时所知").click()
    arrived(page, late.at)
    expect(page.locator('[data-part="note"]')).to_contain_text("系统里知道的")
    expect(page.locator('[data-part="note"]')).to_contain_text("当时有1件事已经发生，但还没有录入。")
    expect(here).to_have_class(re.compile("is-unknown"))
    expect(here).to_contain_text("当时未知")
    assert late.element in shown(page)["now"], "as far as was known, the visit was still to be made"
    assert shown(page)["unknown"]
    assert drawn(page, "is-unknown") == shown(page)["unknown"]
    assert "view=known" in page.url


def test_a_link_leads_to_its_moment(town: Site) -> None:
    history = History(town, judged(town))
    page = town.person("shenji").page
    page.goto(f"/audit/cases/{history.case_id}?at={history.at(20)}")
    press(page, "ArrowRight", history.at(21))
    again = town.person("shenji").page
    again.goto(page.url)
    arrived(again, history.at(21))
    assert shown(again) == shown(page)


def test_space_plays_and_the_slider_goes_anywhere(town: Site) -> None:
    history = History(town, judged(town))
    page = town.person("shenji").page
    page.goto(f"/audit/cases/{history.case_id}?at={history.at(3)}")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="暂停")).to_be_visible()
    arrived(page, history.at(5))
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="播放")).to_be_visible()
    slider = page.get_by_role("slider")
    slider.fill("0")
    expect(page.locator("[data-replay-count]")).to_have_text(re.compile("第[12]步"))
    slider.press("End")
    arrived(page, history.at(len(history.events) - 1))
    slider.press("ArrowLeft")
    arrived(page, history.at(len(history.events) - 2))


def test_a_picture_can_be_held_while_time_goes_on(town: Site) -> None:
    history = History(town, judged(town))
    page = town.person("shenji").page
    page.goto(f"/audit/cases/{history.case_id}?at={history.at(60)}")
    held = page.locator('[data-part="scenes"] a', has_text="应急处置")
    held.click()
    expect(page.locator("h1")).to_have_text("回放：应急处置")
    press(page, "ArrowRight", history.at(61))
    expect(page.locator("h1")).to_have_text("回放：应急处置")
    page.locator('[data-part="scenes"] a', has_text="换回").click()
    arrived(page, history.at(61))
    expect(page).not_to_have_url(re.compile("on="))


def test_without_a_script_the_server_shows_each_moment(town: Site, late: LateEntry) -> None:
    history = History(town, judged(town))
    page = town.person("shenji", script=False).page
    page.goto(f"/audit/cases/{history.case_id}?at={history.at(10)}")
    expect(page.locator(".replay-when")).to_contain_text(f"第11步，共{len(history.events)}步")
    wanted = history.marks(10, *_instance(history, 10))
    assert (shown(page)["now"], shown(page)["done"]) == (wanted["now"], wanted["done"])
    page.get_by_role("link", name="下一步").click()
    expect(page.locator(".replay-when")).to_contain_text("第12步")
    page.get_by_role("button", name="看这一刻").click()
    expect(page.locator("h1")).to_contain_text("回放")
    page.get_by_role("link", name="更晚的步骤").click()
    expect(page.locator(".replay-steps > li").first).not_to_have_class(re.compile("is-here"))
    page.get_by_role("link", name="列出全部步骤").click()
    expect(page.locator(".replay-steps > li")).to_have_count(len(history.events))
    page.goto(f"/audit/cases/{late.case_id}?at={late.at}&view=known")
    expect(page.locator(".is-here")).to_contain_text("当时未知")


def _instance(history: History, index: int) -> tuple[int, str]:
    """The instance that moved last before an event, and its process."""
    step = max(i for i in range(index + 1) if history.events[i]["kind"] == "step")
    event = history.events[step]
    return event["instance_id"], history.data(event)["process"]


def test_who_may_not_replay_gets_nothing(town: Site, late: LateEntry) -> None:
    """A provider outside government, an administrator, another county's desk."""
    for username in ("guanli", "zhengce"):
        page = town.person(username).page
        for path in (f"/audit/cases/{late.case_id}", f"/audit/cases/{late.case_id}/moment", "/audit/"):
            answer = page.goto(path)
            assert answer is not None
            assert answer.status in (403, 404), (username, path)


def test_a_caseworker_replays_from_the_case(town: Site, late: LateEntry) -> None:
    page = town.person("dudao").page
    page.goto(f"/cases/{late.case_id}")
    page.get_by_role("link", name="回放").click()
    expect(page.locator("h1")).to_contain_text("回放")
    expect(page.locator("nav.sections")).not_to_contain_text("审计")


@pytest.mark.parametrize(("lang", "phone"), PAIR)
def test_how_it_looks(town: Site, late: LateEntry, lang: str, phone: bool) -> None:
    history, end = History(town, judged(town)), named(lang, phone=phone)
    page = town.person("shenji", lang=lang, phone=phone).page
    page.goto("/audit/")
    look(page, f"audit-{end}")
    sign(town)
    page.locator("a[href='/audit/head']").click()
    expect(page.locator(".sheet-code svg")).to_be_visible()
    look(page, f"audit-head-{end}")
    done = history.index("task_done", element="t2", process="emergency-response")
    page.goto(f"/audit/cases/{history.case_id}?at={history.at(done)}")
    arrived(page, history.at(done))
    look(page, f"replay-happened-{end}")
    page.screenshot(path=PICTURES / f"replay-happened-window-{end}.png")
    page.goto(f"/audit/cases/{late.case_id}?at={late.at}&view=known")
    arrived(page, late.at)
    look(page, f"replay-known-{end}")
    page.screenshot(path=PICTURES / f"replay-known-window-{end}.png")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_how_it_prints(town: Site, late: LateEntry, lang: str) -> None:
    page = town.person("shenji", lang=lang).page
    page.goto(f"/audit/cases/{late.case_id}?at={late.at}")
    arrived(page, late.at)
    page.emulate_media(media="print")
    page.screenshot(path=PICTURES / f"replay-print-{lang}.png", full_page=True)
    expect(page.locator(".replay-slider")).to_be_hidden()
    expect(page.locator('[data-part="twin"]')).to_be_visible()
