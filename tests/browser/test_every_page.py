"""Every page there is, in every look: Chinese and English, desktop and phone, pictured and seen by axe.

Nothing here lists the pages. The addresses come from the url map, each asked of people of the practice
data until somebody gets a page; what answers no page to anybody must be on the list that says why. The
other way round, every template that makes a page must have made one that was pictured, so that what only
a form's answer shows (an error, a conflict, a receipt) is looked at too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask, template_rendered, url_for
from jinja2 import Template
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.db import db, table
from app.demo.people import VILLAGE
from app.models import Case, Instance, Submission, Task, Unit, User
from app.rules import access
from app.services import people
from app.services.history import samples
from app.services.paperwork import papers
from app.services.studio import draft_files, drafts
from tests.browser.conftest import Site, sign
from tests.browser.looks import LOOKS, faults, named, picture, settle
from tests.browser.person import Person

CASE, INSTANCE, SUBMISSION, TASK, UNIT, USER = (
    table(model) for model in (Case, Instance, Submission, Task, Unit, User)
)
TEMPLATES = Path(__file__).resolve().parents[2] / "app" / "web" / "templates"
EXTENDS = re.compile(r'{% extends "([^"]+)" %}')
NOBODY = ""
PEOPLE = (NOBODY, "dudao", "cunzhang", "kezhang", "suozhang", "shenji", "fazhi", "guanli", "zhengce", "shenhe")
"""Who is asked for a page, in this order; the first who gets one is looked over the shoulder."""
NO_PAGE = {
    "api-*": "answers programs, in JSON",
    "audit.moment": "the parts of the replay that its script changes",
    "audit.export_reads": "a download",
    "cases.xml": "a diagram's file",
    "drafts.file": "a file of a draft",
    "desk.home": "leads on to the first section",
    "desk.pulse": "tells the inbox's script whether something is new",
    "files.show": "an attached file",
    "help.picture": "a guide's picture",
    "health.*": "answers machines",
    "kept.session": "tells a phone who is signed in, in JSON",
    "kept.visits": "tells a phone which visits to keep, in JSON",
    "kept.worker": "the service worker's script",
    "locale.switch": "leads back, in the other language",
    "papers.file": "a paper's file",
    "papers.sheet": "a sheet of a paper as a picture",
    "papers.template": "a template's file",
    "people.mine": "leads on to one's own page",
    "people.my_away": "leads on to one's own page",
    "population.export": "a download",
    "processes.xml": "a diagram's file",
    "refused": "the tests' own, for error pages",
    "studio.xml": "a diagram's file",
    "security.static": "the sign-in library's files",
    "static": "scripts, styles and pictures",
}
"""Addresses that answer no page, and what they answer instead. Were one to answer a page, the test fails."""
NO_TEMPLATE = {
    "base.html": "the frame",
    "components.html": "every part in every state, served by tests alone",
    "errors/page.html": "the frame of error pages",
    "report/step.html": "the frame of the report's steps",
    "security/base.html": "the frame of account pages",
}


def is_page(answer: TestResponse) -> bool:
    """Whether this is a whole page, not a part of one, and not a file."""
    return answer.mimetype == "text/html" and answer.text.lstrip().lower().startswith("<!doctype html")


def page_templates() -> set[str]:
    """The templates that make a page: those that stand, through others perhaps, in the frame."""
    above = {
        str(path.relative_to(TEMPLATES)): (EXTENDS.search(path.read_text()) or ("", ""))[1]
        for path in TEMPLATES.rglob("*.html")
    }

    def framed(name: str) -> bool:
        return name == "base.html" or (name in above and framed(above[name]))

    return {name for name in above if framed(name)} - NO_TEMPLATE.keys()


@dataclass
class Walk:
    """The town, what stands for each part of an address, and what was pictured in which looks."""

    site: Site
    values: Mapping[str, Any]
    special: Mapping[str, Mapping[str, Any]]
    pages: dict[tuple[str, str, bool], Page] = field(default_factory=dict)
    shown: dict[str, set[tuple[str, bool]]] = field(default_factory=dict)
    """By template."""
    faults: list[str] = field(default_factory=list)

    def page(self, who: str, lang: str, *, phone: bool) -> Page:
        """The browser of that person in that look."""
        key = (who, lang, phone)
        if key not in self.pages:
            site, look = self.site, {"lang": lang, "phone": phone}
            self.pages[key] = site.page(**look) if who == NOBODY else site.person(who, **look).page  # type: ignore[arg-type]
        return self.pages[key]

    def address(self, rule: Rule, lang: str = "zh") -> str:
        """Where a rule leads in this town."""
        known = {**self.values, **self.special.get(rule.endpoint, {}), "lang": lang}
        missing = rule.arguments - known.keys()
        assert not missing, f"{rule}: say in `values` what stands for {missing}"
        with self.site.app.test_request_context():
            wanted = rule.arguments | self.special.get(rule.endpoint, {}).keys()
            return url_for(rule.endpoint, **{name: known[name] for name in wanted})

    def look(self, what: str, page: Page, lang: str, *, phone: bool) -> None:
        """Picture what is on this page now."""
        name = f"{what}-{named(lang, phone=phone)}"
        settle(page)
        picture(page, name)
        self.faults += [f"{name}: {fault}" for fault in faults(page, name)]

    def go(self, what: str, who: str, address: Callable[[str], str]) -> None:
        """Picture what answers at an address, in every look."""
        for lang, phone in LOOKS:
            page = self.page(who, lang, phone=phone)
            with self.making(lang, phone=phone):
                page.goto(address(lang))
            self.look(what, page, lang, phone=phone)

    @contextmanager
    def making(self, lang: str, *, phone: bool) -> Iterator[None]:
        """Note which templates make the page that comes."""

        def note(_app: Flask, template: Template, **_: Any) -> None:
            self.shown.setdefault(template.name or "", set()).add((lang, phone))

        with template_rendered.connected_to(note, self.site.app):
            yield


# --- the town ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walk(town: Site) -> Walk:
    """The town with a paper drawn up, a sample drawn and the log signed, and an example of everything."""
    with town.app.app_context():
        values, special = _examples(db.session())
    sign(town)
    return Walk(town, values, special)


def _examples(session: Session) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What stands for each part of an address; and where a page needs another one than the rest."""

    def first(query: sa.Select[Any], *where: Any) -> Any:
        found = session.scalars(query.where(*where)).first()
        assert found is not None, str(query)
        return found

    user = {name: first(sa.select(USER.c.id), USER.c.username == name) for name in PEOPLE if name}
    here = CASE.c.path.contains(VILLAGE[:9])
    tasks = sa.select(TASK.c.id).join(CASE, CASE.c.id == TASK.c.case_id).order_by(TASK.c.id)
    instances = sa.select(INSTANCE.c.id).join(CASE, CASE.c.id == INSTANCE.c.case_id).order_by(INSTANCE.c.id)
    instance = first(instances, INSTANCE.c.process == "assessment-help", INSTANCE.c.status == "running", here)
    petition = first(instances.with_only_columns(CASE.c.id), INSTANCE.c.process == "revocation-petition")
    closed = first(tasks, TASK.c.status == "done", TASK.c.closed_by == user["dudao"])
    visit = first(tasks, TASK.c.status == "open", TASK.c.process == "home-visit", TASK.c.role == "village_worker")
    case = first(instances.with_only_columns(CASE.c.id), INSTANCE.c.id == instance)
    values = {
        "case_id": case, "instance_id": instance,
        "other_id": first(sa.select(CASE.c.id), CASE.c.kind == "child", CASE.c.id != case, here, CASE.c.sealed.is_(False)),
        "process": "assessment-help", "message": "performance_changed", "user_id": user["dudao"],
        "task_id": first(tasks, TASK.c.status == "open", TASK.c.role == "township_worker", here),
        "submission_id": first(sa.select(SUBMISSION.c.id), SUBMISSION.c.form == "F17"),
        "paper_id": papers.draft(people.person(session, user["fazhi"]), petition, "petition"), "form": "pdf", "sheet": 1,
        "sample_id": samples.draw(people.person(session, user["shenji"]), "4"),
        "unit_id": first(sa.select(UNIT.c.id), UNIT.c.code == f"{VILLAGE[:9]}-police"), "role": "police_officer",
        "page": "caseworker", "release": 1, "draft_id": _draft(people.person(session, user["zhengce"])), "path": "bpmn/deadlines.json", "key": "inbox", "name": "none",
        "judged": petition, "kind": "petition", "version": 1, "filename": "none", "file_id": 0, "status": 409,
    }  # fmt: skip
    waits = first(
        instances.join(TASK, TASK.c.instance_id == INSTANCE.c.id), INSTANCE.c.process == "assessment-help",
        TASK.c.status == "open", CASE.c.risk.in_(("orange", "yellow", "green")), CASE.c.path.contains(VILLAGE[:6]),
        CASE.c.facts["unattended_now"].as_boolean().is_(False),
    )  # fmt: skip
    return values, {
        "oversight.run": {"instance_id": waits},
        "one_child.attach": {
            "case_id": first(sa.select(CASE.c.id), CASE.c.kind == "report", CASE.c.sealed.is_(False), here)
        },
        "studio.compare": {"before": 1, "after": 1},
        "desk.correct": {"task_id": closed},
        "kept.visit": {"task_id": visit},
    }


