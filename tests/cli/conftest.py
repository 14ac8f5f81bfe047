"""A running service, and the command line beside it.

server     the service in one process, shared by all tests of this folder
receiver   answers 200 to whatever is delivered to it
aetherflow runs a command beside the server, as its operator would: `aetherflow("events", "list")`
desk       the answer to having deployed the workflow of `tests.cli.desk`, which all tests share
"""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.checkout import COMMAND
from tests.cli.desk import files_of, write_files
from tests.ledger import Ledger
from tests.processes import free_port, temporary_folder
from tests.services import COMMAND_TIMEOUT_SECONDS, Service, embedded


class CommandLine:
    """The command line beside a service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever its exit status."""
        return self._service.run(*arguments)

    def fed(self, given: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command with something on its standard input."""
        return subprocess.run(
            [str(COMMAND), *arguments],
            env=self._service.environment,
            cwd=self._service.server.folder,
            input=given,
            capture_output=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )

    def text(self, *arguments: str) -> str:
        """Run a command that must succeed, and return what it prints."""
        done = self(*arguments)
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed with `--output json`, and return all that it prints."""
        return json.loads(self.text(*arguments, "--output", "json"))


@pytest.fixture(scope="session")
def server() -> Iterator[Service]:
    with temporary_folder() as folder, embedded(folder) as service:
        yield service


@pytest.fixture(scope="session")
def receiver() -> Iterator[Ledger]:
    with temporary_folder() as folder, Ledger(folder) as running:
        yield running


@pytest.fixture
def aetherflow(server: Service) -> CommandLine:
    return CommandLine(server)


@pytest.fixture(scope="session")
def desk(server: Service) -> Iterator[dict[str, Any]]:
    with temporary_folder() as folder:
        yield CommandLine(server).json("deploy", str(write_files(folder, files_of("desk"))))


@pytest.fixture
def endpoint(server: Service, receiver: Ledger) -> Iterator[dict[str, Any]]:
    """An endpoint at the receiver for events of type `invoice.*`, gone after the test."""
    given = {"url": receiver.url(), "events": ["invoice.*"]}
    registered: dict[str, Any] = server.api.post("/endpoints", json=given).json()
    yield registered
    server.api.delete(f"/endpoints/{registered['id']}")


@pytest.fixture
def dead_endpoint(server: Service) -> Iterator[dict[str, Any]]:
    """As `endpoint`, but nobody listens there, and the next attempt is an hour away."""
    given = {
        "url": f"http://127.0.0.1:{free_port()}/",
        "events": ["dead.*"],
        "retry": {"schedule": [3600]},
    }
    registered: dict[str, Any] = server.api.post("/endpoints", json=given).json()
    yield registered
    server.api.delete(f"/endpoints/{registered['id']}")
