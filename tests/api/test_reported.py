"""The reporter's words beside the tasks that follow from a report: for those who work on it, and never who reported."""

from __future__ import annotations

import sqlalchemy as sa

from app.db import table
from app.models import Case, Task
from tests.api.site import COUNTY, OPEN_FAMILY, SEALED_FAMILY, TOWNSHIP, Caller, Site

TASK, CASE = table(Task), table(Case)


def page(site: Site, who: Caller, process: str, element: str, *, sealed: bool = False) -> str:
    """The page of the first such task, open or done."""
    query = sa.select(TASK.c.id).join(CASE, CASE.c.id == TASK.c.case_id)
    query = query.where(TASK.c.process == process, TASK.c.element == element, CASE.c.sealed == sealed)
    return who.get(f"/tasks/{site.rows(query.order_by(TASK.c.id))[0]['id']}").text


def test_whoever_judges_the_danger_and_goes_out_reads_what_was_reported(shared_site: Site) -> None:
    officer = shared_site.person("police_intake", f"{TOWNSHIP}-police")
    for process, element in (("report-intake", "t2"), ("report-intake", "t3"), ("emergency-response", "t1")):
        said = page(shared_site, officer, process, element)
        assert "报告人说的" in said, (process, element)
        assert OPEN_FAMILY["child"] in said
        assert OPEN_FAMILY["reporter"] not in said
        assert OPEN_FAMILY["phone"] not in said


def test_later_tasks_and_those_who_do_not_see_the_report_are_shown_nothing(shared_site: Site) -> None:
    officer = shared_site.person("police_intake", f"{TOWNSHIP}-police")
    auditor, worker = (
        shared_site.person("auditor", "620700-audit"),
        shared_site.person("county_worker", f"{COUNTY}-civil_affairs"),
    )
    assert "报告人说的" not in page(shared_site, officer, "temporary-placement", "h2")
    for who in (auditor, worker):
        assert OPEN_FAMILY["facts"] not in page(shared_site, who, "report-intake", "t2")


def test_a_sealed_report_stays_with_its_own_police(shared_site: Site) -> None:
    own = shared_site.person("police_intake", f"{TOWNSHIP}-police")
    chief = shared_site.person("police_chief", f"{TOWNSHIP}-police")
    assert SEALED_FAMILY["child"] in page(shared_site, own, "report-intake", "t2", sealed=True)
    assert SEALED_FAMILY["child"] not in page(shared_site, chief, "report-intake", "t2", sealed=True)
