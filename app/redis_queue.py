"""Hints over Redis.

What a publish bore goes through one list, from which each worker takes what it has room for: an idle worker
blocks on the list, so it begins at once. What every worker must know goes through a channel that all listen to.
Everything else is an arq job that names endpoints. Redis keeps no
fact. While it is away deliveries are born without leases and the sweep finds them.

The list is short: what nobody takes is dropped, oldest first, and its leases lapse.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, assert_never

import msgspec
import structlog
from arq.connections import ArqRedis, RedisSettings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError

from app.queue import (
    BornLeased,
    Broadcast,
    Changed,
    Hint,
    Look,
    RequestsAnswered,
    SessionsDue,
    SessionsWoken,
)

BORN_KEY = "aetherflow:born"
BROADCAST_CHANNEL = "aetherflow:broadcast"
WORKERS_KEY = "aetherflow:workers"
ARQ_QUEUE = "aetherflow:arq"

# A Redis that is stopped must not hold up more than a second's hints.
TIMEOUT_SECONDS = 1.0

# Hints that wait in the list, and the size of one; together they bound what Redis holds.
MOST_WAITING = 256
MOST_BYTES = 1_048_576

# A worker that has not been heard of for so long is taken for dead; it beats once a second.
SILENCE_SECONDS = 3.0

# Longer than a task takes to close its connection, shorter than anybody minds at a stop.
CANCEL_AGAIN_SECONDS = 0.5

# The longest that a look at the channel blocks.
HEAR_SECONDS = 0.2

# Pause before Redis is tried again.
AWAY_SECONDS = 1.0

# How long a stop waits for a push to a Redis that is slow.
PUSH_OUT_SECONDS = 1.0

log = structlog.get_logger()


def connect(url: str, *, single: bool = False) -> Redis:
    """Return a client that fails fast; a single one keeps to one connection, which costs less."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(ConstantBackoff(0), 0),
        single_connection_client=single,
    )
    return client


