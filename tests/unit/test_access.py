"""Who may do what: a generated matrix of roles, regions, assignment and seal, and the rules one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from app.errors import Refused
from app.rules.access import (
    CASEWORK,
    NEVER_SEALED,
    PLACE_ROLES,
    SYSTEM_POSTS,
    Access,
    Action,
    Kind,
    Party,
    Person,
    Post,
    Resource,
    within,
)

ROOT = Path(__file__).parents[2]
FILES = (ROOT / "bpmn/roles.json", ROOT / "../shared/plan/roles.json")
ROLES = json.loads(next(path for path in FILES if path.exists()).read_text())
ACCESS = Access.load(ROLES)
ROWS = {row["id"]: row for row in ROLES}

CITY, COUNTY, TOWN, VILLAGE = "/620000/", "/620000/620700/", "/620000/620700/01/", "/620000/620700/01/07/"
OTHER_COUNTY, OTHER_TOWN = "/620000/620800/", "/620000/620700/02/"
AT = {"village": VILLAGE, "township": TOWN, "county": COUNTY, "external": COUNTY, "city": CITY, "system": CITY}


def person(role: str, path: str | None = None, unit: int | None = 1, id_: int = 7) -> Person:
    return Person(id_, (Post(role, path or AT[ROWS[role]["level"]], "", unit),))


def task(role: str, path: str | None = None, unit: int | None = 1, **more: Any) -> Resource:
    return Resource("task", path or AT[ROWS[role]["level"]], role, unit, **more)


def case(*parties: Party, path: str = VILLAGE, **more: Any) -> Resource:
    return Resource("case", path, parties=parties, **more)


def upwards(role: str) -> list[str]:
    """Escalation, followed by hand."""
    chain = []
    while (upper := ROWS[role]["escalates_to"]) is not None:
        chain.append(upper)
        role = upper
    return chain


WORKERS = sorted(id_ for id_, row in ROWS.items() if row["level"] in AT and id_ not in SYSTEM_POSTS | {"system"})


@pytest.mark.parametrize("holder", WORKERS)
def test_matrix_of_tasks(holder: str) -> None:
    """Every role against every role's task, in seven places and units, free and taken, sealed and not."""
    for role, where, assigned, seal in product(
        WORKERS, ("same", "other unit", "below", "beside", "above"), ("free", "mine", "another's"), (False, True)
    ):
        home = AT[ROWS[role]["level"]]
        path, unit = {
            "same": (home, 1),
            "other unit": (home, 2),
            "below": (home + "99/", 3),
            "beside": (OTHER_COUNTY, 4),
            "above": ("/620000/", 5),
        }[where]
        assignee = {"free": None, "mine": 7, "another's": 8}[assigned]
        who = person(holder)
        asked = task(role, path, unit, assignee_id=assignee, seal=seal)
        own = holder == role and unit == 1
        same_body = ROWS[holder]["level"] == ROWS[role]["level"] and ROWS[holder]["sectors"] == ROWS[role]["sectors"]
        near = unit == 1 if same_body else path.startswith(AT[ROWS[holder]["level"]])
        above = holder in upwards(role) and near
        seen = assigned == "mine" or own or (above and not seal)
        told = (holder, role, where, assigned, seal)
        assert bool(ACCESS.can(who, "see", asked)) == seen, told
        assert bool(ACCESS.can(who, "take", asked)) == (own and assigned == "free"), told
        assert bool(ACCESS.can(who, "work", asked)) == (assigned == "mine" or (own and assigned == "free")), told
        assert bool(ACCESS.can(who, "supervise", asked)) == (above and seen), told
        assert bool(ACCESS.can(who, "unseal", asked)) == above, told
        sealed = ACCESS.can(who, "read", asked, "S3")
        assert bool(sealed) == (assigned == "mine" and holder not in NEVER_SEALED), told
        assert not sealed or "reason" in sealed.needs
        assert not any(
            ACCESS.can(who, action, asked) for action in ("edit", "publish", "administer", "verify", "export")
        )


