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
KIND, PATH = "register", "/"
"""What marks the register, and where it stands: above every region, so that it is in no one's list."""
ACTS = ("sampled", "exported", "bundled")
"""A sample was drawn; an event log was taken out; a bundle of the record was taken out."""


def enter(work: Work, kind: str, data: Mapping[str, Any]) -> None:
    """Write something that `work`'s actor did, one of ACTS, into the register, in this transaction; ids and codes only."""
    known = work.session.scalar(select(func.min(CASE.c.id)).where(CASE.c.kind == KIND))
    case = work.lock(known) if known else work.open_case(KIND, PATH)
    case.chain.append(kind, dict(data), at=work.now, actor_id=work.actor.user_id)
