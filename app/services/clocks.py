"""The six-month clock of each guardian, from the observations on record, as pages and forms show it.

Source: rules/clock_six_months.py; the law says six months, how they are reckoned is our choice (ADR 0013).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import LAW_ZONE
from app.db import Row, table
from app.models import Performance
from app.rules import clock_six_months
from app.services import _needs, children, submissions
from app.services.views import ClockView
from app.text import Text

PERFORMANCE = table(Performance)
STANDS = submissions.stands(PERFORMANCE.c.submission_id)
"""True for observations that nobody has corrected since."""


def of(session: Session, row: Row, now: datetime, lang: str) -> tuple[ClockView, ...]:
    query = select(PERFORMANCE).where(PERFORMANCE.c.case_id == row["case_id"], STANDS)
    rows = list(session.execute(query.order_by(PERFORMANCE.c.observed_on, PERFORMANCE.c.id)).mappings())
    if not rows:
        return ()
    named = {
        gid: children.guardian_label(kind, told, lang)
        for gid, kind, told in children.guardians(session, row["case_id"], row["wrapped_key"])
    }
    today = now.astimezone(LAW_ZONE).date()
    return tuple(
        _clock_view(named[guardian], [_needs.performance_row(r) for r in rows if r["guardian_id"] == guardian], today)
        for guardian in dict.fromkeys(r["guardian_id"] for r in rows)
    )


def _clock_view(name: str, rows: list[Any], today: date) -> ClockView:
    clock = clock_six_months.evaluate(rows, today)
    return ClockView(
        guardian=name,
        state=clock.state,
        current=_length(clock.current),
        longest=_length(clock.longest),
        last_year=Text(f"{clock.last_12_months} 天", f"{clock.last_12_months} days"),
        rule_version=clock.rule_version,
        evidence_on=clock.evidence_on,
        six_months_on=clock.six_months_on,
        spans=tuple(clock.spans),
    )


def _length(length: clock_six_months.Length) -> Text:
    return Text(f"{length.months} 个月 {length.days} 天", f"{length.months} months {length.days} days")


def figures(session: Session, case_id: int, guardian_id: int, at: datetime, lang: str) -> str:
    """The three figures of one guardian's clock at `at` in a sentence, as a form quotes them."""
    today = at.astimezone(LAW_ZONE).date()
    where = (PERFORMANCE.c.case_id == case_id, PERFORMANCE.c.guardian_id == guardian_id, STANDS)
    query = select(PERFORMANCE).where(*where, PERFORMANCE.c.observed_on <= today)
    rows = session.execute(query.order_by(PERFORMANCE.c.observed_on, PERFORMANCE.c.id)).mappings()
    view = _clock_view("", [_needs.performance_row(row) for row in rows], today)
    return Text(
        f"当前连续 {view.current.zh}，最长连续 {view.longest.zh}，近 12 个月累计 {view.last_year.zh}。规则 {view.rule_version}。",
        f"Current {view.current.en}, longest {view.longest.en}, last 12 months {view.last_year.en}. Rule {view.rule_version}.",
    ).say(lang)
