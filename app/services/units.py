"""Which unit a role's work goes to: the body of the right kind at, or above, the child's place."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select
from sqlalchemy.orm import Session

from app.db import Read, table, transaction
from app.errors import Invalid, NotFound
from app.models import Post, Unit
from app.text import Text

LEVELS = ("province", "city", "county", "township", "village")
"""How many codes a unit's path holds, from the province down."""
UNIT, POST = table(Unit), table(Post)
AT_PLACES = Read(
    select(UNIT.c.id, UNIT.c.path, UNIT.c.sector)
    .where(UNIT.c.path.in_([bindparam(level) for level in LEVELS]))
    .order_by(UNIT.c.path.desc(), UNIT.c.sector.desc(), UNIT.c.id.desc())  # as the index lies
)
GOVERNS = {"county_government": "county", "township_government": "township", "village": "village"}
"""Sectors that govern a region, and at which level."""
SECTORS = {
    "village": Text("村（居）委会", "Village committee"),
    "township_government": Text("乡镇政府、街道", "Township government"),
    "county_government": Text("县区政府", "County government"),
    "city_government": Text("市政府", "City government"),
    "civil_affairs": Text("民政", "Civil affairs"),
    "police": Text("公安", "Police"),
    "education": Text("教育、学校", "Education, schools"),
    "health": Text("卫生、医院", "Health, hospitals"),
    "justice": Text("司法行政、法律援助", "Justice, legal aid"),
    "relief_institution": Text("救助管理机构", "Relief institution"),
    "welfare_institution": Text("儿童福利机构", "Welfare institution"),
    "womens_federation": Text("妇联", "Women’s federation"),
    "social_work": Text("社会工作机构", "Social work organisation"),
    "social_organisation": Text("社会组织", "Social organisation"),
    "volunteer": Text("志愿者组织", "Volunteers"),
    "care_committee": Text("关工委", "Committee for the next generation"),
    "governance": Text("综治", "Comprehensive governance"),
    "audit": Text("审计", "Audit"),
}
"""What a kind of body is called."""
OUTSIDE = frozenset(("social_work", "social_organisation", "volunteer", "care_committee"))
"""Sectors of bodies outside government; they serve a county."""
CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{1,39}")
TAKEN = Text("已经有单位用这个代码。", "A unit has this code already.")
BAD_CODE = Text(
    "用行政区划代码，后面可加横线和部门，如 620702101-police。",
    "The region’s code, perhaps with a dash and the sector, such as 620702101-police.",
)
NO_NAME = Text("中文名和英文名都要写。", "Both names are needed.")
NO_ABOVE = Text("没有这个上级单位，请从列表里选。", "There is no such unit above; choose one from the list.")
NO_SECTOR = Text("没有这种单位，请从列表里选。", "There is no such kind of unit; choose one from the list.")
NOT_BELOW = Text(
    "这种单位不直接在那个上级下面：县在市下，乡镇在县下，村在乡镇下。",
    "That kind does not stand right below: counties below the city, townships below a county, villages below a township.",
)
STANDING_IN = ("civil_affairs", "township_government", "county_government", "city_government")
"""Who has a duty where its own kind of body is nowhere above: a report that names no village still goes to somebody."""


def ancestors(path: str) -> list[str]:
    """The place and everything above it, nearest first: "/a/b/c/" → /a/b/c/, /a/b/, /a/."""
    codes = path.strip("/").split("/")
    return ["/" + "/".join(codes[:end]) + "/" for end in range(len(codes), 0, -1)]


def depth(level: str) -> int:
    """How many codes the path of a unit at `level` has; outside bodies are counted with the county."""
    return LEVELS.index(level) + 1 if level in LEVELS else LEVELS.index("county") + 1


def holds(role: Mapping[str, Any], unit: Mapping[str, Any]) -> bool:
    """Whether somebody in `unit` may hold `role`: a body of its kind, at its level or, for lack of one there, above."""
    if role["sectors"] == ["all"]:
        return True
    if unit["sector"] in role["sectors"]:
        return depth(unit["level"]) <= depth(role["level"])
    return unit["sector"] in STANDING_IN and depth(unit["level"]) < depth(role["level"])


