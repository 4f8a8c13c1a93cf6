"""The cases an auditor may look into, newest first; samples of them are drawn in samples.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.models import Case, Event, Instance
from app.rules.access import Person
from app.services import access, cases, children
from app.services.history.replay_views import AuditRow
from app.services.library import library
from app.text import Text

CASE, EVENT, INSTANCE = table(Case), table(Event), table(Instance)
PAGE = 50


def index(person: Person, after: int = 0, lang: str = "zh") -> tuple[tuple[AuditRow, ...], int, int]:
    """Cases this person may see, newest first: rows, how many in all, and the key of the next page (0: no more)."""
    session, seen = db.session(), access.seen_cases(db.session(), person)
    total = session.scalar(select(func.count()).select_from(CASE).where(seen)) or 0
    query = select(CASE).where(seen).order_by(CASE.c.id.desc()).limit(PAGE + 1)
    found = list(session.execute(query.where(CASE.c.id < after) if after > 0 else query).mappings())
    return _rows(session, found[:PAGE], lang), total, found[PAGE - 1]["id"] if len(found) > PAGE else 0


def _rows(session: Session, found: Sequence[Row], lang: str) -> tuple[AuditRow, ...]:
    ids = [row["id"] for row in found]
    processes, last = _processes(session, ids), _last(session, ids)
    return tuple(
        AuditRow(
            id=row["id"],
            number=cases.number(row["id"], row["opened_at"]),
            kind=row["kind"],
            place=children.place_name(session, row["path"], lang),
            opened_at=row["opened_at"],
            last_at=last.get(row["id"]),
            events=row["last_seq"],
            processes=tuple(processes.get(row["id"], {}).values()),
        )
        for row in found
    )


def _processes(session: Session, ids: Collection[int]) -> dict[int, dict[str, Text]]:
    """The processes that ran in each case, by name, in the order in which they began."""
    query = select(INSTANCE.c.case_id, INSTANCE.c.process, INSTANCE.c.release_id).where(INSTANCE.c.case_id.in_(ids))
    found: dict[int, dict[str, Text]] = {}
    for case_id, process, release_id in session.execute(query.order_by(INSTANCE.c.id)):
        found.setdefault(case_id, {}).setdefault(process, library(session, release_id).process_name(process))
    return found


def _last(session: Session, ids: Collection[int]) -> dict[int, datetime]:
    """When each case's last event was recorded."""
    newest = select(EVENT.c.case_id, EVENT.c.recorded_at).join(
        CASE, (CASE.c.id == EVENT.c.case_id) & (CASE.c.last_seq == EVENT.c.seq)
    )
    return {row.case_id: row.recorded_at for row in session.execute(newest.where(CASE.c.id.in_(ids)))}