@pytest.mark.parametrize("holder", [*WORKERS, *sorted(SYSTEM_POSTS)])
def test_a_list_shows_exactly_what_a_page_opens(holder: str) -> None:
    who = Person(7, (Post(holder, COUNTY, "", 1),))
    scope = ACCESS.scope(who)
    for role, path, unit, seal, kind in product(
        WORKERS, (COUNTY, TOWN, OTHER_COUNTY), (1, 2), (False, True), ("case", "report")
    ):
        asked = Resource(kind, VILLAGE, parties=(Party(role, path, unit),), seal=seal)
        assert bool(ACCESS.can(who, "see", asked)) == (scope.rule_for(asked) is not None)


@pytest.mark.parametrize("role", WORKERS)
def test_who_filled_something_in_may_correct_it_and_so_may_who_answers_for_them(role: str) -> None:
    done = Resource("task", TOWN, role, 1, author_id=7)
    author, colleague = (Person(id_, (Post(role, TOWN, "", 1),)) for id_ in (7, 8))
    assert ACCESS.can(author, "correct", done).rule == "author"
    assert bool(ACCESS.can(colleague, "correct", done)) == (role in ACCESS.supervises(role))
    for upper in WORKERS:
        if role in ACCESS.supervises(upper):
            above = Person(9, (Post(upper, TOWN, "", 1),))
            assert ACCESS.can(above, "correct", done)
            assert not ACCESS.can(above, "correct", replace(done, seal=True)) or upper == role
    assert not ACCESS.can(Person(7, ()), "correct", done), "who has left sees nothing any more"
    assert not ACCESS.can(author, "correct", Resource("case", TOWN, role, 1, author_id=7)), "a case is no form"


def test_a_stranger_may_nothing() -> None:
    nobody = Person(7, ())
    for kind, action in product(get_args(Kind), get_args(Action)):
        decision = ACCESS.can(nobody, action, Resource(kind, VILLAGE, "village_worker", 1))
        assert not decision
        assert decision.hidden == (kind in CASEWORK)


@pytest.mark.parametrize("post", ["system", "supervisor", "no_such_role", ""])
def test_a_post_that_is_no_job_opens_nothing(post: str) -> None:
    who = Person(7, (Post(post, CITY, "", 1),))
    for role in WORKERS:
        assert not ACCESS.can(who, "see", task(role))


# --- supervision ---


def test_supervisors_see_their_subordinates_work_in_their_region_only() -> None:
    lead = person("township_lead", unit=1)
    assert ACCESS.can(lead, "supervise", task("village_worker", unit=9)).rule == "supervises"
    assert not ACCESS.can(lead, "see", task("village_worker", OTHER_TOWN + "03/", 9))
    assert not ACCESS.can(lead, "see", task("police_officer", unit=9))
    assert ACCESS.can(person("county_head"), "supervise", task("police_officer", unit=9))
    assert not ACCESS.can(person("police_chief"), "see", task("police_officer", unit=9))  # another station
    assert ACCESS.can(person("police_chief"), "see", task("police_officer"))
    assert not ACCESS.can(person("school_lead"), "see", task("class_teacher", unit=9))  # another school
    assert not ACCESS.can(person("conference_office"), "see", task("village_worker"))


def test_who_supervises_is_who_others_escalate_to() -> None:
    for role in WORKERS:
        assert ACCESS.supervises(role) == {other for other in WORKERS if role in upwards(other)}


@pytest.mark.parametrize("upper", ["a", "b", "nobody"])
def test_escalation_in_a_circle_or_to_nobody_is_refused(upper: str) -> None:
    rows = [{"id": id_, "level": "county", "sectors": [], "escalates_to": to} for id_, to in (("a", "b"), ("b", upper))]
    with pytest.raises(Refused):
        Access.load(rows)


# --- cases ---


def test_a_case_is_open_to_the_units_at_work_in_it_and_their_supervisors() -> None:
    asked = case(Party("police_officer", TOWN, 1))
    for role, rule in (("police_officer", "own"), ("police_chief", "supervises"), ("county_head", "supervises")):
        assert ACCESS.can(person(role), "see", asked).rule == rule
    for role in ("county_worker", "police_intake", "class_teacher", "city_civil", "helper"):
        assert not ACCESS.can(person(role), "see", asked)
    assert not ACCESS.can(person("police_officer", OTHER_TOWN, 2), "see", asked)


