"""Messages between a session's process and the service: a length of four bytes, then JSON.

JSON and not pickle, because the service must be able to read what hostile code says.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from typing import Any

from aetherflow.errors import AetherFlowError

LENGTH = struct.Struct(">I")

# What the service takes at once. It cuts off whoever sends more.
MOST_BYTES = 32 * 1024 * 1024


class Channel:
    """One end of a stream socket; whole messages, one at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        # Author's threads may print while the handler waits for an answer.
        self._sending = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message.

        Raises:
            AetherFlowError: it is larger than the service takes.
        """
        text = json.dumps(message, separators=(",", ":")).encode()
        if len(text) > MOST_BYTES:
            raise AetherFlowError(f"{len(text)} bytes are too much to hand over; {MOST_BYTES} is the most")
        with self._sending:
            self._connection.sendall(LENGTH.pack(len(text)) + text)

    def receive(self) -> dict[str, Any]:
        """Return the next message.

        Raises:
            EOFError: the service is gone.
        """
        return self.receive_body(self._take(LENGTH.size))

    def receive_body(self, head: bytes) -> dict[str, Any]:
        """Return the message whose length has been read.

        Raises:
            EOFError: the service is gone.
        """
        (length,) = LENGTH.unpack(head)
        message: dict[str, Any] = json.loads(self._take(length))
        return message

    def close(self) -> None:
        """Close this process's end."""
        self._connection.close()

    def _take(self, length: int) -> bytes:
        chunks = []
        while length:
            chunk = self._connection.recv(min(length, 1 << 20))
            if not chunk:
                raise EOFError
            chunks.append(chunk)
            length -= len(chunk)
        return b"".join(chunks)
