"""Requests to triggers as they go over the wire, and what comes of a server that is away or odd."""

import socket
import threading
from collections.abc import Iterator

import pytest

from app.cli.failures import ExitStatus, Failure
from app.cli.resources.hook_call import send
from app.cli.resources.triggering import call
from tests.processes import free_port


class OneAnswer:
    """A server that gives one caller an answer, whatever it asks, and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self.asked = b""
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/webhooks/slug"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(10)
            while not self.asked.endswith(b"\r\n\r\nbody"):
                self.asked += connection.recv(65536)
            connection.sendall(self._answer)

    def close(self) -> None:
        """Wait for the caller's end."""
        self._thread.join()
        self._listener.close()


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[OneAnswer]:
    server = OneAnswer(request.param)
    yield server
    server.close()


@pytest.mark.parametrize(
    "answering",
    [b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 2\r\n\r\nno"],
    indirect=True,
)
def test_what_is_sent_is_what_was_asked_for_and_redirects_are_not_followed(answering: OneAnswer) -> None:
    answer = send(
        f"{answering.url}/a//b?x",
        method="PURGE",
        headers=[("host", "hooks.example"), ("X-Twice", "1"), ("X-Twice", "2")],
        body=b"body",
    )
    assert answering.asked == (
        b"PURGE /webhooks/slug/a//b?x HTTP/1.1\r\nhost: hooks.example\r\nX-Twice: 1\r\nX-Twice: 2\r\n"
        b"Content-Length: 4\r\n\r\nbody"
    )
    assert (answer.status, answer.header("LOCATION"), answer.body) == (
        302,
        "http://elsewhere.example/",
        b"no",
    )


@pytest.mark.parametrize(
    "answering",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"],
    ids=["no http", "nothing", "half"],
    indirect=True,
)
def test_an_answer_that_is_none_is_an_unreachable_server(answering: OneAnswer) -> None:
    with pytest.raises(Failure, match="no answer from http") as caught:
        call(answering.url, "POST", [], b"body")
    assert caught.value.status == ExitStatus.UNREACHABLE


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(Failure, match="no answer from http") as caught:
        call(f"http://127.0.0.1:{free_port()}/webhooks/slug", "POST", [], None)
    assert caught.value.status == ExitStatus.UNREACHABLE
