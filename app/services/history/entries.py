"""The register as auditors look at it: who drew samples and took records out, when, of which places.

Read from the register's own chain, which is checked each time. Source: issue "the auditor's half", parts 5 to 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.models import Case, Event
from app.rules.access import Person, Resource, within
from app.services import access, cases, children, releases
from app.services.audit import verification
from app.services.audit.register import ACTS, KIND
from app.services.history._telling import names_of
from app.services.history.replay_views import Chain
from app.text import Text

CASE, EVENT = table(Case), table(Event)
REGISTERS = select(CASE.c.id).where(CASE.c.kind == KIND)
PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the register: who drew or took out what, when, and of which places (none: of everywhere)."""

    id: int
    number: int
    at: datetime
    by: str
    kind: str
    data: Mapping[str, Any]
    since: datetime | None
    places: tuple[str, ...]
    process: Text | None
    """Of a sample: the process that its cases went through."""
    case_number: str
    """Of a bundle: its case; nothing where it holds all cases."""
    sample_id: int | None
    """The sample, where this person may look at it."""


@dataclass(frozen=True, slots=True)
class Register:
    """A page of the register, newest first; `after` is the key of the next one, or 0. `chain`: its record, checked now."""

    entries: tuple[Entry, ...]
    after: int
    chain: Chain


def page(person: Person, after: int = 0, lang: str = "zh") -> Register:
    """What was drawn and taken out of the places that this person audits, or of everything. Raises Forbidden."""
    session = db.session()
    access.require(session, person, "see", Resource("log"))
    mine = access.policy(session).scope(person).audited
    found = list(islice((row for row in _rows(session, after) if _touches(row["paths"], mine)), PAGE + 1))
    told = _told(session, found[:PAGE], mine, lang)
    return Register(told, found[PAGE - 1]["id"] if len(found) > PAGE else 0, _chain(session))


def _rows(session: Session, after: int) -> Iterator[Row]:
    """The entries before `after`, newest first, each with its data and the paths that it is of."""
    query = select(EVENT.c.id, EVENT.c.seq, EVENT.c.kind, EVENT.c.actor_id, EVENT.c.recorded_at, EVENT.c.body)
    query = query.where(EVENT.c.case_id.in_(REGISTERS), EVENT.c.kind.in_(ACTS)).order_by(EVENT.c.id.desc()).limit(PAGE)
    while rows := session.execute(query.where(EVENT.c.id < after) if after else query).mappings().all():
        parsed = {row["id"]: orjson.loads(row["body"])["data"] for row in rows}
        wanted = {data["case"] for data in parsed.values() if data.get("case")}
        of = {row.id: row for row in session.execute(select(CASE).where(CASE.c.id.in_(wanted)))}
        for row in rows:
            data = parsed[row["id"]]
            case = of.get(data.get("case"))
            paths = [case.path] if case else data.get("paths", [])
            yield {**row, "data": data, "paths": paths, "case": case}
        after = rows[-1]["id"]


def _touches(paths: Sequence[str], audited: Sequence[str]) -> bool:
    """Whether something of these places concerns an auditor of those; no place means everywhere."""
    return not paths or any(within(path, one) or within(one, path) for path in paths for one in audited)


def _told(session: Session, rows: Sequence[Row], audited: Sequence[str], lang: str) -> tuple[Entry, ...]:
    books, names = releases.current_library(), names_of(session, {row["actor_id"] for row in rows})
    places = children.place_names(session, {path for row in rows for path in row["paths"]}, lang)

    def entry(row: Row) -> Entry:
        data, case = row["data"], row["case"]
        whole = all(any(within(path, one) for one in audited) for path in row["paths"])
        return Entry(
            id=row["id"], number=row["seq"], at=row["recorded_at"], by=names.get(row["actor_id"], ""),
            kind=row["kind"], data=data,
            since=datetime.fromisoformat(data["since"]) if data.get("since") else None, places=tuple(places.get(path, path) for path in row["paths"]),
            process=books.process_name(data["process"]) if data.get("process") else None,
            case_number=cases.number(case.id, case.opened_at) if case else "",
            sample_id=data.get("sample") if whole else None,
        )  # fmt: skip

    return tuple(entry(row) for row in rows)


def _chain(session: Session) -> Chain:
    """The register's own record, checked now."""
    found = [verification.examine(case_id, sealed=False) for case_id in session.scalars(REGISTERS).all()]
    faults = [(fault.where, fault.text) for report in found for fault in report.breaks]
    return Chain(sum(report.events for report in found), tuple(faults))