def _draft(person: access.Person) -> int:
    """A draft that shortens a deadline, so that its pages have something to show."""
    made = drafts.make(person, "出警期限改为12小时")
    text = draft_files.text(person, made, "bpmn/deadlines.json").content
    draft_files.save(person, made, "bpmn/deadlines.json", text.replace(b'"PT24H"', b'"PT12H"', 1), 0)
    return made


# --- the pages ---------------------------------------------------------------------------------


def test_every_address_that_answers_a_page_is_pictured(walk: Walk) -> None:
    """The url map, walked: a page to somebody, or on the list of what is none, and not on both."""
    clients = {who: walk.site.client(who) if who else walk.site.app.test_client() for who in PEOPLE}
    wrong = []
    for rule in walk.site.app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        reason = next((why for pattern, why in NO_PAGE.items() if fnmatch(rule.endpoint, pattern)), "")
        answers = ((who, client.get(walk.address(rule), buffered=True)) for who, client in clients.items())
        who, got = next(((who, answer) for who, answer in answers if answer.status_code == HTTPStatus.OK), (None, None))
        if got is None or not is_page(got):
            who = None
        if who is None and not reason:
            wrong.append(f"{rule}: a page to nobody; {got.content_type if got else 'not even an answer'}")
        elif who is not None and reason:
            wrong.append(f"{rule}: a page to {who or 'anybody'}, though it {reason}")
        elif who is not None:
            walk.go(f"page-{rule.endpoint.replace('.', '-')}", who, partial(walk.address, rule))
    assert not wrong, "\n".join(wrong)
    assert not walk.faults, "\n".join(walk.faults)


