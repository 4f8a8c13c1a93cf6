"""For operators: alive, ready, figures; who may read them, and that they name nobody."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.db import db
from app.models import Release
from tests import conftest
from tests.api.site import MARKS, Site

GAUGES = ("tasks_open", "tasks_overdue", "deadlines_due", "outbox_waiting", "incidents_open")


def test_alive_needs_nothing(shared_site: Site) -> None:
    answer = shared_site.anonymous().get("/healthz")
    assert (answer.status_code, answer.text, answer.content_type) == (200, "ok\n", "text/plain; charset=utf-8")


def test_ready_when_migrated_and_published(shared_site: Site) -> None:
    assert shared_site.anonymous().get("/readyz").status_code == 200


def _ready(site: Site, statement: sa.Executable) -> tuple[int, str]:
    with site.app.app_context():
        db.session.execute(statement)
        db.session.commit()
    answer = site.anonymous().get("/readyz")
    return answer.status_code, answer.text


def test_not_ready_before_a_release_is_published(site: Site) -> None:
    assert _ready(site, sa.update(Release).values(published_at=None)) == (503, "还没有发布任何流程版本。\n")


@pytest.mark.parametrize("version", ["0000", None])
def test_not_ready_before_the_newest_migration(site: Site, version: str | None) -> None:
    statement = (
        "DELETE FROM alembic_version" if version is None else f"UPDATE alembic_version SET version_num = '{version}'"
    )
    assert _ready(site, sa.text(statement)) == (503, "数据库结构不是最新的，请先执行升级。\n")


@pytest.mark.parametrize("url", ["postgresql+psycopg://nobody@127.0.0.1:1/none", "sqlite:////no/such/folder/none.db"])
def test_not_ready_without_a_database_but_alive(url: str, tmp_path: Path) -> None:
    client = create_app(conftest.settings(url, tmp_path)).test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "数据库连不上。\n")


def _figures(site: Site) -> dict[str, float]:
    text = site.anonymous().get("/metrics").text
    return {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


def test_figures_say_how_much_waits(shared_site: Site) -> None:
    figures = _figures(shared_site)
    assert {f"shouwang_{name}" for name in GAUGES} <= figures.keys()
    open_tasks = shared_site.rows(sa.text("SELECT count(*) AS n FROM task WHERE status = 'open'"))[0]["n"]
    assert figures["shouwang_tasks_open"] == open_tasks
    assert figures["shouwang_tasks_overdue"] == 2
    assert figures["shouwang_incidents_open"] == 0
    assert figures["shouwang_step_seconds_count"] > 0


def test_figures_name_nobody(shared_site: Site) -> None:
    text = shared_site.anonymous().get("/metrics").text
    assert not any(mark in text for mark in MARKS)
    assert set(re.findall(r"{(\w+)=", text)) <= {"le"}


@pytest.mark.parametrize(
    "environment",
    [{"REMOTE_ADDR": "10.0.0.7"}, {"HTTP_X_FORWARDED_FOR": "10.0.0.7"}, {"HTTP_FORWARDED": "for=10.0.0.7"}],
)
def test_without_a_token_figures_are_for_this_machine(shared_site: Site, environment: dict[str, str]) -> None:
    answer = shared_site.anonymous().client.get("/metrics", environ_overrides=environment)
    assert answer.status_code == 404
    assert "shouwang_tasks" not in answer.text


@pytest.fixture
def guarded(site: Site) -> Site:
    """The installation with METRICS_TOKEN set."""
    site.app.config["SETTINGS"] = replace(site.app.config["SETTINGS"], metrics_token="a-token")
    return site


@pytest.mark.parametrize(
    ("sent", "status"), [("Bearer a-token", 200), ("Bearer b-token", 404), ("a-token", 404), ("", 404), ("é", 404)]
)
def test_with_a_token_figures_are_for_its_holder(guarded: Site, sent: str, status: int) -> None:
    answer = guarded.anonymous().client.get("/metrics", headers={"Authorization": sent})
    assert answer.status_code == status
