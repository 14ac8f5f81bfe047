"""Requests that no proper client would send, and the answer to them as far as it comes."""

import socket
from collections.abc import Iterable

import httpx2

from tests.services import Service


def send_raw(service: Service, *pieces: bytes) -> httpx2.Response:
    """Send bytes on a connection of their own, stopping when the answer comes, and return the answer."""
    with socket.create_connection(("127.0.0.1", service.server.port), timeout=15) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            # The service has said what it had to say.
            pass
        return read_answer(connection)


def head(
    service: Service, path: str, headers: Iterable[tuple[str, str]] = (), *, method: str = "POST"
) -> bytes:
    """Return the head of a request to the API with the first workspace's key."""
    fields = [("Host", "127.0.0.1"), ("Authorization", f"Bearer {service.api_key}"), *headers]
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} /api/v1{path} HTTP/1.1\r\n{lines}\r\n".encode()


def read_answer(connection: socket.socket) -> httpx2.Response:
    """Read one answer that has a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(connection)
    start, _, body = received.partition(b"\r\n\r\n")
    line, *fields = start.decode().split("\r\n")
    headers = [tuple(field.split(": ", 1)) for field in fields]
    answer = httpx2.Response(int(line.split(" ")[1]), headers=headers)
    while len(body) < int(answer.headers["content-length"]):
        body += receive(connection)
    return httpx2.Response(answer.status_code, headers=headers, content=body)


def receive(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    assert data, "the connection was closed before the answer was complete"
    return data
