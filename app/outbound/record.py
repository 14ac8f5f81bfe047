"""Events that verbs of this service publish: rows in the verb's own transaction.

The state change and the event that tells of it stand or fall together.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import select

from app.outbound.envelopes import compose_body, format_timestamp
from app.rules.event_types import Subscription
from app.rules.ids import make_id
from app.rules.lifecycle import DeliveryStatus
from app.store.database import Tx
from app.store.models import Delivery, Endpoint, Event
from app.wiring import Wiring


async def record_event(
    tx: Tx,
    event_type: str,
    data: Mapping[str, Any] | orjson.Fragment,
    *,
    workspace_id: str,
    wiring: Wiring,
    besides: str | None = None,
    hops: int = 0,
) -> Event:
    """Publish an event to the endpoints that subscribe to it, but never to `besides`.

    A fragment is compact JSON, which goes out as it stands. `hops` are those of `app.rules.hops`.
    """
    event = add_event(tx, event_type, orjson.dumps(data), workspace_id=workspace_id, wiring=wiring, hops=hops)
    statement = select(Endpoint.id, Endpoint.events).where(
        Endpoint.workspace_id == workspace_id, Endpoint.enabled, Endpoint.deleted_at.is_(None)
    )
    for endpoint_id, patterns in await tx.execute(statement):
        if endpoint_id != besides and Subscription.of(patterns).matches(event_type):
            add_delivery(tx, event, endpoint_id=endpoint_id, wiring=wiring)
    return event


def add_event(
    tx: Tx, event_type: str, data: bytes, *, workspace_id: str, wiring: Wiring, hops: int = 0
) -> Event:
    """Write an event without deliveries; `data` is compact JSON."""
    now = wiring.clock()
    event_id = make_id("evt", wiring.chance.uuid7())
    body = compose_body(event_type=event_type, event_id=event_id, timestamp=format_timestamp(now), data=data)
    event = Event(
        workspace_id=workspace_id, id=event_id, type=event_type, body=body, hops=hops, created_at=now
    )
    tx.add(event)
    return event


def add_delivery(tx: Tx, event: Event, *, endpoint_id: str, wiring: Wiring, test: bool = False) -> Delivery:
    """Write a delivery that is due now and hint at it. A test gets one attempt."""
    now = wiring.clock()
    delivery = Delivery(
        workspace_id=event.workspace_id,
        id=make_id("dlv", wiring.chance.uuid7()),
        event_id=event.id,
        event_type=event.type,
        endpoint_id=endpoint_id,
        status=DeliveryStatus.PENDING,
        attempt_count=0,
        single_try=test,
        test=test,
        due_at=now,
        created_at=now,
    )
    tx.add(delivery)
    tx.hint(endpoint_id)
    return delivery
