"""Notices: who is told, in what words, where each leads; a supervisor's words; what a reporter adds later."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db, table
from app.models import Event, Notice, Outbox, Report, ReportLink, Submission, Task
from app.services import _registers, deadlines, notices, outbox, people
from tests.api.conftest import NOW
from tests.api.site import COUNTY, OPEN_FAMILY, TOWNSHIP, Caller, Site, says_nothing

POLICE, CODE = f"{TOWNSHIP}-police", "246810"
OPERATIONS = Path(__file__).parents[2] / "app/operations"


def told(site: Site, someone: Caller) -> tuple[notices.NoticeRow, ...]:
    """A person's notices."""
    with site.app.app_context():
        return notices.page(people.person(db.session(), someone.user_id)).rows


def events(site: Site, kind: str) -> list[dict[str, Any]]:
    return site.rows(sa.select(table(Event)).where(Event.kind == kind).order_by(Event.id))


def deliver(site: Site) -> None:
    with site.app.app_context():
        outbox.deliver()


def know_the_code(site: Site, case: int) -> dict[str, str]:
    """Number and code of a report, as its reporter took them home."""
    (report,) = site.rows(sa.select(Report.number).where(Report.case_id == case))
    with site.app.app_context(), db.engine.begin() as connection:
        hashed = _registers.code_hash(report["number"], CODE)
        connection.execute(sa.update(Report).where(Report.case_id == case).values(code_hash=hashed))
    return {"number": report["number"], "code": CODE}


def test_every_kind_of_notice_has_words_in_both_languages() -> None:
    sent = re.compile(r'(?:Notice\(\s*|_notice\(facts,\s*|receipt = |if facts\["report_anonymous"\] else )"(\w+)"')
    kinds = {kind for path in OPERATIONS.glob("*.py") for kind in sent.findall(path.read_text())}
    assert {"receipt", "receipt_with_code", "first_notice", "task_directed", "entrustment_ended"} <= kinds
    said = {*notices.KINDS} | {"report_accepted"}
    assert kinds <= said
    for text in notices.KINDS.values():
        assert text.zh
        assert text.en.isascii() or "’" in text.en


def test_each_notice_is_for_a_post_and_leads_to_what_it_may_open(shared_site: Site) -> None:
    (child, _sibling), (report,) = shared_site.cases("child"), shared_site.cases("report")
    township = told(shared_site, shared_site.person("township_worker", TOWNSHIP))
    assert [row.sent_at for row in township] == sorted((row.sent_at for row in township), reverse=True)
    of_open = [row for row in township if row.target == child]
    assert {(row.text, row.leads) for row in of_open} == {
        (notices.KINDS["report_accepted"], "case"),  # the report itself is not for the township
        (notices.KINDS["first_notice"], "case"),
    }
    police = told(shared_site, shared_site.person("police_intake", POLICE))
    assert ("report", report, True) in [(row.leads, row.target, row.pass_on) for row in police]
    assert told(shared_site, shared_site.person("township_worker", "620702102")) == ()
    assert told(shared_site, shared_site.person("class_teacher", f"{TOWNSHIP}-education")) == ()
    assert told(shared_site, shared_site.person("auditor", "620700-audit")) == ()


def test_the_page_names_nobody_and_the_inbox_counts_what_is_unread(shared_site: Site) -> None:
    for lang in ("zh", "en"):
        someone = shared_site.person("township_worker", TOWNSHIP)
        someone.client.set_cookie("lang", lang)
        page = someone.get("/notices")
        assert page.status_code == 200
        assert says_nothing(page)
        unread = sum(row.read_at is None for row in told(shared_site, someone))
        assert unread
        for path in ("/notices", "/inbox"):
            assert re.search(
                rf'href="/notices"[^>]*><span>\w+</span> <span class="view-count">{unread} ', someone.get(path).text
            )


def test_reading_marks_it_for_the_unit_once_and_gives_the_receipt(site: Site) -> None:
    someone = site.person("township_worker", TOWNSHIP)
    first = next(row for row in told(site, someone) if row.text == notices.KINDS["first_notice"] and row.leads)
    before = len(told(site, someone))
    assert someone.post(f"/notices/{first.id}/read", {"go": "1"}).headers["Location"] == f"/cases/{first.target}"
    assert someone.post(f"/notices/{first.id}/read").headers["Location"] == "/notices"
    (read,) = [row for row in told(site, someone) if row.id == first.id]
    assert (read.read_at, bool(read.read_by), len(told(site, someone))) == (NOW, True, before)
    (receipt,) = events(site, "notice_read")
    assert (receipt["case_id"], receipt["actor_id"]) == (first.target, someone.user_id)
    accepted = next(row for row in told(site, someone) if row.text == notices.KINDS["report_accepted"])
    someone.post(f"/notices/{accepted.id}/read")
    assert len(events(site, "notice_read")) == 1  # nobody asked for a receipt of that