def test_pages_in_other_states(walk: Walk) -> None:
    here = walk.values
    with walk.site.app.app_context():
        closed = db.session.scalar(sa.select(sa.func.min(CASE.c.id)).where(
            CASE.c.status == "closed", CASE.c.kind == "report", CASE.c.sealed.is_(False), CASE.c.path.contains(VILLAGE[:9])))  # fmt: skip
    for what, who, path in (
        ("page-no-page", NOBODY, "/nowhere"),
        *((f"page-refused-{status}", "dudao", f"/refused/{status}") for status in (403, 404, 409, 422, 429, 500)),
        *((f"page-inbox-{view}", "dudao", f"/inbox?view={view}") for view in ("free", "overdue", "unit", "delegated")),
        ("page-case-closed", "suozhang", f"/cases/{closed}"),
        ("page-case-auditor", "shenji", f"/cases/{here['case_id']}"),
        ("page-notices-auditor", "shenji", "/notices"),
        ("page-oversight-head", "kezhang", "/oversight/"),
        ("page-people-own", "dudao", "/people/me"),
        ("page-people-admin", "guanli", "/people/"),
        ("page-people-leave", "guanli", f"/people/{here['user_id']}"),
        ("page-case-judged", "fazhi", f"/cases/{here['judged']}"),
    ):
        walk.go(what, who, lambda _lang, path=path: path)
    assert not walk.faults, "\n".join(walk.faults)


# --- what only a form's answer shows ------------------------------------------------------------


def test_the_report_in_three_steps(walk: Walk) -> None:
    for lang, phone in LOOKS:
        page = walk.page(NOBODY, lang, phone=phone)
        page.goto("/report/")
        page.locator('[name=reported_situations][value="living_alone"]').check(force=True)
        page.locator('[name=safe_adult_now][value="no"]').check(force=True)
        page.fill("[name=facts]", "连续三晚家里没有大人。")
        for step, answer in (("where", "next"), ("who", "next"), ("done", "send")):
            with walk.making(lang, phone=phone), page.expect_navigation():
                page.locator(f"button.btn-go[value={answer}]").click()
            if step == "who":
                page.locator('[name=reporter_kind][value="anonymous"]').check(force=True)
            walk.look(f"page-report-{step}", page, lang, phone=phone)
            if step == "where":
                page.fill("[name=place]", "红柳滩村二组，村小对面")
                page.select_option("[name=village]", VILLAGE)
    assert not walk.faults, "\n".join(walk.faults)


