"""Scenario tests share worlds; the coverage test comes last."""

from tests.process.worlds import either_world, postgres_county, sqlite_county, world

__all__ = ["either_world", "postgres_county", "sqlite_county", "world"]
