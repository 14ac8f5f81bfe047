"""Errors as RFC 9457 problem documents."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from pydantic import BaseModel, Field

from app.errors import AetherFlowError, Problem

MEDIA_TYPE = "application/problem+json"

# Told of one request. Whoever sends a hundred thousand unknown members learns enough from the first.
MOST_PROBLEMS = 100


class ProblemShown(BaseModel):
    """One thing that is wrong."""

    path: str = Field(
        description="A JSON pointer into the body, `?name` for a parameter, or a header's name."
    )
    message: str
    code: str
    file: str | None = Field(default=None, description="The file of a deployment; left out elsewhere.")
    line: int | None = Field(
        default=None, description="The line of that file, from 1, where one is to blame."
    )


class ProblemDocument(BaseModel):
    """An error. `code` is what programs look at; `type` is the page that explains it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemShown] = Field(description="What is wrong, up to a hundred things.")


def describe(error: AetherFlowError, *, request_id: str) -> bytes:
    """Return the problem document of an error."""
    document: dict[str, Any] = {
        "type": f"/docs/errors/{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
        "errors": [_show(problem) for problem in error.problems[:MOST_PROBLEMS]],
        **error.members,
    }
    return orjson.dumps(document)


def _show(problem: Problem) -> dict[str, Any]:
    return {name: value for name, value in asdict(problem).items() if value is not None}


def error_headers(error: AetherFlowError) -> Mapping[str, str]:
    """Return the headers of an error's answer."""
    return {"content-type": MEDIA_TYPE, **error.headers}
