"""`aetherflow events`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.services import Service


def test_data_is_published_to_the_letter(aetherflow: CommandLine, server: Service) -> None:
    written = '{"invoice": {"total": 1.10, "number": 9007199254740993, "x": 1, "x": 2}}'
    published = aetherflow.json("events", "send", "invoice.paid", "--data", written)
    body = server.api.get(f"/events/{published['id']}").json()["body"]
    assert body.endswith(',"data":{"invoice":{"total":1.10,"number":9007199254740993,"x":1,"x":2}}}')


def test_data_can_come_from_a_file(aetherflow: CommandLine, server: Service, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"invoice": {"name": "Größe"}}\n')
    published = aetherflow.json("events", "send", "invoice.paid", "--data", f"@{tmp_path / 'data.json'}")
    event = server.api.get(f"/events/{published['id']}").json()
    assert event["payload"]["data"] == {"invoice": {"name": "Größe"}}


def test_a_built_in_type_without_data_sends_its_example(aetherflow: CommandLine, server: Service) -> None:
    published = aetherflow.json("events", "send", "workflow.failed")
    data = server.api.get(f"/events/{published['id']}").json()["payload"]["data"]
    assert data["workflow"]["status"] == "failed"


def test_the_same_id_publishes_once(
    aetherflow: CommandLine, server: Service, endpoint: dict[str, Any]
) -> None:
    first = aetherflow("events", "send", "invoice.paid", "--id", "once-only")
    assert first.stdout == "Published once-only to 1 endpoint.\n"
    second = aetherflow("events", "send", "invoice.paid", "--id", "once-only")
    assert second.returncode == 0
    assert "had been published before" in second.stderr
    assert len(server.api.get("/deliveries?event_id=once-only").json()["data"]) == 1


def test_other_content_under_a_used_id_is_a_conflict(aetherflow: CommandLine) -> None:
    aetherflow.text("events", "send", "invoice.paid", "--id", "used")
    done = aetherflow("events", "send", "invoice.paid", "--id", "used", "--data", '{"other": true}')
    assert done.returncode == 1
    assert "(conflict)" in done.stderr


def test_a_type_that_nobody_declared_is_remarked_upon_beside_the_result(aetherflow: CommandLine) -> None:
    done = aetherflow("events", "send", "invoice.paid", "--output", "table")
    assert "invoice.paid is not declared" in done.stderr
    assert "invoice.paid" not in done.stdout


@pytest.mark.parametrize(
    "data", ["{", '{"a": 1} trailing', "@/no/such/file", '{"a": 1}, "event": "other.type"'], ids=str
)
def test_what_is_no_json_is_wrong_use(aetherflow: CommandLine, data: str) -> None:
    done = aetherflow("events", "send", "invoice.paid", "--data", data)
    assert done.returncode == 2
    assert "--data" in done.stderr


def test_a_refused_event_lists_what_is_wrong_with_its_paths(aetherflow: CommandLine) -> None:
    done = aetherflow("events", "send", "Not A Type", "--data", "[]", "--id", "no id")
    assert done.returncode == 1
    assert done.stdout == ""
    first, *details = done.stderr.splitlines()
    assert first == "aetherflow: The request does not fit (invalid)."
    assert [line.split(":")[0] for line in details] == ["  /data", "  /event", "  /id"]


def test_events_are_listed_newest_first(aetherflow: CommandLine) -> None:
    ids = [aetherflow.json("events", "send", "listed.here", "--data", "{}")["id"] for _ in range(2)]
    page = aetherflow.json("events", "list", "--event", "listed.here")
    assert [event["id"] for event in page["data"]] == ids[::-1]
    assert page["next_cursor"] is None
    table = aetherflow.text("events", "list", "--event", "listed.here")
    assert table.splitlines()[0].split() == ["ID", "EVENT", "PUBLISHED"]
    assert all(id_ in table for id_ in ids)


def test_a_list_goes_on_where_it_ended(aetherflow: CommandLine, server: Service) -> None:
    events = [{"event": "many.here", "data": {}, "id": f"many-{number}"} for number in range(150)]
    assert server.api.post("/events/batch", json={"events": events}).status_code == 202
    # More than the API gives at once, and not all.
    first = aetherflow.json("events", "list", "--event", "many.here", "--limit", "120")
    rest = aetherflow.json("events", "list", "--event", "many.here", "--cursor", first["next_cursor"])
    assert len(first["data"]) == 120
    assert {row["id"] for row in first["data"] + rest["data"]} == {event["id"] for event in events}
    told = aetherflow("events", "list", "--event", "many.here", "--limit", "1")
    assert "there are more: --cursor " in told.stderr


def test_an_empty_list_says_so_and_is_still_json(aetherflow: CommandLine) -> None:
    assert aetherflow.text("events", "list", "--event", "never.published") == "There are none.\n"
    assert aetherflow.json("events", "list", "--event", "never.published") == {
        "data": [],
        "next_cursor": None,
    }


def test_a_replay_delivers_again(aetherflow: CommandLine, endpoint: dict[str, Any], server: Service) -> None:
    event_id = aetherflow.json("events", "send", "invoice.paid", "--data", "{}")["id"]
    assert aetherflow.text("events", "replay", event_id) == f"Replayed {event_id}: 1 delivery.\n"
    assert aetherflow.json("events", "replay", event_id, "--endpoint", endpoint["id"]) == {"deliveries": 1}
    assert len(server.api.get(f"/deliveries?event_id={event_id}").json()["data"]) == 3


def test_json_output_is_the_answer_of_the_api(aetherflow: CommandLine, server: Service) -> None:
    published = aetherflow.json("events", "send", "invoice.paid", "--data", json.dumps({"ok": True}))
    assert published.keys() >= {"id", "event", "timestamp", "deliveries"}
    assert server.api.get(f"/events/{published['id']}").status_code == 200
