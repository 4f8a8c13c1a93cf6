"""Cases: those this person may see, and one in full."""

from __future__ import annotations

from typing import Any

from app.api import caller
from app.api.blueprints import Blueprint
from app.api.languages import lang
from app.api.schemas import cases as schemas
from app.services import cases as service
from app.services import views

cases = Blueprint("cases", "Children's cases and reports, as far as the caller may see them.")


@cases.operation("GET", "listCases", query=schemas.CaseQuery, gives=schemas.CaseList, refuses=(422,))
def index(asked: dict[str, Any]) -> dict[str, Any]:
    """Cases, newest first."""
    return _page("", asked["after"])


@cases.operation("POST /search", "findCases", body=schemas.CaseSearch, gives=schemas.CaseList)
def search(asked: dict[str, Any]) -> dict[str, Any]:
    """Cases of a child by whole name, or by number; in the body, so that no name stands in an address."""
    return _page(asked["find"].strip(), asked["after"])


def _page(find: str, after: int) -> dict[str, Any]:
    rows, total, following = service.index(caller.me(), find, after, lang())
    return {"cases": rows, "total": total, "after": following}


@cases.operation("GET /<int:case_id>", "getCase", gives=schemas.Case, refuses=(403, 404))
def show(case_id: int) -> views.CasePage:
    """One case: what is under way, its story, its diagrams, its clocks."""
    return service.page(caller.me(), case_id, lang())
