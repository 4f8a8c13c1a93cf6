"""Deadlines: what falls due, or is past, in the cases within the caller's reach."""

from __future__ import annotations

from typing import Any

from app.api import caller
from app.api.blueprints import Blueprint
from app.api.schemas import deadlines as schemas
from app.services import agenda

deadlines = Blueprint("deadlines", "Legal dates that are still to come or past.")


@deadlines.operation("GET", "listDeadlines", query=schemas.DeadlineQuery, gives=schemas.DeadlineList, refuses=(422,))
def index(asked: dict[str, Any]) -> agenda.Agenda:
    """Deadlines, the earliest first."""
    return agenda.page(caller.me(), asked["when"], asked["after"])
