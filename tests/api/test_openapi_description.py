"""The description of the API for programs: complete in itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from docs.generate.api import describe

DESCRIPTION: dict[str, Any] = describe()
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
]


# What needs no API key, and so knows no workspace to tell repetitions by.
OPEN_OPERATIONS = ("POST /api/v1/invitations/{token}/accept",)


def references_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for inner in node.values():
            yield from references_in(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references_in(inner)


def test_every_reference_leads_to_a_schema() -> None:
    known = {f"#/components/schemas/{name}" for name in DESCRIPTION["components"]["schemas"]}
    assert set(references_in(DESCRIPTION)) <= known


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_operation_says_what_it_does_and_how_it_answers(name: str, operation: dict[str, Any]) -> None:
    assert operation["description"].endswith(".")
    answers = {status: answer for status, answer in operation["responses"].items() if status[0] == "2"}
    assert answers, f"{name} has no answer"
    for status, answer in answers.items():
        assert status == "204" or answer["content"]["application/json"]["schema"]


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_operation_is_described_whole(name: str, operation: dict[str, Any]) -> None:
    method, path = name.split(" ")
    is_open = name in OPEN_OPERATIONS
    schemes = [list(requirement) for requirement in operation.get("security", [])]
    assert schemes == ([] if is_open else [["bearer"]])
    problem = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/ProblemDocument"}
    assert "422" not in operation["responses"]
    parameters = {(one["in"], one["name"]): one for one in operation.get("parameters", [])}
    assert {("path", part[1:-1]) for part in path.split("/") if part.startswith("{")} <= set(parameters)
    assert (("header", "Idempotency-Key") in parameters) == (method == "POST" and not is_open)
    assert all("schema" in one for one in parameters.values())
    if method == "PATCH" or (method == "POST" and path.count("/") == 3):
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema["additionalProperties"] is False
        assert schema["properties"]


def test_the_description_knows_how_to_authenticate() -> None:
    scheme = DESCRIPTION["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_operations_have_names_that_programs_can_use() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


LISTS = [
    "/events",
    "/endpoints",
    "/deliveries",
    "/workflows",
    "/sessions",
    "/requests",
    "/api-keys",
    "/members",
    "/invitations",
]


@pytest.mark.parametrize("path", LISTS)
def test_a_list_describes_its_parameters_with_their_limits(path: str) -> None:
    parameters = DESCRIPTION["paths"][f"/api/v1{path}"]["get"]["parameters"]
    schemas = {one["name"]: one["schema"] for one in parameters}
    limit = schemas["limit"]
    assert (limit["type"], limit["minimum"], limit["maximum"], limit["default"]) == ("integer", 1, 100, 50)
    assert schemas["cursor"]["type"] == "string"
    if path in ("/events", "/deliveries", "/sessions", "/requests"):
        assert schemas["since"]["format"] == schemas["until"]["format"] == "date-time"
