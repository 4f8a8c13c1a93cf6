"""Files of one child: which case stands for another, and which belong together.

A merge is a row that points from the alias to the survivor; nothing is moved, so that undoing it restores both.
What is new goes to the survivor, what each began runs on in its own case. Source: DECISIONS 12; ADR 0022.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.db import table
from app.errors import Refused
from app.models import CaseMerge
from app.services._work import OpenCase, Work
from app.text import Text

MERGE = table(CaseMerge)
LASTS = MERGE.c.undone_at.is_(None)
PAIR = select(MERGE.c.alias_id, MERGE.c.survivor_id)
GO_THERE = Text(
    "这份档案已经并入另一份，新的事请到那边登记。",
    "This file was merged into another. Please register what is new there.",
)


def into(session: Session, case_id: int) -> int | None:
    """The case that this one was merged into; None when it stands for itself."""
    found: int | None = session.scalar(select(MERGE.c.survivor_id).where(MERGE.c.alias_id == case_id, LASTS))
    return found


def root(session: Session, case_id: int) -> int:
    """The case to which what is new goes: itself, or the one at the end of what it was merged into."""
    while (further := into(session, case_id)) is not None:
        case_id = further
    return case_id


def survivors(session: Session, case_ids: Collection[int]) -> dict[int, int]:
    """Of these cases those that were merged into another, each with the case to which what is new goes."""
    merged = session.scalars(select(MERGE.c.alias_id).where(MERGE.c.alias_id.in_(case_ids), LASTS)).all()
    return {case_id: root(session, case_id) for case_id in merged}


def family(session: Session, case_id: int) -> frozenset[int]:
    """All cases that are files of the same child, this one included."""
    known, fresh = {case_id}, {case_id}
    while fresh:
        touching = or_(MERGE.c.alias_id.in_(fresh), MERGE.c.survivor_id.in_(fresh))
        pairs = session.execute(PAIR.where(LASTS, touching)).all()
        fresh = {one for pair in pairs for one in pair} - known
        known |= fresh
    return frozenset(known)


def lock_root(work: Work, case_id: int) -> OpenCase:
    """The case to which what is new goes, under its lock. Raises NotFound."""
    while True:
        found = root(work.session, case_id)
        case = work.lock(found)
        if root(work.session, found) == found:  # nobody merged it while we waited
            return case


def require_own(work: Work, case: OpenCase) -> None:
    """Nothing, where the case stands for itself. Raises Refused("merged") for one that was merged into another."""
    survivor = into(work.session, case.id)
    if survivor is not None:
        raise Refused("merged", GO_THERE, case=case.id, survivor=survivor)
