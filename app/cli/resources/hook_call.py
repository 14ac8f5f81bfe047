"""One HTTP request to the URL of a trigger, as a sender of webhooks makes it.

The standard library's client is used as it is: nothing is followed, nothing is sent again, and of the headers only
those that HTTP cannot do without are added.
"""

import http.client
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECT_SECONDS = 10.0

# The longest that a trigger may let its caller wait is an hour; then the service answers by itself.
ANSWER_SECONDS = 3660.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers` are in the order in which they came, repeated ones too."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header, found in any case."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)


def send(url: str, *, method: str, headers: Sequence[tuple[str, str]], body: bytes | None) -> Answer:
    """Send a request and return the answer to it.

    Raises:
        OSError, http.client.HTTPException: there is no connection, or no proper answer.
        ValueError: the method, the URL or a header could not be sent.
    """
    parts = urlsplit(url)
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=CONNECT_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)
    try:
        connection.connect()
        connection.sock.settimeout(ANSWER_SECONDS)
        write(connection, url[url.index(parts.netloc) + len(parts.netloc) :], method, headers, body)
        response = connection.getresponse()
        return Answer(response.status, response.reason, tuple(response.getheaders()), response.read())
    finally:
        connection.close()


def write(
    connection: http.client.HTTPConnection,
    target: str,
    method: str,
    headers: Sequence[tuple[str, str]],
    body: bytes | None,
) -> None:
    """Write a request; of the headers that HTTP needs, those that were given are not added again."""
    given = {name.lower() for name, _ in headers}
    connection.putrequest(method, target, skip_host="host" in given, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value.encode("utf-8", "surrogateescape"))
    if body is not None and "content-length" not in given:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
