"""`aetherflow deliveries`."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import COMMAND
from tests.cli.conftest import CommandLine
from tests.services import Service
from tests.waiting import until


@pytest.fixture
def failed_once(server: Service, dead_endpoint: dict[str, Any]) -> str:
    """A delivery whose first attempt failed, and whose next one is far away."""
    event = server.api.post("/events", json={"event": "dead.letter", "data": {}}).json()

    def find() -> Any:
        rows = server.api.get(f"/deliveries?event_id={event['id']}").json()["data"]
        return rows[0]["id"] if rows[0]["attempt_count"] else None

    return str(until(find, what="the first attempt has been recorded"))


def test_deliveries_are_listed_by_filters(
    aetherflow: CommandLine, failed_once: str, dead_endpoint: dict[str, Any]
) -> None:
    words = ["deliveries", "list", "--endpoint", dead_endpoint["id"], "--status", "pending"]
    table = aetherflow.text(*words)
    assert failed_once in table
    assert dead_endpoint["id"] in table
    assert [row["id"] for row in aetherflow.json(*words)["data"]] == [failed_once]
    assert aetherflow.json("deliveries", "list", "--event", "never.sent")["data"] == []


def test_a_delivery_is_shown_with_its_attempts(aetherflow: CommandLine, failed_once: str) -> None:
    shown = aetherflow.text("deliveries", "show", failed_once)
    fields, _, attempts = shown.partition("\n\n")
    assert "status            pending" in fields
    assert attempts.splitlines()[0].startswith("ATTEMPT")
    assert "connect" in attempts
    assert "the connection was refused" in attempts
    [attempt] = aetherflow.json("deliveries", "show", failed_once)["attempts"]
    assert attempt["request_headers"]["webhook-id"]


def test_several_deliveries_are_retried_though_one_cannot_be(
    aetherflow: CommandLine, failed_once: str, server: Service
) -> None:
    done = aetherflow("deliveries", "retry", "dlv_unknown", failed_once)
    assert done.returncode == 1
    assert done.stdout == f"Trying {failed_once}.\n"
    first, detail = done.stderr.splitlines()
    assert first == "aetherflow: 1 of 2 could not be done."
    assert detail.startswith("  dlv_unknown: ")
    until(
        lambda: server.api.get(f"/deliveries/{failed_once}").json()["attempt_count"] == 2,
        what="the second attempt has been recorded",
    )


def test_a_delivery_is_cancelled_once(aetherflow: CommandLine, failed_once: str) -> None:
    [cancelled] = aetherflow.json("deliveries", "cancel", failed_once)["data"]
    assert cancelled["status"] == "cancelled"
    again = aetherflow("deliveries", "cancel", failed_once)
    assert again.returncode == 1
    assert "(conflict)" in again.stderr


class Tail:
    """A running `deliveries tail`."""

    def __init__(self, service: Service, file: Path, *arguments: str) -> None:
        self._file, self._remarks = file, file.with_suffix(".err")
        with file.open("wb") as output, self._remarks.open("wb") as remarks:
            self.process = subprocess.Popen(
                [str(COMMAND), "deliveries", "tail", *arguments],
                env=service.environment,
                cwd=service.server.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=remarks,
            )

    def lines(self) -> list[str]:
        """Return what it has printed so far."""
        return self._file.read_text().splitlines()

    def remarks(self) -> str:
        """Return what it has said beside that."""
        return self._remarks.read_text()


@pytest.fixture
def tail(server: Service, dead_endpoint: dict[str, Any], tmp_path: Path) -> Iterator[Tail]:
    arguments = ["--endpoint", dead_endpoint["id"], "--output", "json"]
    running = Tail(server, tmp_path / "tail.jsonl", *arguments)
    yield running
    running.process.kill()
    running.process.wait()


def test_tail_shows_what_is_new_and_what_changes_until_ctrl_c(
    failed_once: str, tail: Tail, server: Service, aetherflow: CommandLine
) -> None:
    until(lambda: len(tail.lines()) == 1, what="the delivery that was there is shown")
    aetherflow.text("deliveries", "cancel", failed_once)
    until(lambda: len(tail.lines()) == 2, what="the change is shown")
    states = [(row["id"], row["status"]) for row in map(json.loads, tail.lines())]
    assert states == [(failed_once, "pending"), (failed_once, "cancelled")]

    event = server.api.post("/events", json={"event": "dead.again", "data": {}}).json()
    until(lambda: any(event["id"] in line for line in tail.lines()), what="the new delivery is shown")

    tail.process.send_signal(signal.SIGINT)
    assert tail.process.wait(10) == 0
    assert tail.remarks() == ""


def test_tail_goes_on_when_the_server_is_back(failed_once: str, tail: Tail, server: Service) -> None:
    until(lambda: len(tail.lines()) == 1, what="the delivery that was there is shown")
    server.kill9()
    until(lambda: "asking again" in tail.remarks(), what="the tail says that the server is away")
    server.start()
    event = server.api.post("/events", json={"event": "dead.after", "data": {}}).json()
    until(lambda: any(event["id"] in line for line in tail.lines()), what="the new delivery is shown")
    assert tail.remarks().count("\n") == 1
