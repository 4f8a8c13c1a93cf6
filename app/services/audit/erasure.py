"""Lawful erasure: a case's data key is destroyed, and the chain stays whole.

Everything personal of a case lies under its key: answers, registers, drafts, the sealed part of events. Events
keep salted commitments, which say nothing without the key; the erasure itself goes on record. What was
copied before (backups, the database's own log of changes) still holds the wrapped key: docs/audit.md
says how long. Source: 个人信息保护法47; ADR 0007, 0014.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from app.db import db, settings, table
from app.errors import Refused
from app.models import Case, Child, Draft, Instance, Report, ReportLink
from app.services import _merged, commands
from app.services._work import Actor, OpenCase, Work
from app.services.audit.log_walk import ERASED
from app.text import Text

CASE, CHILD, DRAFT, INSTANCE = table(Case), table(Child), table(Draft), table(Instance)
REPORT, REPORT_LINK = table(Report), table(ReportLink)
BASIS = re.compile(r"(law|order):[a-z0-9.-]{1,60}")
LIVE = ("running", "scheduled")
NO_BASIS = Text(
    "请写明依据的代号，例如 law:pipl-47 或 order:2026-17，不要写姓名。",
    "Name the basis by its code, such as law:pipl-47 or order:2026-17, and no person.",
)
STILL_OPEN = Text(
    "这个个案还有流程在办，办结以后才能删除。",
    "Processes still run in this case; it can be erased when they have ended.",
)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased; the reports' cases, and other files of this child, that still have their keys."""

    case_id: int
    told_in: tuple[int, ...]
    merged: tuple[int, ...] = ()


def erase_case_key(case_id: int, basis: str, actor: Actor) -> Erased:
    """Destroy the data key of a case, with its drafts and its child's index; `basis` is a code that goes on record.

    Raises: NotFound, Refused("no_basis"), Refused("still_open"), Refused("erased") when it was done before.
    """
    if not BASIS.fullmatch(basis):
        raise Refused("no_basis", NO_BASIS)
    with commands.work_on(actor) as work:
        _forget_pages(work)
        case = work.lock(case_id)
        if work.session.scalar(
            select(INSTANCE.c.id).where(INSTANCE.c.case_id == case_id, INSTANCE.c.status.in_(LIVE)).limit(1)
        ):
            raise Refused("still_open", STILL_OPEN, case=case_id)
        case.chain.append(ERASED, {"basis": basis}, at=work.now, actor_id=actor.user_id)
        _destroy(work, case)
        told_in, merged = _reports_of(work, case_id), _merged_with(work, case_id)
    _empty_the_log_of_changes()
    return Erased(case_id, told_in, merged)


def _destroy(work: Work, case: OpenCase) -> None:
    work.session.execute(update(CASE).where(CASE.c.id == case.id).values(wrapped_key=None))
    work.session.execute(delete(DRAFT).where(DRAFT.c.case_id == case.id))
    work.session.execute(
        update(CHILD).where(CHILD.c.case_id == case.id).values(name_index=secrets.token_bytes(16), id_index=None)
    )


def _reports_of(work: Work, case_id: int) -> tuple[int, ...]:
    query = select(REPORT.c.case_id).join(REPORT_LINK, REPORT_LINK.c.report_id == REPORT.c.id)
    query = query.join(CASE, CASE.c.id == REPORT.c.case_id)
    query = query.where(REPORT_LINK.c.case_id == case_id, CASE.c.wrapped_key.is_not(None)).distinct()
    return tuple(sorted(work.session.scalars(query)))


def _merged_with(work: Work, case_id: int) -> tuple[int, ...]:
    others = _merged.family(work.session, case_id) - {case_id}
    query = select(CASE.c.id).where(CASE.c.id.in_(others), CASE.c.wrapped_key.is_not(None))
    return tuple(sorted(work.session.scalars(query)))


def _forget_pages(work: Work) -> None:
    """SQLite: what is overwritten now must not stay in the file's free space."""
    if settings().sqlite:
        work.session.connection().exec_driver_sql("PRAGMA secure_delete=ON")


def _empty_the_log_of_changes() -> None:
    """SQLite: pages as they were before must not stay in the write-ahead log either."""
    if settings().sqlite:
        with db.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
