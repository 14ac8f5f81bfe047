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
