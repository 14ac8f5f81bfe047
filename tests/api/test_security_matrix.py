"""Every route of `/openapi.json`, asked with every kind of key that must not get through.

A new route fails here until it has its line in ROUTES.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.api.deployments import MANIFEST, PROGRAM, deploy
from tests.api.problems import assert_refused
from tests.services import Service
from tests.waiting import until

# What each route needs. A path's parameters name rows of the workspace that `Rows` has one of.
ROUTES = {
    ("GET", "/api/v1/events"): "read",
    ("POST", "/api/v1/events"): "events:write",
    ("POST", "/api/v1/events/batch"): "events:write",
    ("GET", "/api/v1/events/{event_id}"): "read",
    ("POST", "/api/v1/events/{event_id}/replay"): "endpoints:write",
    ("GET", "/api/v1/endpoints"): "read",
    ("POST", "/api/v1/endpoints"): "endpoints:write",
    ("GET", "/api/v1/endpoints/{endpoint_id}"): "read",
    ("PATCH", "/api/v1/endpoints/{endpoint_id}"): "endpoints:write",
    ("DELETE", "/api/v1/endpoints/{endpoint_id}"): "endpoints:write",
    ("POST", "/api/v1/endpoints/{endpoint_id}/enable"): "endpoints:write",
    ("POST", "/api/v1/endpoints/{endpoint_id}/disable"): "endpoints:write",
    ("POST", "/api/v1/endpoints/{endpoint_id}/test"): "endpoints:write",
    ("GET", "/api/v1/deliveries"): "read",
    ("GET", "/api/v1/deliveries/{delivery_id}"): "read",
    ("POST", "/api/v1/deliveries/{delivery_id}/retry"): "endpoints:write",
    ("POST", "/api/v1/deliveries/{delivery_id}/cancel"): "endpoints:write",
    ("GET", "/api/v1/workflows"): "read",
    ("POST", "/api/v1/workflows"): "workflows:write",
    ("POST", "/api/v1/workflows/deploy"): "workflows:write",
    ("GET", "/api/v1/workflows/{workflow_id}"): "read",
    ("PATCH", "/api/v1/workflows/{workflow_id}"): "workflows:write",
    ("DELETE", "/api/v1/workflows/{workflow_id}"): "workflows:write",
    ("GET", "/api/v1/workflows/{workflow_id}/triggers"): "read",
    ("GET", "/api/v1/workflows/{workflow_id}/deployments"): "read",
    ("GET", "/api/v1/workflows/{workflow_id}/vars"): "read",
    ("PUT", "/api/v1/workflows/{workflow_id}/vars/{var_name}"): "workflows:write",
    ("DELETE", "/api/v1/workflows/{workflow_id}/vars/{var_name}"): "workflows:write",
    ("GET", "/api/v1/workflows/{workflow_id}/sessions"): "read",
    ("POST", "/api/v1/workflows/{workflow_id}/sessions"): "workflows:write",
    ("GET", "/api/v1/sessions"): "read",
    ("GET", "/api/v1/sessions/{session_id}"): "read",
    ("GET", "/api/v1/sessions/{session_id}/log"): "read",
    ("POST", "/api/v1/sessions/{session_id}/stop"): "workflows:write",
    ("POST", "/api/v1/sessions/{session_id}/rerun"): "workflows:write",
    ("GET", "/api/v1/requests"): "read",
    ("GET", "/api/v1/requests/{request_id}"): "read",
    ("POST", "/api/v1/requests/{request_id}/redispatch"): "workflows:write",
    ("GET", "/api/v1/members"): "read",
    ("GET", "/api/v1/members/{member_id}"): "read",
    ("PATCH", "/api/v1/members/{member_id}"): "admin",
    ("DELETE", "/api/v1/members/{member_id}"): "admin",
    ("GET", "/api/v1/invitations"): "read",
    ("POST", "/api/v1/invitations"): "admin",
    ("DELETE", "/api/v1/invitations/{invitation_id}"): "admin",
    ("GET", "/api/v1/billing"): "read",
    ("PATCH", "/api/v1/billing"): "admin",
    ("GET", "/api/v1/billing/payments"): "read",
    ("PUT", "/api/v1/billing/payments"): "admin",
    ("DELETE", "/api/v1/billing/payments"): "admin",
    ("GET", "/api/v1/integrations"): "read",
    ("POST", "/api/v1/integrations"): "admin",
    ("GET", "/api/v1/integrations/{integration_id}"): "read",
    ("PATCH", "/api/v1/integrations/{integration_id}"): "admin",
    ("DELETE", "/api/v1/integrations/{integration_id}"): "admin",
    ("POST", "/api/v1/integrations/{integration_id}/connect"): "admin",
    ("POST", "/api/v1/integrations/{integration_id}/check"): "admin",
    ("POST", "/api/v1/integrations/{integration_id}/disconnect"): "admin",
    ("GET", "/api/v1/api-keys"): "read",
    ("POST", "/api/v1/api-keys"): "admin",
    ("DELETE", "/api/v1/api-keys/{key_id}"): "admin",
    ("POST", "/api/v1/workspaces"): "operator",
}

# What needs no key, since something else in the request lets in whoever sends it.
OPEN_ROUTES = {("POST", "/api/v1/invitations/{token}/accept")}

SCOPES = ("read", "events:write", "endpoints:write", "workflows:write", "admin", "operator")

# How a route without parameters answers who is let in, if not as usual.
ANSWERS = {
    ("POST", "/api/v1/workflows/deploy"): 415,
    # No payment provider is connected.
    ("GET", "/api/v1/billing/payments"): 404,
}

ROUTES_OF_ROWS = [route for route in ROUTES if "{" in route[1]]


@dataclass(frozen=True, slots=True)
class Rows:
    """A workspace with one row of each kind."""

    client: httpx2.Client
    ids: dict[str, str]


@pytest.fixture(scope="module")
def rows(service: Service) -> Iterator[Rows]:
    made = service.api.post("/workspaces", json={"name": "the matrix's rows"}).json()
    with service.client(made["api_key"]) as client:
        endpoint = client.post("/endpoints", json={"url": "http://127.0.0.1:9/", "enabled": False}).json()
        sent = client.post(f"/endpoints/{endpoint['id']}/test").json()
        key = client.post("/api-keys", json={"name": "a row", "scopes": ["read"]}).json()
        workflow = deploy(client, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}).json()
        client.put(f"/workflows/{workflow['workflow']['id']}/vars/TOKEN", json={"value": "a row's"})
        config = {"base_url": "http://127.0.0.1:9/"}
        integration = client.post(
            "/integrations", json={"name": "a row", "kind": "http", "config": config}
        ).json()
        trigger = workflow["triggers"][0]
        called = service.http.post(f"/webhooks/{trigger['slug']}")
        invited = {"email": "ada@example.com", "role": "owner"}
        token = client.post("/invitations", json=invited).json()["token"]
        joined = {"name": "Ada", "password": "correct horse"}
        member = service.http.post(f"/api/v1/invitations/{token}/accept", json=joined).json()
        invitation = client.post("/invitations", json={**invited, "email": "bob@example.com"}).json()
        ids = {
            "member_id": member["id"],
            "invitation_id": invitation["id"],
            "workflow_id": workflow["workflow"]["id"],
            "deployment_id": workflow["deployment"]["id"],
            "trigger_id": trigger["id"],
            "var_name": "TOKEN",
            "request_id": called.headers["aetherflow-request-id"],
            "session_id": called.headers["aetherflow-session-id"],
            "event_id": sent["event_id"],
            "delivery_id": sent["delivery_id"],
            "endpoint_id": endpoint["id"],
            "key_id": key["id"],
            "integration_id": integration["id"],
        }
        yield Rows(client, ids)


@pytest.fixture(scope="module")
def keys(service: Service) -> dict[str, str]:
    """Live keys by their only scope, and one each that is revoked, expired, unknown and malformed."""
    keys = {}
    for scope in SCOPES:
        keys[scope] = service.api.post("/api-keys", json={"name": scope, "scopes": [scope]}).json()["key"]
    soon = (datetime.now(UTC) + timedelta(milliseconds=200)).isoformat()
    every = {"scopes": ["admin", "operator"]}
    keys["expired"] = service.api.post("/api-keys", json={"name": "x", "expires_at": soon, **every}).json()[
        "key"
    ]
    revoked = service.api.post("/api-keys", json={"name": "revoked", **every}).json()
    assert service.api.delete(f"/api-keys/{revoked['id']}").status_code == 204
    keys["revoked"] = revoked["key"]
    keys["unknown"] = f"afk_{'0' * 40}"
    keys["malformed"] = "hunter2"
    with service.client(keys["expired"]) as client:
        until(lambda: client.get("/events").status_code == 401, what="the key has expired")
    return keys


def ask(service: Service, route: tuple[str, str], ids: dict[str, str], key: str | None) -> httpx2.Response:
    """Send a request that would be refused for its body by who is let in, so that nothing is changed."""
    method, path = route
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    content = b"[" if method in ("POST", "PUT", "PATCH") else None
    return service.http.request(method, path.format_map(ids), headers=headers, content=content)


def described(service: Service) -> set[tuple[str, str]]:
    paths: dict[str, dict[str, Any]] = service.http.get("/openapi.json").json()["paths"]
    return {(method.upper(), path) for path, operations in paths.items() for method in operations}


def test_every_route_has_its_line(service: Service) -> None:
    assert described(service) == set(ROUTES) | OPEN_ROUTES


def test_every_route_says_which_scope_it_needs(service: Service) -> None:
    paths = service.http.get("/openapi.json").json()["paths"]
    for (method, path), scope in ROUTES.items():
        assert paths[path][method.lower()]["security"] == [{"bearer": [scope]}], (method, path)
    for method, path in OPEN_ROUTES:
        assert "security" not in paths[path][method.lower()]


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("kind", [None, "malformed", "unknown", "revoked", "expired"])
def test_no_route_lets_in_a_key_that_is_not_live(
    service: Service, rows: Rows, keys: dict[str, str], route: tuple[str, str], kind: str | None
) -> None:
    answer = ask(service, route, rows.ids, None if kind is None else keys[kind])
    assert_refused(answer, 401, "unauthenticated")


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_every_route_lets_in_its_scope_alone_and_admin(
    service: Service, rows: Rows, keys: dict[str, str], route: tuple[str, str]
) -> None:
    wanted = ROUTES[route]
    for scope in SCOPES:
        if scope != wanted and (scope != "admin" or wanted == "operator"):
            assert_refused(ask(service, route, rows.ids, keys[scope]), 403, "missing_scope")
        elif route[0] != "DELETE":
            # The row belongs to another workspace, and the body is refused by whoever gets that far.
            passed = ANSWERS.get(route, 200 if route[0] == "GET" else 400)
            expected = 404 if "{" in route[1] else passed
            assert ask(service, route, rows.ids, keys[scope]).status_code == expected


@pytest.mark.parametrize("route", ROUTES_OF_ROWS, ids=" ".join)
def test_a_row_of_another_workspace_is_not_there(
    service: Service, rows: Rows, keys: dict[str, str], route: tuple[str, str]
) -> None:
    foreign = ask(service, route, rows.ids, keys["admin"])
    missing = ask(service, route, dict.fromkeys(rows.ids, "none"), keys["admin"])
    told = [assert_refused(answer, 404, "not_found")["detail"] for answer in (foreign, missing)]
    assert told[0] == told[1]


LISTS = [
    "/events",
    "/endpoints",
    "/deliveries",
    "/api-keys",
    "/workflows",
    "/sessions",
    "/requests",
    "/integrations",
    "/members",
    "/invitations",
]


@pytest.mark.parametrize("path", LISTS)
def test_lists_show_nothing_of_another_workspace(rows: Rows, stranger: httpx2.Client, path: str) -> None:
    theirs = {row["id"] for row in rows.client.get(path).json()["data"]}
    seen = {row["id"] for row in stranger.get(path).json()["data"]}
    assert theirs
    assert not theirs & seen


@pytest.mark.parametrize(
    ("path", "parameter", "name"),
    [
        ("/deliveries", "endpoint_id", "endpoint_id"),
        ("/deliveries", "event_id", "event_id"),
        ("/sessions", "workflow_id", "workflow_id"),
        ("/sessions", "request_id", "request_id"),
        ("/sessions", "trigger", "trigger_id"),
        ("/requests", "workflow_id", "workflow_id"),
        ("/requests", "trigger", "trigger_id"),
    ],
)
def test_filters_by_another_workspace_s_ids_find_nothing(
    rows: Rows, stranger: httpx2.Client, path: str, parameter: str, name: str
) -> None:
    assert rows.client.get(path, params={parameter: rows.ids[name]}).json()["data"]
    assert stranger.get(path, params={parameter: rows.ids[name]}).json()["data"] == []


def test_an_event_cannot_be_replayed_to_another_workspace_s_endpoint(
    rows: Rows, stranger: httpx2.Client
) -> None:
    event = stranger.post("/events", json={"event": "a.b", "data": {}}).json()["id"]
    answer = stranger.post(f"/events/{event}/replay", json={"endpoint_id": rows.ids["endpoint_id"]})
    assert_refused(answer, 404, "not_found", "/endpoint_id")


def test_two_workspaces_may_use_the_same_event_id_for_different_events(
    workspace: httpx2.Client, stranger: httpx2.Client
) -> None:
    for client, number in ((workspace, 1), (stranger, 2)):
        event = {"event": "a.b", "id": "the-same", "data": {"number": number}}
        assert client.post("/events", json=event).status_code == 202
    assert workspace.get("/events/the-same").json()["payload"]["data"] == {"number": 1}
    assert stranger.get("/events/the-same").json()["payload"]["data"] == {"number": 2}
