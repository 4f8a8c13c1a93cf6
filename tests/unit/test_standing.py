"""Who does the work of somebody away, and which shift it is: the rules, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product

import pytest

from app.clock import LAW_ZONE
from app.rules.access import NEVER_SEALED, Person, Post, Resource, StandIn
from app.rules.rota import LENGTH, Shift, monday, shift_at, shifts
from app.rules.standing import Holder, above, who
from tests.unit.test_access import ACCESS, AT, CITY, COUNTY, OTHER_TOWN, ROWS, TOWN, VILLAGE, WORKERS

OFFICER, CHIEF = Post("police_officer", TOWN, "police", 1), Post("police_chief", TOWN, "police", 1)
VILLAGER, TOWNSHIP = Post("village_worker", VILLAGE, "", 5), Post("township_worker", TOWN, "", 6)
LEAD, HEAD = Post("township_lead", TOWN, "", 6), Post("county_head", COUNTY, "", 9)
UNTIL = datetime(2026, 3, 9, tzinfo=UTC)


def there(**posts: Post) -> tuple[Holder, ...]:
    return tuple(Holder(int(name[1:]), post) for name, post in posts.items())


def absent(post: Post, *, alone: bool = False, id_: int = 8) -> StandIn:
    return StandIn(id_, "李四", post, UNTIL, alone)


# --- who takes it -----------------------------------------------------------------------------


def test_the_named_substitute_takes_it_while_they_are_there() -> None:
    assert who(ACCESS, OFFICER, 2, there(u2=OFFICER, u3=CHIEF)) == {2}
    assert who(ACCESS, OFFICER, 2, there(u3=CHIEF, u4=HEAD)) == {3}, "away too: the nearest who answers for it"
    assert who(ACCESS, OFFICER, 2, there(u2=LEAD, u3=CHIEF)) == {3}, "no longer in the post"
    assert who(ACCESS, OFFICER, 2, there(u2=replace(OFFICER, unit_id=2), u3=CHIEF)) == {3}, "the same post elsewhere"
    assert who(ACCESS, OFFICER, None, there(u2=OFFICER, u3=CHIEF)) == {3}, "nobody was named"


def test_the_nearest_level_that_is_there_takes_it() -> None:
    assert above(ACCESS, VILLAGER, there(u1=TOWNSHIP, u2=LEAD, u3=HEAD)) == {1}
    assert above(ACCESS, VILLAGER, there(u2=LEAD, u4=LEAD, u3=HEAD)) == {2, 4}
    assert above(ACCESS, VILLAGER, there(u3=HEAD, u4=replace(HEAD, unit_path=CITY))) == {3}, "the nearer of two"
    elsewhere = replace(TOWNSHIP, unit_path=OTHER_TOWN)
    assert above(ACCESS, VILLAGER, there(u1=elsewhere, u3=HEAD)) == {3}
    assert above(ACCESS, VILLAGER, there(u1=elsewhere)) == frozenset()
    assert above(ACCESS, HEAD, there(u1=TOWNSHIP)) == frozenset(), "above the highest is nobody"


# --- what standing in opens --------------------------------------------------------------------


@pytest.mark.parametrize("role", WORKERS)
def test_standing_in_shows_nothing_and_does_no_more_than_the_absent_persons_tasks(role: str) -> None:
    """Each post, whoever is above it, and two strangers: they see what they saw before, and work on what is in absent hands."""
    home = AT[ROWS[role]["level"]]
    post, holders = Post(role, home, "", 1), {role, *ACCESS.above(role), "village_worker", "county_legal"}
    for holder, alone, assignee, seal, unit in product(holders, (False, True), (None, 7, 8, 9), (False, True), (1, 2)):
        before = Person(7, (Post(holder, AT[ROWS[holder]["level"]], "", 1),))
        person = replace(before, stands_in=(absent(post, alone=alone),))
        asked = Resource("task", home, role, unit, assignee_id=assignee, seal=seal)
        told = (holder, role, alone, assignee, seal, unit)
        seen = ACCESS.can(before, "see", asked)
        assert ACCESS.can(person, "see", asked) == seen, told
        for action in ("take", "supervise", "unseal"):
            assert ACCESS.can(person, action, asked) == ACCESS.can(before, action, asked), told
        theirs = unit == 1 and (assignee == 8 or (alone and assignee is None))
        works = bool(ACCESS.can(before, "work", asked)) or (theirs and bool(seen))
        assert bool(ACCESS.can(person, "work", asked)) == works, told
        reads = bool(ACCESS.can(before, "read", asked, "S3"))
        more = theirs and bool(seen) and not NEVER_SEALED & {role, holder}
        assert bool(ACCESS.can(person, "read", asked, "S3")) == (reads or more), told


def test_a_sealed_case_stays_sealed_to_the_head_until_the_glass_is_broken() -> None:
    chief = Person(7, (CHIEF,), (absent(OFFICER, alone=True),))
    sealed = Resource("task", TOWN, "police_officer", 1, assignee_id=8, seal=True)
    assert ACCESS.can(chief, "work", sealed).hidden
    assert ACCESS.can(chief, "unseal", sealed)
    assert ACCESS.can(chief, "work", replace(sealed, glass_ids=frozenset((7,)))).rule == "stands_in"
    colleague = Person(7, (OFFICER,), (absent(OFFICER),))
    assert ACCESS.can(colleague, "work", sealed), "who holds the post sees it anyway"


def test_for_whom_somebody_acts_is_said_only_where_the_task_is_not_theirs_anyway() -> None:
    chief, colleague = (Person(7, (post,), (absent(OFFICER, alone=True),)) for post in (CHIEF, OFFICER))
    free, theirs = (Resource("task", TOWN, "police_officer", 1, assignee_id=one) for one in (None, 8))
    assert [bool(chief.for_whom(one)) for one in (free, theirs)] == [True, True]
    assert [bool(colleague.for_whom(one)) for one in (free, theirs)] == [False, True]
    assert chief.for_whom(replace(theirs, assignee_id=7)) is None
    assert chief.for_whom(replace(theirs, unit_id=2)) is None
    assert chief.for_whom(Resource("case", TOWN, assignee_id=8)) is None, "of a case only its tasks"


# --- shifts ------------------------------------------------------------------------------------


def test_a_night_lasts_into_the_next_morning() -> None:
    saturday = date(2026, 3, 7)
    for hour, name, day in ((8, "day", 7), (19, "day", 7), (20, "night", 7), (23, "night", 7)):
        assert shift_at(datetime(2026, 3, 7, hour, tzinfo=LAW_ZONE)) == Shift(date(2026, 3, day), name)
    assert shift_at(datetime(2026, 3, 8, 7, 59, tzinfo=LAW_ZONE)) == Shift(saturday, "night")
    assert shift_at(datetime(2026, 3, 8, 7, 59, tzinfo=LAW_ZONE).astimezone(UTC)) == Shift(saturday, "night")
    assert monday(saturday) == date(2026, 3, 2)


def test_shifts_follow_each_other_without_a_hole() -> None:
    week = list(shifts(date(2026, 3, 2), 7))
    assert len(week) == 14
    for one, following in pairwise(week):
        assert one.ends == following.begins
        assert one.ends - one.begins == LENGTH
        for at in (one.begins, one.ends - timedelta(microseconds=1)):
            assert shift_at(at) == one