def resolve(connection: Connection, role: Mapping[str, Any], path: str) -> int:
    """The id of the unit that does `role`'s work for a child at `path`.

    The unit of one of the role's sectors (in their order) at the role's level; if the place
    has none, the next level up has the duty, in the end civil affairs or the government. Raises NotFound.
    """
    levels = [place for place in ancestors(path) if len(place.strip("/").split("/")) <= depth(role["level"])]
    rows = AT_PLACES.all(connection, dict(zip_longest(LEVELS, levels)))
    bodies = {(place, sector): unit_id for unit_id, place, sector in rows}
    found = _nearest(role["sectors"], levels, bodies)
    if found is None and role["level"] in LEVELS:
        found = _nearest(STANDING_IN, levels, bodies)
    if found is None:
        raise NotFound(
            "no_unit",
            Text(f"这个地方没有承担“{role['name_zh']}”的单位。请管理员补上。",
                 f"No unit here does the work of “{role['name_en']}”. Ask the administrator to add one."),
            role=role["id"], path=path,
        )  # fmt: skip
    return found


# --- the list, and a new one ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """A unit as the administrator's list shows it; `people` counts the posts held in it."""

    code: str
    name: Text
    level: str
    sector: str
    path: str
    people: int


def index(session: Session, search: str = "", most: int = 200) -> tuple[Listed, ...]:
    """Units in the order of their region, those above first; `search`: part of a name or the beginning of a code."""
    held = select(func.count()).where(POST.c.unit_id == UNIT.c.id).scalar_subquery()
    wanted = UNIT.c.name_zh.contains(search, autoescape=True) | UNIT.c.code.startswith(search, autoescape=True)
    wanted |= func.lower(UNIT.c.name_en).contains(search.lower(), autoescape=True)
    query = select(UNIT, held.label("people")).where(wanted).order_by(UNIT.c.path, UNIT.c.code).limit(most)
    return tuple(
        Listed(row.code, Text(row.name_zh, row.name_en), row.level, row.sector, row.path, row.people)
        for row in session.execute(query)
    )


def add(typed: Mapping[str, str], sectors: Collection[str], lang: str) -> int:
    """Add a unit below another; returns its id. Raises Invalid with a message for each field.

    What governs a region has a path of its own; any other body serves the region of the one above it.
    """
    code, zh, en = (typed.get(name, "").strip() for name in ("code", "name_zh", "name_en"))
    with transaction() as session:
        above = session.execute(select(UNIT).where(UNIT.c.code == typed.get("above", ""))).mappings().first()
        sector = typed.get("sector", "")
        governs = GOVERNS.get(sector)
        level = governs or (above["level"] if above else "")
        wrong = {
            "code": TAKEN if session.scalar(select(UNIT.c.id).where(UNIT.c.code == code)) else None if CODE.fullmatch(code) else BAD_CODE,
            "name_zh": None if 0 < len(zh) <= 80 else NO_NAME,
            "name_en": None if 0 < len(en) <= 120 else NO_NAME,
            "above": None if above else NO_ABOVE,
            "sector": None if sector in sectors else NO_SECTOR,
        }  # fmt: skip
        if above and governs and depth(level) != depth(above["level"]) + 1:
            wrong["sector"] = NOT_BELOW
        found = {name: text for name, text in wrong.items() if text}
        if found or above is None:
            raise Invalid("unit", next(iter(found.values())), {name: text.say(lang) for name, text in found.items()})
        values = {
            "code": code, "parent_id": above["id"], "path": f"{above['path']}{code}/" if governs else above["path"],
            "level": "external" if sector in OUTSIDE else level, "sector": sector, "name_zh": zh, "name_en": en,
        }  # fmt: skip
        unit_id: int = session.execute(insert(UNIT).values(values).returning(UNIT.c.id)).scalar_one()
        return unit_id


def _nearest(sectors: Sequence[str], levels: Sequence[str], units: Mapping[tuple[str, str], int]) -> int | None:
    anything = sectors == ["all"]
    for level in levels:
        for sector in sectors:
            if (level, sector) in units:
                return units[level, sector]
        if anything:
            return min((unit for (path, _), unit in units.items() if path == level), default=None)
    return None
