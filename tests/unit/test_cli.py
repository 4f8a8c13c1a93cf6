"""The command line, as scripts and operators use it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask_security.utils import verify_password
from sqlalchemy import update

from app import create_app
from app.db import db, table, transaction
from app.demo import load
from app.models import Deadline, Event, Post, Release, Task, User
from app.services import reports
from app.services._work import Actor
from tests.conftest import ROOT, START, rows, settings

Move = Callable[[datetime], None]
VILLAGE = "620702101201"


def run(app: Flask, *words: str, given: str | None = None, code: int = 0) -> Result:
    """A command's result; its exit code has to be `code`."""
    result = app.test_cli_runner().invoke(args=list(words), input=given)
    assert result.exit_code == code, (result.output, result.exception)
    assert "Traceback" not in result.output
    return result


def edited(folder: Path, path: str, before: str, after: str) -> Path:
    """A copy of the release's folder with one thing changed."""
    for name in ("bpmn", "forms"):
        shutil.copytree(ROOT / name, folder / name)
    text = (folder / path).read_text(encoding="utf-8")
    assert before in text
    (folder / path).write_text(text.replace(before, after), encoding="utf-8")
    return folder


# --- releases ----------------------------------------------------------------------------


@pytest.fixture
def plain(tmp_path: Path) -> Flask:
    """An application for commands that need no database."""
    return create_app(settings(f"sqlite:///{tmp_path / 'none.db'}", tmp_path))


def test_our_release_is_checked(plain: Flask) -> None:
    assert "ok" in run(plain, "release", "check").stdout


def test_a_release_with_an_error_is_named(plain: Flask, tmp_path: Path) -> None:
    folder = edited(tmp_path / "r", "bpmn/report-intake.bpmn", '"police_intake"', '"polis"')
    zh = run(plain, "release", "check", str(folder), code=1)
    assert "error bpmn/report-intake.bpmn#t1 [role.unknown] 没有岗位“polis”" in zh.stderr
    en = run(plain, "release", "check", str(folder), "--lang", "en", code=1)
    assert "There is no role “polis”" in en.stderr


def test_a_release_is_loaded_once_and_published(app: Flask) -> None:
    number = run(app, "release", "load", "--note", "first").stdout.strip()
    assert run(app, "release", "load").stdout.strip() == number
    (release,) = rows(table(Release))
    assert release["published_at"] is None
    assert run(app, "release", "publish").stdout.strip() == number
    (release,) = rows(table(Release))
    assert release["published_at"] is not None


def test_a_release_with_an_error_is_not_published(app: Flask, tmp_path: Path) -> None:
    folder = edited(tmp_path / "r", "bpmn/report-intake.bpmn", '"police_intake"', '"polis"')
    number = run(app, "release", "load", str(folder)).stdout.strip()
    assert "role.unknown" in run(app, "release", "publish", number, code=1).stderr
    assert [release["published_at"] for release in rows(table(Release))] == [None]


def test_no_such_release(app: Flask) -> None:
    assert "There is no such release" in run(app, "release", "publish", code=1).output


# --- verdict and coverage ----------------------------------------------------------------

