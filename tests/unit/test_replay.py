"""Replay, as services give it: order and knowledge, marks, limits, seals, corrections, and who may look."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db, table, transaction
from app.demo.answers import plausible
from app.errors import Forbidden, NotFound
from app.models import Case, Event, Submission, User
from app.rules.access import Person
from app.services import _queue, _seal, access, choices, commands, people, releases, submissions
from app.services.history import audited, replay
from app.services.history.replay_views import Entry, Moment, Scene
from app.services.history.story import Teller
from app.services.inbox import listing
from app.settings import ROOT
from tests.process import test_main_job as job
from tests.process.worlds import either_world, postgres_county, postgres_world, sqlite_county, world
from tests.world import TASK, World

__all__ = ["either_world", "postgres_county", "postgres_world", "sqlite_county", "world"]
CASE, EVENT, SUBMISSION, USER = table(Case), table(Event), table(Submission), table(User)
WHOLE: dict[str, Any] = {"start": replay.WHOLE}


def somebody(username: str) -> Person:
    """A person of the county, by name of their post."""
    found = db.session.scalar(sa.select(USER.c.id).where(USER.c.username == username))
    assert found is not None, username
    return people.person(db.session(), found)


def auditor() -> Person:
    return somebody("auditor.620700-audit")


def entry(moment: Moment, kind: str, **wanted: str) -> Entry:
    """The last event of a kind whose sentence says so, of those the list holds."""
    said = [
        one for one in moment.entries if one.kind == kind and all(word in one.sentence.zh for word in wanted.values())
    ]
    assert said, (kind, wanted, [one.sentence.zh for one in moment.entries])
    return said[-1]


def scene(moment: Moment, process: str) -> Scene:
    return next(one for one in moment.scenes if one.marks.process == process)


def send_late(world: World, element: str, process: str, by: timedelta, **wanted: Any) -> None:
    """Do an open task, and say that it was done some time ago."""
    task = world.open(process, element)
    row = db.session.execute(listing.base().where(TASK.c.id == task["id"])).mappings().one()
    form = world.library.form(world.library.definition(process).element(process, element).form or "")
    raw = plausible(form, choices.of(db.session(), row, form, "zh"), world.rng, world.now, wanted)
    actor = world.actor(task["role"], task["unit_id"])
    commands.complete(task["id"], task["version"], raw, actor, occurred_at=world.now - by)
    world.settle()


# --- order -----------------------------------------------------------------------------------


def test_a_case_is_told_from_the_report_on(either_world: World) -> None:
    world = either_world
    job.report_in_danger(world)
    job.respond(world)
    moment = replay.moment(auditor(), world.case, **WHOLE)
    (report,) = world.cases("report")
    rows = world.rows(sa.select(EVENT).where(EVENT.c.case_id.in_([report, world.case])))
    assert len(moment.entries) == moment.total == len(rows)
    assert moment.entries[0].at == f"{report}.1"
    assert [one.number for one in moment.entries] == list(range(1, moment.total + 1))
    times = [one.occurred_at for one in moment.entries]
    assert times == sorted(times)
    for case_id in (report, world.case):
        own = [one.seq for one in moment.entries if one.case_id == case_id]
        assert own == list(range(1, len(own) + 1)), "nothing was late, so the order is that of the record"


def test_every_event_says_what_it_was(world: World) -> None:
    for chapter in (
        job.report_in_danger,
        job.respond,
        job.place,
        job.assess,
        job.intervene,
        job.six_months,
        job.petition,
    ):
        chapter(world)
    moment = replay.moment(auditor(), world.case, **WHOLE)
    kinds = {one.kind for one in moment.entries}
    assert kinds >= {"case_opened", "step", "task_opened", "task_done", "message", "deadline", "scheduled", "ended"}
    for one in moment.entries:
        assert "记录了一件事" not in one.sentence.zh, one.kind
        assert "None" not in one.sentence.zh + one.sentence.en
    assert "已撤销" in entry(moment, "ended", name="撤销监护人资格").sentence.zh


def test_addresses_places_and_ticks(world: World) -> None:
    job.report_in_danger(world)
    world.pass_time("P2D")
    world.send("t1", "emergency-response", seen_child="yes")
    me = auditor()
    page = replay.page(me, world.case)
    moment = page.moment
    assert moment.entry.number == moment.total, "no address means the last event"
    assert moment.go == {
        "first": moment.go["first"],
        "previous": moment.go["previous"],
        "next": moment.entry.at,
        "last": moment.entry.at,
    }
    first = replay.moment(me, world.case, moment.go["first"])
    assert (first.entry.number, first.x, first.go["previous"]) == (1, 0, first.entry.at)
    assert replay.moment(me, world.case, x=0).entry.number == 1
    assert replay.moment(me, world.case, x=1000).entry.number == moment.total
    assert replay.moment(me, world.case, "no such").entry.number == moment.total
    assert replay.moment(me, world.case, first.go["next"]).entry.number == 2
    assert page.ticks[0].x == 0
    assert page.ticks[-1].x == 1000
    assert len(page.ticks) <= 251


# --- as it happened, as it was known -----------------------------------------------------------


def test_what_was_recorded_late_was_not_known_before(either_world: World) -> None:
    world = either_world
    job.report_in_danger(world)
    world.pass_time("P1D")
    send_late(world, "t1", "emergency-response", timedelta(hours=20), seen_child="yes")
    me = auditor()
    late = entry(replay.moment(me, world.case, **WHOLE), "task_done", name="出警并见到儿童")
    assert late.late

    happened = replay.moment(me, world.case, late.at, **WHOLE)
    assert not entry(happened, "task_done", name="出警并见到儿童").unknown
    assert "t1" in scene(happened, "emergency-response").marks.done
    assert scene(happened, "emergency-response").marks.now == ("t2",)
    assert happened.unrecorded == 0

    known = replay.moment(me, world.case, late.at, view="known", **WHOLE)
    assert entry(known, "task_done", name="出警并见到儿童").unknown
    assert entry(known, "task_done", name="出警并见到儿童").number == late.number, "it keeps its place"
    assert scene(known, "emergency-response").marks.now == ("t1",)
    assert scene(known, "emergency-response").unknown == ("t2",)
    assert known.unrecorded == 1
    assert "出警并见到儿童" in [task.name.zh for task in known.open_tasks]
    assert "出警并见到儿童" not in [task.name.zh for task in happened.open_tasks]

    after = replay.moment(me, world.case, view="known", **WHOLE)
    assert after.unrecorded == 0
    assert not any(one.unknown for one in after.entries)


def test_a_case_that_nobody_knew_to_have_moved_shows_what_was_hidden(world: World) -> None:
    """An instance that began by a late entry: as known, its diagram holds nothing but what had really been reached."""
    job.report_in_danger(world)
    world.send("t1", "emergency-response", seen_child="yes")
    world.pass_time("P1D")
    send_late(world, "t2", "emergency-response", timedelta(hours=20), founded="yes", situations=["living_alone"])
    me = auditor()
    late = entry(replay.moment(me, world.case, **WHOLE), "task_done", name="认定情形")
    known = replay.moment(me, world.case, late.at, view="known")
    called = scene(known, "reach-parents")
    assert (called.marks.now, called.marks.done, called.marks.flows) == ((), (), ())
    assert set(called.unknown) >= {"s1", "t1"}


def test_both_views_are_the_same_when_nothing_was_late(world: World) -> None:
    job.report_in_danger(world)
    job.respond(world)
    me = auditor()
    whole = replay.moment(me, world.case, **WHOLE)
    for one in whole.entries[::7]:
        happened, known = (replay.moment(me, world.case, one.at, view=view) for view in replay.VIEWS)
        assert [each.marks for each in happened.scenes] == [each.marks for each in known.scenes]
        assert not any(each.unknown for each in known.scenes)


def test_the_last_moment_has_the_marks_of_the_case_page(world: World) -> None:
    for chapter in (job.report_in_danger, job.respond, job.place, job.assess):
        chapter(world)
    me = auditor()
    shown = {(one.marks.instance_id, one.marks.process): one.marks for one in replay.moment(me, world.case).scenes}
    for view in Teller(db.session(), world.case, "zh").diagrams():
        if view.status != "scheduled":
            mine = shown[view.instance_id, view.process]
            assert (mine.now, mine.done, mine.flows, mine.cancelled) == (
                view.now,
                view.done,
                view.flows,
                view.cancelled,
            )


# --- limits --------------------------------------------------------------------------------------


def test_a_limit_is_met_missed_or_moved(world: World) -> None:
    job.report_in_danger(world)
    me = auditor()
    moment = replay.moment(me, world.case, **WHOLE)
    opened = replay.moment(me, world.case, entry(moment, "task_opened", name="出警并见到儿童").at)
    assert opened.detail.limit is not None
    assert opened.detail.limit.state == "open"
    world.send("t1", "emergency-response", seen_child="yes")
    in_time = replay.moment(me, world.case, entry(replay.moment(me, world.case, **WHOLE), "task_done").at)
    assert in_time.detail.limit is not None
    assert in_time.detail.limit.state == "met"
    world.pass_time("P1D")
    world.send("t2", "emergency-response", founded="yes", situations=["living_alone"])
    whole = replay.moment(me, world.case, **WHOLE)
    done = entry(whole, "task_done", name="认定情形")
    assert done.missed
    too_late = replay.moment(me, world.case, done.at).detail.limit
    assert too_late is not None
    assert (too_late.state, too_late.by) == ("missed", done.missed)
    past = replay.moment(me, world.case, entry(whole, "deadline", name="期限已过").at)
    assert past.detail.limit is not None
    assert past.detail.limit.state == "missed"


def test_a_supervisor_moves_a_limit(world: World) -> None:
    job.report_in_danger(world)
    world.pass_time("PT2H")
    until = world.now + timedelta(days=2)
    world.send("t1", "overdue-escalation", escalation_action="extend", new_due_at=until, reason="路断了，绕行要两天。")
    world.send("t1", "emergency-response", seen_child="yes")
    me = auditor()
    whole = replay.moment(me, world.case, **WHOLE)
    changed = entry(whole, "task_changed", name="主管把期限延到")
    done = entry(whole, "task_done", name="出警并见到儿童")
    assert not done.missed
    for at in (changed.at, done.at):
        limit = replay.moment(me, world.case, at).detail.limit
        assert limit is not None
        assert limit.moved
    assert "路断了" not in changed.sentence.zh


# --- seals ---------------------------------------------------------------------------------------


def secrets_of(world: World, case_id: int) -> list[str]:
    """Everything that lies encrypted in the case's submissions, as words."""
    wrapped = world.case_row(case_id)["wrapped_key"]
    rows = world.rows(sa.select(SUBMISSION).where(SUBMISSION.c.case_id == case_id))
    found = [submissions.read(row, _seal.open_key(wrapped)) for row in rows]
    sealed = [
        {name: said for name, said in one.items() if name not in row["answers"]}
        for one, row in zip(found, rows, strict=True)
    ]
    return [word for word in _words(sealed) if len(word) > 2 and not word.isascii()]


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [word for inner in value.values() for word in _words(inner)]
    if isinstance(value, list):
        return [word for inner in value for word in _words(inner)]
    return [value] if isinstance(value, str) else []


