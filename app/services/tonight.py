"""Where every child is tonight: the children of open cases whose work a supervisor answers for, unconfirmed first.

Nobody asks each family every evening, so this says what the record knows: a placement, somebody who looks
after the child, or nothing that anybody has seen with their own eyes for a month. Source: USERS (supervisor).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.db import Row, db, table
from app.models import Case, Child, Instance, Placement
from app.rules.access import Person
from app.services import access, children, practice
from app.services._closing import CLOSED
from app.services.cases import PLACES
from app.services.views import Tonight, TonightRow, Whereabouts
from app.text import Text

CASE, CHILD, INSTANCE, PLACEMENT = (table(model) for model in (Case, Child, Instance, Placement))
SEARCH = "missing-child-search"
STALE = timedelta(days=30)
"""Not seen for so long, a child's whereabouts are not confirmed. Our choice: plan and law name no such span."""
MOST = 500
WORDS: Mapping[Whereabouts, Text] = {
    "missing": Text("走失，正在找", "Missing; being searched for"),
    "alone": Text("现在没有大人照看", "Nobody looks after the child now"),
    "unseen": Text("三十天没有人见到孩子", "Nobody has seen the child for thirty days"),
    "home": Text("在家，有人照看", "At home, looked after"),
}
NEVER_SEEN = Text("没有人见到孩子的记录", "No record that anyone saw the child")
ORDER: tuple[Whereabouts, ...] = ("missing", "alone", "unseen", "placed", "home")


def page(person: Person, lang: str = "zh") -> Tonight:
    """The children this person answers for, those first of whom nobody knows."""
    session, now = db.session(), practice.now()
    rows = list(session.execute(_query(session, person)).mappings())
    places = children.place_names(session, {row["path"] for row in rows}, lang)
    found = [_row(row, places, now) for row in rows[:MOST]]
    found.sort(key=lambda row: (ORDER.index(row.where), row.seen_at or datetime.min.replace(tzinfo=now.tzinfo)))
    return Tonight(tuple(found), more=len(rows) > MOST, as_of=now)


def _query(session: Session, person: Person) -> Any:
    each = PLACEMENT.alias("each")
    latest = select(each.c.id).where(each.c.case_id == CASE.c.id).order_by(each.c.handed_at.desc()).limit(1)
    last = latest.correlate(CASE).scalar_subquery()
    searching = exists().where(
        INSTANCE.c.case_id == CASE.c.id, INSTANCE.c.process == SEARCH, INSTANCE.c.status == "running"
    )
    return (
        select(
            CASE.c.id.label("case_id"), CASE.c.path, CASE.c.risk, CASE.c.facts, CASE.c.wrapped_key, CASE.c.opened_at,
            CHILD.c.secret.label("child_secret"), PLACEMENT.c.kind.label("placed"), PLACEMENT.c.handed_at,
            searching.label("missing"),
        )
        .join(CHILD, CHILD.c.case_id == CASE.c.id)
        .outerjoin(PLACEMENT, PLACEMENT.c.id == last)
        .where(CASE.c.kind == "child", CASE.c.status != CLOSED, CASE.c.wrapped_key.is_not(None))
        .where(access.supervised_cases(session, person))
        .order_by(CASE.c.id)
        .limit(MOST + 1)
    )  # fmt: skip


def _row(row: Row, places: Mapping[str, str], now: datetime) -> TonightRow:
    line = children.line({**row, "place": places.get(row["path"], "")}, now)
    assert line is not None, "only children's cases are asked for"
    where = _where(row, line.last_seen_at, now)
    said = PLACES.get(row["placed"], WORDS["home"]) if where == "placed" else WORDS[where]
    if where == "unseen" and line.last_seen_at is None:
        said = NEVER_SEEN
    return TonightRow(line, where, said, line.last_seen_at)


def _where(row: Row, seen: datetime | None, now: datetime) -> Whereabouts:
    if row["missing"]:
        return "missing"
    if _placed(row):
        return "placed"
    if row["facts"].get("unattended_now") is True:
        return "alone"
    return "home" if seen is not None and now - seen <= STALE else "unseen"


def _placed(row: Row) -> bool:
    """Whether the last placement still lasts."""
    ended = row["facts"].get("care_ended_at")
    return row["placed"] is not None and not (ended and datetime.fromisoformat(ended) > row["handed_at"])
