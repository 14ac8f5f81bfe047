"""What refusals of the API look like."""

from typing import Any

import httpx2


def assert_refused(answer: httpx2.Response, status: int, code: str, *paths: str) -> dict[str, Any]:
    """Make sure that an answer is a problem document of this kind, speaking of these paths."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    problem: dict[str, Any] = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id", "errors"}
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["type"] == f"/docs/errors/{code}"
    assert problem["request_id"] == answer.headers["request-id"]
    assert all(set(error) == {"path", "message", "code"} for error in problem["errors"])
    if paths:
        assert [error["path"] for error in problem["errors"]] == list(paths), problem["errors"]
    return problem
