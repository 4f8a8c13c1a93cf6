"""The plan's main line, end to end on both databases: from a report to a revoked guardianship.

Report → emergency response → temporary placement → assessment → intervention → six-month clock →
petition → judgment, with the visits, notices and reviews that fall due on the way.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.services import deadlines
from tests.world import TASK, World


def report_in_danger(world: World) -> None:
    """A child alone in danger: the response starts before anybody has matched files."""
    report = world.report(children=[{"name": "林小禾", "safe_adult_now": "no"}])
    world.send("t2", "report-intake", report, safe_adult_now="no")
    (world.case,) = [task["case_id"] for task in world.open_tasks("t1", "emergency-response")]
    world.send("t3", "report-intake", report)
    world.send("t4", "report-intake", report, intake_decision="accept")
    world.send("t8", "report-intake", report)
    assert world.ended("report-intake", report) == [["x_ok"]]


def respond(world: World) -> None:
    """The parents cannot be reached: the child is placed; help and an intervention are called for."""
    guardian = world.guardians()[0]
    world.send("t1", "emergency-response", seen_child="yes")
    world.send("t2", "emergency-response", founded="yes", situations=["living_alone"])
    world.send("t1", "reach-parents", parents_reached="unreached")
    assert world.todo() == ["emergency-response.t9", "temporary-placement.h1"]
    answers = {"help_needed": "yes", "intervene": "yes", "failure_found": "no", "reward_due": "no"}
    world.send("t9", "emergency-response", intervene_guardians=[guardian], **answers)
    assert world.ended("emergency-response") == [["x1"]]


def place(world: World) -> None:
    """The county worker finds a place, the police hand the child over, the review of care begins."""
    world.send("h1", "temporary-placement", child_view="agrees", place_kind="relief")
    world.send("h2", "temporary-placement", accepted="yes")
    world.send("h5", "temporary-placement")
    assert world.ended("temporary-placement") == [["x1"]]
    world.send("t0", "temporary-care-review")
    world.pass_time("P2D")
    world.send("t1", "notify-parents", parents_reached="unreached")


def assess(world: World) -> None:
    """A team looks, a level is set, a plan is made."""
    world.send("t1", "assessment-help")
    world.send("t2", "assessment-help")
    world.send("t3", "assessment-help", level="orange")
    world.send("t4", "assessment-help", need_services="no", need_aid="no", need_legal="no", need_pairing="no")
    assert world.case_row()["risk"] == "orange"


def intervene(world: World) -> None:
    """Admonition and reprimand do not move the guardian: monitoring begins."""
    world.send("t0", "guardianship-intervention", neglect_kind="refusing", guardian=world.guardians()[0])
    world.send("t1", "guardianship-intervention")
    world.send("t2", "guardianship-intervention", serious_harm="no", gravity="minor")
    assert world.ended("guardianship-intervention") == [["x1"]]


def six_months(world: World) -> None:
    """The guardian goes on refusing: three months, evidence, six months; then a lawyer is asked."""
    refusal = {"state": "fails", "refusal_known": "yes", "observed_on": world.now.date().isoformat()}
    world.send("t1", "six-month-clock", guardian=world.guardians()[0], **refusal)
    world.pass_time("P3M")
    world.pass_time("P1D")
    world.send("t2", "six-month-clock")
    world.pass_time("P2M")
    world.send("t3", "six-month-clock")
    assert not world.open_tasks("t4", "six-month-clock")
    world.pass_time("P1M")
    world.pass_time("P1D")
    assert not world.instances("revocation-petition"), "six months alone must never open a petition"
    world.send("t4", "six-month-clock", petition_ground="g2")


def petition(world: World) -> None:
    """Civil affairs petition, the court revokes, a guardian is named, monitoring ends."""
    world.send("t1", "revocation-petition", petition_decision="petition")
    world.send("t2", "revocation-petition", applicant_kind="civil")
    world.send("t3", "revocation-petition")
    world.send("t4", "revocation-petition", petition_grounds=["g2"])
    world.arrive("court_accepted")
    world.pass_time("P20D")
    world.arrive("judgment_received")
    world.send("t11", "revocation-petition", judgment="revoked")
    world.send("t6", "revocation-petition")
    world.send("t7", "revocation-petition")
    assert world.ended("revocation-petition") == [["x1"]]
    assert world.ended("six-month-clock") == [["x4", "x5", "x6", "x7", "x3"]]


def test_from_a_report_to_a_judgment(either_world: World) -> None:
    world = either_world
    for chapter in (report_in_danger, respond, place, assess, intervene, six_months, petition):
        chapter(world)
    tasks = world.rows(sa.select(TASK))
    assert not [task for task in tasks if task["due"].get("assumed")], "every limit is counted from what it should be"


def test_travelling_brings_every_duty_on_its_own_day(either_world: World) -> None:
    """The practice clock goes forward due by due: half a year of a placement, each thing on its day."""
    world = either_world
    for chapter in (report_in_danger, respond, place, assess, intervene):
        chapter(world)
    refusal = {"state": "fails", "refusal_known": "yes", "observed_on": world.now.date().isoformat()}
    world.send("t1", "six-month-clock", guardian=world.guardians()[0], **refusal)
    deadlines.travel(world.at("P6M"))
    world.settle()
    assert {"six-month-clock.t2", "notify-parents.t1", "temporary-care-review.t1"} <= set(world.todo())
    fired = [event for event in world.events("deadline") if event["data"]["kind"] != "task"]
    assert len(fired) >= 4
    for event in fired:
        late = datetime.fromisoformat(event["at"]) - datetime.fromisoformat(event["data"]["due"])
        assert timedelta(0) <= late <= timedelta(seconds=2), event
