"""When a case is closed and opened again: both follow from its instances, and both are events.

A case is closed when the last of its instances has ended, so that nobody has anything to do in it and
nothing is waited for; it is open again as soon as something starts in it. Nobody decides either.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select

from app.services._work import INSTANCE, OpenCase, Work

OPEN, CLOSED = "open", "closed"
LIVE = ("running", "scheduled")
LIVE_IN_CASE = select(INSTANCE.c.id).where(INSTANCE.c.case_id == bindparam("case_id"), INSTANCE.c.status.in_(LIVE))


def reopen(work: Work, case: OpenCase) -> None:
    """Something starts in the case: it is open."""
    if case.status == CLOSED:
        _mark(work, case, OPEN, "case_reopened")


def close_ended(work: Work) -> None:
    """Close each case whose last instance ended in this transaction."""
    ended = {live.case.id for live in work.instances.values() if live.changed and live.status not in LIVE}
    for case in (work.cases[case_id] for case_id in ended):
        if case.status == OPEN and not _lives(work, case):
            _mark(work, case, CLOSED, "case_closed")


def _lives(work: Work, case: OpenCase) -> bool:
    """Whether anything runs or is scheduled: as this transaction has it, else as the table says."""
    here = {live.id: live.status in LIVE for live in work.instances.values() if live.case is case}
    stored = work.connection.execute(LIVE_IN_CASE, {"case_id": case.id}).scalars()
    return any(here.values()) or any(instance_id not in here for instance_id in stored)


def _mark(work: Work, case: OpenCase, status: str, kind: str) -> None:
    case.status = status
    case.chain.append(kind, {}, at=work.now, occurred_at=work.occurred_at)
