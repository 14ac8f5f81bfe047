"""`aetherflow requests`."""

from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.waiting import until


def send(aetherflow: CommandLine, trigger: str, *words: str) -> dict[str, Any]:
    """Send a request to the shared workflow and return what is said of it."""
    shown: dict[str, Any] = aetherflow.json("trigger", trigger, "--workflow", "desk", *words)
    return shown


@pytest.fixture
def refused(aetherflow: CommandLine, desk: dict[str, Any]) -> str:
    """A request that the filter of its trigger let start nothing."""
    return str(send(aetherflow, "picky", "--path", "?please=no", "-d", "hello")["request_id"])


def test_requests_are_listed_by_what_came_of_them(aetherflow: CommandLine, refused: str) -> None:
    started = send(aetherflow, "picky", "--path", "?please=yes")
    words = ["requests", "list", "--workflow", "desk", "--trigger", "picky"]
    assert [row["id"] for row in aetherflow.json(*words, "--limit", "2")["data"]] == [
        started["request_id"],
        refused,
    ]
    assert started["request_id"] not in aetherflow.text(*words, "--unmatched")
    assert refused in aetherflow.text(*words, "--unmatched")
    assert refused not in aetherflow.text(*words, "--matched")
    rows = aetherflow.text(*words, "--matched").splitlines()
    assert rows[0].split() == ["ID", "TRIGGER", "METHOD", "URL", "RECEIVED", "SESSION", "REASON"]
    assert started["session_id"] in rows[1]


def test_a_request_says_why_nothing_ran(aetherflow: CommandLine, refused: str) -> None:
    [match] = aetherflow.json("requests", "show", refused)["matches"]
    assert (match["matched"], match["session_id"]) == (False, None)
    fields, _, matches = aetherflow.text("requests", "show", refused).partition("\n\n")
    assert "body           hello" in fields
    assert match["reason"] in matches


def test_a_request_is_received_again(aetherflow: CommandLine, desk: dict[str, Any]) -> None:
    first = send(aetherflow, "working", "-d", "parcels")
    again = aetherflow.json("requests", "redispatch", first["request_id"])
    assert again["request_id"] != first["request_id"]
    shown = aetherflow.json("requests", "show", again["request_id"])
    assert (shown["redispatch_of"], shown["body"]) == (first["request_id"], "parcels")
    until(
        lambda: aetherflow.json("sessions", "show", again["session_id"])["status"] == "completed",
        what="the new session has completed",
    )
    done = aetherflow("requests", "redispatch", first["request_id"], "--deployment", desk["deployment"]["id"])
    assert done.stdout.startswith("Received again as req_")
    assert "aetherflow sessions log ses_" in done.stderr


def test_a_request_that_starts_nothing_again_says_so(aetherflow: CommandLine, refused: str) -> None:
    done = aetherflow("requests", "redispatch", refused)
    assert done.returncode == 0
    assert "no session started" in done.stderr


def test_what_is_unknown_is_told(aetherflow: CommandLine, refused: str) -> None:
    for words in (["show", "req_unknown"], ["redispatch", refused, "--deployment", "dep_unknown"]):
        done = aetherflow("requests", *words)
        assert done.returncode == 1
        assert "(not_found)" in done.stderr
