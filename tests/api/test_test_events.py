"""Test events: one endpoint, any type, through the real pipeline; and what becomes of deliveries by hand."""

from typing import Any

import httpx2
import pytest
from aetherflow.webhooks import Webhook

from app.catalogue import EVENT_TYPES
from tests.api.problems import assert_refused
from tests.eventually import eventually
from tests.receivers import Receiver, answer, hang, receiver, reset, turns


@pytest.fixture
async def api(workspace: httpx2.Client, service: Any) -> Any:
    """A client of the fresh workspace for this test's own loop."""
    async with service.async_client(workspace.headers["authorization"].removeprefix("Bearer ")) as client:
        yield client


async def register(api: httpx2.AsyncClient, there: Receiver, **members: Any) -> dict[str, Any]:
    made = await api.post("/endpoints", json={"url": there.url, **members})
    assert made.status_code == 201, made.text
    endpoint: dict[str, Any] = made.json()
    return endpoint


async def send_test(
    api: httpx2.AsyncClient, endpoint: dict[str, Any], *, wait: bool = True, **body: Any
) -> httpx2.Response:
    parameters = {"wait": "true"} if wait else {}
    return await api.post(f"/endpoints/{endpoint['id']}/test", json=body or None, params=parameters)


@pytest.mark.parametrize("known", EVENT_TYPES, ids=lambda known: known.name)
async def test_a_test_event_carries_the_example_of_its_type(api: httpx2.AsyncClient, known: Any) -> None:
    async with receiver() as there:
        endpoint = await register(api, there, events=["no.match"])
        sent = await send_test(api, endpoint, event=known.name)
        assert sent.status_code == 200, sent.text
        assert set(sent.json()) == {"event_id", "delivery_id", "attempt"}
        (got,) = there.requests
        payload = Webhook(endpoint["secret"]).verify(got.body, got.headers)
        assert (payload["event"], payload["id"]) == (known.name, sent.json()["event_id"])
        assert payload["data"] == dict(known.example)
        assert got.headers["x-aetherflow-test"] == "true"
        assert got.headers["x-aetherflow-event"] == known.name
        assert got.headers["x-aetherflow-delivery"] == sent.json()["delivery_id"]


async def test_an_attempt_that_was_waited_for_is_shown_whole(api: httpx2.AsyncClient) -> None:
    async with receiver(answer(201, b"hello", headers={"X-Answer": "yes"})) as there:
        endpoint = await register(api, there, headers={"X-Team": "accounts"})
        sent = (await send_test(api, endpoint)).json()
    attempt = sent["attempt"]
    assert (attempt["number"], attempt["result"], attempt["status_code"]) == (1, "2xx", 201)
    assert (attempt["response_body"], attempt["response_truncated"]) == ("hello", False)
    assert attempt["response_headers"]["X-Answer"] == "yes"
    assert attempt["request_headers"]["X-Team"] == "********"
    assert attempt["request_headers"]["webhook-id"] == sent["event_id"]
    assert attempt["error"] is None
    assert attempt["peer"].startswith("127.0.0.1")
    assert attempt["duration_ms"] >= attempt["first_byte_ms"] >= 0
    assert attempt["key_id"].startswith("sec_")
    shown = (await api.get(f"/deliveries/{sent['delivery_id']}")).json()
    assert shown["attempts"] == [attempt]
    assert (shown["status"], shown["test"], shown["event"]) == ("succeeded", True, "workflow.completed")


@pytest.mark.parametrize(
    ("script", "result"),
    [
        (answer(500), "5xx"),
        (answer(302), "3xx"),
        (answer(429), "429"),
        (reset(), "protocol"),
        (hang(), "timeout"),
    ],
    ids=["500", "302", "429", "reset", "hang"],
)
async def test_an_attempt_that_failed_is_a_200_too_and_is_not_tried_again(
    api: httpx2.AsyncClient, script: Any, result: str
) -> None:
    async with receiver(script) as there:
        endpoint = await register(api, there, timeout_seconds=1, retry={"schedule": [0.1] * 20})
        sent = await send_test(api, endpoint)
        assert (sent.status_code, sent.json()["attempt"]["result"]) == (200, result)
        shown = (await api.get(f"/deliveries/{sent.json()['delivery_id']}")).json()
        assert (shown["status"], shown["attempt_count"], shown["next_attempt_at"]) == ("failed", 1, None)


async def test_a_test_reaches_an_endpoint_that_is_disabled_and_asks_for_nothing_of_the_kind(
    api: httpx2.AsyncClient,
) -> None:
    async with receiver() as there:
        endpoint = await register(api, there, enabled=False, events=["invoice.paid"])
        assert (await send_test(api, endpoint)).json()["attempt"]["result"] == "2xx"
        assert (await api.get(f"/endpoints/{endpoint['id']}")).json()["enabled"] is False


