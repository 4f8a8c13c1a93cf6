"""The release check: our own release passes, and every kind of slip is found by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.services import check, releases
from app.services.library import Library

FILES = releases.read_folder()
Edit = Callable[[dict[str, bytes]], None]


def test_our_release_has_nothing_to_mend() -> None:
    assert check.release(FILES) == []


def text(path: str, before: str, after: str) -> Edit:
    def edit(files: dict[str, bytes]) -> None:
        assert before in files[path].decode()
        files[path] = files[path].decode().replace(before, after).encode()

    return edit


def register(path: str, change: Callable[[Any], object]) -> Edit:
    def edit(files: dict[str, bytes]) -> None:
        content = json.loads(files[path])
        change(content)
        files[path] = json.dumps(content).encode()

    return edit


INTAKE, EMERGENCY = "bpmn/report-intake.bpmn", "bpmn/emergency-response.bpmn"
MESSAGES, DEADLINES, ROLES, F02 = "bpmn/messages.json", "bpmn/deadlines.json", "bpmn/roles.json", "forms/F02.json"
SLIPS: dict[str, tuple[Edit, str, str]] = {
    "a role that nobody has": (text(INTAKE, '"police_intake"', '"polis"'), INTAKE, "role.unknown"),
    "a form that is gone": (lambda files: files.pop(F02) and None, INTAKE, "form.unknown"),
    "a condition on an unknown name": (text(INTAKE, ">danger_now<", ">danger_nwo<"), INTAKE, "condition.unknown-name"),
    "an answer that the form does not offer": (text(INTAKE, "== \"accept\"", "== \"accepted\""), INTAKE, "condition.type"),
    "a deadline that is gone": (text(INTAKE, 'value="D02v"', 'value="D02x"'), INTAKE, "deadline.unknown"),
    "an operation that is not written": (text(INTAKE, "report.open_cases", "report.open"), INTAKE, "operation.unknown"),
    "a call to nothing": (text(EMERGENCY, 'calledElement="stop-harm"', 'calledElement="stop"'), EMERGENCY, "call.unknown"),
    "a diagram that is no XML": (lambda files: files.update({INTAKE: b"<bpmn"}), INTAKE, ""),
    "a form that is no JSON": (lambda files: files.update({F02: b"{"}), F02, "file.unreadable"),
    "a register that is missing": (lambda files: files.pop(ROLES) and None, ROLES, "file.missing"),
    "a question without a label": (register(F02, lambda form: form["components"][0].pop("label")), F02, "form.field"),
    "a form under another name": (register(F02, lambda form: form.update(id="F99")), F02, "form.name"),
    "options from nowhere": (
        register("forms/F25.json", lambda form: form["components"][0]["properties"].update(options_from="planets")),
        "forms/F25.json", "form.options-from",
    ),
    "a deadline with a bad period": (
        register(DEADLINES, lambda rules: rules["deadlines"][1]["rules"][0].update(value="P2X")),
        DEADLINES, "deadlines.refused",
    ),
    "escalation in a circle": (
        register(ROLES, lambda roles: roles[0].update(escalates_to=roles[0]["id"])), ROLES, "roles.refused",
    ),
    "a message that starts nothing": (
        register(MESSAGES, lambda rows: rows["pairing_needed"].update(role="nobody")), MESSAGES, "message.starts",
    ),
    "a message without its sender": (
        register(MESSAGES, lambda rows: rows["monitoring_ended"].update(payload_sources={})), MESSAGES, "message.sources",
    ),
    "a message that nobody is said to catch": (
        register(MESSAGES, lambda rows: rows["child_found"].update(caught_by=[])), MESSAGES, "message.caught-by",
    ),
    "a paper without a form": (
        register(MESSAGES, lambda rows: rows["child_found"].update(form="F999")), MESSAGES, "message.form",
    ),
    "a key that is not sent": (
        register(MESSAGES, lambda rows: rows["child_found"].update(correlation=["x"])), MESSAGES, "message.correlation",
    ),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_found(slip: str) -> None:
    edit, file, rule = SLIPS[slip]
    files = dict(FILES)
    edit(files)
    errors = [problem for problem in check.release(files) if problem.severity == "error"]
    assert errors, slip
    assert any(problem.file == file and problem.rule.startswith(rule) for problem in errors), errors
    assert all(problem.message.zh and problem.message.en and problem.hint.zh and problem.hint.en for problem in errors)


def test_a_called_process_knows_what_its_callers_know() -> None:
    known = check.catalog(Library(FILES))
    assert "situations" in known.context["reach-parents"]
    assert known.context["reach-parents"]["sit_alone"] == "bool"


def test_coverage_names_elements_of_the_diagrams() -> None:
    books = Library(FILES)
    found = check.coverage(books)
    assert len(found) > 50
    for elements in found.values():
        for where in elements:
            process, element = where.split(".")
            assert books.definition(process).element(process, element).clauses
    cited = {
        clause
        for stem in books.diagrams
        for element in books.definition(stem).elements(stem)
        for clause in element.clauses
    }
    assert set(found) == {clause for clause in cited if not clause.startswith(("law:", "proposal:"))}
