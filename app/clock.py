"""The one place that reads a clock.

Instants are aware UTC; law is reckoned in Asia/Shanghai. In demo mode a practice offset
is added (services.practice keeps it), so that schedulers and pages see the same moved time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

LAW_ZONE = ZoneInfo("Asia/Shanghai")


def real_now() -> datetime:
    """The machine's own time, aware UTC: for sessions, locks and log lines, never for law."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


_source: Callable[[], datetime] = real_now


def now(offset: timedelta = timedelta(0)) -> datetime:
    """The time at which things happen, aware UTC; `offset` is the practice clock's."""
    return _source() + offset


@contextmanager
def fixed(instant: datetime) -> Iterator[Callable[[datetime], None]]:
    """Hold the clock at `instant` (tests); yields a function that moves it."""
    global _source  # noqa: PLW0603 - process-wide by intent: threads of a test must agree
    before, held = _source, [instant]

    def move(to: datetime) -> None:
        held[0] = to

    _source = lambda: held[0]  # noqa: E731
    try:
        yield move
    finally:
        _source = before
