"""The forms in forms/: inside the subset, in both languages, and asking only what may be asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.rules.expressions import names, to_feel
from app.rules.forms import Form
from app.rules.forms_layout import Field, questions, types_of
from app.rules.forms_reading import read

ROOT = Path(__file__).parents[2]
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "forms").glob("*.json"))}
OPTION_LISTS = {"candidates", "case_persons", "cases", "colleagues", "guardians", "providers", "receivers",
                "receiving_villages", "units", "villages"}  # fmt: skip
SEALED = ("child_words", "reporter_name", "reporter_phone", "reporter_unit", "suspected", "place_name")
LONG = {"report-public": 11, "F01": 14, "F20": 13, "F30": 14}
"""Forms that the law or the field wants longer than ten questions."""


def fields(form_id: str) -> tuple[Field, ...]:
    return read(FILES[form_id])[0].fields


def asked(form_id: str) -> Iterator[Field]:
    for field in questions(fields(form_id)):
        yield field
        yield from field.fields


def components(parts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield part
        yield from components(part.get("components", []))


def test_every_form_of_the_plan_is_here() -> None:
    assert len(FILES) == 170
    assert {"F01", "F32", "F60", "F61", "report-public"} <= set(FILES)


@pytest.mark.parametrize("form_id", FILES)
def test_form_is_inside_the_subset_in_both_languages(form_id: str) -> None:
    layout, problems = read(FILES[form_id])
    assert problems == ()
    assert layout.id == form_id
    assert Form.parse(FILES[form_id]).fields


@pytest.mark.parametrize("form_id", FILES)
def test_ids_are_unique(form_id: str) -> None:
    ids = [part["id"] for part in components(FILES[form_id]["components"])]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("form_id", FILES)
def test_questions_are_short_enough_to_be_answered(form_id: str) -> None:
    count = sum(1 for _ in questions(fields(form_id)))
    assert count <= LONG.get(form_id, 10)
    for field in asked(form_id):
        assert len(field.label.zh) <= 24, field.label
        assert len(field.label.en) <= 60, field.label
        assert field.label.zh != field.label.en


@pytest.mark.parametrize("form_id", FILES)
def test_conditions_read_earlier_questions_and_hide_alike_in_the_preview(form_id: str) -> None:
    parts = list(components(FILES[form_id]["components"]))
    earlier: set[str] = set()
    for part in parts:
        source = part["properties"].get("visible_if")
        hide = part.get("conditional", {}).get("hide")
        assert hide == (f"=not({to_feel(source)})" if source else None), part["key"]
        assert names(source) <= earlier if source else True, part["key"]
        earlier.add(part["key"])


@pytest.mark.parametrize("form_id", FILES)
def test_options_come_from_known_lists(form_id: str) -> None:
    for field in asked(form_id):
        assert not field.options_from or field.options_from in OPTION_LISTS, field.name


@pytest.mark.parametrize("form_id", FILES)
def test_persons_and_narratives_are_sealed(form_id: str) -> None:
    for field in asked(form_id):
        if field.name in SEALED:
            assert field.sensitivity == "S3", field.name
        if field.kind == "filepicker":
            assert field.sensitivity in ("S1", "S2", "S3"), field.name
        if field.options_from in ("case_persons", "guardians", "candidates"):
            assert field.sensitivity in ("S2", "S3"), field.name


@pytest.mark.parametrize("form_id", FILES)
def test_flags_are_computed_from_the_forms_own_questions(form_id: str) -> None:
    layout, _ = read(FILES[form_id])
    for flag in layout.derived:
        assert names(flag.rule) <= set(types_of(layout.fields)), flag.name


@pytest.mark.parametrize("form_id", FILES)
def test_words_follow_the_house(form_id: str) -> None:
    """Chinese punctuation in Chinese; no 'invalid', no 'failed' (UI §5)."""
    for field in asked(form_id):
        for text in (field.label.zh, field.hint.zh, *(option.label.zh for option in field.options)):
            assert not set("(),;?") & set(text), text
            assert not any(word in text for word in ("非法", "失败", "无效输入")), text


def test_a_visit_takes_seven_answers() -> None:
    assert [field.name for field in questions(fields("F32"))] == [
        "visited_at", "seen", "concerns", "child_words", "parent_contact", "finding", "files",
    ]  # fmt: skip


def test_the_public_report_speaks_of_the_same_things_as_the_registered_one() -> None:
    """What the public calls a situation is one of F01's, so that intake can take it over as it is."""
    public = {field.name: field for field in asked("report-public")}
    inside = {field.name: field for field in asked("F01")}
    shared = {"reported_situations", "safe_adult_now", "facts", "place", "reporter_name", "reporter_phone"}
    for name in shared:
        assert public[name].sensitivity == inside[name].sensitivity, name
        here = {option.value for option in public[name].options}
        assert here <= {option.value for option in inside[name].options}, name


@pytest.mark.parametrize(
    ("answers", "danger"),
    [
        ({"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}, False),
        ({"safe_adult_now": "unknown", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}, True),
        ({"safe_adult_now": "no", "injured_now": "no", "suspect_present": "no", "life_threat": "no"}, True),
        ({"safe_adult_now": "yes", "injured_now": "no", "suspect_present": "no", "life_threat": "unknown"}, True),
    ],
)
def test_not_known_counts_as_danger(answers: dict[str, str], danger: bool) -> None:
    assert Form.parse(FILES["F02"]).derived(answers)["danger_now"] is danger


def test_a_carer_is_settled_only_by_a_person_who_can_judge() -> None:
    carer = {field.name: field for field in asked("F12")}
    assert [option.value for option in carer["carer_ok"].options] == ["yes", "no", "unsure"]
    assert carer["bans"].required
    assert carer["bans"].options[-1].value == "none"
