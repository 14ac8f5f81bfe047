"""Our own programs, started as an operator starts them and used through HTTP only.

`embedded` is one `aetherflow up` with SQLite; `distributed` is `aetherflow migrate`, then `serve` and workers
with PostgreSQL and Redis. Both give a `Service`, so that a journey is written once. A program sees nothing of
the environment of the tests but what stands in `environment_for`.
"""

import base64
import contextlib
import http.client
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.checkout import COMMAND
from tests.databases import sqlite_url
from tests.processes import Process, free_port, temporary_folder
from tests.redis_server import flush
from tests.servers import REDIS, Servers

# Longer than the service's own ten seconds for an attempt, which `?wait=true` waits for.
CLIENT_TIMEOUT_SECONDS = 15
# Within the time limit of a test, so that what the command said can be shown.
COMMAND_TIMEOUT_SECONDS = 45


WIRINGS = ("embedded", "distributed")

# The event that a worker logs, at level info, when it has begun to take work and heeds signals.
WORKER_IS_READY = b'"working"'


class Program(Process):
    """One `aetherflow` process; `port` is where it listens, if it does."""

    def __init__(
        self,
        *arguments: str,
        name: str,
        folder: Path,
        environment: Mapping[str, str],
        port: int | None = None,
    ) -> None:
        super().__init__([str(COMMAND), *arguments], name=name, folder=folder, environment=environment)
        self.port = port
        self._log_start_bytes = 0

    def launch(self) -> None:
        """Start the program without waiting for it."""
        self._log_start_bytes = self.log.stat().st_size if self.log.exists() else 0
        super().launch()

    def is_ready(self) -> bool:
        """Whether `/readyz` says so, or else the log: a worker has nobody else to tell."""
        if self.port is None:
            return WORKER_IS_READY in self.log.read_bytes()[self._log_start_bytes :]
        # The standard library's client, because making one of the others costs more than the question.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def terminate(self) -> None:
        """Ask the program to end, which it must do with exit status 0."""
        status = self.stop()
        assert status == 0, f"{self.name} ended with status {status}\n{self.log_tail()}"


