"""Where every child is tonight: those one answers for, the unconfirmed first, and nobody else's."""

from __future__ import annotations

import re
from datetime import timedelta

import sqlalchemy as sa

from app.db import table, transaction
from app.models import Case, Placement, Submission
from tests.api.conftest import NOW
from tests.api.site import COUNTY, OPEN_FAMILY, SEALED_FAMILY, TOWNSHIP, Caller, Site, says_nothing

CASE = table(Case)
ROW = re.compile(
    r'<th scope="row"><a class="reach nowrap" href="/cases/(\d+)">([^<]*)</a>.*?<div>(?:<span[^>]*>)?([^<]+)', re.S
)


def chief(site: Site) -> Caller:
    return site.person("police_chief", f"{TOWNSHIP}-police")


def shown(caller: Caller) -> list[tuple[str, str]]:
    page = caller.get("/oversight/tonight")
    assert page.status_code == 200
    return [(name.split("，")[0], where.strip()) for _, name, where in ROW.findall(page.text)]


def learn(site: Site, **facts: object) -> None:
    """Give the open family's children these facts."""
    with site.app.app_context(), transaction() as session:
        for case_id in site.cases("child"):
            row = session.execute(sa.select(CASE.c.facts).where(CASE.c.id == case_id)).one()
            session.execute(sa.update(CASE).where(CASE.c.id == case_id).values(facts={**row.facts, **facts}))


def place(site: Site, case_id: int) -> None:
    """Hand the child of the case over to a relief institution, now."""
    with site.app.app_context(), transaction() as session:
        submission = session.scalar(sa.select(sa.func.min(Submission.id)))
        session.add(Placement(case_id=case_id, submission_id=submission, kind="relief", handed_at=NOW, recorded_at=NOW))


def test_the_unconfirmed_come_first(site: Site) -> None:
    first = site.cases("child")[0]
    place(site, first)
    rows = dict(shown(chief(site)))
    assert rows[OPEN_FAMILY["child"]] == "救助管理机构"
    assert rows[OPEN_FAMILY["sibling"]] == "现在没有大人照看"
    assert list(rows)[-1] == OPEN_FAMILY["child"]
    learn(site, care_ended_at=(NOW + timedelta(hours=1)).isoformat())
    assert dict(shown(chief(site)))[OPEN_FAMILY["child"]] == "现在没有大人照看"


def test_a_child_seen_lately_is_at_home_and_after_a_month_unconfirmed(site: Site) -> None:
    seen = NOW - timedelta(days=29)
    learn(site, unattended_now=False, child_seen_at=None, last_visit_at=seen.isoformat())
    assert (OPEN_FAMILY["sibling"], "在家，有人照看") in shown(chief(site))
    site.move(NOW + timedelta(days=2))
    assert (OPEN_FAMILY["sibling"], "三十天没有人见到孩子") in shown(chief(site))


def test_no_child_is_named_whom_one_may_not_see(site: Site) -> None:
    page = chief(site).get("/oversight/tonight")
    assert SEALED_FAMILY["child"] not in page.text
    for post in (("village_worker", "620702101201"), ("auditor", "620700-audit"), ("policy", "620700-civil_affairs"),
                 ("teacher", f"{TOWNSHIP}-school"), ("county_worker", f"{COUNTY}-civil_affairs")):  # fmt: skip
        try:
            caller = site.person(*post)
        except AssertionError:
            continue
        assert says_nothing(caller.get("/oversight/tonight"))
