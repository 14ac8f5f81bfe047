"""`aetherflow dev`."""

import contextlib
import json
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.checkout import COMMAND
from tests.processes import free_port, temporary_folder
from tests.services import run
from tests.waiting import until

URL = r"http://127\.0\.0\.1:\d+"


class Dev:
    """A running `aetherflow dev`."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.folder = folder
        variables = {f"AETHERFLOW_{name.upper()}": value for name, value in settings.items()}
        self.environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **variables}
        self.out, self.err = folder / "out.txt", folder / "err.txt"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [str(COMMAND), "dev", *arguments],
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def wait_for(self, text: str) -> str:
        """Return what was printed, once the text is part of it."""
        until(
            lambda: text in self.printed() or self.process.poll() is not None,
            what=f"dev prints {text}",
            timeout_seconds=30,
        )
        assert text in self.printed(), self.err.read_text()
        return self.printed()

    def printed(self) -> str:
        return self.out.read_text()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the same folder."""
        return run(*arguments, environment=self.environment, folder=self.folder)

    def end(self, by: signal.Signals) -> int:
        """End it and return its exit status."""
        self.process.send_signal(by)
        return self.process.wait(30)


@contextlib.contextmanager
def dev(folder: Path, *arguments: str, **settings: str) -> Iterator[Dev]:
    running = Dev(folder, *arguments, **settings)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def get(url: str, **headers: str) -> httpx2.Response:
    with httpx2.Client(trust_env=False) as client:
        return client.get(url, headers=headers)


@dataclass(frozen=True, slots=True)
class Ready:
    """A dev that is ready: its own address and that of its receiver."""

    dev: Dev
    url: str
    receiver: str
    front_page: httpx2.Response


@pytest.fixture(scope="module")
def ready() -> Iterator[Ready]:
    """A dev that several tests look at."""
    with temporary_folder() as folder, dev(folder) as running:
        url = re.search(URL, running.wait_for("Ready\n"))
        assert url is not None
        page = get(url.group())
        receiver = re.search(rf'href="({URL}/)"', page.text)
        assert receiver is not None
        yield Ready(running, url.group(), receiver[1], page)


def test_dev_says_what_it_proved_and_keeps_its_key(tmp_path: Path) -> None:
    with dev(tmp_path, port=str(free_port())) as running:
        printed = running.wait_for("Ready\n")
        found = re.fullmatch(
            rf"Dashboard: ({URL})\n"
            r"API key: (afk_[a-z0-9]{40})\n"
            r"Verified: one signed delivery in \d+ ms\n"
            r"Ready\n",
            printed,
        )
        assert found, printed
        url, key = found.groups()
        assert key not in running.err.read_text()

        kept = tmp_path / ".aetherflow" / "api-key"
        assert kept.read_text().strip() == key
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert get(f"{url}/api/v1/events", authorization=f"Bearer {key}").status_code == 200

        assert running.end(signal.SIGTERM) == 0
        assert running.printed() == printed

    with dev(tmp_path, port=str(free_port())) as again:
        assert f"API key: {key}\n" in again.wait_for("Ready\n")
        rows = json.loads(again.run("endpoints", "list", "--output", "json").stdout)["data"]
        assert len(rows) == 1, "the demo endpoint of the first start serves on"
        assert again.end(signal.SIGINT) == 0


def test_dev_ends_with_exit_status_0_however_early_it_is_asked_to(tmp_path: Path) -> None:
    with dev(tmp_path, port=str(free_port())) as running:
        until((tmp_path / ".aetherflow").exists, what="dev has begun", timeout_seconds=30)
        assert running.end(signal.SIGTERM) == 0
        assert running.printed() == ""
        assert "Traceback" not in running.err.read_text()


def test_dev_says_the_same_as_one_line_of_json(tmp_path: Path) -> None:
    key = "afk_" + "k" * 40
    with dev(tmp_path, "--port", str(free_port()), "--output", "json", bootstrap_api_key=key) as running:
        [line] = running.wait_for("\n").splitlines()
        said: dict[str, Any] = json.loads(line)
        assert re.fullmatch(URL, said["dashboard"])
        assert said["api_key"] == key
        assert isinstance(said["verified_ms"], int)
        assert said["ready"] is True
        # A key that the operator keeps is not kept twice.
        assert not (tmp_path / ".aetherflow" / "api-key").exists()


def test_commands_beside_dev_need_no_settings_and_the_receiver_shows_what_it_verified(ready: Ready) -> None:
    sent = ready.dev.run("events", "send", "demo.greeting", "--data", '{"n": 1.10}', "--output", "json")
    event = json.loads(sent.stdout)
    assert event["deliveries"] == 1

    def arrived() -> list[dict[str, Any]]:
        rows = get(ready.receiver).json()["data"]
        return [row for row in rows if row["event_id"] == event["id"]]

    [receipt] = until(arrived, what="the receiver shows the event")
    assert receipt["refused"] is None
    assert '"n":1.10' in receipt["body"]
    shown = get(ready.receiver, accept="text/html").text
    assert event["id"] in shown
    assert "verified" in shown


