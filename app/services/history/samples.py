"""Samples of cases for an auditor to look into, drawn by a seed that is kept, so that anybody can draw them again.

The order of the draw is that of SHA-256("seed:case id"), as text in hexadecimal. Every draw is kept and shown: who
tries seeds until a sample pleases leaves them all behind, in the record too. Source: issue "the auditor's half", part 5.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, false, insert, or_, select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.errors import Invalid, NotFound
from app.models import AuditSample, Case, Instance
from app.rules.access import AUDITOR, Person, Resource, within
from app.services import access, cases, children, commands, practice, releases
from app.services._work import Actor
from app.services.audit import register
from app.services.history import _population
from app.services.history._telling import names_of
from app.services.history.population_views import SampledCase, SampleLine, SampleView
from app.text import Text

log = logging.getLogger(__name__)
CASE, INSTANCE, SAMPLE = table(Case), table(Instance), table(AuditSample)
MOST, LONGEST_SEED, SHOWN = 200, 64, 50
"""Cases in a sample; characters of a seed; samples in the list."""
HOW_MANY = Text(f"请填 1 到 {MOST} 之间的整数。", f"Give a whole number from 1 to {MOST}.")
TOO_LONG = Text(f"种子最多 {LONGEST_SEED} 个字。", f"A seed has at most {LONGEST_SEED} characters.")
NO_CASES = Text("这个范围里没有个案可抽。", "There are no cases to draw from.")


def order(seed: str, case_ids: Iterable[int]) -> list[int]:
    """Case ids in the order in which `seed` draws them."""
    return sorted(case_ids, key=lambda case_id: hashlib.sha256(f"{seed}:{case_id}".encode()).hexdigest())


def draw(person: Person, size: str, process: str = "", seed: str = "", lang: str = "zh") -> int:
    """Draw cases and keep the sample; without `seed` the system makes one. Returns its id. Raises Invalid, Forbidden."""
    session, now, seed = db.session(), practice.now(), seed.strip()
    access.require(session, person, "see", Resource("log"))
    count = int(size) if size.isascii() and size.isdigit() else 0
    if not 1 <= count <= MOST:
        raise _invalid("size", HOW_MANY, lang)
    if len(seed) > LONGEST_SEED:
        raise _invalid("seed", TOO_LONG, lang)
    if process:
        releases.current_library().definition(process)
    paths = sorted(access.policy(session).scope(person).audited)
    frame = _frame(session, person, paths, process, now)
    if not frame:
        raise _invalid("size", NO_CASES, lang)
    seed = seed or secrets.token_hex(8)
    values = {"user_id": person.id, "drawn_at": now, "seed": seed, "process": process, "paths": paths,
              "frame": len(frame), "case_ids": order(seed, frame)[:count]}  # fmt: skip
    with commands.work_on(Actor(person.id, AUDITOR)) as work:
        sample_id: int = work.session.scalars(insert(SAMPLE).values(values).returning(SAMPLE.c.id)).one()
        told = {name: values[name] for name in ("process", "paths", "frame", "case_ids")}
        register.enter(work, "sampled", {"sample": sample_id, "seed_sha256": _digest(seed), **told})
    log.info("sample drawn", extra={"sample": sample_id, "user": person.id, "frame": len(frame)})
    return sample_id


def _digest(seed: str) -> str:
    """What the record says of a seed, which somebody typed: its hash."""
    return hashlib.sha256(seed.encode()).hexdigest()


def _invalid(field: str, text: Text, lang: str) -> Invalid:
    return Invalid("sample", text, {field: text.say(lang)})


def _frame(session: Session, person: Person, paths: Iterable[str], process: str, until: datetime) -> list[int]:
    """Ids of the cases that a sample is drawn from: those of which this person may know."""
    places = [CASE.c.path.startswith(path, autoescape=True) for path in paths]
    where: list[Any] = [or_(false(), *places), CASE.c.opened_at <= until, access.seen_cases(session, person)]
    if process:
        ran = select(INSTANCE.c.case_id).where(INSTANCE.c.process == process, INSTANCE.c.started_at <= until)
        where.append(CASE.c.id.in_(ran))
    return list(session.scalars(select(CASE.c.id).where(and_(*where))))


def index(person: Person) -> tuple[SampleLine, ...]:
    """The samples drawn in the regions that this person audits, newest first. Raises Forbidden."""
    session = db.session()
    access.require(session, person, "see", Resource("log"))
    rows = session.execute(select(SAMPLE).order_by(SAMPLE.c.id.desc())).mappings()
    found = [row for row in rows if _audits(session, person, row)][:SHOWN]
    names = names_of(session, [row["user_id"] for row in found])
    return tuple(_line(row, names[row["user_id"]]) for row in found)


def show(person: Person, sample_id: int, lang: str = "zh") -> SampleView:
    """A sample with its cases, and whether its seed draws the same again. Raises NotFound, Forbidden."""
    session = db.session()
    access.require(session, person, "see", Resource("log"))
    row = session.execute(select(SAMPLE).where(SAMPLE.c.id == sample_id)).mappings().first()
    if row is None or not _audits(session, person, row):
        raise NotFound("no_sample", access.NOTHING_HERE)
    drawn: list[int] = row["case_ids"]
    frame = _frame(session, person, row["paths"], row["process"], row["drawn_at"])
    seen = _population.audited(session, person)
    rows = session.execute(select(CASE).where(CASE.c.id.in_(drawn), seen)).mappings()
    by_id = {one["id"]: one for one in rows}
    return SampleView(
        _line(row, names_of(session, [row["user_id"]])[row["user_id"]]),
        tuple(_case(session, by_id[case_id], lang) for case_id in drawn if case_id in by_id),
        again=len(frame) == row["frame"] and order(row["seed"], frame)[: len(drawn)] == drawn,
    )


def _audits(session: Session, person: Person, row: Row) -> bool:
    """Whether the person audits every region that the sample was drawn from."""
    audited = access.policy(session).scope(person).audited
    return all(any(within(path, mine) for mine in audited) for path in row["paths"])


def _line(row: Row, by: str) -> SampleLine:
    process = releases.current_library().process_name(row["process"]) if row["process"] else None
    return SampleLine(row["id"], row["drawn_at"], by, row["seed"], process, len(row["case_ids"]), row["frame"])


def _case(session: Session, row: Row, lang: str) -> SampledCase:
    number, place = cases.number(row["id"], row["opened_at"]), children.place_name(session, row["path"], lang)
    return SampledCase(row["id"], number, row["kind"], place, row["opened_at"])
