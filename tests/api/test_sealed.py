"""What is sealed (S3) opens for a reason, for one's own task, or by breaking the glass; each opening is on record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock
from app.db import db, table
from app.models import CaseBar, Event, Report, SealedRead, Submission, Task, Unit, User
from app.services import _bars, _seal, cases, outbox, people, tasks
from app.services._work import SYSTEM, Actor
from app.services.audit import verification
from app.services.commands import work_on
from app.services.inbox import conflicts
from app.services.practice import PASSWORD
from app.web.signin import MOST_WRONG
from tests.api.conftest import NOW
from tests.api.site import COUNTY, OPEN_FAMILY, SEALED_FAMILY, TOWNSHIP, Caller, Site, says_nothing
from tests.world import World

POLICE = f"{TOWNSHIP}-police"
REPORTER, PHONE = "哨三叔", "13900003333"
WHY = "哨：要回电核实地址"
ADDRESS = "哨站街9号"


def officer(site: Site) -> Caller:
    return site.person("police_officer", POLICE)


def chief(site: Site) -> Caller:
    return site.person("police_chief", POLICE)


def auditor(site: Site) -> Caller:
    return site.person("auditor", "620700-audit")


def reads(site: Site) -> list[dict[str, Any]]:
    """The data of every opening on record."""
    return [_told(row) for row in site.rows(sa.select(table(Event)).where(Event.kind == "read").order_by(Event.id))]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    assert WHY not in row["body"]
    assert ADDRESS not in row["body"]
    assert PHONE not in row["body"]
    return {**json.loads(row["body"])["data"], "by": row["actor_id"], "case": row["case_id"], "task_id": row["task_id"]}


def wait(site: Site, minutes: int) -> None:
    site.move(NOW + timedelta(minutes=minutes))


@dataclass
class Filed:
    """A report with a named reporter, its case, and the task to register it."""

    case: int
    record: int
    task: int


@pytest.fixture
def filed(site: Site) -> Filed:
    told = site.report_answers(reporter_kind="citizen", reporter_name=REPORTER, reporter_phone=PHONE)
    number = site.anonymous().api("POST /reports", {"answers": told}).json["number"]
    (report,) = site.rows(sa.select(Report.case_id).where(Report.number == number))
    (record,) = site.rows(sa.select(Submission.id).where(Submission.case_id == report["case_id"]))
    (task,) = site.rows(sa.select(Task.id).where(Task.case_id == report["case_id"]))
    return Filed(report["case_id"], record["id"], task["id"])


def shows_reporter(caller: Caller, path: str) -> bool:
    page = caller.get(path).text
    assert (REPORTER in page) == (PHONE in page)
    return REPORTER in page


# --- one's own task -------------------------------------------------------------------------


def test_who_claims_a_report_sees_who_reported_and_that_is_on_record(site: Site, filed: Filed) -> None:
    intake, path = site.person("police_intake", POLICE), f"/tasks/{filed.task}"
    page = intake.get(path).text
    assert REPORTER not in page
    assert "领取后给你打开" in page
    assert "提交结果" not in page  # nobody sends a form of which part is hidden from them
    assert not reads(site)
    intake.post(f"{path}/claim")
    assert shows_reporter(intake, path)
    assert shows_reporter(intake, path)
    (opened,) = reads(site)
    assert (opened["why"], opened["submission"], opened["task_id"], opened["by"]) == (
        "task",
        filed.record,
        filed.task,
        intake.user_id,
    )
    assert {"reporter_name", "reporter_phone"} <= set(opened["fields"])
    assert "提交结果" in intake.get(path).text
    wait(site, 16)
    assert shows_reporter(intake, path)
    assert len(reads(site)) == 2  # a later look is another opening


def test_others_who_see_the_task_do_not_see_who_reported(site: Site, filed: Filed) -> None:
    intake, path = site.person("police_intake", POLICE), f"/tasks/{filed.task}"
    others = (chief(site), site.person("county_head", COUNTY), auditor(site))
    for someone in others:
        assert not shows_reporter(someone, path)
    intake.post(f"{path}/claim")
    for someone in others:
        assert not shows_reporter(someone, path)
    intake.post(f"{path}/release")
    wait(site, 16)
    assert not shows_reporter(intake, path)


def test_the_api_withholds_the_same(site: Site, filed: Filed) -> None:
    intake = site.person("police_intake", POLICE)
    free = intake.api(f"GET /tasks/{filed.task}").json
    assert not {"reporter_name", "reporter_phone"} & free["answers"].keys()
    assert set(free["may"]) == {"claim", "remark"}
    taken = intake.api(f"POST /tasks/{filed.task}/claim").json
    assert taken["answers"]["reporter_name"] == REPORTER
    assert [row["why"] for row in reads(site)] == ["task"]
    assert PHONE not in json.dumps(chief(site).api(f"GET /tasks/{filed.task}").json)


def test_a_closed_task_shows_what_was_sent_and_keeps_the_seal(site: Site, filed: Filed) -> None:
    intake, path = site.person("police_intake", POLICE), f"/tasks/{filed.task}"
    intake.post(f"{path}/claim")
    answers = site.answers(
        filed.task, reporter_kind="citizen", reporter_name=REPORTER, reporter_phone=PHONE, place="哨子沟"
    )
    assert intake.api(f"POST /tasks/{filed.task}/complete", {"version": 0, "answers": answers}).status_code == 200
    assert shows_reporter(intake, path)  # they wrote it themselves
    page = chief(site).get(path).text
    assert "哨子沟" in page  # S2: a supervisor sees it
    assert REPORTER not in page
    assert "哨子沟" not in auditor(site).get(path).text


def test_a_draft_that_holds_what_the_reporter_wrote_is_sealed_again_when_the_task_is_given_back(
    site: Site, filed: Filed
) -> None:
    intake, path = site.person("police_intake", POLICE), f"/tasks/{filed.task}"
    intake.post(f"{path}/claim")
    intake.post(f"{path}/draft", {"reporter_name": REPORTER, "reporter_phone": PHONE, "place": "哨子沟"})
    intake.post(f"{path}/release")
    wait(site, 16)
    page = intake.get(path).text
    assert "哨子沟" in page
    assert REPORTER not in page


# --- a reason -------------------------------------------------------------------------------


def registered(site: Site, filed: Filed) -> Caller:
    """The officer who registered the report; the case is theirs, and what the task had opened is shut again."""
    intake = site.person("police_intake", POLICE)
    intake.post(f"/tasks/{filed.task}/claim")
    assert shows_reporter(intake, f"/tasks/{filed.task}")
    answers = site.answers(filed.task, reporter_kind="citizen", reporter_name=REPORTER, reporter_phone=PHONE)
    assert intake.api(f"POST /tasks/{filed.task}/complete", {"version": 0, "answers": answers}).status_code == 200
    wait(site, 16)
    return intake


def test_a_reason_opens_a_record_for_a_quarter_of_an_hour(site: Site, filed: Filed) -> None:
    intake, path = registered(site, filed), f"/records/{filed.record}"
    assert (
        f'href="/records/{filed.record}?' not in intake.get(f"/cases/{filed.case}").text
    )  # a public report is no line of the story
    assert not shows_reporter(intake, path)
    for empty in ("", "  \n", "长" * 501):
        refused = intake.post(path, {"reason": empty})
        assert refused.status_code == 422
        assert REPORTER not in refused.text
    before = len(reads(site))
    opened = intake.post(path, {"reason": WHY, "next": f"/cases/{filed.case}"})
    assert (opened.status_code, opened.headers["Location"]) == (302, f"/cases/{filed.case}")
    assert shows_reporter(intake, path)
    (read,) = reads(site)[before:]
    assert (read["why"], read["submission"], read["by"], read["case"]) == (
        "reason",
        filed.record,
        intake.user_id,
        filed.case,
    )
    assert datetime.fromisoformat(read["until"]) == NOW + timedelta(minutes=16 + 15)
    wait(site, 16 + 14)
    assert shows_reporter(intake, path)
    wait(site, 16 + 15)
    assert not shows_reporter(intake, path)


def test_the_reason_lies_sealed_in_the_chain_and_the_chain_holds(site: Site, filed: Filed) -> None:
    intake = registered(site, filed)
    intake.post(f"/records/{filed.record}", {"reason": WHY})
    (event,) = site.rows(sa.select(table(Event)).where(Event.kind == "read").order_by(Event.id.desc()).limit(1))
    (case,) = site.rows(sa.text(f'SELECT wrapped_key FROM "case" WHERE id = {filed.case}'))
    with site.app.app_context():
        key = _seal.open_key(case["wrapped_key"])
        assert key.open(event["sealed"], f"event.sealed:{filed.case}:{event['seq']}")["secret"] == {"reason": WHY}
        assert not verification.examine(filed.case).breaks


def test_an_opening_is_for_one_person_and_one_record(site: Site, filed: Filed) -> None:
    intake, path = registered(site, filed), f"/records/{filed.record}"
    intake.post(path, {"reason": WHY})
    assert not shows_reporter(chief(site), path)
    other = site.cases("report")[0]
    (record,) = site.rows(
        sa.select(Submission.id).where(Submission.case_id == other, Submission.form == "report-public")
    )
    assert OPEN_FAMILY["reporter"] not in intake.get(f"/records/{record['id']}").text


@pytest.mark.parametrize(
    ("post", "status"),
    [
        (("police_chief", POLICE), 403),
        (("county_head", COUNTY), 403),
        (("township_worker", TOWNSHIP), 404),
        (("village_worker", "620702101201"), 404),
        (("police_officer", "620702102-police"), 404),
    ],
)
def test_a_reason_opens_nothing_for_those_who_do_not_work_on_it(
    site: Site, filed: Filed, post: tuple[str, str], status: int
) -> None:
    someone, path = site.person(*post), f"/records/{filed.record}"
    assert someone.get(path).status_code == (404 if status == 404 else 200)
    answer = someone.post(path, {"reason": WHY})
    assert answer.status_code == status
    assert says_nothing(answer)
    assert not shows_reporter(someone, path)
    assert not reads(site)


def test_a_record_that_is_not_there_is_no_page(shared_site: Site) -> None:
    assert officer(shared_site).get("/records/999999").status_code == 404
    assert officer(shared_site).post("/records/999999", {"reason": WHY}).status_code == 404


# --- where the child sleeps, and two people at one form -------------------------------------


def placed(site: Site) -> tuple[int, int]:
    """The open family's child is brought to an institution by the officer; returns the case and the record."""
    task, someone = site.task("temporary-placement", "h2"), officer(site)
    someone.post(f"/tasks/{task['id']}/claim")
    answers = site.answers(task["id"], place_name=ADDRESS, accepted="yes")
    assert (
        someone.api(f"POST /tasks/{task['id']}/complete", {"version": task["version"], "answers": answers}).status_code
        == 200
    )
    (record,) = site.rows(sa.select(Submission.id).where(Submission.task_id == task["id"]))
    return task["case_id"], record["id"]