def test_nobody_reads_a_notice_that_is_for_others(site: Site) -> None:
    first = told(site, site.person("township_worker", TOWNSHIP))[0]
    for post in (("township_worker", "620702102"), ("police_officer", POLICE), ("auditor", "620700-audit")):
        assert site.person(*post).post(f"/notices/{first.id}/read").status_code == 404
    assert site.rows(sa.select(Notice.read_at).where(Notice.id == first.id))[0]["read_at"] is None


def test_pages_join_without_gap_or_overlap(shared_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    someone = shared_site.person("township_worker", TOWNSHIP)
    whole = [row.id for row in told(shared_site, someone)]
    monkeypatch.setattr(notices, "PAGE", 2)
    joined: list[int] = []
    after = ""
    with shared_site.app.app_context():
        who = people.person(db.session(), someone.user_id)
        while True:
            page = notices.page(who, after)
            joined += [row.id for row in page.rows]
            if not (after := page.after):
                break
    assert joined == whole
    assert len(whole) > 2
    assert someone.get("/notices?after=nonsense").status_code == 422


def test_a_notice_to_a_post_that_nobody_holds_is_read_by_the_unit(site: Site) -> None:
    someone = site.person("county_worker", f"{COUNTY}-civil_affairs")
    (row,) = site.rows(sa.select(Notice.id, Notice.unit_id).where(Notice.role == "county_worker").limit(1))
    with site.app.app_context(), db.engine.begin() as connection:
        connection.execute(sa.update(Notice).where(Notice.id == row["id"]).values(role="township_in"))
    assert row["id"] in [one.id for one in told(site, someone)]


# --- a supervisor's words -------------------------------------------------------------------


def late(site: Site) -> dict[str, Any]:
    """A task of the open family that is past its deadline and waits for the chief's decision."""
    with site.app.app_context():
        deadlines.tick()
    return site.task("emergency-response", "t1")


def test_a_direction_stands_on_the_task_and_leads_there(site: Site) -> None:
    task, officer = late(site), site.person("police_officer", POLICE)
    chief = site.person("police_chief", POLICE)
    assert "先去看孩子" not in officer.get(f"/tasks/{task['id']}").text
    decided = chief.post(
        f"/oversight/tasks/{task['id']}/decide", {"decision": "direct", "reason": "先去看孩子，车找指挥中心。"}
    )
    assert decided.status_code == 302
    deliver(site)
    page = officer.get(f"/tasks/{task['id']}").text
    assert "先去看孩子，车找指挥中心。" in page
    assert "督办" in page
    (row,) = [row for row in told(site, officer) if row.text == notices.KINDS["task_directed"]]
    assert (row.leads, row.target) == ("task", task["id"])
    assert "先去看孩子" not in officer.get("/notices").text


def test_the_last_decision_counts_and_goes_when_the_task_is_done(site: Site) -> None:
    task, officer = late(site), site.person("police_officer", POLICE)
    chief = site.person("police_chief", POLICE)
    chief.post(f"/oversight/tasks/{task['id']}/decide", {"decision": "direct", "reason": "第一次说的话"})
    site.move(NOW + timedelta(days=3))
    with site.app.app_context():
        deadlines.tick()
    above = site.person("county_head", COUNTY)
    answer = above.post(
        f"/oversight/tasks/{task['id']}/decide", {"decision": "extend", "reason": "大雪封路", "until": "2026-03-09"}
    )
    assert answer.status_code == 302
    page = officer.get(f"/tasks/{task['id']}").text
    assert "大雪封路" in page
    assert "3月9日" in page
    assert "第一次说的话" not in page


def test_reassigned_work_is_told_to_the_one_who_has_it_now(site: Site) -> None:
    task, officer = late(site), site.person("police_officer", POLICE)
    chief = site.person("police_chief", POLICE)
    sent = {"decision": "reassign", "person_id": str(officer.user_id), "reason": "换你去"}
    assert chief.post(f"/oversight/tasks/{task['id']}/decide", sent).status_code == 302
    deliver(site)
    (row,) = [row for row in told(site, officer) if row.text == notices.KINDS["task_reassigned"]]
    assert row.leads == "task"
    (notice,) = site.rows(sa.select(table(Notice)).where(Notice.id == row.id))
    assert notice["user_id"] == officer.user_id
    assert "换你去" in officer.get(f"/tasks/{task['id']}").text


# --- what a reporter adds -------------------------------------------------------------------


def test_later_facts_are_kept_shown_in_the_report_and_told_to_those_at_work(site: Site) -> None:
    (report,) = site.cases("report")
    known = know_the_code(site, report)
    nobody = site.anonymous()
    answer = nobody.post("/report/ask", {**known, "more": "哨：昨晚又听见孩子哭。"})
    assert answer.status_code == 200
    assert "补充的情况收到了" in answer.text
    (kept,) = site.rows(sa.select(table(Submission)).where(Submission.form == "report-facts"))
    assert (kept["case_id"], kept["answers"], kept["element"]) == (report, {}, "public.report-facts")
    (event,) = events(site, "facts_added")
    assert "哨" not in event["body"]
    deliver(site)

    officer = site.person("police_officer", POLICE)
    assert "昨晚又听见孩子哭" in officer.get(f"/cases/{report}").text
    assert "昨晚又听见孩子哭" in site.person("county_head", COUNTY).get(f"/cases/{report}").text
    auditor = site.person("auditor", "620700-audit")
    for path in (f"/cases/{report}", f"/audit/cases/{report}?at={event['seq']}"):
        page = auditor.get(path).text
        assert "报告人补充了情况" in page
        assert "昨晚又听见孩子哭" not in page
    assert "昨晚又听见孩子哭" in officer.get(f"/audit/cases/{report}?at={event['seq']}").text

    child, sibling = site.cases("child")
    at_work = {row["unit_id"] for row in site.rows(sa.select(Task.unit_id).where(
        Task.case_id.in_((child, sibling)), Task.status == "open", Task.process != "overdue-escalation"))}  # fmt: skip
    sent = site.rows(sa.select(table(Notice)).where(Notice.kind == "facts_added"))
    assert {row["unit_id"] for row in sent if row["case_id"] != report} == at_work
    assert [row["role"] for row in sent if row["case_id"] == report] == ["police_intake"]
    intake = told(site, site.person("police_intake", POLICE))[0]
    assert (intake.text, intake.leads, intake.target) == (notices.KINDS["facts_added"], "report", report)
    township = told(site, site.person("township_worker", TOWNSHIP))[0]
    assert (township.text, township.leads, township.target) == (notices.ASK_THE_POLICE, "case", child)
    assert says_nothing(site.person("township_worker", TOWNSHIP).get("/notices"))
    assert told(site, site.person("village_worker", "620702101202")) == ()


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_adding_to_a_report_waits_for_nobody_who_holds_a_childs_case(site: Site) -> None:
    """Two cases are never locked in one transaction: a child's case that somebody holds does not stop the reporter."""
    (report,), (child, _) = site.cases("report"), site.cases("child")
    known = know_the_code(site, report)
    with site.app.app_context(), db.engine.connect() as other:
        other.execute(sa.text('SELECT id FROM "case" WHERE id = :id FOR NO KEY UPDATE'), {"id": child})
        answer = site.anonymous().post("/report/ask", {**known, "more": "又看到一次。"})
        other.rollback()
    assert answer.status_code == 200
    assert site.rows(sa.select(sa.func.count().label("n")).where(Outbox.state == "waiting"))[0]["n"] >= 2


def test_facts_that_are_too_long_are_refused_and_stay_typed(site: Site) -> None:
    (report,) = site.cases("report")
    known, more = know_the_code(site, report), "说" * 5001
    answer = site.anonymous().post("/report/ask", {**known, "more": more})
    assert answer.status_code == 422
    assert more in answer.text
    assert "补充的情况收到了" not in answer.text
    assert not events(site, "facts_added")


def test_facts_about_an_unmatched_report_go_to_the_police_alone(site: Site) -> None:
    filed = site.anonymous().api("POST /reports", {"answers": site.report_answers()}).json
    site.anonymous().post("/report/ask", {**filed, "more": "又看到一次。"})
    (case,) = site.rows(sa.select(Report.case_id, Report.id).where(Report.number == filed["number"]))
    assert not site.rows(sa.select(ReportLink.id).where(ReportLink.report_id == case["id"]))
    told_now = site.rows(sa.select(Outbox.payload).where(Outbox.case_id == case["case_id"], Outbox.kind == "notice"))
    told = [(row["payload"]["kind"], row["payload"]["role"]) for row in told_now]
    assert told == [("task_urgent", "police_intake"), ("facts_added", "police_intake")]


def test_family_names_are_marked(shared_site: Site) -> None:
    """What the tests above look for is what the pages would show."""
    officer = shared_site.person("police_officer", POLICE)
    assert OPEN_FAMILY["child"] in officer.get(f"/cases/{shared_site.cases('child')[0]}").text
