"""The only way out to a network: sends one request and says what came of it.

What the world does is an `Answer`, never an exception: a refused connection, a bad certificate, an
endless body. An exception from here is a mistake of ours, or the cancellation of the caller.
"""

import asyncio
import ssl
import time
from collections.abc import Callable

import msgspec

from app.resolver import Resolve, Resolver
from app.rules.addresses import EgressPolicy, Target
from app.rules.lifecycle import ResultClass, classify_status
from delivery.dialing import Dialer, NotDialled
from delivery.http1 import Connection
from delivery.pools import Pools
from delivery.responses import DELIVERY_LIMITS, Limits

_ABORT_MESSAGE = "abort-message"


# A msgspec struct is built in a fifth of the time of a dataclass, which counts here. It holds nothing
# that could be part of a cycle, so the collector need not know of it.
class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came of one request. Times are milliseconds.

    `status_code`, `retry_after` and `abort` are of a complete answer, or one cut at the limit;
    headers and body are kept of an incomplete one too, for people to look at.
    """

    result: ResultClass
    status_code: int | None = None
    error: str | None = None
    """A sentence for the delivery log in stable wording, None when an answer came."""
    connect_ms: float | None = None
    """TCP alone, without resolving the name; None on a connection that was already open."""
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    """From the beginning of the attempt, as `duration_ms`."""
    duration_ms: float
    peer: str | None = None
    """`192.0.2.1:443` or `[2001:db8::1]:443`."""
    response_headers: bytes = b""
    """Lines `name: value` as they came, each ending in CR LF, at most 16 KiB."""
    response_body: bytes = b""
    """As much of its beginning as is kept, not decompressed."""
    response_truncated: bool = False
    retry_after: str | None = None
    abort: bool = False
    """Whether the answer carried `webhook-delivery: abort-message`."""


class Transport:
    """Sends requests from one event loop, reusing connections.

    `resolve` and `tls` take the place of the system's resolver and certificate authorities. `limits` are those
    of answers. `clock` measures in seconds; the deadlines are the loop's.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        limits: Limits = DELIVERY_LIMITS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._own_resolver: Resolver | None = None
        if resolve is None:
            self._own_resolver = Resolver()
            resolve = self._own_resolver.resolve
        self._clock = clock
        # Asked for once, because asking costs a system call.
        self._loop = asyncio.get_running_loop()
        self._pools = Pools()
        self._dialer = Dialer(policy, resolve, tls=tls, limits=limits, clock=clock)

    async def send(self, target: Target, head: bytes, body: bytes, *, timeout_seconds: float) -> Answer:
        """Sends a request to the target and waits until its answer has ended, at most for the time-out.

        `head` is everything up to and with the empty line, for HTTP/1.1, framed by a Content-Length of
        `body`; it is sent as it is. A cancelled call closes its connection.
        """
        started = self._clock()
        deadline = self._loop.time() + timeout_seconds
        origin = (target.scheme, target.host, target.port)
        connect_ms = tls_ms = None
        connection = self._pools.take(origin)
        if connection is None:
            dialled = await self._dialer.dial(target, origin, deadline=deadline)
            if isinstance(dialled, NotDialled):
                duration_ms = (self._clock() - started) * 1000
                return Answer(result=dialled.result, error=dialled.error, duration_ms=duration_ms)
            connection, connect_ms, tls_ms = dialled.connection, dialled.connect_ms, dialled.tls_ms
        try:
            await connection.send(head, body, deadline=deadline)
        except asyncio.CancelledError:
            connection.abort()
            raise
        answer = _read_answer(connection, started, connect_ms, tls_ms)
        if connection.reusable:
            self._pools.put(connection)
        return answer

    async def close(self) -> None:
        """Closes the idle connections; those in use are closed when their requests have ended."""
        self._pools.close()
        if self._own_resolver is not None:
            self._own_resolver.close()
        # The transports report their end in the next turns of the loop.
        await asyncio.sleep(0)


def _read_answer(
    connection: Connection, started: float, connect_ms: float | None, tls_ms: float | None
) -> Answer:
    response = connection.response
    failure = connection.failure
    whole = failure is None
    first_byte_at = connection.first_byte_at
    return Answer(
        result=classify_status(response.status) if failure is None else failure,
        status_code=response.status if whole else None,
        error=connection.error,
        connect_ms=connect_ms,
        tls_ms=tls_ms,
        first_byte_ms=(first_byte_at - started) * 1000 if first_byte_at else None,
        duration_ms=(connection.ended_at - started) * 1000,
        peer=connection.peer,
        response_headers=response.headers,
        response_body=response.body,
        response_truncated=response.truncated,
        retry_after=response.header(b"retry-after") if whole else None,
        abort=whole and response.header(b"webhook-delivery") == _ABORT_MESSAGE,
    )
