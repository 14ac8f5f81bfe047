"""Errors as RFC 9457 problem documents."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, Field

from app.errors import AetherFlowError

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
        "errors": [
            {"path": p.path, "message": p.message, "code": p.code} for p in error.problems[:MOST_PROBLEMS]
        ],
    }
    return orjson.dumps(document)


def error_headers(error: AetherFlowError) -> Mapping[str, str]:
    """Return the headers of an error's answer."""
    return {"content-type": MEDIA_TYPE, **error.headers}
