"""The transactions in which sessions are claimed, kept and moved on.

1. `claim` gives a session to one process until its lease ends.
2. `write` counts for a session only while the lease is the writer's. A token is never used again.
3. The first answer to a request stays; `write` says of the others that they were late.
4. That a session runs for the first time, and that it has ended, is published in the same transaction.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from app.store.hot.contract import NewEvent
from app.store.hot.scripts import Each, Fetch, Script, read_instant
from app.store.hot.session_rows import (
    ClaimedSession,
    LeaseState,
    NewOutcome,
    NewRequest,
    Writing,
    Written,
)
from app.store.hot.session_statements import (
    CHANGE_SESSION,
    CLAIM,
    FORGET_ARRIVALS,
    FORGET_RECORDS,
    FORGET_SIGNALS,
    FORGET_SUBSCRIPTIONS,
    INSERT_LOG,
    INSERT_OUTCOME,
    INSERT_RECORD,
    INSERT_SIGNAL,
    KEEP_SHOWN,
    LEASES,
    RENEW,
    REQUESTS,
    SET_LOG_LENGTH,
    SET_STEP,
    WAKE,
)

# What CLAIM and REQUESTS return, in order.
CLAIMED = ClaimedSession.__struct_fields__[:-2]
REQUESTED = NewRequest.__struct_fields__[:-2]

# Publishes events in the transaction.
PublishEvents = Callable[[Sequence[NewEvent]], Script[None]]

# Publishes that sessions run.
PublishStarts = Callable[[Sequence[ClaimedSession]], Script[None]]


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


def write(writings: Sequence[Writing], publish: PublishEvents) -> Script[list[Written]]:
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
