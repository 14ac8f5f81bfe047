"""Deliveries from their publication to their settlement, by a whole engine against real receivers."""

import asyncio

import orjson
import pytest

from app.outbound import deliveries as delivery_verbs
from app.outbound import endpoints as endpoint_verbs
from app.outbound import events as event_verbs
from app.outbound.record import add_delivery, add_event
from app.queue import Hint
from app.store.models import Delivery, Endpoint
from tests.delivery.engines import Gate, running_engine, settled
from tests.eventually import eventually
from tests.outbound.sites import Site, new_site
from tests.receivers import answer, hang, receiver, turns


async def disable(site: Site, endpoint_id: str) -> None:
    async with site.database.write() as tx:
        endpoint = await tx.get_one(Endpoint, endpoint_id)
        await endpoint_verbs.disable(tx, endpoint, reason="manual", wiring=site.wiring)


async def test_what_is_published_arrives_signed_and_is_recorded(site: Site) -> None:
    async with receiver() as there, running_engine(site):
        endpoint_id = await site.register(there.url)
        published = await site.publish({"id": 7})
        await settled(site, 1)
        [request] = there.requests
        [delivery] = await site.deliveries()
        [attempt] = await site.attempts()
    body = orjson.loads(request.body)
    assert (body["event"], body["id"], body["data"]) == ("order.placed", published.id, {"id": 7})
    assert request.headers["webhook-id"] == published.id
    assert request.headers["x-aetherflow-delivery"] == delivery.id
    assert request.headers["x-aetherflow-attempt"] == "1"
    assert (delivery.endpoint_id, delivery.attempt_count, delivery.reason) == (endpoint_id, 1, None)
    assert delivery.created_at == delivery.claimed_at
    assert (attempt.number, attempt.status_code, attempt.response_body) == (1, 200, b"ok")
    assert attempt.request_headers.startswith(b"POST /hooks HTTP/1.1\r\n")


async def test_every_endpoint_gets_an_event_of_its_own(site: Site) -> None:
    async with receiver() as one, receiver() as other, running_engine(site):
        await site.register(one.url)
        await site.register(other.url, events=["order.*"])
        await site.register(other.url_at("127.0.0.2"), events=["invoice.paid"])
        published = await site.publish()
        await settled(site, 2)
        assert published.deliveries == 2
        assert len(one.requests) == len(other.requests) == 1


async def test_a_delivery_whose_hint_was_lost_before_its_lease_is_found_by_the_sweep(
    database_url: str,
) -> None:
    """Nobody takes hints when the event is published, so its delivery is born without a lease."""
    async with new_site(database_url, sweep_seconds=0.05) as site, receiver() as there:
        await site.register(there.url)
        await site.publish()
        async with running_engine(site):
            await settled(site, 1)
        assert len(there.requests) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_delivery_born_leased_whose_hint_was_lost_is_sent_when_its_lease_has_ended(
    database_url: str,
) -> None:
    async with new_site(database_url, sweep_seconds=0.05, lease_seconds=2) as site, receiver() as there:
        await site.register(there.url)
        lost: list[Hint] = []
        site.queue.connect(lost.append)
        await site.publish()
        async with running_engine(site):
            [delivery] = await site.deliveries()
            assert delivery.leased_until is not None
            await settled(site, 1)
        assert len(there.requests) == 1
        [attempt] = await site.attempts()
        assert attempt.started_at >= delivery.leased_until


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_retry_follows_when_it_is_due(database_url: str) -> None:
    async with (
        new_site(database_url, sweep_seconds=0.05) as site,
        receiver(turns(answer(500), answer(503), answer(200))) as there,
        running_engine(site),
    ):
        await site.register(there.url, retry_schedule=[0.1], max_retries=3)
        await site.publish()
        await settled(site, 1)
        attempts = await site.attempts()
        assert [(a.number, a.result) for a in attempts] == [(1, "5xx"), (2, "5xx"), (3, "2xx")]
        assert [r.headers["x-aetherflow-attempt"] for r in there.requests] == ["1", "2", "3"]
        # Each attempt is signed anew, under one event id.
        assert len({request.headers["webhook-id"] for request in there.requests}) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_delivery_fails_when_its_retries_are_used_up(database_url: str) -> None:
    async with (
        new_site(database_url, sweep_seconds=0.05) as site,
        receiver(answer(500)) as there,
        running_engine(site),
    ):
        await site.register(there.url, retry_schedule=[0.1, 0.1])
        await site.publish()
        await settled(site, 1, status="failed")
        [delivery] = await site.deliveries()
        assert (delivery.reason, delivery.attempt_count, len(there.requests)) == ("retries_exhausted", 3, 3)


