"""A phone without network: what is typed is kept, shown as not sent, sent once, and gone after sign-out.

The network is cut in the browser, worker included; the browser is closed and opened again on the same
profile. What arrived is counted in the database.
"""

from __future__ import annotations

import random
import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.db import db, table, transaction
from app.demo import people
from app.models import Report, Submission, Task
from app.services import deadlines, practice, releases
from app.services.inbox import listing
from app.web import forms
from tests.browser.conftest import FLAGS, Site, filled, running
from tests.browser.person import Person
from tests.browser.test_pages import look
from tests.world import World

TASK, SUBMISSION, REPORT = table(Task), table(Submission), table(Report)
PHONES = pytest.mark.parametrize("phone", ["zh", "en"], indirect=True)
ITEMS = "[data-unsent-list] > li"
WORDS = "哨兵在羊圈找到孩子"
CHILD = "林小禾"
REPORTED = {
    "reported_situations": "living_alone",
    "safe_adult_now": "no",
    "facts": WORDS,
    "place": "村口第三家",
    "reporter_kind": "anonymous",
}

KEPT = """async () => {
  const open = (name) => new Promise((done, fail) => {
    const asked = indexedDB.open(name); asked.onsuccess = () => done(asked.result); asked.onerror = () => fail(asked.error); });
  const all = (store) => new Promise((done) => {
    const keys = store.getAllKeys(), values = store.getAll(); values.onsuccess = () => done([keys.result, values.result]); });
  const bytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value)
    ? new TextDecoder().decode(value) : value instanceof CryptoKey ? `key extractable=${value.extractable}` : value;
  const text = (value) => JSON.stringify(value, (_, inner) => bytes(inner)) ?? "";
  const found = { databases: {}, caches: {}, local: { ...localStorage }, session: { ...sessionStorage }, cookie: document.cookie };
  for (const { name } of await indexedDB.databases()) {
    const opened = await open(name);
    for (const store of opened.objectStoreNames) {
      const [keys, values] = await all(opened.transaction(store).objectStore(store));
      found.databases[`${name}/${store}`] = keys.map((key, at) => [key, text(values[at])]);
    }
    opened.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) found.caches[request.url] = await (await cache.match(request)).text();
  }
  return found;
}"""
"""Everything that a page of this site leaves in the browser, as somebody with the phone's files would see it."""


class Phone:
    """A browser with a profile on disk, which may be closed and opened again."""

    def __init__(self, site: Site, folder: Path, lang: str) -> None:
        self.site, self.folder, self.lang = site, folder, lang
        self.context: BrowserContext
        self.page: Page
        self.start()

    def start(self) -> None:
        """Open the browser on its profile."""
        self.context = self.site.browser.browser_type.launch_persistent_context(
            self.folder,
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=FLAGS,
            **self.site.looks(phone=True, lang=self.lang),
        )
        self.page = self.site.open(self.context, self.lang)

    def restart(self) -> None:
        """Close the browser, and open it again; the session has ended."""
        self.context.close()
        self.start()

    def offline(self) -> None:
        """Cut the network."""
        self.site.cut = True
        self.context.set_offline(True)

    def online(self) -> None:
        """The network is back."""
        self.context.set_offline(False)

    def ready(self) -> None:
        """The worker is there and holds the shell."""
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.page.wait_for_function("navigator.serviceWorker.controller !== null")

    def sign_in(self, username: str) -> Person:
        """Somebody signs in on this phone."""
        someone = Person(self.page, self.site.app)
        someone.sign_in(username)
        self.ready()
        return someone

    def until_page(self, task: int) -> None:
        """Wait for the store to hold that task's page."""
        for _ in range(100):
            things = self.page.evaluate(KEPT)["databases"].get("shouwang/things", [])
            if any(kind == "page" and name == f"/tasks/{task}" for (_who, kind, name), _value in things):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(things)

    def kept(self, kind: str, who: str = "") -> list[Any]:
        """What lies in the store of one kind, still sealed."""
        things = self.page.evaluate(KEPT)["databases"].get("shouwang/things", [])
        return [value for (owner, what, _name), value in things if what == kind and who in ("", owner)]

    def until_kept(self, kind: str, number: int = 1) -> None:
        """Wait for the store to hold so many things of a kind."""
        for _ in range(100):
            if len(self.kept(kind)) == number:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError((kind, number, self.kept(kind)))


