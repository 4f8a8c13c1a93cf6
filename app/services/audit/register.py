"""The register: what auditors do with many cases at once, as events of a chain of its own.

A sample drawn and a record taken out belong to no child's case. They stand in the record like everything
else (chained, placed in the log, signed), in a case of the installation's own that nobody works on. Source: issue
"the auditor's half", parts 5 to 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from app.db import table
from app.models import Case
from app.services._work import Work

CASE = table(Case)
KIND, LOOKS, PATH = "register", "looks", "/"
"""What marks the register; the chain in which looks are folded (look_log.py); and where both stand: above every
region, so that they are in no one's list."""
KINDS = (KIND, LOOKS)
ACTS = ("sampled", "exported", "bundled", "reads_exported")
"""A sample was drawn; an event log was taken out; a bundle of the record was taken out; the read log was."""


def number_of(kind: str) -> Any:
    """The case that is the installation's own chain of this kind, one of KINDS, for a query."""
    return select(func.min(CASE.c.id)).where(CASE.c.kind == kind).scalar_subquery()


def enter(work: Work, kind: str, data: Mapping[str, Any], chain: str = KIND) -> int:
    """Write an event into the register, or another `chain` of KINDS, in this transaction; ids and codes only. Returns its number."""
    known = work.session.scalar(select(number_of(chain)))
    case = work.lock(known) if known else work.open_case(chain, PATH)
    return case.chain.append(kind, dict(data), at=work.now, actor_id=work.actor.user_id)
