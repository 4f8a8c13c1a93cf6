"""Random walks happen in the same county as the scenarios."""

from tests.process.worlds import postgres_county, postgres_world, sqlite_county, world

__all__ = ["postgres_county", "postgres_world", "sqlite_county", "world"]
