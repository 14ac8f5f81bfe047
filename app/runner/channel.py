"""Messages to and from a session's process, as `aetherflow.runner.channel` has them on the other side."""

import asyncio
import json
import socket
import struct
from typing import Any, cast

LENGTH = struct.Struct(">I")

# Larger than an answer of 6 MiB in base64, with room for its headers. Whoever sends more is not our package.
MOST_BYTES = 32 * 1024 * 1024


class Channel(asyncio.Protocol):
    """One end of a stream socket. Whole messages; nothing is read ahead of whoever takes them but a buffer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._paused = False
        self.is_closed = False
        # Whether the other side sent what is no message. It is closed then.
        self.is_garbled = False

    @classmethod
    async def open(cls, connection: socket.socket) -> "Channel":
        """Return the channel on a connected socket."""
        connection.setblocking(False)
        _, channel = await asyncio.get_running_loop().create_connection(cls, sock=connection)
        return channel

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; one that nobody is there to take is dropped."""
        if self._transport is not None and not self.is_closed:
            text = json.dumps(message, separators=(",", ":")).encode()
            self._transport.write(LENGTH.pack(len(text)) + text)

    async def receive(self) -> dict[str, Any] | None:
        """Return the next message, or None when there will be none: the process is gone, or sends nonsense."""
        while True:
            if (message := self._take()) is not None:
                return message
            if self.is_closed:
                return None
            self._arrived.clear()
            await self._arrived.wait()

    def close(self) -> None:
        """Let go of the socket."""
        self.is_closed = True
        self._arrived.set()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def refuse(self) -> None:
        """Take nothing more from a process that sends what is no message."""
        self.is_garbled = True
        self._buffer.clear()
        self.close()

    def data_received(self, data: bytes) -> None:
        """Keep what came; a process that sends faster than we take waits."""
        self._buffer += data
        self._arrived.set()
        if len(self._buffer) > LENGTH.size + MOST_BYTES and self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Note that nothing more will come."""
        self.is_closed = True
        self._arrived.set()

    def _take(self) -> dict[str, Any] | None:
        if len(self._buffer) < LENGTH.size:
            return None
        length: int = LENGTH.unpack_from(self._buffer)[0]
        if length > MOST_BYTES:
            self.refuse()
            return None
        end = LENGTH.size + length
        if len(self._buffer) < end:
            return None
        text = bytes(self._buffer[LENGTH.size : end])
        del self._buffer[:end]
        if self._paused and len(self._buffer) < MOST_BYTES and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            return message
        self.refuse()
        return None
