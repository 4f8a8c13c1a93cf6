"""Who sees what: 32 posts of five relations to a child's place, two families, one of them sealed; pages and API.

The table says for each post which tasks and cases it sees in the open family and in the sealed one.
Everything else must answer as if it were not there, stand in no list, and let no name out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.models import Case, Event, Incident, Instance, Task
from app.rules.access import Person
from app.services import access, commands
from app.services.inbox import listing
from tests.api.site import OPEN_FAMILY, SEALED_FAMILY, Caller, Site, says_nothing

Post = tuple[str, str]
RESPONSE, CHIEF, FEEDBACK, PLACING = (
    "emergency-response.t1", "overdue-escalation.t1", "report-intake.t8", "temporary-placement.h2",
)  # fmt: skip
INTERVENE, LEGAL, SERVICE = "guardianship-intervention.t0", "legal-aid.t1", "service-referral.t2"
ALL = frozenset((RESPONSE, CHIEF, FEEDBACK, PLACING, INTERVENE, LEGAL, SERVICE))
EVERY_CASE = frozenset(("report", "child", "sibling"))
NOTHING: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


@dataclass(frozen=True)
class Sees:
    """Tasks and cases of the open family and of the sealed one; what may be worked on."""

    open: tuple[frozenset[str], frozenset[str]] = NOTHING
    sealed: tuple[frozenset[str], frozenset[str]] = NOTHING
    works: frozenset[str] = frozenset()
    registers: bool = True

    def of(self, *, sealed: bool) -> tuple[frozenset[str], frozenset[str]]:
        return self.sealed if sealed else self.open


def _(*tasks: str, cases: str = "") -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(tasks), frozenset(cases.split())


POLICE, COUNTY_CIVIL = "620702101-police", "620702-civil_affairs"
MATRIX: dict[Post, Sees] = {
    # the unit that has the work, and the child's own place
    ("police_officer", POLICE): Sees(
        _(RESPONSE, FEEDBACK, PLACING, cases="report child sibling"), _(RESPONSE, FEEDBACK, PLACING, cases="report child sibling"),
        frozenset((RESPONSE, FEEDBACK, PLACING)),
    ),
    ("police_chief", POLICE): Sees(
        _(RESPONSE, CHIEF, FEEDBACK, PLACING, cases="report child sibling"), _(CHIEF, cases="sibling"), frozenset((CHIEF,)),
    ),
    ("township_worker", "620702101"): Sees(_(LEGAL, cases="child sibling"), _(LEGAL, cases="child"), frozenset((LEGAL,))),
    ("county_worker", COUNTY_CIVIL): Sees(_(INTERVENE, cases="child"), _(INTERVENE, cases="child"), frozenset((INTERVENE,))),
    ("provider", "620702-social_work"): Sees(_(SERVICE), _(SERVICE), frozenset((SERVICE,))),
    ("village_worker", "620702101201"): Sees(_(cases="child sibling"), registers=False),
    # the same township
    ("village_worker", "620702101202"): Sees(),
    ("class_teacher", "620702101-education"): Sees(),
    ("township_lead", "620702101"): Sees(_(LEGAL, cases="child"), _(cases="child")),
    # the same county
    ("village_worker", "620702102201"): Sees(),
    ("township_worker", "620702102"): Sees(),
    ("police_officer", "620702102-police"): Sees(),
    ("police_chief", "620702102-police"): Sees(),
    ("county_legal", COUNTY_CIVIL): Sees(),
    ("institution_carer", "620702-relief_institution"): Sees(),
    ("legal_aid", "620702-justice"): Sees(),
    ("police_missing", "620702-police"): Sees(),
    # above
    ("county_lead", COUNTY_CIVIL): Sees(_(INTERVENE, LEGAL, SERVICE, cases="child")),
    ("county_head", "620702"): Sees((ALL, EVERY_CASE)),
    ("city_civil", "620700-civil_affairs"): Sees(),
    ("convener", "620700"): Sees(),
    # another county
    ("village_worker", "620721101201"): Sees(),
    ("township_worker", "620721101"): Sees(),
    ("police_officer", "620721101-police"): Sees(),
    ("police_chief", "620721101-police"): Sees(),
    ("county_worker", "620721-civil_affairs"): Sees(),
    ("county_lead", "620721-civil_affairs"): Sees(),
    ("county_head", "620721"): Sees(),
    ("provider", "620721-social_work"): Sees(),
    # posts outside casework
    ("auditor", "620700-audit"): Sees((ALL, EVERY_CASE), (ALL, EVERY_CASE), registers=False),
    ("policy", "620700-civil_affairs"): Sees(),
    ("admin", "620700-civil_affairs"): Sees(),
}  # fmt: skip
TYPICAL = frozenset((
    ("village_worker", "620702101202"), ("police_officer", "620702102-police"), ("convener", "620700"),
    ("county_worker", "620721-civil_affairs"), ("admin", "620700-civil_affairs"),
))  # fmt: skip
"""One stranger of each relation: enough to ask PostgreSQL, where only the queries differ."""
RUNS = [("sqlite", post) for post in MATRIX]
RUNS += [
    ("postgresql", post) for post in MATRIX if post in TYPICAL or MATRIX[post] not in (Sees(), Sees(registers=False))
]
POSTS = pytest.mark.parametrize(
    ("shared_site", "post"), RUNS, indirect=["shared_site"], ids=[f"{kind}-{'@'.join(post)}" for kind, post in RUNS]
)


@dataclass
class Ground:
    """The site, with its tasks and cases by name."""

    site: Site
    tasks: list[dict[str, Any]]
    cases: dict[bool, dict[str, int]]
    before: int


@pytest.fixture(scope="module")
def ground(shared_site: Site) -> Iterator[Ground]:
    """The ground to walk on; whatever was refused must have left no trace."""
    query = sa.select(Task.id, Task.process, Task.element, Task.version, Task.case_id, Case.sealed).join(
        Case, Case.id == Task.case_id
    )
    tasks = shared_site.rows(query.where(Task.status == "open").order_by(Task.id))
    names = {
        sealed: dict(zip(("report", "child", "sibling"), [*shared_site.cases("report", sealed=sealed), *shared_site.cases("child", sealed=sealed)], strict=True))
        for sealed in (False, True)
    }  # fmt: skip
    events = sa.select(sa.func.count().label("n")).select_from(Event)
    made = Ground(shared_site, [{**task, "name": f"{task['process']}.{task['element']}"} for task in tasks], names,
                  shared_site.rows(events)[0]["n"])  # fmt: skip
    yield made
    assert shared_site.rows(events)[0]["n"] == made.before


def marks(*, sealed: bool) -> tuple[str, ...]:
    return tuple((SEALED_FAMILY if sealed else OPEN_FAMILY).values())


def names_in(text: str, *, sealed: bool) -> list[str]:
    return [mark for mark in marks(sealed=sealed) if mark in text]


def visible(ground: Ground, post: Post) -> set[int]:
    return {task["id"] for task in ground.tasks if task["name"] in MATRIX[post].of(sealed=task["sealed"])[0]}


def visible_cases(ground: Ground, post: Post) -> set[int]:
    return {
        case
        for sealed in (False, True)
        for name, case in ground.cases[sealed].items()
        if name in MATRIX[post].of(sealed=sealed)[1]
    }


def asked_of(ground: Ground, post: Post) -> list[dict[str, Any]]:
    """Every task for who sees some; for a stranger, to whom all are alike, one in four of both families."""
    return ground.tasks if visible(ground, post) else ground.tasks[::4]


def answers_to(post: Post, *, seen: bool, sealed: bool) -> set[int]:
    """What a page answers; an auditor may have to say why before looking into a sealed case."""
    if not seen:
        return {404}
    return {403} if sealed and post[0] == "auditor" else {200}


def test_there_is_something_to_hide(ground: Ground) -> None:
    assert {task["name"] for task in ground.tasks} == ALL
    assert len(ground.tasks) == 2 * len(ALL)
    officer = ground.site.person("police_officer", POLICE)
    assert names_in(officer.get(f"/cases/{ground.cases[False]['child']}").text, sealed=False)


def test_the_matrix_would_notice_a_page_that_forgets_to_ask(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken twin: without the question a stranger is let in."""
    stranger, task = ground.site.person("county_worker", "620721-civil_affairs"), ground.tasks[0]["id"]
    assert stranger.get(f"/tasks/{task}").status_code == 404
    monkeypatch.setattr(access, "require", lambda *_: None)
    for answer in (stranger.get(f"/tasks/{task}"), stranger.api(f"GET /tasks/{task}")):
        assert answer.status_code == 200


