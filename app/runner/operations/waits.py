"""Waiting for requests, signals and time.

1. A wait looks first, and under the lock of the session's row notes how often the session has been woken. Whoever
   brings something raises that number in the transaction that brings it, so nothing comes unnoticed.
2. The end of a wait is fixed when it begins and kept in the row: a handler that runs again waits for the rest.
3. While it waits a session gives its place to others. A durable one that has waited for some seconds is parked, and
   at once when there are many processes: its process ends, and its row says what is to wake it. One that keeps no
   journal waits in its process.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from app.inbound.wire import as_event
from app.queue import SessionsDue
from app.runner.ends import Parked
from app.runner.handler_errors import HandlerError, SessionEnds
from app.runner.operations.asking import Asking
from app.store.columns import from_microseconds, to_microseconds
from app.store.database import Tx
from app.store.hot.session_rows import NewRequest, SessionChange
from app.store.models import Arrival, ReceivedRequest, Session, Signal, TriggerSubscription

# How long a durable session waits in its process, which costs memory, before it is parked, which costs a replay.
PARK_SECONDS = 2.0

# Waits that end sooner after parking are called to mind; later ones, the sweep finds.
ALARM_SECONDS = 3_600.0

# The longest that anything waits: what is called for ever by then.
MOST_SECONDS = 10 * 365 * 86_400

# Looks for what is waited for, and takes it; None when it is not there.
Find = Callable[[Tx], Awaitable[Any]]


async def next_event(asking: Asking) -> Any:
    """Wait for the next request of subscriptions, looked at in the order given.

    Raises:
        HandlerError: a subscription is not the session's.
    """
    ids = [str(subscription_id) for subscription_id in asking.arguments["ids"]]

    async def find(tx: Tx) -> Any:
        oldest = (
            select(func.min(Arrival.request_id))
            .where(Arrival.subscription_id == TriggerSubscription.id)
            .scalar_subquery()
        )
        rows = await tx.execute(
            select(TriggerSubscription.id, oldest).where(
                TriggerSubscription.id.in_(ids), TriggerSubscription.session_id == asking.session_id
            )
        )
        owned: dict[str, str | None] = {row[0]: row[1] for row in rows}
        for subscription_id in ids:
            if subscription_id not in owned:
                raise HandlerError(f"subscription {subscription_id!r} not found in this session")
            if (request_id := owned[subscription_id]) is not None:
                await tx.execute(
                    delete(Arrival).where(
                        Arrival.subscription_id == subscription_id, Arrival.request_id == request_id
                    )
                )
                return as_event(row_of(await tx.get_one(ReceivedRequest, request_id)))
        return None

    return await wait(asking, find, asking.arguments.get("timeout_seconds"))


async def next_signal(asking: Asking) -> Any:
    """Wait for the oldest signal of some names."""
    names = [str(name) for name in asking.arguments["names"]]

    async def find(tx: Tx) -> Any:
        signal = await tx.scalar(
            select(Signal)
            .where(Signal.session_id == asking.session_id, Signal.name.in_(names))
            .order_by(Signal.id)
            .limit(1)
        )
        if signal is None:
            return None
        await tx.delete(signal)
        return {"name": signal.name, "payload": json.loads(signal.payload)}

    return await wait(asking, find, asking.arguments.get("timeout_seconds"))


async def sleep(asking: Asking) -> None:
    """Wait for time to pass."""

    async def find(_: Tx) -> None:
        return None

    await wait(asking, find, asking.arguments["seconds"])


async def wait(asking: Asking, find: Find, timeout_seconds: float | None) -> Any:
    """Return what `find` finds, or None when the time is over.

    Raises:
        SessionEnds: the session was parked meanwhile.
        HandlerStopped: it is to stop.
    """
    performance = asking.performance
    clock, loop = performance.stage.wiring.clock, asyncio.get_running_loop()
    performance.has_waits = True
    began = loop.time()
    while True:
        performance.bell.clear()
        async with asking.transaction() as (tx, session):
            until = wait_until(asking, session, timeout_seconds)
            found = await find(tx)
            if found is not None or (until is not None and until <= clock()):
                session.status, session.wait = "running", None
                result = asking.record(tx, found)
                break
            session.status, session.wait = "waiting", describe_wait(asking, until)
            seen = session.wakes
        performance.rest()
        left = None if until is None else (until - clock()).total_seconds()
        await park_or_ring(asking, seen, until=until, left=left, waited=loop.time() - began)
        performance.check_stop()
    await performance.go_on()
    return result


async def park_or_ring(
    asking: Asking, seen: int, *, until: datetime | None, left: float | None, waited: float
) -> None:
    """Wait until something may have come; a durable session that has waited for long parks instead.

    Raises:
        SessionEnds: it has been parked.
    """
    performance = asking.performance
    may_park = asking.seq is not None
    stay = PARK_SECONDS - waited if may_park else MOST_SECONDS
    if may_park and performance.stage.processes.is_crowded:
        stay = 0
    pause = min(left if left is not None else MOST_SECONDS, stay)
    try:
        async with asyncio.timeout(max(pause, 0)):
            await performance.bell.wait()
    except TimeoutError:
        if not may_park or (left is not None and left <= pause):
            return
        change = SessionChange(
            status="waiting",
            due_at=until,
            keeps_lease=False,
            active_seconds=performance.active_time.seconds,
            deaths=performance.session.deaths,
            wait=describe_wait(asking, until),
            custom_data=json.dumps(performance.notes.custom_data),
            outcome=performance.notes.outcome,
            if_wakes=seen,
        )
        if (await performance.notes.flush(change)).changed:
            if left is not None and left - pause < ALARM_SECONDS:
                # On time, and not only with the next sweep; a moment later, because who looks too early finds nothing.
                asyncio.get_running_loop().call_later(
                    left - pause + 0.02, performance.stage.wiring.queue.give, SessionsDue()
                )
            raise SessionEnds(Parked()) from None


def wait_until(asking: Asking, session: Session, timeout_seconds: float | None) -> datetime | None:
    """Return when a wait ends: as it was when the wait began, if the handler has come to it before."""
    if session.wait is not None:
        begun = json.loads(session.wait)
        if begun["seq"] == asking.seq and begun["operation"] == asking.operation:
            return None if begun["until"] is None else from_microseconds(begun["until"])
    if timeout_seconds is None:
        return None
    now = asking.performance.stage.wiring.clock()
    return now + timedelta(seconds=min(float(timeout_seconds), MOST_SECONDS))


def describe_wait(asking: Asking, until: datetime | None) -> str:
    """Return what the session's row says of its wait."""
    moment = None if until is None else to_microseconds(until)
    return json.dumps({"operation": asking.operation, "seq": asking.seq, "until": moment})


def row_of(request: ReceivedRequest) -> NewRequest:
    """Return a stored request as what the wire is made of."""
    return NewRequest(
        id=request.id,
        workspace_id=request.workspace_id,
        workflow_id=request.workflow_id,
        trigger_id=request.trigger_id,
        method=request.method,
        raw_url=request.raw_url,
        suffix=request.suffix,
        headers=request.headers,
        body=request.body,
        received_at=request.received_at,
        peer=request.peer,
        reason=request.reason,
        session_id=request.session_id,
    )
