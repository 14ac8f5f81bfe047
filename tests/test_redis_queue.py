"""Hints over Redis: what is given back when Redis is away, and how the tasks that speak to it end."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from app.queue import BornDelivery, BornEvent, BornLeased
from app.redis_queue import BORN_KEY, WORKERS_KEY, RedisQueue, connect, end_tasks
from tests.eventually import eventually
from tests.redis_server import Redis


def born(number: int) -> BornLeased:
    event = BornEvent("wsp_1", f"evt_{number}", "invoice.paid", b"{}", 1)
    return BornLeased(number, time.time() + 5, [event], [BornDelivery(0, f"dlv_{number}", "ep_1")])


@asynccontextmanager
async def started(redis: Redis, given_back: list[BornLeased]) -> AsyncIterator[RedisQueue]:
    """A queue that knows of a worker, and has given it one hint."""
    queue = RedisQueue(redis.url(), time=time.time)

    def give_back(hints: Sequence[BornLeased]) -> None:
        given_back.extend(hints)

    queue.on_refusal(give_back)
    client = connect(redis.url())
    await client.zadd(WORKERS_KEY, {"worker": time.time() + 60})
    queue.start()
    try:
        await eventually(lambda: queue.carries_leases, what="the worker is known")
        queue.give(born(1))
        await eventually(lambda: client.llen(BORN_KEY), what="the hint is passed on")
        yield queue
    finally:
        redis.resume()
        await queue.stop()
        await client.aclose()


async def test_leases_stay_with_a_hint_that_a_frozen_redis_may_still_pass_on(own_redis: Redis) -> None:
    given_back: list[BornLeased] = []
    async with started(own_redis, given_back) as queue:
        own_redis.pause()
        queue.give(born(2))
        await eventually(lambda: not queue.carries_leases, what="Redis is known to be away")
        own_redis.resume()

        client = connect(own_redis.url())
        texts = await eventually(lambda: client.lrange(BORN_KEY, 1, -1), what="the hint is passed on late")
        await client.aclose()
    assert [msgspec.msgpack.decode(text, type=BornLeased).token for text in texts] == [2]
    assert given_back == []


async def test_leases_are_given_back_when_redis_cannot_be_reached(own_redis: Redis) -> None:
    given_back: list[BornLeased] = []
    async with started(own_redis, given_back) as queue:
        own_redis.kill9()
        await eventually(lambda: not queue.carries_leases, what="Redis is known to be away")
        queue.give(born(2))
        await eventually(lambda: given_back, what="leases are given back")
    assert [hint.token for hint in given_back] == [2]


async def test_a_hint_that_is_being_pushed_at_the_stop_gets_through(own_redis: Redis) -> None:
    client = connect(own_redis.url())
    for number in range(50):
        queue = RedisQueue(own_redis.url(), time=time.time)
        queue.start()
        queue.give(born(number))
        # Into the middle of connecting, writing or reading.
        for _ in range(number % 10):
            await asyncio.sleep(0)
        await queue.stop()
    assert await client.llen(BORN_KEY) == 50
    await client.aclose()


async def test_a_task_that_forgets_to_be_cancelled_is_ended_all_the_same() -> None:
    cancellations = 0

    async def forget_once() -> None:
        nonlocal cancellations
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancellations += 1
                if cancellations == 2:
                    raise

    task = asyncio.create_task(forget_once())
    await asyncio.sleep(0)
    await end_tasks([task])
    assert task.cancelled()
