"""Column types that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, TypeDecorator

Id = BigInteger().with_variant(Integer(), "sqlite")
"""Row ids: 64 bit everywhere (SQLite numbers rows by itself only for plain INTEGER)."""


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant must carry its time zone")
    return value.astimezone(UTC)


def _text(value: datetime | None) -> str | None:
    """As SQLite keeps it: without its zone."""
    return None if value is None else _utc(value).replace(tzinfo=None).isoformat(" ", "microseconds")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant; a naive one is refused, since nobody can say what it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """To UTC."""
        return None if value is None else _utc(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """SQLite's text is written here: the general way costs several times as much, a dozen times a step."""
        return _text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> datetime | None:
        """Always aware UTC."""
        if value is None:
            return None
        instant: datetime = value
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