def test_those_who_keep_the_ledger_see_the_children_of_their_place() -> None:
    for role in PLACE_ROLES:
        assert ACCESS.can(person(role), "see", case()).rule == "place"
        assert ACCESS.can(person(role), "read", case(), "S2")
        assert not ACCESS.can(person(role), "read", case(), "S3")
        assert not ACCESS.can(person(role), "see", case(path=OTHER_TOWN + "01/"))
        assert not ACCESS.can(person(role), "see", case(seal=True))
        assert not ACCESS.can(person(role), "see", Resource("report", VILLAGE))
        assert not ACCESS.can(person(role), "register", case())


def test_a_sealed_case_is_open_to_own_tasks_and_the_team_alone() -> None:
    sealed = case(Party("superior_body", COUNTY, 1), seal=True, team_ids=frozenset({5}))
    assert ACCESS.can(person("superior_body"), "see", sealed).rule == "own"
    assert ACCESS.can(person("county_legal", id_=5, unit=2), "see", sealed).rule == "team"
    refused = ACCESS.can(person("county_head"), "see", sealed)
    assert (refused.allowed, refused.hidden) == (False, True)
    glass = ACCESS.can(person("county_head"), "unseal", sealed)
    assert (glass.rule, glass.needs) == ("break_glass", frozenset({"reason", "second_factor"}))
    assert not ACCESS.can(person("county_worker"), "unseal", sealed)


def test_a_broken_glass_opens_all_of_one_case_to_the_supervisor_who_broke_it() -> None:
    parties = (Party("police_officer", TOWN, 3),)
    for seal in (True, False):
        opened = case(*parties, seal=seal, glass_ids=frozenset({7}))
        head = person("county_head")
        assert ACCESS.can(head, "see", opened).rule == ("break_glass" if seal else "supervises")
        for level in ("S2", "S3"):
            decision = ACCESS.can(head, "read", opened, level)
            assert decision
            assert not decision.needs
        assert not ACCESS.can(person("county_head", id_=8), "read", opened, "S3")
        assert not ACCESS.can(person("county_worker"), "read", opened, "S3")  # the post is gone, or was never there
        assert not ACCESS.can(head, "register", opened) or not seal
        barred = case(*parties, seal=seal, glass_ids=frozenset({7}), barred_unit_ids=frozenset({1}))
        assert not ACCESS.can(head, "see", barred)


def test_the_glass_opens_tasks_of_the_case_too() -> None:
    sealed = task("police_officer", TOWN, 3, seal=True)
    assert not ACCESS.can(person("county_head"), "see", sealed)
    assert ACCESS.can(person("county_head"), "see", replace(sealed, glass_ids=frozenset({7})))


def test_a_reason_given_opens_names_and_sealed_cases_to_the_auditor_and_s3_never() -> None:
    auditor = Person(7, (Post("auditor", COUNTY, "", 1),))
    asked = case(Party("police_officer", TOWN, 2), seal=True, reason_ids=frozenset({7}))
    for action, level in (("see", "S1"), ("read", "S2"), ("replay", "S1"), ("export", "S1")):
        decision = ACCESS.can(auditor, action, asked, level)
        assert decision
        assert not decision.needs, action
    assert not ACCESS.can(auditor, "read", asked, "S3")
    assert ACCESS.can(Person(8, auditor.posts), "see", asked).needs == {"reason"}


def test_the_unit_reported_on_may_not_know() -> None:
    asked = case(Party("class_teacher", TOWN, 1), barred_unit_ids=frozenset({1}), team_ids=frozenset({7}))
    for action in ("see", "read", "register", "replay", "unseal", "supervise"):
        decision = ACCESS.can(person("school_lead"), action, asked)
        assert not decision
        assert decision.hidden
    assert ACCESS.can(person("education_bureau", unit=2), "see", asked)


def test_bodies_outside_government_see_their_task_and_nothing_of_the_case() -> None:
    for role in ("provider", "helper"):
        asked = case(Party(role, COUNTY, 1))
        assert ACCESS.can(person(role), "see", task(role))
        assert ACCESS.can(person(role), "read", task(role), "S2")
        assert not ACCESS.can(person(role), "see", asked)
        named = case(Party(role, COUNTY, 1), team_ids=frozenset({7}))
        assert ACCESS.can(person(role), "see", named)
        for action, level in (("read", "S2"), ("read", "S3"), ("replay", "S1"), ("register", "S1")):
            assert not ACCESS.can(person(role), action, named, level)


