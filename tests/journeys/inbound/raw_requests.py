"""Requests written byte by byte, which no proper client would send, and what comes back."""

import socket
from contextlib import closing, suppress

import httpx2

from tests.services import Service

# Longer than any answer may take that a test asks for; a server that hangs fails its test.
PATIENCE_SECONDS = 15


def send(service: Service, *lines: str, body: bytes = b"") -> httpx2.Response:
    """Send a request of these Latin-1 lines on a connection of its own, and return the answer."""
    head = "\r\n".join([*lines, "Connection: close", "", ""])
    answer = exchange(service, head.encode("latin-1") + body, has_body=not lines[0].startswith("HEAD "))
    assert answer is not None, "the connection was closed without an answer"
    return answer


def exchange(service: Service, *pieces: bytes, has_body: bool = True) -> httpx2.Response | None:
    """Send bytes as they are and return the answer, or None if the service just closes the connection.

    The answer to a HEAD has a length and no body.
    """
    with closing(connect(service)) as connection:
        # The service may have said what it has to say before everything is sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                connection.sendall(piece)
        return read_answer(connection, has_body=has_body)


def connect(service: Service) -> socket.socket:
    """Open a connection to the service."""
    return socket.create_connection(("127.0.0.1", service.server.port or 0), timeout=PATIENCE_SECONDS)


def read_answer(connection: socket.socket, *, has_body: bool = True) -> httpx2.Response | None:
    """Read one answer, by its Content-Length or to the end of the connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (more := receive(connection)):
            assert not received, received
            return None
        received += more
    start, _, body = received.partition(b"\r\n\r\n")
    line, *fields = start.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]
    answer = httpx2.Response(int(line.split(" ")[1]), headers=headers)
    length = answer.headers.get("content-length") if has_body else None
    while length is None or len(body) < int(length):
        if not (more := receive(connection)):
            break
        body += more
    assert length is None or len(body) == int(length), "the answer was cut off, or too long"
    return httpx2.Response(answer.status_code, headers=headers, content=body)


def receive(connection: socket.socket) -> bytes:
    with suppress(ConnectionResetError):
        return connection.recv(65_536)
    return b""
