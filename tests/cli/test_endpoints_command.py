"""`aetherflow endpoints`."""

import json
from typing import Any

from tests.cli.conftest import CommandLine
from tests.ledger import Ledger
from tests.services import Service


def test_an_endpoint_is_registered_with_what_the_options_say(
    aetherflow: CommandLine, server: Service, receiver: Ledger
) -> None:
    made = aetherflow.json(
        "endpoints",
        "create",
        receiver.url("/made"),
        *("--event", "made.here", "--event", "also.*"),
        *("--description", "Made by a test"),
        *("--header", "X-Team: blue"),
        *("--timeout", "7"),
        *("--data", '{"retry": {"schedule": [5, 50]}, "timeout_seconds": 3}'),
    )
    assert made["secret"].startswith("whsec_")
    shown = server.api.get(f"/endpoints/{made['id']}").json()
    assert shown["events"] == ["made.here", "also.*"]
    assert shown["description"] == "Made by a test"
    assert shown["headers"].keys() == {"X-Team"}
    assert shown["timeout_seconds"] == 7
    assert shown["retry"]["schedule"] == [5, 50]
    aetherflow.text("endpoints", "delete", made["id"])


def test_the_secret_is_shown_once(aetherflow: CommandLine, receiver: Ledger) -> None:
    done = aetherflow("endpoints", "create", receiver.url())
    fields = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert fields["secret"].startswith("whsec_")
    assert "not shown again" in done.stderr
    for words in (["show", fields["id"]], ["list"], ["disable", fields["id"]]):
        again = aetherflow("endpoints", *words)
        assert fields["secret"] not in again.stdout + again.stderr
    aetherflow.text("endpoints", "delete", fields["id"])


def test_a_table_shows_members_that_have_members(aetherflow: CommandLine, endpoint: dict[str, Any]) -> None:
    fields = dict(
        line.split(maxsplit=1) for line in aetherflow.text("endpoints", "show", endpoint["id"]).splitlines()
    )
    assert json.loads(fields["retry"]) == endpoint["retry"]
    assert fields["description"] == "-"
    assert fields["enabled"] == "yes"
    assert aetherflow.json("endpoints", "show", endpoint["id"])["id"] == endpoint["id"]


def test_a_change_replaces_what_is_named_and_null_resets_it(
    aetherflow: CommandLine, endpoint: dict[str, Any], receiver: Ledger
) -> None:
    target = receiver.url("/elsewhere")
    words = ["endpoints", "update", endpoint["id"]]
    changed = aetherflow.json(*words, "--destination", target, "--description", "A note")
    assert (changed["url"], changed["description"]) == (target, "A note")
    assert changed["events"] == ["invoice.*"]
    assert aetherflow.json(*words, "--data", '{"description": null}')["description"] is None


def test_a_change_of_nothing_is_wrong_use(aetherflow: CommandLine, endpoint: dict[str, Any]) -> None:
    assert aetherflow("endpoints", "update", endpoint["id"]).returncode == 2


def test_a_destination_that_is_not_allowed_is_refused(aetherflow: CommandLine) -> None:
    done = aetherflow("endpoints", "create", "http://10.0.0.1/")
    assert done.returncode == 1
    assert "(blocked_destination)" in done.stderr
    assert "  /url: " in done.stderr


def test_an_endpoint_is_disabled_enabled_and_deleted(
    aetherflow: CommandLine, endpoint: dict[str, Any], server: Service
) -> None:
    id_ = endpoint["id"]
    assert aetherflow.text("endpoints", "disable", id_) == f"{id_} is disabled (manual).\n"
    assert "disabled (manual)" in aetherflow.text("endpoints", "list")
    assert aetherflow.json("endpoints", "enable", id_)["enabled"] is True
    assert aetherflow.json("endpoints", "delete", id_) == {"id": id_, "deleted": True}
    assert server.api.get(f"/endpoints/{id_}").status_code == 404
    gone = aetherflow("endpoints", "show", id_)
    assert gone.returncode == 1
    assert "(not_found)" in gone.stderr


def test_a_list_shows_whole_ids_and_urls(aetherflow: CommandLine, endpoint: dict[str, Any]) -> None:
    table = aetherflow.text("endpoints", "list")
    assert endpoint["id"] in table
    assert endpoint["url"] in table
    assert endpoint["id"] in {row["id"] for row in aetherflow.json("endpoints", "list")["data"]}


def test_a_test_event_tells_how_its_attempt_went(
    aetherflow: CommandLine, endpoint: dict[str, Any], dead_endpoint: dict[str, Any]
) -> None:
    good = aetherflow("endpoints", "test", endpoint["id"], "--event", "user.joined")
    assert good.returncode == 0
    assert f"{endpoint['id']} answered: 200 after " in good.stdout
    bad = aetherflow("endpoints", "test", dead_endpoint["id"], "--output", "json")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["attempt"]["result"] == "connect"
    assert "the attempt failed" in bad.stderr


def test_a_test_event_need_not_be_waited_for(aetherflow: CommandLine, dead_endpoint: dict[str, Any]) -> None:
    sent = aetherflow.json("endpoints", "test", dead_endpoint["id"], "--no-wait")
    assert sent.keys() >= {"event_id", "delivery_id"}


def test_a_header_without_a_colon_is_wrong_use(aetherflow: CommandLine, receiver: Ledger) -> None:
    done = aetherflow("endpoints", "create", receiver.url(), "--header", "X-Team blue")
    assert done.returncode == 2
    assert "--header" in done.stderr


def test_what_others_wrote_cannot_steer_the_terminal(
    aetherflow: CommandLine, endpoint: dict[str, Any], server: Service
) -> None:
    change = {"description": "\x1b[2Jgone\nlast_line"}
    assert server.api.patch(f"/endpoints/{endpoint['id']}", json=change).status_code == 200
    shown = aetherflow.text("endpoints", "show", endpoint["id"])
    assert "\\x1b[2Jgone\\nlast_line" in shown
    assert "\x1b" not in shown
