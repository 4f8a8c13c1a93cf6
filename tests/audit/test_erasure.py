"""Lawful erasure: the key is destroyed, the chain stays whole, and nobody can read the child's data again."""

from __future__ import annotations

import sqlite3
import subprocess
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.db import db, table, transaction
from app.demo import load
from app.errors import NotFound, Refused
from app.models import Case, Child, Draft, Event, Post, Submission, User
from app.services import _registers, _seal, commands, people, releases, submissions, tasks
from app.services._work import SYSTEM, Actor
from app.services.audit import bundles, erasure, sequencer, verification
from app.services.history import exports, replay
from app.services.history.story import Teller
from tests import postgres
from tests.audit.test_export import file_report, verify
from tests.conftest import rows
from tests.world import VILLAGE

Move = Callable[[datetime], None]
NAME, WORDS, TYPED = "林小禾", "她说晚上一个人害怕", "还没写完的话"
BASIS = "law:pipl-47"


@pytest.fixture
def child(app: Flask, at: Move) -> int:
    """A child's case with everything that may be personal: register, submission, draft, sealed event."""
    load.load(0, seed=1)
    with commands.work_on(SYSTEM) as work:
        case = work.open_case("child", VILLAGE)
        _registers.add_child(work, case, {"name": NAME, "sex": "f", "age_or_dob": "9"})
        form = releases.current_library().form("report-public")
        submissions.add(work, case, form, {"facts": WORDS, "village": "620702101201"}, "desk.word")
        case.chain.append("facts_added", {"form": form.id}, at=work.now, secret={"name": NAME})
        secret = case.key.seal({"note": TYPED}, tasks.draft_place(1, "task:1"))
        work.session.execute(sa.insert(Draft).values(
            user_id=1, key="task:1", case_id=case.id, secret=secret, saved_at=work.now
        ))  # fmt: skip
    sequencer.tick()
    return case.id


def of(model: Any, case_id: int) -> list[dict[str, Any]]:
    return [row for row in rows(table(model)) if row["case_id"] == case_id]


def case_row(case_id: int) -> dict[str, Any]:
    return next(row for row in rows(table(Case)) if row["id"] == case_id)


def test_nothing_can_be_read_and_the_record_stays_whole(app: Flask, child: int, tmp_path: Path) -> None:
    (submission,), (register,) = of(Submission, child), of(Child, child)
    key = _seal.open_key(case_row(child)["wrapped_key"])
    assert submissions.read(submission, key)["facts"] == WORDS
    erased = erasure.erase_case_key(child, BASIS, Actor(2, "admin"))
    assert erased == erasure.Erased(child, ())
    row = case_row(child)
    assert row["wrapped_key"] is None
    with pytest.raises(Refused, match="erased"):
        _seal.open_key(row["wrapped_key"])
    assert of(Draft, child) == []
    assert of(Child, child)[0]["name_index"] != register["name_index"] == _seal.blind_index("child.name", NAME)
    last = max(of(Event, child), key=lambda event: event["seq"])
    assert (last["kind"], last["actor_id"], last["sealed"]) == ("erased", 2, None)
    assert '"data":{"basis":"law:pipl-47"}' in last["body"]
    sequencer.tick()
    for report in (verification.examine(), verification.examine(child)):
        assert (report.breaks, report.erased) == ([], 1)
        assert any("lawfully erased" in words.en for words in report.words())
    bundles.case(child, tmp_path / "erased.zip", Actor(2, "operator"))
    assert f"{last['seq']} events of 1 cases" in verify(tmp_path / "erased.zip")
    with zipfile.ZipFile(tmp_path / "erased.zip") as bundle:
        taken = [bundle.read(name).decode() for name in bundle.namelist()]
    taken += ["".join(exports.of_everything().write(form)) for form in exports.FORMATS]
    assert all(words not in text for text in taken for words in (NAME, WORDS, TYPED))
    assert all(str(child) in text for text in taken[-3:]), "the case itself stands in every log"


def test_backups_made_afterwards_do_not_hold_the_key(app: Flask, child: int, tmp_path: Path) -> None:
    wrapped = case_row(child)["wrapped_key"]
    with transaction() as session:  # an older copy of the row lies about, as after any step
        session.execute(sa.update(Case).where(Case.id == child).values(version=Case.version + 1))
    db.session.remove()
    (tmp_path / "before").mkdir()
    for backup in backups(app, tmp_path / "before"):
        assert wrapped in backup or wrapped.hex().encode() in backup.lower(), "a backup made before has it"
    erasure.erase_case_key(child, BASIS, SYSTEM)
    db.session.remove()
    for backup in backups(app, tmp_path):
        assert wrapped not in backup
        assert wrapped.hex().encode() not in backup.lower()
        assert b'"basis":"law:pipl-47"' in backup, "it is a backup of this very database"