async def test_each_test_is_a_new_event_and_says_so_in_lists(api: httpx2.AsyncClient) -> None:
    async with receiver() as there:
        endpoint = await register(api, there)
        first, second = [(await send_test(api, endpoint)).json() for _ in range(2)]
        assert first["event_id"] != second["event_id"]
        listed = (await api.get("/deliveries")).json()["data"]
        assert [(one["id"], one["test"]) for one in listed] == [
            (second["delivery_id"], True),
            (first["delivery_id"], True),
        ]


async def test_a_test_that_is_not_waited_for_is_on_its_way(api: httpx2.AsyncClient) -> None:
    async with receiver() as there:
        endpoint = await register(api, there)
        sent = await send_test(api, endpoint, wait=False)
        assert (sent.status_code, set(sent.json())) == (202, {"event_id", "delivery_id"})
        await eventually(lambda: there.requests, what="it arrives")
        waited = await api.post(f"/endpoints/{endpoint['id']}/test?wait=false")
        assert waited.status_code == 202


@pytest.mark.parametrize("event", ["invoice.paid", "a.b.c"])
async def test_an_undeclared_type_gets_a_small_example(api: httpx2.AsyncClient, event: str) -> None:
    async with receiver() as there:
        endpoint = await register(api, there)
        assert (await send_test(api, endpoint, event=event)).status_code == 200
        payload = Webhook(endpoint["secret"]).verify(there.requests[0].body, there.requests[0].headers)
        assert payload["event"] == event
        assert payload["data"]["test"] is True


async def test_what_is_no_type_is_no_test(api: httpx2.AsyncClient) -> None:
    async with receiver() as there:
        endpoint = await register(api, there)
        for event in ("", "paid", "a.*", "*", "A.b", "a.b\0", 1, None):
            assert_refused(await send_test(api, endpoint, event=event), 422, "invalid", "/event")
        answered = await send_test(api, endpoint, event="workflow.bogus")
        assert_refused(answered, 422, "reserved_event_type", "/event")
        for wait in ("", "1", "yes"):
            path = f"/endpoints/{endpoint['id']}/test"
            assert_refused(await api.post(path, params={"wait": wait}), 422, "invalid", "?wait")
        assert there.requests == []


async def test_the_mark_of_a_test_stays_on_its_retry(api: httpx2.AsyncClient) -> None:
    async with receiver(turns(answer(500), answer(200))) as there:
        endpoint = await register(api, there)
        sent = (await send_test(api, endpoint)).json()
        retried = await api.post(f"/deliveries/{sent['delivery_id']}/retry")
        assert (retried.status_code, retried.json()["status"], retried.json()["test"]) == (
            202,
            "pending",
            True,
        )
        await eventually(lambda: len(there.requests) == 2, what="it is tried again")
        assert there.requests[1].headers["x-aetherflow-test"] == "true"
        assert there.requests[1].headers["x-aetherflow-attempt"] == "2"


# Deliveries by hand: retry, cancel, replay.


async def publish(api: httpx2.AsyncClient, **members: Any) -> str:
    answered = await api.post("/events", json={"event": "a.b", "data": {}, **members})
    event_id: str = answered.json()["id"]
    return event_id


async def delivery_of(api: httpx2.AsyncClient, event_id: str, status: str, attempts: int) -> dict[str, Any]:
    """Wait until the only delivery of an event has this state, and return it with its attempts."""

    async def find() -> dict[str, Any] | None:
        (row,) = (await api.get("/deliveries", params={"event_id": event_id})).json()["data"]
        if (row["status"], row["attempt_count"]) != (status, attempts):
            return None
        shown: dict[str, Any] = (await api.get(f"/deliveries/{row['id']}")).json()
        return shown

    found = await eventually(find, what=f"the delivery is {status} after {attempts} attempts")
    assert found is not None
    return found


async def test_a_finished_delivery_gets_exactly_one_more_attempt_for_each_retry(
    api: httpx2.AsyncClient,
) -> None:
    async with receiver(turns(answer(500), answer(500), answer(200))) as there:
        await register(api, there, retry={"max_retries": 0})
        event = await publish(api)
        for number in (1, 2):
            failed = await delivery_of(api, event, "failed", number)
            retried = await api.post(f"/deliveries/{failed['id']}/retry")
            assert retried.status_code == 202
            assert (retried.json()["status"], retried.json()["finished_at"]) == ("pending", None)
            assert retried.json()["next_attempt_at"] is not None
        done = await delivery_of(api, event, "succeeded", 3)
        assert [attempt["number"] for attempt in done["attempts"]] == [1, 2, 3]
        assert [attempt["result"] for attempt in done["attempts"]] == ["5xx", "5xx", "2xx"]
        # A person may want even a delivery that succeeded once more.
        assert (await api.post(f"/deliveries/{done['id']}/retry")).status_code == 202
        await delivery_of(api, event, "succeeded", 4)