def test_an_auditor_sees_no_secret_of_any_moment(world: World) -> None:
    job.report_in_danger(world)
    job.respond(world)
    me, (report,) = auditor(), world.cases("report")
    secrets = secrets_of(world, world.case) + secrets_of(world, report)
    assert secrets
    masks: set[str] = set()
    for one in replay.moment(me, world.case, **WHOLE).entries:
        moment = replay.moment(me, world.case, one.at)
        told = repr(asdict(moment))
        assert [word for word in secrets if word in told] == []
        masks |= {answer.mask for sheet in moment.detail.sheets for answer in sheet.answers}
    assert masks == {"", "reason", "sealed"}


def test_whoever_did_the_work_sees_what_was_sensitive_but_nothing_sealed(world: World) -> None:
    job.report_in_danger(world)
    job.respond(world)
    (police,) = world.rows(sa.select(TASK).where(TASK.c.process == "emergency-response", TASK.c.element == "t2"))
    me = people.person(db.session(), police["closed_by"])
    whole = replay.moment(me, world.case, **WHOLE)
    (sheet,) = replay.moment(me, world.case, entry(whole, "task_done", name="认定情形").at).detail.sheets
    assert "reason" not in {answer.mask for answer in sheet.answers}
    shown = [answer.label for answer in sheet.answers if not answer.mask]
    assert len(shown) > 1, "the situations are S2"


