"""Practice data: answers that every form accepts, places and people for every role, histories that are true."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import pytest

from app.demo.answers import plausible
from app.rules.forms import Form
from tests.conftest import ROOT

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
FORMS = [Form.parse(json.loads(path.read_bytes())) for path in sorted((ROOT / "forms").glob("*.json"))]
OFFERED = {
    source: (("1", "一"), ("2", "二"))
    for source in ("guardians", "case_persons", "units", "providers", "cases", "candidates", "colleagues")
} | {"villages": (("620702101201", "红柳滩村"),)}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)
def test_plausible_answers_fit_their_form(form: Form) -> None:
    for seed in range(12):
        raw = plausible(form, OFFERED, random.Random(seed), NOW)
        assert form.validate(raw, "zh", NOW, OFFERED).errors == {}, raw
        assert plausible(form, OFFERED, random.Random(seed), NOW) == raw


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.id)
def test_any_option_may_be_wanted(form: Form) -> None:
    """Whatever is decided, the questions that follow from it are answered too."""
    for name, field in form.questions.items():
        for option in field.options:
            wanted = {name: [option.value] if field.kind == "checklist" else option.value}
            raw = plausible(form, OFFERED, random.Random(1), NOW, wanted)
            checked = form.validate(raw, "zh", NOW, OFFERED)
            assert checked.errors == {}
            assert raw.get(name, wanted[name]) == wanted[name]


def test_what_a_form_does_not_ask_is_left_out() -> None:
    form = next(form for form in FORMS if form.id == "F04")
    raw = plausible(form, None, random.Random(1), NOW, {"intake_decision": "accept", "transfer_to": "x", "care": "y"})
    assert "transfer_to" not in raw
    assert "care" not in raw
    assert raw["intake_decision"] == "accept"