def test_what_one_wrote_one_may_read() -> None:
    asked = case(Party("village_worker", VILLAGE, 1), author_id=7)
    assert ACCESS.can(person("village_worker"), "read", asked, "S3").rule == "author"
    assert not ACCESS.can(person("village_worker", id_=6), "read", asked, "S3")


def test_s3_is_for_the_named_team_with_a_reason() -> None:
    asked = case(Party("police_officer", TOWN, 1), team_ids=frozenset({7}))
    decision = ACCESS.can(person("police_officer"), "read", asked, "S3")
    assert (decision.rule, decision.needs) == ("team", frozenset({"reason"}))
    colleague = ACCESS.can(person("police_officer", id_=6), "read", asked, "S3")
    assert (colleague.allowed, colleague.rule, colleague.needs) == (False, "sealed", frozenset())
    assert ACCESS.can(person("police_officer", id_=6), "read", asked, "S2")


# --- system posts ---


def test_an_auditor_replays_every_case_of_the_region_and_changes_none() -> None:
    auditor = Person(7, (Post("auditor", COUNTY, "", 1),))
    asked = case(Party("police_officer", TOWN, 2))
    assert ACCESS.can(auditor, "replay", asked).rule == "audits"
    assert ACCESS.can(auditor, "export", asked)
    assert ACCESS.can(auditor, "read", asked, "S2").needs == {"reason"}
    assert not ACCESS.can(auditor, "read", asked, "S3")
    assert ACCESS.can(auditor, "see", case(seal=True)).needs == {"reason"}
    assert not ACCESS.can(auditor, "see", case(path=OTHER_COUNTY))
    for action in ("take", "work", "supervise", "register", "unseal"):
        assert not ACCESS.can(auditor, action, task("police_officer"))
    assert ACCESS.can(auditor, "verify", Resource("log"))


@pytest.mark.parametrize("post", sorted(SYSTEM_POSTS))
def test_system_posts_keep_to_their_own(post: str) -> None:
    who = Person(7, (Post(post, CITY, "", 1),))
    may = {
        (kind, action)
        for kind, action in product(("library", "figures", "log", "system"), get_args(Action))
        if ACCESS.can(who, action, Resource(kind))
    }
    everyone = {("library", "see"), ("figures", "see")}
    assert (
        may
        == everyone
        | {
            "auditor": {
                ("log", "see"),
                ("log", "verify"),
                ("log", "export"),
                ("figures", "export"),
                ("library", "review"),
            },
            "policy": {("library", "edit"), ("library", "review")},
            "approver": {("library", "publish"), ("library", "review")},
            "admin": {("system", "see"), ("system", "administer")},
        }[post]
    )
    if post != "auditor":
        assert not any(ACCESS.can(who, "see", task(role)) for role in WORKERS)
        assert not ACCESS.can(who, "see", case())


# --- regions ---


@pytest.mark.parametrize("prefix", ["", "/", "//", "%", "/%", "620000/", "/620000", "/62%/"])
def test_a_malformed_region_holds_nothing(prefix: str) -> None:
    assert not within(VILLAGE, prefix)
    assert not within(prefix, prefix) or prefix.startswith("/62%")
    assert not ACCESS.can(person("county_head", prefix or "-", None), "see", task("village_worker"))


def test_within_is_by_whole_codes() -> None:
    assert within(VILLAGE, TOWN)
    assert within(TOWN, TOWN)
    assert not within(TOWN, VILLAGE)
    assert not within("/620000/6207001/", "/620000/620700/")


def test_prefixes_for_list_filters() -> None:
    scope = ACCESS.scope(person("township_lead"))
    assert (TOWN, frozenset({"township_lead"})) in scope.prefixes
    assert all(path == TOWN for path, _ in scope.prefixes)
    assert {role for _, roles in scope.prefixes for role in roles} == {"township_lead"} | ACCESS.supervises(
        "township_lead"
    )


def test_several_posts_add_up() -> None:
    who = Person(7, (Post("village_worker", VILLAGE, "", 1), Post("auditor", COUNTY, "", 2)))
    assert ACCESS.can(who, "work", task("village_worker"))
    assert ACCESS.can(who, "replay", case(Party("police_officer", TOWN, 3))).rule == "audits"
