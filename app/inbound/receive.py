"""Receiving: a request and the session that it starts in one commit, many callers to a commit."""

import asyncio
from collections.abc import Callable

from app.errors import Unavailable
from app.inbound.addresses import Address
from app.inbound.wire import as_variables, event_type_of
from app.outbound.announce import Announcer
from app.queue import SessionsDue, SessionsWoken
from app.rules.filters import INBOUND, Filter
from app.store.database import unavailable_when_away
from app.store.hot.session_rows import NewRequest, Receipt
from app.wiring import Wiring

# Requests in one commit.
MOST_RECEIPTS = 200


class Receiver:
    """Receives for the callers of this process; `woken` is told of sessions for which something has come."""

    def __init__(self, wiring: Wiring, woken: Callable[[str], None], announcer: Announcer) -> None:
        self._wiring = wiring
        self._announcer = announcer
        self._woken = woken
        self._waiting: list[tuple[Receipt, asyncio.Future[bool]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def receive(self, receipt: Receipt) -> bool:
        """Commit a request with its session; False if the workflow is no longer what it was judged by.

        Raises:
            Unavailable: the database is away; nothing was written.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipt, future))
        if self._committing is None:
            self._committing = asyncio.get_running_loop().create_task(self._commit_waiting())
        return await future

    async def _commit_waiting(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MOST_RECEIPTS], self._waiting[MOST_RECEIPTS:]
                try:
                    written = await self._commit([receipt for receipt, _ in group])
                except Exception as error:
                    if isinstance(error, Unavailable):
                        # Whoever came meanwhile has waited as long, and would wait as long again.
                        group, self._waiting = group + self._waiting, []
                    for _, future in group:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for receipt, future in group:
                    if not future.done():
                        future.set_result(receipt.request.id in written)
        finally:
            self._committing = None

    async def _commit(self, receipts: list[Receipt]) -> set[str]:
        announcement = self._announcer.begin()
        with unavailable_when_away():
            written, woken = await self._wiring.database.sessions.receive(
                receipts, judge=fits, publish=announcement.publish
            )
        self._announcer.tell(announcement, later=True)
        for receipt in receipts:
            if receipt.request.id in written:
                self._wiring.metrics.requests.labels("no" if receipt.session is None else "yes").inc()
        if woken:
            for session_id in woken:
                self._woken(session_id)
            self._wiring.queue.give(SessionsWoken(woken))
        if woken or any(r.session is not None and r.session.lease_token is None for r in receipts):
            self._wiring.queue.give(SessionsDue())
        return written


def judge(address: Address, request: NewRequest) -> str | None:
    """Return why a request starts no session, or None if it does."""
    spec = address.spec
    event_type = event_type_of(request)
    if spec.event_type is not None and spec.event_type.lower() != event_type:
        return f"event_type is {event_type}, and the trigger takes {spec.event_type}"
    if address.filter is not None:
        verdict = address.filter.judge(as_variables(request, with_body=address.filter.names_body))
        if not verdict.matched:
            return verdict.reason or "the filter says no"
    if spec.call is None:
        return "the trigger calls nothing; requests to it are for those who wait for them"
    return None


def fits(request: NewRequest, filter_text: str) -> bool:
    """Whether a request fits the filter of a subscription."""
    if not filter_text:
        return True
    compiled = Filter.compile(filter_text, variables=INBOUND)
    return compiled.judge(as_variables(request, with_body=compiled.names_body)).matched
