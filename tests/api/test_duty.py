"""Who is on duty: urgent work first, and never a lock; gaps are said ahead; the rota is kept by who answers for it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.clock import LAW_ZONE
from app.db import db, table, transaction
from app.models import Duty, Task, Unit
from app.rules.rota import Shift, monday
from app.services import people
from app.services.presence import rota, standing
from tests.api.conftest import NOW
from tests.api.site import COUNTY, Caller, Site, says_nothing
from tests.api.test_absences import ONE, TODAY, goes, notice, on, readers
from tests.api.test_inbox import POLICE, colleague, free, holder, listed, officer
from tests.api.test_leaving import admin, chief

DUTY, TASK = table(Duty), table(Task)
ROLE = "police_officer"


def unit_of(site: Site, code: str = POLICE) -> int:
    return int(site.rows(sa.select(Unit.id).where(Unit.code == code))[0]["id"])


def put(site: Site, who: Caller, shifts: dict[str, int | str], role: str = ROLE) -> int:
    """Send the grid; the status."""
    return who.post(f"/people/duty/{unit_of(site)}/{role}", dict(shifts)).status_code


def now_by(who: Caller | None) -> dict[str, int | str]:
    """The shift that runs at the tests' hour (by day), with this person."""
    return {f"{TODAY}.day": who.user_id if who else ""}