def test_tonights_address_stands_behind_its_seal(site: Site) -> None:
    case, record = placed(site)
    helper = site.person("institution_carer", f"{COUNTY}-relief_institution")
    assert ADDRESS in officer(site).get(f"/cases/{case}").text  # who wrote it
    for someone in (chief(site), helper):
        page = someone.get(f"/cases/{case}")
        assert ADDRESS not in page.text
        if page.status_code == 200:
            assert "地址封存" in page.text
    worker = site.person("county_worker", f"{COUNTY}-civil_affairs")
    free = site.task("guardianship-intervention", "t0")["id"]
    worker.post(f"/tasks/{free}/claim")  # at work on the child: of the team
    page = worker.get(f"/cases/{case}").text
    assert ADDRESS not in page
    assert f'href="/records/{record}?' in page
    worker.post(f"/records/{record}", {"reason": WHY})
    assert ADDRESS in worker.get(f"/cases/{case}").text
    assert ADDRESS in worker.get(f"/records/{record}").text
    wait(site, 16)
    assert ADDRESS not in worker.get(f"/cases/{case}").text


def test_what_the_other_one_sent_stays_sealed_beside_what_was_typed(site: Site) -> None:
    _, record = placed(site)
    (task,) = site.rows(sa.select(Submission.task_id).where(Submission.id == record))
    worker = site.person("county_worker", f"{COUNTY}-civil_affairs")
    worker.post(f"/tasks/{site.task('guardianship-intervention', 't0')['id']}/claim")

    def seen(who: Caller) -> conflicts.Conflict:
        with site.app.app_context():
            form, _ = tasks.form_of(task["task_id"])
            return conflicts.of_task(
                people.person(db.session(), who.user_id), task["task_id"], form, {"place_name": "另一处"}, "zh"
            )

    for who, ask in ((worker, "reason"), (chief(site), "glass")):
        shut = seen(who)
        (row,) = [row for row in shut.rows if row.name == "place_name"]
        assert (row.theirs, row.mine, row.sealed, row.state) == ("", "另一处", True, "differ")
        assert shut.seal is not None
        assert (shut.seal.record, shut.seal.ask) == (record, ask)
    worker.post(f"/records/{record}", {"reason": WHY})
    (row,) = [row for row in seen(worker).rows if row.name == "place_name"]
    assert (row.theirs, row.sealed) == (ADDRESS, False)


