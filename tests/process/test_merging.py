"""Two files of one child: found, compared, merged, taken apart; nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import current_app

from app.db import db
from app.demo.answers import plausible
from app.errors import Forbidden, Invalid, NotFound, Refused, Stale
from app.rules.access import Person
from app.services import _merged, attaching, cases, commands, merging, people, reports
from app.services._merged import MERGE
from app.services._work import SYSTEM, Actor
from app.services.audit import erasure
from tests.process.county import CHILD, COUNTY, OTHER_TOWNSHIP, POST, UNIT
from tests.reliability import together
from tests.world import CASE, DEADLINE, INSTANCE, TASK, TOWNSHIP, World

WHY = "外婆说是同一个孩子，出生证看过"
AID = "legal-aid"


def person(world: World, role: str, path: str) -> Person:
    """Somebody who holds `role` at a place."""
    query = sa.select(POST.c.user_id).join(UNIT, UNIT.c.id == POST.c.unit_id)
    found = world.rows(query.where(POST.c.role == role, UNIT.c.path == path).order_by(POST.c.user_id))
    who = people.person(db.session(), found[0]["user_id"])
    assert who is not None
    return who


def two_files(world: World, **told: Any) -> tuple[int, int]:
    """Two cases of one child, each with something under way."""
    made = []
    for _ in range(2):
        made.append(world.child(**told))
        world.start("legal_aid_needed")
        world.start("monitoring_started", guardian_id=world.guardians()[0])
    world.case = 0
    return made[0], made[1]


def running(world: World, case: int) -> Any:
    """What runs in a case and by when: instances, open tasks and everything that the ticker waits for."""
    tasks = sa.select(TASK.c.id, TASK.c.due_at, TASK.c.unit_id).where(TASK.c.case_id == case, TASK.c.status == "open")
    dates = sa.select(DEADLINE.c.id, DEADLINE.c.due_at, DEADLINE.c.state).where(DEADLINE.c.case_id == case)
    lives = sa.select(INSTANCE.c.id, INSTANCE.c.state, INSTANCE.c.version).where(INSTANCE.c.case_id == case)
    return [world.rows(query.order_by("id")) for query in (tasks, dates, lives)]


def test_suspects_are_found_by_index_and_said_why(world: World) -> None:
    county = person(world, "county_lead", COUNTY)
    one, two = two_files(world)
    three = world.child(name="林小麦", id_no="62070220170101001X", age_or_dob="2017-01-01")
    four = world.child(name="别的名字", id_no="62070220170101001x")
    for case in (three, four):
        world.start("legal_aid_needed", case)
    five = world.child(age_or_dob="4")  # the same name and township
    world.start("legal_aid_needed", five)
    assert [(found.case_id, found.why.en) for found in merging.suspects(county, one)] == [
        (two, "the same name and birth (or age)"), (five, "the same name and township")
    ]  # fmt: skip
    assert [(found.case_id, found.why.en) for found in merging.suspects(county, four)] == [
        (three, "the same id number")
    ]
    other = person(world, "township_worker", OTHER_TOWNSHIP)
    assert merging.suspects(other, one) == (), "who may not see a file is not told that there is one"


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ({"age_or_dob": "8"}, {"age_or_dob": "9岁"}, ()),
        ({"age_or_dob": "2017-01-01"}, {"age_or_dob": ""}, ()),
        ({"id_no": "62070220170101001X"}, {"id_no": "62070220170101001x"}, ()),
        ({"age_or_dob": "2017-01-01"}, {"age_or_dob": "2017-01-02"}, ("age_or_dob",)),
        ({"age_or_dob": "2017-01-01"}, {"age_or_dob": "4"}, ("age_or_dob",)),
        ({"name": "林小禾", "sex": "f"}, {"name": "林小麦", "sex": "m"}, ("name", "sex")),
        ({"id_no": "62070220170101001X"}, {"id_no": "620702201701010028"}, ("id_no",)),
    ],
)
def test_what_two_files_say_quite_differently(
    world: World, one: dict[str, str], other: dict[str, str], differ: tuple[str, ...]
) -> None:
    assert merging.apart(one, other) == merging.apart(other, one) == differ


def test_two_that_are_far_apart_are_merged_only_by_who_checked(world: World) -> None:
    who = person(world, "township_worker", TOWNSHIP)
    one, two = (world.child(name=name) for name in ("林小禾", "林小麦"))
    with pytest.raises(Invalid) as refused:
        merging.merge(who, two, one, WHY)
    assert set(refused.value.fields) == {"checked"}
    assert world.events("case_merged", two) == []
    merging.merge(who, two, one, WHY, checked=True)
    assert world.events("case_merged", two)[0]["data"]["apart"] == ["name"]


def test_both_run_on_and_nothing_is_moved(either_world: World) -> None:
    world = either_world
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    before = running(world, one), running(world, two)
    merging.merge(who, two, one, WHY)
    assert (running(world, one), running(world, two)) == before
    standing = merging.standing(who, one)
    assert [(file.case_id, len(file.tasks)) for file in standing.merged] == [(two, 2)]
    assert merging.standing(who, two).into == (one, cases.number(one, world.case_row(one)["opened_at"]))
    assert [event["data"]["alias"] for event in world.events("case_merged", two)] == [two]
    assert world.events("case_merged", one)[0]["data"] == world.events("case_merged", two)[0]["data"]
    world.send("t1", AID, two)
    world.pass_time("P5D")
    assert len([task for task in world.open_tasks(case=one) if task["process"] == "overdue-escalation"]) > 0
    assert world.open(AID, "t2", two)["status"] == "open", "the file that was merged works on to its end"


def test_undoing_restores_both(either_world: World) -> None:
    world = either_world
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    before = running(world, one), running(world, two)
    merging.merge(who, two, one, WHY)
    merging.unmerge(who, two, "不是同一个孩子，生日不对")
    assert (running(world, one), running(world, two)) == before
    assert (_merged.root(db.session(), two), _merged.family(db.session(), one)) == (two, {one})
    assert [len(world.events("case_unmerged", case)) for case in (one, two)] == [1, 1]
    with pytest.raises(Stale):
        merging.unmerge(who, two, WHY)
    merging.merge(who, one, two, WHY)
    assert _merged.root(db.session(), one) == two, "the other way round this time"


def test_what_is_new_goes_to_the_file_that_stands(world: World) -> None:
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    merging.merge(who, two, one, WHY)
    reports.new_danger(who, two, Actor(who.id, "desk"))
    world.settle()
    assert (world.todo_of("emergency-response", one), world.todo_of("emergency-response", two)) == (["t1"], [])
    with pytest.raises(Refused) as refused:
        world.arrive("protection_order_needed", two)
    assert (refused.value.code, refused.value.ids["survivor"]) == ("merged", one)
    guardian = world.guardians(two)[0]
    world.arrive(
        "performance_changed", two, guardian=guardian, state="fails", observed_on=world.local_day().isoformat()
    )
    assert [row["guardian_id"] for row in world.performance(two)] == [guardian], "its own clock still hears of it"
    assert world.performance(one) == []


def test_a_report_about_either_name_reaches_the_file_that_stands(world: World) -> None:
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    merging.merge(who, two, one, WHY)
    case = world.report()
    safe = {"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}
    world.send("t2", "report-intake", case, **safe)
    offered = [code for code, _ in world.offered(world.library.form("F03"), case)["candidates"]]
    assert offered == [str(one)]
    world.send("t3", "report-intake", case, matches=[{"child_ref": "1 林小禾", "match": "same", "candidate": str(one)}])
    merging.unmerge(who, two, WHY)
    merging.merge(who, one, two, WHY)  # picked, then merged before it was acted on
    world.send("t4", "report-intake", case, intake_decision="accept")
    assert (world.report_links(one), world.report_links(two)) == ([], ["attached"])


def test_the_control_without_looking_where_it_was_merged_the_report_is_lost_on_the_alias(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    merging.merge(who, two, one, WHY)
    monkeypatch.setattr(_merged, "root", lambda _session, case_id: case_id)
    reports.new_danger(who, two, Actor(who.id, "desk"))
    assert world.todo_of("emergency-response", two) == ["t1"]


def test_what_cannot_be_merged(world: World) -> None:
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    three = world.child()
    world.start("legal_aid_needed")
    report = world.file_report().case_id
    for alias, survivor, reason, error in (
        (one, one, WHY, Refused),
        (one, two, "  ", Invalid),
        (report, two, WHY, NotFound),
        (10**6, two, WHY, NotFound),
    ):
        with pytest.raises(error):
            merging.merge(who, alias, survivor, reason)
    merging.merge(who, two, one, WHY)
    for alias, survivor in ((two, three), (three, two), (one, two), (two, one)):
        with pytest.raises(Stale):
            merging.merge(who, alias, survivor, WHY)
    merging.merge(who, one, three, WHY)  # what stands may itself be merged: a chain, never a circle
    assert _merged.root(db.session(), two) == three
    assert _merged.family(db.session(), two) == {one, two, three}
    db.session.rollback()


def test_who_may_and_whom_to_ask(world: World) -> None:
    one, two = two_files(world)
    with commands.work_on(SYSTEM) as work:
        work.lock(two).path = OTHER_TOWNSHIP
        work.lock(two).chain.append("remarked", {"element": "t1", "process": AID}, at=work.now)
    township = person(world, "township_worker", TOWNSHIP)
    with pytest.raises(Refused) as refused:
        merging.merge(township, two, one, WHY)
    assert (refused.value.code, "甘州区" in refused.value.text.zh) == ("merge_region", True)
    with pytest.raises(Forbidden):
        merging.merge(person(world, "township_lead", TOWNSHIP), two, one, WHY)
    with pytest.raises(NotFound):
        merging.merge(person(world, "class_teacher", TOWNSHIP), two, one, WHY)
    merging.merge(person(world, "county_lead", COUNTY), two, one, WHY)


def test_a_sealed_file_is_merged_with_a_sealed_one_only(world: World) -> None:
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    set_sealed(one)
    with pytest.raises(Refused) as refused:
        merging.merge(who, two, one, WHY)
    assert refused.value.code == "sealed_apart"
    set_sealed(two)
    merging.merge(who, two, one, WHY)


def set_sealed(case: int) -> None:
    from app.db import transaction  # noqa: PLC0415

    with transaction() as session:
        session.execute(sa.update(CASE).where(CASE.c.id == case).values(sealed=True))


def test_either_can_still_be_lawfully_forgotten(world: World) -> None:
    who = person(world, "township_worker", TOWNSHIP)
    one, two = world.child(id_no="62070220170101001X"), world.child()
    for case in (one, two):
        world.start("legal_aid_needed", case)
    merging.merge(who, two, one, WHY)
    world.case = 0
    for case in (one, two):
        for element, wanted in (("t1", {}), ("t2", {"legal_decision": "refuse"}), ("t4", {})):
            world.send(element, AID, case, **wanted)
    erased = erasure.erase_case_key(one, "law:pipl-47", Actor(who.id, "operator"))
    assert erased.merged == (two,)
    assert world.rows(sa.select(CHILD.c.id_index).where(CHILD.c.case_id == one)) == [{"id_index": None}]
    assert merging.standing(who, two).into is not None
    assert cases.page(who, one).erased
    with pytest.raises(Refused):
        merging.unmerge(who, two, WHY)
    assert erasure.erase_case_key(two, "law:pipl-47", Actor(who.id, "operator")).merged == ()
    assert merging.standing(who, one).merged[0].erased


# --- at the same moment ---------------------------------------------------------------------


def test_of_two_merges_at_once_one_is_told(either_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each the other way round: together they would make a circle."""
    world = either_world
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    asked = together.asking(monkeypatch.setattr)
    together.meeting(monkeypatch.setattr, merging, "_fit", lambda: asked.wait(2))
    ended = together.at_once(
        current_app._get_current_object(),  # type: ignore[attr-defined]
        lambda: merging.merge(who, two, one, WHY),
        lambda: merging.merge(who, one, two, WHY),
    )
    assert sorted(type(end).__name__ for end in ended) == ["NoneType", "Stale"]
    assert sorted(world.rows(sa.select(MERGE.c.alias_id))[0].values()) in ([one], [two])
    assert len(world.rows(sa.select(MERGE.c.id))) == 1


