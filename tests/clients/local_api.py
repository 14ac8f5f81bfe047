"""A real HTTP server that answers as it was told and remembers what it was asked."""

import json
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self


@dataclass(frozen=True)
class Asked:
    """`port` is the caller's, so equal ports are one connection."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    port: int

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer, and what happens to the connection.

    `close`: closed after the answer, without having said so. `drop`: closed instead of answering.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    then: Literal["keep", "close", "drop"] = "keep"
    after_seconds: float = 0


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that hang up are what some tests are about."""


class LocalApi:
    """Answers with the replies in their order, then with `otherwise`."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.replies: deque[Reply] = deque()
        self.otherwise = Reply()
        self.connection_ended = threading.Semaphore(0)
        self._server = QuietServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http"
        if ssl_context is not None:
            self._scheme = "https"
            self._server.socket = ssl_context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def reply(self, document: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.replies.append(Reply(status, json.dumps(document).encode(), headers or {}))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(api: LocalApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            api.asked.append(
                Asked(self.command, self.path, dict(self.headers.items()), body, self.client_address[1])
            )
            reply = api.replies.popleft() if api.replies else api.otherwise
            if reply.after_seconds:
                threading.Event().wait(reply.after_seconds)
            if reply.then != "drop":
                self.send_response(reply.status)
                for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)
            self.close_connection = reply.then != "keep"

        # The names by which http.server finds them.
        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_any  # noqa: N815

        def finish(self) -> None:
            super().finish()
            self.request.close()
            api.connection_ended.release()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is inherited)
            """Tests read `asked` instead."""

    return Handler
