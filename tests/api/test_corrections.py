"""Undo by correction: a new submission in the old one's place, with a reason; the old one stays, the path is not walked again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db, table
from app.models import Case, Event, Instance, Submission, Task
from app.services import _seals, people, tasks
from app.services.audit import verification
from app.services.history import exports, replay
from app.web import forms
from tests.api.conftest import NOW
from tests.api.site import COUNTY, TOWNSHIP, Caller, Site

SENT, EVENTS = table(Submission), table(Event)
LATER = NOW + timedelta(hours=2)
WHY = "现场记错了，孩子当时在邻居家"


def officer(site: Site) -> Caller:
    return site.person("police_officer", f"{TOWNSHIP}-police")


def closed(site: Site) -> dict[str, Any]:
    """The task by which the police saw the child of the open family, done by the officer."""
    case = site.cases("child")[0]
    (task,) = site.rows(
        sa.select(Task.id, Task.case_id, Task.closed_by).where(
            Task.case_id == case, Task.process == "emergency-response", Task.element == "t1", Task.status == "done"
        )
    )
    return task


def sent(site: Site, task: int) -> list[dict[str, Any]]:
    return site.rows(sa.select(SENT).where(SENT.c.task_id == task).order_by(SENT.c.id))


def posted(site: Site, task: int, **wanted: Any) -> dict[str, Any]:
    """What holds now, as the correction's page would post it, with some answers changed."""
    with site.app.app_context():
        form, _case = tasks.form_of(task)
        row = sent_row(task)
        key = db.session.scalar(sa.select(Case.wrapped_key).where(Case.id == row["case_id"]))
        answers = {**_seals.read(row, key), **wanted}
        return {**forms.write(form, answers).to_dict(flat=False), "former": row["id"], "_reason": WHY}


def sent_row(task: int) -> Any:
    return (
        db.session.execute(sa.select(SENT).where(SENT.c.task_id == task).order_by(SENT.c.id.desc())).mappings().first()
    )


def told(site: Site, row: dict[str, Any]) -> dict[str, Any]:
    """All answers of a submission."""
    with site.app.app_context():
        return _seals.read(row, db.session.scalar(sa.select(Case.wrapped_key).where(Case.id == row["case_id"])))


def author(site: Site, task: dict[str, Any]) -> Caller:
    """Whoever sent the form."""
    return site.user(task["closed_by"])


def correct(site: Site, someone: Caller, task: int, **wanted: Any) -> Any:
    return someone.post(f"/tasks/{task}/correct", posted(site, task, **wanted))


@pytest.fixture(autouse=True)
def later(site: Site) -> None:
    site.move(LATER)


def test_the_old_one_stays_and_the_new_one_stands_in_its_place(site: Site) -> None:
    task = closed(site)
    assert correct(site, author(site, task), task["id"], seen_child="no").status_code == 302
    first, second = sent(site, task["id"])
    assert first["answers"]["seen_child"] == "yes"
    assert second["answers"]["seen_child"] == "no"
    assert (second["supersedes_id"], second["origin_id"]) == (first["id"], first["id"])
    assert (second["recorded_at"], second["occurred_at"]) == (LATER, first["occurred_at"])
    again = correct(site, author(site, task), task["id"], **told(site, first))
    assert again.status_code == 302
    third = sent(site, task["id"])[2]
    assert (third["supersedes_id"], third["origin_id"]) == (second["id"], first["id"])


def test_the_engine_does_not_move(site: Site) -> None:
    task = closed(site)
    query = (
        sa.select(Instance.id, Instance.state, Instance.status)
        .where(Instance.case_id == task["case_id"])
        .order_by(Instance.id)
    )
    tasks = sa.select(Task.id, Task.status).order_by(Task.id)
    steps = sa.select(sa.func.count().label("n")).where(Event.kind == "step")
    before = site.rows(query), site.rows(tasks), site.rows(steps)
    correct(site, author(site, task), task["id"], seen_child="no")
    assert [row["status"] for row in site.rows(query)] == [row["status"] for row in before[0]]
    assert (site.rows(tasks), site.rows(steps)) == before[1:]


