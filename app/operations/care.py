"""What the placement and temporary-care processes ask the system to do.

Source: plan 4.2.3-f,g,h; A4.9-g; A4.10-h; Minors Protection Law art. 22, 92-94.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from app.operations.effects import Effects, Message, NewId, Notice, Row, Start, known
from app.operations.needs import LiveInstance
from app.operations.registry import Facts, Variables, operation
from app.operations.schedules import notice_frequency, opens_at
from app.rules.calendar import due_at

TEMPORARY_CARE = "P1Y"
"""Source: deadlines.json D09y, after 法发〔2014〕24号 art. 15. Unverified."""


@operation("notice.first", needs=("report_id", "submission_id", "notices_sent"))
def first_notice(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Tell township and civil affairs what was found, once, with a read receipt.

    A finding sent back and made again is told by the outcome notice (F18).
    """
    if "first_notice" in facts["notices_sent"]:
        return Effects()
    ids = {"report_id": facts["report_id"], "submission_id": facts["submission_id"]}
    roles = ("township_worker", "county_worker")
    return Effects(notices=tuple(Notice("first_notice", role, ids, receipt=True) for role in roles))


@operation("care.end_entrustment", needs=("entrustment_id", "notices_sent"))
def end_entrustment(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """End the entrustment at once, bar the carer, tell the parents and those at work on the case.

    The parents and the case hear of it even when no entrustment was ever put on record.
    """
    if "entrustment_ended" in facts["notices_sent"]:
        return Effects()
    entrustment: int | None = facts["entrustment_id"]
    barred = () if entrustment is None else (known("barred_entrustment_id", str(entrustment)),)
    return Effects(
        rows=(known("entrustment_ended_at", now.isoformat()), *barred),
        messages=(Message("case_changed", {"cause": "entrustment_ended"}),),
        notices=(Notice("entrustment_ended", "parents", {"entrustment_id": entrustment}),),
    )


@operation(
    "placement.open",
    needs=("submission_id", "recorded_placement_id", "place_kind", "handed_at"),
    sets=("placement_id",),
)
def open_placement(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Record the placement from F17, once for each submission.

    Its limits count from the hand-over, which F17 teaches as placed_at (rules.facts).
    """
    if facts["recorded_placement_id"] is not None:
        return Effects(variables={"placement_id": facts["recorded_placement_id"]})
    values = {
        "submission_id": facts["submission_id"],
        "kind": facts["place_kind"],
        "handed_at": facts["handed_at"],
    }
    return Effects(variables={"placement_id": NewId("placement")}, rows=(Row("placement", values, key="placement"),))


@operation(
    "parents.schedule_notice",
    needs=("in_care", "parent_returned", "parent_notices", "last_notice_at", "live_instances"),
)
def schedule_notice(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """Schedule the next notice to the parents, unless one returned, care ended, or one is scheduled."""
    over = facts["parent_returned"] or not facts["in_care"]
    if over or any(live.stem == "notify-parents" for live in facts["live_instances"]):
        return Effects()
    since = facts["last_notice_at"] or now
    start_at = opens_at(since, notice_frequency(facts["parent_notices"]), now)
    return Effects(starts=(Start("notify-parents", start_at=start_at),))


@operation("care.check_year", needs=("placed_at",), sets=("over_year",))
def check_year(facts: Facts, _variables: Variables, now: datetime) -> Effects:
    """Whether temporary care has lasted its year; a person decides what follows from it."""
    over = now >= due_at(facts["placed_at"], TEMPORARY_CARE)
    return Effects(variables={"over_year": "yes" if over else "no"})


@operation("intervention.open", needs=("intervene_guardians", "live_instances"))
def open_interventions(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Start an intervention with each guardian named, but for those who are in one."""
    busy = _guardians(facts["live_instances"], "guardianship-intervention")
    return Effects(
        messages=tuple(
            Message("intervention_started", {"guardian_id": guardian})
            for guardian in dict.fromkeys(facts["intervene_guardians"])
            if guardian not in busy
        )
    )


@operation("petition.open", needs=("petition_guardians", "live_instances"))
def open_petitions(facts: Facts, _variables: Variables, _now: datetime) -> Effects:
    """Start a petition under Civil Code art. 36 against each guardian named.

    One that runs on other grounds gets this one added (`adds` in messages.json); on this ground, nothing.
    """
    on_ground = [live for live in facts["live_instances"] if "cc36" in live.grounds]
    busy = _guardians(on_ground, "revocation-petition")
    return Effects(
        messages=tuple(
            Message("petition_started", {"guardian_id": guardian, "ground": "cc36"})
            for guardian in dict.fromkeys(facts["petition_guardians"])
            if guardian not in busy
        )
    )


def _guardians(instances: Iterable[LiveInstance], stem: str) -> set[int | None]:
    return {live.guardian_id for live in instances if live.stem == stem}
