"""Who opened which record: every address that shows one writes it down, lists do not, and auditors can ask."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.db import db, table, transaction
from app.models import Event, Instance, Look, Submission, Unit
from app.services import looks, people
from app.services.audit import look_log
from app.services.history import reads
from app.services.history._telling import names_of
from app.web.looks import OPENS
from tests.api.conftest import NOW
from tests.api.site import COUNTY, TOWNSHIP, Caller, Site, says_nothing

LOOK, EVENT = table(Look), table(Event)
NAMES_A_RECORD = {"case_id", "other_id", "task_id", "submission_id", "paper_id", "file_id", "instance_id"}
OPEN_NOTHING = {
    "cases.xml": "the diagram that everybody may see",
    "processes.xml": "the same",
    "cases.new_danger": "does, and is an event",
    "api-tasks.complete": "sends what its page has shown, and is an event",
    "api-tasks.correct": "the same",
    "api-tasks.release": "gives back, and is an event",
    "records.reason": "asks for a reason; what it opens is an event, and the page that follows a look",
}
POLICE = f"{TOWNSHIP}-police"
WHY = "抽查这件的办理过程"
DAY = NOW + timedelta(days=2)


def of(site: Site, who: Caller) -> list[tuple[str, int, str]]:
    """What this person has opened, in order."""
    found = site.rows(sa.select(LOOK).where(LOOK.c.user_id == who.user_id).order_by(LOOK.c.id))
    return [(row["kind"], row["record_id"], row["via"]) for row in found]


def test_every_address_that_names_a_record_is_known_to_open_it_or_not(shared_site: Site) -> None:
    rules = list(shared_site.app.url_map.iter_rules())
    naming = {
        rule.endpoint for rule in rules if rule.arguments & NAMES_A_RECORD and "GET" in (rule.methods or ())
    }  # what only takes a POST acts, and what was done is an event
    assert naming - OPENS.keys() - OPEN_NOTHING.keys() == set()
    assert OPENS.keys() <= {rule.endpoint for rule in rules}
    for rule in rules:
        assert OPENS.get(rule.endpoint, {}).keys() - {"case"} <= rule.arguments, (
            rule
        )  # `case` is asked for in the query


def test_pages_and_programs_that_open_a_record_are_on_record_once(shared_site: Site) -> None:
    site, officer = shared_site, shared_site.person("police_officer", POLICE)
    task = site.task("temporary-placement", "h2")
    case = task["case_id"]
    record = site.rows(sa.select(Submission.id).where(Submission.case_id == case).order_by(Submission.id))[0]
    (run,) = site.rows(sa.select(Instance.id).where(Instance.case_id == case).order_by(Instance.id).limit(1))
    for path in (f"/cases/{case}", f"/tasks/{task['id']}", f"/records/{record['id']}", f"/cases/{case}/papers",
                 f"/cases/{case}/diagram/{run['id']}", f"/tasks/{task['id']}"):  # fmt: skip
        assert officer.get(path).status_code == 200, path
    for call in (
        f"GET /cases/{case}",
        f"GET /tasks/{task['id']}",
        f"GET /tasks/{task['id']}/form",
        f"GET /papers?case={case}",
    ):
        assert officer.api(call).status_code == 200, call
    assert of(site, officer) == [
        ("case", case, "web"), ("task", task["id"], "web"), ("record", record["id"], "web"), ("case", case, "api"),
        ("task", task["id"], "api"),
    ]  # fmt: skip
    query = sa.select(LOOK, Unit.code).join(Unit, Unit.id == LOOK.c.unit_id).where(LOOK.c.user_id == officer.user_id)
    look = site.rows(query.order_by(LOOK.c.id))[1]
    assert (look["case_id"], look["role"], look["code"], look["at"]) == (case, "police_officer", POLICE, NOW)
    site.move(NOW + looks.AGAIN - timedelta(seconds=1))
    officer.get(f"/tasks/{task['id']}")
    assert len(of(site, officer)) == 5
    site.move(NOW + looks.AGAIN)
    officer.get(f"/tasks/{task['id']}")
    assert len(of(site, officer)) == 6
    assert of(site, officer)[-1] == ("task", task["id"], "web")


def test_lists_gists_and_refusals_open_nothing(shared_site: Site) -> None:
    task = shared_site.task("temporary-placement", "h2")["id"]
    officer, stranger = (
        shared_site.person("police_officer", POLICE),
        shared_site.person("county_worker", "620721-civil_affairs"),
    )
    before = len(of(shared_site, officer))
    for path in ("/inbox", f"/tasks/{task}?peek=1", "/cases/", "/notices"):
        assert officer.get(path).status_code == 200
    assert officer.api("GET /tasks").status_code == 200
    assert len(of(shared_site, officer)) == before
    for answer in (
        stranger.get(f"/tasks/{task}"),
        stranger.api(f"GET /tasks/{task}"),
        shared_site.anonymous().get(f"/tasks/{task}"),
    ):
        assert answer.status_code in (302, 404)
    assert of(shared_site, stranger) == []


@contextmanager
def nowhere_to_write(site: Site) -> Iterator[None]:
    """The table of looks is away."""
    with site.app.app_context(), transaction() as session:
        session.execute(sa.text("ALTER TABLE look RENAME TO look_away"))
    yield
    with site.app.app_context(), transaction() as session:
        session.execute(sa.text("ALTER TABLE look_away RENAME TO look"))


def test_a_look_that_cannot_be_written_costs_nobody_the_page(
    shared_site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    chief = shared_site.person("police_chief", POLICE)
    case = shared_site.cases("child")[0]
    with nowhere_to_write(shared_site):
        page = chief.get(f"/cases/{case}")
    assert (page.status_code, "哨" in page.text) == (200, True)
    assert any("look not written" in line.message for line in caplog.records)


def test_of_several_posts_the_one_that_opens_the_case_is_named(shared_site: Site) -> None:
    with shared_site.app.app_context():
        both = people.add_user("lian.gang", "两岗", "-", [("county_head", "620721"), ("county_head", COUNTY)])
    someone, case = shared_site.user(both), shared_site.cases("child")[0]
    assert someone.get(f"/cases/{case}").status_code == 200
    query = sa.select(LOOK.c.role, Unit.code).join(Unit, Unit.id == LOOK.c.unit_id).where(LOOK.c.user_id == both)
    assert shared_site.rows(query) == [{"role": "county_head", "code": COUNTY}]


# --- the auditor's page -------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """The officer opened a task, a day later the chief its case, both folded; then the auditor gave a reason."""

    site: Site
    auditor: Caller
    case: int
    task: int
    officer: str
    chief: str

    def rows(self, address: str = "") -> str:
        """The rows of the list of the case, or of another address."""
        answer = self.auditor.get(address or f"/audit/cases/{self.case}/reads?since={DAY:%Y-%m-%d}")
        assert answer.status_code == 200
        return answer.text.split("<tbody>")[1].split("</tbody>")[0]


@pytest.fixture(scope="module")
def told(shared_site: Site) -> Told:
    site, task = shared_site, shared_site.task("temporary-placement", "h2")
    officer, chief = site.person("police_officer", POLICE), site.person("police_chief", POLICE)
    auditor = site.person("auditor", "620700-audit")
    with site.app.app_context():
        look_log.fold()
        called = names_of(db.session(), [officer.user_id, chief.user_id])
    site.move(DAY)
    officer.get(f"/tasks/{task['id']}")
    site.move(DAY + timedelta(days=1))
    chief.get(f"/cases/{task['case_id']}")
    with site.app.app_context():
        assert look_log.fold() == 2
    auditor.post(f"/cases/{task['case_id']}/reason", {"reason": WHY})
    return Told(site, auditor, task["case_id"], task["id"], called[officer.user_id], called[chief.user_id])


def test_an_auditor_asks_who_opened_a_childs_file_and_when(told: Told) -> None:
    rows = told.rows()
    assert rows.count("<tr>") == 3
    assert rows.index(WHY) < rows.index(told.chief) < rows.index(told.officer), "newest first"
    assert rows.count("批") == 2
    one_day = told.rows(f"/audit/cases/{told.case}/reads?since={DAY:%Y-%m-%d}&until={DAY:%Y-%m-%d}")
    assert (told.officer in one_day, told.chief in one_day, WHY in one_day) == (True, False, False)
    chief = told.site.person("police_chief", POLICE).user_id
    by_who = told.rows(f"/audit/reads?by={chief}&since={DAY:%Y-%m-%d}")
    assert (told.officer in by_who, told.chief in by_who) == (False, True)
    again = told.rows()
    assert again.count("谁看过") == again.count("还没有封进") == 1, "the list itself was opened, and is not folded yet"


def test_a_number_leads_to_its_case_and_nonsense_is_answered_kindly(told: Told) -> None:
    get = told.auditor.get
    moved = get(f"/audit/reads?number={told.case}&since=2026-01-01")
    assert moved.headers["Location"] == f"/audit/cases/{told.case}/reads?since=2026-01-01"
    for wrong in ("number=2026-99999", "since=gestern", "until=0001-01-01", "number=" + "9" * 40):
        assert get(f"/audit/reads?{wrong}").status_code == 422, wrong
    keys = ("x", "2026-01-01|0|1", f"{NOW.isoformat().replace('+', '%2B')}|0|{2**70}")
    for odd in ("by=x", "by=" + "9" * 30, *(f"after={key}" for key in keys)):
        assert get(f"/audit/reads?{odd}").status_code == 200, odd
    assert get("/audit/cases/999999/reads").status_code == 404
    assert get("/audit/reads/export?since=gestern").status_code == 404


def test_pages_follow_each_other_without_a_gap(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "PAGE", 1)
    with told.site.app.app_context():
        person = people.person(db.session(), told.auditor.user_id)
        pages = [reads.page(person, reads.Asked(told.case, since=DAY))]
        while pages[-1].after:
            pages.append(reads.page(person, reads.Asked(told.case, since=DAY), pages[-1].after))
    records = [line.record for page in pages for line in page.lines if line.by in (told.officer, told.chief)]
    assert records == [f"case:{told.case}", f"task:{told.task}"]
    assert all(len(page.lines) == 1 for page in pages)


def test_others_and_other_regions_learn_nothing(told: Told) -> None:
    site = told.site
    with site.app.app_context():
        other = site.user(people.add_user("bie.xian", "别县", "-", [("auditor", "620721")]))
    page = other.get("/audit/reads")
    assert page.status_code == 200
    assert "<tbody>" not in page.text
    assert told.officer not in page.text
    assert other.get(f"/audit/cases/{told.case}/reads").status_code == 404
    assert other.get(f"/audit/reads/export?case={told.case}").status_code == 404


def test_the_table_goes_out_with_posts_and_without_reasons_and_that_is_registered(told: Told) -> None:
    answer = told.auditor.get(f"/audit/reads/export?case={told.case}&since={DAY:%Y-%m-%d}")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [
        (row["how"], row["standing"], row["post"]) for row in rows if row["person"] in (told.officer, told.chief)
    ] == [
        ("web", "kept", "所领导"),
        ("web", "kept", "办案民警"),
    ]
    assert "reason" in [row["how"] for row in rows]
    assert WHY not in answer.text
    assert says_nothing(answer)
    (entry,) = told.site.rows(sa.select(EVENT).where(EVENT.c.kind == "reads_exported"))
    assert entry["actor_id"] == told.auditor.user_id
    assert f'"case":{told.case}' in entry["body"]
    assert "的查看记录" in told.auditor.get("/audit/register").text


def test_an_altered_look_shows_on_the_page(told: Told) -> None:
    assert "和记录对不上" not in told.rows()
    with told.site.app.app_context(), transaction() as session:
        session.execute(
            sa.update(LOOK).where(LOOK.c.kind == "task", LOOK.c.at == DAY).values(at=DAY + timedelta(hours=1))
        )
    assert told.rows().count("和记录对不上") == 1