def test_the_demo_workflow_answers_and_the_receiver_shows_what_the_world_hears_of_it(ready: Ready) -> None:
    called = ready.dev.run("trigger", "hello", "-d", '{"name": "Ada"}')
    assert (called.returncode, "Hello, Ada!" in called.stdout) == (0, True)
    [session] = json.loads(ready.dev.run("sessions", "list", "--limit", "1", "--output", "json").stdout)[
        "data"
    ]

    def told() -> dict[str, str | None]:
        rows = get(ready.receiver).json()["data"]
        return {row["event"]: row["refused"] for row in rows if session["id"] in row["body"]}

    both = {"workflow.executed": None, "workflow.completed": None}
    until(lambda: told() == both, what="the receiver shows both events, verified")


def test_a_demo_workflow_that_was_disabled_stays_so_and_is_no_obstacle(tmp_path: Path) -> None:
    with dev(tmp_path) as running:
        running.wait_for("Ready\n")
        assert running.run("workflows", "disable", "demo").returncode == 0
        assert running.end(signal.SIGTERM) == 0
    with dev(tmp_path) as again:
        again.wait_for("Ready\n")
        assert again.run("trigger", "hello").returncode == 1


def test_the_receiver_tells_a_forged_request_from_a_genuine_one(ready: Ready) -> None:
    with httpx2.Client(trust_env=False) as client:
        forged = client.post(ready.receiver, content=b"<script>alert(1)</script>")
        assert (forged.status_code, forged.text) == (400, "missing_header")
        assert client.post(ready.receiver, content=bytes(2_000_000)).status_code == 413
        assert client.delete(ready.receiver).status_code == 405
    shown = get(ready.receiver, accept="text/html")
    assert "refused: missing_header" in shown.text
    assert "<script" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]


def test_the_front_page_shows_first_steps_and_no_key(ready: Ready) -> None:
    page = ready.front_page
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f"curl -sS {ready.url}/api/v1/events" in page.text
    key = (ready.dev.folder / ".aetherflow" / "api-key").read_text().strip()
    assert key not in page.text
    # Nothing is loaded from anywhere.
    assert not re.search(r"<(script|link|img|iframe)", page.text)


def test_a_second_dev_in_the_same_folder_is_exit_status_4(ready: Ready) -> None:
    done = ready.dev.run("dev")
    assert done.returncode == 4
    assert "already serves" in done.stderr


def test_a_port_that_was_set_and_is_taken_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("dev", environment={"AETHERFLOW_PORT": port}, folder=tmp_path)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "AETHERFLOW_PORT" in done.stderr.splitlines()[-1]


def test_without_a_port_two_folders_get_a_port_each(tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
    with dev(folders[0]) as one, dev(folders[1]) as two:
        urls = {re.search(URL, each.wait_for("Ready\n"))[0] for each in (one, two)}  # type: ignore[index]
        assert len(urls) == 2
        # Each finds its own, although the port is not where settings would have it.
        for each in (one, two):
            assert each.run("events", "list").returncode == 0


@pytest.mark.parametrize("setting", [{"egress_allow": "192.0.2.0/24"}, {"allow_http": "false"}], ids=str)
def test_given_settings_that_forbid_the_first_delivery_are_named(
    setting: dict[str, str], tmp_path: Path
) -> None:
    environment = {f"AETHERFLOW_{name.upper()}": value for name, value in setting.items()}
    done = run("dev", environment=environment, folder=tmp_path)
    assert done.returncode == 3
    assert "AETHERFLOW_EGRESS_ALLOW" in done.stderr.splitlines()[-1]


def test_a_key_that_was_revoked_is_told_before_anything_fails(tmp_path: Path) -> None:
    with dev(tmp_path) as running:
        running.wait_for("Ready\n")
        [key] = json.loads(running.run("keys", "list", "--output", "json").stdout)["data"]
        assert running.run("keys", "revoke", key["id"]).returncode == 0
        assert running.end(signal.SIGTERM) == 0
    done = run("dev", environment={}, folder=tmp_path)
    assert done.returncode == 3
    assert "was revoked" in done.stderr.splitlines()[-1]


def test_a_demo_endpoint_that_was_disabled_stays_so_and_is_no_obstacle(tmp_path: Path) -> None:
    with dev(tmp_path) as running:
        running.wait_for("Ready\n")
        [endpoint] = json.loads(running.run("endpoints", "list", "--output", "json").stdout)["data"]
        assert running.run("endpoints", "disable", endpoint["id"]).returncode == 0
        assert running.end(signal.SIGTERM) == 0
    # A test event goes to a disabled endpoint too, so it stays as its user wants it.
    with dev(tmp_path) as again:
        again.wait_for("Ready\n")
        assert "disabled" in again.run("endpoints", "list").stdout