def arq_settings(url: str) -> RedisSettings:
    """Return how arq reaches Redis; a connection that broke is tried again at once."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_timeout = 1
    settings.conn_retries = 0
    settings.retry_on_timeout = True
    settings.retry_on_error = [ConnectionError, TimeoutError]
    settings.retry = Retry(ConstantBackoff(0), 1)
    return settings


async def end_tasks(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks that speak to Redis, until they have ended.

    Once is not enough before Python 3.12: redis-py writes inside `asyncio.wait_for`, which forgets a cancellation
    that comes when the write is just done (https://github.com/python/cpython/issues/81839).
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)


class RedisQueue:
    """Gives hints to workers in other processes."""

    def __init__(self, url: str, *, time: Callable[[], float]) -> None:
        self._redis = connect(url)
        self._pushing = connect(url, single=True)
        self._arq = ArqRedis(
            connection_pool=self._redis.connection_pool,
            job_serializer=msgspec.msgpack.encode,
            job_deserializer=msgspec.msgpack.decode,
            default_queue_name=ARQ_QUEUE,
        )
        self._time = time
        self._workers = 0
        self._refused: Callable[[Sequence[BornLeased]], None] = lambda _: None
        self._born: list[BornLeased] = []
        self._looks: set[str] = set()
        self._changes: set[str] = set()
        self._sessions_due = False
        self._sessions_woken: set[str] = set()
        self._answered: set[str] = set()
        self._woken = asyncio.Event()
        self._stopping = False
        self._sending: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def carries_leases(self) -> bool:
        """Whether Redis answered and a worker was alive a moment ago."""
        return self._workers > 0

    @property
    def workers(self) -> int:
        """How many workers were alive a moment ago."""
        return self._workers

    def give(self, hint: Hint) -> None:
        """Pass a hint on soon, together with others."""
        match hint:
            case BornLeased():
                self._born.append(hint)
            case Look():
                self._looks.update(hint.endpoint_ids)
            case Changed():
                self._changes.update(hint.workspace_ids)
            case SessionsDue():
                self._sessions_due = True
            case SessionsWoken():
                self._sessions_woken.update(hint.session_ids)
            case RequestsAnswered():
                self._answered.update(hint.request_ids)
            case _:
                assert_never(hint)
        self._woken.set()

    def on_refusal(self, release: Callable[[Sequence[BornLeased]], None]) -> None:
        """Name who gives leases back when hints could not be passed on."""
        self._refused = release

    def start(self) -> None:
        """Begin to pass hints on and to watch for workers."""
        loop = asyncio.get_running_loop()
        self._sending = loop.create_task(self._send_forever())
        self._tasks = [self._sending, loop.create_task(self._watch_forever())]

    async def stop(self) -> None:
        """Pass on what was given, then end."""
        self._stopping = True
        self._woken.set()
        if self._sending is not None:
            # A push that is cut off may have lost its hints, whose leases would have to lapse.
            await asyncio.wait([self._sending], timeout=PUSH_OUT_SECONDS)
        await end_tasks(self._tasks)
        await self._send()
        await self._pushing.aclose()
        await self._redis.aclose()

    async def is_up(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(await self._redis.ping())
        except (RedisError, OSError):
            return False

    async def _send_forever(self) -> None:
        while not self._stopping:
            await self._woken.wait()
            self._woken.clear()
            await self._send()

    async def _send(self) -> None:
        born, self._born = self._born, []
        looks, self._looks = self._looks, set()
        broadcasts = self._take_broadcasts()
        texts = [msgspec.msgpack.encode(hint) for hint in born]
        unsent = born
        try:
            for broadcast in broadcasts:
                await self._pushing.publish(BROADCAST_CHANNEL, msgspec.msgpack.encode(broadcast))
            if born:
                await self._reach()
                # What is written may be carried out however late, even if no answer comes: a worker may send it
                # until the leases lapse, so from here on they must not be given back.
                unsent = [hint for hint, text in zip(born, texts, strict=True) if len(text) > MOST_BYTES]
                if fitting := [text for text in texts if len(text) <= MOST_BYTES]:
                    await self._push(fitting)
            self._refused(unsent)
            unsent = []
            if looks:
                await self._arq.enqueue_job("deliver", sorted(looks))
        except (RedisError, OSError) as error:
            self._workers = 0
            log.warning("hints_refused", cause=type(error).__name__)
            self._refused(unsent)

    def _take_broadcasts(self) -> list[Broadcast]:
        broadcasts: list[Broadcast] = []
        if self._changes:
            broadcasts.append(Changed(sorted(self._changes)))
        if self._sessions_due:
            broadcasts.append(SessionsDue())
        if self._sessions_woken:
            broadcasts.append(SessionsWoken(sorted(self._sessions_woken)))
        if self._answered:
            broadcasts.append(RequestsAnswered(sorted(self._answered)))
        self._changes, self._sessions_woken, self._answered = set(), set(), set()
        self._sessions_due = False
        return broadcasts

    async def _reach(self) -> None:
        """Connect if need be, so that it is known whether a hint that fails was ever written.

        Raises:
            RedisError, OSError: Redis is away.
        """
        await self._pushing.initialize()
        if (connection := self._pushing.connection) is not None:
            # The library itself would notice only after it has written.
            if connection._reader is not None and connection._reader.at_eof():
                await connection.disconnect()
            await connection.connect()  # type: ignore[no-untyped-call]

    async def _push(self, texts: list[bytes]) -> None:
        waiting = await self._pushing.rpush(BORN_KEY, *texts)  # type: ignore[misc]
        if waiting > MOST_WAITING:
            await self._pushing.ltrim(BORN_KEY, -MOST_WAITING, -1)  # type: ignore[misc]

    async def _watch_forever(self) -> None:
        while True:
            try:
                self._workers = await self._redis.zcount(WORKERS_KEY, self._time() - SILENCE_SECONDS, "+inf")
            except (RedisError, OSError):
                self._workers = 0
            await asyncio.sleep(1)


async def hear(url: str, take: Callable[[Broadcast], None]) -> None:
    """Hand over what is told to all processes, until it fails; what is missed, looks at the database find.

    Raises:
        RedisError, OSError: Redis is away.
    """
    decoder = msgspec.msgpack.Decoder(Broadcast)
    redis = connect(url)
    try:
        async with redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(BROADCAST_CHANNEL)
            while True:
                message = await channel.get_message(timeout=HEAR_SECONDS)
                if message is not None:
                    take(decoder.decode(message["data"]))
    finally:
        await redis.aclose()


async def again_when_redis_fails(action: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run an action to its end, and begin it again when it fails because Redis is away."""
    away = False
    while True:
        try:
            return await action()
        except (RedisError, OSError) as error:
            if not away:
                log.warning("redis_away", action=action.__name__, cause=type(error).__name__)
            away = True
        except Exception:
            log.exception("redis_action_failed", action=action.__name__)
        await asyncio.sleep(AWAY_SECONDS)
