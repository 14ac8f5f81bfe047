"""One connection that speaks HTTP/1.1 as a client: a request at a time, kept for the next one.

This is where most of the time of a delivery goes, so an ordinary exchange is a handful of method calls.

1. A request is written once. When its connection ends without an answer, that is the result: the
   receiver may have acted on it, and only the retry policy may decide to send it again.
2. A connection on which bytes arrive that belong to no request is never used again: the next answer
   could be one that somebody else prepared.
3. The deadline of an exchange is a point in time, so a receiver gains nothing by dripping bytes.
"""

import asyncio
import re
import select
import ssl
import time
from collections.abc import Callable
from typing import cast

from app.rules.lifecycle import ResultClass
from delivery.responses import DELIVERY_LIMITS, Limits, Response

# Common servers close an idle connection after 2 to 5 s. A request that is written at that moment is
# lost, and must not be sent twice, so a connection is given up well before. A server that tells its
# time-out is taken at its word, less a second for what is on its way.
_IDLE_SECONDS = 1.5
_IDLE_SECONDS_AT_MOST = 30.0
_TOLD_TIMEOUT = re.compile(r"\btimeout\s*=\s*(\d{1,6})", re.ASCII | re.IGNORECASE)
_MARGIN_SECONDS = 1.0

# Below this, one piece of memory for head and body costs less than writing two.
_JOINED_BODY_BYTES = 16 * 1024

# How long a closed TLS connection waits for the server's farewell before it is dropped.
_TLS_FAREWELL_SECONDS = 1.0

Origin = tuple[str, str, int]
"""Scheme, name and port: whom a connection was made to."""


class Connection(asyncio.Protocol):
    """An open connection to `origin` at `peer`, with the latest exchange on it.

    When an exchange has ended, `failure` says in which way and `error` in a sentence, or both are None
    and `response` counts; `first_byte_at` is 0.0 if no byte came. They stay until the next `send`.
    """

    __slots__ = (
        "_clock",
        "_deadline",
        "_loop",
        "_poll",
        "_timer",
        "_waiter",
        "closed",
        "ended_at",
        "error",
        "failure",
        "first_byte_at",
        "on_loss",
        "origin",
        "peer",
        "response",
        "reusable",
        "transport",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        origin: Origin,
        *,
        peer: str,
        limits: Limits = DELIVERY_LIMITS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.origin = origin
        self.peer = peer
        self.response = Response(limits)
        self.closed = False
        # Called once when the connection is lost between two requests, for whoever keeps it meanwhile.
        self.on_loss: Callable[[Connection], None] | None = None
        self.failure: ResultClass | None = None
        self.error: str | None = None
        self.first_byte_at = 0.0
        self.ended_at = 0.0
        self.reusable = False
        self.transport: asyncio.Transport
        self._loop = loop
        self._clock = clock
        self._deadline = 0.0
        self._poll = select.poll()
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None

    def send(self, head: bytes, body: bytes, *, deadline: float) -> asyncio.Future[None]:
        """Writes a request; the future is done, without a value, when the exchange has ended.

        `deadline` is a time of the loop. No exchange ends in an exception. Whoever gives up waiting
        before the end has to `abort` the connection.
        """
        self.response.begin()
        self.failure = None
        self.error = None
        self.first_byte_at = 0.0
        self.reusable = False
        self._waiter = waiter = self._loop.create_future()
        if self.closed:  # A new connection, whose server spoke or left before it was asked anything.
            self._lose(reset=False)
            return waiter
        self._deadline = deadline
        if self._timer is None or deadline < self._timer.when():
            self._set_timer()
        # What cannot be written yet waits in the transport. One request at a time bounds what can wait
        # there, and the body is in memory anyway, so writing needs no flow control of its own.
        if len(body) <= _JOINED_BODY_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))
        return waiter

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Puts TLS below, checking the certificate against the name. Raises OSError when that fails."""
        if self.closed:
            raise ConnectionResetError
        transport = await self._loop.start_tls(
            self.transport,
            self,
            context,
            server_hostname=name,
            ssl_shutdown_timeout=_TLS_FAREWELL_SECONDS,
        )
        if transport is None:
            raise ConnectionResetError
        self.transport = transport

    @property
    def idle_seconds(self) -> float:
        """How long the connection may lie idle after this answer."""
        told = self.response.header(b"keep-alive")
        found = _TOLD_TIMEOUT.search(told) if told is not None else None
        if found is None:
            return _IDLE_SECONDS
        return min(float(found[1]) - _MARGIN_SECONDS, _IDLE_SECONDS_AT_MOST)

    @property
    def is_quiet(self) -> bool:
        """Whether the connection is open and nothing has arrived on it, not even its end.

        What the loop has not read yet counts too, which is why the system is asked: a server may say
        nothing and close, or say something that nobody asked for.
        """
        return not (self.closed or self.transport.is_closing() or self._poll.poll(0))

    def close(self) -> None:
        """Takes leave of a server that owes nothing, over TLS with the alert that ends a session."""
        self._give_up()
        self.transport.close()

    def abort(self) -> None:
        """Ends the connection at once, whatever is on its way in either direction."""
        self._give_up()
        self.transport.abort()

    # The event loop calls the following methods.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            self.abort()
            return
        if not self.first_byte_at:
            self.first_byte_at = self._clock()
        if self.response.feed(data):
            self._end()

    def eof_received(self) -> None:
        self._lose(reset=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(reset=exc is not None)

    def _lose(self, *, reset: bool) -> None:
        if self._waiter is None:
            self._give_up()
        else:
            self.response.feed_eof(reset=reset)
            self._end()

    def _end(self) -> None:
        response = self.response
        if response.error is not None:
            self._fail(ResultClass.PROTOCOL, response.error)
            return
        # An answer may overtake the request that it answers; what is left of that would be taken for
        # the next one.
        self.reusable = response.reusable and not self.transport.get_write_buffer_size()
        if not self.reusable:
            self.abort()
        self._settle()

    def _fail(self, failure: ResultClass, error: str) -> None:
        self.failure = failure
        self.error = error
        self.abort()
        self._settle()

    def _settle(self) -> None:
        self.ended_at = self._clock()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _give_up(self) -> None:
        self.closed = True
        self.reusable = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.on_loss is not None:
            on_loss, self.on_loss = self.on_loss, None
            on_loss(self)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        """The timer outlives its exchange, which is cheaper than one timer for each: a later exchange
        only moves the deadline, and the timer is set again when it finds it moved."""
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        elif self.response.started:
            self._fail(ResultClass.TIMEOUT, "the answer did not end within the time-out")
        else:
            self._fail(ResultClass.TIMEOUT, "no answer within the time-out")