async def test_what_a_lane_has_no_room_for_is_given_back_and_sent_later_once(site: Site) -> None:
    gate = Gate()
    async with receiver(gate) as there, running_engine(site):
        await site.register(there.url)
        for _ in range(6):
            await site.publisher.publish_batch([site.publisher.draft(site.publication()) for _ in range(200)])
        await gate.holds(16)

        async def the_rest_is_free() -> bool:
            free = [row for row in await site.deliveries(status="pending") if row.lease_token is None]
            return len(free) == 1200 - 16 * 32 - 16

        await eventually(the_rest_is_free, what="what has no room is given back")
        gate.open()
        await settled(site, 1200)
        assert len(there.requests) == 1200
        assert len({request.headers["x-aetherflow-delivery"] for request in there.requests}) == 1200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_endpoints_that_hang_hold_up_nobody_else(site: Site) -> None:
    async with (
        receiver(hang()) as hanging,
        receiver() as healthy,
        running_engine(site),
    ):
        for _ in range(3):
            await site.register(hanging.url, timeout_seconds=30)
        for _ in range(3):
            await site.register(healthy.url)
        for _ in range(100):
            await site.publish()
        # The attempts to the others last for half a minute, longer than this waits.
        await settled(site, 300, status="succeeded")
        assert len(healthy.requests) == 300
        assert len(hanging.requests) <= 3 * 16
        await cancel_everything(site)


async def cancel_everything(site: Site) -> None:
    """Hang up on receivers that would keep a stop waiting."""
    for task in asyncio.all_tasks():
        if task.get_coro().__qualname__ == "Deliverer._perform":  # type: ignore[union-attr]
            task.cancel()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_process_with_one_place_works_through_everything(database_url: str) -> None:
    async with (
        new_site(database_url, worker_concurrency=1) as site,
        receiver() as there,
        running_engine(site),
    ):
        for _ in range(3):
            await site.register(there.url)
        for _ in range(5):
            await site.publish()
        await settled(site, 15)
        assert len(there.requests) == 15


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_more_attempts_are_in_flight_than_the_process_has_places(database_url: str) -> None:
    gate = Gate()
    async with (
        new_site(database_url, worker_concurrency=5) as site,
        receiver(gate) as there,
        running_engine(site),
    ):
        for _ in range(4):
            await site.register(there.url)
        for _ in range(10):
            await site.publish()
        await gate.holds(5)
        gate.open()
        await settled(site, 40)
        assert gate.most_held == 5


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_an_endpoint_never_gets_more_requests_at_a_time_than_its_owner_chose(
    site: Site, concurrency: int
) -> None:
    gate = Gate()
    async with receiver(gate) as there, running_engine(site):
        await site.register(there.url, concurrency=concurrency)
        for _ in range(20):
            await site.publish()
        await gate.holds(concurrency)
        gate.open()
        await settled(site, 20)
        assert gate.most_held == concurrency
        assert len(there.requests) == 20


async def test_an_attempt_in_flight_when_its_delivery_is_cancelled_is_recorded(site: Site) -> None:
    gate = Gate()
    async with receiver(gate) as there, running_engine(site):
        await site.register(there.url)
        await site.publish()
        await gate.holds(1)
        [delivery] = await site.deliveries()
        async with site.database.write() as tx:
            row = await tx.get_one(Delivery, (site.workspace_id, delivery.id))
            delivery_verbs.cancel(row, now=site.wiring.clock())
        gate.open()
        await eventually(site.attempts, what="the attempt is recorded")
        [delivery] = await site.deliveries()
        assert (delivery.status, delivery.reason, delivery.attempt_count) == ("cancelled", "cancelled", 1)
        assert len(there.requests) == 1


async def test_deliveries_are_held_while_their_endpoint_is_disabled_and_sent_when_it_is_enabled(
    database_url: str,
) -> None:
    async with (
        new_site(database_url, sweep_seconds=0.05) as site,
        receiver(turns(answer(500), answer(200))) as there,
        running_engine(site),
    ):
        endpoint_id = await site.register(there.url, retry_schedule=[0.1])
        await site.publish()
        await eventually(site.attempts, what="the first attempt failed")
        await disable(site, endpoint_id)
        published = await site.publish()
        assert published.deliveries == 0
        await asyncio.sleep(0.4)
        assert (await site.statuses(), len(there.requests)) == ({"pending": 1}, 1)
        async with site.database.write() as tx:
            await endpoint_verbs.enable(tx, await tx.get_one(Endpoint, endpoint_id), wiring=site.wiring)
        await settled(site, 1)
        assert len(there.requests) == 2