@POSTS
def test_each_task_by_page_and_api(ground: Ground, post: Post) -> None:
    someone, seen = ground.site.person(*post), visible(ground, post)
    for task in asked_of(ground, post):
        statuses = answers_to(post, seen=task["id"] in seen, sealed=task["sealed"])
        for answer in (
            someone.get(f"/tasks/{task['id']}"),
            someone.get(f"/tasks/{task['id']}?peek=1"),
            someone.api(f"GET /tasks/{task['id']}"),
            someone.api(f"GET /tasks/{task['id']}/form"),
        ):
            assert answer.status_code in statuses, (task["name"], task["sealed"], answer.request.path)
            assert answer.status_code == 200 or says_nothing(answer)


@POSTS
def test_what_is_not_theirs_to_do_is_refused(ground: Ground, post: Post) -> None:
    """404 where it may not be known, 403 where it may; nothing is written, nothing told."""
    someone, seen, works = ground.site.person(*post), visible(ground, post), MATRIX[post].works
    body = {"version": 0, "answers": {}}
    for task in asked_of(ground, post):
        if task["id"] in seen and task["name"] in works:
            continue
        status = 403 if task["id"] in seen else 404
        for verb in ("complete", "claim", "draft"):
            answer = someone.post(f"/tasks/{task['id']}/{verb}", {"version": "0"})
            assert answer.status_code == status, (verb, task["name"], task["sealed"])
            assert says_nothing(answer)
        for call, sent in (("complete", body), ("claim", None)):
            answer = someone.api(f"POST /tasks/{task['id']}/{call}", sent)
            assert answer.status_code == status, (call, task["name"], task["sealed"])
            assert says_nothing(answer)
        released = (someone.post(f"/tasks/{task['id']}/release"), someone.api(f"POST /tasks/{task['id']}/release"))
        late = {404} if task["id"] not in seen else {409, 403} if task["sealed"] else {409}
        assert {answer.status_code for answer in released} <= late