# --- breaking the glass ---------------------------------------------------------------------


def number_of(site: Site, case: int) -> str:
    with site.app.app_context():
        return cases.number(case, clock.now())


def break_glass(someone: Caller, number: str, reason: str = WHY, password: str = PASSWORD) -> Any:
    return someone.post("/cases/unseal", {"number": number, "reason": reason, "password": password})


def test_a_supervisor_breaks_the_glass_on_a_case_they_cannot_see(site: Site) -> None:
    case, boss = site.cases("child", sealed=True)[0], chief(site)
    number = number_of(site, case)
    assert boss.get(f"/cases/{case}").status_code == 404
    for wrong in ((number, "", PASSWORD), (number, WHY, "wrong"), ("2026-99999", WHY, PASSWORD), ("", WHY, PASSWORD)):
        answer = break_glass(boss, *wrong)
        assert answer.status_code == 422, wrong
        assert says_nothing(answer) or WHY in answer.text
        assert PASSWORD not in answer.text
    assert not reads(site)
    assert break_glass(boss, number).headers["Location"] == f"/cases/{case}"
    page = boss.get(f"/cases/{case}").text
    assert SEALED_FAMILY["child"] in page
    assert "你紧急打开了" in page
    assert case in [row["id"] for row in boss.api("GET /cases").json["cases"]]
    (read,) = reads(site)
    assert (read["why"], read["submission"], read["by"], read["case"]) == ("glass", None, boss.user_id, case)
    assert datetime.fromisoformat(read["until"]) == NOW + timedelta(hours=4)
    site.move(NOW + timedelta(hours=4))
    assert boss.get(f"/cases/{case}").status_code == 404
    assert case not in [row["id"] for row in boss.api("GET /cases").json["cases"]]