async def test_what_waits_in_a_lane_is_held_too_when_its_endpoint_is_disabled(site: Site) -> None:
    gate = Gate()
    async with receiver(gate) as there, running_engine(site):
        endpoint_id = await site.register(there.url, concurrency=2)
        for _ in range(10):
            await site.publish()
        await gate.holds(2)
        await disable(site, endpoint_id)
        gate.open()
        await settled(site, 2)

        async def the_rest_is_free() -> bool:
            return [row.lease_token for row in await site.deliveries(status="pending")] == [None] * 8

        await eventually(the_rest_is_free, what="the rest is given back")
        assert len(there.requests) == 2


async def test_nothing_is_sent_to_a_deleted_endpoint_but_what_is_in_flight(site: Site) -> None:
    gate = Gate()
    async with receiver(gate) as there, running_engine(site):
        endpoint_id = await site.register(there.url, concurrency=2)
        for _ in range(10):
            await site.publish()
        await gate.holds(2)
        async with site.database.write() as tx:
            await endpoint_verbs.delete(tx, await tx.get_one(Endpoint, endpoint_id), wiring=site.wiring)
        gate.open()

        async def two_attempts() -> bool:
            return len(await site.attempts()) == 2

        await eventually(two_attempts, what="what was in flight is recorded")
        assert await site.statuses() == {"cancelled": 10}
        assert len(there.requests) == 2


async def test_what_was_left_pending_of_a_deleted_endpoint_is_cancelled(database_url: str) -> None:
    """A replay at the very moment of the deletion sees the endpoint as it was before."""
    async with (
        new_site(database_url, sweep_seconds=0.05) as site,
        receiver() as there,
        running_engine(site),
    ):
        endpoint_id = await site.register(there.url, enabled=False)
        async with site.database.write() as tx:
            event = add_event(tx, "order.placed", b"{}", workspace_id=site.workspace_id, wiring=site.wiring)
            add_delivery(tx, event, endpoint_id=endpoint_id, wiring=site.wiring)
            endpoint = await tx.get_one(Endpoint, endpoint_id)
            endpoint.deleted_at = site.wiring.clock()
        await settled(site, 1, status="cancelled")
        assert there.requests == []


async def test_a_test_reaches_a_disabled_endpoint_once(site: Site) -> None:
    async with receiver(answer(500)) as there, running_engine(site):
        endpoint_id = await site.register(there.url, enabled=False, events=["invoice.paid"])
        async with site.database.write() as tx:
            endpoint = await tx.get_one(Endpoint, endpoint_id)
            await event_verbs.send_test(tx, endpoint, "order.placed", wiring=site.wiring)
        await settled(site, 1, status="failed")
        [delivery] = await site.deliveries()
        assert (delivery.test, delivery.reason, delivery.attempt_count) == (True, "single_attempt", 1)
        assert [request.headers["x-aetherflow-test"] for request in there.requests] == ["true"]


async def test_a_person_can_retry_what_has_failed_for_exactly_one_attempt(site: Site) -> None:
    async with receiver(answer(500)) as there, running_engine(site):
        await site.register(there.url, max_retries=0)
        await site.publish()
        await settled(site, 1, status="failed")
        [delivery] = await site.deliveries()
        async with site.database.write() as tx:
            row = await tx.get_one(Delivery, (site.workspace_id, delivery.id))
            await delivery_verbs.retry(tx, row, now=site.wiring.clock())

        async def two_attempts() -> bool:
            return len(await site.attempts()) == 2

        await eventually(two_attempts, what="the second attempt is recorded")
        [delivery] = await site.deliveries()
        assert (delivery.status, delivery.reason, delivery.attempt_count) == ("failed", "single_attempt", 2)
        assert [request.headers["x-aetherflow-attempt"] for request in there.requests] == ["1", "2"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_change_of_the_endpoint_counts_from_the_next_attempt_on(database_url: str) -> None:
    async with (
        new_site(database_url, sweep_seconds=0.05) as site,
        receiver(answer(500)) as old,
        receiver() as new,
        running_engine(site),
    ):
        endpoint_id = await site.register(old.url, retry_schedule=[0.1], max_retries=20)
        await site.publish()
        await eventually(lambda: old.requests, what="the first attempt was made")
        async with site.database.write() as tx:
            endpoint = await tx.get_one(Endpoint, endpoint_id)
            members = {"url": new.url, "headers": {"X-Team": "billing"}}
            await endpoint_verbs.change(tx, endpoint, members, wiring=site.wiring)
        await settled(site, 1)
        assert new.requests[0].headers["x-team"] == "billing"


async def test_the_receiver_can_verify_the_signature_with_the_secret_it_was_shown(site: Site) -> None:
    from standardwebhooks.webhooks import Webhook

    async with receiver() as there, running_engine(site):
        async with site.database.write() as tx:
            registered = await site.register_in(tx, there.url)
        await site.publish({"id": 7})
        await settled(site, 1)
    [request] = there.requests
    assert Webhook(registered.secret).verify(request.body, dict(request.headers))["data"] == {"id": 7}
