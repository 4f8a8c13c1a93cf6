"""Filters of the inbox, and of oversight, that a person keeps under a name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.db import changed, table, transaction
from app.errors import NotFound, Refused
from app.models import SavedFilter
from app.rules.access import Person
from app.services import access
from app.services.views import InboxFilter
from app.text import Text

FILTER = table(SavedFilter)
OVERSIGHT = "oversight"
"""The view of filters that narrow the oversight page."""
MOST_FILTERS = 20
NO_NAME = Text("给这个筛选起个名字，40 个字以内。", "Give the filter a name of at most 40 characters.")
ENOUGH_FILTERS = Text("最多存 20 个筛选，请先删掉不用的。", "At most 20 filters can be kept; delete one first.")


def save(person: Person, name: str, view: str, asked: InboxFilter) -> None:
    """Keep a filter under a name; the same name replaces it. What was searched for is not kept: it may be a child's name.

    Raises Refused for no name, a long one, or too many.
    """
    name = name.strip()
    if not 0 < len(name) <= 40:
        raise Refused("filter_name", NO_NAME)
    values = {"view": view, "asked": {key: value for key, value in asdict(asked).items() if value and key != "search"}}
    with transaction() as session:
        mine = FILTER.c.user_id == person.id
        if changed(session, update(FILTER).where(mine, FILTER.c.name == name).values(values)):
            return
        if len(session.execute(select(FILTER.c.id).where(mine)).all()) >= MOST_FILTERS:
            raise Refused("many_filters", ENOUGH_FILTERS)
        session.execute(insert(FILTER).values(user_id=person.id, name=name, **values))


def drop(person: Person, filter_id: int) -> None:
    """Forget a kept filter. Raises NotFound when it is not this person's."""
    with transaction() as session:
        if not changed(session, delete(FILTER).where(FILTER.c.id == filter_id, FILTER.c.user_id == person.id)):
            raise NotFound("no_filter", access.NOTHING_HERE)


def of(session: Session, person: Person, views: Collection[str]) -> list[tuple[int, str, str, dict[str, str]]]:
    """The person's kept filters of some views: id, name, view, what they ask for."""
    query = select(FILTER.c.id, FILTER.c.name, FILTER.c.view, FILTER.c.asked).where(FILTER.c.user_id == person.id)
    return [tuple(row) for row in session.execute(query.where(FILTER.c.view.in_(views)).order_by(FILTER.c.name))]
