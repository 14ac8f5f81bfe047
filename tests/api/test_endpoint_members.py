"""Endpoints: what can be said of them, its limits and defaults, and how it is changed."""

from datetime import datetime
from typing import Any

import httpx2
import pytest

from tests.api.problems import assert_refused

# For what is refused before the database is asked.
in_one_wiring = pytest.mark.parametrize("service", ["embedded"], indirect=True)

URL = "http://127.0.0.1:9/hooks"

DEFAULTS: dict[str, Any] = {
    "events": [],
    "description": None,
    "headers": {},
    "timeout_seconds": 10,
    "retry": {"max_retries": 3, "schedule": [10, 60, 600]},
    "concurrency": None,
    "schemes": ["aetherflow", "v1"],
    "enabled": True,
    "metadata": {},
}

OTHERS: dict[str, Any] = {
    "events": ["invoice.paid", "workflow.*"],
    "description": "The accounts department's 🦉",
    "headers": {"X-Team": "accounts"},
    "timeout_seconds": 2.5,
    "retry": {"max_retries": 5, "schedule": [0.1, 604_800]},
    "concurrency": 7,
    "schemes": ["v1"],
    "enabled": False,
    "metadata": {"": "", "team": "accounts"},
}

# Members, as they are given and as they are shown.
GIVEN_AND_SHOWN = [
    ("events", ["*"], ["*"]),
    ("events", [], []),
    ("events", None, []),
    ("events", ["a.b.*", "a.b", "user.*"], ["a.b.*", "a.b", "user.*"]),
    ("description", "", ""),
    ("description", "x" * 500, "x" * 500),
    ("description", "🦉" * 500, "🦉" * 500),
    ("headers", {f"X-{n}": "v" for n in range(20)}, {f"X-{n}": "v" for n in range(20)}),
    ("headers", {"x" * 128: "v" * 4_096}, {"x" * 128: "v" * 4_096}),
    ("headers", {"X-Empty": "", "X-Tab": "a\tb c~!"}, {"X-Empty": "", "X-Tab": "a\tb c~!"}),
    ("timeout_seconds", 1, 1),
    ("timeout_seconds", 30, 30),
    ("timeout_seconds", 1.5, 1.5),
    ("retry", {"max_retries": 0}, {"max_retries": 0, "schedule": [10, 60, 600]}),
    ("retry", {"max_retries": 20}, {"max_retries": 20, "schedule": [10, 60, 600]}),
    ("retry", {"schedule": [1, 2]}, {"max_retries": 2, "schedule": [1, 2]}),
    ("retry", {"schedule": [0.1] * 20}, {"max_retries": 20, "schedule": [0.1] * 20}),
    ("retry", {"schedule": [5], "max_retries": 3}, {"max_retries": 3, "schedule": [5]}),
    ("retry", {"schedule": None, "max_retries": None}, DEFAULTS["retry"]),
    ("retry", {}, DEFAULTS["retry"]),
    ("concurrency", 1, 1),
    ("concurrency", 256, 256),
    ("schemes", ["v1a"], ["v1a"]),
    ("schemes", ["v1", "aetherflow", "v1a"], ["v1", "aetherflow", "v1a"]),
    ("metadata", {str(n): "x" for n in range(50)}, {str(n): "x" for n in range(50)}),
]

REFUSED = [
    ("events", ["invoice"], "/events/0"),
    ("events", ["a.b", "a.*.b"], "/events/1"),
    ("events", ["*.b"], "/events/0"),
    ("events", ["a.b*"], "/events/0"),
    ("events", ["a.**"], "/events/0"),
    ("events", ["A.b"], "/events/0"),
    ("events", [""], "/events/0"),
    ("events", ["a.b\0"], "/events/0"),
    ("events", ["a." + "b" * 127], "/events/0"),
    ("description", "x" * 501, "/description"),
    ("description", "a\0b", "/description"),
    ("headers", {f"X-{n}": "v" for n in range(21)}, "/headers"),
    ("headers", {"x" * 129: "v"}, f"/headers/{'x' * 129}"),
    ("headers", {"X-A": "v" * 4_097}, "/headers/X-A"),
    ("headers", {"X-A": "é"}, "/headers/X-A"),
    ("headers", {"X-A": "a\r\nX-B: c"}, "/headers/X-A"),
    ("headers", {"X-A": "a\0"}, "/headers/X-A"),
    ("headers", {"": "v"}, "/headers/"),
    ("headers", {"X A": "v"}, "/headers/X A"),
    ("headers", {"X-A:": "v"}, "/headers/X-A:"),
    ("headers", {"X-Ä": "v"}, "/headers/X-Ä"),
    ("headers", {"X-A": "1", "x-a": "2"}, "/headers/x-a"),
    ("timeout_seconds", 0.99, "/timeout_seconds"),
    ("timeout_seconds", 30.01, "/timeout_seconds"),
    ("timeout_seconds", -1, "/timeout_seconds"),
    ("retry", {"max_retries": -1}, "/retry/max_retries"),
    ("retry", {"max_retries": 21}, "/retry/max_retries"),
    ("retry", {"schedule": []}, "/retry/schedule"),
    ("retry", {"schedule": [1] * 21}, "/retry/schedule"),
    ("retry", {"schedule": [1, 0.09]}, "/retry/schedule/1"),
    ("retry", {"schedule": [604_800.1]}, "/retry/schedule/0"),
    ("concurrency", 0, "/concurrency"),
    ("concurrency", 257, "/concurrency"),
    ("concurrency", 10**30, "/concurrency"),
    ("schemes", [], "/schemes"),
    ("schemes", ["v2"], "/schemes/0"),
    ("schemes", ["V1"], "/schemes/0"),
    ("metadata", {str(n): "x" for n in range(51)}, "/metadata"),
    ("metadata", {"a": "b\0"}, "/metadata/a"),
]