def backups(app: Flask, folder: Path) -> list[bytes]:
    """Every way to copy this database."""
    url = db.engine.url
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        with sqlite3.connect(file) as source, sqlite3.connect(folder / "copy.db") as copy:
            source.backup(copy)
            source.execute("VACUUM INTO ?", (str(folder / "vacuumed.db"),))
        log = file.with_name(f"{file.name}-wal")
        whole = file.read_bytes() + (log.read_bytes() if log.exists() else b"")
        return [whole, (folder / "copy.db").read_bytes(), (folder / "vacuumed.db").read_bytes()]
    dump = [str(postgres.binaries() / "pg_dump"), url.render_as_string(hide_password=False).replace("+psycopg", "")]
    return [subprocess.run(dump, capture_output=True, check=True).stdout]


@pytest.mark.parametrize("basis", ["", "law", "law:林小禾", "law:a b", "because", "law:" + "x" * 61])
@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
def test_the_basis_is_a_code(child: int, basis: str) -> None:
    with pytest.raises(Refused, match="no_basis"):
        erasure.erase_case_key(child, basis, SYSTEM)
    assert case_row(child)["wrapped_key"] is not None


def test_a_case_under_way_is_not_erased_nor_one_twice(child: int) -> None:
    with pytest.raises(Refused, match="still_open"):
        erasure.erase_case_key(file_report(), BASIS, SYSTEM)
    erasure.erase_case_key(child, BASIS, SYSTEM)
    with pytest.raises(Refused, match="erased"):
        erasure.erase_case_key(child, BASIS, SYSTEM)
    with pytest.raises(NotFound):
        erasure.erase_case_key(9_999, BASIS, SYSTEM)
    assert verification.verify() == []


def test_reports_that_tell_of_the_child_are_named(child: int) -> None:
    with commands.work_on(SYSTEM) as work:
        report = work.open_case("report", VILLAGE)
        report_id, _, _ = _registers.new_report(work, report, "web")
        work.session.execute(sa.insert(db.metadata.tables["report_link"]).values(
            report_id=report_id, case_id=child, child_ref=1, kind="opened", recorded_at=work.now
        ))  # fmt: skip
    assert erasure.erase_case_key(child, BASIS, SYSTEM).told_in == (report.id,)


def test_a_key_that_vanishes_or_comes_back_is_noticed(child: int) -> None:
    wrapped = case_row(child)["wrapped_key"]
    set_key(child, None)
    assert [one.code for one in verification.verify()] == ["key_gone"]
    assert [one.code for one in verification.examine(child).breaks] == ["key_gone"]
    set_key(child, wrapped)
    erasure.erase_case_key(child, BASIS, SYSTEM)
    set_key(child, wrapped)
    assert [one.code for one in verification.verify()] == ["key_back"]


def set_key(case_id: int, wrapped: bytes | None) -> None:
    with transaction() as session:
        session.execute(sa.update(Case).where(Case.id == case_id).values(wrapped_key=wrapped))


def test_the_command_line_asks_first(app: Flask, child: int) -> None:
    run = app.test_cli_runner().invoke
    words = ["audit", "erase", str(child), "--basis", BASIS]
    user = rows(table(User))[0]
    assert run(args=words, input="y\n").exit_code == 2, "nobody is named"
    assert run(args=[*words, "--by", "nobody"], input="y\n").exit_code == 1, "there is no such account"
    assert run(args=[*words, "--by", user["username"]], input="n\n").exit_code == 1
    assert case_row(child)["wrapped_key"] is not None
    done = run(args=[*words, "--by", user["username"]], input="y\n")
    assert (done.exit_code, f"The personal data of case {child} is erased" in done.output) == (0, True)
    last = max(of(Event, child), key=lambda event: event["seq"])
    assert (last["kind"], last["actor_id"]) == ("erased", user["id"])


def test_story_and_replay_tell_of_it_in_words(app: Flask, child: int) -> None:
    """Who did it and on which basis; in words on the case's page and in the replay."""
    user = rows(table(User))[0]
    erasure.erase_case_key(child, BASIS, Actor(user["id"], "operator"))
    (line,) = [line for line in Teller(db.session(), child, "zh").lines() if "依法删除" in line.sentence.zh]
    assert line.sentence.zh.startswith(user["name"])
    assert BASIS in line.sentence.zh
    assert BASIS in line.sentence.en
    auditor = next(row["user_id"] for row in rows(table(Post)) if row["role"] == "auditor")
    moment = replay.moment(people.person(db.session(), auditor), child, at=str(case_row(child)["last_seq"]), lang="zh")
    assert moment.entry.sentence == line.sentence
