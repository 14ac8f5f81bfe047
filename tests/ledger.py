"""A receiver that writes down what it got before it answers, for comparing with what was accepted.

The answer is 200, or below the path `/fails-once` 500 to a delivery's first attempt. It is a program of its own
and speaks the protocol directly, so that it is neither slowed down by the test nor lost with it:
`python -m tests.ledger PORT FILE`. The file gets one line of JSON for each request.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httptools
import orjson
import uvloop

from tests.checkout import ROOT
from tests.processes import Process, accepts_connections, free_port

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
BAD = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
FAILS_ONCE = "/fails-once"


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: where it came, and what its headers said."""

    arrived_ns: int
    path: str
    webhook_id: str
    delivery_id: str
    attempt: int


class Ledger(Process):
    """The program, seen from a test; what it wrote down survives its own death and restart."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.file = folder / "ledger.jsonl"
        super().__init__(
            [sys.executable, "-m", "tests.ledger", str(self.port), str(self.file)],
            name="ledger",
            folder=folder,
            environment={"PYTHONPATH": str(ROOT)},
        )

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def entries(self) -> list[Entry]:
        """Return what was written down until now, in order of arrival."""
        if not self.file.exists():
            return []
        # A line without its end is still being written.
        lines = self.file.read_bytes().split(b"\n")[:-1]
        return [Entry(**orjson.loads(line)) for line in lines]

    def count(self) -> int:
        """Return how many requests were written down until now; cheaper than `entries`."""
        return self.file.read_bytes().count(b"\n") if self.file.exists() else 0

    def requests_by_event(self) -> Counter[str]:
        """Return how many requests came for each event, by its `webhook-id`."""
        return Counter(entry.webhook_id for entry in self.entries())

    def is_ready(self) -> bool:
        return accepts_connections(self.port)


class Receiver(asyncio.Protocol):
    """One connection; requests may come in pieces, or many at once."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.parser = httptools.HttpRequestParser(self)
        self.lines: list[bytes] = []
        self.answers: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()
        # One write for all requests of this piece, and only then their answers.
        if self.lines:
            os.write(self.file, b"".join(self.lines))
            self.transport.write(b"".join(self.answers))
            self.lines.clear()
            self.answers.clear()
            if not self.parser.should_keep_alive():
                self.transport.close()

    def on_message_begin(self) -> None:
        self.path = b""
        self.headers: dict[bytes, bytes] = {}

    def on_url(self, url: bytes) -> None:
        self.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_message_complete(self) -> None:
        entry = Entry(
            arrived_ns=time.time_ns(),
            path=self.path.decode("latin-1"),
            webhook_id=self.headers.get(b"webhook-id", b"").decode("latin-1"),
            delivery_id=self.headers.get(b"x-aetherflow-delivery", b"").decode("latin-1"),
            attempt=int(self.headers.get(b"x-aetherflow-attempt", 0)),
        )
        self.lines.append(orjson.dumps(entry) + b"\n")
        fails = entry.path.startswith(FAILS_ONCE) and entry.attempt == 1
        self.answers.append(BAD if fails else GOOD)


async def serve(port: int, path: Path) -> None:
    """Receive until the process is killed."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    server = await asyncio.get_running_loop().create_server(
        lambda: Receiver(file), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
