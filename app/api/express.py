"""A short way for the few routes that take thousands of calls a second.

The routes are ordinary ones, and the framework describes them; but their handlers take a request and return a
response, so a call that names one exactly need not pass through routing and injection, which cost more than
the handler. What they raise becomes the same answer, see `app.api.problems`.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


class Express:
    """Calls a handler itself when method and path are in its table; the application has everything else."""

    def __init__(self, app: ASGIApp, handlers: Mapping[tuple[str, str], Handler]) -> None:
        self._app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        handler = self._handlers.get((scope.get("method", ""), scope["path"]))
        if handler is None:
            await self._app(scope, receive, send)
            return
        scope["app"] = self._app
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)
