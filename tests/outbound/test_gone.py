"""An answer of 410: the attempt is recorded, the endpoint disabled and everybody else told, or none of it."""

import asyncio

import orjson
import pytest

from app.outbound import endpoints as endpoint_verbs
from app.outbound.deliveries import cancel_pending
from app.outbound.gone import settle_gone
from app.store.hot.contract import Settlement, Work
from app.store.models import Endpoint
from tests.outbound.sites import Site
from tests.store.rows import LEASE, change_delivery, failed_for_now, new_token, replaced, settlement


async def claim(site: Site, endpoint_id: str, room: int = 100) -> list[Work]:
    now = site.wiring.clock()
    return await site.database.hot.claim(
        [(endpoint_id, room)], token=new_token(), now=now, leased_until=now + LEASE
    )


def gone(work: Work, site: Site) -> Settlement:
    now = site.wiring.clock()
    return settlement(
        work,
        status="failed",
        reason="gone",
        result="4xx",
        status_code=410,
        started_at=now,
        due_at=now,
        finished_at=now,
    )


async def settle(site: Site, given: Settlement) -> None:
    async with site.database.write() as tx:
        await settle_gone(tx, given, wiring=site.wiring)


async def test_the_delivery_fails_and_what_else_is_pending_is_cancelled(site: Site) -> None:
    endpoint_id, other = await site.register(), await site.register()
    for _ in range(3):
        await site.publish()
    [work, _, _] = await claim(site, endpoint_id)
    await settle(site, gone(work, site))
    first, *rest = await site.deliveries(endpoint_id=endpoint_id)
    assert (first.status, first.reason, first.attempt_count) == ("failed", "gone", 1)
    assert (first.lease_token, first.leased_until) == (None, None)
    assert first.first_attempt_at is not None
    assert first.finished_at is not None
    assert {(row.status, row.reason) for row in rest} == {("cancelled", "endpoint_disabled")}
    assert {row.status for row in await site.deliveries(endpoint_id=other)} == {"pending"}
    [attempt] = await site.attempts()
    assert (attempt.delivery_id, attempt.number, attempt.status_code) == (first.id, 1, 410)


async def test_the_endpoint_is_disabled_as_gone_and_gets_no_later_event(site: Site) -> None:
    endpoint_id = await site.register()
    await site.publish()
    [work] = await claim(site, endpoint_id)
    await settle(site, gone(work, site))
    endpoint = await site.endpoint(endpoint_id)
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "gone")
    assert endpoint.disabled_at is not None
    assert (await site.publish()).deliveries == 0


async def test_subscribers_of_the_operator_event_are_told_and_the_endpoint_itself_is_not(site: Site) -> None:
    endpoint_id = await site.register("http://127.0.0.1:9/gone")
    listener = await site.register(events=["endpoint.disabled"])
    await site.register(events=["order.*"])
    await site.publish()
    [work] = await claim(site, endpoint_id)
    await settle(site, gone(work, site))
    [told] = await site.deliveries(event_type="endpoint.disabled")
    assert told.endpoint_id == listener
    [event] = [event for event in await site.events() if event.type == "endpoint.disabled"]
    shown = orjson.loads(event.body)["data"]["endpoint"]
    assert (shown["id"], shown["enabled"], shown["disabled_reason"]) == (endpoint_id, False, "gone")


async def test_without_the_lease_nothing_happens(site: Site) -> None:
    endpoint_id = await site.register()
    await site.publish()
    [work] = await claim(site, endpoint_id)
    await settle(site, gone(replaced(work, token=work.token + 1_000_000), site))
    assert (await site.endpoint(endpoint_id)).enabled
    assert await site.attempts() == []


async def test_an_attempt_whose_delivery_was_cancelled_meanwhile_is_recorded(site: Site) -> None:
    endpoint_id = await site.register()
    await site.publish()
    [work] = await claim(site, endpoint_id)
    await change_delivery(site.database, work.delivery_id, status="cancelled", reason="cancelled")
    await settle(site, gone(work, site))
    [delivery] = await site.deliveries(endpoint_id=endpoint_id)
    assert (delivery.status, delivery.reason, delivery.attempt_count) == ("cancelled", "cancelled", 1)
    assert (await site.endpoint(endpoint_id)).disabled_reason == "gone"


async def test_an_endpoint_that_was_disabled_by_hand_meanwhile_stays_so_and_holds_its_deliveries(
    site: Site,
) -> None:
    endpoint_id = await site.register()
    for _ in range(2):
        await site.publish()
    works = await claim(site, endpoint_id)
    async with site.database.write() as tx:
        endpoint = await tx.get_one(Endpoint, endpoint_id)
        await endpoint_verbs.disable(tx, endpoint, reason="manual", wiring=site.wiring)
    await settle(site, gone(works[0], site))
    assert (await site.endpoint(endpoint_id)).disabled_reason == "manual"
    assert await site.statuses() == {"failed": 1, "pending": 1}


async def test_a_rollback_leaves_everything_as_it_was(site: Site) -> None:
    endpoint_id = await site.register()
    await site.publish()
    [work] = await claim(site, endpoint_id)

    async def fail() -> None:
        async with site.database.write() as tx:
            await settle_gone(tx, gone(work, site), wiring=site.wiring)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert (await site.endpoint(endpoint_id)).enabled
    assert await site.statuses() == {"pending": 1}
    assert len(await site.events()) == 1
    assert await site.attempts() == []


async def test_many_at_once_are_all_recorded_and_the_endpoint_is_disabled_once(site: Site) -> None:
    """Each cancels what the others have locked, unless the first one has its way to the end."""
    endpoint_id = await site.register()
    await site.register(events=["endpoint.*"])
    for _ in range(30):
        await site.publish()
    works = await claim(site, endpoint_id)
    await asyncio.gather(*(settle(site, gone(work, site)) for work in works[:10]))
    assert len(await site.attempts()) == 10
    statuses = [row.status for row in await site.deliveries(endpoint_id=endpoint_id)]
    assert statuses.count("failed") >= 1
    assert "pending" not in statuses
    assert [event.type for event in await site.events()].count("endpoint.disabled") == 1


async def test_cancelling_and_settling_the_same_deliveries_do_not_block_each_other(site: Site) -> None:
    endpoint_id = await site.register()
    now = site.wiring.clock()
    for _ in range(5):
        await site.publisher.publish_batch([site.publisher.draft(site.publication()) for _ in range(100)])
        works = await claim(site, endpoint_id, 200)
        # Those that came last are due first, so that the index leads in the other direction.
        due = [failed_for_now(w, due_at=now.replace(year=now.year - 1 - n % 9)) for n, w in enumerate(works)]
        await site.database.hot.settle(due)
        works = await claim(site, endpoint_id, 200)
        assert len(works) == 100

        async def cancel() -> None:
            async with site.database.write() as tx:
                await cancel_pending(tx, endpoint_id, now=now)

        settled = [settlement(work) for work in works]
        _, count = await asyncio.gather(cancel(), site.database.hot.settle(settled))
        assert count == 100
        assert "pending" not in await site.statuses()