def test_an_erased_case_can_still_be_replayed(world: World) -> None:
    job.report_in_danger(world)
    job.respond(world)
    with transaction() as session:
        session.execute(sa.update(CASE).where(CASE.c.id == world.case).values(wrapped_key=None))
    me = auditor()
    masks: set[str] = set()
    for one in replay.moment(me, world.case, **WHOLE).entries:
        for sheet in replay.moment(me, world.case, one.at).detail.sheets:
            masks |= {answer.mask for answer in sheet.answers}
    assert "erased" in masks


def test_a_correction_stands_beside_what_it_corrects(world: World) -> None:
    job.report_in_danger(world)
    world.send("t1", "emergency-response", seen_child="yes")
    world.pass_time("PT2H")
    me = auditor()
    done = entry(replay.moment(me, world.case, **WHOLE), "task_done", name="出警并见到儿童")
    (first,) = world.rows(
        sa.select(SUBMISSION).where(SUBMISSION.c.case_id == world.case, SUBMISSION.c.element == "emergency-response.t1")
    )
    values = {name: value for name, value in first.items() if name not in ("id", "idempotency_key")}
    key = _seal.open_key(world.case_row()["wrapped_key"])
    secret = key.seal({}, submissions.place(world.case, first["form"], world.now))
    with transaction() as session:
        session.execute(
            sa.insert(SUBMISSION).values(
                values
                | {
                    "answers": {**first["answers"], "seen_child": "no"},
                    "secret": secret,
                    "recorded_at": world.now,
                    "supersedes_id": first["id"],
                }
            )
        )
    happened = replay.moment(me, world.case, done.at).detail.sheets
    assert [(sheet.corrects, sheet.corrected_at) for sheet in happened] == [
        (None, world.now),
        (first["recorded_at"], None),
    ]
    (known,) = replay.moment(me, world.case, done.at, view="known").detail.sheets
    assert known.recorded_at == first["recorded_at"]


