"""What a page looks like: a picture of it, axe's findings, whether it sticks out sideways."""

from __future__ import annotations

import time
from pathlib import Path
from weakref import WeakKeyDictionary

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request

PICTURES = Path(__file__).resolve().parent.parent / "pictures"
LOOKS = [("zh", False), ("zh", True), ("en", False), ("en", True)]
PAIR = [("zh", False), ("en", True)]
"""Each language and each size once: for what people do on pages that test_every_page.py shows in all looks."""
AXE = Axe()
UNSEEN_BY_AXE = ("desktop-en", "phone-zh")
"""Of a page's four looks axe sees the other two, PAIR."""
ASKED: WeakKeyDictionary[Page, set[Request]] = WeakKeyDictionary()
"""What each page has asked for that has not come yet."""
LONGEST = 5.0
"""Seconds to wait for what never comes; the picture then shows it."""
STYLED = """words => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(words);
    document.adoptedStyleSheets = [sheet];
}"""
UNSTUCK = ".tabs, .task-bar, .replay-bar { position: static !important }"
QUIET = """() => Promise.race([
    new Promise(done => requestIdleCallback(() => requestAnimationFrame(() => done()))),
    new Promise(done => setTimeout(done, 2000))])"""
DRAWN = "() => [...document.querySelectorAll('[data-diagram][data-xml]')].every(one => one.querySelector('.bjs-powered-by'))"
FAULTS = """() => axe.run(document, {resultTypes: ["violations"]}).then(
    found => found.violations.map(one => [one.id, one.nodes[0].html.slice(0, 160)]))"""


def named(lang: str, *, phone: bool) -> str:
    """The end of a picture's name."""
    return f"{'phone' if phone else 'desktop'}-{lang}"


def watch(page: Page) -> None:
    """From now on know what the page is waiting for."""
    asked = ASKED.setdefault(page, set())

    def sent(one: Request) -> None:
        asked.add(one)

    def over(one: Request) -> None:
        asked.discard(one)

    page.on("request", sent)
    page.on("requestfinished", over)
    page.on("requestfailed", over)


def settle(page: Page) -> None:
    """Wait until its scripts have had their turn, its diagrams are drawn, and nothing is on its way.

    Half a second shorter for each page than waiting until the network has been idle for half a second.
    """
    page.wait_for_load_state("load")
    page.evaluate(QUIET)
    until = time.monotonic() + LONGEST
    while ASKED[page] and time.monotonic() < until:
        page.evaluate(QUIET)
    page.wait_for_function(DRAWN)
    page.evaluate(QUIET)


def picture(page: Page, name: str) -> None:
    """Keep a picture of the whole page; bars that stay in sight while one scrolls do not lie across its middle."""
    page.evaluate(STYLED, UNSTUCK)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
    page.evaluate(STYLED, "")


def faults(page: Page, name: str, *, alone: bool = False) -> list[str]:
    """What axe finds, and how far the page sticks out sideways.

    Axe looks at two of a page's four looks; a picture that stands `alone` it sees in any case.
    """
    found = []
    if alone or not name.endswith(UNSEEN_BY_AXE):
        page.evaluate(AXE.axe_script)
        found = [f"{rule}: {html}" for rule, html in page.evaluate(FAULTS)]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, *([f"scrolls sideways by {wide} px"] if wide > 0 else [])]


def look(page: Page, name: str, *, alone: bool = False) -> None:
    """Keep a picture, let axe look too, and see that nothing sticks out sideways."""
    settle(page)
    picture(page, name)
    found = faults(page, name, alone=alone)
    assert not found, (name, found)