def test_a_merge_and_a_task_that_is_done_at_the_same_moment_both_count(
    either_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = either_world
    who = person(world, "township_worker", TOWNSHIP)
    one, two = two_files(world)
    task = world.open(AID, "t1", two)
    raw = plausible(world.library.form("F50"), {}, world.rng, world.now, {})
    asked = together.asking(monkeypatch.setattr)
    together.meeting(monkeypatch.setattr, merging, "_fit", lambda: asked.wait(2))
    ended = together.at_once(
        current_app._get_current_object(),  # type: ignore[attr-defined]
        lambda: merging.merge(who, two, one, WHY),
        lambda: commands.complete(task["id"], task["version"], raw, Actor(who.id, "township_worker")),
    )
    assert not [end for end in ended if isinstance(end, Exception)], ended
    db.session.rollback()
    assert _merged.root(db.session(), two) == one
    db.session.rollback()
    assert world.todo_of(AID, two) == ["t2"]


# --- reports --------------------------------------------------------------------------------


def test_a_report_is_attached_afterwards_and_taken_away_and_both_reporters_still_get_their_answer(
    either_world: World,
) -> None:
    world = either_world
    (first,) = world.accepted()
    receipt = world.file_report()
    case = receipt.case_id
    world.send("t1", "report-intake", case, children=[{"name": "小禾", "sex": "f", "age_or_dob": "9", "safe_adult_now": "yes", "village": world.village_code}])  # fmt: skip
    chief = person(world, "police_chief", TOWNSHIP)
    number = cases.number(first, world.case_row(first)["opened_at"])
    with pytest.raises(Refused) as refused:
        attaching.attach(chief, case, number, WHY)
    assert refused.value.code == "still_matching"
    safe = {"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}
    world.send("t2", "report-intake", case, **safe)
    world.send("t3", "report-intake", case)
    world.send("t4", "report-intake", case, intake_decision="accept")
    (own,) = [one for one in world.cases("child") if one != first]
    assert attaching.attach(chief, case, number, WHY) == first
    world.settle()
    assert {one.case_id for one in attaching.of_report(chief, case)} == {first, own}
    with pytest.raises(Stale):
        attaching.attach(chief, case, number, WHY)
    attaching.detach(chief, case, own, "不是这个孩子")
    with pytest.raises(Refused) as last:
        attaching.detach(chief, case, first, "不是这个孩子")
    assert last.value.code == "last_link"
    assert [one.case_id for one in attaching.of_report(chief, case)] == [first]
    assert reports.ask(receipt.number, receipt.code).number == receipt.number
    kinds = [world.events(kind, case) for kind in ("report_attached", "report_detached")]
    assert [len(found) for found in kinds] == [1, 1]