def test_the_record_says_who_what_and_why_and_holds(site: Site) -> None:
    task = closed(site)
    correct(site, author(site, task), task["id"], seen_child="no")
    (event,) = site.rows(sa.select(EVENTS).where(EVENTS.c.case_id == task["case_id"], EVENTS.c.kind == "corrected"))
    assert event["actor_id"] == task["closed_by"]
    assert '"seen_child"' in event["body"]
    assert '"how":"correction"' in event["body"]
    assert WHY not in event["body"], "a reason is somebody's words: they lie sealed"
    with site.app.app_context():
        assert verification.examine(task["case_id"], sealed=True).breaks == []


def test_the_story_tells_both(site: Site) -> None:
    task, someone = closed(site), officer(site)
    path = f"/cases/{task['case_id']}"
    before = someone.get(path).text
    correct(site, author(site, task), task["id"], seen_child="no")
    after = someone.get(path).text
    assert "更正了" not in before
    assert "更正了" in after
    assert WHY in after
    assert after.count("办完“出警并见到儿童”") == before.count("办完“出警并见到儿童”"), (
        "what was said first is told as it was"
    )


def test_the_closed_page_shows_what_holds_and_every_version(site: Site) -> None:
    task, someone = closed(site), officer(site)
    correct(site, author(site, task), task["id"], seen_child="no")
    page = someone.get(f"/tasks/{task['id']}").text
    assert WHY in page
    for row in sent(site, task["id"]):
        assert f"/records/{row['id']}" in page
        assert someone.get(f"/records/{row['id']}").status_code == 200


def test_the_form_opens_with_the_former_answers_and_says_what_a_correction_is_not(site: Site) -> None:
    task = closed(site)
    page = author(site, task).get(f"/tasks/{task['id']}/correct").text
    assert "不改已经作出的决定" in page
    assert f"/cases/{task['case_id']}/record/case_changed" in page
    assert 'value="yes" autocomplete="off" checked' in page


@pytest.mark.parametrize("reason", ["", "  ", "长" * 501])
def test_a_reason_is_needed_and_nothing_typed_is_lost(site: Site, reason: str) -> None:
    task = closed(site)
    data = posted(site, task["id"], seen_child="no") | {"_reason": reason}
    answer = author(site, task).post(f"/tasks/{task['id']}/correct", data)
    assert answer.status_code == 422
    assert 'value="no" autocomplete="off" checked' in answer.text
    assert len(sent(site, task["id"])) == 1


def test_the_same_again_is_no_correction(site: Site) -> None:
    task = closed(site)
    answer = correct(site, author(site, task), task["id"])
    assert answer.status_code == 422
    assert "没有要更正的" in answer.text
    assert len(sent(site, task["id"])) == 1


def test_of_two_the_second_is_told(site: Site) -> None:
    task = closed(site)
    mine = posted(site, task["id"], seen_child="no")
    correct(site, author(site, task), task["id"], seen_child="no")
    answer = author(site, task).post(f"/tasks/{task['id']}/correct", mine | {"_reason": "另一个理由"})
    assert answer.status_code == 409
    assert "另一个理由" in answer.text
    assert len(sent(site, task["id"])) == 2


def test_wrong_answers_are_refused_like_the_first_time(site: Site) -> None:
    task = closed(site)
    data = posted(site, task["id"]) | {"seen_child": "perhaps"}
    assert author(site, task).post(f"/tasks/{task['id']}/correct", data).status_code == 422


# --- who may ---------------------------------------------------------------------------------

MAY: dict[tuple[str, str], tuple[int, int]] = {
    ("police_chief", f"{TOWNSHIP}-police"): (200, 404),
    ("county_head", COUNTY): (200, 404),
    ("village_worker", "620702101201"): (404, 404),
    ("township_worker", TOWNSHIP): (404, 404),
    ("auditor", "620700-audit"): (403, 403),
    ("police_officer", "620702102-police"): (404, 404),
    ("county_head", "620721"): (404, 404),
    ("admin", "620700-civil_affairs"): (404, 404),
}
"""What others than its author are answered, in the open family and in the sealed one."""


