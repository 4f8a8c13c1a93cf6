"""The main job as people do it in a browser: a report about a child becomes a case that reaches the court."""

from __future__ import annotations

import re

import sqlalchemy as sa
from playwright.sync_api import expect

from app.db import db, table
from app.models import Child, Guardian
from tests.browser.conftest import Site
from tests.browser.person import Person

VILLAGE = "620702101201"


def file_report(site: Site) -> tuple[str, str]:
    """Somebody on a phone reports a child; returns the number and the code."""
    reporter = Person(site.page(phone=True), site.app)
    page = reporter.page
    page.goto("/report/")
    page.locator('[name=reported_situations][value="living_alone"]').check(force=True)
    page.locator('[name=reported_situations][value="violence"]').check(force=True)
    page.locator('[name=safe_adult_now][value="no"]').check(force=True)
    page.fill("[name=facts]", "连续三晚家里没有大人，孩子胳膊上有伤。")
    reporter.look("report-1-what-phone-zh")
    page.locator("button.btn-go[value=next]").click()
    page.fill("[name=place]", "红柳滩村二组，村小对面")
    page.select_option("[name=village]", VILLAGE)
    page.fill('[name="children-0-name"]', "林小禾")
    page.fill('[name="children-0-age_or_dob"]', "9岁")
    reporter.look("report-2-where-phone-zh")
    page.locator("button.btn-go[value=next]").click()
    page.locator('[name=reporter_kind][value="anonymous"]').check(force=True)
    reporter.look("report-3-who-phone-zh")
    page.locator("button.btn-go[value=send]").click()
    expect(page.locator("dl.receipt")).to_be_visible()
    reporter.look("report-4-done-phone-zh")
    number, code = page.locator("dl.receipt dd").all_inner_texts()
    return number.strip(), re.sub(r"\s", "", code)


def ask(site: Site, number: str, code: str) -> str:
    """The reporter asks what came of it."""
    page = site.page(phone=True)
    page.goto("/report/ask")
    page.fill("[name=number]", number)
    page.fill("[name=code]", code)
    page.locator("button.btn-go").click()
    return page.locator("h1").inner_text()


def guardian(site: Site) -> str:
    """The child's father, as the forms name him."""
    with site.app.app_context():
        case_id = db.session.scalar(sa.select(table(Child).c.case_id))
        found = db.session.scalar(
            sa.select(sa.func.min(table(Guardian).c.id)).where(table(Guardian).c.case_id == case_id)
        )
        return str(found)


def test_from_a_report_to_a_new_guardian(site: Site) -> None:
    number, code = file_report(site)
    assert "已收到" in ask(site, number, code)

    police = site.person("jingcha")
    police.page.goto("/inbox?view=free")
    police.look("inbox-free-desktop-zh")
    child = {"name": "林小禾", "sex": "f", "age_or_dob": "9岁", "village": VILLAGE, "safe_adult_now": "no"}
    police.do("report-intake", "t1", "task-register-desktop-zh", children=[child])
    police.do("report-intake", "t2", safe_adult_now="no")
    police.do("report-intake", "t3", matches=[{"child_ref": "1 林小禾", "match": "different"}])
    police.do("report-intake", "t4", intake_decision="accept")
    assert "已受理" in ask(site, number, code)
    police.do("emergency-response", "t1", seen_child="yes")
    police.do(
        "emergency-response", "t2", "task-situations-desktop-zh", founded="yes", situations=["living_alone", "violence"]
    )
    police.look("case-two-situations-desktop-zh")
    police.do("reach-parents", "t1", parents_reached="unreached")
    police.do("stop-harm", "d1", placement_now="no", suspect_role="guardian")
    for element in ("d2", "d3", "d4", "d5"):
        police.do("stop-harm", element)
    police.do("stop-harm", "d6", protection_order="no")
    father = guardian(site)
    police.do("emergency-response", "t9", help_needed="yes", intervene="yes", intervene_guardians=[father],
              failure_found="no", reward_due="no")  # fmt: skip

    county = site.person("minzheng")
    county.do("temporary-placement", "h1", "task-placement-desktop-zh", child_view="agrees", place_kind="relief")
    police.do("temporary-placement", "h2", accepted="yes")
    township = site.person("dudao")
    township.do("assessment-help", "t1")
    township.do("assessment-help", "t2")
    lead = site.person("xiangzhen")
    lead.do("assessment-help", "t3", level="orange")
    township.do("assessment-help", "t4", need_services="no", need_aid="no", need_legal="no", need_pairing="no")
    township.look("case-home-desktop-zh")

    county.do("guardianship-intervention", "t0", neglect_kind="refusing", guardian=father)
    village = site.person("cunzhang")
    village.do("guardianship-intervention", "t1")
    police.do("guardianship-intervention", "t2", serious_harm="no", gravity="minor")
    village.do("six-month-clock", "t1", guardian=father, state="fails", refusal_known="yes", observed_on="2026-03-02")

    county.page.goto("/cases/")
    county.page.locator("form[action='/practice/travel'] button[value=P6M]").click()
    county.page.wait_for_load_state("networkidle")
    township.do("six-month-clock", "t2")
    county.do("six-month-clock", "t3")
    site.travel("P1D")
    lawyer = site.person("fazhi")
    lawyer.do("six-month-clock", "t4", "task-six-months-desktop-zh", petition_ground="g2")
    lawyer.look("case-six-month-clock-desktop-zh")
    lawyer.do("revocation-petition", "t1", petition_decision="petition")
    lawyer.do("revocation-petition", "t2", applicant_kind="civil")
    lawyer.do("revocation-petition", "t3")
    lawyer.do("revocation-petition", "t4", petition_grounds=["g2"], respondent=father)
    arrive(lawyer, "court_accepted")
    arrive(lawyer, "judgment_received")
    lawyer.do("revocation-petition", "t11", judgment="revoked")
    county.do("revocation-petition", "t6")
    county.do("revocation-petition", "t7")
    county.look("case-judged-desktop-zh")
    expect(county.page.locator("body")).to_contain_text("已撤销")


def arrive(someone: Person, message: str) -> None:
    """Register a paper from the court at the desk, on the case that is open on the page."""
    page = someone.page
    page.locator("a[href$='/record']").first.click()
    someone.look("record-desktop-zh")
    page.locator(f"a[href*='/record/{message}']").first.click()
    with someone.app.app_context():
        from app.services import releases  # noqa: PLC0415

        books = releases.current_library()
        form = books.form(books.messages[message]["form"])
        from app.demo.answers import plausible  # noqa: PLC0415
        from app.services import practice  # noqa: PLC0415

        raw = plausible(form, {}, someone.rng, practice.now(), {})
    someone.fill(form, raw)
    page.locator("main form button.btn-go").last.click()
    page.wait_for_url(re.compile(r"/cases/\d+$"))
