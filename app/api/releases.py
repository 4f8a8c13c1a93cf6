"""Releases: the bundles of diagrams and forms that cases run under; anyone who signs in may read them."""

from __future__ import annotations

from typing import Any

from app.api.blueprints import Blueprint
from app.api.schemas import releases as schemas
from app.services import processes
from app.services import releases as service

releases = Blueprint("releases", "Bundles of diagrams and forms.")


@releases.operation("GET", "listReleases", gives=schemas.ReleaseList)
def index() -> dict[str, Any]:
    """Every release, newest first."""
    return {"releases": service.index()}


@releases.operation("GET /current", "getCurrentRelease", gives=schemas.Release, refuses=(404,))
def current() -> service.ReleaseRow:
    """The release that new cases start under."""
    return service.in_force()


@releases.operation("GET /current/processes", "listProcesses", gives=schemas.ProcessList, refuses=(404,))
def listing() -> dict[str, Any]:
    """Its processes, with how many instances of each run now."""
    return {"release_id": service.in_force().id, "processes": processes.index()}
