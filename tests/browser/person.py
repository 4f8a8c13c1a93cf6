"""Somebody at a browser: signs in, finds a task, fills its form, looks at what comes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Page, expect

from app.db import db, table
from app.demo.answers import plausible
from app.models import Instance, Task
from app.rules.forms import Form
from app.services import choices, practice
from app.services.inbox import listing
from app.services.library import library
from app.services.practice import PASSWORD
from app.web import forms
from tests.browser.looks import picture, settle

TASK, INSTANCE = table(Task), table(Instance)


class Person:
    """One browser page and the person before it."""

    def __init__(self, page: Page, app: Flask) -> None:
        self.page, self.app = page, app
        self.rng = random.Random(7)

    def sign_in(self, username: str) -> None:
        """Sign in with the practice password."""
        self.page.goto("/account/login")
        self.page.fill("input[name=username]", username)
        self.page.fill("input[name=password][type=password]", PASSWORD)
        self.page.locator("form[name=login_user_form] button.btn-go").click()
        self.page.wait_for_url(lambda url: "/account/login" not in url)

    def look(self, name: str) -> None:
        """Keep a picture of the whole page."""
        settle(self.page)
        picture(self.page, name)

    def find(self, process: str, element: str) -> dict[str, Any]:
        """The open task there, as the database has it."""
        with self.app.app_context():
            query = listing.base().where(TASK.c.status == "open", TASK.c.process == process, TASK.c.element == element)
            rows = [dict(row) for row in db.session.execute(query.order_by(TASK.c.id.desc())).mappings()]
            assert rows, f"no open task {process}.{element}; open: {self._open()}"
            return rows[0]

    def _open(self) -> list[str]:
        query = sa.select(TASK.c.process, TASK.c.element).where(TASK.c.status == "open")
        return [f"{process}.{element}" for process, element in db.session.execute(query)]

    def take(self, process: str, element: str) -> dict[str, Any]:
        """Find the task among those free to take, open it from the list and claim it."""
        task = self.find(process, element)
        self.page.goto("/inbox?view=free")
        self.page.locator(f'.inbox-list form[action="/tasks/{task["id"]}/claim"] button').click()
        self.page.wait_for_url(f"**/tasks/{task['id']}")
        expect(self.page.locator("#task-form")).to_be_visible()
        return task

    def do(self, process: str, element: str, picture: str = "", **wanted: Any) -> None:
        """Take a task, fill its form and send it."""
        task = self.take(process, element)
        self.fill_task(task, wanted)
        if picture:
            self.look(picture)
        self.page.locator("#task-form button[data-submit]").click()
        self.page.wait_for_url("**/cases/**")

    def fill_task(self, task: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """Type plausible answers, and the wanted ones, into the task's form."""
        with self.app.app_context():
            books = library(db.session(), task["release_id"])
            form = books.form(books.definition(task["process"]).element(task["process"], task["element"]).form or "")
            offered = choices.of(db.session(), task, form, "zh")
            raw = plausible(form, offered, self.rng, practice.now(), dict(wanted))
        self.fill(form, raw)

    def fill(self, form: Form, raw: Mapping[str, Any]) -> None:
        """Type answers into the form on the page, field by field."""
        for name, value in forms.write(form, raw).items(multi=True):
            self._enter(name, value)

    def _enter(self, name: str, value: str) -> None:
        box = self.page.locator(f'#task-form [name="{name}"], main form [name="{name}"]')
        if not box.count() and "-" in name:
            self.page.locator(f'button[name=_add_row][value="{name.partition("-")[0]}"]').click()
            box.first.wait_for()
        first = box.first
        kind, tag = first.get_attribute("type"), first.evaluate("e => e.tagName")
        if kind in ("radio", "checkbox"):
            choice = self.page.locator(f'[name="{name}"][value="{value}"]')
            choice.evaluate("e => e.scrollIntoView({block: 'center'})")
            choice.check(force=True)
        elif tag == "SELECT":
            township = first.locator("xpath=preceding-sibling::select[contains(@class, 'places-first')]")
            if township.count():
                township.select_option("")  # every township's villages
            first.select_option(value)
        elif kind != "hidden":
            first.fill(value)