@POSTS
def test_lists_of_tasks_hold_what_is_theirs(ground: Ground, post: Post) -> None:
    someone, sees = ground.site.person(*post), MATRIX[post]
    own = {task["id"] for task in ground.tasks if task["name"] in sees.works and task["id"] in visible(ground, post)}
    for view in listing.VIEWS:
        answer = someone.api(f"GET /tasks?view={view}")
        listed = {task["id"] for task in answer.json["tasks"]}
        assert listed <= own
        assert view not in ("free", "unit") or listed == own
        page = someone.get(f"/inbox?view={view}")
        assert page.status_code == 200
        assert set(map(int, re.findall(r"/tasks/(\d+)", page.text))) <= own
        if not own:
            assert says_nothing(answer)
            assert says_nothing(page)


@POSTS
def test_each_case_by_page_and_api(ground: Ground, post: Post) -> None:
    someone, seen = ground.site.person(*post), visible_cases(ground, post)
    for sealed, cases in ground.cases.items():
        for case in cases.values():
            statuses = answers_to(post, seen=case in seen, sealed=sealed)
            instance = ground.site.rows(sa.select(Instance.id, Instance.process).where(Instance.case_id == case))[0]
            diagram = f"/cases/{case}/diagram/{instance['id']}"
            for answer in (
                someone.get(f"/cases/{case}"),
                someone.get(diagram),
                someone.get(f"{diagram}/{instance['process']}.bpmn"),
                someone.api(f"GET /cases/{case}"),
            ):
                assert answer.status_code in statuses, (case, answer.request.path)
                assert answer.status_code == 200 or says_nothing(answer)
            for path in (
                f"/audit/cases/{case}",
                f"/audit/cases/{case}/moment",
                f"/audit/cases/{case}/reads",
                f"/cases/{case}/reason",
            ):
                answer = someone.get(path)
                assert case in seen or answer.status_code == 404, path
                assert answer.status_code == 200 or says_nothing(answer)