@pytest.mark.parametrize("post", MAY, ids="@".join)
def test_who_may_correct(site: Site, post: tuple[str, str]) -> None:
    someone = site.person(*post)
    for sealed, expected in zip((False, True), MAY[post], strict=True):
        case = site.cases("child", sealed=sealed)[0]
        (task,) = site.rows(
            sa.select(Task.id, Task.closed_by).where(
                Task.case_id == case, Task.process == "emergency-response", Task.element == "t1"
            )
        )
        assert someone.get(f"/tasks/{task['id']}/correct").status_code == expected
        answer = someone.post(f"/tasks/{task['id']}/correct", posted(site, task["id"], seen_child="no"))
        assert answer.status_code == (302 if expected == 200 else expected)
        assert len(sent(site, task["id"])) == (2 if expected == 200 else 1)
        if post[0] != "auditor":
            shown = someone.get(f"/cases/{case}")
            assert (f'story-correct" href="/tasks/{task["id"]}"' in shown.text) == (expected == 200)


def test_an_open_task_is_not_corrected(site: Site) -> None:
    task = site.task("temporary-placement", "h2")["id"]
    assert officer(site).get(f"/tasks/{task}/correct").status_code in (403, 404)


def test_a_supervisor_leaves_what_is_sealed_as_it_was(site: Site) -> None:
    """What they cannot see they cannot change, nor lose."""
    query = sa.select(Task.id, Task.case_id, Submission.id.label("sent")).join(
        Submission, Submission.task_id == Task.id
    )
    rows = site.rows(
        query.where(
            Task.process == "report-intake",
            Task.element == "t1",
            Task.status == "done",
            Task.case_id == site.cases("report")[0],
        )
    )
    task = rows[0]["id"]
    chief = site.person("police_chief", f"{TOWNSHIP}-police")
    page = chief.get(f"/tasks/{task}/correct")
    assert page.status_code == 200
    assert "哨大爷" not in page.text
    data = posted(site, task)
    data = {name: value for name, value in data.items() if not name.startswith("reporter_name")}
    data["reporter_name"] = "别人"
    data["facts"] = "更正后的情况"
    assert chief.post(f"/tasks/{task}/correct", data).status_code in (302, 422)
    with site.app.app_context():
        row = sent_row(task)
        key = db.session.scalar(sa.select(Case.wrapped_key).where(Case.id == row["case_id"]))
        assert "别人" not in str(_seals.read(row, key))


# --- facts and limits ------------------------------------------------------------------------


def test_facts_are_learned_anew_and_limits_that_start_at_them_move(site: Site) -> None:
    """F17's handing over was an hour earlier: the case knows, and what is due after it falls due an hour earlier."""
    task = site.task("temporary-placement", "h2")
    someone = officer(site)
    data = site.posted(task["id"], accepted="yes", handed_at=NOW.isoformat())
    assert someone.post(f"/tasks/{task['id']}/complete", {**data, "version": task["version"]}).status_code == 302
    facts = lambda: site.rows(sa.select(Case.facts).where(Case.id == task["case_id"]))[0]["facts"]  # noqa: E731
    before = facts()["placed_at"]
    earlier = (NOW - timedelta(minutes=30)).isoformat()
    started = lambda: [  # noqa: E731
        row
        for row in site.rows(
            sa.select(Task.id, Task.due, Task.due_at, Task.version).where(
                Task.case_id == task["case_id"], Task.status == "open"
            )
        )
        if row["due"].get("start") in ("placed_at", "last_notice_at")
    ]
    resting = started()
    assert correct(site, someone, task["id"], handed_at=earlier).status_code == 302
    assert facts()["placed_at"] != before
    assert facts()["last_notice_at"] == facts()["placed_at"]
    for old, new in zip(resting, started(), strict=True):
        assert new["due_at"] <= old["due_at"]
    (event,) = site.rows(sa.select(Event.body).where(Event.case_id == task["case_id"], Event.kind == "corrected"))
    assert "placed_at" in event["body"]


