"""Every error that this service raises on purpose.

    AetherFlowError
    ├── Refused                    the caller's request cannot be carried out as it stands (4xx)
    │   ├── MalformedJson          400
    │   ├── MalformedArchive       400
    │   ├── Unauthenticated, BadSignature 401
    │   ├── MissingScope, Forbidden 403
    │   ├── NotFound               404, also for what belongs to another workspace
    │   ├── MethodNotAllowed       405
    │   ├── Conflict               409
    │   │   ├── EndpointDisabled
    │   │   └── StillRunning       the first request with this Idempotency-Key has not been answered yet
    │   ├── TooLarge               413
    │   ├── UnsupportedMediaType   415
    │   ├── Invalid                422, it parses but does not fit; `problems` says where
    │   │   ├── InvalidUrl, BlockedDestination, InvalidCursor, TooDeep,
    │   │   ├── ReservedEventType, IdempotencyMismatch
    │   │   └── InvalidManifest, InvalidFilter
    │   └── RateLimited            429
    ├── LoopDetected               508, a delivery that too many sessions of this service led to
    ├── HandlerFailed              500, the handler of a synchronous trigger raised before it answered
    ├── SessionStopped             503, somebody stopped its session
    ├── HandlerTimeout             504, it has not answered in time (408 where the caller chose to wait)
    ├── Unavailable                503, something that we need is away; ask again later
    ├── InternalError              500, our mistake
    └── Misconfigured              the process cannot start as configured (exit status 3)
        ├── SchemaBehind
        └── AlreadyRunning         another process owns the data folder (exit status 4)

Each class has a stable `code`, which is what other people's programs look at, and a page of that
name in the documentation. What the world does (a receiver that refuses, a name that does not
resolve) is no error here: it is a value, see `delivery.transport`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a JSON pointer, `?parameter` or a header's name) and why.

    What is wrong in a file that somebody deploys also names the file and, from 1, the line.
    """

    path: str
    message: str
    code: str = "invalid"
    file: str | None = None
    line: int | None = None


class AetherFlowError(Exception):
    """Something that the service refuses or cannot do, with a message for the person who asked."""

    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"
    status: int = 500

    def __init__(
        self,
        detail: str = "",
        *,
        problems: Sequence[Problem] = (),
        headers: dict[str, str] | None = None,
        members: dict[str, str] | None = None,
    ) -> None:
        self.detail = detail or self.title
        self.problems = tuple(problems)
        self.headers = headers or {}
        # What the problem document says besides (RFC 9457 section 3.2).
        self.members = members or {}
        super().__init__(self.detail)


class Refused(AetherFlowError):
    code = "refused"
    title = "The request was refused"
    status = 400


class MalformedJson(Refused):
    code = "malformed_json"
    title = "The body is not valid JSON"


class MalformedArchive(Refused):
    code = "malformed_archive"
    title = "The files cannot be taken out of the archive"


class Unauthenticated(Refused):
    code = "unauthenticated"
    title = "A valid API key is required"
    status = 401

    def __init__(self) -> None:
        # One text for every cause, so that nobody learns which keys exist.
        super().__init__(
            "Send a live API key as `Authorization: Bearer afk_...`.", headers={"WWW-Authenticate": "Bearer"}
        )


class MissingScope(Refused):
    code = "missing_scope"
    title = "The API key lacks a scope"
    status = 403


class Forbidden(Refused):
    """Not for this person to do, whatever their scopes."""

    code = "forbidden"
    title = "The role does not allow this"
    status = 403


class NotFound(Refused):
    code = "not_found"
    title = "There is no such thing here"
    status = 404


class MethodNotAllowed(Refused):
    code = "method_not_allowed"
    title = "This path does not take that method"
    status = 405


class Conflict(Refused):
    code = "conflict"
    title = "The request conflicts with the present state"
    status = 409


class EndpointDisabled(Conflict):
    code = "endpoint_disabled"
    title = "The endpoint is disabled or deleted"


class StillRunning(Conflict):
    code = "idempotency_in_progress"
    title = "The first request with this Idempotency-Key is still running"


class TooLarge(Refused):
    code = "too_large"
    title = "The body is too large"
    status = 413


class UnsupportedMediaType(Refused):
    code = "unsupported_media_type"
    title = "The body must be application/json"
    status = 415


class Invalid(Refused):
    code = "invalid"
    title = "The request does not fit"
    status = 422


class InvalidUrl(Invalid):
    code = "invalid_url"
    title = "This is not a URL that deliveries can go to"


class BlockedDestination(Invalid):
    """One text whatever the cause, so that the answer does not map the operator's network."""

    code = "blocked_destination"
    title = "Deliveries to this destination are not allowed"


class InvalidCursor(Invalid):
    code = "invalid_cursor"
    title = "The cursor does not belong to this list"


class TooDeep(Invalid):
    code = "too_deep"
    title = "The JSON is nested too deeply"


class ReservedEventType(Invalid):
    code = "reserved_event_type"
    title = "The prefix of this event type is reserved"


class IdempotencyMismatch(Invalid):
    code = "idempotency_mismatch"
    title = "This Idempotency-Key was used with another request"


class InvalidManifest(Invalid):
    code = "invalid_manifest"
    title = "The files do not make a deployment"


class InvalidFilter(Invalid):
    code = "invalid_filter"
    title = "This is not a filter that can be evaluated"


class RateLimited(Refused):
    code = "rate_limited"
    title = "Too many requests"
    status = 429


class Unavailable(AetherFlowError):
    code = "unavailable"
    title = "The database is away; nothing was written"
    status = 503


class BadSignature(Refused):
    code = "bad_signature"
    title = "The request is not signed as it must be"
    status = 401


class LoopDetected(AetherFlowError):
    code = "loop_detected"
    title = "Sessions start each other in a circle"
    status = 508


class HandlerFailed(AetherFlowError):
    code = "handler_failed"
    title = "The handler failed before it answered"


class SessionStopped(AetherFlowError):
    code = "session_stopped"
    title = "The session was stopped before it answered"
    status = 503


class HandlerTimeout(AetherFlowError):
    code = "handler_timeout"
    title = "The handler has not answered in time, and goes on"
    status = 504

    def by_choice(self) -> Self:
        """Make it the answer to a caller who need not have waited (RFC 9110 section 15.5.9)."""
        self.status = 408
        return self


class InternalError(AetherFlowError):
    """A mistake of ours, told to the caller without its details."""


class Misconfigured(AetherFlowError):
    code = "misconfigured"
    title = "The configuration does not allow a start"
    exit_status: ClassVar[int] = 3


class SchemaBehind(Misconfigured):
    code = "schema_behind"
    title = "The database schema is behind; run `aetherflow migrate`"


class AlreadyRunning(Misconfigured):
    code = "already_running"
    title = "Another process already serves this data folder"
    exit_status = 4