@POSTS
def test_the_auditors_list_is_for_nobody_else(ground: Ground, post: Post) -> None:
    answer = ground.site.person(*post).get("/audit/")
    assert post[0] == "auditor" or (answer.status_code in (403, 404) and says_nothing(answer))


@POSTS
def test_a_case_that_is_not_theirs_takes_nothing_in(ground: Ground, post: Post) -> None:
    someone, seen = ground.site.person(*post), visible_cases(ground, post)
    for cases in ground.cases.values():
        for case in cases.values():
            if case in seen and MATRIX[post].registers:
                continue
            for answer in (
                someone.get(f"/cases/{case}/record"),
                someone.get(f"/cases/{case}/record/performance_changed"),
                someone.post(f"/cases/{case}/record/performance_changed", {"state": "fails"}),
                someone.post(f"/cases/{case}/new-danger"),
            ):
                assert answer.status_code == (403 if case in seen else 404), (case, answer.request.path)
                assert says_nothing(answer)


@POSTS
def test_lists_of_cases_hold_what_their_pages_show(ground: Ground, post: Post) -> None:
    someone, seen = ground.site.person(*post), visible_cases(ground, post)
    listed = someone.api("GET /cases")
    assert {case["id"] for case in listed.json["cases"]} == seen
    assert listed.json["total"] == len(seen)
    page = someone.get("/cases/")
    assert set(map(int, re.findall(r'href="/cases/(\d+)"', page.text))) == seen
    for sealed in (False, True):
        found = someone.api("POST /cases/search", {"find": marks(sealed=sealed)[0]}).json
        child = ground.cases[sealed]["child"]
        assert [case["id"] for case in found["cases"]] == ([child] if child in seen else [])
        assert found["total"] == len(found["cases"])
        by_number = someone.api("POST /cases/search", {"find": str(child)}).json
        assert by_number["total"] == (child in seen)


@POSTS
def test_deadlines_are_those_of_their_cases_and_tasks(ground: Ground, post: Post) -> None:
    someone, seen, own = ground.site.person(*post), visible_cases(ground, post), visible(ground, post)
    rows = someone.api("GET /deadlines").json["deadlines"]
    assert all(row["case_id"] in seen or row["task_id"] in own for row in rows)
    assert {row["task_id"] for row in rows if row["task_id"]} >= {
        task["id"] for task in ground.tasks if task["case_id"] in seen
    }


def on_oversight(someone: Caller) -> tuple[set[int], str]:
    """The tasks that the page of who answers for work links to, and the page."""
    page = someone.get("/oversight/")
    assert page.status_code == 200
    return set(map(int, re.findall(r"/tasks/(\d+)", page.text))), page.text


@POSTS
def test_oversight_shows_supervised_work_only(ground: Ground, post: Post) -> None:
    someone, tasks = ground.site.person(*post), visible(ground, post)
    linked, page = on_oversight(someone)
    assert linked <= tasks
    assert not names_in(page, sealed=True)
    assert linked or not names_in(page, sealed=False)
    assert ("不在这张表里" in page) == (post == ("police_chief", POLICE)), "asked about a sealed one: in the inbox"


