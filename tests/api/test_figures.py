"""How limits are kept: what may be opened is counted, nothing else; late is what was not done in time, not what was typed late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import db
from app.errors import NotFound
from app.models import SavedFilter
from app.services import access, figures, people
from tests.api.site import COUNTY, TOWNSHIP, Caller, Site, says_nothing
from tests.api.test_late_entry import typed

RESPONSE, PLACING = "emergency-response", "temporary-placement"


def chief(site: Site) -> Caller:
    return site.person("police_chief", f"{TOWNSHIP}-police")


def counted(site: Site, caller: Caller, days: int = 30) -> dict[str, figures.Line]:
    """The figures by process."""
    with site.app.app_context():
        page = figures.page(people.person(db.session(), caller.user_id or 0), days)
        assert sum(line.open for line in page.units) == sum(line.open for line in page.processes)
        return {line.process: line for line in page.processes}


def step(site: Site, caller: Caller, process: str, element: str, by: str = "open") -> figures.StepLine:
    with site.app.app_context():
        view = figures.heat(people.person(db.session(), caller.user_id or 0), process, 30, by)
        return next(step for step in view.steps if step.id == element)


def test_only_what_they_may_open_is_counted(shared_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sealed family has the same tasks in the same unit; its figures are not the chief's to know."""
    someone = chief(shared_site)
    assert {process: line.open for process, line in counted(shared_site, someone).items()} == {
        "report-intake": 1, RESPONSE: 1, PLACING: 1,
    }  # fmt: skip
    assert step(shared_site, someone, RESPONSE, "t1").line.open == 1
    reach = access.within_reach
    monkeypatch.setattr(  # broken twin: by region and role alone
        access, "supervised_tasks", lambda session, person: reach(access.policy(session).scope(person).supervised)
    )
    assert counted(shared_site, someone)[RESPONSE].open == 2


@pytest.mark.parametrize("post", [("village_worker", "620702101202"), ("police_chief", "620702102-police"),
                                  ("auditor", "620700-audit"), ("county_head", "620721")])  # fmt: skip
def test_who_answers_for_nothing_here_has_no_figures(shared_site: Site, post: tuple[str, str]) -> None:
    someone = shared_site.person(*post)
    assert counted(shared_site, someone) == {}
    assert someone.get("/oversight/figures").status_code == 200
    assert someone.get(f"/oversight/figures/{RESPONSE}").status_code == 200


def test_what_was_done_in_time_and_typed_later_was_kept(site: Site) -> None:
    task = site.task(PLACING, "h2")
    late = task["due_at"] + timedelta(hours=2)
    site.move(late)
    assert (counted(site, chief(site))[PLACING].late, counted(site, chief(site))[PLACING].missed) == (1, 1)
    done(site, task, late, happened=task["due_at"] - timedelta(minutes=1))
    line = counted(site, chief(site))[PLACING]
    assert (line.due, line.missed) == (1, 0)


def test_what_was_done_late_was_missed(site: Site) -> None:
    task = site.task(PLACING, "h2")
    late = task["due_at"] + timedelta(hours=2)
    done(site, task, late, happened=late)
    line = counted(site, chief(site))[PLACING]
    assert (line.due, line.missed) == (1, 1)
    assert step(site, chief(site), PLACING, "h2", "missed").level == 5
    site.move(late + timedelta(days=31))
    assert counted(site, chief(site))[PLACING].due == 0 or step(site, chief(site), PLACING, "h2").line.due == 0
    assert step_of_quarter(site) == 1


def step_of_quarter(site: Site) -> int:
    with site.app.app_context():
        view = figures.heat(people.person(db.session(), chief(site).user_id or 0), PLACING, 90)
        return next(one.line.due for one in view.steps if one.id == "h2")


def done(site: Site, task: dict[str, Any], at: Any, happened: Any) -> None:
    """The officer sends the form at that time, for something that happened then."""
    site.move(at)
    posted = site.posted(task["id"], accepted="yes")
    someone = site.person("police_officer", f"{TOWNSHIP}-police")
    sent = someone.post(f"/tasks/{task['id']}/complete", {**posted, "version": task["version"], **typed(happened)})
    assert sent.status_code == 302


def test_other_periods_and_measures_are_no_pages(shared_site: Site) -> None:
    someone = shared_site.person("county_head", COUNTY)
    for path in ("?days=31", f"/{RESPONSE}?by=name", "/no-such-process"):
        assert someone.get(f"/oversight/figures{path}").status_code == 404
    with shared_site.app.app_context(), pytest.raises(NotFound):
        figures.heat(people.person(db.session(), someone.user_id or 0), RESPONSE, by="name")


def test_the_page_of_a_process_leads_a_supervisor_there(shared_site: Site) -> None:
    link = f"/oversight/figures/{RESPONSE}"
    assert link in chief(shared_site).get(f"/processes/{RESPONSE}").text
    assert link not in shared_site.person("village_worker", "620702101202").get(f"/processes/{RESPONSE}").text


def test_oversight_is_narrowed_and_the_filter_kept(site: Site) -> None:
    someone = chief(site)
    site.move(site.task(PLACING, "h2")["due_at"] + timedelta(minutes=1))
    placing = str(site.task(PLACING, "h2")["id"])
    assert f'/tasks/{placing}"' in someone.get("/oversight/").text
    assert f'/tasks/{placing}"' in someone.get(f"/oversight/?process={PLACING}").text
    assert f'/tasks/{placing}"' not in someone.get(f"/oversight/?process={RESPONSE}").text
    assert says_nothing(someone.get("/oversight/?place=/620000/620700/620721/"))
    assert someone.post("/oversight/filters", {"process": PLACING, "name": "安置"}).status_code == 302
    assert f'href="/oversight/?process={PLACING}">安置</a>' in someone.get("/oversight/").text
    assert "安置</a>" not in someone.get("/inbox").text
    kept = site.rows(sa.select(SavedFilter.id))[0]["id"]
    assert site.person("county_head", COUNTY).post(f"/oversight/filters/{kept}/drop", {}).status_code == 404
    assert someone.post(f"/oversight/filters/{kept}/drop", {}).status_code == 302