FOREIGN = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="x">
<process id="p" isExecutable="{executable}"><startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="g"/>
<exclusiveGateway id="g" default="f3"/><sequenceFlow id="f2" sourceRef="g" targetRef="e">
<conditionExpression>{condition}</conditionExpression></sequenceFlow><sequenceFlow id="f3" sourceRef="g" targetRef="e2"/>
<endEvent id="e"/><endEvent id="e2"/></process></definitions>"""


def verdicts(app: Flask, *files: Path) -> list[dict[str, Any]]:
    result = run(app, "verdict", *map(str, files), "--json")
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_all_our_diagrams_run(plain: Flask) -> None:
    found = verdicts(plain, *sorted((ROOT / "bpmn").glob("*.bpmn")))
    assert {one["verdict"] for one in found} == {"runnable"}
    assert {tuple(one) for one in found} == {("file", "verdict", "problems")}


@pytest.mark.parametrize(
    ("path", "before", "after", "rule"),
    [
        ("bpmn/report-intake.bpmn", ">danger_now<", ">danger_nwo<", "condition.unknown-name"),
        ("bpmn/report-intake.bpmn", ">danger_now<", ">danger_now == 3<", "condition.type"),
        ("bpmn/report-intake.bpmn", ">due_D02t<", ">P1M<", "timer"),
        ("bpmn/report-intake.bpmn", ">due_D02t<", ">now() + 3<", "timer"),
    ],
)
def test_what_does_not_run_is_refused_by_rule(
    plain: Flask, tmp_path: Path, path: str, before: str, after: str, rule: str
) -> None:
    (found,) = verdicts(plain, edited(tmp_path / "r", path, before, after) / path)
    assert found["verdict"] == "refused"
    errors = [problem for problem in found["problems"] if problem["severity"] == "error"]
    assert any(problem["rule"].startswith(rule) for problem in errors), errors
    assert all(problem["message"] and problem["hint"] for problem in errors)
    assert set(errors[0]) == {"rule", "severity", "element", "message", "hint"}


def test_files_from_elsewhere(plain: Flask, tmp_path: Path) -> None:
    (tmp_path / "a.bpmn").write_text(FOREIGN.format(executable="false", condition="anything at all"))
    (tmp_path / "b.bpmn").write_text(FOREIGN.format(executable="true", condition='nobody_sets_it == "yes"'))
    (tmp_path / "c.bpmn").write_text(FOREIGN.format(executable="true", condition="True"))
    (tmp_path / "d.bpmn").write_bytes(b"\xff\x00 no diagram")
    found = verdicts(plain, *(tmp_path / f"{name}.bpmn" for name in "abcd"))
    assert [one["verdict"] for one in found] == ["drawing", "refused", "runnable", "refused"]
    assert "condition.unknown-name" in {problem["rule"] for problem in found[1]["problems"]}


def test_a_verdict_in_words(plain: Flask) -> None:
    assert "可运行" in run(plain, "verdict", str(ROOT / "bpmn" / "home-visit.bpmn")).stdout


def test_coverage(plain: Flask) -> None:
    found = json.loads(run(plain, "coverage", "--json").stdout)
    assert "home-visit.t1" in found["4.1.1-l"]
    assert "4.1.1-l: " in run(plain, "coverage").stdout


# --- deadlines ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "rule", "end"),
    [
        ("2026-03-01T10:00", "PT24H", "2026-03-02T10:00:00+08:00"),
        ("2026-03-01T02:00:00Z", "PT24H", "2026-03-02T10:00:00+08:00"),
        ("2026-11-24", "P3D", "2026-11-28T00:00:00+08:00"),
        ("2026-01-30", "P1M", "2026-03-01T00:00:00+08:00"),
        ("2026-09-30T10:00+08:00", "P5WD", "2026-10-14T00:00:00+08:00"),
    ],
)
def test_a_legal_period_ends(plain: Flask, start: str, rule: str, end: str) -> None:
    assert run(plain, "deadline", "due", "--from", start, "--rule", rule).stdout == f"{end}\n"


def test_many_periods_from_standard_input(plain: Flask) -> None:
    lines = "2026-11-24 P3D\n\n2026-03-01 10:00 PT24H\n"
    assert run(plain, "deadline", "due", given=lines).stdout == "2026-11-28T00:00:00+08:00\n2026-03-02T10:00:00+08:00\n"


@pytest.mark.parametrize("line", ["today P3D", "2026-11-24 P3X", "P3D"])
def test_a_period_that_cannot_be_read_is_refused(plain: Flask, line: str) -> None:
    assert run(plain, "deadline", "due", given=line, code=1).output.startswith("Error: 看不懂")


def test_from_and_rule_go_together(plain: Flask) -> None:
    run(plain, "deadline", "due", "--rule", "P3D", code=2)


# --- practice, people, the record --------------------------------------------------------


def test_practice_data_and_the_practice_clock(app: Flask) -> None:
    assert " people, " in run(app, "demo", "load", "--children", "1", "--seed", "2").stdout
    before = [task for task in rows(table(Task)) if task["escalations"]]
    assert "deadlines fired" in run(app, "demo", "travel", "P7D").stdout
    assert len([task for task in rows(table(Task)) if task["escalations"]]) > len(before)
    assert "P7D" in run(app, "demo", "travel", "soon", code=1).output
    assert "empty installation" in run(app, "demo", "load", code=1).output
    assert run(app, "audit", "verify").stdout.endswith("ok\n")


def test_practice_data_are_for_practice_only(tmp_path: Path) -> None:
    real = create_app(settings(f"sqlite:///{tmp_path / 'none.db'}", tmp_path, demo=False))
    assert "DEMO=1" in run(real, "demo", "load", code=1).output


def test_a_person_is_added_with_posts(app: Flask, at: Move) -> None:
    load.load(0, seed=1)
    words = (
        "user",
        "add",
        "lisi",
        "--name",
        "李四",
        "--post",
        f"village_worker@{VILLAGE}",
        "--password",
        "long-enough-1",
    )
    number = int(run(app, *words).stdout)
    (user,) = [user for user in rows(table(User)) if user["id"] == number]
    assert verify_password("long-enough-1", str(user["password"]))
    assert [post["role"] for post in rows(table(Post)) if post["user_id"] == number] == ["village_worker"]


@pytest.mark.parametrize("post", ["nobody@620702101201", "village_worker", "village_worker@1"])
def test_a_post_that_does_not_exist_adds_nobody(app: Flask, at: Move, post: str) -> None:
    load.load(0, seed=1)
    run(app, "user", "add", "lisi", "--name", "李四", "--post", post, "--password", "long-enough-1", code=1)
    assert "lisi" not in {user["username"] for user in rows(table(User))}


def test_who_leaves_signs_in_no_more_and_an_empty_post_is_named(app: Flask, at: Move) -> None:
    load.load(0, seed=1)
    said = run(app, "user", "leave", "cunzhang").stdout
    assert "这个岗位没有人 NOBODY HOLDS THIS POST" in said
    assert "没有叫 cunzhang 的账号" in run(app, "user", "leave", "cunzhang", code=1).stderr


def file_report() -> reports.Receipt:
    told = {
        "reported_situations": ["living_alone"], "safe_adult_now": "no", "facts": "孩子一个人在家", "place": "村口",
        "village": VILLAGE, "reporter_kind": "anonymous", "children": [{"name": "林小禾"}],
    }  # fmt: skip
    return reports.file_report(told, Actor())


def test_an_altered_event_is_named(app: Flask, at: Move) -> None:
    load.load(0, seed=1)
    case_id = file_report().case_id
    with transaction() as session:
        session.execute(update(Event).where(Event.case_id == case_id, Event.seq == 2).values(body="{}"))
    assert f"case {case_id} event 2 [hash]" in run(app, "audit", "verify", code=1).stderr


# --- running -----------------------------------------------------------------------------


@contextmanager
def process(app: Flask, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`flask …` as another process on the same database; told to stop at the end, and it has to obey."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    known = app.config["SETTINGS"]
    environment = {
        **os.environ, "DEMO": "1", "PORT": str(port), "DATABASE_URL": known.database_url,
        "INSTANCE_DIR": str(known.instance_dir), "SECRET_KEY": known.secret_key, "SEAL_KEY": known.seal_key.hex(),
    }  # fmt: skip
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as started:
        yield started, port
        started.send_signal(signal.SIGTERM)
        _, errors = started.communicate(timeout=30)
    assert started.returncode == 0, errors
    assert "Traceback" not in errors


def wait_for(started: subprocess.Popen[str], what: Callable[[], bool]) -> None:
    """Return as soon as `what` holds; fail when the process ends before, or after a minute."""
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it never happened"
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"the process ended with {started.wait(timeout=0.1)}")


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def overdue_report(app: Flask, at: Move) -> None:
    """A report that should have been registered long ago."""
    load.load(0, seed=1)
    file_report()


def escalated() -> bool:
    return any(task["escalations"] for task in rows(table(Task)))


def test_a_worker_fires_what_has_come_and_stops_when_told(app: Flask, at: Move) -> None:
    overdue_report(app, at)
    with process(app, "worker") as (started, _):
        wait_for(started, escalated)


def test_the_web_server_leaves_deadlines_to_workers(app: Flask, at: Move) -> None:
    overdue_report(app, at)
    with process(app, "serve", "--web") as (started, port):
        wait_for(started, lambda: answers(port))
    assert not escalated()
    assert [row["due_at"] for row in rows(table(Deadline))] == [START + timedelta(hours=1)]


def test_one_process_serves_and_ticks(app: Flask, at: Move) -> None:
    overdue_report(app, at)
    db.session.rollback()
    with process(app, "serve") as (started, port):
        wait_for(started, lambda: answers(port) and escalated())
