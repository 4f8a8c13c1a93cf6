"""A process of its own for files from anywhere: bounded, watched, replaced; no file harms the next."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from engine_drawings import draw, end, start, user
from test_gate import HOSTILE

from app.engine import Catalog, examined
from app.engine.reading import MAX_BYTES, parse_xml

GOOD = draw("p", start(), user("t"), end(), flows=["s t", "t e"])
KNOWN = Catalog(roles=frozenset({"police"}))


def children() -> set[int]:
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_one_process_judges_a_batch_and_every_hostile_file_is_refused():
    before = children()
    began = time.monotonic()
    seen = []

    def files():
        for xml in (*HOSTILE.values(), GOOD):
            seen.append(children() - before)
            yield xml

    found = list(examined(files(), KNOWN))
    assert time.monotonic() - began < 60
    assert [each.verdict for each in found] == ["refused"] * len(HOSTILE) + ["runnable"]
    assert all(each.problems for each in found[:-1])
    assert "file.unjudged" not in {problem.rule for each in found for problem in each.problems}
    assert len(set().union(*seen)) == 1
    assert children() == before
    (changed,) = found[-1].changes
    assert changed.rule == "layout.made"
    assert parse_xml(found[-1].xml).findall("{*}BPMNDiagram")


def test_a_file_that_kills_its_process_costs_only_itself():
    before = children()

    def files():
        yield GOOD
        for pid in children() - before:
            os.kill(pid, signal.SIGKILL)
        yield GOOD
        yield GOOD

    found = list(examined(files(), KNOWN))
    assert [each.verdict for each in found] == ["runnable", "refused", "runnable"]
    assert [each.rule for each in found[1].problems] == ["file.too-heavy"]
    assert children() == before


def test_a_file_that_takes_too_long_is_given_up():
    (found,) = examined([GOOD], KNOWN, seconds=0)
    assert found.verdict == "refused"
    assert [each.rule for each in found.problems] == ["file.too-heavy"]


def test_what_is_too_large_never_gets_there():
    before = children()
    (found,) = examined([b" " * (MAX_BYTES + 1)], KNOWN)
    assert [each.rule for each in found.problems] == ["file.size"]
    assert children() == before


def test_the_child_has_bounds_and_no_secrets(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "a-secret")
    before, seen = children(), {}

    def files():
        yield GOOD
        (pid,) = children() - before
        seen["environment"] = Path(f"/proc/{pid}/environ").read_bytes()
        seen["limits"] = Path(f"/proc/{pid}/limits").read_text()
        yield GOOD

    assert len(list(examined(files(), KNOWN))) == 2
    assert b"a-secret" not in seen["environment"]
    limits = {line[:26].strip(): line[26:].split() for line in seen["limits"].splitlines()}
    assert limits["Max address space"][0] == str(1024**3)
    assert limits["Max file size"][0] == "0"
    assert limits["Max cpu time"][0] != "unlimited"
