"""The line between the benchmark and its receiver and generator.

Each is a child process that holds one end of a socket pair. A message is a JSON object that may be followed
by arrays of integers, sent raw because a run can yield a million of them. When the benchmark goes, its end
closes and the child ends by itself, so nothing is left running whatever happened.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

LENGTH = struct.Struct(">I")
ANSWER_SECONDS = 120.0  # the longest phase of a row takes about 30


@dataclass(frozen=True, slots=True)
class Message:
    """What goes over the line: a JSON object and, by name, arrays of integers."""

    fields: dict[str, Any]
    arrays: Mapping[str, array[int]] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The bytes on the line: length of the JSON, the JSON, the arrays in the order it names them."""
        layout = [(name, a.typecode, len(a) * a.itemsize) for name, a in self.arrays.items()]
        text = orjson.dumps({"fields": self.fields, "arrays": layout})
        return b"".join((LENGTH.pack(len(text)), text, *(a.tobytes() for a in self.arrays.values())))


class Child:
    """A process `python -m <module> <arguments>` and the benchmark's end of its line."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno()), *arguments],
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._socket.settimeout(ANSWER_SECONDS)

    @property
    def pid(self) -> int:
        """The process, for reading what it costs."""
        return self._process.pid

    def tell(self, **fields: object) -> None:
        """Sends a command without waiting for what it answers."""
        self._socket.sendall(Message(fields).encode())

    def hear(self) -> Message:
        """The next answer. Raises TimeoutError, or ConnectionError when the child has died."""
        (length,) = LENGTH.unpack(self._read(LENGTH.size))
        described = orjson.loads(self._read(length))
        arrays = {name: _filled(code, self._read(size)) for name, code, size in described["arrays"]}
        return Message(described["fields"], arrays)

    def ask(self, **fields: object) -> Message:
        """Sends a command and returns its answer."""
        self.tell(**fields)
        return self.hear()

    def close(self) -> None:
        """Closes the line, which ends the child, and waits for it."""
        self._socket.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise ConnectionError(f"process {self.pid} closed its line with {self._process.poll()}")
            parts += part
        return bytes(parts)


class ParentLine:
    """The child's end: commands come in, answers go out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, descriptor: int) -> ParentLine:
        """Takes the socket that the benchmark handed down."""
        return cls(*await asyncio.open_connection(sock=socket.socket(fileno=descriptor)))

    async def command(self) -> dict[str, Any] | None:
        """The next command, or None when the benchmark has gone."""
        try:
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            described: dict[str, dict[str, Any]] = orjson.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return described["fields"]

    async def answer(self, message: Message) -> None:
        """Sends one answer."""
        self._writer.write(message.encode())
        await self._writer.drain()


def now_ns() -> int:
    """The clock that sender and receiver share: CLOCK_REALTIME, since both are on this machine."""
    return time.time_ns()


def _filled(code: str, content: bytes) -> array[int]:
    values: array[int] = array(code)
    values.frombytes(content)
    return values
