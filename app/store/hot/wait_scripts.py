"""Looking for what a session waits for, in one transaction with the record of what was found.

Under the lock of the session's row a look takes what has come, or notes that the session waits and how often it has
been woken so far. Whoever brings something raises that number in the transaction that brings it.
"""

import json
from collections.abc import Callable
from datetime import datetime

import msgspec

from app.store.columns import from_microseconds, to_microseconds
from app.store.hot.scripts import Each, Fetch, Script
from app.store.hot.session_rows import NewRequest
from app.store.hot.session_scripts import read_request
from app.store.hot.session_statements import (
    DELETE_ARRIVAL,
    DELETE_SIGNAL,
    INSERT_RECORD,
    LOCK_WAIT,
    OLDEST_ARRIVALS,
    OLDEST_SIGNAL,
    REQUESTS,
    SET_WAIT,
)

# Returns a request as JSON for its handler.
Tell = Callable[[NewRequest], str]


class Wish(msgspec.Struct, frozen=True):
    """What a session waits for: requests of subscriptions, signals, or time alone.

    `until` ends the wait, unless an earlier look has fixed its end. With `seq` the result is recorded there, as
    `mark` and its JSON.
    """

    session_id: str
    token: int
    operation: str
    name: str
    seq: int | None
    mark: str
    now: datetime
    until: datetime | None
    subscription_ids: list[str] = []
    signal_names: list[str] = []


class Looked(msgspec.Struct, frozen=True):
    """What a look found: the JSON result of a wait that is over, or until when it goes on and the wakes so far.

    `missing` is a subscription that is not the session's. `held` is false when the lease is another's.
    """

    held: bool
    result: str | None = None
    missing: str | None = None
    until: datetime | None = None
    wakes: int = 0


def look(wish: Wish, tell: Tell) -> Script[Looked]:
    """Take what a session waits for, if it has come or the time is over; else note that it waits."""
    rows = yield Fetch(LOCK_WAIT, (wish.session_id,))
    if not rows or rows[0][0] != wish.token:
        return Looked(False)
    _, wakes, begun = rows[0]
    until = end_of_wait(wish, begun)
    found = yield from take_event(wish, tell) if wish.subscription_ids else take_signal(wish)
    if isinstance(found, Looked):
        return found
    if found is None and (until is None or until > wish.now):
        yield Each(SET_WAIT, [(wish.session_id, "waiting", describe_wait(wish, until))])
        return Looked(True, until=until, wakes=wakes)
    result = found or "null"
    yield Each(SET_WAIT, [(wish.session_id, "running", None)])
    if wish.seq is not None:
        kept = (wish.mark + result).encode()
        yield Each(INSERT_RECORD, [(wish.session_id, wish.seq, wish.operation, wish.name, kept)])
    return Looked(True, result=result)


def take_event(wish: Wish, tell: Tell) -> Script[str | Looked | None]:
    """Take the oldest request of the first subscription that has one."""
    rows = yield Fetch(OLDEST_ARRIVALS, (wish.subscription_ids, wish.session_id))
    owned = {row[0]: row[1] for row in rows}
    for subscription_id in wish.subscription_ids:
        if subscription_id not in owned:
            return Looked(True, missing=subscription_id)
        if (request_id := owned[subscription_id]) is not None:
            yield Each(DELETE_ARRIVAL, [(subscription_id, request_id)])
            stored = yield Fetch(REQUESTS, ([request_id],))
            return tell(read_request(stored[0]))
    return None


def take_signal(wish: Wish) -> Script[str | Looked | None]:
    """Take the oldest signal of the names that are waited for."""
    if not wish.signal_names:
        return None
    rows = yield Fetch(OLDEST_SIGNAL, (wish.session_id, wish.signal_names))
    if not rows:
        return None
    signal_id, name, payload = rows[0]
    yield Each(DELETE_SIGNAL, [(signal_id,)])
    return json.dumps({"name": name, "payload": json.loads(payload)})


def end_of_wait(wish: Wish, begun: str | None) -> datetime | None:
    """Return when a wait ends: as it was when the wait began, if the handler has come to it before."""
    if begun is not None:
        noted = json.loads(begun)
        if noted["seq"] == wish.seq and noted["operation"] == wish.operation:
            return None if noted["until"] is None else from_microseconds(noted["until"])
    return wish.until


def describe_wait(wish: Wish, until: datetime | None) -> str:
    """Return what the session's row says of its wait."""
    moment = None if until is None else to_microseconds(until)
    return json.dumps({"operation": wish.operation, "seq": wish.seq, "until": moment})
