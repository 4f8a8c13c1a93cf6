"""Written down later than it happened: both times are kept, the bounds are said, and the replay tells them apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.clock import LAW_ZONE
from app.db import db
from app.models import Deadline, Event, Submission, Task
from app.services import people
from app.services.history import replay
from tests.api.conftest import NOW
from tests.api.site import COUNTY, TOWNSHIP, Caller, Site

LATER = NOW + timedelta(hours=5)
HAPPENED = NOW + timedelta(hours=1)


def officer(site: Site) -> Caller:
    return site.person("police_officer", f"{TOWNSHIP}-police")


def task_of(site: Site) -> dict[str, Any]:
    return site.task("temporary-placement", "h2")


def typed(at: Any) -> dict[str, str]:
    local = at.astimezone(LAW_ZONE)
    return {"_occurred_date": f"{local:%Y-%m-%d}", "_occurred_time": f"{local:%H:%M}"}


def send(site: Site, at: Any = None) -> Any:
    """The officer sends the form by its page, five hours from now."""
    task = task_of(site)
    site.move(LATER)
    posted = site.posted(task["id"], accepted="yes")
    someone = officer(site)
    return someone.post(
        f"/tasks/{task['id']}/complete", {**posted, "version": task["version"], **(typed(at) if at else {})}
    )


def kept(site: Site, task_id: int) -> dict[str, Any]:
    return site.rows(sa.select(Submission.occurred_at, Submission.recorded_at).where(Submission.task_id == task_id))[0]


def test_without_a_word_it_happened_now(site: Site) -> None:
    task = task_of(site)
    assert send(site).status_code == 302
    row = kept(site, task["id"])
    assert row["occurred_at"] == row["recorded_at"] == LATER


def test_both_times_are_kept_in_the_submission_and_the_record(site: Site) -> None:
    task = task_of(site)
    assert send(site, HAPPENED).status_code == 302
    row = kept(site, task["id"])
    assert (row["occurred_at"], row["recorded_at"]) == (HAPPENED, LATER)
    events = site.rows(
        sa.select(Event.kind, Event.occurred_at, Event.recorded_at).where(
            Event.task_id == task["id"], Event.kind == "task_done"
        )
    )
    assert [(one["occurred_at"], one["recorded_at"]) for one in events] == [(HAPPENED, LATER)]


def test_the_story_says_that_it_was_entered_later(site: Site) -> None:
    case = task_of(site)["case_id"]
    assert "补录" not in officer(site).get(f"/cases/{case}").text
    send(site, HAPPENED)
    assert "补录" in officer(site).get(f"/cases/{case}").text


def test_as_it_was_known_then_it_had_not_happened(site: Site) -> None:
    task = task_of(site)
    send(site, HAPPENED)
    auditor = site.person("auditor", "620700-audit").user_id
    with site.app.app_context():
        me = people.person(db.session(), auditor)
        whole = replay.moment(me, task["case_id"], start=replay.WHOLE)
        done = next(one for one in whole.entries if one.kind == "task_done" and one.occurred_at == HAPPENED)
        happened, known = (replay.moment(me, task["case_id"], done.at, view=view) for view in replay.VIEWS)
    assert done.late
    assert happened.unrecorded == 0
    assert known.unrecorded >= 1
    assert known.entry.unknown
    assert not happened.entry.unknown
    assert len(known.open_tasks) == len(happened.open_tasks) + 1, "as far as was known, it was still to be done"


def test_a_limit_kept_in_time_but_written_down_late_is_not_missed(site: Site) -> None:
    """The record tells both: done before the limit, entered after it."""
    task = task_of(site)
    due = site.rows(sa.select(Task.due_at).where(Task.id == task["id"]))[0]["due_at"]
    site.move(due + timedelta(hours=1))
    posted = site.posted(task["id"], accepted="yes")
    at = due - timedelta(hours=1)
    assert (
        officer(site)
        .post(f"/tasks/{task['id']}/complete", {**posted, "version": task["version"], **typed(at)})
        .status_code
        == 302
    )
    auditor = site.person("auditor", "620700-audit").user_id
    with site.app.app_context():
        whole = replay.moment(people.person(db.session(), auditor), task["case_id"], start=replay.WHOLE)
    done = next(one for one in whole.entries if one.kind == "task_done" and one.seq and one.late)
    assert done.missed is None


@pytest.mark.parametrize("by", [timedelta(minutes=1), timedelta(days=400)])
def test_it_does_not_lie_in_the_future(site: Site, by: timedelta) -> None:
    task = task_of(site)
    answer = send(site, LATER + by)
    assert answer.status_code == 422
    assert "还没有到" in answer.text
    assert site.submissions(task["id"]) == 0


def test_it_does_not_lie_before_the_first_report(site: Site) -> None:
    task = task_of(site)
    answer = send(site, NOW - timedelta(days=30))
    assert answer.status_code == 422
    assert "早于第一次有人报告" in answer.text
    assert 'value="' + typed(NOW - timedelta(days=30))["_occurred_date"] in answer.text, "what was typed is still there"
    assert site.submissions(task["id"]) == 0


def test_deadlines_do_not_start_at_it(site: Site) -> None:
    """Facts keep their own fields: the same answers, early or late, give the same limits."""

    def limits() -> list[Any]:
        return site.rows(
            sa.select(Deadline.rule, Deadline.due_at)
            .where(Deadline.kind == "task", Deadline.done_at.is_(None))
            .order_by(Deadline.id)
        )

    before = {one["due_at"] for one in limits()}
    send(site, HAPPENED)
    assert all(one["due_at"] > HAPPENED + timedelta(hours=1) for one in limits() if one["due_at"] not in before)


def test_a_program_names_an_instant(site: Site) -> None:
    worker = site.person("county_worker", f"{COUNTY}-civil_affairs")
    task = site.task("guardianship-intervention", "t0")
    site.move(LATER)
    body = {
        "version": task["version"],
        "answers": site.answers(task["id"]),
        "occurred_at": (LATER + timedelta(hours=1)).isoformat(),
    }
    refused = worker.api(f"POST /tasks/{task['id']}/complete", body)
    assert (refused.status_code, list(refused.json["fields"])) == (422, ["_occurred"])
    body["occurred_at"] = HAPPENED.isoformat()
    assert worker.api(f"POST /tasks/{task['id']}/complete", body, Idempotency_Key="k").status_code == 200
    assert kept(site, task["id"])["occurred_at"] == HAPPENED
    other = {**body, "occurred_at": (HAPPENED + timedelta(hours=1)).isoformat()}
    assert worker.api(f"POST /tasks/{task['id']}/complete", other, Idempotency_Key="k").status_code == 422


def test_a_draft_keeps_it(site: Site) -> None:
    task, someone = task_of(site), officer(site)
    someone.post(f"/tasks/{task['id']}/draft", typed(HAPPENED))
    page = someone.get(f"/tasks/{task['id']}").text
    assert f'value="{typed(HAPPENED)["_occurred_time"]}"' in page
    assert "_occurred" not in someone.api(f"GET /tasks/{task['id']}").json["answers"]
