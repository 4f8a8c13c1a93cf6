"""Looks in the record: once folded, one that is altered, taken away, slipped in or exchanged is found by its number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.db import table, transaction
from app.models import Case, Event, Look
from app.rules.access import Person, Post
from app.services import looks
from app.services._work import Actor
from app.services.audit import erasure, look_log, sequencer, verification
from app.services.audit.findings import Report
from tests.audit import records
from tests.conftest import START, rows

Move = Callable[[datetime], None]
LOOK, EVENT, CASE = table(Look), table(Event), table(Case)
OFFICER, WORKER = Person(7, (Post("police_officer", "/", unit_id=3),)), Person(8, ())


@pytest.fixture
def looked(app: Flask, at: Move) -> list[dict[str, Any]]:
    """Six looks at two cases by two people, folded in two batches, placed in the log and signed."""
    first, second = records.open_cases(2)
    for minutes, kind in enumerate(("case", "replay", "reads")):
        at(START + timedelta(minutes=minutes, microseconds=5 * minutes))
        looks.note(OFFICER, [(kind, first)], "web")  # type: ignore[list-item]
        looks.note(WORKER, [(kind, second)], "api")  # type: ignore[list-item]
        if kind == "replay":
            assert look_log.fold() == 4
    assert look_log.fold() == 2
    assert look_log.fold() == 0
    sequencer.tick()
    return rows(LOOK)


def alter(*statements: Any) -> Report:
    with transaction() as session:
        for statement in statements:
            session.execute(statement)
    return verification.examine()


def change(look: dict[str, Any], **values: Any) -> Any:
    return sa.update(LOOK).where(LOOK.c.id == look["id"]).values(values)


def named(report: Report) -> list[tuple[str, int | None, int | None]]:
    return [(one.code, one.case_id, one.look) for one in report.breaks]


def test_what_was_folded_holds_and_is_said_and_the_rest_can_be_changed(looked: list[dict[str, Any]], at: Move) -> None:
    assert [look["batch"] for look in looked] == [2, 2, 2, 2, 3, 3]  # 1: the chain of looks was opened
    assert {look["role"] for look in looked} == {"police_officer", ""}
    report = verification.examine()
    assert (report.breaks, report.looks) == ([], 6)
    (chain,) = [row for row in rows(CASE) if row["kind"] == "looks"]
    assert chain["path"] == "/", "in no region, so in nobody's list"
    events = [row for row in rows(EVENT) if row["case_id"] == chain["id"]]
    assert [(row["kind"], row["actor_id"]) for row in events] == [
        ("case_opened", None),
        ("looked", None),
        ("looked", None),
    ]
    assert any("6 looks are what was folded" in said.en for said in report.words())
    at(START + timedelta(hours=1))
    looks.note(OFFICER, [("case", looked[0]["case_id"])], "web")
    report = alter(sa.update(LOOK).where(LOOK.c.batch.is_(None)).values(user_id=9))
    assert report.breaks == []
    assert any("newest 1 looks are not folded" in remark.en for remark in report.remarks)


ATTACKS: dict[str, tuple[Callable[[list[dict[str, Any]]], list[Any]], Callable[[list[dict[str, Any]]], list[Any]]]] = {
    "who": (lambda them: [change(them[1], user_id=9)], lambda them: [("look_changed", them[1])]),
    "when": (lambda them: [change(them[4], at=START)], lambda them: [("look_changed", them[4])]),
    "delete": (lambda them: [sa.delete(LOOK).where(LOOK.c.id == them[2]["id"])], lambda them: [("look_gone", them[2])]),
    "insert": (lambda them: [sa.insert(LOOK).values({**them[0], "id": 99})], lambda them: [("look_added", {**them[0], "id": 99})]),
    "reorder": (
        lambda them: [change(one, **{name: other[name] for name in ("at", "user_id", "via", "role", "unit_id", "case_id", "record_id")})
                      for one, other in ((them[0], them[1]), (them[1], them[0]))],
        lambda them: [("look_changed", them[0]), ("look_changed", them[1])],
    ),
    "move to another batch": (
        lambda them: [change(them[0], batch=3)], lambda them: [("look_gone", them[0]), ("look_added", them[0])],
    ),
    "take out of its batch": (lambda them: [change(them[5], batch=None)], lambda them: [("look_gone", them[5])]),
}  # fmt: skip


def test_every_attack_on_a_look_is_found_and_located(
    looked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, (attack, harmed) in ATTACKS.items():
        report = alter(*attack(looked))
        assert named(report) == [(code, look["case_id"], look["id"]) for code, look in harmed(looked)], name
        assert f"look {report.breaks[0].look} (batch" in report.breaks[0].where.en
        with monkeypatch.context() as broken:  # the broken twin: nothing else sees it
            broken.setattr(look_log, "check", lambda *_: None)
            assert verification.verify() == [], name
        assert alter(sa.delete(LOOK), sa.insert(LOOK).values(looked)).breaks == [], name
    report = alter(
        sa.insert(LOOK).values([{**looked[0], "id": 100 + number} for number in range(look_log.MOST_NAMED + 2)])
    )
    assert len(report.breaks) == look_log.MOST_NAMED + 1
    assert "Another 2 looks" in report.breaks[-1].text.en


def test_folding_a_look_again_covers_nothing_up(looked: list[dict[str, Any]]) -> None:
    alter(change(looked[5], batch=None))
    assert look_log.fold() == 1
    assert named(verification.examine()) == [("look_gone", looked[5]["case_id"], looked[5]["id"])]


def test_who_changes_the_batch_as_well_is_found_by_the_chain(looked: list[dict[str, Any]]) -> None:
    (batch,) = [row for row in rows(EVENT) if row["kind"] == "looked" and row["seq"] == 3]
    gone = looked[5]
    told = str(batch["body"]).replace(f",[{gone['id']},", f",[{gone['id'] + 100},")
    report = alter(
        sa.delete(LOOK).where(LOOK.c.id == gone["id"]),
        sa.update(EVENT).where(EVENT.c.id == batch["id"]).values(body=told),
    )
    assert {"hash", "look_gone"} <= {one.code for one in report.breaks}


def test_after_an_erasure_the_looks_stay_and_hold(looked: list[dict[str, Any]]) -> None:
    erasure.erase_case_key(looked[0]["case_id"], "law:pipl-47", Actor(2, "admin"))
    sequencer.tick()
    report = verification.examine()
    assert (report.breaks, report.looks, report.erased) == ([], 6, 1)
    assert rows(LOOK) == looked