async def test_a_pending_delivery_is_retried_now(api: httpx2.AsyncClient) -> None:
    async with receiver(turns(answer(500), answer(200))) as there:
        await register(api, there, retry={"schedule": [600_000]})
        waiting = await delivery_of(api, await publish(api), "pending", 1)
        assert waiting["next_attempt_at"] > waiting["created_at"]
        assert (await api.post(f"/deliveries/{waiting['id']}/retry")).status_code == 202
        await delivery_of(api, waiting["event_id"], "succeeded", 2)


async def test_a_cancelled_delivery_is_over_until_somebody_asks(api: httpx2.AsyncClient) -> None:
    async with receiver(turns(answer(500), answer(200))) as there:
        await register(api, there, retry={"schedule": [600_000]})
        waiting = await delivery_of(api, await publish(api), "pending", 1)
        cancelled = await api.post(f"/deliveries/{waiting['id']}/cancel")
        assert cancelled.status_code == 200
        assert (cancelled.json()["status"], cancelled.json()["reason"]) == ("cancelled", "cancelled")
        assert cancelled.json()["finished_at"] is not None
        assert_refused(await api.post(f"/deliveries/{waiting['id']}/cancel"), 409, "conflict")
        assert (await api.post(f"/deliveries/{waiting['id']}/retry")).status_code == 202
        done = await delivery_of(api, waiting["event_id"], "succeeded", 2)
        assert done["reason"] is None


async def test_nothing_is_retried_to_an_endpoint_that_takes_nothing(api: httpx2.AsyncClient) -> None:
    async with receiver(answer(500)) as there:
        endpoint = await register(api, there, retry={"schedule": [600_000]})
        waiting = await delivery_of(api, await publish(api), "pending", 1)
        await api.post(f"/endpoints/{endpoint['id']}/disable")
        assert_refused(await api.post(f"/deliveries/{waiting['id']}/retry"), 409, "endpoint_disabled")
        replay = {"endpoint_id": endpoint["id"]}
        answered = await api.post(f"/events/{waiting['event_id']}/replay", json=replay)
        assert_refused(answered, 409, "endpoint_disabled")
        answered = await api.post(f"/events/{waiting['event_id']}/replay")
        assert (answered.status_code, answered.json()) == (202, {"deliveries": 0})


async def test_a_replay_is_a_new_delivery_of_the_same_event(api: httpx2.AsyncClient) -> None:
    async with receiver() as there:
        await register(api, there, events=["a.b"])
        event = await publish(api)
        await delivery_of(api, event, "succeeded", 1)
        other = await register(api, there, events=["x.y"])

        to_all = await api.post(f"/events/{event}/replay", json={})
        assert (to_all.status_code, to_all.json()) == (202, {"deliveries": 1})
        to_one = await api.post(f"/events/{event}/replay", json={"endpoint_id": other["id"]})
        assert to_one.json() == {"deliveries": 1}
        await eventually(lambda: len(there.requests) == 3, what="both arrive")
        first, *replayed = there.requests
        for request in replayed:
            assert request.body == first.body
            assert request.headers["webhook-id"] == event
            assert request.headers["x-aetherflow-attempt"] == "1"
        assert len({request.headers["x-aetherflow-delivery"] for request in there.requests}) == 3
        shown = (await api.get(f"/events/{event}")).json()
        assert len(shown["deliveries"]) == 3
        assert shown["unmatched"] == []
        # Publishing it again still tells of the deliveries that it was born with.
        again = await api.post("/events", json={"event": "a.b", "data": {}, "id": event})
        assert again.json()["deliveries"] == 1


async def test_a_replay_names_an_endpoint_that_there_is(api: httpx2.AsyncClient) -> None:
    event = await publish(api)
    answered = await api.post(f"/events/{event}/replay", json={"endpoint_id": "ep_none"})
    assert_refused(answered, 404, "not_found", "/endpoint_id")
    for endpoint_id in (1, "\0", []):
        answered = await api.post(f"/events/{event}/replay", json={"endpoint_id": endpoint_id})
        assert_refused(answered, 422, "invalid", "/endpoint_id")


async def test_a_delivery_is_listed_with_what_there_is_to_know(api: httpx2.AsyncClient) -> None:
    async with receiver() as there:
        endpoint = await register(api, there)
        done = await delivery_of(api, await publish(api), "succeeded", 1)
        (listed,) = (await api.get("/deliveries")).json()["data"]
    assert {**listed, "attempts": done["attempts"]} == done
    assert set(listed) == {
        *{
            "id",
            "event_id",
            "event",
            "endpoint_id",
            "status",
            "attempt_count",
            "next_attempt_at",
            "reason",
            "test",
        },
        *{"created_at", "claimed_at", "first_attempt_at", "finished_at"},
    }
    assert (listed["endpoint_id"], listed["event"], listed["test"]) == (endpoint["id"], "a.b", False)
    stages = [listed[f"{stage}_at"] for stage in ("created", "claimed", "first_attempt", "finished")]
    assert stages == sorted(stages)
