"""Whoever owns the database, and even the signing key: with an anchor, every attack is found and located.

Without one, an attack can hide: exactly what `HIDDEN` says, and docs/audit.md says to people.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.services.audit import sequencer, signing_keys, verification
from app.services.audit.findings import Report
from tests.audit import records
from tests.audit.attacks import ATTACKS, WAYS, attack, moments, overwrite
from tests.conftest import START

Move = Callable[[datetime], None]
SEEDS = range(int(os.environ.get("AUDIT_ATTACKS", "3")))
"""How often each attack is tried, on other events each time."""
HIDDEN = {
    ("drop last head", "re-chained"),
    ("rewrite whole chain with stolen key", "re-chained"),
    *((name, "heads dropped") for name in ATTACKS),
    *((name, "re-signed") for name in ATTACKS if name != "rewrite whole chain without key"),
}
"""What cannot be seen from the database and the public key alone."""


class Scene:
    """A record under eight heads, kept to be attacked again and again."""

    def __init__(self, app: Flask, at: Move) -> None:
        rng = random.Random(1)
        cases = records.open_cases(4)
        for moment in moments(START, 8):
            at(moment)
            records.grow(cases, 10, rng)
            sequencer.tick()
        self.whole = records.tables()
        self.keys = signing_keys.keys()
        self.anchors: Path = app.config["SETTINGS"].audit_anchors
        self.kept = self.anchors.read_bytes()

    def after(self, name: str, way: str, seed: int) -> tuple[Any, Report, Report]:
        """The harm done by an attack, and what an audit says of it with anchors and without."""
        harm = attack(self.whole, name, way, self.keys, seed)
        with_anchors = verification.examine(sealed=False)
        self.anchors.unlink()
        without = verification.examine(sealed=False)
        self.anchors.write_bytes(self.kept)
        return harm, with_anchors, without


@pytest.fixture
def scene(app: Flask, at: Move) -> Scene:
    return Scene(app, at)


@pytest.mark.parametrize("name", ATTACKS)
def test_with_an_anchor_every_attack_is_found_and_located(scene: Scene, name: str) -> None:
    for way, seed in itertools.product(WAYS, SEEDS):
        harm, with_anchors, without = scene.after(name, way, seed)
        assert harm.is_named_by(with_anchors.breaks), (way, seed, harm, with_anchors.breaks)
        assert bool(without.breaks) == ((name, way) not in HIDDEN), (way, seed, without.breaks)
    overwrite(scene.whole)
    assert verification.examine().breaks == []


def test_dropped_heads_leave_a_tail_that_nobody_signed(scene: Scene) -> None:
    """All that is left to see, until the signer that kept nothing outside signs over it."""
    harm, _, without = scene.after("edit", "heads dropped", 3)
    unsigned = [remark.en for remark in without.remarks if "are not signed yet" in remark.en]
    assert harm.seq
    assert len(unsigned) == 1


def test_one_case_alone_is_found_and_located_too(scene: Scene) -> None:
    """The audit of a single case names what was done to it, from its proofs and the anchored leaves."""
    for name in ("edit", "delete", "insert back-dated", "reorder", "rewrite whole chain with stolen key"):
        for way in WAYS:
            harm, _, _ = scene.after(name, way, 1)
            report = verification.examine(harm.case_id, sealed=False)
            assert [one for one in report.breaks if one.case_id == harm.case_id], (name, way)
            assert not any(one.case_id not in (None, harm.case_id) for one in report.breaks)


def test_who_lacks_the_seal_key_cannot_move_what_is_sealed(scene: Scene) -> None:
    """Opening what is sealed finds a re-signed deletion even without an anchor: ciphertext opens at its own place only."""
    found = 0
    for seed in range(8):
        attack(scene.whole, "delete", "re-signed", scene.keys, seed)
        scene.anchors.unlink()
        found += any(one.code == "sealed" for one in verification.examine(sealed=True).breaks)
        scene.anchors.write_bytes(scene.kept)
    assert found >= 6


def test_words_name_the_event_in_both_languages(scene: Scene) -> None:
    harm, report, _ = scene.after("delete", "re-signed", 3)
    (named,) = [one for one in report.breaks if one.code == "anchor_event" and one.seq == harm.seq]
    assert named.where.zh.startswith(f"个案 {harm.case_id} 第 {harm.seq} 条，日志第 {harm.position} 位")
    assert f"event {harm.seq} of case {harm.case_id} stood here; now" in named.text.en
    assert f"存证时这里是个案 {harm.case_id} 的第 {harm.seq} 条" in named.text.zh
