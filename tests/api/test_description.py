"""The OpenAPI description: whole, true to the routes, and enough to sign in by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.site import API, Site

METHODS = ("get", "post", "put", "patch", "delete")
FILES = {"getPaperFile"}
PUBLIC = {"createToken", "getReportForm", "fileReport", "askAfterReport"}


@pytest.fixture(scope="module")
def described(shared_site: Site) -> dict[str, Any]:
    answer = shared_site.anonymous().get(f"{API}/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_it_says_what_it_is(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.0.3"
    assert described["info"]["title"] == "守望 Shouwang"
    assert re.fullmatch(r"\d+\.\d+\.\d+", described["info"]["version"])
    for word in ("Authentication-Token", "X-CSRFToken", "Idempotency-Key", "problem+json"):
        assert word in described["info"]["description"]


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    found = set(references(described))
    assert found
    for reference in found:
        place: Any = described
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_operation_is_named_summed_up_and_answers(described: dict[str, Any]) -> None:
    names = []
    for path, method, operation in operations(described):
        names.append(operation["operationId"])
        assert operation["summary"], (path, method)
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert len(good) == 1, (path, method)
        for status, answer in operation["responses"].items():
            assert answer["description"]
            kinds = list(answer.get("content", {}))
            fine = "application/octet-stream" if operation["operationId"] in FILES else "application/json"
            assert kinds == ([] if status == "204" else [fine if status in good else "application/problem+json"])
        if method == "get":
            assert "requestBody" not in operation
    assert len(names) == len(set(names)) == 36


def test_operations_stand_under_what_they_are_about(described: dict[str, Any]) -> None:
    """Each tag is the first word of the path, and says what stands under it."""
    about = {tag["name"]: tag["description"] for tag in described["tags"]}
    used = {path.split("/")[3]: operation["tags"] for path, _, operation in operations(described)}
    assert used == {name: [name] for name in about}
    assert all(about.values())


def test_every_parameter_of_a_path_is_described(described: dict[str, Any]) -> None:
    for path, item in described["paths"].items():
        told = {one["name"] for one in item.get("parameters", []) if one["in"] == "path"}
        assert told == set(re.findall(r"{(\w+)}", path))


def test_every_schema_has_properties_with_a_type(described: dict[str, Any]) -> None:
    for name, schema in described["components"]["schemas"].items():
        assert schema["type"] == "object", name
        for key, value in schema["properties"].items():
            assert "type" in value or "$ref" in value or "allOf" in value or "anyOf" in value, f"{name}.{key}"


def test_it_describes_every_route_and_no_other(described: dict[str, Any], shared_site: Site) -> None:
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule)), method.lower())
        for rule in shared_site.app.url_map.iter_rules()
        if str(rule).startswith(f"{API}/") and not str(rule).endswith("openapi.json")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations(described)} == served


def test_what_needs_a_sign_in_says_so_and_how(described: dict[str, Any]) -> None:
    schemes = described["components"]["securitySchemes"]
    assert schemes["token"] == {"type": "apiKey", "in": "header", "name": "Authentication-Token"}
    assert described["security"] == [{"token": []}, {"session": [], "csrf": []}]
    assert set().union(*described["security"]) <= set(schemes)
    public = {operation["operationId"] for _, _, operation in operations(described) if operation.get("security") == []}
    assert public == PUBLIC
    for _, _, operation in operations(described):
        assert "401" in operation["responses"] or operation["operationId"] in PUBLIC


def test_answers_are_as_described(described: dict[str, Any], shared_site: Site) -> None:
    """What really comes has the described names, all of them, and the described types."""
    someone = shared_site.person("police_officer", "620702101-police")
    task, case = shared_site.task("temporary-placement", "h2")["id"], shared_site.cases("child")[0]
    for path, _, operation in operations(described):
        if "200" in operation["responses"] and path in (
            f"{API}/session", f"{API}/tasks", f"{API}/tasks/{{task_id}}", f"{API}/tasks/{{task_id}}/form", f"{API}/cases",
            f"{API}/cases/{{case_id}}", f"{API}/deadlines", f"{API}/releases", f"{API}/releases/current", f"{API}/reports/form",
        ):  # fmt: skip
            called = path.removeprefix(API).format(task_id=task, case_id=case)
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            fits(someone.api(f"GET {called}").json, schema, described, called)


TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def fits(value: Any, schema: dict[str, Any], described: dict[str, Any], where: str) -> None:
    """Assert that `value` is what the schema says, as deep as it goes."""
    nullable = schema.get("nullable", False)
    if "anyOf" in schema:  # how apispec puts an object that may be null
        nullable = any(one.get("nullable") for one in schema["anyOf"])
        schema = next(one for one in schema["anyOf"] if "$ref" in one)
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if value is None:
        assert nullable, f"{where} is null"
        return
    assert isinstance(value, TYPES[schema["type"]]), f"{where} is {value!r}, not {schema['type']}"
    if schema["type"] == "array":
        for index, inner in enumerate(value):
            fits(inner, schema["items"], described, f"{where}.{index}")
    for name, inner in schema.get("properties", {}).items():
        assert name in value, f"{where}.{name} is missing"
        fits(value[name], inner, described, f"{where}.{name}")