class Service:
    """A running service: `server` answers HTTP; `workers` deliver, and are none where the server does it all.

    `api` speaks to `/api/v1` with the key of the first workspace, `http` to the other addresses with none.
    Both follow no redirect and raise for no status.
    """

    def __init__(self, server: Program, workers: list[Program]) -> None:
        self.server = server
        self.workers = workers
        self.environment = server.environment
        self.url = f"http://127.0.0.1:{server.port}"
        self.api_key = self.environment["AETHERFLOW_BOOTSTRAP_API_KEY"]
        self.api = httpx2.Client(**self._client_options(self.api_key))
        self.http = httpx2.Client(
            base_url=self.url, timeout=CLIENT_TIMEOUT_SECONDS, trust_env=False, verify=False
        )

    def client(self, api_key: str) -> httpx2.Client:
        """Return a client of the API with another key; the caller closes it."""
        return httpx2.Client(**self._client_options(api_key))

    def async_client(self, api_key: str = "") -> httpx2.AsyncClient:
        """Return a client for a test whose receivers run in its own event loop; the caller closes it."""
        return httpx2.AsyncClient(**self._client_options(api_key or self.api_key))

    def start(self) -> Self:
        """Start what does not run, and wait until everything is ready."""
        for program in self.programs:
            if not program.is_running:
                program.launch()
        for program in self.programs:
            program.wait_until_ready()
        return self

    def kill9(self) -> None:
        """Kill every process of the service at once."""
        for program in self.programs:
            program.kill9()

    def terminate(self) -> None:
        """Ask every process to end; each must do so with exit status 0."""
        for program in self.programs:
            program.terminate()

    def restart(self) -> Self:
        """End what runs, properly, and start everything again."""
        for program in self.programs:
            if program.is_running:
                program.terminate()
        return self.start()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `aetherflow` command beside the service, with its environment, to its end."""
        return run(*arguments, folder=self.server.folder, environment=self.environment)

    def logs(self) -> dict[str, str]:
        """Return everything that each process has written, by its name."""
        return {program.name: program.log.read_text(errors="replace") for program in self.programs}

    def log_tails(self) -> dict[str, str]:
        """Return the end of what each process has written, by its name."""
        return {program.name: program.log_tail() for program in self.programs}

    def close(self) -> None:
        """Kill whatever runs."""
        self.api.close()
        self.http.close()
        for program in self.programs:
            program.close()

    def _client_options(self, api_key: str) -> dict[str, Any]:
        return {
            "base_url": f"{self.url}/api/v1",
            "headers": {"Authorization": f"Bearer {api_key}"},
            "timeout": CLIENT_TIMEOUT_SECONDS,
            "trust_env": False,
            # Loading certificates that no test needs takes longer than most tests.
            "verify": False,
        }

    @property
    def programs(self) -> list[Program]:
        return [self.server, *self.workers]


@contextlib.contextmanager
def embedded(folder: Path, *, database_url: str = "", **settings: str) -> Iterator[Service]:
    """Run everything in one process, in `folder`; `settings` are AETHERFLOW_ variables in lower case."""
    environment = environment_for(folder, database_url=database_url or sqlite_url(folder), **settings)
    with contextlib.closing(Service(server("up", folder=folder, environment=environment), [])) as service:
        yield service.start()


@contextlib.contextmanager
def distributed(
    folder: Path,
    *,
    database_url: str,
    redis_url: str,
    workers: int = 1,
    is_migrated: bool = False,
    **settings: str,
) -> Iterator[Service]:
    """Run one server and some workers, on a new database unless `is_migrated`; `settings` as in `embedded`."""
    environment = environment_for(folder, database_url=database_url, redis_url=redis_url, **settings)
    if not is_migrated:
        migrate(database_url)
    programs = [
        Program("worker", name=f"worker-{number}", folder=folder, environment=environment)
        for number in range(1, workers + 1)
    ]
    with contextlib.closing(
        Service(server("serve", folder=folder, environment=environment), programs)
    ) as service:
        yield service.start()


@contextlib.contextmanager
def run_in(wiring: str, get_fixture: Callable[[str], Any]) -> Iterator[Service]:
    """Run the service in one of WIRINGS, on a fresh database.

    Redis is its own too: two services on one would take each other's hints. Only a Redis that was given to the
    tests is used by all of them in turn.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        if wiring == "embedded":
            yield stack.enter_context(embedded(folder))
            return
        servers: Servers = get_fixture("servers")
        if servers.is_given(REDIS):
            redis_url = servers.redis_url
            flush(redis_url)
        else:
            redis_url = stack.enter_context(servers.run_redis()).url()
        database_url = stack.enter_context(get_fixture("postgres_databases").fresh())
        yield stack.enter_context(
            distributed(folder, database_url=database_url, redis_url=redis_url, is_migrated=True)
        )


def migrate(database_url: str) -> None:
    """Bring a database to the newest schema by the command that operators use."""
    done = run("migrate", environment={"AETHERFLOW_DATABASE_URL": database_url})
    assert done.returncode == 0, f"`migrate` ended with status {done.returncode}\n{done.stdout}{done.stderr}"


def run(
    *arguments: str, environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run an `aetherflow` command to its end, with nothing in its environment but this and a path."""
    return subprocess.run(
        [str(COMMAND), *arguments],
        cwd=folder,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=False,
    )


def server(command: str, *, folder: Path, environment: Mapping[str, str]) -> Program:
    port = int(environment["AETHERFLOW_PORT"])
    return Program(command, name=command, folder=folder, environment=environment, port=port)


def environment_for(folder: Path, **settings: str) -> dict[str, str]:
    """Return an environment in which receivers may be on this machine; `settings` beat the defaults."""
    defaults = {
        "host": "127.0.0.1",
        "port": str(free_port()),
        "bootstrap_api_key": f"afk_{secrets.token_hex(24)}",
        "keyring": f"tests:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "egress_allow": "127.0.0.0/8,::1/128",
        "egress_ports": "1-65535",
        "allow_http": "true",
        "log_format": "json",
    }
    variables = {f"AETHERFLOW_{name.upper()}": value for name, value in (defaults | settings).items()}
    return {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8", **variables}
