"""A child in one line, opened from what is sealed; and the people around the child."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from app.clock import LAW_ZONE
from app.db import Row, table
from app.models import Case, Guardian, Report, Unit
from app.rules.facts import child_seen_at, presumed_risk
from app.services import _registers, _seal
from app.services.views import ChildLine, Relative, Risk
from app.text import Text

GUARDIAN, UNIT, CASE, REPORT = table(Guardian), table(Unit), table(Case), table(Report)
RECEIPT = re.compile(r"[0-9]{6}-[0-9]{6}")
"""A report's number, as a reporter is given it."""
MOST_DIGITS = 19
"""So that a number fits the database's."""
GOVERNING = ("village", "township_government", "county_government", "city_government")
"""The bodies whose name is the name of their place."""
KINDS = {
    "father": Text("父亲", "Father"),
    "mother": Text("母亲", "Mother"),
    "grandparent": Text("祖父母", "Grandparent"),
    "carer": Text("照护人", "Carer"),
    "new": Text("指定监护人", "Appointed guardian"),
}
NO_NAME = Text("姓名未登记", "name not recorded")


def told_of(row: Row) -> dict[str, Any]:
    """What is recorded of a child; `row` holds the case's id and key and the child's sealed part."""
    key = _seal.open_key(row["wrapped_key"])
    opened: dict[str, Any] = key.open(row["child_secret"], _registers.secret_place("child", row["case_id"]))
    return opened


def reported_as(search: str) -> Any:
    """True for the case of the report whose reporter was given this number, and for none when it is no such number."""
    if not RECEIPT.fullmatch(search.strip()):
        return false()
    return CASE.c.id.in_(select(REPORT.c.case_id).where(REPORT.c.number == search.strip()))


def case_number(case_id: int, opened_at: datetime) -> str:
    """A case's number as people write it: 2026-00417."""
    return f"{opened_at.astimezone(LAW_ZONE).year}-{case_id:05d}"


def case_id_in(text: str) -> int | None:
    """The id in a case's number as people write it (2026-00417, or 417 alone); None when `text` is no such number."""
    digits = text.strip().rpartition("-")[2].lstrip("0")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < MOST_DIGITS else None


def line(row: Row, now: datetime) -> ChildLine | None:
    """The child in one line, or None when the case is not a child's."""
    if row["child_secret"] is None:
        return None
    if row["wrapped_key"] is None:
        return ChildLine(row["case_id"], "", "", None, row["risk"], row["place"] or "", erased=True)
    told = told_of(row)
    return ChildLine(
        case_id=row["case_id"],
        name=str(told.get("name") or ""),
        sex=str(told.get("sex") or ""),
        age=age(str(told.get("age_or_dob") or ""), now),
        risk=cast(Risk, row["risk"] or presumed_risk(row["facts"]) or ""),
        place=row["place"] or "",
        last_seen_at=child_seen_at(row["facts"]),
    )


def veiled(line: ChildLine | None) -> ChildLine | None:
    """The line without what tells who the child is, for those who must say first why they look."""
    return replace(line, name="", sex="", age=None) if line else None


def born_on(told: str) -> date | None:
    """The date of birth that somebody wrote down; None where it is an age, or nothing."""
    try:
        return date.fromisoformat(told)
    except ValueError:
        return None


def age(told: str, now: datetime) -> int | None:
    """Years, from an age or a date of birth as somebody wrote it; None when it says neither."""
    born = born_on(told)
    if born is None:
        found = re.match(r"\d{1,2}", told)
        return int(found.group()) if found else None
    today = now.astimezone(LAW_ZONE).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def guardians(session: Session, case_id: int, wrapped_key: bytes | None) -> list[tuple[int, str, dict[str, Any]]]:
    """Guardians and carers of a case: id, kind, what is recorded of them (nothing, once it was lawfully erased)."""
    key = _seal.open_key(wrapped_key) if wrapped_key is not None else None
    rows = session.execute(select(GUARDIAN).where(GUARDIAN.c.case_id == case_id).order_by(GUARDIAN.c.id)).mappings()
    place = _registers.secret_place
    return [
        (row["id"], row["kind"], key.open(row["secret"], place("guardian", case_id, row["kind"])) if key else {})
        for row in rows
    ]


def kind_name(kind: str) -> str:
    """What a kind of guardian is called in Chinese papers; a carer's kind as it was written down."""
    return KINDS.get(kind, Text(kind, kind)).zh


def guardian_label(kind: str, told: Mapping[str, Any], lang: str) -> str:
    """A guardian as a list shows one: “父亲 林强”."""
    said = KINDS.get(kind, Text(kind, kind)).say(lang)
    return f"{said} {told.get('name') or NO_NAME.say(lang)}"


def family(session: Session, case_id: int, wrapped_key: bytes | None, lang: str) -> tuple[Relative, ...]:
    """The people around a child, as the case page lists them; nobody, once they were lawfully erased."""
    if wrapped_key is None:
        return ()
    return tuple(
        Relative(
            KINDS.get(kind, Text(kind, kind)), str(told.get("name") or NO_NAME.say(lang)), str(told.get("note") or "")
        )
        for _, kind, told in guardians(session, case_id, wrapped_key)
    )


def place_names(session: Session, paths: Iterable[str], lang: str) -> dict[str, str]:
    """The names of the places at these paths, by path: those of the bodies that govern them."""
    query = select(UNIT.c.path, UNIT.c.name_zh, UNIT.c.name_en).where(
        UNIT.c.path.in_(paths), UNIT.c.sector.in_(GOVERNING)
    )
    return {path: Text(zh, en).say(lang) for path, zh, en in session.execute(query)}


def place_name(session: Session, path: str, lang: str) -> str:
    """The smallest unit at `path`, by name."""
    row = session.execute(
        select(Unit.name_zh, Unit.name_en).where(Unit.path == path).order_by(Unit.id).limit(1)
    ).first()
    return Text(row.name_zh, row.name_en).say(lang) if row else ""