def test_a_fact_that_something_else_taught_since_stays(site: Site) -> None:
    """The risk was set by the assessment; correcting an older form about it changes nothing."""
    case = site.cases("child")[0]
    (task,) = site.rows(
        sa.select(Task.id, Task.closed_by).where(
            Task.case_id == case, Task.process == "assessment-help", Task.element == "t3"
        )
    )
    with site.app.app_context():
        db.session.execute(
            sa.update(Case)
            .where(Case.id == case)
            .values(facts=sa.select(Case.facts).where(Case.id == case).scalar_subquery(), risk="red")
        )
        row = db.session.get_one(Case, case)
        row.facts = {**row.facts, "risk": "red"}
        db.session.commit()
    assert correct(site, site.user(task["closed_by"]), task["id"], level="yellow").status_code == 302
    assert site.rows(sa.select(Case.risk).where(Case.id == case))[0]["risk"] == "red"


def test_the_risk_follows_a_corrected_level(site: Site) -> None:
    case = site.cases("child")[0]
    (task,) = site.rows(
        sa.select(Task.id, Task.closed_by).where(
            Task.case_id == case, Task.process == "assessment-help", Task.element == "t3"
        )
    )
    assert site.rows(sa.select(Case.risk).where(Case.id == case))[0]["risk"] == "orange"
    assert correct(site, site.user(task["closed_by"]), task["id"], level="yellow").status_code == 302
    assert site.rows(sa.select(Case.risk).where(Case.id == case))[0]["risk"] == "yellow"


# --- looking back ----------------------------------------------------------------------------


def test_the_replay_knows_a_correction_only_from_when_it_was_made(site: Site) -> None:
    task = closed(site)
    correct(site, author(site, task), task["id"], seen_child="no")
    auditor = site.person("auditor", "620700-audit").user_id
    with site.app.app_context():
        me = people.person(db.session(), auditor)
        whole = replay.moment(me, task["case_id"], start=replay.WHOLE)
        mended = next(one for one in whole.entries if one.kind == "corrected")
        done = next(one for one in whole.entries if one.kind == "task_done" and "出警并见到儿童" in one.sentence.zh)
        assert "记录了一件事" not in mended.sentence.zh
        happened, known = (
            replay.moment(me, task["case_id"], done.at, view=view).detail.sheets for view in replay.VIEWS
        )
        assert [bool(sheet.corrects) for sheet in happened] == [False, True]
        assert [bool(sheet.corrects) for sheet in known] == [False]
        (sheet,) = replay.moment(me, task["case_id"], mended.at).detail.sheets
        assert sheet.corrects is not None


@pytest.mark.parametrize("form", sorted(exports.FORMATS))
def test_exports_tell_that_something_was_corrected_and_not_what(site: Site, form: str) -> None:
    task = closed(site)
    correct(site, author(site, task), task["id"], seen_child="no")
    with site.app.app_context():
        text = "".join(exports.of_everything().write(form))
    assert "更正" in text
    assert WHY not in text


def test_a_program_corrects_too(site: Site) -> None:
    task = closed(site)
    someone = author(site, task)
    (first,) = someone.api(f"GET /tasks/{task['id']}").json["versions"]
    (row,) = sent(site, task["id"])
    body = {"supersedes": first["record"], "answers": {**told(site, row), "seen_child": "no"}, "reason": WHY}
    done = someone.api(f"POST /tasks/{task['id']}/correct", body)
    assert done.status_code == 200, done.text
    versions = someone.api(f"GET /tasks/{task['id']}").json["versions"]
    assert [(one["corrects"], one["reason"]) for one in versions] == [(True, WHY), (False, "")]
    assert someone.api(f"POST /tasks/{task['id']}/correct", body).status_code == 409
    assert (
        site.person("village_worker", "620702101202").api(f"POST /tasks/{task['id']}/correct", body).status_code == 404
    )
