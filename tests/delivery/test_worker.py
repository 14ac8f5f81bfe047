"""A worker and a publisher with a real Redis between them, which may lose everything or go away."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis as RedisClient

from app.outbound import endpoints as endpoint_verbs
from app.outbound import events as event_verbs
from app.queue import LocalQueue
from app.redis_queue import BORN_KEY, WORKERS_KEY, RedisQueue
from app.store.models import Endpoint
from delivery.worker import WorkerProcess
from tests.delivery.engines import Gate, settled
from tests.eventually import eventually
from tests.outbound.sites import Site, new_site, new_wiring
from tests.receivers import receiver
from tests.redis_server import Redis

# Without Redis nothing is found before a test has ended.
NO_SWEEP = 3600.0

pytestmark = [
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
    # What arq does when it closes its connections.
    pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning"),
]


@contextlib.asynccontextmanager
async def publisher(database_url: str, redis_url: str, *, lease_seconds: float = 2) -> AsyncIterator[Site]:
    """The side that takes events and gives hints over Redis, once it has been told to start."""
    queue = RedisQueue(redis_url, time=time.time)
    try:
        async with new_site(database_url, queue=queue, lease_seconds=lease_seconds) as site:
            yield site
    finally:
        await queue.stop()


@contextlib.asynccontextmanager
async def worker(
    site: Site, redis_url: str, *, sweep_seconds: float = NO_SWEEP
) -> AsyncIterator[WorkerProcess]:
    """Another process's parts: they share the database, Redis and the keyring with the site, and nothing else."""
    wiring = new_wiring(
        site.wiring.settings.database_url.get_secret_value(),
        LocalQueue(),
        keyring=site.wiring.settings.keyring,
        sweep_seconds=sweep_seconds,
        lease_seconds=site.wiring.settings.lease_seconds,
    )
    await wiring.database.open()
    process = WorkerProcess(wiring, redis_url=redis_url)
    process.start()
    try:
        yield process
    finally:
        await process.stop()
        await wiring.database.close()


async def start_with_workers(site: Site, redis_url: str, number: int = 1) -> None:
    """Start to give hints when so many workers have said that they are there, and wait until they are known."""
    async with RedisClient.from_url(redis_url) as client:

        async def they_are_there() -> bool:
            return bool(await client.zcard(WORKERS_KEY) == number)

        await eventually(they_are_there, what=f"{number} workers are there")
    site.queue.start()
    await workers_are_known(site, number)


async def workers_are_known(site: Site, number: int) -> None:
    await eventually(lambda: site.queue.workers == number, what=f"{number} workers are known")


async def test_a_publish_reaches_the_worker_through_the_list(database_url: str, redis: str) -> None:
    async with publisher(database_url, redis) as site, receiver() as there, worker(site, redis):
        await start_with_workers(site, redis)
        await site.register(there.url)
        published = await site.publish()
        await settled(site, 1)
        [delivery] = await site.deliveries()
        assert delivery.claimed_at == delivery.created_at
        assert [request.headers["webhook-id"] for request in there.requests] == [published.id]


async def test_a_test_event_reaches_the_worker_as_a_job(database_url: str, redis: str) -> None:
    async with publisher(database_url, redis) as site, receiver() as there, worker(site, redis):
        await start_with_workers(site, redis)
        endpoint_id = await site.register(there.url)
        async with site.database.write() as tx:
            endpoint = await tx.get_one(Endpoint, endpoint_id)
            await event_verbs.send_test(tx, endpoint, "order.placed", wiring=site.wiring)
        await settled(site, 1)
        assert len(there.requests) == 1


async def test_word_of_a_deleted_endpoint_reaches_every_worker_at_once(database_url: str, redis: str) -> None:
    gate = Gate()
    async with (
        publisher(database_url, redis) as site,
        receiver(gate) as there,
        worker(site, redis),
        worker(site, redis),
    ):
        await start_with_workers(site, redis, 2)
        endpoint_id = await site.register(there.url, concurrency=1)
        for _ in range(20):
            await site.publish()
        await gate.holds(1)
        async with site.database.write() as tx:
            await endpoint_verbs.delete(tx, await tx.get_one(Endpoint, endpoint_id), wiring=site.wiring)

        async def nothing_is_pending() -> bool:
            return "pending" not in await site.statuses()

        await eventually(nothing_is_pending, what="everything is cancelled")
        in_flight = len(there.requests)
        # The next look at the versions is half a second away, and would notice too.
        gate.open()
        await eventually(site.attempts, what="what was in flight is recorded")
        assert len(there.requests) == in_flight


async def test_workers_share_what_is_published_and_send_nothing_twice(database_url: str, redis: str) -> None:
    async with (
        publisher(database_url, redis) as site,
        receiver() as there,
        worker(site, redis),
        worker(site, redis),
    ):
        await start_with_workers(site, redis, 2)
        for _ in range(3):
            await site.register(there.url)
        await asyncio.gather(*(site.publish() for _ in range(100)))
        await settled(site, 300)
        assert len(there.requests) == 300