def fill() -> None:
    """Units and people, and a child whose visit falls due."""
    roles = list(releases.current_library().roles.values())
    with transaction() as session:
        people.settle(session, roles, random.Random(1))
    world = World(lambda _at: None)
    world.child(name=CHILD)


@pytest.fixture(scope="module")
def village(chromium: Browser, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A village with a child to visit."""
    at_rest = filled(tmp_path_factory.mktemp("village"), sqlite_template, fill)
    with running(chromium, tmp_path_factory.mktemp("copy"), at_rest) as made:
        yield made


@pytest.fixture
def phone(village: Site, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Phone]:
    """A phone with nothing on it."""
    made = Phone(village, tmp_path / "profile", getattr(request, "param", "zh"))
    yield made
    made.context.close()
    village.contexts.clear()
    village.cut = False


def ask_for_visit(site: Site) -> int:
    """A new visit falls due; returns its task."""
    with site.app.app_context():
        world = World(lambda _at: None)
        world.schedule("home-visit", practice.now() + timedelta(hours=1), world.cases("child")[0], child_id=1)
        deadlines.travel(practice.now() + timedelta(hours=1))
        query = sa.select(sa.func.max(TASK.c.id)).where(TASK.c.process == "home-visit", TASK.c.status == "open")
        return int(db.session.scalar(query) or 0)


def pass_hours(site: Site, hours: int) -> None:
    """The practice clock goes on."""
    with site.app.app_context():
        deadlines.travel(practice.now() + timedelta(hours=hours))


def sent(site: Site, task_id: int) -> list[dict[str, Any]]:
    """What was recorded of a task."""
    with site.app.app_context():
        rows = db.session.execute(sa.select(SUBMISSION).where(SUBMISSION.c.task_id == task_id))
        return [dict(row) for row in rows.mappings()]


def reports(site: Site) -> int:
    """How many reports there are."""
    with site.app.app_context():
        return int(db.session.scalar(sa.select(sa.func.count()).select_from(REPORT)) or 0)


def until(site: Site, page: Page, count: Any, number: int) -> None:
    """Wait until so many have arrived, and see that no more do."""
    for _ in range(100):
        if count() >= number:
            break
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")
    assert count() == number


def start_visit(phone: Phone, task: int, username: str = "cunzhang") -> Person:
    """The director signs in, sees the list, and goes where there is no network."""
    someone = phone.sign_in(username)
    phone.page.goto("/inbox?view=free")
    phone.until_page(task)
    phone.offline()
    phone.page.goto(f"/tasks/{task}")
    return someone


def fill_visit(phone: Phone, someone: Person, task: int, **more: Any) -> None:
    """The form, as one fills it in a yard."""
    with phone.site.app.app_context():
        row = dict(db.session.execute(listing.base().where(TASK.c.id == task)).mappings().one())
    someone.fill_task(row, {"seen": "alone", "finding": "normal", "child_words": WORDS, **more})
    phone.page.wait_for_timeout(400)


def submit(phone: Phone) -> None:
    """Press the button; without network the page of what is not sent comes."""
    phone.page.locator("#task-form button[data-submit]").click()
    phone.page.wait_for_url("**/unsent*")


def fill_report(page: Page, words: str = WORDS) -> None:
    """The report on one page."""
    for name in ("reported_situations", "safe_adult_now", "reporter_kind"):
        page.locator(f'[name={name}][value="{REPORTED[name]}"]').check(force=True)
    page.fill("[name=facts]", words)
    page.fill("[name=place]", REPORTED["place"])
    page.wait_for_timeout(400)


@PHONES
def test_a_visit_is_kept_shown_and_sent_once(phone: Phone, village: Site) -> None:
    task, lang = ask_for_visit(village), phone.lang
    someone = start_visit(phone, task)
    fill_visit(phone, someone, task)
    look(phone.page, f"offline-visit-phone-{lang}")
    submit(phone)
    item = phone.page.locator(ITEMS)
    expect(item).to_have_count(1)
    expect(item).to_contain_text(CHILD)
    look(phone.page, f"offline-unsent-phone-{lang}")
    assert sent(village, task) == []
    assert WORDS not in str(phone.page.evaluate(KEPT))

    phone.restart()
    phone.offline()
    phone.page.goto("/inbox")
    expect(phone.page.locator(ITEMS)).to_have_count(1)
    pass_hours(village, 6)
    phone.online()
    phone.page.goto("/inbox")
    expect(phone.page.locator("[data-kept-bar]")).to_be_visible()
    look(phone.page, f"offline-sign-in-phone-{lang}")
    phone.sign_in("cunzhang")
    until(village, phone.page, lambda: len(sent(village, task)), 1)
    phone.page.goto("/inbox")
    expect(phone.page.locator("[data-kept-bar]")).not_to_be_visible()
    assert len(sent(village, task)) == 1
    row = sent(village, task)[0]
    assert timedelta(hours=5) < row["recorded_at"] - row["occurred_at"] < timedelta(hours=7)
    assert phone.kept("unsent") == []
    assert phone.kept("draft") == []


@PHONES
def test_a_report_is_kept_shown_and_sent_once(phone: Phone, village: Site) -> None:
    before, page, lang = reports(village), phone.page, phone.lang
    page.goto("/report/")
    phone.ready()
    phone.offline()
    page.goto("/report/")
    page.locator("form.public-form button.btn-go").click()
    expect(page.locator("[data-kept-line]")).to_contain_text("5")
    fill_report(page)
    look(page, f"offline-report-phone-{lang}")
    page.locator("form.public-form button.btn-go").click()
    page.wait_for_url("**/unsent*")
    expect(page.locator(ITEMS)).to_have_count(1)
    assert WORDS not in str(page.evaluate(KEPT))
    assert reports(village) == before

    phone.restart()
    page = phone.page
    page.goto("/report/")
    until(village, page, lambda: reports(village), before + 1)
    page.locator("[data-kept-bar]").click()
    receipt = page.locator("[data-receipt]")
    expect(receipt).to_be_visible()
    look(page, f"offline-receipt-phone-{lang}")
    number, code = receipt.locator("dd").all_inner_texts()
    page.locator("[data-noted]").click()
    expect(page.locator(ITEMS)).to_have_count(0)
    page.goto("/report/ask")
    page.fill("[name=number]", number)
    page.fill("[name=code]", code)
    page.locator("button.btn-go").click()
    expect(page.locator("input[name=more], textarea[name=more]")).to_be_visible()
    assert reports(village) == before + 1
    assert phone.kept("unsent") == []


class Losing:
    """An application whose next answers to a POST are lost on their way, after the work was done."""

    def __init__(self, app: Any) -> None:
        self.app, self.lost, self.posts = app, 0, 0

    def __call__(self, environ: Any, start: Any) -> Any:
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] in ("/report/", "/kept/report"):
            self.posts += 1
            if environ["PATH_INFO"] == "/report/" and self.posts > 2:
                list(self.app(environ, lambda *_: None))
                self.lost += 1
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return self.app(environ, start)


@pytest.mark.parametrize("keyed", [True, False])
def test_an_answer_that_was_lost_makes_no_second_report(
    phone: Phone, village: Site, monkeypatch: pytest.MonkeyPatch, keyed: bool
) -> None:
    """The last step arrives, its answer does not; the phone sends again. Without the key that would be two."""
    if not keyed:
        monkeypatch.setattr(forms, "key", lambda _data: None)
    losing = Losing(village.app.wsgi_app)
    monkeypatch.setattr(village.app, "wsgi_app", losing)
    before, page = reports(village), phone.page
    page.goto("/report/")
    phone.ready()
    page.locator('[name=reported_situations][value="living_alone"]').check(force=True)
    page.locator('[name=safe_adult_now][value="no"]').check(force=True)
    page.fill("[name=facts]", WORDS)
    page.locator("button.btn-go[value=next]").click()
    page.fill("[name=place]", "村口")
    page.locator("button.btn-go[value=next]").click()
    page.locator('[name=reporter_kind][value="anonymous"]').check(force=True)
    village.cut = True
    page.locator("button.btn-go[value=send]").click()
    page.wait_for_url("**/unsent*")
    expect(page.locator("[data-receipt]")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert losing.lost >= 1
    assert (reports(village) == before + 1) is keyed


def test_a_draft_outlives_the_browser(phone: Phone, village: Site) -> None:
    """Half a form, no network, and the phone is switched off."""
    task = ask_for_visit(village)
    someone = start_visit(phone, task)
    phone.page.locator("[name=seen][value=alone]").check(force=True)
    phone.page.locator("textarea[name=child_words]").fill(WORDS)
    phone.until_kept("draft")
    phone.page.goto("/kept/zh/unsent")
    expect(phone.page.locator(ITEMS)).to_contain_text("还没写完")
    look(phone.page, "offline-draft-phone-zh")
    phone.restart()
    phone.sign_in("cunzhang")
    phone.page.goto(f"/tasks/{task}")
    expect(phone.page.locator("textarea[name=child_words]")).to_have_value(WORDS)
    phone.until_kept("draft", 0)  # the server has it now
    assert someone is not None


def test_a_newer_draft_of_another_device_is_not_overwritten(phone: Phone, village: Site) -> None:
    """Both are there: the server's is shown, and the phone's can take its place."""
    task = ask_for_visit(village)
    start_visit(phone, task)
    phone.page.locator("[name=seen][value=alone]").check(force=True)
    phone.page.locator("textarea[name=child_words]").fill(WORDS)
    phone.until_kept("draft")
    pass_hours(village, 1)
    other = village.person("cunzhang").page
    other.goto(f"/tasks/{task}")
    other.locator("[name=seen][value=alone]").check(force=True)
    other.locator("textarea[name=child_words]").fill("另一台机器上写的")
    expect(other.locator("[data-draft-line]")).to_contain_text("草稿已存")
    other.close()
    phone.online()
    page = phone.page
    page.goto(f"/tasks/{task}")
    words = page.locator("textarea[name=child_words]")
    expect(words).to_have_value("另一台机器上写的")
    look(page, "offline-two-drafts-phone-zh")
    page.locator("[data-kept-swap]").click()
    expect(words).to_have_value(WORDS)


def test_sign_out_asks_and_leaves_nothing(phone: Phone, village: Site) -> None:
    task = ask_for_visit(village)
    someone = start_visit(phone, task)
    fill_visit(phone, someone, task)
    submit(phone)
    page = phone.page
    with village.app.app_context(), transaction() as session:  # somebody else was first, so that it stays unsent
        session.execute(sa.update(TASK).where(TASK.c.id == task).values(version=TASK.c.version + 1))
    phone.online()
    page.goto("/inbox")
    expect(page.locator("[data-kept-bar]")).to_be_visible()
    alias = page.locator("html").get_attribute("data-who") or "?"
    assert phone.kept("page", alias)
    page.locator("details.person summary").click()
    page.locator("form[data-sign-out] button").first.click()
    ask = page.locator("[data-sign-out-ask]")
    expect(ask).to_contain_text("1")
    look(page, "offline-sign-out-phone-zh")
    page.locator("[data-leave=stay]").click()
    expect(ask).not_to_be_visible()
    assert phone.kept("unsent", alias)
    page.locator("form[data-sign-out] button").first.click()
    page.locator("[data-leave=anyway]").click()
    page.wait_for_url("**/account/login*")
    page.wait_for_load_state("networkidle")
    left = page.evaluate(KEPT)
    assert left["local"] == left["session"] == {}
    assert left["databases"]["shouwang/things"] == left["databases"]["shouwang/keys"] == []
    assert [name for name, _ in left["databases"]["shouwang/facts"]] == ["ahead", "lang"]
    assert all("/static/" in url or "/kept/" in url for url in left["caches"])
    for secret in (WORDS, CHILD, alias, "cunzhang", f"/tasks/{task}"):
        assert secret not in str(left), secret
    phone.offline()
    page.goto(f"/tasks/{task}")
    expect(page.locator("#task-form")).to_have_count(0)
    assert CHILD not in page.content()


def test_another_person_sees_nothing_of_the_first(phone: Phone, village: Site) -> None:
    """The first one's session has ended, and somebody else signs in; the first comes back, and nothing is lost."""
    task = ask_for_visit(village)
    someone = start_visit(phone, task)
    fill_visit(phone, someone, task)
    submit(phone)
    phone.restart()
    phone.sign_in("dudao")
    page = phone.page
    page.wait_for_load_state("networkidle")
    expect(page.locator("[data-kept-bar]")).not_to_be_visible()
    page.goto("/kept/zh/unsent")
    expect(page.locator("[data-unsent-title]")).to_have_text("都发出去了")
    assert CHILD not in page.content()
    assert phone.kept("page") == []
    assert sent(village, task) == []
    phone.offline()
    page.goto(f"/tasks/{task}")
    expect(page.locator("[data-unsent-title]")).to_be_visible()
    expect(page.locator(ITEMS)).to_have_count(0)
    assert CHILD not in page.content()
    phone.online()
    page.goto("/inbox")
    page.locator("details.person summary").click()
    page.locator("form[data-sign-out] button").first.click()
    page.wait_for_url("**/account/login*")
    phone.sign_in("cunzhang")
    until(village, page, lambda: len(sent(village, task)), 1)


@PHONES
def test_a_conflict_shows_both(phone: Phone, village: Site) -> None:
    task, lang = ask_for_visit(village), phone.lang
    someone = start_visit(phone, task)
    fill_visit(phone, someone, task)
    submit(phone)
    with village.app.app_context():
        row = db.session.execute(sa.select(TASK).where(TASK.c.id == task)).mappings().one()
        other = World(lambda _at: None)
        other.send_task(row, {"seen": "alone", "finding": "key", "child_words": "别人记下的话"})
    phone.online()
    page = phone.page
    page.locator("[data-retry]").click()
    expect(page.locator("[data-compare]")).to_be_visible()
    look(page, f"offline-conflict-unsent-phone-{lang}")
    page.locator("[data-compare]").click()
    expect(page.locator(".conflict")).to_contain_text(WORDS)
    look(page, f"offline-conflict-phone-{lang}")
    assert len(sent(village, task)) == 1
    page.goto(f"/kept/{lang}/unsent")
    page.locator("[data-discard] summary").click()
    page.evaluate(
        "document.querySelector('[data-key]').dataset.old = ''; document.dispatchEvent(new Event('kept-changed'))"
    )
    expect(page.locator("[data-old]")).to_have_count(0)
    expect(page.locator("[data-discard] summary")).to_be_focused()  # drawn again, what was opened stays open
    page.locator("[data-discard-it]").click()
    expect(page.locator(ITEMS)).to_have_count(0)


def test_a_network_that_hangs_gives_the_kept_page(phone: Phone, village: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One bar of signal: the page is asked for and never comes."""
    task, over = ask_for_visit(village), threading.Event()
    phone.sign_in("cunzhang")
    phone.page.goto("/inbox?view=free")
    phone.until_page(task)
    answer = village.app.wsgi_app

    def hang(environ: Any, start: Any) -> Any:
        if environ["PATH_INFO"] == f"/tasks/{task}":
            over.wait(60)
        return answer(environ, start)

    monkeypatch.setattr(village.app, "wsgi_app", hang)
    try:
        phone.page.goto(f"/tasks/{task}")
        expect(phone.page.locator("[data-kept-old]")).to_be_visible()
        expect(phone.page.locator("#task-form")).to_be_visible()
    finally:
        over.set()


def test_other_steps_say_that_they_were_not_done(phone: Phone, village: Site) -> None:
    task = ask_for_visit(village)
    phone.sign_in("cunzhang")
    phone.page.goto(f"/tasks/{task}")
    phone.page.wait_for_load_state("networkidle")
    phone.offline()
    phone.page.locator("form[action$='/claim'] button").click()
    expect(phone.page.locator("[data-not-done]")).to_be_visible()
    look(phone.page, "offline-not-done-phone-zh")
