"""Runs the HTTP server inside our own loop, and ends it on a signal."""

import asyncio
import gc
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

from app.cli.serving.any_method import AnyMethodProtocol
from app.errors import Misconfigured
from app.settings import Settings

T = TypeVar("T")

# How long requests that are being answered have, once the process is told to stop.
STOP_SECONDS = 30


class Server(uvicorn.Server):
    """A server that leaves signals to us: it would end the process with them, instead of exit status 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class OneWrite:
    """A transport that sends an answer's head together with the first part of its body.

    uvicorn writes the two apart, which is a system call and a packet more for each answer. A head that no body
    follows at once goes out by itself in the next turn of the loop.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write, or keep a head until what comes next."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Write what was kept, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(AnyMethodProtocol):
    """uvicorn's protocol on such a transport, for requests of any method."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]


def make_server(app: ASGIApp) -> Server:
    """Return a server for the application."""
    return Server(
        uvicorn.Config(
            app,
            loop="none",
            http=OneWriteProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


def bind(settings: Settings, *, may_move: bool = False) -> socket.socket:
    """Return a socket that listens on the configured address, or on the next free port if it may.

    Raises:
        Misconfigured: the port is taken, or the address is not ours.
    """
    for port in range(settings.port, settings.port + (100 if may_move else 1)):
        try:
            return socket.create_server(
                (settings.host, port),
                family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET,
                backlog=2048,
            )
        except OSError as error:
            cause = error.strerror
    raise Misconfigured(
        f"AETHERFLOW_PORT: cannot listen on {settings.host}:{settings.port}: {cause}. Set another PORT or HOST."
    )


def url_of(settings: Settings, listener: socket.socket) -> str:
    """Return the URL under which people reach what listens there, without a slash at its end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    return local_url(listener)


def local_url(listener: socket.socket) -> str:
    """Return the URL under which this machine reaches what listens there."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


@asynccontextmanager
async def side_by_side(stop: asyncio.Event, *servers: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run servers that end when the event is set, as long as the block lasts; one that fails ends them all."""
    tasks = [asyncio.get_running_loop().create_task(server) for server in servers]
    for task in tasks:
        task.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def unless_stopped(stop: asyncio.Event, work: Awaitable[T]) -> T | None:
    """Return what the work gives, or None when the event comes first."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        return working.result()
    working.cancel()
    return None


def settle_memory() -> None:
    """Spare the garbage collector what stays for ever: modules, classes, routes.

    Looking through them again and again took a quarter of the time of a busy process. What is made per request
    mostly ends by reference count, so a larger first generation loses nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def serve_until(server: Server, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until the event is set; returns when the requests that were being answered are."""
    settle_memory()
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving
