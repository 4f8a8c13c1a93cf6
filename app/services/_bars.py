"""Units that may not know of a case: one that failed to report must not read the report about it.

Which unit it is counts as sealed (F18 `failure_unit`, S3), so the table holds a blind index of it.
A bar is only ever added; it closes the case's page and lists, never a task that is the unit's own.
Source: rules/access.py `barred_unit_ids`; plan 4.2.2 (mandatory reporting).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.db import table
from app.models import Case, CaseBar, Report, ReportLink, Unit
from app.services import _seal
from app.services._work import OpenCase, Work

BAR, CASE, UNIT, LINK, REPORT = table(CaseBar), table(Case), table(Unit), table(ReportLink), table(Report)


def _index(unit_id: int) -> bytes:
    return _seal.blind_index("case_bar.unit", str(unit_id))


def from_reports(work: Work, case: OpenCase, unit_id: int, submission_id: int) -> None:
    """Bar a unit from every report about the child of this case; nothing of a report is locked, a row is added."""
    named = select(REPORT.c.case_id).join(LINK, LINK.c.report_id == REPORT.c.id).where(LINK.c.case_id == case.id)
    barred = select(BAR.c.case_id).where(BAR.c.unit_index == _index(unit_id))
    reports = work.session.scalars(named.distinct().where(REPORT.c.case_id.not_in(barred))).all()
    rows = [
        {"case_id": report, "unit_index": _index(unit_id), "submission_id": submission_id, "recorded_at": work.now}
        for report in reports
    ]
    if rows:
        work.session.execute(insert(BAR), rows)


def units(session: Session, case_id: int) -> frozenset[int]:
    """The units that may not know of the case; they are looked for where the form offered them, in its county."""
    query = select(BAR.c.unit_index, CASE.c.path).join(CASE, CASE.c.id == BAR.c.case_id).where(BAR.c.case_id == case_id)
    found = session.execute(query).all()
    if not found:
        return frozenset()
    county = "/".join(found[0].path.split("/")[:4])
    near = session.scalars(select(UNIT.c.id).where(UNIT.c.path.startswith(county, autoescape=True)))
    barred = {row.unit_index for row in found}
    return frozenset(unit_id for unit_id in near if _index(unit_id) in barred)


def knows(unit_ids: Iterable[int]) -> Any:
    """True for cases of which none of these units is kept from knowing."""
    mine = [_index(unit_id) for unit_id in unit_ids]
    return ~select(BAR.c.id).where(BAR.c.case_id == CASE.c.id, BAR.c.unit_index.in_(mine)).correlate(CASE).exists()