# --- releases ------------------------------------------------------------------------------------


def test_each_instance_is_shown_as_drawn_when_it_began(world: World, tmp_path: Path) -> None:
    world.child()
    world.schedule("home-visit", world.now)
    old = releases.current(db.session())
    for folder in ("bpmn", "forms"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    drawing = tmp_path / "bpmn" / "home-visit.bpmn"
    drawing.write_text(drawing.read_text().replace('name="入户走访"', 'name="上门看孩子"'))
    releases.publish(releases.load(tmp_path))
    with commands.work_on(commands.SYSTEM) as work:
        _queue.start(work, work.lock(world.case), "home-visit", {}, releases.current(work.session))
    moment = replay.moment(auditor(), world.case)
    drawn = {
        one.release: [row.name.zh for row in replay.moment(auditor(), world.case, on=one.key).scene.rows]
        for one in moment.scenes
    }  # type: ignore[union-attr]
    assert len(drawn) == 2
    assert "入户走访" in drawn[old]
    assert "上门看孩子" in drawn[releases.current(db.session())]


# --- who may look, and whether the record holds -----------------------------------------------------


def test_a_changed_record_is_said_so(world: World) -> None:
    job.report_in_danger(world)
    me = auditor()
    assert replay.page(me, world.case).chain.broken == ()
    with transaction() as session:
        session.execute(
            sa.update(EVENT)
            .where(EVENT.c.case_id == world.case, EVENT.c.seq == 3)
            .values(occurred_at=world.now - timedelta(days=9))
        )
    (where, why), *_ = replay.page(me, world.case).chain.broken
    assert "3" in where.zh
    assert why.zh


def test_who_may_replay(world: World) -> None:
    job.report_in_danger(world)
    job.respond(world)
    for username in ("admin.620000", "policy.620700-civil_affairs"):
        rows = world.rows(sa.select(USER.c.id).where(USER.c.username.startswith(username.split(".")[0])))
        for row in rows:
            with pytest.raises((Forbidden, NotFound)):
                replay.page(people.person(db.session(), row["id"]), world.case)
    with pytest.raises(NotFound):
        replay.page(auditor(), 10**6)
    assert replay.may(auditor(), world.case)


def test_a_report_that_is_not_theirs_is_left_out(world: World) -> None:
    """The village keeps the ledger of its children, but reports come to the police."""
    job.report_in_danger(world)
    me = somebody("village_worker.620702101201")
    assert access.policy(db.session()).can(me, "replay", access.case_resource(db.session(), world.case))
    moment = replay.moment(me, world.case, **WHOLE)
    assert {one.case_id for one in moment.entries} == {world.case}
    assert moment.entries[0].at == "1"


def test_the_index_lists_what_one_audits(world: World) -> None:
    for _ in range(4):
        world.accepted()
    me = auditor()
    rows, total, after = audited.index(me)
    assert total == len(rows) == len(world.cases("child")) + len(world.cases("report"))
    assert after == 0
    assert [row.id for row in rows] == sorted((row.id for row in rows), reverse=True)
    child = next(row for row in rows if row.kind == "child")
    assert child.events == world.case_row(child.id)["last_seq"]
    assert child.processes
    older, _, _ = audited.index(me, after=rows[0].id)
    assert [row.id for row in older] == [row.id for row in rows[1:]]
