"""`aetherflow sessions`."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import COMMAND
from tests.cli.conftest import CommandLine
from tests.services import Service
from tests.waiting import until

ENDED = ("completed", "failed", "stopped")


class Desk:
    """The shared workflow, used by HTTP."""

    def __init__(self, service: Service, deployed: dict[str, Any]) -> None:
        self._service = service
        self.workflow_id = deployed["workflow"]["id"]
        self._urls = {trigger["name"]: trigger["url"] for trigger in deployed["triggers"]}

    def call(self, trigger: str, body: str = "") -> str:
        """Send a request to a trigger and return the session that it starts."""
        answer = self._service.http.post(self._urls[trigger], content=body)
        return str(answer.headers["AetherFlow-Session-Id"])

    def ring(self) -> None:
        """Send what the sessions of `waiting` wait for."""
        assert self._service.http.post(self._urls["bell"]).status_code == 202

    def state(self, session_id: str) -> str:
        """Return how a session is."""
        return str(self._service.api.get(f"/sessions/{session_id}").json()["status"])

    def wait(self, session_id: str, *states: str) -> None:
        """Wait until a session is in one of some states."""
        until(lambda: self.state(session_id) in states, what=f"{session_id} is {' or '.join(states)}")


@pytest.fixture
def at(server: Service, desk: dict[str, Any]) -> Desk:
    return Desk(server, desk)


class Follower:
    """A running `sessions log --follow`."""

    def __init__(self, service: Service, file: Path, *arguments: str) -> None:
        self._file = file
        with file.open("wb") as output:
            self.process = subprocess.Popen(
                [str(COMMAND), "sessions", "log", "--follow", *arguments],
                env=service.environment,
                cwd=service.server.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def lines(self) -> list[str]:
        """Return what it has printed so far."""
        return self._file.read_text().splitlines()


@pytest.fixture
def listening(at: Desk, aetherflow: CommandLine) -> Iterator[str]:
    """A session that waits for the bell."""
    session_id = at.call("waiting")
    at.wait(session_id, "waiting")
    yield session_id
    aetherflow("sessions", "stop", session_id, "--force")


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_followed_log_ends_when_the_session_ends(
    at: Desk, listening: str, server: Service, tmp_path: Path, output: str
) -> None:
    follower = Follower(server, tmp_path / "log", listening, "--output", output)
    try:
        until(lambda: "listening" in str(follower.lines()), what="the first lines are shown")
        assert follower.process.poll() is None
        at.ring()
        assert follower.process.wait(20) == 0
    finally:
        follower.process.kill()
        follower.process.wait()
    lines = follower.lines()
    assert sum("woken" in line for line in lines) == 1
    if output == "json":
        entries = [json.loads(line) for line in lines]
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        assert (entries[-1]["kind"], entries[-1]["text"]) == ("state", "completed")
    else:
        assert lines[-1].endswith("  state    completed")


def test_a_log_goes_on_being_followed_when_the_server_is_back(
    at: Desk, listening: str, server: Service, tmp_path: Path
) -> None:
    follower = Follower(server, tmp_path / "log", listening)
    try:
        until(lambda: "listening" in str(follower.lines()), what="the first lines are shown")
        server.kill9()
        until(lambda: "asking again" in str(follower.lines()), what="it says that the server is away")
        server.start()
        # A session that is not durable begins again.
        until(lambda: str(follower.lines()).count("listening") == 2, what="the session waits again")
        at.ring()
        assert follower.process.wait(20) == 0
    finally:
        follower.process.kill()
        follower.process.wait()


def test_the_log_of_a_session_that_has_ended_is_shown_and_that_is_all(
    at: Desk, aetherflow: CommandLine
) -> None:
    session_id = at.call("working", "parcels")
    at.wait(session_id, *ENDED)
    page = aetherflow.json("sessions", "log", session_id)
    assert page["next_cursor"] is None
    kinds = [entry["kind"] for entry in page["data"]]
    assert (kinds[0], kinds[-1]) == ("state", "state")
    told = aetherflow.text("sessions", "log", session_id)
    assert len(told.splitlines()) == len(kinds)
    assert aetherflow.text("sessions", "log", session_id, "--follow") == told
    assert aetherflow.text("sessions", "follow", session_id) == told


def test_a_long_log_is_shown_whole(aetherflow: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "aetherflow.yaml").write_text("version: v2\nproject: {name: chatty}\n")
    (tmp_path / "program.py").write_text("def talk(event):\n    for n in range(250): print('line', n)\n")
    aetherflow.text("deploy", str(tmp_path))
    session_id = aetherflow.json("sessions", "start", "chatty", "--call", "program.py:talk")["id"]
    told = aetherflow.text("sessions", "log", session_id, "--follow")
    assert [line.split()[-1] for line in told.splitlines() if " line " in line] == [
        str(number) for number in range(250)
    ]


def test_the_lines_of_a_traceback_are_indented_below_their_entry(at: Desk, aetherflow: CommandLine) -> None:
    session_id = at.call("failing")
    at.wait(session_id, "failed")
    told = aetherflow.text("sessions", "log", session_id).splitlines()
    (last,) = [line for line in told if line.endswith("RuntimeError: no luck")]
    assert last.startswith("    ")
    assert aetherflow.json("sessions", "show", session_id)["error"]


def test_sessions_are_listed_by_filters(at: Desk, aetherflow: CommandLine) -> None:
    session_id = at.call("failing")
    at.wait(session_id, "failed")
    request_id = aetherflow.json("sessions", "show", session_id)["request_id"]
    words = ["sessions", "list", "--workflow", "desk", "--trigger", "failing", "--status", "failed"]
    assert session_id in [row["id"] for row in aetherflow.json(*words)["data"]]
    assert session_id in aetherflow.text(*words)
    by_request = aetherflow.json("sessions", "list", "--request", request_id)["data"]
    assert [row["id"] for row in by_request] == [session_id]
    assert aetherflow.json(*words, "--until", "2020-01-01T00:00:00Z")["data"] == []
    assert aetherflow("sessions", "list", "--workflow", "nobody").returncode == 1
    assert aetherflow.json("sessions", "list", "--workflow", at.workflow_id, "--limit", "1")["data"]


def test_a_session_is_shown_with_its_steps(at: Desk, aetherflow: CommandLine) -> None:
    session_id = at.call("answering", "12345")
    at.wait(session_id, "completed")
    fields, _, steps = aetherflow.text("sessions", "show", session_id).partition("\n\n")
    assert "status         completed" in fields
    assert steps.splitlines()[0].split() == ["STEP", "STATUS", "STARTED", "DURATION", "ERROR"]
    assert steps.splitlines()[1].startswith("weigh  completed")
    shown = aetherflow.json("sessions", "show", session_id)
    assert shown["outcome"]["status_code"] == 200
    assert [step["name"] for step in shown["steps"]] == ["weigh"]


def test_a_session_is_stopped_with_a_reason_and_only_once(
    at: Desk, listening: str, aetherflow: CommandLine
) -> None:
    told = aetherflow.text("sessions", "stop", listening, "--reason", "lunch")
    assert told in (f"Stopping {listening}.\n", f"Stopped {listening}.\n")
    at.wait(listening, "stopped")
    assert "lunch" in aetherflow.text("sessions", "log", listening)
    again = aetherflow("sessions", "stop", listening)
    assert again.returncode == 1
    assert "(conflict)" in again.stderr


def test_a_session_is_started_with_data_and_run_again(at: Desk, aetherflow: CommandLine) -> None:
    done = aetherflow("sessions", "start", "desk", "--trigger", "working", "-d", '{"parcels": 7}')
    assert done.returncode == 0
    session_id = done.stdout.split()[1].rstrip(".")
    assert f"aetherflow sessions log {session_id} --follow" in done.stderr
    again = aetherflow.json("sessions", "rerun", session_id)["id"]
    assert again != session_id
    for each in (session_id, again):
        at.wait(each, *ENDED)
        assert "'parcels': 7" in aetherflow.text("sessions", "log", each)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["desk", "--trigger", "working", "-d", "[1]"], 2, "is no JSON object"),
        (["desk", "--trigger", "working", "-d", "{"], 2, "is no JSON"),
        (["desk", "--trigger", "absent"], 1, "/trigger: "),
        (["desk", "--call", "program.py:absent"], 1, "/call: "),
        (["nobody", "--trigger", "working"], 1, "there is no workflow nobody"),
    ],
    ids=str,
)
def test_a_session_that_cannot_be_started_says_why(
    aetherflow: CommandLine, desk: dict[str, Any], words: list[str], status: int, said: str
) -> None:
    done = aetherflow("sessions", "start", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


@pytest.mark.parametrize("command", ["show", "log", "follow", "stop", "rerun"])
def test_an_unknown_session_is_told(aetherflow: CommandLine, command: str) -> None:
    done = aetherflow("sessions", command, "ses_unknown")
    assert done.returncode == 1
    assert "(not_found)" in done.stderr
