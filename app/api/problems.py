"""Errors as RFC 9457 problem documents, and the id that every answer carries."""

import re
from collections.abc import Mapping

import orjson
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AetherFlowError, InternalError, Unavailable
from app.store.database import is_away
from app.wiring import Chance

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger()


def describe(error: AetherFlowError, *, request_id: str) -> bytes:
    """Return the problem document of an error."""
    return orjson.dumps(
        {
            "type": f"/docs/errors/{error.code}",
            "title": error.title,
            "status": error.status,
            "detail": error.detail,
            "code": error.code,
            "request_id": request_id,
            "errors": [{"path": p.path, "message": p.message, "code": p.code} for p in error.problems],
        }
    )


class RequestIds:
    """Gives every request an id, the caller's own if it has a good one, and tells it in `Request-Id`.

    It is also where errors become answers: whatever a handler raises, the caller gets a problem document.
    """

    def __init__(self, app: ASGIApp, *, chance: Chance) -> None:
        self._app = app
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else self._chance.uuid7()
        scope.setdefault("state", {})["request_id"] = request_id
        begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], (b"request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if begun:
                raise
            await send_problem(as_told(error), request_id=request_id, send=send_with_id)


def as_told(error: Exception) -> AetherFlowError:
    """Return what the caller is told of an error; a mistake of ours is logged and told without details."""
    if isinstance(error, AetherFlowError):
        return error
    if is_away(error):
        return Unavailable(headers={"Retry-After": "2"})
    log.error("request_failed", exc_info=error)
    return InternalError("This is our mistake; the log has it under the request id.")


async def send_problem(error: AetherFlowError, *, request_id: str, send: Send) -> None:
    """Answer with a problem document."""
    body = describe(error, request_id=request_id)
    headers = MutableHeaders(headers=dict(error_headers(error)))
    headers["content-length"] = str(len(body))
    await send({"type": "http.response.start", "status": error.status, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})


def error_headers(error: AetherFlowError) -> Mapping[str, str]:
    """Return the headers of an error's answer."""
    return {"content-type": "application/problem+json", **error.headers}