RESERVED = [
    *[
        "Host",
        "content-type",
        "Content-Length",
        "content-x",
        "connection",
        "transfer-encoding",
        "TE",
        "trailer",
    ],
    *["upgrade", "expect", "keep-alive", "proxy-authorization", "proxy-x", "user-agent", "accept-encoding"],
    *["webhook-id", "webhook-x", "X-AetherFlow-Signature", "x-aetherflow-x", "forwarded", "x-forwarded-for"],
]


def register(workspace: httpx2.Client, **members: Any) -> dict[str, Any]:
    answer = workspace.post("/endpoints", json={"url": URL, **members})
    assert answer.status_code == 201, answer.text
    endpoint: dict[str, Any] = answer.json()
    return endpoint


def patch(workspace: httpx2.Client, endpoint: dict[str, Any], **members: Any) -> dict[str, Any]:
    answer = workspace.patch(f"/endpoints/{endpoint['id']}", json=members)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def read(workspace: httpx2.Client, endpoint: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = workspace.get(f"/endpoints/{endpoint['id']}").json()
    return shown


def test_an_endpoint_needs_nothing_but_a_url(workspace: httpx2.Client) -> None:
    answer = workspace.post("/endpoints", json={"url": URL})
    endpoint = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/api/v1/endpoints/{endpoint['id']}")
    assert endpoint["id"].startswith("ep_")
    assert endpoint["url"] == URL
    assert {name: endpoint[name] for name in DEFAULTS} == DEFAULTS
    assert (endpoint["disabled_reason"], endpoint["disabled_at"]) == (None, None)
    assert (endpoint["public_key"], endpoint["warnings"]) == (None, [])
    assert endpoint["created_at"] == endpoint["updated_at"]
    assert endpoint["created_at"].endswith("Z")
    del endpoint["secret"]
    assert read(workspace, endpoint) == endpoint
    assert workspace.get("/endpoints").json()["data"] == [endpoint]


@pytest.mark.parametrize(("name", "given", "shown"), GIVEN_AND_SHOWN)
def test_a_member_is_shown_as_it_was_given(
    workspace: httpx2.Client, name: str, given: Any, shown: Any
) -> None:
    endpoint = register(workspace, **{name: given})
    assert endpoint[name] == shown
    assert read(workspace, endpoint)[name] == shown
    other = register(workspace)
    assert patch(workspace, other, **{name: given})[name] == shown
    assert read(workspace, other)[name] == shown


@in_one_wiring
@pytest.mark.parametrize(("name", "given", "path"), REFUSED)
def test_a_member_beyond_its_limits_is_refused(
    workspace: httpx2.Client, name: str, given: Any, path: str
) -> None:
    endpoint = register(workspace)
    answer = workspace.post("/endpoints", json={"url": URL, name: given})
    assert_refused(answer, 422, "invalid", path)
    answer = workspace.patch(f"/endpoints/{endpoint['id']}", json={name: given})
    assert_refused(answer, 422, "invalid", path)
    assert read(workspace, endpoint)[name] == DEFAULTS[name]
    assert len(workspace.get("/endpoints").json()["data"]) == 1


@in_one_wiring
@pytest.mark.parametrize("name", RESERVED)
def test_a_header_that_is_ours_to_set_is_refused(workspace: httpx2.Client, name: str) -> None:
    answer = workspace.post("/endpoints", json={"url": URL, "headers": {"X-Fine": "v", name: "v"}})
    assert_refused(answer, 422, "invalid", f"/headers/{name}")


@pytest.mark.parametrize("name", DEFAULTS)
def test_null_resets_a_member_to_its_default(workspace: httpx2.Client, name: str) -> None:
    endpoint = register(workspace, **OTHERS)
    assert {member: endpoint[member] for member in OTHERS} == OTHERS
    changed = patch(workspace, endpoint, **{name: None})
    expected = {**OTHERS, name: DEFAULTS[name]}
    assert {member: changed[member] for member in expected} == expected
    assert register(workspace, **{name: None})[name] == DEFAULTS[name]


@pytest.mark.parametrize("name", DEFAULTS)
def test_patch_replaces_one_member_and_leaves_the_others(workspace: httpx2.Client, name: str) -> None:
    endpoint = register(workspace)
    changed = patch(workspace, endpoint, **{name: OTHERS[name]})
    expected = {**DEFAULTS, name: OTHERS[name]}
    assert {member: changed[member] for member in expected} == expected
    assert read(workspace, endpoint) == {**changed, "warnings": []}
    assert datetime.fromisoformat(changed["updated_at"]) > datetime.fromisoformat(endpoint["updated_at"])


def test_patch_replaces_members_whole(workspace: httpx2.Client) -> None:
    endpoint = register(workspace, **OTHERS)
    changed = patch(
        workspace,
        endpoint,
        headers={"X-New": "1"},
        metadata={"new": "1"},
        retry={"max_retries": 1},
        events=["c.d"],
    )
    assert changed["headers"] == {"X-New": "1"}
    assert changed["metadata"] == {"new": "1"}
    assert changed["retry"] == {"max_retries": 1, "schedule": [10, 60, 600]}
    assert changed["events"] == ["c.d"]


def test_an_empty_patch_changes_nothing(workspace: httpx2.Client) -> None:
    endpoint = register(workspace)
    assert patch(workspace, endpoint) == read(workspace, endpoint)


def test_members_that_are_ours_cannot_be_given(workspace: httpx2.Client) -> None:
    endpoint = register(workspace)
    for name in (
        "id",
        "disabled_reason",
        "disabled_at",
        "created_at",
        "updated_at",
        "public_key",
        "warnings",
    ):
        assert_refused(
            workspace.post("/endpoints", json={"url": URL, name: None}), 422, "invalid", f"/{name}"
        )
    for name in ("id", "secret", "ed25519_secret", "public_key"):
        answer = workspace.patch(f"/endpoints/{endpoint['id']}", json={name: endpoint.get(name)})
        assert_refused(answer, 422, "invalid", f"/{name}")


def test_values_of_headers_that_are_credentials_are_masked(workspace: httpx2.Client) -> None:
    headers = {
        "Authorization": "Basic abc",
        "cookie": "a=b",
        "X-Api-Key": "k",
        "X-TOKEN-1": "t",
        "My-Secret": "s",
        "X-Team": "accounts",
        "X-Monkey": "banana",
    }
    masked = {name: "accounts" if name == "X-Team" else "****" for name in headers}
    endpoint = register(workspace, headers=headers)
    assert endpoint["headers"] == masked
    assert read(workspace, endpoint)["headers"] == masked
    assert workspace.get("/endpoints").json()["data"][0]["headers"] == masked
    assert patch(workspace, endpoint, description="x")["headers"] == masked


def test_subscriptions_to_types_that_nobody_declared_are_warned_of_once(workspace: httpx2.Client) -> None:
    events = ["invoice.paid", "workflow.completed", "workflow.bogus", "invoice.*", "*", "invoice.paid"]
    warnings = [
        "The event type invoice.paid is not declared.",
        "The event type workflow.bogus is not declared.",
    ]
    endpoint = register(workspace, events=events)
    assert endpoint["warnings"] == warnings
    assert read(workspace, endpoint)["warnings"] == []
    assert patch(workspace, endpoint, events=events)["warnings"] == warnings
    assert patch(workspace, endpoint, description="x")["warnings"] == []


@pytest.mark.parametrize(
    ("patterns", "event", "matches"),
    [
        ([], "a.b", True),
        (["*"], "a.b", True),
        (["a.b"], "a.b", True),
        (["a.b"], "a.b.c", False),
        (["a.*"], "a.b", True),
        (["a.*"], "a.b.c", True),
        (["a.*"], "ab.c", False),
        (["a.b.*"], "a.b", False),
        (["x.y", "a.*"], "a.b", True),
        (["x.y", "*"], "a.b", True),
        (["workflow.*"], "a.b", False),
    ],
)
def test_a_wildcard_stands_for_one_part_or_more(
    workspace: httpx2.Client, patterns: list[str], event: str, matches: bool
) -> None:
    endpoint = register(workspace, events=patterns)
    accepted = workspace.post("/events", json={"event": event, "data": {}}).json()
    assert accepted["deliveries"] == int(matches)
    shown = workspace.get(f"/events/{accepted['id']}").json()
    reasons = [] if matches else [{"endpoint_id": endpoint["id"], "reason": "not_subscribed"}]
    assert shown["unmatched"] == reasons


def test_an_endpoint_is_disabled_and_enabled_by_hand(workspace: httpx2.Client) -> None:
    endpoint = register(workspace)
    path = f"/endpoints/{endpoint['id']}"
    answer = workspace.post(f"{path}/disable")
    off = answer.json()
    assert (answer.status_code, off["enabled"], off["disabled_reason"]) == (200, False, "manual")
    assert off["disabled_at"] is not None
    assert read(workspace, endpoint) == off
    # Again it changes nothing.
    assert workspace.post(f"{path}/disable").json() == off

    answer = workspace.post(f"{path}/enable")
    on = answer.json()
    assert (answer.status_code, on["enabled"], on["disabled_reason"], on["disabled_at"]) == (
        200,
        True,
        None,
        None,
    )
    assert workspace.post(f"{path}/enable").json() == on


def test_an_endpoint_may_be_registered_disabled_and_turned_by_patch(workspace: httpx2.Client) -> None:
    endpoint = register(workspace, enabled=False)
    assert (endpoint["enabled"], endpoint["disabled_reason"]) == (False, "manual")
    accepted = workspace.post("/events", json={"event": "a.b", "data": {}}).json()
    assert accepted["deliveries"] == 0
    shown = workspace.get(f"/events/{accepted['id']}").json()
    assert shown["unmatched"] == [{"endpoint_id": endpoint["id"], "reason": "disabled"}]
    changed = patch(workspace, endpoint, enabled=True, description="on")
    assert (changed["enabled"], changed["disabled_reason"], changed["description"]) == (True, None, "on")
    assert patch(workspace, endpoint, enabled=False)["disabled_reason"] == "manual"


def test_a_deleted_endpoint_is_gone_but_its_deliveries_can_be_read(workspace: httpx2.Client) -> None:
    endpoint = register(workspace, retry={"schedule": [600_000]})
    path = f"/endpoints/{endpoint['id']}"
    event = workspace.post("/events", json={"event": "a.b", "data": {}}).json()["id"]
    assert workspace.delete(path).status_code == 204
    for answer in (
        workspace.get(path),
        workspace.delete(path),
        workspace.patch(path, json={}),
        workspace.post(f"{path}/enable"),
        workspace.post(f"{path}/test"),
    ):
        assert_refused(answer, 404, "not_found")
    assert workspace.get("/endpoints").json()["data"] == []
    (delivery,) = workspace.get("/deliveries", params={"endpoint_id": endpoint["id"]}).json()["data"]
    assert (delivery["status"], delivery["reason"]) == ("cancelled", "endpoint_disabled")
    assert_refused(workspace.post(f"/deliveries/{delivery['id']}/retry"), 409, "endpoint_disabled")
    replay = workspace.post(f"/events/{event}/replay", json={"endpoint_id": endpoint["id"]})
    assert_refused(replay, 409, "endpoint_disabled")
    assert workspace.post(f"/events/{event}/replay").json() == {"deliveries": 0}


def test_two_endpoints_may_share_a_url(workspace: httpx2.Client) -> None:
    first, second = register(workspace), register(workspace)
    assert first["id"] != second["id"]
    assert first["secret"] != second["secret"]
    assert workspace.post("/events", json={"event": "a.b", "data": {}}).json()["deliveries"] == 2


def test_a_change_of_state_is_told_to_the_others_and_not_to_the_endpoint_itself(
    workspace: httpx2.Client,
) -> None:
    spoken_of = register(workspace, events=["endpoint.*"])
    other = register(workspace, events=["endpoint.*"])
    workspace.post(f"/endpoints/{spoken_of['id']}/disable")
    workspace.post(f"/endpoints/{spoken_of['id']}/disable")
    workspace.post(f"/endpoints/{spoken_of['id']}/enable")
    events = workspace.get("/events").json()["data"]
    assert [event["event"] for event in events] == ["endpoint.enabled", "endpoint.disabled"]
    shown = [workspace.get(f"/events/{event['id']}").json() for event in events]
    assert [one["payload"]["data"]["endpoint"] for one in shown] == [
        {
            "id": spoken_of["id"],
            "url": URL,
            "enabled": enabled,
            "disabled_reason": reason,
            "breaker": "closed",
            "failing_since": None,
        }
        for enabled, reason in ((True, None), (False, "manual"))
    ]
    for one in shown:
        assert [delivery["endpoint_id"] for delivery in one["deliveries"]] == [other["id"]]
        assert one["unmatched"] == [{"endpoint_id": spoken_of["id"], "reason": "about_itself"}]
        # Nor does a replay go there.
        assert workspace.post(f"/events/{one['id']}/replay").json() == {"deliveries": 1}
