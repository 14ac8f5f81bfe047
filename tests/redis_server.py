"""A Redis server of the tests' own, on a free loopback port in a temporary folder."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import redis as redis_client

from tests.processes import Process, free_port, temporary_folder


class Redis(Process):
    """A server that keeps nothing: each start is an empty one, as after the loss of a Redis in production."""

    def __init__(self, program: Path, *, folder: Path) -> None:
        self.port = free_port()
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(folder),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
        }
        super().__init__(
            [str(program), *(word for option, value in options.items() for word in (f"--{option}", value))],
            name="redis",
            folder=folder,
            environment={"LC_ALL": "C"},
        )

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def is_ready(self) -> bool:
        return ask(self.port, "PING") == b"+PONG\r\n"


def ask(port: int, command: str) -> bytes:
    """Send one inline command and return the start of the answer; empty when there is no server."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(4096)
    except OSError:
        return b""


def flush(redis_url: str) -> None:
    """Empty the one logical database that the URL names; others on that server are not ours."""
    with redis_client.Redis.from_url(redis_url) as client:
        client.flushdb()


@contextlib.contextmanager
def run_redis(program: Path) -> Iterator[Redis]:
    """Run a server until the end of the block."""
    with temporary_folder() as folder, Redis(program, folder=folder) as server:
        yield server
