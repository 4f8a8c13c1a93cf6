"""Fixtures: a petition about to be filed, on both databases; what is reached here is nobody's coverage."""

from __future__ import annotations

import pytest

from tests.papers.petition import Petition
from tests.process.worlds import either_world, postgres_county, postgres_world, sqlite_county, world
from tests.world import World

__all__ = ["either_world", "petition", "postgres_county", "postgres_world", "sqlite_county", "world"]


@pytest.fixture
def petition(either_world: World) -> Petition:
    """A petition about to be filed."""
    return Petition(either_world)
