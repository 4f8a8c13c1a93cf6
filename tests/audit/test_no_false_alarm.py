"""A sound record of any size is found sound.

`AUDIT_EVENTS` says how large; the nightly run takes 1,000,000 (docs/audit.md has its result).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Flask

from app.services.audit import sequencer, verification
from tests.audit import records
from tests.conftest import START

Move = Callable[[datetime], None]
EVENTS = int(os.environ.get("AUDIT_EVENTS", "4000"))
ROUND = 50_000


def test_no_false_alarm(app: Flask, at: Move) -> None:
    rng = random.Random(1)
    cases = records.open_cases(max(20, EVENTS // 50))
    left, now = EVENTS, START
    while left:
        records.grow(cases, min(left, ROUND), rng)
        left -= min(left, ROUND)
        now += timedelta(minutes=1)
        at(now)
        sequencer.tick()
    report = verification.examine()
    assert (report.breaks, report.remarks) == ([], [])
    assert (report.events, report.entries, report.anchored) == (EVENTS, EVENTS, EVENTS)
    assert report.sealed > EVENTS // 4
    for case in rng.sample(cases, 5):
        assert verification.examine(case).breaks == []
