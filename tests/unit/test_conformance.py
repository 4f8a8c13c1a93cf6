"""The auditor's measure: every way in which a duty can come out, at its edges, and that nothing is counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.conformance import DEFINITION, FINDINGS, SAID, Closing, Duty, Finding, judge

NINE = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
DUE = NINE + DAY


@pytest.mark.parametrize(
    ("how", "closed", "due", "now", "finding"),
    [
        ("done", DUE, DUE, DUE + DAY, "in_time"),
        ("done", DUE + TICK, DUE, DUE + DAY, "late"),
        ("done", DUE + DAY, None, DUE + DAY, "in_time"),
        ("", None, DUE, DUE - TICK, "open"),
        ("", None, DUE, DUE, "missed"),
        ("", None, None, DUE + 99 * DAY, "open"),
        ("cancelled", DUE - TICK, DUE, DUE + DAY, "withdrawn"),
        ("cancelled", DUE, DUE, DUE + DAY, "missed"),
        ("cancelled", DUE, None, DUE + DAY, "withdrawn"),
        ("done", NINE - DAY, DUE, DUE, "in_time"),
    ],
)
def test_what_became_of_it(
    how: Closing, closed: datetime | None, due: datetime | None, now: datetime, finding: Finding
) -> None:
    assert judge(Duty(NINE, due, how, closed), now) == finding


INSTANTS = st.integers(0, 10_000).map(lambda minutes: NINE + timedelta(minutes=minutes))


@given(INSTANTS, st.none() | INSTANTS, st.sampled_from(get_args(Closing)), INSTANTS, st.integers(0, 10_000))
def test_time_only_turns_open_into_missed(
    opened: datetime, due: datetime | None, how: Closing, closed: datetime, later: int
) -> None:
    """What is closed never changes again; what is open can only be missed, never come back."""
    duty = Duty(opened, due, how, closed if how else None)
    now = max(opened, closed)
    first, then = judge(duty, now), judge(duty, now + timedelta(minutes=later))
    assert (first, then) in {
        ("open", "open"),
        ("open", "missed"),
        ("missed", "missed"),
        *((each, each) for each in FINDINGS),
    }
    assert how == "" or first == then
    assert duty.waited(now) >= 0


def test_every_finding_is_named_and_defined() -> None:
    assert set(FINDINGS) == set(get_args(Finding)) == set(SAID)
    whole = [" ".join(getattr(part, lang) for part in DEFINITION).lower() for lang in ("zh", "en")]
    for text in SAID.values():
        assert text.zh in whole[0]
        assert text.en.lower() in whole[1]
