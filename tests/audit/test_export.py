"""Bundles, read by the verifier that travels in them: alone, as another process, without the program on its path."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask

from app.db import db
from app.demo import load
from app.errors import NotFound, Refused
from app.services import reports
from app.services._work import Actor
from app.services.audit import bundles, head_paper, sequencer, verification
from tests.conftest import START

Move = Callable[[datetime], None]
Change = Callable[[dict[str, Any]], object]
NAME = "林小禾"


def file_report() -> int:
    told = {
        "reported_situations": ["living_alone"], "safe_adult_now": "no", "facts": "孩子一个人在家", "place": "村口",
        "village": "620702101201", "reporter_kind": "anonymous", "children": [{"name": NAME}],
    }  # fmt: skip
    return reports.file_report(told, Actor()).case_id


AUDITOR = Actor(2, "auditor")


@pytest.fixture
def cases(app: Flask, at: Move) -> list[int]:
    """Three reports on three days, a head for each."""
    load.load(0, seed=1)
    made = []
    for day in range(3):
        at(START + timedelta(days=day))
        made.append(file_report())
        sequencer.tick()
    return made


@pytest.fixture
def bundle(cases: list[int], tmp_path: Path) -> Path:
    bundles.case(cases[1], tmp_path / "case.zip", AUDITOR)
    return tmp_path / "case.zip"


@pytest.fixture
def later(cases: list[int], tmp_path: Path) -> Path:
    bundles.since(START + timedelta(days=1), tmp_path / "since.zip", AUDITOR)
    return tmp_path / "since.zip"


def verify(target: Path, *words: object, code: int = 0) -> str:
    """What the bundle's own verifier says of it."""
    if target.suffix == ".zip":
        folder = target.with_suffix("")
        with zipfile.ZipFile(target) as archive:
            archive.extractall(folder)
        whole = _run(folder / "verify.py", target, *words)
        apart = _run(folder / "verify.py", *words)
        assert whole.stdout == apart.stdout, "zipped and unzipped say the same"
    else:
        apart = _run(target / "verify.py", *words)
    assert apart.returncode == code, apart.stdout + apart.stderr
    assert apart.stderr == ""
    return apart.stdout


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", *map(str, words)]
    return subprocess.run(
        command,
        cwd="/",
        env={"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def content(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


def lines(path: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content(path, name).splitlines()]


def altered(path: Path, name: str, change: Change, at: int = 0) -> Path:
    """The bundle unpacked, with one line of one of its files changed."""
    folder = path.with_name("altered")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    told = lines(path, name)
    change(told[at])
    (folder / name).write_text("".join(json.dumps(one) + "\n" for one in told if one), encoding="utf-8")
    return folder


def test_the_verifier_is_one_file_and_imports_nothing_of_the_program() -> None:
    tree = ast.parse(bundles.VERIFIER.read_text(encoding="utf-8"))
    roots = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert roots - set(sys.stdlib_module_names) == {"cryptography"}
    assert subprocess.run(
        [sys.executable, "-I", "-c", "import app"], cwd="/", capture_output=True, check=False
    ).returncode


def test_a_case_is_proved_without_the_program(bundle: Path, cases: list[int]) -> None:
    said = verify(bundle)
    events = lines(bundle, "events.jsonl")
    assert f"1 个个案的 {len(events)} 条记录" in said
    assert "were signed with this key" in said
    assert "No anchors were compared" in said
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["case"] for event in events} == {cases[1]}
    heads = lines(bundle, "heads.jsonl")
    assert [json.loads(head["head"])["n"] for head in heads] == [2, 4], "the one that covered them first, and the last"


def test_everything_since_a_day_is_proved_to_be_everything(later: Path, cases: list[int]) -> None:
    said = verify(later)
    events = lines(later, "events.jsonl")
    assert {event["case"] for event in events} == set(cases[1:])
    first = events[0]["position"]
    assert [event["position"] for event in events] == list(range(first, first + len(events)))
    assert f"{len(events)} events of 2 cases" in said
    assert all("path" not in event for event in events)


def test_a_bundle_holds_the_diagrams_that_ran_and_nothing_personal(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        assert {"README.txt", "verify.py", "public-key.pem", "manifest.json", "heads.jsonl", "events.jsonl"} <= set(
            names
        )
        assert any(name.endswith("/bpmn/report-intake.bpmn") for name in names)
        for name in names:
            if not name.startswith("definitions/"):
                assert NAME.encode() not in archive.read(name)
                assert "孩子一个人在家".encode() not in archive.read(name)
    manifest = json.loads(content(bundle, "manifest.json"))
    ran = {json.loads(event["body"])["data"]["definition"]
           for event in lines(bundle, "events.jsonl") if '"kind":"step"' in event["body"]}  # fmt: skip
    assert set(manifest["definitions"]) == ran


def test_anchors_from_elsewhere_say_the_same(app: Flask, bundle: Path, later: Path, tmp_path: Path) -> None:
    kept = app.config["SETTINGS"].audit_anchors
    said = verify(bundle, "--anchors", kept, "--key", bundle.with_suffix("") / "public-key.pem")
    events = len(lines(bundle, "events.jsonl"))
    assert f"2 heads, {events} events" in said or f"1 heads, {events} events" in said
    assert "No anchors" not in said
    assert "compare it at another office" not in said
    assert f"{len(lines(later, 'events.jsonl'))} events" in verify(later, "--anchors", kept)
    paper = tmp_path / "paper.txt"
    sheet = sequencer.newest(db.session())
    assert sheet is not None
    paper.write_text(sheet.paper())
    assert "1 heads, 0 events" in verify(later, "--anchors", paper)
    assert sheet.paper() in head_paper.page(sheet)


EVENTS: dict[str, tuple[Change, str]] = {
    "a body": (lambda e: e.update(body=e["body"].replace('"kind":"', '"kind":"x')), "was altered"),
    "a body and its hash": (lambda e: e.update(body=e["body"] + " ", hash="0" * 64), "was altered"),
    "a link": (lambda e: e.update(prev="0" * 64), "does not follow"),
    "a number": (lambda e: e.update(seq=e["seq"] + 1), "is missing"),
    "a case": (lambda e: e.update(case=e["case"] + 1), "event"),
    "what was sealed": (lambda e: e.update(sealed="0" * 64), "not in the log that was signed"),
    "a place": (lambda e: e.update(position=e["position"] + 1), "not in the log that was signed"),
    "a proof": (lambda e: e.update(path=e["path"][:-1]), "not in the log that was signed"),
    "a longer proof": (lambda e: e.update(path=[*e["path"], "0" * 64]), "not in the log that was signed"),
    "an event left out": (lambda e: e.clear(), "is missing"),
}  # fmt: skip


@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", EVENTS)
def test_an_altered_event_is_named(bundle: Path, what: str) -> None:
    change, word = EVENTS[what]
    event = lines(bundle, "events.jsonl")[1]
    said = verify(altered(bundle, "events.jsonl", change, at=1), code=1)
    assert word in said
    assert "event 2" in said or what in ("a number", "an event left out", "a case")
    assert f"case {event['case']}" in said or what == "a case"


HEADS: dict[str, tuple[Change, str]] = {
    "a size": (lambda h: h.update(head=h["head"].replace('"size":', '"size":1')), "was not signed with this key"),
    "a signature": (lambda h: h.update(signature="0" * 128), "was not signed with this key"),
    "a proof of growth": (lambda h: h.update(path=[*h["path"], "0" * 64]), "is not how the last one begins"),
    "spaces": (lambda h: h.update(head=h["head"].replace(":", ": ")), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", HEADS)
def test_an_altered_head_is_named(bundle: Path, what: str) -> None:
    change, word = HEADS[what]
    assert word in verify(altered(bundle, "heads.jsonl", change), code=1)


@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
def test_nothing_can_be_left_out_of_what_happened_since(later: Path) -> None:
    count = len(lines(later, "events.jsonl"))
    first = lines(later, "events.jsonl")[0]["position"]
    assert f"place {first} of the log is missing" in verify(altered(later, "events.jsonl", dict.clear), code=1)
    whole = altered(later, "events.jsonl", dict.clear, at=count - 1)
    assert "the log is missing from place" in verify(whole, code=1)
    sealed = altered(later, "events.jsonl", lambda event: event.update(sealed="0" * 64), at=1)
    assert "are not those that were signed" in verify(sealed, code=1)


@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
def test_an_altered_diagram_is_named(bundle: Path) -> None:
    folder = bundle.with_name("altered")
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    (diagram,) = folder.glob("definitions/*/bpmn/report-intake.bpmn")
    diagram.write_bytes(diagram.read_bytes().replace(b"t1", b"t9", 1))
    assert "the diagram report-intake is not that of the time" in verify(folder, code=1)
    diagram.unlink()
    assert "cannot be read" in verify(folder, code=1)


@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
def test_a_history_rewritten_with_another_key_is_refused_by_the_known_key(bundle: Path) -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    known = bundle.with_name("known.pem")
    known.write_bytes(other)
    assert "was not signed with this key" in verify(bundle, "--key", known, code=1)


@pytest.mark.parametrize("make_app", ["sqlite"], indirect=True)
def test_anchors_that_say_otherwise_are_believed(app: Flask, bundle: Path, tmp_path: Path) -> None:
    kept = app.config["SETTINGS"].audit_anchors.read_text().splitlines()
    place = lines(bundle, "events.jsonl")[0]["position"]
    leaves = [number for number, line in enumerate(kept) if not line.startswith("{")]
    changed = kept.copy()
    changed[leaves[place]] = "0" * 64 + changed[leaves[place]][64:]
    (tmp_path / "leaf.txt").write_text("\n".join(changed))
    assert "event 1 is not what was anchored" in verify(bundle, "--anchors", tmp_path / "leaf.txt", code=1)
    (tmp_path / "none.txt").write_text(kept[-1].replace('"head":"', '"head":"x') + "\n")
    assert "cannot be read" in verify(bundle, "--anchors", tmp_path / "none.txt", code=1)
    (tmp_path / "first.txt").write_text(next(line for line in kept if line.startswith("{")))
    assert "nothing of this bundle" in verify(bundle, "--anchors", tmp_path / "first.txt", code=1)


def test_what_is_not_there_is_not_exported(cases: list[int], tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        bundles.case(9_999, tmp_path / "none.zip", AUDITOR)
    with pytest.raises(Refused, match="nothing"):
        bundles.since(START + timedelta(days=9), tmp_path / "none.zip", AUDITOR)
    assert list(tmp_path.glob("none*")) == []


def test_the_command_line_exports_verifies_and_anchors(app: Flask, cases: list[int], tmp_path: Path) -> None:
    def run(*words: object) -> Any:
        result = app.test_cli_runner().invoke(args=["audit", *map(str, words)])
        assert result.exit_code == 0, result.output
        return result

    run("export", cases[0], "--by", "shenji", "--out", tmp_path / "one.zip")
    run("export", "--since", "2026-03-03", "--by", "shenji", "--out", tmp_path / "two.zip")
    assert "events of 1 cases" in verify(tmp_path / "one.zip")
    assert "events of 3 cases" in verify(tmp_path / "two.zip"), "the first bundle stands in the register by then"
    line = run("anchor", "--page", tmp_path / "sheet.html").stdout.strip()
    assert line in (tmp_path / "sheet.html").read_text()
    (tmp_path / "paper.txt").write_text(line)
    assert run("verify", "--sealed", "--anchors", tmp_path / "paper.txt").stdout.endswith("ok\n")
    assert "sealed contents open" in run("verify", cases[0]).stdout
    assert app.test_cli_runner().invoke(args=["audit", "export"]).exit_code == 2
    assert app.test_cli_runner().invoke(args=["audit", "export", str(cases[0])]).exit_code == 2, "not by nobody"
    assert verification.verify() == []
    assert line.startswith("SHOUWANG-HEAD-1/")
