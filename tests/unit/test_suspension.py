"""What may be suspended, and when not."""

from __future__ import annotations

from typing import Any

import pytest

from app.rules import suspension as rule

CALM: dict[str, Any] = {"facts": {}, "risk": "yellow", "running": ["legal-aid"], "asked": []}


@pytest.mark.parametrize(("given", "why"), [
    ({}, None),
    ({"facts": {"danger_now": True}}, None),
    ({"facts": {"danger_now": True}, "risk": ""}, rule.IN_DANGER),
    ({"facts": {"unattended_now": True}}, rule.IN_DANGER),
    ({"facts": {"unattended_now": False}}, None),
    ({"risk": "red"}, rule.RED),
    ({"running": ["legal-aid", "emergency-response"]}, rule.RESPONDING),
    ({"running": ["missing-child-search"]}, rule.RESPONDING),
    ({"asked": [("six-month-clock", "t4")]}, rule.CLOCK_ASKS),
    ({"asked": [("six-month-clock", "t1"), ("home-visit", "t4")]}, None),
])  # fmt: skip
def test_danger_forbids_it(given: dict[str, Any], why: Any) -> None:
    asked = {**CALM, **given}
    assert rule.forbids("legal-aid", asked["facts"], asked["risk"], asked["running"], asked["asked"]) == why


@pytest.mark.parametrize(
    "process", ["emergency-response", "home-visit", "six-month-clock", "overdue-escalation", "unknown"]
)
def test_a_childs_safety_never_waits(process: str) -> None:
    assert rule.forbids(process, {}, "green", [], []) == rule.NEVER
