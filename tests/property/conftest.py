"""Random walks happen in the same county as the scenarios."""

from tests.process.worlds import sqlite_county, world

__all__ = ["sqlite_county", "world"]
