"""The auditor's log: how fast events get their place, and how fast the whole record is proved.

Floor of a proof: a bare loop that parses each body as JSON and hashes it, over bodies that lie in memory. A
proof does more: it reads every row from the database, follows every chain, builds the tree, checks
heads and anchors. Each is paired with the floor of the same round.
"""

from __future__ import annotations

import hashlib
import json
import random
import statistics
from dataclasses import replace

from flask import current_app

from app import clock
from app.services.audit import sequencer, signing_keys, stored_rows, verification
from tests.audit import records
from tests.bench.ground import Ground
from tests.bench.measure import Report, span_of

EVENTS, CASES = 30_000, 600
ROUNDS = 7
LOOKS = 50


def measure(ground: Ground, report: Report) -> None:
    """Figures of the log."""
    _keep_heads()
    sequencer.tick()
    rng = random.Random(6)
    records.grow(records.open_cases(CASES), EVENTS, rng)
    placed = span_of(sequencer.tick)
    report.figure("log_events_per_s", 1000 * EVENTS / placed.wall, "events/s", "placed, signed, anchored")
    report.figure("log_events_per_s_cpu", 1000 * EVENTS / placed.cpu, "events/s", "placed, signed, anchored")
    with clock.fixed(clock.now()):
        report.spans("log_idle_tick", [span_of(sequencer.tick) for _ in range(LOOKS)], "nothing new, 100000 open cases")
    _proofs(report)


def _keep_heads() -> None:
    """Give the installation a key, and a file for its heads."""
    known = current_app.config["SETTINGS"]
    key, anchors = known.instance_dir / "audit-key.pem", known.instance_dir / "audit-anchors.txt"
    signing_keys.make(key)
    current_app.config["SETTINGS"] = replace(known, audit_key_file=key, audit_anchor_file=anchors)


def _proofs(report: Report) -> None:
    with stored_rows.snapshot() as connection:
        rows = [row for batch in stored_rows.stream(connection, stored_rows.PLACED) for row in batch]
    bodies = [(row[4], row[6]) for row in rows]

    def floor() -> None:
        for prev, body in bodies:
            json.loads(body)
            hashlib.sha256(prev + body).digest()

    def proof() -> None:
        assert not verification.examine(sealed=False).breaks

    def deep() -> None:
        assert not verification.examine(sealed=True).breaks

    proof()
    pairs = [(span_of(proof), span_of(floor)) for _ in range(ROUNDS)]
    per_s = 1000 * len(bodies)
    report.figure("verify_events_per_s", per_s / statistics.median(span.wall for span, _ in pairs), "events/s")
    report.figure("verify_events_per_s_cpu", per_s / statistics.median(span.cpu for span, _ in pairs), "events/s")
    report.ratio(
        "verify_vs_floor", [(below, above) for above, below in pairs], "JSON parse + SHA-256 in memory; bar 0.5"
    )
    opened = [span_of(deep) for _ in range(ROUNDS)]
    report.figure("verify_sealed_events_per_s", per_s / statistics.median(span.wall for span in opened), "events/s")