def test_two_people_send_one_task(walk: Walk) -> None:
    """Four browsers of one person stand before the form; a fifth is faster than all of them."""
    person = Person(walk.page("dudao", "zh", phone=False), walk.site.app)
    task = person.take("assessment-help", "t2")
    pages = {(lang, phone): walk.page("dudao", lang, phone=phone) for lang, phone in LOOKS}
    for page in pages.values():
        page.goto(f"/tasks/{task['id']}")
        Person(page, walk.site.app).fill_task(task, {"strengths": "奶奶每天接送。"})
    faster = walk.site.person("dudao")
    faster.page.goto(f"/tasks/{task['id']}")
    faster.fill_task(task, {"strengths": "孩子爱画画。"})
    faster.page.locator("#task-form button[data-submit]").click()
    faster.page.wait_for_url("**/cases/**")
    for (lang, phone), page in pages.items():
        with walk.making(lang, phone=phone), page.expect_navigation():
            page.locator("#task-form button[data-submit]").click()
        expect(page.locator(".conflict")).to_be_visible()
        walk.look("page-conflict", page, lang, phone=phone)
    assert not walk.faults, "\n".join(walk.faults)


def test_an_address_waits_for_its_code(walk: Walk) -> None:
    for lang, phone in LOOKS:
        page, end = walk.page("dudao", lang, phone=phone), named(lang, phone=phone)
        page.goto("/account/notices")
        page.locator("[name=by][value=mail]").check(force=True)
        page.fill("[name=mail]", f"{end}@example.org")
        page.locator("form[action='/account/notices'] button").click()
        expect(page.locator(".flash")).to_have_count(2)
        walk.look("page-address-waits", page, lang, phone=phone)
        page.fill("[name=code-mail]", "12345")
        page.locator("form[action$='/confirm'] button").click()
        expect(page.locator("#code-mail-error")).to_be_visible()
        walk.look("page-address-wrong-code", page, lang, phone=phone)
    assert not walk.faults, "\n".join(walk.faults)


def test_no_reason_was_chosen(walk: Walk) -> None:
    """For ending a post, and for leaving: said beside the question, and nothing has ended."""
    for lang, phone in LOOKS:
        page = walk.page("guanli", lang, phone=phone)
        page.goto(f"/accounts/{walk.values['user_id']}")
        page.locator("#posts ~ ul details summary").first.click()
        page.locator("form[action$='/end'] button").first.click()
        expect(page.locator("[id^=why-][id$=-error]")).to_be_visible()
        walk.look("page-post-no-reason", page, lang, phone=phone)
        page.goto(f"/people/{walk.values['user_id']}")
        page.locator("details.leave summary").click()
        page.locator("[name=sure]").check(force=True)
        page.locator("form[action$='/leave'] button").click()
        expect(page.locator("#why-error")).to_be_visible()
        walk.look("page-leave-no-reason", page, lang, phone=phone)
    assert not walk.faults, "\n".join(walk.faults)


def test_somebody_gets_a_new_password(walk: Walk) -> None:
    with walk.site.app.app_context():
        someone = db.session.scalar(
            sa.select(sa.func.min(USER.c.id)).where(USER.c.username.startswith("class_teacher."))
        )
    for lang, phone in LOOKS:
        page = walk.page("guanli", lang, phone=phone)
        page.goto(f"/accounts/{someone}")
        with walk.making(lang, phone=phone), page.expect_navigation():
            page.locator("form[action$='/password'] button").click()
        walk.look("page-new-password", page, lang, phone=phone)
    assert not walk.faults, "\n".join(walk.faults)


def test_somebody_leaves(walk: Walk) -> None:
    """Four people with work in hand leave, one for each look."""
    with walk.site.app.app_context():
        holders = sa.select(TASK.c.assignee_id).where(TASK.c.status == "open", TASK.c.assignee_id.is_not(None))
        leaving = db.session.scalars(holders.distinct().order_by(TASK.c.assignee_id).limit(len(LOOKS))).all()
    for (lang, phone), user_id in zip(LOOKS, leaving, strict=True):
        page = walk.page("guanli", lang, phone=phone)
        page.goto(f"/people/{user_id}")
        page.locator("details.leave summary").click()
        walk.look("page-people-leaving", page, lang, phone=phone)
        page.select_option("[name=why]", index=1)
        page.locator("[name=sure]").check(force=True)
        with walk.making(lang, phone=phone), page.expect_navigation():
            page.locator("form[action$='/leave'] button").click()
        walk.look("page-people-left", page, lang, phone=phone)
    assert not walk.faults, "\n".join(walk.faults)


# --- the whole ---------------------------------------------------------------------------------


def test_every_template_of_a_page_was_pictured_in_every_look(walk: Walk) -> None:
    """Comes last: what no test above has shown in all four looks is named."""
    missing = {name: sorted(set(LOOKS) - walk.shown.get(name, set())) for name in page_templates()}
    assert not {name: looks for name, looks in missing.items() if looks}
