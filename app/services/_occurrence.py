"""When the thing that somebody writes down happened, checked against the case that it is written into."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from app.db import table
from app.models import Case, Report, ReportLink
from app.rules import occurrence
from app.rules.calendar import instant
from app.services._work import OpenCase, Work
from app.text import Text

CASE, REPORT, LINK = table(Case), table(Report), table(ReportLink)


def settle(
    work: Work, case: OpenCase, named: occurrence.Named, lang: str, written_at: datetime | None = None
) -> dict[str, str]:
    """Let the work's events say when they happened; returns what is wrong with the time, as a field's error.

    Where nothing is named, it happened when it was written down; a phone's clock that cannot be right is not believed.
    """
    if not named:
        if written_at and earliest(work, case) <= written_at <= work.now:
            work.occurred_at = written_at
        return {}
    found = occurrence.when(named, work.now, earliest(work, case))
    if isinstance(found, Text):
        return {occurrence.FIELD: found.say(lang)}
    work.occurred_at = found
    return {}


def earliest(work: Work, case: OpenCase) -> datetime:
    """When anybody first knew: the case's first report, what its receiver says of it, or the case itself; to the minute."""
    reports = select(func.min(REPORT.c.received_at)).join(LINK, LINK.c.report_id == REPORT.c.id)
    known: list[datetime | None] = [
        work.session.scalar(select(CASE.c.opened_at).where(CASE.c.id == case.id)),
        work.session.scalar(reports.where(LINK.c.case_id == case.id)),
        *(instant(case.facts[name]) for name in ("received_at", "learned_at") if case.facts.get(name)),
    ]
    return min(at for at in known if at is not None).replace(second=0, microsecond=0)
