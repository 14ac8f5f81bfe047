"""The load generator: a process that publishes events over keep-alive connections.

It writes requests from prepared bytes and reads no more of an answer than status and length, because it
shares the machine with what it measures. Times are kept per call and evaluated elsewhere.

Connections are used in turn, so that none idles into the server's keep-alive limit. A call that falls due
while all connections are busy waits for one, and its waiting counts; a call that falls due while the service
cannot even be connected to has failed, as it would have for a publisher.

Usage: python -m bench.generator <descriptor of the line> <file of the shared counter>
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from array import array
from collections import deque
from pathlib import Path
from typing import cast

import uvloop

from bench.counter import open_counter
from bench.events import NUMBER_DIGITS, Template
from bench.link import Message, ParentLine
from bench.load import Load
from bench.ticks import NANOSECONDS, Ticks

WINDOW_TICK_SECONDS = 0.001  # how often a closed window is looked at again
RECONNECT_SECONDS = 0.1  # short beside the two seconds of an outage, and 64 of them cost next to nothing
GRACE_SECONDS = 15.0  # what is still unanswered then never will be: the service's own time-outs are 5 s
TRIGGER_BODY = b'{"order":"o_1289","amount":1999,"currency":"EUR"}'


class Requests:
    """The bytes of each call."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._whole = trigger_request(load.port, load.path) if load.path is not None else None
        self._pieces = Template(load.tag, load.types).pieces()
        path = b"/api/v1/events/batch" if load.batch else b"/api/v1/events"
        self._head = (
            b"POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nauthorization: Bearer %s\r\n"
            b"content-type: application/json\r\ncontent-length: %%d\r\n\r\n"
        ) % (path, load.port, load.key.encode())

    def bytes_of(self, call: int) -> bytes:
        """The whole request of one call."""
        if self._whole is not None:
            return self._whole
        first = self._load.first + call * self._load.events_per_call
        events = [self._event(number) for number in range(first, first + self._load.events_per_call)]
        body = b'{"events":[' + b",".join(events) + b"]}" if self._load.batch else events[0]
        return self._head % len(body) + body

    def _event(self, number: int) -> bytes:
        before, after = self._pieces[number % len(self._pieces)]
        return before + str(number).encode().rjust(NUMBER_DIGITS, b"0") + after