def test_who_is_on_duty_finds_urgent_work_among_their_own_and_the_others_still_find_it_free(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = free(site)
    everybody = [task in listed(who.get("/inbox?view=free")) for who in (me, other)]
    assert everybody == [True, True]
    assert put(site, chief(site), now_by(other)) == 302
    assert task in listed(other.get("/inbox?view=mine"))
    assert task not in listed(other.get("/inbox?view=free")), "it stands in one list"
    assert task not in listed(me.get("/inbox?view=mine"))
    assert task in listed(me.get("/inbox?view=free"))
    assert me.post(f"/tasks/{task}/claim").status_code == 302, "nobody is locked out"
    assert holder(site, task) == (me.user_id, None)
    assert task not in listed(other.get("/inbox?view=mine"))


@ONE
def test_the_shift_ends_and_the_work_stays_the_units(site: Site) -> None:
    me, other = officer(site), colleague(site)
    task = free(site)
    put(site, chief(site), now_by(other))
    on(site, 0, 19)
    assert task in listed(other.get("/inbox?view=mine"))
    on(site, 0, 20)
    assert [task in listed(who.get("/inbox?view=free")) for who in (me, other)] == [True, True]


@ONE
def test_what_is_not_urgent_is_nobodys_first(site: Site) -> None:
    other = colleague(site)
    put(site, chief(site), now_by(other))
    with site.app.app_context(), transaction() as session:
        session.execute(sa.update(TASK).where(TASK.c.id == free(site)).values(deadline_id="D04"))
    assert free(site) in listed(other.get("/inbox?view=free"))


@ONE
def test_on_duty_and_away_the_substitute_is_on_duty(site: Site) -> None:
    me, other = officer(site), colleague(site)
    put(site, chief(site), now_by(other))
    goes(other, other, me.user_id)
    assert free(site) in listed(me.get("/inbox?view=mine"))
    with site.app.app_context():
        assert standing.on_duty(db.session(), ROLE, unit_of(site), NOW) == me.user_id
    page = chief(site).get(f"/people/duty/{unit_of(site)}/{ROLE}").text
    assert "不在岗，" in page
    goes(me, me, "above")
    with site.app.app_context():
        assert standing.on_duty(db.session(), ROLE, unit_of(site), NOW) is None, "the head is not on duty: a gap"
    assert "没有人值班" in chief(site).get("/oversight/").text


@ONE
def test_notices_go_to_who_is_on_duty_if_they_can_be_told(site: Site) -> None:
    me, other = officer(site), colleague(site)
    row = notice(site, free(site), None)
    assert readers(site, row) >= {me.user_id, other.user_id}
    put(site, chief(site), now_by(other))
    assert readers(site, row) == {other.user_id}
    assert f"/notices/{row['id']}/read" in me.get("/notices").text, "on the page it is everybody's"
    assert me.user_id in readers(site, row, but=other.user_id), "who cannot be told is no reason to tell nobody"


# --- gaps ----------------------------------------------------------------------------------------


def gaps(site: Site, who: Caller, *, below: bool = False) -> set[Shift]:
    with site.app.app_context():
        session = db.session()
        found = rota.gaps(session, people.person(session, who.user_id), NOW, "zh", below=below)
    return {one.shift for one in found}


def test_a_gap_is_said_ahead_and_only_where_there_is_a_rota(site: Site) -> None:
    me, boss = officer(site), chief(site)
    assert not gaps(site, boss)
    week = {f"{TODAY + timedelta(day)}.{name}": me.user_id for day in range(7) for name in ("day", "night")}
    saturday = next(TODAY + timedelta(day) for day in range(7) if (TODAY + timedelta(day)).weekday() == 5)
    assert put(site, boss, {**week, f"{saturday}.night": ""}) == 302
    assert gaps(site, boss) == gaps(site, me) == {Shift(saturday, "night")}
    assert gaps(site, me, below=True) == set(), "an officer answers for nobody's rota"
    page = boss.get("/oversight/").text
    assert "周六夜间" in page.replace(" ", "")
    assert "没有人值班" in page
    assert gaps(site, admin(site)) == {Shift(saturday, "night")}
    assert not gaps(site, site.person("police_chief", "620721101-police"))


@ONE
def test_somebody_on_the_rota_who_goes_away_leaves_a_gap(site: Site) -> None:
    me, boss = officer(site), chief(site)
    put(site, boss, {f"{TODAY + timedelta(1)}.day": me.user_id})
    assert Shift(TODAY + timedelta(1), "day") not in gaps(site, boss)
    goes(me, me, first=1, last=1)
    assert Shift(TODAY + timedelta(1), "day") in gaps(site, boss)


# --- who keeps it --------------------------------------------------------------------------------


@ONE
def test_the_rota_is_kept_by_who_answers_for_the_post_and_read_in_its_unit(site: Site) -> None:
    me, boss = officer(site), chief(site)
    address = f"/people/duty/{unit_of(site)}/{ROLE}"
    for who, reads, keeps in (
        (me, 200, 403), (boss, 200, 302), (admin(site), 200, 302), (site.person("county_head", COUNTY), 200, 302),
        (site.person("county_worker", f"{COUNTY}-civil_affairs"), 404, 404),
        (site.person("police_chief", "620721101-police"), 404, 404), (site.person("auditor", "620700-audit"), 404, 404),
    ):  # fmt: skip
        answer = who.get(address)
        assert answer.status_code == reads
        assert says_nothing(answer)
        assert put(site, who, now_by(me)) == keeps
        assert says_nothing(who.get("/people/duty"))
    assert address in boss.get("/people/duty").text
    for wrong in (f"/people/duty/{unit_of(site)}/nobody", "/people/duty/999999/police_officer",
                  f"/people/duty/{unit_of(site)}/admin"):  # fmt: skip
        assert admin(site).get(wrong).status_code == 404
    assert boss.post(address, {"x": "1"}).status_code == 404


def test_a_shift_that_is_over_stays_and_only_holders_are_put_on(site: Site) -> None:
    me, boss = officer(site), chief(site)
    put(site, boss, now_by(me))
    (row,) = site.rows(sa.select(DUTY))
    assert (row["day"], row["shift"], row["entered_by"]) == (TODAY, "day", boss.user_id)
    assert put(site, boss, {f"{TODAY}.night": boss.user_id}) == 422, "not in the post"
    on(site, 1)
    assert put(site, boss, {f"{TODAY}.day": "", f"{TODAY + timedelta(1)}.day": me.user_id}) == 302
    assert {row["day"] for row in site.rows(sa.select(DUTY))} == {TODAY, TODAY + timedelta(1)}
    assert put(site, boss, {f"{TODAY + timedelta(1)}.day": ""}) == 302
    assert [row["day"] for row in site.rows(sa.select(DUTY))] == [TODAY]


@ONE
@pytest.mark.parametrize("day", ["", "x", "2026-13-01", "2027-01-01"])
def test_any_week_can_be_looked_at(site: Site, day: str) -> None:
    answer = chief(site).get(f"/people/duty/{unit_of(site)}/{ROLE}?day={day}")
    assert answer.status_code == 200
    shown = monday(date(2027, 1, 1)) if day == "2027-01-01" else monday(NOW.astimezone(LAW_ZONE).date())
    assert f'name="{shown + timedelta(6)}.night"' in answer.text
