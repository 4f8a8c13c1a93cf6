"""The cases an auditor may look into: all of them, newest first, or a sample that anybody can draw again."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.models import Case, Event, Instance
from app.rules.access import Person
from app.services import access, cases, children
from app.services.library import library
from app.services.replay_views import AuditRow
from app.text import Text

CASE, EVENT, INSTANCE = table(Case), table(Event), table(Instance)
PAGE = 50
SAMPLE = 10
"""How many cases a sample holds."""


def index(person: Person, after: int = 0, lang: str = "zh") -> tuple[tuple[AuditRow, ...], int, int]:
    """Cases this person may see, newest first: rows, how many in all, and the key of the next page (0: no more)."""
    session, seen = db.session(), access.seen_cases(db.session(), person)
    total = session.scalar(select(func.count()).select_from(CASE).where(seen)) or 0
    query = select(CASE).where(seen).order_by(CASE.c.id.desc()).limit(PAGE + 1)
    found = list(session.execute(query.where(CASE.c.id < after) if after > 0 else query).mappings())
    return _rows(session, found[:PAGE], lang), total, found[PAGE - 1]["id"] if len(found) > PAGE else 0


def sample(person: Person, seed: str, lang: str = "zh") -> tuple[AuditRow, ...]:
    """Cases drawn by `seed` from all that this person may see; the same seed draws the same from the same cases."""
    session = db.session()
    ids = session.scalars(select(CASE.c.id).where(access.seen_cases(session, person)))
    drawn = sorted(ids, key=lambda case_id: hashlib.sha256(f"{seed}:{case_id}".encode()).digest())[:SAMPLE]
    found = session.execute(select(CASE).where(CASE.c.id.in_(drawn))).mappings()
    return _rows(session, sorted(found, key=lambda row: drawn.index(row["id"])), lang)


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
