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
from datetime import datetime, timedelta
from typing import Any

from app.inbound.wire import as_event
from app.queue import SessionsDue
from app.runner.ends import Parked
from app.runner.handler_errors import HandlerError, LeaseLost, SessionEnds
from app.runner.operations.asking import RESULT, Asking
from app.store.database import unavailable_when_away
from app.store.hot.session_rows import NewRequest, SessionChange
from app.store.hot.wait_scripts import Looked, Wish, describe_wait

# How long a durable session waits in its process, which costs memory, before it is parked, which costs a replay.
PARK_SECONDS = 2.0

# Waits that end sooner after parking are called to mind; later ones, the sweep finds.
ALARM_SECONDS = 3_600.0

# The longest that anything waits: what is called for ever by then.
MOST_SECONDS = 10 * 365 * 86_400


async def next_event(asking: Asking) -> Any:
    """Wait for the next request of subscriptions, looked at in the order given.

    Raises:
        HandlerError: a subscription is not the session's.
    """
    ids = [str(subscription_id) for subscription_id in asking.arguments["ids"]]
    return await wait(asking, asking.arguments.get("timeout_seconds"), subscription_ids=ids)


async def next_signal(asking: Asking) -> Any:
    """Wait for the oldest signal of some names."""
    names = [str(name) for name in asking.arguments["names"]]
    return await wait(asking, asking.arguments.get("timeout_seconds"), signal_names=names)


async def sleep(asking: Asking) -> None:
    """Wait for time to pass."""
    await wait(asking, asking.arguments["seconds"])


async def wait(asking: Asking, timeout_seconds: float | None, **wanted: list[str]) -> Any:
    """Return what has come of what is wanted, or None when the time is over.

    Raises:
        SessionEnds: the session was parked meanwhile.
        HandlerStopped: it is to stop.
        HandlerError: a subscription is not the session's.
    """
    performance = asking.performance
    clock, loop = performance.stage.wiring.clock, asyncio.get_running_loop()
    performance.has_waits = True
    began, until = loop.time(), end_of(timeout_seconds, clock())
    while True:
        performance.bell.clear()
        wish = make_wish(asking, until=until, now=clock(), **wanted)
        looked = await look(asking, wish)
        if looked.result is not None:
            break
        until = looked.until
        performance.rest()
        await park_or_ring(asking, wish, looked, waited=loop.time() - began)
        performance.check_stop()
    await performance.go_on()
    return json.loads(looked.result)


async def look(asking: Asking, wish: Wish) -> Looked:
    """Look once for what is wished.

    Raises:
        LeaseLost: the session is another's by now.
        HandlerError: a subscription is not the session's.
        Unavailable: the database is away.
    """
    await asking.performance.notes.flush_what_was_said()
    with unavailable_when_away():
        looked = await asking.performance.stage.wiring.database.sessions.look(wish, tell=tell_event)
    if not looked.held:
        raise LeaseLost
    if looked.missing is not None:
        raise HandlerError(f"subscription {looked.missing!r} not found in this session")
    return looked


def make_wish(asking: Asking, *, until: datetime | None, now: datetime, **wanted: list[str]) -> Wish:
    """Return what is to be looked for."""
    session = asking.performance.session
    return Wish(
        session_id=session.id,
        token=session.token,
        operation=asking.operation,
        name=asking.name,
        seq=asking.seq,
        mark=RESULT,
        now=now,
        until=until,
        **wanted,
    )


def tell_event(request: NewRequest) -> str:
    """Return a request as JSON for its handler."""
    return json.dumps(as_event(request))


async def park_or_ring(asking: Asking, wish: Wish, looked: Looked, *, waited: float) -> None:
    """Wait until something may have come; a durable session that has waited for long parks instead.

    Raises:
        SessionEnds: it has been parked.
    """
    performance = asking.performance
    may_park = asking.seq is not None
    stay = PARK_SECONDS - waited if may_park else MOST_SECONDS
    if may_park and performance.stage.processes.is_crowded:
        stay = 0
    left = None
    if looked.until is not None:
        left = (looked.until - performance.stage.wiring.clock()).total_seconds()
    pause = min(left if left is not None else MOST_SECONDS, stay)
    try:
        async with asyncio.timeout(max(pause, 0)):
            await performance.bell.wait()
    except TimeoutError:
        if not may_park or (left is not None and left <= pause):
            return
        if not await park(asking, wish, looked):
            return
        if left is not None and left - pause < ALARM_SECONDS:
            # On time, and not only with the next sweep; a moment later, because who looks too early finds nothing.
            asyncio.get_running_loop().call_later(
                left - pause + 0.02, performance.stage.wiring.queue.give, SessionsDue()
            )
        raise SessionEnds(Parked()) from None


async def park(asking: Asking, wish: Wish, looked: Looked) -> bool:
    """Leave the session as a row that waits; False if something has come since the look."""
    performance = asking.performance
    change = SessionChange(
        status="waiting",
        due_at=looked.until,
        keeps_lease=False,
        active_seconds=performance.active_time.seconds,
        deaths=performance.session.deaths,
        wait=describe_wait(wish, looked.until),
        custom_data=json.dumps(performance.notes.custom_data),
        outcome=performance.notes.outcome,
        if_wakes=looked.wakes,
    )
    return (await performance.notes.flush(change)).changed


def end_of(timeout_seconds: float | None, now: datetime) -> datetime | None:
    """Return when a wait that begins now ends, if it ever does."""
    if timeout_seconds is None:
        return None
    return now + timedelta(seconds=min(float(timeout_seconds), MOST_SECONDS))