def trigger_request(port: int, path: str) -> bytes:
    """The request to a trigger, the same each time."""
    return (
        b"POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    ) % (path.encode(), port, len(TRIGGER_BODY), TRIGGER_BODY)


class Publisher:
    """Carries out one load."""

    def __init__(self, load: Load, received: memoryview) -> None:
        self.load = load
        self.due: array[int] = array("q")
        self.written: array[int] = array("q")
        self.answered: array[int] = array("q")
        self.statuses: array[int] = array("H")
        self._requests = Requests(load)
        self._received = received
        self._received_before = received[0]
        self._free: deque[Connection] = deque()
        self._connections: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._unanswered = 0
        self._start_ns = 0
        self._end_ns = 0
        self._finished = asyncio.Event()
        self._over = False

    async def run(self) -> None:
        """Publishes for the load's seconds, then waits for what is still unanswered."""
        for _ in range(self.load.connections):
            self._connect_soon()
        await asyncio.wait(self._connecting)
        rate = self.load.calls_per_second
        ticks = Ticks(1 / rate if rate else WINDOW_TICK_SECONDS, self.pump)
        # In this order each tick comes just after its call fell due, never just before.
        self._start_ns = time.time_ns()
        self._end_ns = self._start_ns + round(self.load.seconds * NANOSECONDS)
        ticks.start()
        self.pump()
        try:
            await asyncio.wait_for(self._finished.wait(), self.load.seconds + GRACE_SECONDS)
        except TimeoutError:
            pass
        finally:
            ticks.stop()
            self._over = True
            for connection in self._connections:
                connection.close()
            for _ in range(len(self.statuses), self._calls_due(time.time_ns()) if rate else 0):
                self._note(self._due_ns(len(self.statuses)))

    def pump(self) -> None:
        """Starts every call that is due and has a connection."""
        now_ns = time.time_ns()
        due = self._calls_due(now_ns)
        while len(self.statuses) < due:
            call = len(self.statuses)
            if self._free:
                self._note(self._due_ns(call) if self._is_open else now_ns)
                self._unanswered += 1
                self._free.popleft().send(call, self._requests.bytes_of(call))
                now_ns = self.written[call] = time.time_ns()
            elif self._is_open and not self._connections:
                self._note(self._due_ns(call))
            else:
                break
        is_last = now_ns >= self._end_ns or len(self.statuses) == self.load.most_calls
        if is_last and not self._unanswered and len(self.statuses) >= due:
            self._finished.set()

    def connected(self, connection: Connection) -> None:
        """A connection is there to be used."""
        self._connections.add(connection)
        self._free.append(connection)

    def settle(self, connection: Connection, call: int, status: int) -> None:
        """A call was answered, and its connection is free again."""
        self.answered[call] = time.time_ns()
        self.statuses[call] = status
        self._unanswered -= 1
        self._free.append(connection)
        self.pump()

    def lost(self, connection: Connection, *, was_busy: bool) -> None:
        """A connection is gone, and its call with it; another one takes its place."""
        self._connections.remove(connection)
        if was_busy:
            self._unanswered -= 1
        else:
            self._free.remove(connection)
        if not self._over:
            self._connect_soon()

    def _calls_due(self, now_ns: int) -> int:
        load = self.load
        if load.calls_per_second:
            elapsed_ns = min(now_ns, self._end_ns - 1) - self._start_ns
            return int(elapsed_ns * load.calls_per_second / NANOSECONDS) + 1
        if now_ns >= self._end_ns:
            return 0
        due = sys.maxsize if load.most_calls is None else load.most_calls
        if load.window is not None:
            arrived = self._received[0] - self._received_before
            per_call = load.events_per_call * load.deliveries_per_event
            due = min(due, (arrived + load.window) // per_call)
        return due

    @property
    def _is_open(self) -> bool:
        return self.load.calls_per_second is not None

    def _due_ns(self, call: int) -> int:
        return self._start_ns + round(call * NANOSECONDS / cast("float", self.load.calls_per_second))

    def _note(self, due_ns: int) -> None:
        self.due.append(due_ns)
        self.written.append(0)
        self.answered.append(0)
        self.statuses.append(0)

    def _connect_soon(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._over:
            try:
                await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.load.port)
            except OSError:
                await asyncio.sleep(RECONNECT_SECONDS)
            else:
                return


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one call on it."""

    __slots__ = ("_call", "_publisher", "_rest", "_transport")

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._rest = b""
        self._call: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._publisher.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._publisher.lost(self, was_busy=self._call is not None)

    def send(self, call: int, request: bytes) -> None:
        """Sends a call; the publisher hears how it ended."""
        self._call = call
        self._transport.write(request)

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        content = self._rest + data
        end_of_head = content.find(b"\r\n\r\n")
        if end_of_head < 0:
            self._rest = content
            return
        head = content[: end_of_head + 2].lower()
        at = head.index(b"\r\ncontent-length:") + 17
        if len(content) < end_of_head + 4 + int(head[at : head.find(b"\r", at)]):
            self._rest = content
            return
        self._rest = b""
        call, self._call = self._call, None
        if call is not None:
            self._publisher.settle(self, call, int(head[9:12]))


async def main(descriptor: int, received: memoryview) -> None:
    """Carries out one load after the other until the benchmark goes."""
    line = await ParentLine.open(descriptor)
    while (command := await line.command()) is not None:
        publisher = Publisher(Load.of(command), received)
        cpu_seconds = time.process_time()
        # A collection in the middle would be taken for the service's latency.
        gc.collect()
        gc.disable()
        await publisher.run()
        gc.enable()
        await line.answer(
            Message(
                {"cpu_seconds": time.process_time() - cpu_seconds},
                {
                    "due": publisher.due,
                    "written": publisher.written,
                    "answered": publisher.answered,
                    "statuses": publisher.statuses,
                },
            )
        )


if __name__ == "__main__":
    with open_counter(Path(sys.argv[2])) as counted:
        uvloop.run(main(int(sys.argv[1]), counted))
