"""What every request and answer has in common, whatever answers it.

1. Every answer carries `Request-Id`: the caller's own if it has a good one, else one made here.
2. Answers to a known API key carry what is left of its rate.
3. HEAD is GET without the body, but where handlers want to know.
4. Whatever a handler raises, the caller gets a problem document.
"""

import re

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import describe, error_headers
from app.errors import AetherFlowError, InternalError, Unavailable
from app.store.database import is_away
from app.wiring import Chance

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger()


class Edge:
    """The outermost layer: gives requests their id and answers the headers that all have."""

    def __init__(self, app: ASGIApp, *, chance: Chance, head_is_get: bool = True) -> None:
        self._app = app
        self._chance = chance
        self._head_is_get = head_is_get

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else self._chance.uuid7()
        state = scope.setdefault("state", {})
        state.update(request_id=request_id, rate_limit=[], begun=False)
        bodiless = scope["method"] == "HEAD"
        if bodiless and self._head_is_get:
            scope = {**scope, "method": "GET"}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["begun"] = True
                added = [(b"request-id", request_id.encode()), *state["rate_limit"]]
                message["headers"] = [*message["headers"], *added]
            elif bodiless:
                message["body"] = b""
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Net:
    """Turns whatever escapes a handler into a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, which has passed the edge."""
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            # Nobody is left to be answered.
            return
        except Exception as error:
            if scope["type"] != "http" or scope["state"]["begun"]:
                raise
            request_id = scope["state"]["request_id"]
            await send_problem(as_told(error, request_id), request_id=request_id, send=send)


def as_told(error: Exception, request_id: str) -> AetherFlowError:
    """Return what the caller is told of an error; a mistake of ours is logged and told without details."""
    if isinstance(error, AetherFlowError):
        return error
    if is_away(error):
        return Unavailable(headers={"Retry-After": "2"})
    log.error("request_failed", request_id=request_id, exc_info=error)
    return InternalError("This is our mistake; the log has it under the request id.")


async def send_problem(error: AetherFlowError, *, request_id: str, send: Send) -> None:
    """Answer with a problem document."""
    body = describe(error, request_id=request_id)
    headers = MutableHeaders(headers=dict(error_headers(error)))
    headers["content-length"] = str(len(body))
    await send({"type": "http.response.start", "status": error.status, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})
