"""Which unit a role's work goes to: the body of the right kind at, or above, the child's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, bindparam, select

from app.db import Read, table
from app.errors import NotFound
from app.models import Unit
from app.text import Text

LEVELS = ("province", "city", "county", "township", "village")
"""How many codes a unit's path holds, from the province down."""
UNIT = table(Unit)
AT_PLACES = Read(
    select(UNIT.c.id, UNIT.c.path, UNIT.c.sector)
    .where(UNIT.c.path.in_([bindparam(level) for level in LEVELS]))
    .order_by(UNIT.c.path.desc(), UNIT.c.sector.desc(), UNIT.c.id.desc())  # as the index lies
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


def _nearest(sectors: Sequence[str], levels: Sequence[str], units: Mapping[tuple[str, str], int]) -> int | None:
    anything = sectors == ["all"]
    for level in levels:
        for sector in sectors:
            if (level, sector) in units:
                return units[level, sector]
        if anything:
            return min((unit for (path, _), unit in units.items() if path == level), default=None)
    return None
