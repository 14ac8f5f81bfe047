"""CPU time of this process per request through `delivery.transport`, on connections that are kept.

    python -m bench.http1 [--seconds 3] [--concurrency 64] [--body 1000]

The receiver is another process that answers as soon as the bytes of a request are there, without parsing
them. The figure is user and system time of the sending process, so it does not depend on how many cores
the receiver leaves free; the rate does.
"""

import argparse
import asyncio
import multiprocessing
import time
from multiprocessing.connection import Connection as Pipe
from typing import cast

import uvloop

from app.rules.addresses import EgressPolicy, parse_target
from app.rules.lifecycle import ResultClass
from delivery.transport import Transport

_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: sink\r\nDate: Sat, 21 Nov 2026 08:00:00 GMT\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"
)
_WARM_UP_SECONDS = 0.5


class _Sink(asyncio.Protocol):
    def __init__(self, request_bytes: int) -> None:
        self._request_bytes = request_bytes
        self._missing = request_bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing == 0:
            self._missing = self._request_bytes
            self._transport.write(_ANSWER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--body", type=int, default=1000, help="bytes")
    options = parser.parse_args()
    body = b"x" * options.body
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=_receive, args=(theirs, len(_head(0, body)) + len(body)))
    receiver.start()
    try:
        port = ours.recv()
        count, cpu, wall = uvloop.run(_send(port, body, options.concurrency, options.seconds))
    finally:
        receiver.terminate()
    print(f"{count} requests, {count / wall:,.0f}/s, {cpu / count * 1e6:.1f} us of CPU a request")


def _receive(pipe: Pipe, request_bytes: int) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Sink(request_bytes), "127.0.0.1", 0, backlog=1000)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


def _head(port: int, body: bytes) -> bytes:
    # Of the size that deliveries have, with signatures and ids; the port is padded to keep the length.
    return (
        b"POST /hooks HTTP/1.1\r\nhost: 127.0.0.1:%05d\r\ncontent-type: application/json\r\n"
        b"user-agent: AetherFlow-Webhooks/0.1.0\r\nx-padding: %s\r\ncontent-length: %d\r\n\r\n"
        % (port, b"x" * 500, len(body))
    )


async def _send(port: int, body: bytes, concurrency: int, seconds: float) -> tuple[int, float, float]:
    policy = EgressPolicy.of(allow="127.0.0.0/8", ports="1-65535", allow_http=True)
    target = parse_target(f"http://127.0.0.1:{port}/hooks", policy)
    transport = Transport(policy)
    head = _head(port, body)
    count = 0

    async def send_on(until: float) -> None:
        nonlocal count
        while time.perf_counter() < until:
            answer = await transport.send(target, head, body, timeout_seconds=10.0)
            assert answer.result is ResultClass.SUCCESS, answer.error
            count += 1

    async def run(duration: float) -> None:
        until = time.perf_counter() + duration
        await asyncio.gather(*(send_on(until) for _ in range(concurrency)))

    await run(_WARM_UP_SECONDS)
    count = 0
    cpu, wall = time.process_time(), time.perf_counter()
    await run(seconds)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    await transport.close()
    return count, cpu, wall


if __name__ == "__main__":
    main()
