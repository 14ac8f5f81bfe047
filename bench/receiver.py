"""The sink that deliveries go to: a process that answers and notes when what arrived.

The target's first part says how it answers: `/ok/...` with 200 at once, `/slow/...?ms=50` with 200 after
that many milliseconds, `/hang/...` never. Every distinct target counts as an endpoint.

It shares the machine with what it measures, so it takes requests apart with a few searches instead of a
parser with callbacks, and keeps two machine words for each: the time, and event number and endpoint. It
does not verify signatures; tests do that.

Usage: python -m bench.receiver <descriptor of the line> <file of the shared counter>
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from array import array
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import uvloop

from bench.counter import open_counter
from bench.events import ID_PREFIX, NUMBER_DIGITS
from bench.link import Message, ParentLine

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
NO_LENGTH = b"HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
ID_FIELD = b"\r\nwebhook-id: " + ID_PREFIX
LENGTH_FIELD = b"\r\ncontent-length:"
ENDPOINT_BITS = 10  # event number and endpoint share one word; no row has a thousand endpoints


class Book:
    """What arrived since it was last taken away, and how each target is answered."""

    def __init__(self, counter: memoryview) -> None:
        self.times: array[int] = array("q")
        self.marks: array[int] = array("q")
        self.targets: list[str] = []
        self.unknown = 0
        self._counter = counter
        self._behaviours: dict[bytes, tuple[int, float | None]] = {}

    def note(self, time_ns: int, mark: int) -> None:
        """Records one arrival and tells the processes that map the counter."""
        self.times.append(time_ns)
        self.marks.append(mark)
        self._counter[0] += 1

    def behaviour(self, request_line: bytes) -> tuple[int, float | None]:
        """The endpoint's number, and the seconds until the answer (None: never)."""
        known = self._behaviours.get(request_line)
        if known is None:
            target = request_line.split(b" ")[1].decode()
            known = self._behaviours[request_line] = (len(self.targets), _delay_seconds(target))
            self.targets.append(target)
        return known

    def take(self) -> Message:
        """Hands everything out and starts anew."""
        message = Message(
            {"targets": self.targets, "unknown": self.unknown, "cpu_seconds": time.process_time()},
            {"times": self.times, "marks": self.marks},
        )
        self.times, self.marks, self.unknown = array("q"), array("q"), 0
        return message


class Sink(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_book", "_loop", "_rest", "_transport")

    def __init__(self, book: Book, loop: asyncio.AbstractEventLoop) -> None:
        self._book = book
        self._loop = loop
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        content = self._rest + data
        while content:
            end_of_head = content.find(b"\r\n\r\n")
            if end_of_head < 0:
                break
            head = content[: end_of_head + 2].lower()
            at = head.find(LENGTH_FIELD)
            if at < 0:
                self._transport.write(NO_LENGTH)
                self._transport.close()
                return
            at += len(LENGTH_FIELD)
            end = end_of_head + 4 + int(head[at : head.find(b"\r", at)])
            if len(content) < end:
                break
            self._received(head)
            content = content[end:]
        self._rest = content

    def _received(self, head: bytes) -> None:
        arrived_ns = time.time_ns()
        endpoint, delay_seconds = self._book.behaviour(head[: head.find(b"\r")])
        at = head.find(ID_FIELD)
        if at < 0:
            self._book.unknown += 1
        else:
            end = head.find(b"\r", at + len(ID_FIELD))
            self._book.note(arrived_ns, int(head[end - NUMBER_DIGITS : end]) << ENDPOINT_BITS | endpoint)
        if delay_seconds == 0:
            self._transport.write(ANSWER)
        elif delay_seconds is not None:
            self._loop.call_later(delay_seconds, self._answer_late)

    def _answer_late(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)


async def main(descriptor: int, counter: memoryview) -> None:
    """Listens on a free port of the loopback, says which, and serves until the benchmark goes."""
    line = await ParentLine.open(descriptor)
    loop = asyncio.get_running_loop()
    book = Book(counter)
    server = await loop.create_server(lambda: Sink(book, loop), "127.0.0.1", 0, backlog=1024)
    await line.answer(Message({"port": server.sockets[0].getsockname()[1]}))
    # Nothing here makes cycles; a collection would only show up as somebody's latency.
    gc.disable()
    while (command := await line.command()) is not None:
        match command["do"]:
            case "take":
                await line.answer(book.take())
            case unknown:
                raise ValueError(unknown)
    server.close()


def _delay_seconds(target: str) -> float | None:
    parts = urlsplit(target)
    match parts.path.split("/")[1]:
        case "ok":
            return 0.0
        case "slow":
            return float(parse_qs(parts.query)["ms"][0]) / 1000
        case "hang":
            return None
        case unknown:
            raise ValueError(unknown)


if __name__ == "__main__":
    with open_counter(Path(sys.argv[2])) as counted:
        uvloop.run(main(int(sys.argv[1]), counted))
