"""The transaction in which requests are received.

It writes a request with its session and hands it to whoever subscribed, or nothing of it if the workflow is no longer
what it was judged by, or the request repeats one. That a session runs from birth is published in it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from app.store.hot.scripts import Each, Fetch, Script
from app.store.hot.session_rows import NewRequest, NewSession, Receipt
from app.store.hot.session_scripts import PublishEvents
from app.store.hot.session_statements import (
    FORGET_KEY,
    INSERT_ARRIVAL,
    INSERT_KEYED_REQUEST,
    INSERT_REQUEST,
    INSERT_SESSION,
    LIVE_VERSIONS,
    SUBSCRIPTIONS,
    WAKE,
)

# How long a request counts as the first of its key.
DEDUPE_KEPT = timedelta(hours=24)

# Whether a request fits the filter of a subscription.
Judge = Callable[[NewRequest, str], bool]


def receive(
    receipts: Sequence[Receipt], judge: Judge, publish: PublishEvents
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
