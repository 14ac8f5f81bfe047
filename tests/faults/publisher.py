"""A program that publishes events at a steady rate, whatever happens to the service, and notes each answer.

The load is open: a call falls due by the clock. Ids are the caller's, so an event whose call was never answered,
which may have been accepted or not, is told apart from one that was. A call that nobody can be connected to has
failed; one that falls due while every connection is busy waits for one.

`python -m tests.faults.publisher PORT FILE` publishes until SIGTERM, then waits for the answers that are due. The
file gets one line of JSON for each call that has ended.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httptools
import orjson
import uvloop

from tests.checkout import ROOT
from tests.processes import Process

CALLS_PER_SECOND = 500
INTERVAL_NS = 1_000_000_000 // CALLS_PER_SECOND
# As many as an application with a large pool has. A service that answers needs a handful of them.
MOST_CONNECTIONS = 256
# The loop's timers count milliseconds; a beat this short sends two calls at most.
BEAT_SECONDS = 0.004
# What is not answered by then never will be: the service's own time-outs are 5 s.
GRACE_SECONDS = 15

ORDINARY = "fault.ordinary"
# Goes to one more endpoint, which answers the first attempt of each delivery with 500.
RETRIED = "fault.retried"
ORDINARY_FOR_EACH_RETRIED = 9

# The size of an ordinary event.
DATA = {"text": "x" * 300}


@dataclass(frozen=True, slots=True)
class Call:
    """One call that has ended. Status 0: no answer came, or nobody was there to take the call."""

    event_id: str
    type: str
    due_ns: int
    written_ns: int
    ended_ns: int
    status: int


class Publisher(Process):
    """The program, seen from a test."""

    def __init__(self, folder: Path, *, port: int, api_key: str) -> None:
        self.file = folder / "calls.jsonl"
        super().__init__(
            [sys.executable, "-m", "tests.faults.publisher", str(port), str(self.file)],
            name="publisher",
            folder=folder,
            environment={"PYTHONPATH": str(ROOT), "API_KEY": api_key},
        )

    def calls(self) -> list[Call]:
        """Return the calls that have ended, in order of their end."""
        # A line without its end is still being written.
        lines = self.file.read_bytes().split(b"\n")[:-1]
        return [Call(**orjson.loads(line)) for line in lines]

    def count_accepted(self) -> int:
        """Return how many calls have been answered 202; cheaper than `calls`."""
        return self.file.read_bytes().count(b'"status":202}')

    def is_ready(self) -> bool:
        return self.file.exists()


class Load:
    """What runs in the program."""

    def __init__(self, port: int, file: int, *, api_key: str, stopping: asyncio.Event) -> None:
        self.port = port
        self.file = file
        self.stopping = stopping
        self.head = (
            f"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {api_key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        self.free: deque[Connection] = deque()
        self.waiting: deque[Job] = deque()
        self.connections = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.unended: set[Job] = set()
        self.all_ended = asyncio.Event()

    async def run(self) -> None:
        """Publish until `stopping`, then until everything has ended."""
        start_ns, begun = time.time_ns(), 0
        while not self.stopping.is_set():
            while (due_ns := start_ns + begun * INTERVAL_NS) <= time.time_ns():
                job = Job(self.head, begun, due_ns)
                self.unended.add(job)
                self.all_ended.clear()
                self.begin(job)
                begun += 1
            await asyncio.sleep(BEAT_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                await self.all_ended.wait()
        for job in tuple(self.unended):
            self.end(job, 0)

    def begin(self, job: "Job") -> None:
        """Send a call on a connection that is free, else on a new one, else as soon as one is free."""
        if self.free:
            # In turn, so that none of those in use idles into the server's limit.
            self.free.popleft().send(job)
        elif self.connections < MOST_CONNECTIONS:
            self.connections += 1
            task = asyncio.get_running_loop().create_task(self.connect(job))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        else:
            self.waiting.append(job)

    async def connect(self, job: "Job") -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)
        except OSError:
            self.connections -= 1
            self.end(job, 0)
            self.go_on()
        else:
            connection.send(job)

    def go_on(self) -> None:
        """Take up what waits for a connection."""
        if self.waiting:
            self.begin(self.waiting.popleft())

    def end(self, job: "Job", status: int) -> None:
        """Write down how a call ended."""
        self.unended.discard(job)
        if not self.unended:
            self.all_ended.set()
        call = Call(job.event_id, job.type, job.due_ns, job.written_ns, time.time_ns(), status)
        os.write(self.file, orjson.dumps(call) + b"\n")


class Job:
    """A call on its way."""

    def __init__(self, head: str, number: int, due_ns: int) -> None:
        self.event_id = f"event-{number}"
        self.type = ORDINARY if number % (ORDINARY_FOR_EACH_RETRIED + 1) else RETRIED
        self.due_ns = due_ns
        self.written_ns = 0
        body = orjson.dumps({"event": self.type, "id": self.event_id, "data": DATA})
        self.request = f"{head}{len(body)}\r\n\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One connection with at most one call on it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.job: Job | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def send(self, job: Job) -> None:
        if self.transport.is_closing():
            self.load.end(job, 0)
            return
        self.job = job
        self.parser = httptools.HttpResponseParser(self)
        job.written_ns = time.time_ns()
        self.transport.write(job.request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        job, self.job = self.job, None
        assert job is not None
        self.load.end(job, self.parser.get_status_code())
        if self.parser.should_keep_alive():
            self.load.free.append(self)
            self.load.go_on()
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.load.connections -= 1
        if self in self.load.free:
            self.load.free.remove(self)
        elif self.job is not None:
            self.load.end(self.job, 0)
        self.load.go_on()


async def main(port: int, path: Path) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    # The file's existence says that this program heeds signals.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    await Load(port, file, api_key=os.environ["API_KEY"], stopping=stopping).run()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
