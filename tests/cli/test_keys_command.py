"""`aetherflow keys`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import CommandLine
from tests.services import Service, run
from tests.waiting import until


def can_read(server: Service, key: str) -> int:
    with server.client(key) as client:
        return client.get("/events").status_code


def test_a_key_issued_beside_a_running_server_serves_and_ends_with_its_revocation(
    aetherflow: CommandLine, server: Service
) -> None:
    issued = aetherflow.json("keys", "issue", "--name", "reporting", "--scope", "read")
    assert can_read(server, issued["key"]) == 200
    assert aetherflow.text("keys", "revoke", issued["id"]) == f"Revoked {issued['id']} (reporting).\n"
    until(lambda: can_read(server, issued["key"]) == 401, what="the revoked key is refused")
    again = aetherflow("keys", "revoke", issued["id"])
    assert again.returncode == 1
    assert again.stderr.startswith("aetherflow: There is no live API key with this id")


def test_a_key_has_the_scopes_that_were_asked_for_and_no_more(
    aetherflow: CommandLine, server: Service
) -> None:
    words = ["--scope", "events:write", "--scope", "read"]
    issued = aetherflow.json("keys", "issue", "--name", "publisher", *words)
    assert issued["scopes"] == ["events:write", "read"]
    with server.client(issued["key"]) as client:
        assert client.post("/events", json={"event": "invoice.paid", "data": {}}).status_code == 202
        assert client.post("/endpoints", json={"url": "https://example.com"}).status_code == 403


def test_a_list_shows_no_key(aetherflow: CommandLine, server: Service) -> None:
    issued = aetherflow.json("keys", "issue", "--name", "listed", "--scope", "read")
    table = aetherflow.text("keys", "list")
    assert issued["id"] in table
    rows = {row["id"]: row for row in aetherflow.json("keys", "list")["data"]}
    assert rows[issued["id"]]["name"] == "listed"
    assert "key" not in rows[issued["id"]]
    for key in (issued["key"], server.api_key):
        assert key not in table + str(rows)


def test_a_key_of_another_workspace_belongs_to_it(aetherflow: CommandLine) -> None:
    made = aetherflow.json("workspaces", "create", "keys of another")
    words = ["--name", "theirs", "--scope", "read", "--workspace", "keys of another"]
    issued = aetherflow.json("keys", "issue", *words)
    assert issued["workspace_id"] == made["workspace_id"]
    listed = aetherflow.json("keys", "list", "--workspace", made["workspace_id"])["data"]
    assert {row["workspace_id"] for row in listed} == {made["workspace_id"]}
    assert issued["id"] in {row["id"] for row in listed}


def test_a_key_ends_when_it_was_said(aetherflow: CommandLine) -> None:
    ends = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    words = ["--name", "short", "--scope", "read", "--expires", ends.isoformat()]
    issued = aetherflow.json("keys", "issue", *words)
    assert datetime.fromisoformat(issued["expires_at"]) == ends
    assert f"ends {ends:%Y-%m-%d %H:%M:%S}Z" in aetherflow.text("keys", "list")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--name", "x", "--scope", "everything"], 2),
        (["--scope", "read"], 2),
        (["--name", "x", "--scope", "read", "--expires", "2030-01-01T00:00:00"], 2),
        (["--name", "x", "--scope", "read", "--expires", "2020-01-01T00:00:00Z"], 1),
        (["--name", "x", "--scope", "read", "--workspace", "nowhere"], 1),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_issued_is_told(aetherflow: CommandLine, words: list[str], status: int) -> None:
    done = aetherflow("keys", "issue", *words)
    assert done.returncode == status
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_first_key_can_be_issued_before_the_first_start(tmp_path: Path) -> None:
    words = ["keys", "issue", "--name", "first", "--scope", "admin"]
    done = run(*words, environment={}, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".aetherflow" / "aetherflow.db").exists()


@pytest.mark.parametrize(
    "words", [["keys", "list"], ["keys", "revoke", "key_1"], ["workspaces", "list"]], ids=str
)
def test_looking_in_the_wrong_folder_makes_no_database(words: list[str], tmp_path: Path) -> None:
    done = run(*words, environment={}, folder=tmp_path)
    assert done.returncode == 3
    assert "there is no database at" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_keys_are_issued_and_listed_on_both_databases(database_url: str, tmp_path: Path) -> None:
    entry = run("keyring", "new", environment={}).stdout.strip()
    environment = {"AETHERFLOW_DATABASE_URL": database_url, "AETHERFLOW_KEYRING": entry}
    words = ["keys", "issue", "--name", "first", "--scope", "admin"]
    assert run(*words, environment=environment, folder=tmp_path).returncode == 0
    listed = run("keys", "list", environment=environment, folder=tmp_path)
    assert "first" in listed.stdout


def test_a_database_that_is_away_is_exit_status_5(tmp_path: Path) -> None:
    entry = run("keyring", "new", environment={}).stdout.strip()
    url = "postgresql://nobody:hidden-password@127.0.0.1:1/none"
    environment = {"AETHERFLOW_DATABASE_URL": url, "AETHERFLOW_KEYRING": entry}
    done = run("keys", "list", environment=environment, folder=tmp_path)
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1
    assert "hidden-password" not in done.stderr


def test_the_api_lists_what_the_command_line_issued(aetherflow: CommandLine, server: Service) -> None:
    issued = aetherflow.json("keys", "issue", "--name", "both", "--scope", "read")
    answer: httpx2.Response = server.api.get("/api-keys")
    assert issued["id"] in {row["id"] for row in answer.json()["data"]}
