"""The service as it would run in production, on this machine: every process of it, started and killed here.

Distributed it is PostgreSQL (fsync and synchronous_commit on), Redis without persistence, one `aetherflow
serve` and one `aetherflow worker`; embedded it is one `aetherflow up` with its SQLite file. The programs are
those that the tests start; what differs is that PostgreSQL waits for the disk and that nobody limits rates.
"""

import contextlib
import secrets
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bench.costs import Costs, read_costs, resident_megabytes
from tests.archives import pack_folder
from tests.databases import execute
from tests.faults.records import read
from tests.postgres_server import Postgres
from tests.processes import Process, temporary_folder
from tests.reaper import family, send
from tests.redis_server import Redis, ask
from tests.servers import POSTGRESQL, REDIS, Servers
from tests.services import Service, distributed, embedded

NO_LIMIT = "1000000"  # requests a second
NOTHING: Mapping[str, bytes] = {}


class Database(StrEnum):
    """Which wiring is measured, named by its database."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True)
class Backing:
    """PostgreSQL and Redis, which serve every distributed stack in turn."""

    postgres: Postgres
    redis: Redis

    def new_database(self) -> str:
        """Makes an empty database, empties Redis, and returns the database's URL."""
        name = f"bench_{secrets.token_hex(4)}"
        execute(self.postgres.url(), f"CREATE DATABASE {name}")
        ask(self.redis.port, "FLUSHALL")
        return self.postgres.url(name)


class Stack:
    """All processes of one running service, and its API."""

    def __init__(self, service: Service, backing: Backing | None) -> None:
        self._service = service
        self._backing = backing

    @property
    def port(self) -> int:
        """Where the API listens on the loopback."""
        return int(self._service.environment["AETHERFLOW_PORT"])

    @property
    def key(self) -> str:
        """The key of the workspace."""
        return self._service.api_key

    @property
    def processes(self) -> dict[str, Process]:
        """Every server process by the name of its part."""
        parts: dict[str, Process] = {program.name: program for program in self._service.programs}
        if self._backing is not None:
            parts |= {"postgres": self._backing.postgres, "redis": self._backing.redis}
        return parts

    def kill_everything(self) -> None:
        """Sends SIGKILL to every server process, all in one go."""
        send(signal.SIGKILL, {pid for process in self.processes.values() for pid in family(process.pid)})
        for process in self.processes.values():
            process.kill9()

    def restart_everything(self) -> None:
        """Starts what `kill_everything` killed, as a supervisor would; returns when the API is ready."""
        if self._backing is not None:
            self._backing.redis.start()
            self._backing.postgres.start()
        # Workers first, because nothing waits for them: so both kinds start up side by side.
        for program in reversed(self._service.programs):
            program.start()

    def register(self, url: str, *, events: Sequence[str]) -> str:
        """Registers an endpoint and returns its id."""
        return str(self.request("POST", "/endpoints", {"url": url, "events": list(events)})["id"])

    def request(self, method: str, path: str, content: object = None) -> dict[str, Any]:
        """Calls the API and returns the answer. Raises RuntimeError when it is not a success."""
        answer = self._service.api.request(method, path, json=content)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json())

    def deploy(self, folder: Path, *, more: Mapping[str, bytes] = NOTHING) -> dict[str, str]:
        """Deploys a folder, with some files more, and returns the paths of its triggers by name.

        Raises RuntimeError when that fails.
        """
        answer = self._service.api.post(
            "/workflows/deploy",
            content=pack_folder(folder, more=more),
            headers={"Content-Type": "application/gzip"},
        )
        if not answer.is_success:
            raise RuntimeError(f"deploying {folder}: {answer.status_code} {answer.text}")
        return {one["name"]: f"/webhooks/{one['slug']}" for one in answer.json()["triggers"]}

    def call(self, path: str) -> int:
        """Sends one request to a trigger and returns the status of the answer."""
        return int(self._service.http.post(path, json={}).status_code)

    def count(self, query: str) -> int:
        """The one number that a query returns, asked past the service."""
        [[(number,)]] = read(self._service.environment["AETHERFLOW_DATABASE_URL"], [query])
        return int(number)

    def rows(self, query: str) -> list[Any]:
        """The rows that a query returns, asked past the service."""
        [found] = read(self._service.environment["AETHERFLOW_DATABASE_URL"], [query])
        return found

    def costs(self) -> Costs:
        """Processor time of every part so far."""
        return read_costs({name: process.pid for name, process in self.processes.items()})

    def resident_megabytes(self) -> float:
        """Memory of the service's own processes, runners included."""
        return sum(resident_megabytes(family(program.pid)) for program in self._service.programs)


@contextlib.contextmanager
def run_backing(database: Database) -> Iterator[Backing | None]:
    """Runs PostgreSQL and Redis until the end of the block, if this wiring has them. Raises Missing."""
    if database is Database.SQLITE:
        yield None
        return
    servers = Servers()
    servers.install((POSTGRESQL, REDIS))
    with servers.run_postgres(durable=True) as postgres, servers.run_redis() as redis:
        yield Backing(postgres, redis)


@contextlib.contextmanager
def run_stack(backing: Backing | None) -> Iterator[Stack]:
    """Runs a service with an empty database until the end of the block; without a backing it is embedded.

    An exception from the block gets the ends of the service's logs as notes.
    """
    limits = {"publish_rate_limit": NO_LIMIT, "api_rate_limit": NO_LIMIT}
    with contextlib.ExitStack() as running:
        folder = running.enter_context(temporary_folder())
        if backing is None:
            service = running.enter_context(embedded(folder, **limits))
        else:
            urls = {"database_url": backing.new_database(), "redis_url": backing.redis.url()}
            service = running.enter_context(distributed(folder, workers=1, **urls, **limits))
        try:
            yield Stack(service, backing)
        except Exception as error:
            for name, end in service.log_tails().items():
                error.add_note(f"the end of what {name} wrote:\n{end}")
            raise