def test_the_glass_opens_every_seal_of_the_case_and_of_no_other(site: Site, filed: Filed) -> None:
    registered(site, filed)
    boss = chief(site)
    assert not shows_reporter(boss, f"/records/{filed.record}")
    break_glass(boss, number_of(site, filed.case))
    assert shows_reporter(boss, f"/records/{filed.record}")
    other = site.cases("report")[0]
    (record,) = site.rows(
        sa.select(Submission.id).where(Submission.case_id == other, Submission.form == "report-public")
    )
    assert OPEN_FAMILY["reporter"] not in boss.get(f"/records/{record['id']}").text


@pytest.mark.parametrize(
    "post",
    [("police_officer", POLICE), ("police_chief", "620702102-police"), ("village_worker", "620702101201"),
     ("auditor", "620700-audit"), ("county_head", "620721"), ("provider", "620702-social_work")],
)  # fmt: skip
def test_only_those_who_answer_for_the_work_break_the_glass(site: Site, post: tuple[str, str]) -> None:
    someone, case = site.person(*post), site.cases("child", sealed=True)[0]
    real, none = break_glass(someone, number_of(site, case)), break_glass(someone, "2026-99999")
    assert (real.status_code, none.status_code) == (422, 422)
    assert "没有这个编号的个案，或者它不归你督办" in real.text
    assert "没有这个编号的个案，或者它不归你督办" in none.text
    assert not reads(site)


