"""Receivers that do what a test tells them, well-behaved or not, on a real socket of the loopback.

    async with receiver(answer(503, headers={"Retry-After": "7"})) as there:
        ...                         # send something to there.url
        assert there.requests[0].headers["webhook-id"] == "evt_1"

A script is called with the `Visit` for every request that was read. When it returns, the next request of
the connection is read, unless the script closed it. With `reads=False` it is called once for every
connection, before anything is read. `turns(first, second)` plays one script a request and stays with the
last one. A receiver runs in the test's own loop, and whatever hangs in it ends with its block.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import httptools

Script = Callable[["Visit"], Awaitable[None]]

_READ_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived; names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    arrived_at: float
    """By `time.monotonic`."""
    connection: int
    """The number of its connection, from 0."""


class Visit:
    """One connection, as its script sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        self.closed = False
        self.request: Request | None = None
        """The one that the script is called for."""

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """Says goodbye in the ordinary way, after what was written."""
        self.closed = True
        self.writer.close()

    def reset(self) -> None:
        """Ends the connection with a TCP reset."""
        self.closed = True
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def read_request(self) -> Request | None:
        """The next request; None when the caller has closed the connection instead."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            line, *fields = head.decode("latin-1").split("\r\n")[:-2]
            headers = {
                name.lower(): value.strip() for name, _, value in (text.partition(":") for text in fields)
            }
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        method, path, _ = line.split(" ")
        return Request(method, path, headers, body, time.monotonic(), self.number)


@dataclass(slots=True)
class Receiver:
    port: int
    scheme: str = "http"
    host: str = "127.0.0.1"
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    """How many were made, open or not."""
    visits: set[Visit] = field(default_factory=set)
    """The connections that are open."""

    @property
    def url(self) -> str:
        return self.url_at(self.host)

    def url_at(self, name: str) -> str:
        """The same port under another name."""
        return f"{self.scheme}://{name}:{self.port}/hooks"


@contextlib.asynccontextmanager
async def receiver(
    script: Script | None = None,
    *,
    reads: bool = True,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[Receiver]:
    """Listens while the block runs; without a script it answers everything with 200."""
    play = script or answer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        visit = Visit(reader, writer, there.connections)
        there.connections += 1
        there.visits.add(visit)
        try:
            # The caller may hang up at any time, and the block may end.
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                if not reads:
                    await play(visit)
                while reads and not visit.closed:
                    request = await visit.read_request()
                    if request is None:
                        break
                    visit.request = request
                    there.requests.append(request)
                    await play(visit)
        finally:
            if not visit.closed:
                writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            there.visits.discard(visit)
            tasks.discard(task)

    server = await asyncio.start_server(serve, host, 0, ssl=tls, limit=_READ_LIMIT, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    there = Receiver(port, "https" if tls else "http", f"[{host}]" if ":" in host else host)
    try:
        yield there
    finally:
        server.close()
        ending = tuple(tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await server.wait_closed()


def message(status: int = 200, body: bytes = b"ok", *, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole answer with a Content-Length."""
    fields = {**(headers or {}), "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Answer\r\n{lines}\r\n".encode() + body


def answer(status: int = 200, body: bytes = b"ok", *, headers: Mapping[str, str] | None = None) -> Script:
    return raw(message(status, body, headers=headers))


def redirect(location: str) -> Script:
    return answer(302, headers={"Location": location})


def raw(data: bytes, *, then_close: bool = False) -> Script:
    """Writes the bytes, be they an answer or not."""

    async def play(visit: Visit) -> None:
        await visit.write(data)
        if then_close:
            visit.close()

    return play


def hang(first: bytes = b"") -> Script:
    """Writes the bytes, and then nothing for ever."""

    async def play(visit: Visit) -> None:
        await visit.write(first)
        await asyncio.Event().wait()

    return play


def drip(first: bytes, rest: bytes, *, pause_seconds: float = 0.02) -> Script:
    """Writes `first` at once and `rest` byte by byte."""

    async def play(visit: Visit) -> None:
        await visit.write(first)
        for byte in rest:
            await visit.write(bytes([byte]))
            await asyncio.sleep(pause_seconds)

    return play


def endless(first: bytes, again: bytes) -> Script:
    """Writes `first` and then `again` until the caller hangs up."""

    async def play(visit: Visit) -> None:
        await visit.write(first)
        while True:
            await visit.write(again)
            await asyncio.sleep(0)

    return play


def close(first: bytes = b"") -> Script:
    """Closes the connection after those bytes."""
    return raw(first, then_close=True)


def reset() -> Script:
    async def play(visit: Visit) -> None:
        visit.reset()

    return play


def turns(*scripts: Script) -> Script:
    """One after the other, a request each; the last one for all that follow."""
    left = list(scripts)

    async def play(visit: Visit) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(visit)

    return play


class FastReceiver(asyncio.Protocol):
    """Answers every request with an empty 200 and counts them; nothing else is kept of them."""

    def __init__(self, counts: list[int]) -> None:
        self._counts = counts
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._counts[0] += 1
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@contextlib.asynccontextmanager
async def fast_receiver() -> AsyncIterator[tuple[str, list[int]]]:
    """Its URL, and a list whose only item is the number of requests so far."""
    counts = [0]
    server = await asyncio.get_running_loop().create_server(
        lambda: FastReceiver(counts), "127.0.0.1", 0, backlog=1024
    )
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks", counts
    finally:
        server.close()
        await server.wait_closed()
