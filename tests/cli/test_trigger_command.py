"""`aetherflow trigger`."""

import base64
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.cli.desk import files_of, write_files
from tests.services import Service

# Other workflows of the tests have triggers of the same names.
DESK = ("--workflow", "desk")

pytestmark = pytest.mark.usefixtures("desk")


def answer_of(shown: dict[str, Any]) -> dict[str, Any]:
    """Return what the handler said of the request."""
    said: dict[str, Any] = json.loads(shown["body"])
    return said


def test_status_headers_and_body_of_the_answer_are_shown(aetherflow: CommandLine) -> None:
    done = aetherflow("trigger", *DESK, "answering", "-d", '{"a": 1}', "-H", "X-Team: blue")
    assert done.returncode == 0
    head, _, body = done.stdout.partition("\n\n")
    assert head.splitlines()[0] == "200 OK"
    assert {"x-twice: a", "x-twice: b"} <= set(head.splitlines())
    said = json.loads(body)
    assert (said["method"], said["hex"]) == ("POST", b'{"a": 1}'.hex())
    assert (said["type"], said["team"]) == ("application/json", "blue")
    assert "aetherflow sessions log ses_" in done.stderr


def test_a_body_that_is_not_utf_8_arrives_byte_by_byte(aetherflow: CommandLine, tmp_path: Path) -> None:
    content = b"\xff\xfe\x80caf\xe9\r\n"
    file = tmp_path / "body"
    file.write_bytes(content)
    for given in (os.fsdecode(content), f"@{file}"):
        shown = aetherflow.json("trigger", *DESK, "answering", "-d", given)
        assert answer_of(shown)["hex"] == content.hex()
        assert answer_of(shown)["type"] is None


def test_an_answer_that_is_not_utf_8_is_spelled_out_or_base64(aetherflow: CommandLine) -> None:
    done = aetherflow("trigger", *DESK, "answering", "-H", "X-Raw: yes")
    assert done.stdout.endswith("\n\n\\x1b[31mred\n\\xff\n")
    shown = aetherflow.json("trigger", *DESK, "answering", "-H", "X-Raw: yes")
    assert base64.b64decode(shown["body_base64"]) == b"\x1b[31mred\n\xff"
    assert "body" not in shown


def test_an_asynchronous_trigger_names_the_session_to_follow(
    aetherflow: CommandLine, server: Service
) -> None:
    shown = aetherflow.json("trigger", *DESK, "working", "-d", "x")
    assert shown["status_code"] == 202
    assert server.api.get(f"/sessions/{shown['session_id']}").status_code == 200
    assert server.api.get(f"/requests/{shown['request_id']}").json()["body"] == "x"
    done = aetherflow("trigger", *DESK, "working")
    assert done.stdout.startswith("202 Accepted\n")
    assert "aetherflow sessions log ses_" in done.stderr


def test_a_request_that_starts_nothing_names_what_says_why(aetherflow: CommandLine) -> None:
    done = aetherflow("trigger", *DESK, "picky")
    assert done.returncode == 0
    assert "no session started; see why with `aetherflow requests show req_" in done.stderr
    assert aetherflow.json("trigger", *DESK, "picky")["session_id"] is None


def test_sync_waits_for_the_handler_of_an_asynchronous_trigger(aetherflow: CommandLine) -> None:
    shown = aetherflow.json("trigger", *DESK, "working", "--sync")
    assert shown["status_code"] == 200
    assert answer_of(shown)["greeting"] == "Hello"
    # A synchronous one waits anyway, and gets no suffix.
    assert answer_of(aetherflow.json("trigger", *DESK, "answering", "--sync"))["suffix"] == ""


def test_method_and_path_are_sent_as_they_are_given(aetherflow: CommandLine) -> None:
    shown = aetherflow.json("trigger", *DESK, "answering", "-X", "PATCH", "--path", "a b/%2F/ü?x=1&y=[2]")
    said = answer_of(shown)
    assert said["method"] == "PATCH"
    assert said["raw_url"].endswith("/a%20b/%2F/%C3%BC?x=1&y=[2]")
    assert answer_of(aetherflow.json("trigger", *DESK, "answering", "--path", "?q"))["raw_url"].endswith("?q")


def test_without_a_method_the_one_that_the_trigger_waits_for_is_sent(aetherflow: CommandLine) -> None:
    assert answer_of(aetherflow.json("trigger", *DESK, "putting"))["method"] == "PUT"
    refused = aetherflow("trigger", *DESK, "putting", "-X", "POST")
    assert refused.returncode == 1
    assert refused.stdout.startswith("405 ")


def test_an_answer_that_is_an_error_is_shown_with_exit_status_1(aetherflow: CommandLine) -> None:
    done = aetherflow("trigger", *DESK, "failing", "--output", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["status_code"] == 500
    assert done.stderr.endswith(" was 500.\n")


def test_a_trigger_that_several_workflows_have_needs_one_of_them(
    aetherflow: CommandLine, tmp_path: Path
) -> None:
    files = files_of("second_desk")
    files["aetherflow.yaml"] = files["aetherflow.yaml"].replace("answering", "lonely")
    made = aetherflow.json("deploy", str(write_files(tmp_path, files)))
    try:
        assert aetherflow.json("trigger", "lonely")["status_code"] == 200
        done = aetherflow("trigger", "working")
        assert done.returncode == 1
        names = done.stderr.partition(": ")[2]
        assert {"desk", "second_desk"} <= set(re.findall(r"\w+", names))
        shown = aetherflow.json("trigger", "working", "--workflow", "second_desk")
        (url,) = [trigger["url"] for trigger in made["triggers"] if trigger["name"] == "working"]
        assert shown["url"] == url
        by_id = aetherflow.json("trigger", "working", "--workflow", made["workflow"]["id"])
        assert by_id["url"] == url
    finally:
        aetherflow.text("workflows", "delete", "second_desk")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["absent"], 1, "no workflow has a trigger absent"),
        (["nightly", "--workflow", "desk"], 1, "is a schedule"),
        (["working", "--workflow", "nobody"], 1, "there is no workflow nobody"),
        (["working", "--workflow", "desk", "-X", "A B"], 2, "is no method"),
        (["working", "--workflow", "desk", "-H", "no colon"], 2, "NAME: VALUE"),
        (["working", "--workflow", "desk", "-H", "X: a\r\nY: b"], 2, "cannot be sent"),
        (["working", "-d", "@/does/not/exist"], 2, "cannot read /does/not/exist"),
        (["working", "--sync", "--path", "a"], 2, "cannot be given beside --path"),
    ],
    ids=str,
)
def test_what_cannot_be_sent_is_told(
    aetherflow: CommandLine, words: list[str], status: int, said: str
) -> None:
    done = aetherflow("trigger", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