def test_wrong_passwords_count_as_at_sign_in(site: Site) -> None:
    boss, number = chief(site), number_of(site, site.cases("child", sealed=True)[0])
    for _ in range(MOST_WRONG):
        assert break_glass(boss, number, password="wrong").status_code == 422
    assert break_glass(boss, number).status_code == 422  # locked, though it is right
    assert site.rows(sa.select(User.locked_until).where(User.id == boss.user_id))[0]["locked_until"] is not None
    assert not reads(site)


def test_whoever_stands_above_is_told_and_says_whether_it_was_right(site: Site) -> None:
    case, boss, head = site.cases("child", sealed=True)[0], chief(site), site.person("county_head", COUNTY)
    break_glass(boss, number_of(site, case))
    with site.app.app_context():
        outbox.deliver()
    notice = head.get("/notices").text
    assert "有人紧急查看了封存内容" in notice
    assert "去复核" in notice
    assert "1次紧急查看等你复核" in head.get("/oversight/").text
    (read,) = site.rows(sa.select(SealedRead.id))
    page = head.get("/reviews").text
    assert WHY in page
    assert boss.get("/reviews").status_code == 200
    assert WHY not in boss.get("/reviews").text
    review = f"/reviews/{read['id']}"
    assert boss.post(review, {"verdict": "proper"}).status_code == 404
    assert head.post(review, {}).status_code == 422
    assert head.post(review, {"verdict": "improper"}).status_code == 422
    assert head.post(review, {"verdict": "improper", "remark": "哨：没有先打电话"}).status_code == 302
    assert head.post(review, {"verdict": "proper"}).status_code == 409
    (event,) = site.rows(sa.select(table(Event)).where(Event.kind == "read_reviewed"))
    assert (event["case_id"], event["actor_id"]) == (case, head.user_id)
    assert "没有先打电话" not in event["body"]
    assert "没有先打电话" in head.get("/reviews").text
    assert "等你复核" not in head.get("/oversight/").text


def test_above_the_highest_the_auditors_review(site: Site) -> None:
    head, case = site.person("county_head", COUNTY), site.cases("child", sealed=True)[0]
    assert break_glass(head, number_of(site, case)).status_code == 302
    (read,) = site.rows(sa.select(SealedRead.review_role, SealedRead.review_unit_id, SealedRead.id))
    (unit,) = site.rows(sa.select(Unit.code).where(Unit.id == read["review_unit_id"]))
    assert (read["review_role"], unit["code"]) == ("auditor", "620700-audit")
    assert auditor(site).post(f"/reviews/{read['id']}", {"verdict": "proper"}).status_code == 302


# --- auditors -------------------------------------------------------------------------------


def test_an_auditor_says_why_before_names_are_shown(site: Site) -> None:
    someone, case = auditor(site), site.cases("child")[0]
    page = someone.get(f"/cases/{case}")
    assert page.status_code == 200
    assert says_nothing(page)
    assert says_nothing(someone.get("/cases/"))
    assert says_nothing(someone.api(f"GET /cases/{case}"))
    assert someone.post(f"/cases/{case}/reason", {"reason": ""}).status_code == 422
    assert someone.post(f"/cases/{case}/reason", {"reason": WHY, "next": f"/cases/{case}"}).status_code == 302
    assert OPEN_FAMILY["child"] in someone.get(f"/cases/{case}").text
    assert says_nothing(someone.get(f"/cases/{site.cases('child')[1]}"))
    wait(site, 15)
    assert says_nothing(someone.get(f"/cases/{case}"))


def test_a_sealed_case_opens_to_an_auditor_for_a_reason(site: Site) -> None:
    someone, case = auditor(site), site.cases("child", sealed=True)[0]
    shut = someone.get(f"/cases/{case}")
    assert shut.status_code == 403
    assert says_nothing(shut)
    assert f"/cases/{case}/reason?next=/cases/{case}" in shut.text
    refused = someone.api(f"GET /cases/{case}").json
    assert (refused["code"], refused["status"]) == ("needs_reason", 403)
    assert f"/cases/{case}/reason" in refused["detail"], "the API takes no reasons; it says where to give one"
    someone.post(f"/cases/{case}/reason", {"reason": WHY})
    assert SEALED_FAMILY["child"] in someone.get(f"/cases/{case}").text
    wait(site, 15)
    assert someone.get(f"/cases/{case}").status_code == 403


