"""What goes wrong between a program and the AetherFlow API, one class per question a caller asks.

    ApiError                   any failure; `code` says exactly which
    ├── UnauthenticatedError   401: is the key wrong, revoked or expired?
    ├── ForbiddenError         403: does the key lack a scope?
    ├── NotFoundError          404: is there no such thing in this workspace?
    ├── ConflictError          409: does the present state forbid it?
    ├── InvalidError           400, 413, 415, 422: must the request be changed? `errors` says where
    ├── RateLimitedError       429: is it too fast? `retry_after` says how long to wait
    └── UnavailableError       502, 503, 504: is it worth asking again later?
        └── UnreachableError   did no answer come? `status` is None then

Any other status, a redirect or 500 for instance, is a plain ApiError. After an UnreachableError nobody
knows whether the request was carried out.
"""

from __future__ import annotations

import email.utils
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from email.message import Message


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a request.

    `path` is a JSON pointer into the body, `?name` for a parameter, or a header's name. `file` and `line`
    say where in the files of a deployment it is; None elsewhere.
    """

    path: str
    message: str
    code: str
    file: str | None = None
    line: int | None = None


class ApiError(Exception):
    """A request failed.

    `status` is the HTTP status, None without an answer. `code` is stable and made for programs,
    `detail` for people. `request_id` finds the request in the service's logs. `retry_after` is in
    seconds, None when the service named no time.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str = "unreachable",
        errors: Sequence[FieldError] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.errors: tuple[FieldError, ...] = tuple(errors)
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class UnauthenticatedError(ApiError):
    """The key is unknown, malformed, revoked or expired."""


class ForbiddenError(ApiError):
    """The key is fine but lacks the scope."""


class NotFoundError(ApiError):
    """There is no such thing, or it belongs to another workspace."""


class ConflictError(ApiError):
    """The present state does not allow it: a used id, a disabled endpoint, a finished delivery."""


class InvalidError(ApiError):
    """The request cannot be carried out as it stands; sending it again will not help."""


class RateLimitedError(ApiError):
    """Too many requests; nothing was carried out."""


class UnavailableError(ApiError):
    """The service, or something it needs, is away for now."""


class UnreachableError(UnavailableError):
    """No complete answer came: refused, timed out, cut off, or not HTTP."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: InvalidError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
    429: RateLimitedError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def error_from(status: int, headers: Message, body: bytes) -> ApiError:
    """The exception for an answer that is no success.

    Problem documents (RFC 9457) are read as far as they make sense. What something in between
    answers, a proxy's page for instance, gets the code `http_<status>`.
    """
    problem = _problem(body)
    code, detail = problem.get("code"), problem.get("detail") or problem.get("title")
    return _BY_STATUS.get(status, ApiError)(
        detail if isinstance(detail, str) else _phrase(status),
        status=status,
        code=code if isinstance(code, str) else f"http_{status}",
        errors=_field_errors(problem.get("errors")),
        request_id=headers.get("Request-Id"),
        retry_after=_seconds(headers.get("Retry-After")),
    )


def _problem(body: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, dict) else {}


def _field_errors(listed: object) -> Sequence[FieldError]:
    rows = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [_field_error(row) for row in rows]


def _field_error(row: Mapping[str, Any]) -> FieldError:
    file, line = row.get("file"), row.get("line")
    return FieldError(
        *(str(row.get(name, "")) for name in ("path", "message", "code")),
        file=file if isinstance(file, str) else None,
        line=line if isinstance(line, int) else None,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"the answer had the status {status}"


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After is whole seconds or a date (RFC 9110, 10.2.3); anything else is as if absent."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        moment = email.utils.parsedate_to_datetime(retry_after)
    except (TypeError, ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())
