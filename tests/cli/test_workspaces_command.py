"""`aetherflow workspaces`."""

import json

from tests.cli.conftest import CommandLine
from tests.services import Service


def test_a_workspace_made_beside_a_running_server_serves_and_sees_nothing_of_others(
    aetherflow: CommandLine, server: Service
) -> None:
    done = aetherflow("workspaces", "create", "second", "--output", "json")
    made = json.loads(done.stdout)
    assert made.keys() == {"workspace_id", "api_key"}
    event = server.api.post("/events", json={"event": "invoice.paid", "data": {}}).json()
    with server.client(made["api_key"]) as client:
        assert client.get("/events").json()["data"] == []
        assert client.get(f"/events/{event['id']}").status_code == 404
        # The scope is admin, which does not make workspaces.
        assert client.post("/workspaces", json={"name": "third"}).status_code == 403


def test_a_name_is_taken_once(aetherflow: CommandLine) -> None:
    aetherflow.text("workspaces", "create", "taken")
    done = aetherflow("workspaces", "create", "taken")
    assert done.returncode == 1
    assert "There is a workspace with this name" in done.stderr
    assert done.stdout == ""


def test_workspaces_are_listed_the_first_one_first(aetherflow: CommandLine) -> None:
    made = aetherflow.json("workspaces", "create", "listed last")
    rows = aetherflow.json("workspaces", "list")["data"]
    assert rows[0]["name"] == "default"
    assert rows[-1]["id"] == made["workspace_id"]
    table = aetherflow.text("workspaces", "list")
    assert made["workspace_id"] in table
    assert made["api_key"] not in table


def test_a_name_that_is_empty_is_wrong_use(aetherflow: CommandLine) -> None:
    assert aetherflow("workspaces", "create", "").returncode == 2
