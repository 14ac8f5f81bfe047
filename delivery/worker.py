"""Wiring 2: a worker process.

arq runs its jobs: hints that name endpoints, and what is to be done once in a while by one worker of all. What
publishes bore comes through a list that this process blocks on, because an arq job costs a millisecond and
more, which is several times the delivery. Without Redis the sweep does the work of both.
"""

import asyncio
from typing import Any

import msgspec
import structlog
from arq.cron import cron
from arq.worker import Worker, func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.queue import BornLeased
from app.redis_queue import (
    ARQ_QUEUE,
    BORN_KEY,
    WORKERS_KEY,
    again_when_redis_fails,
    arq_settings,
    connect,
    end_tasks,
    hear,
)
from app.wiring import Wiring
from delivery.deliver import Deliverer
from delivery.engine import Engine
from delivery.prune import prune

# The longest that a read blocks, so that a stop waits no longer, and that the socket may be silent.
BLOCK_SECONDS = 0.2
BLOCK_TIMEOUT_SECONDS = 2.0

# How long a stop waits for such a read from a Redis that is slow.
READ_OUT_SECONDS = 1.0

# Hints taken at a time.
MOST_HINTS = 16

# A retry that a person asked for waits this long at most for arq to look.
POLL_SECONDS = 0.02

# An arq job of ours only starts something, so one that takes longer has died.
JOB_TIMEOUT_SECONDS = 10

# The first pruning of a large database; what it does not get to, the next hour's does.
PRUNE_TIMEOUT_SECONDS = 1_800

# Pause while this worker has no room.
FULL_SECONDS = 0.005

log = structlog.get_logger()


async def deliver(ctx: dict[Any, Any], endpoint_ids: list[str]) -> None:
    """arq job: deliver what is due for these endpoints."""
    deliverer: Deliverer = ctx["deliverer"]
    deliverer.look(endpoint_ids)


async def prune_rows(ctx: dict[Any, Any]) -> None:
    """arq job: delete what has had its time. One worker of all does it."""
    await prune(ctx["wiring"])


class WorkerProcess:
    """A worker: the engine, and the three ways in which Redis speaks to it."""

    def __init__(self, wiring: Wiring, *, redis_url: str) -> None:
        self._wiring = wiring
        self._url = redis_url
        self._engine = Engine(wiring)
        self._name = wiring.chance.uuid7()
        self._redis = connect(redis_url)
        self._stopping = False
        self._taking: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work. Redis and the database may come later."""
        self._engine.start()
        loop = asyncio.get_running_loop()
        self._taking, *_ = self._tasks = [
            loop.create_task(again_when_redis_fails(action))
            for action in (self._take_born, self._hear, self._run_jobs, self._beat)
        ]

    async def stop(self) -> None:
        """Take nothing more, then let the engine end what is in flight."""
        self._stopping = True
        if self._taking is not None:
            # A read that is cut off loses what Redis was just handing out, until the leases lapse.
            await asyncio.wait([self._taking], timeout=READ_OUT_SECONDS)
        await end_tasks(self._tasks)
        try:
            await self._redis.zrem(WORKERS_KEY, self._name)
        except (RedisError, OSError):
            log.debug("redis_away_at_stop")
        await self._engine.stop()
        await self._redis.aclose()

    async def _take_born(self) -> None:
        """Hand over what publishes bore, as it comes and as far as there is room."""
        decoder = msgspec.msgpack.Decoder(BornLeased)
        redis = Redis.from_url(
            self._url,
            socket_timeout=BLOCK_TIMEOUT_SECONDS,
            socket_connect_timeout=1,
            single_connection_client=True,
        )
        try:
            while not self._stopping:
                if not self._engine.deliverer.has_room:
                    await asyncio.sleep(FULL_SECONDS)
                    continue
                taken = await redis.blmpop(BLOCK_SECONDS, 1, BORN_KEY, direction="LEFT", count=MOST_HINTS)
                for text in taken[1] if taken else ():
                    self._engine.deliverer.take(decoder.decode(text))
        finally:
            await redis.aclose()

    async def _hear(self) -> None:
        """Hand over what all processes are told."""
        await hear(self._url, self._engine.take)

    async def _run_jobs(self) -> None:
        """Run arq."""
        worker = Worker(
            functions=[func(deliver, keep_result=0)],
            cron_jobs=[cron(prune_rows, minute=17, timeout=PRUNE_TIMEOUT_SECONDS, keep_result=0)],
            queue_name=ARQ_QUEUE,
            redis_settings=arq_settings(self._url),
            poll_delay=POLL_SECONDS,
            job_timeout=JOB_TIMEOUT_SECONDS,
            keep_result=0,
            handle_signals=False,
            job_serializer=msgspec.msgpack.encode,
            job_deserializer=msgspec.msgpack.decode,
            ctx={"deliverer": self._engine.deliverer, "wiring": self._wiring},
        )
        try:
            await worker.async_run()
        finally:
            await worker.close()

    async def _beat(self) -> None:
        """Say once a second that this worker is alive, and forget workers that have not for a minute."""
        while True:
            now = self._wiring.clock().timestamp()
            await self._redis.zadd(WORKERS_KEY, {self._name: now})
            await self._redis.zremrangebyscore(WORKERS_KEY, 0, now - 60)
            await asyncio.sleep(1)