def test_a_reason_for_a_case_is_asked_of_auditors_alone(shared_site: Site) -> None:
    case = shared_site.cases("child")[0]
    for someone in (officer(shared_site), chief(shared_site), shared_site.person("village_worker", "620702102201")):
        assert someone.get(f"/cases/{case}/reason").status_code == 404
        assert someone.post(f"/cases/{case}/reason", {"reason": WHY}).status_code == 404


def test_auditors_read_who_opened_what_and_why(site: Site, filed: Filed) -> None:
    intake, watcher = registered(site, filed), auditor(site)
    intake.post(f"/records/{filed.record}", {"reason": WHY})
    break_glass(chief(site), number_of(site, filed.case), "哨：孩子不见了")
    page = watcher.get(f"/audit/cases/{filed.case}/reads").text
    for words in (
        "办自己的事要用",
        WHY,
        "哨：孩子不见了",
        "等上级复核",
        "怎么联系你",
        "整个个案",
    ):
        assert words in page, words
    assert REPORTER not in page
    assert PHONE not in page
    assert f"/audit/cases/{filed.case}/reads" in watcher.get(f"/cases/{filed.case}").text
    for someone in (intake, chief(site)):
        assert someone.get(f"/audit/cases/{filed.case}/reads").status_code == 404
        assert f"/audit/cases/{filed.case}/reads" not in someone.get(f"/cases/{filed.case}").text


# --- units that may not know ----------------------------------------------------------------


def unit_id(site: Site, code: str) -> int:
    return int(site.rows(sa.select(Unit.id).where(Unit.code == code))[0]["id"])


def test_a_unit_that_failed_to_report_may_not_see_the_report(site: Site) -> None:
    """F18 names it; which unit it is lies sealed, so the table holds a blind index."""
    (report,), sibling = site.cases("report"), site.cases("child")[1]
    with site.app.app_context():
        world = World(site.move)
        world.send("t1", "emergency-response", sibling, seen_child="yes")
        world.send("t2", "emergency-response", sibling, founded="yes", situations=["living_alone"])
        world.send("t1", "reach-parents", sibling, parents_reached="unreached")
        assert officer(site).get(f"/cases/{report}").status_code == 200
        answers = {"help_needed": "yes", "intervene": "no", "failure_found": "yes", "reward_due": "no"}
        world.send("t9", "emergency-response", sibling, failure_unit=unit_id(site, POLICE), **answers)
    (bar,) = site.rows(sa.select(table(CaseBar)))
    assert bar["case_id"] == report
    assert str(unit_id(site, POLICE)).encode() not in bar["unit_index"]
    for someone in (officer(site), chief(site)):
        assert someone.get(f"/cases/{report}").status_code == 404
        assert report not in [row["id"] for row in someone.api("GET /cases").json["cases"]]
        assert break_glass(someone, number_of(site, report)).status_code == 422
        assert someone.get(f"/cases/{sibling}").status_code == 200  # the child's own case is theirs still
    assert site.person("county_head", COUNTY).get(f"/cases/{report}").status_code == 200


def test_a_bar_is_laid_once_on_every_report_about_the_child(site: Site) -> None:
    child = site.cases("child")[0]
    with site.app.app_context():
        (sent,) = site.rows(sa.select(sa.func.min(Submission.id).label("id")).where(Submission.case_id == child))
        for _ in range(2):
            with work_on(Actor(None, "test")) as work:
                _bars.from_reports(work, work.lock(child), unit_id(site, POLICE), sent["id"])
        with work_on(SYSTEM) as work:
            assert _bars.units(work.session, site.cases("report")[0]) == {unit_id(site, POLICE)}
            assert not _bars.units(work.session, site.cases("report", sealed=True)[0])
    assert len(site.rows(sa.select(CaseBar.id))) == 1
