"""Two API processes on one database and one Redis: what one of them does counts for the other."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.ledger import Ledger
from tests.processes import free_port
from tests.services import Program, Service
from tests.waiting import until

pytestmark = pytest.mark.parametrize("service", ["distributed"], indirect=True)


@pytest.fixture(scope="module")
def other(service: Service) -> Iterator[httpx2.Client]:
    """A client of a second server beside the first."""
    port = free_port()
    environment = {**service.environment, "AETHERFLOW_PORT": str(port)}
    folder = service.server.folder
    program = Program("serve", name="serve-2", folder=folder, environment=environment, port=port)
    with contextlib.closing(Service(program, [])) as second:
        yield second.start().api


def test_a_key_that_one_revokes_the_other_refuses_within_a_second(
    service: Service, other: httpx2.Client
) -> None:
    issued = service.api.post("/api-keys", json={"name": "x", "scopes": ["read"]}).json()
    headers = {"Authorization": f"Bearer {issued['key']}"}
    assert other.get("/events", headers=headers).status_code == 200
    assert service.api.delete(f"/api-keys/{issued['id']}").status_code == 204
    # Twice the second that is promised, for a machine that is busy with other tests.
    until(
        lambda: other.get("/events", headers=headers).status_code == 401,
        what="it is refused",
        timeout_seconds=2,
    )


def test_an_endpoint_that_one_registers_gets_what_the_other_publishes_next(
    service: Service, other: httpx2.Client, ledger: Ledger
) -> None:
    event = {"event": "shared.event", "data": {}}
    assert other.post("/events", json=event).json()["deliveries"] == 0
    endpoint = service.api.post("/endpoints", json={"url": ledger.url(), "events": ["shared.*"]}).json()
    accepted = other.post("/events", json=event).json()
    assert accepted["deliveries"] == 1
    until(lambda: ledger.requests_by_event()[accepted["id"]] == 1, what="it arrives")
    service.api.patch(f"/endpoints/{endpoint['id']}", json={"events": ["else.where"]})
    assert other.post("/events", json=event).json()["deliveries"] == 0
    other.patch(f"/endpoints/{endpoint['id']}", json={"events": None})
    assert service.api.post("/events", json=event).json()["deliveries"] == 1
    assert other.delete(f"/endpoints/{endpoint['id']}").status_code == 204
    assert service.api.post("/events", json=event).json()["deliveries"] == 0


def test_an_event_that_both_publish_at_once_is_one(service: Service, other: httpx2.Client) -> None:
    event = {"event": "a.b", "data": {}, "id": "shared-race"}
    batch = {"events": [event, {**event, "id": "shared-race-2"}]}

    def publish(number: int) -> httpx2.Response:
        client = other if number % 2 else service.api
        if number % 5 == 4:
            return client.post("/events/batch", json=batch)
        return client.post("/events", json=event)

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(publish, range(40)))
    assert {answer.status_code for answer in answers} == {202}
    events = [row["id"] for row in service.api.get("/events").json()["data"]]
    assert events.count("shared-race") == events.count("shared-race-2") == 1


def test_a_request_that_both_get_with_one_key_is_carried_out_once(
    service: Service, other: httpx2.Client
) -> None:
    headers = {"Idempotency-Key": "shared"}
    body = {"url": "http://127.0.0.1:9/", "events": ["no.match"], "description": "made once"}

    def register(number: int) -> httpx2.Response:
        client = other if number % 2 else service.api
        return client.post("/endpoints", json=body, headers=headers)

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(register, range(24)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len([answer for answer in answers if "secret" in answer.json()]) == 1
    endpoints = service.api.get("/endpoints").json()["data"]
    assert len([one for one in endpoints if one["description"] == "made once"]) == 1


def test_names_of_workspaces_are_unique_however_many_ask_at_once(
    service: Service, other: httpx2.Client
) -> None:
    def create(number: int) -> int:
        client = other if number % 2 else service.api
        return client.post("/workspaces", json={"name": "wanted by all"}).status_code

    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(create, range(12)))
    assert sorted(statuses) == [201] + [409] * 11


def test_a_change_at_both_ends_loses_neither(service: Service, other: httpx2.Client) -> None:
    endpoint = service.api.post("/endpoints", json={"url": "http://127.0.0.1:9/", "events": ["no.match"]})
    path = f"/endpoints/{endpoint.json()['id']}"

    def change(number: int) -> int:
        client = other if number % 2 else service.api
        member = [{"description": f"change {number}"}, {"metadata": {"n": str(number)}}, {"enabled": True}]
        return client.patch(path, json=member[number % 3]).status_code

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(change, range(36))) == {200}
    shown = other.get(path).json()
    assert shown["description"].startswith("change ")
    assert shown["metadata"]["n"].isdecimal()
