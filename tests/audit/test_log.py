"""The sequencer: one order without gaps, whatever commits when; heads that follow from each other; a signer that knows."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from app.db import db, transaction
from app.errors import Refused
from app.rules import merkle
from app.services.audit import sequencer, signing_keys, tree, verification
from app.services.audit.heads import SignedHead
from tests.audit import records
from tests.audit.records import CASE, EVENT
from tests.conftest import START, MakeApp, rows

Move = Callable[[datetime], None]


def table(name: str) -> list[dict[str, Any]]:
    return rows(db.metadata.tables[name])


def order() -> list[tuple[int, int]]:
    """(case, number) of the events in the order of the log."""
    events = {row["id"]: (row["case_id"], row["seq"]) for row in table("event")}
    entries = sorted(table("log_entry"), key=lambda row: row["position"])
    assert [row["position"] for row in entries] == list(range(len(entries))), "places have no gaps"
    return [events[row["event_id"]] for row in entries]


def heads() -> list[SignedHead]:
    found = sorted(table("log_head"), key=lambda row: row["n"])
    return [SignedHead(sequencer.Head.read(row["body"].encode()), row["signature"]) for row in found]


@pytest.fixture
def cases(app: Flask, at: Move) -> list[int]:
    """Four cases with 60 events."""
    made = records.open_cases(4)
    records.grow(made, 60, random.Random(1))
    return made


def test_every_event_gets_its_place_once(cases: list[int]) -> None:
    assert sequencer.tick() == 60
    placed = order()
    assert sorted(placed) == sorted((row["case_id"], row["seq"]) for row in table("event"))
    for case in cases:
        assert [seq for found, seq in placed if found == case] == list(range(1, len(placed) + 1))[
            : placed_in(placed, case)
        ]
    assert sequencer.tick() == 0
    records.grow(cases, 5, random.Random(2))
    assert sequencer.tick() == 5
    assert order()[:60] == placed
    assert verification.verify() == []


def placed_in(placed: list[tuple[int, int]], case: int) -> int:
    return sum(found == case for found, _ in placed)


def test_heads_follow_from_each_other(cases: list[int], at: Move) -> None:
    sequencer.tick()
    at(START + timedelta(seconds=30, microseconds=5))
    records.grow(cases, 7, random.Random(2))
    sequencer.tick()
    first, second = heads()
    assert (first.head.n, first.head.size, first.head.prev) == (1, 60, b"")
    assert (second.head.n, second.head.size, second.head.prev) == (2, 67, first.head.hash())
    assert second.head.at == START + timedelta(seconds=30)
    leaves = [row["leaf"] for row in sorted(table("log_entry"), key=lambda row: row["position"])]
    assert second.head.root == merkle.root(67, merkle.from_leaves(leaves))
    keys = signing_keys.keys()
    assert first.holds(keys)
    assert second.holds(keys)


def test_a_quiet_hour_is_signed_too(cases: list[int], at: Move) -> None:
    sequencer.tick()
    at(START + timedelta(minutes=59))
    sequencer.tick()
    assert len(heads()) == 1
    at(START + timedelta(minutes=60))
    sequencer.tick()
    assert [signed.head.size for signed in heads()] == [60, 60]
    assert verification.verify() == []


def test_a_head_on_demand_covers_this_moment(cases: list[int]) -> None:
    assert sequencer.head_now().head.size == 60
    assert sequencer.head_now().head.n == 2
    assert verification.verify() == []


def test_a_clock_set_back_does_not_set_heads_back(cases: list[int], at: Move) -> None:
    sequencer.tick()
    at(START - timedelta(days=1))
    assert sequencer.head_now().head.at == START
    assert verification.verify() == []


def test_batches_are_placed_one_after_the_other(cases: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "NEXT", sequencer.NEXT.limit(7))
    assert sequencer.tick() == 60
    assert [signed.head.size for signed in heads()] == [7, 14, 21, 28, 35, 42, 49, 56, 60]
    assert verification.verify() == []


def test_an_event_that_is_missing_holds_up_its_own_case_only(cases: list[int]) -> None:
    with transaction() as session:
        session.execute(sa.delete(EVENT).where(EVENT.c.case_id == cases[0], EVENT.c.seq == 2))
    sequencer.tick()
    placed = order()
    assert placed_in(placed, cases[0]) == 1
    assert {case for case, _ in placed} == set(cases)
    assert [broken.code for broken in verification.verify()] == ["number"]


@pytest.mark.parametrize("make_app", ["postgresql"], indirect=True)
def test_a_late_commit_is_placed_when_it_comes(app: Flask, at: Move) -> None:
    """A lower id becomes visible after higher ones were placed: it is neither skipped nor does it leave a gap."""
    early, late = records.open_cases(2)
    with Session(db.engine) as slow:
        records.add(slow, [early] * 3, random.Random(1))
        records.grow([late], 4, random.Random(2))
        assert sequencer.tick() == 4
        slow.commit()
    assert sequencer.tick() == 3
    assert order() == [(late, 1), (late, 2), (late, 3), (late, 4), (early, 1), (early, 2), (early, 3)]
    ids = {(row["case_id"], row["seq"]): row["id"] for row in table("event")}
    assert ids[early, 1] < ids[late, 1]
    assert verification.verify() == []


def test_writers_sequencers_and_auditors_at_once(make_app: MakeApp, at: Move) -> None:
    """Each event once, no gap; and an audit in the middle of it all never cries wolf."""
    with make_app().app_context():
        cases = records.open_cases(4)
    begin, wrong, done = threading.Barrier(5), [], threading.Event()

    def within(act: Callable[[], object]) -> threading.Thread:
        app = make_app()

        def run() -> None:
            with app.app_context():
                begin.wait()
                try:
                    act()
                except Exception as error:
                    wrong.append(error)
                finally:
                    db.session.remove()

        return threading.Thread(target=run)

    def write(mine: list[int], seed: int) -> None:
        for _ in range(25):
            records.grow(mine, 4, random.Random(seed))

    def sequence() -> None:
        while not done.is_set():
            sequencer.tick()

    def inspect() -> None:
        while not done.is_set():
            wrong.extend(verification.examine(sealed=True).breaks)

    writers = [within(lambda: write(cases[:2], 1)), within(lambda: write(cases[2:], 2))]
    others = [within(sequence), within(sequence), within(inspect)]
    for thread in (*writers, *others):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in others:
        thread.join()
    assert wrong == []
    with make_app().app_context():
        sequencer.tick()
        assert len(order()) == 200
        assert verification.verify() == []


def test_the_signer_does_not_sign_what_contradicts_its_last_head(cases: list[int]) -> None:
    """Somebody rewrites the log, leaves included, and drops all heads: the head kept outside still knows."""
    sequencer.tick()
    with transaction() as session:
        for name in ("log_anchor", "log_head", "log_entry", "log_node", "log_case"):
            session.execute(sa.delete(db.metadata.tables[name]))
        state = db.metadata.tables["log_state"]
        session.execute(sa.update(state).values(size=0, frontier=b"", heads=0))
        session.execute(sa.update(EVENT).values(hash=EVENT.c.prev))
    with pytest.raises(Refused, match="log_forked"):
        sequencer.tick()
    assert heads() == []
    assert table("log_entry") == []


@pytest.mark.parametrize("size", [0, 30])
def test_the_signer_does_not_sign_over_a_changed_leaf(cases: list[int], size: int) -> None:
    sequencer.tick()
    entry = db.metadata.tables["log_entry"]
    with transaction() as session:
        session.execute(sa.update(entry).where(entry.c.position == size).values(leaf=b"x" * 32))
    with pytest.raises(Refused, match="log_forked"):
        sequencer.head_now()


def test_without_a_key_there_is_order_but_no_head(make_app: MakeApp, at: Move) -> None:
    app = make_app()
    app.config["SETTINGS"] = dataclasses.replace(app.config["SETTINGS"], demo=False)
    with app.app_context():
        records.grow(records.open_cases(2), 10, random.Random(1))
        assert sequencer.tick() == 10
        assert heads() == []
        with pytest.raises(Refused, match="no_audit_key"):
            sequencer.head_now()
        report = verification.examine()
        assert report.breaks == []
        assert any("no public key" in remark.en for remark in report.remarks)
        assert any("10 entries are not signed" in remark.en for remark in report.remarks)
    key = app.config["SETTINGS"].instance_dir / "key.pem"
    signing_keys.make(key)
    app.config["SETTINGS"] = dataclasses.replace(app.config["SETTINGS"], audit_key_file=key)
    with app.app_context():
        assert sequencer.tick() == 0
        assert [signed.head.size for signed in heads()] == [10]
        assert verification.verify() == []


def test_proofs_come_from_stored_tiles(app: Flask, at: Move) -> None:
    """Over more than two tiles: every path and root as if all leaves were at hand, from few reads."""
    records.grow(records.open_cases(3), 700, random.Random(1))
    sequencer.tick()
    leaves = [row["leaf"] for row in sorted(table("log_entry"), key=lambda row: row["position"])]
    whole = merkle.from_leaves(leaves)
    assert {(row["level"], row["index"]) for row in table("log_node")} == {(8, 0), (8, 1)}
    stored = tree.stored(db.session())
    for index in (0, 1, 255, 256, 511, 512, 600, 699):
        path = merkle.inclusion(index, 700, stored)
        assert path == merkle.inclusion(index, 700, whole)
        assert merkle.included(leaves[index], index, 700, path, merkle.root(700, whole))
    for old in (1, 255, 256, 257, 512, 699):
        assert merkle.consistency(old, 700, stored) == merkle.consistency(old, 700, whole)
    with pytest.raises(LookupError):
        merkle.inclusion(3, 900, stored)


@pytest.mark.parametrize("make_app", ["postgresql"], indirect=True)
def test_nothing_waits_for_who_holds_a_case(make_app: MakeApp, at: Move) -> None:
    """The sequencer places events while their case is locked by a step under way."""
    with make_app().app_context():
        (case,) = records.open_cases(1)
        records.grow([case], 3, random.Random(1))
        with transaction() as session:
            session.execute(sa.select(CASE).where(CASE.c.id == case).with_for_update())
            with make_app().app_context():
                assert sequencer.tick() == 3