async def test_without_a_worker_deliveries_are_born_free_and_a_worker_that_comes_finds_them(
    database_url: str, redis: str
) -> None:
    async with publisher(database_url, redis) as site, receiver() as there:
        await site.register(there.url)
        await site.publish()
        [delivery] = await site.deliveries()
        assert delivery.lease_token is None
        async with worker(site, redis, sweep_seconds=0.05):
            await settled(site, 1)
        assert len(there.requests) == 1


async def test_a_worker_that_stops_is_not_counted_on_any_more(database_url: str, redis: str) -> None:
    async with publisher(database_url, redis) as site, RedisClient.from_url(redis) as client:
        async with worker(site, redis):
            await start_with_workers(site, redis)
        assert await client.zcard(WORKERS_KEY) == 0
        await workers_are_known(site, 0)


async def test_a_worker_that_stops_loses_no_hint_that_it_was_just_given(
    database_url: str, redis: str
) -> None:
    """What it gives back the other one finds at once; what it lost would stay leased for longer than this waits."""
    async with (
        publisher(database_url, redis, lease_seconds=60) as site,
        receiver() as there,
        worker(site, redis, sweep_seconds=0.05),
    ):
        await start_with_workers(site, redis)
        await site.register(there.url)
        for published in range(100, 1_100, 100):
            async with worker(site, redis):
                await workers_are_known(site, 2)
                publishing = asyncio.gather(*(publish_some(site) for _ in range(10)))

                def it_flows(enough: int = published - 80) -> bool:
                    return len(there.requests) >= enough

                await eventually(it_flows, what="the new worker is in the middle of it")
            await publishing
        await settled(site, 1_000)


async def publish_some(site: Site) -> None:
    for _ in range(10):
        await site.publish()


async def test_a_hint_too_large_for_redis_becomes_a_claim(database_url: str, redis: str) -> None:
    async with publisher(database_url, redis) as site, receiver() as there, worker(site, redis):
        await start_with_workers(site, redis)
        await site.register(there.url)
        large = [site.publisher.draft(site.publication({"text": "x" * 200_000})) for _ in range(6)]
        await site.publisher.publish_batch(large)
        await settled(site, 6)
        assert len(there.requests) == 6


async def test_hints_lost_with_everything_else_in_redis_are_found_when_their_leases_end(
    database_url: str, redis: str
) -> None:
    async with (
        publisher(database_url, redis) as site,
        receiver() as there,
        RedisClient.from_url(redis) as client,
    ):
        # Somebody seems to be there, and nobody takes.
        await client.zadd(WORKERS_KEY, {"worker_ghost": time.time() + 60})
        await start_with_workers(site, redis)
        await site.register(there.url)
        await site.publish()

        async def hint_is_waiting() -> bool:
            return bool(await client.llen(BORN_KEY))

        await eventually(hint_is_waiting, what="the hint is in the list")
        await client.flushdb()
        async with worker(site, redis, sweep_seconds=0.05):
            await settled(site, 1)
            assert len(there.requests) == 1


async def test_a_worker_goes_on_after_redis_was_emptied(database_url: str, redis: str) -> None:
    async with (
        publisher(database_url, redis) as site,
        receiver() as there,
        worker(site, redis, sweep_seconds=0.05),
        RedisClient.from_url(redis) as client,
    ):
        await start_with_workers(site, redis)
        endpoint_id = await site.register(there.url)
        for number in range(1, 4):
            await client.flushdb()
            await site.publish()
            async with site.database.write() as tx:
                endpoint = await tx.get_one(Endpoint, endpoint_id)
                await event_verbs.send_test(tx, endpoint, "order.placed", wiring=site.wiring)
            await settled(site, 2 * number)
        assert len(there.requests) == 6


async def test_work_goes_on_while_redis_is_gone_and_hints_come_again_after_it(
    database_url: str, own_redis: Redis
) -> None:
    url = own_redis.url()
    async with (
        publisher(database_url, url) as site,
        receiver() as there,
        worker(site, url, sweep_seconds=0.05),
    ):
        await start_with_workers(site, url)
        await site.register(there.url)
        await site.publish()
        await settled(site, 1)
        await asyncio.to_thread(own_redis.kill9)
        for _ in range(3):
            await site.publish()
        await settled(site, 4)
        await asyncio.to_thread(own_redis.start)
        await workers_are_known(site, 1)

        async def one_more_comes_by_hint() -> bool:
            published = await site.publish()
            [delivery] = await site.deliveries(event_id=published.id)
            return delivery.claimed_at == delivery.created_at

        await eventually(one_more_comes_by_hint, what="a delivery is born leased again")
        number = len(await site.deliveries())
        await settled(site, number)
        assert len(there.requests) == number
