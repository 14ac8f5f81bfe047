"""The transactions of the inbound engine where throughput hangs on them.

1. `receive` writes a request with its session and hands it to whoever subscribed, or nothing of it if the
   workflow is no longer what it was judged by, or the request repeats one.
2. `claim` gives a session to one process until its lease ends.
3. `write` counts for a session only while the lease is the writer's. A token is never used again.
4. The first answer to a request stays; `write` says of the others that they were late.
5. That a session runs for the first time, and that it has ended, is published in the same transaction.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from app.store.hot.contract import NewEvent
from app.store.hot.scripts import Each, Fetch, Script, read_instant
from app.store.hot.session_rows import (
    ClaimedSession,
    LeaseState,
    NewOutcome,
    NewRequest,
    NewSession,
    Receipt,
    Writing,
    Written,
)
from app.store.hot.session_statements import (
    CHANGE_SESSION,
    CLAIM,
    FORGET_ARRIVALS,
    FORGET_KEY,
    FORGET_RECORDS,
    FORGET_SIGNALS,
    FORGET_SUBSCRIPTIONS,
    INSERT_ARRIVAL,
    INSERT_KEYED_REQUEST,
    INSERT_LOG,
    INSERT_OUTCOME,
    INSERT_RECORD,
    INSERT_REQUEST,
    INSERT_SESSION,
    INSERT_SIGNAL,
    KEEP_SHOWN,
    LEASES,
    LIVE_VERSIONS,
    RENEW,
    REQUESTS,
    SET_LOG_LENGTH,
    SET_STEP,
    SUBSCRIPTIONS,
    WAKE,
)

# How long a request counts as the first of its key.
DEDUPE_KEPT = timedelta(hours=24)

# What CLAIM and REQUESTS return, in order.
CLAIMED = ClaimedSession.__struct_fields__[:-2]
REQUESTED = NewRequest.__struct_fields__[:-2]

# Whether a request fits the filter of a subscription.
Judge = Callable[[NewRequest, str], bool]

# Publishes events in the transaction.
Publish = Callable[[Sequence[NewEvent]], Script[None]]

# Publishes that sessions run.
PublishStarts = Callable[[Sequence[ClaimedSession]], Script[None]]


def receive(
    receipts: Sequence[Receipt], judge: Judge, publish: Publish
) -> Script[tuple[set[str], list[str]]]:
    """Write requests with their sessions; returns the ids of those written and of the sessions woken."""
    workflow_ids = list({receipt.request.workflow_id for receipt in receipts})
    versions = {row[0]: row[1] for row in (yield Fetch(LIVE_VERSIONS, (workflow_ids,)))}
    written = [r for r in receipts if versions.get(r.request.workflow_id) == r.workflow_version]
    yield Each(INSERT_REQUEST, [request_values(r.request) for r in written if r.request.dedupe_key is None])
    known = yield from insert_keyed([r.request for r in written if r.request.dedupe_key is not None])
    written = [receipt for receipt in written if receipt.request.id not in known]
    requests = [receipt.request for receipt in written]
    sessions = [receipt.session for receipt in written if receipt.session is not None]
    yield Each(INSERT_SESSION, [session_values(session) for session in sessions])
    if events := [receipt.event for receipt in written if receipt.event is not None]:
        yield from publish(events)
    woken = yield from hand_out(requests, judge)
    return {request.id for request in requests}, woken


def insert_keyed(requests: Sequence[NewRequest]) -> Script[set[str]]:
    """Write requests that may be repetitions; returns the ids of those that are, which are not written."""
    known = set()
    for request in requests:
        forgotten = request.received_at - DEDUPE_KEPT
        yield Fetch(FORGET_KEY, (request.trigger_id, request.dedupe_key, forgotten))
        if not (yield Fetch(INSERT_KEYED_REQUEST, request_values(request))):
            known.add(request.id)
    return known


def hand_out(requests: Sequence[NewRequest], judge: Judge) -> Script[list[str]]:
    """Give requests to the subscriptions that they fit, wake whoever waits for them, and say who that is."""
    triggers = list({request.trigger_id for request in requests})
    arrivals: list[tuple[str, str]] = []
    woken: dict[str, datetime] = {}
    for subscription_id, session_id, trigger_id, filter_text in (yield Fetch(SUBSCRIPTIONS, (triggers,))):
        for request in requests:
            if request.trigger_id == trigger_id and judge(request, filter_text):
                arrivals.append((subscription_id, request.id))
                woken[session_id] = request.received_at
    if arrivals:
        yield Each(INSERT_ARRIVAL, arrivals)
        yield Each(WAKE, sorted(woken.items()))
    return sorted(woken)


def claim(
    *, token: int, now: datetime, leased_until: datetime, limit: int, publish: PublishStarts
) -> Script[list[ClaimedSession]]:
    """Lease the sessions that have been due longest."""
    rows = yield Fetch(CLAIM, (now, leased_until, token, limit))
    sessions = [read_claimed(row, token) for row in rows]
    request_ids = [session.request_id for session in sessions if session.request_id is not None]
    if request_ids:
        found = {row[0]: read_request(row) for row in (yield Fetch(REQUESTS, (request_ids,)))}
        for session in sessions:
            session.request = found.get(session.request_id or "")
    if begun := [session for session in sessions if session.attempt == 1]:
        yield from publish(begun)
    return sorted(sessions, key=attrgetter("created_at", "id"))


def read_claimed(row: Sequence[Any], token: int) -> ClaimedSession:
    """Return a row of CLAIM as what it says."""
    values = dict(zip(CLAIMED, row, strict=True))
    for name in ("is_durable", "is_sync", "stop_forced"):
        values[name] = bool(values[name])
    values["is_stopping"] = values["is_stopping"] is not None
    for name in ("created_at", "started_at"):
        values[name] = read_instant(values[name])
    return ClaimedSession(**values, token=token)


def read_request(row: Sequence[Any]) -> NewRequest:
    """Return a row of REQUESTS as what it says."""
    values = dict(zip(REQUESTED, row, strict=True))
    values["received_at"] = read_instant(values["received_at"])
    return NewRequest(**values)


def renew(leases: Sequence[tuple[str, int]], *, leased_until: datetime) -> Script[dict[str, LeaseState]]:
    """Extend leases (session id, token) and say of each session what its performer has to know."""
    ordered = sorted(leases)
    yield Each(RENEW, [(session_id, token, leased_until) for session_id, token in ordered])
    rows = {row[0]: row for row in (yield Fetch(LEASES, ([session_id for session_id, _ in ordered],)))}
    states = {}
    for session_id, token in ordered:
        row = rows.get(session_id)
        held = row is not None and row[1] == token
        states[session_id] = (
            LeaseState(True, row[3] is not None, bool(row[4]), row[5], row[2])
            if row and held
            else LeaseState(False)
        )
    return states


def write(writings: Sequence[Writing], publish: Publish) -> Script[list[Written]]:
    """Write what happened in sessions, at most one writing a session."""
    # Who is signalled is locked as well, so that whoever locks several takes them all in one order.
    ids = {w.session_id for w in writings} | {s.session_id for w in writings for s in w.signals}
    rows = {row[0]: row for row in (yield Fetch(LEASES, (sorted(ids),)))}
    held = [w for w in writings if w.session_id in rows and rows[w.session_id][1] == w.token]
    yield Each(INSERT_LOG, [(w.session_id, e.seq, e.at, e.kind, e.text, e.data) for w in held for e in w.log])
    changing = [w for w in held if w.change is not None and changes(w, wakes=rows[w.session_id][2])]
    changing_ids = {w.session_id for w in changing}
    yield Each(
        SET_LOG_LENGTH,
        [(w.session_id, w.log[-1].seq) for w in held if w.log and w.session_id not in changing_ids],
    )
    yield Each(
        INSERT_RECORD, [(w.session_id, r.seq, r.kind, r.name, r.result) for w in held for r in w.records]
    )
    yield Each(
        SET_STEP,
        [
            (w.session_id, s.number, s.name, s.status, s.started_at, s.duration_ms, s.error)
            for w in held
            for s in w.steps
        ],
    )
    late = yield from answer([outcome for w in held for outcome in w.outcomes])
    held_ids = {w.session_id for w in held}
    shown = [w for w in held if w.session_id not in changing_ids and (w.outcome or w.custom_data)]
    yield Each(KEEP_SHOWN, [(w.session_id, w.outcome, w.custom_data) for w in shown])
    yield from change_sessions(changing)
    yield from signal_sessions(held)
    if events := [w.event for w in changing if w.event is not None]:
        yield from publish(events)
    return [
        Written(
            w.session_id in held_ids,
            w.session_id in changing_ids,
            frozenset(request_id for session_id, request_id in late if session_id == w.session_id),
        )
        for w in writings
    ]


def answer(outcomes: Sequence[NewOutcome]) -> Script[set[tuple[str, str]]]:
    """Answer requests; returns (session id, request id) of the outcomes that were not the first."""
    late = set()
    # In the order of their keys, so that no two transactions wait for each other.
    for o in sorted(outcomes, key=attrgetter("request_id")):
        values = (
            o.request_id, o.workspace_id, o.session_id, o.status_code, o.headers, o.body, o.created_at
        )  # fmt: skip
        if not (yield Fetch(INSERT_OUTCOME, values)):
            late.add((o.session_id, o.request_id))
    return late


def changes(writing: Writing, *, wakes: int) -> bool:
    """Whether a session becomes what the writing says: one that was woken meanwhile does not park."""
    change = writing.change
    return change is not None and (change.if_wakes is None or change.if_wakes == wakes)


def change_sessions(writings: Sequence[Writing]) -> Script[None]:
    """Move sessions on; what one that ends has left of waits is forgotten."""
    rows = []
    for writing in writings:
        c = writing.change
        if c is not None:
            rows.append(
                (
                    writing.session_id, c.status, c.due_at, c.keeps_lease, c.active_seconds, c.deaths, c.wait, c.error,
                    c.outcome, c.result, c.custom_data, c.finished_at, writing.log[-1].seq if writing.log else None,
                )
            )  # fmt: skip
    yield Each(CHANGE_SESSION, rows)
    ended = [(writing.session_id,) for writing in writings if writing.forgets_waits]
    if ended:
        for statement in (FORGET_ARRIVALS, FORGET_SUBSCRIPTIONS, FORGET_SIGNALS, FORGET_RECORDS):
            yield Each(statement, ended)


def signal_sessions(writings: Sequence[Writing]) -> Script[None]:
    """Leave signals for other sessions and wake them."""
    signals = [signal for writing in writings for signal in writing.signals]
    if signals:
        yield Each(
            INSERT_SIGNAL,
            [(s.id, s.workspace_id, s.session_id, s.name, s.payload, s.created_at) for s in signals],
        )
        yield Each(WAKE, sorted((signal.session_id, signal.created_at) for signal in signals))


def request_values(request: NewRequest) -> tuple[object, ...]:
    """Return what INSERT_REQUEST takes."""
    return (
        request.id, request.workspace_id, request.workflow_id, request.trigger_id, request.method, request.raw_url,
        request.suffix, request.headers, request.body, request.received_at, request.peer, request.reason,
        request.session_id, request.redispatch_of, request.dedupe_key,
    )  # fmt: skip


def session_values(session: NewSession) -> tuple[object, ...]:
    """Return what INSERT_SESSION takes; a session that is leased from birth is running."""
    leased = session.lease_token is not None
    return (
        session.id, session.workspace_id, session.workflow_id, session.deployment_id, session.trigger_id,
        session.request_id, session.parent_id, session.call, session.input, session.memo, session.is_durable,
        session.is_sync, "running" if leased else "created", 1 if leased else 0, session.created_at,
        session.leased_until, session.lease_token, session.created_at if leased else None, session.hops,
    )  # fmt: skip