def test_the_matrix_would_notice_a_supervisors_list_with_a_rule_of_its_own(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken twin: a list that asks whose case may be seen shows a line whose page is refused."""

    def by_case(session: Session, person: Person) -> sa.ColumnElement[bool]:
        reach = access.within_reach(access.policy(session).scope(person).supervised)
        return sa.and_(reach, sa.or_(Case.sealed.is_(False), access.seen_cases(session, person)))

    chief = ground.site.person("police_chief", POLICE)
    monkeypatch.setattr(access, "supervised_tasks", by_case)
    linked, page = on_oversight(chief)
    refused = linked - visible(ground, ("police_chief", POLICE))
    assert {chief.get(f"/tasks/{task}").status_code for task in refused} == {404}
    assert names_in(page, sealed=True)


@POSTS
def test_only_who_was_asked_decides_what_is_late(ground: Ground, post: Post) -> None:
    if post == ("police_chief", POLICE):
        return
    someone = ground.site.person(*post)
    for task in ground.tasks[::4]:
        answer = someone.post(f"/oversight/tasks/{task['id']}/decide", {"decision": "direct", "reason": "因为"})
        assert answer.status_code == 404
        assert says_nothing(answer)


@POSTS
def test_nobody_reads_a_sealed_family_where_the_table_says_nothing(ground: Ground, post: Post) -> None:
    """All the pages with lists, searched for every name of the sealed family."""
    if MATRIX[post].sealed != NOTHING:
        return
    someone = ground.site.person(*post)
    for path in (
        "/",
        "/inbox?view=unit",
        "/inbox?view=overdue",
        "/cases/",
        "/oversight/",
        "/processes/",
        "/processes/report-intake",
    ):
        assert not names_in(someone.get(path, follow_redirects=True).text, sealed=True)
    for call in ("GET /tasks?view=unit", "GET /tasks?view=overdue", "GET /cases", "GET /deadlines"):
        assert not names_in(someone.api(call).text, sealed=True)
    for case in visible_cases(ground, post):
        assert not names_in(someone.get(f"/cases/{case}").text, sealed=True)


INCIDENTS: dict[Post, tuple[bool, bool]] = {
    ("county_head", "620702"): (True, False),
    ("police_chief", POLICE): (True, True),
    ("police_officer", POLICE): (False, False),
    ("village_worker", "620702101201"): (False, False),
    ("auditor", "620700-audit"): (False, False),
    ("county_head", "620721"): (False, False),
}
"""Who may try a failed step of the open sibling's case again, and of the sealed one's."""


@pytest.mark.parametrize("post", INCIDENTS, ids="@".join)
def test_a_failed_step_is_tried_again_by_who_supervises(site: Site, post: Post) -> None:
    someone = site.person(*post)
    for sealed, may in zip((False, True), INCIDENTS[post], strict=True):
        case = site.cases("child", sealed=sealed)[1]
        incident = _fail(site, case)
        assert (f"/oversight/incidents/{incident}/retry" in someone.get("/oversight/").text) == may
        asked = someone.post(f"/oversight/incidents/{incident}/by-hand", {"words": "先去看孩子"})
        assert asked.status_code == (302 if may else 404)
        answer = someone.post(f"/oversight/incidents/{incident}/retry")
        assert answer.status_code == (302 if may else 404)
        state = site.rows(sa.select(Incident.state).where(Incident.id == incident))[0]["state"]
        assert state == ("closed" if may else "open")


def _fail(site: Site, case: int) -> int:
    with site.app.app_context():
        commands.record_incident(case, "task", case, RuntimeError())
    return int(site.rows(sa.select(sa.func.max(Incident.id).label("id")))[0]["id"])


def test_a_taken_task_is_hidden_from_strangers_like_a_free_one(site: Site) -> None:
    """Whether somebody has taken it must not show in another answer."""
    owner: Caller = site.person("county_worker", COUNTY_CIVIL)
    task = site.task("guardianship-intervention", "t0")["id"]
    assert owner.api(f"POST /tasks/{task}/claim").status_code == 200
    stranger = site.person("county_worker", "620721-civil_affairs")
    for verb in ("claim", "release"):
        assert stranger.api(f"POST /tasks/{task}/{verb}").status_code == 404
        assert stranger.post(f"/tasks/{task}/{verb}").status_code == 404
