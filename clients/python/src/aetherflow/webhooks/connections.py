"""Keep-alive connections to one server.

A connection is idle or in use by one thread, so threads share a `Connections` without a lock. A
server may close an idle connection at any moment; two things keep that from becoming an error:

1. An idle connection on which something can be read (the end, since nothing was asked) is dropped.
2. If a reused connection breaks, a request that may be carried out twice is sent once more on a new
   one. Any other request fails, because nobody can tell whether the server carried it out.

Neither redirects nor the proxy variables of the environment are followed: the API key goes to the
server that was named and to nobody else.
"""

from __future__ import annotations

import http.client
import selectors
import socket
import ssl
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from aetherflow.webhooks.api_errors import UnreachableError
from aetherflow.webhooks.response import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Request(NamedTuple):
    """`target` is path and query. `is_repeatable`: carried out twice, it does no more than once."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    is_repeatable: bool


class Connections:
    """Idle connections to the host of an `http` or `https` URL; raises ValueError for other URLs."""

    def __init__(self, url: str, *, ssl_context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the URL must begin with http:// or https:// and name a host")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("the URL must hold neither user, query nor fragment")
        self._host, self._port = parts.hostname, parts.port
        self._context = ssl_context
        if parts.scheme == "https" and ssl_context is None:
            self._context = ssl.create_default_context()
        self._is_encrypted = parts.scheme == "https"
        self._idle: deque[http.client.HTTPConnection] = deque()

    def send(self, request: Request, *, timeout_seconds: float) -> Response:
        """The server's answer, whatever its status.

        The time-out bounds connecting, and each single wait for data. Raises UnreachableError when
        no complete answer comes.
        """
        try:
            reused = self._take_quiet()
            if reused is not None:
                try:
                    return self._exchange(reused, request, timeout_seconds)
                except ConnectionError:
                    if not request.is_repeatable:
                        raise
            return self._exchange(self._open(timeout_seconds), request, timeout_seconds)
        except socket.timeout:
            detail = f"no answer within {timeout_seconds:g} seconds"
            raise UnreachableError(detail, code="timeout") from None
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Close what is idle. Connections in use close or become idle when their answer is in."""
        for connection in self._idle_ones():
            connection.close()

    def _take_quiet(self) -> http.client.HTTPConnection | None:
        for connection in self._idle_ones():
            if _is_quiet(connection):
                return connection
            connection.close()
        return None

    def _idle_ones(self) -> Iterator[http.client.HTTPConnection]:
        """Taken out one by one, the one used last first: it is least likely to have been closed."""
        while True:
            try:
                yield self._idle.pop()
            except IndexError:  # Asking for the length first would race with other threads.
                return

    def _open(self, timeout_seconds: float) -> http.client.HTTPConnection:
        if self._is_encrypted:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout_seconds, context=self._context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_seconds)

    def _exchange(
        self, connection: http.client.HTTPConnection, request: Request, timeout_seconds: float
    ) -> Response:
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(timeout_seconds)
            _send(connection, request)
            answer = connection.getresponse()
            response = Response(answer.status, answer.headers, answer.read())
        except BaseException:
            # Interrupted at any point, the connection holds the rest of an answer that is nobody's.
            connection.close()
            raise
        if not answer.will_close:
            self._idle.append(connection)
        return response


def _send(connection: http.client.HTTPConnection, request: Request) -> None:
    # The server may answer before it has read everything, say 413, and stop reading. What it said is
    # worth more than the broken pipe; if it said nothing, reading the answer raises instead.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(request.method, request.target, body=request.body, headers=dict(request.headers))


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    if connection.sock is None:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return not selector.select(timeout=0)
