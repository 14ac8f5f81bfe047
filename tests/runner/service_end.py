"""The service's end of a session's channel, played by a test in its own thread, with blocking calls.

The other end is the author's package as the runner uses it, in the test's process or in a forked one.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct(">I")


class ServiceEnd:
    """Sends what a service sends, and answers as it is told."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.settimeout(20)

    def send(self, message: Any) -> None:
        text = json.dumps(message).encode()
        self.connection.sendall(LENGTH.pack(len(text)) + text)

    def receive(self) -> dict[str, Any]:
        """Return the next message.

        Raises:
            EOFError: the other end is closed.
        """
        (length,) = LENGTH.unpack(self.take(LENGTH.size))
        message: dict[str, Any] = json.loads(self.take(length))
        return message

    def take(self, length: int) -> bytes:
        content = b""
        while len(content) < length:
            part = self.connection.recv(length - len(content))
            if not part:
                raise EOFError
            content += part
        return content

    def run(self, call: str, **members: Any) -> None:
        """Ask for a session."""
        given: dict[str, Any] = {
            "session_id": "ses_1",
            "call": call,
            "event": {"event_type": "start", "event_id": "ses_1", "data": {}},
            "durable": False,
            "journal": [],
            "prints": 0,
            "first": True,
        }
        self.send({"run": given | members})

    def hear(self, answer: Callable[[dict[str, Any]], Any] = lambda _: None) -> list[dict[str, Any]]:
        """Return the messages of a session to its end; those that are awaited get `answer` as their result."""
        messages = []
        while True:
            message = self.receive()
            messages.append(message)
            if message.keys() & {"ended", "failed", "stopped"}:
                return messages
            if message.get("awaited"):
                self.send({"result": answer(message)})


class Journaling:
    """A service for one journal in the test's process: it keeps the records, and answers each that is awaited."""

    def __init__(self) -> None:
        self.ours, theirs = socket.socketpair()
        self.theirs = theirs
        self.messages: list[dict[str, Any]] = []
        self.results: dict[str, Any] = {}
        self._end = ServiceEnd(self.ours)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def records(self) -> list[list[str]]:
        """What a session that runs again would get: kind, name and text, in the order of their numbers."""
        kept = [message["record"] for message in self.messages if "record" in message]
        kept += [
            [m["seq"], m["perform"], m["name"], "j" + json.dumps(self.results.get(m["perform"]))]
            for m in self.messages
            if "perform" in m
        ]
        ordered = sorted(kept, key=lambda record: record[0])
        assert [record[0] for record in ordered] == list(range(1, len(ordered) + 1))
        return [record[1:] for record in ordered]

    def close(self) -> None:
        """End it, once it has taken all that was sent."""
        self.theirs.close()
        self._thread.join(10)
        self.ours.close()

    def _serve(self) -> None:
        while True:
            try:
                message = self._end.receive()
            except (EOFError, OSError):
                return
            self.messages.append(message)
            if message.get("awaited"):
                self._end.send({"result": self.results.get(message.get("perform", ""))})
