"""Workflows whose own events start them again."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.journeys.inbound.deployments import Deployed, deploy, make_workspace
from tests.journeys.inbound.published import published
from tests.services import Service
from tests.waiting import until

MANIFEST = """
version: v2
project: {name: NAME}
triggers:
  - {name: begin, webhook: {}, call: "program.py:begin"}
  - {name: again, webhook: {}, call: "program.py:again"}
"""

PROGRAM = """
from aetherflow import emit, start

def begin(event):
    emit("order.seen", {"n": 0})

def again(event):
    # As well by a session in between.
    start("program.py:emit_more", {"n": event.body.json["data"]["n"] + 1})

def emit_more(event):
    emit("order.seen", {"n": event.data["n"]})
"""


@pytest.fixture
def api(service: Service) -> Iterator[httpx2.Client]:
    with make_workspace(service) as client:
        yield client


@pytest.fixture
def deployed(service: Service, api: httpx2.Client) -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}, api=api)


def test_a_workflow_that_feeds_itself_ends_after_five_hops(
    service: Service, api: httpx2.Client, deployed: Deployed
) -> None:
    url = f"{service.url}{deployed.path('again')}"
    endpoint = api.post("/endpoints", json={"url": url, "events": ["order.seen"]}).raise_for_status().json()
    deployed.call("begin")

    def refused() -> list[dict[str, object]]:
        asked = {"endpoint_id": endpoint["id"], "status": "failed"}
        found: list[dict[str, object]] = api.get("/deliveries", params=asked).json()["data"]
        return found

    [delivery] = until(refused, what="a delivery is refused")
    [attempt] = api.get(f"/deliveries/{delivery['id']}").json()["attempts"]
    assert attempt["status_code"] == 508
    assert "loop_detected" in attempt["response_body"]
    assert "X-AetherFlow-Hops: 6" in str(attempt["request_headers"]) or (
        attempt["request_headers"].get("X-AetherFlow-Hops") == "6"
    )
    # It is over: nothing is tried again, and the last event of the six is the one that was refused.
    assert [data["n"] for data in published(api, "order.seen")] == list(range(6))


def test_an_event_that_an_application_publishes_starts_at_the_beginning(
    service: Service, api: httpx2.Client, deployed: Deployed
) -> None:
    url = f"{service.url}{deployed.path('begin')}"
    endpoint = api.post("/endpoints", json={"url": url, "events": ["order.placed"]}).json()
    api.post("/events", json={"event": "order.placed", "data": {}}).raise_for_status()

    def arrived() -> list[dict[str, object]]:
        asked = {"endpoint_id": endpoint["id"], "status": "succeeded"}
        found: list[dict[str, object]] = api.get("/deliveries", params=asked).json()["data"]
        return found

    [delivery] = until(arrived, what="it is delivered")
    [attempt] = api.get(f"/deliveries/{delivery['id']}").json()["attempts"]
    assert "hops" not in str(attempt["request_headers"]).lower()


@pytest.mark.parametrize("hops", ["6", "9" * 100])
def test_what_came_too_far_starts_nothing_and_is_told_not_to_come_again(
    deployed: Deployed, hops: str
) -> None:
    answer = deployed.call("begin", headers={"X-AetherFlow-Hops": hops})
    assert answer.status_code == 508
    assert answer.headers["webhook-delivery"] == "abort-message"
    assert (answer.json()["code"], "filter" in answer.json()["detail"]) == ("loop_detected", True)
    assert "aetherflow-session-id" not in answer.headers
