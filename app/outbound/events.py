"""Events: find them with who got them, send tests, replay."""

from collections.abc import Sequence

import orjson
from sqlalchemy import Select, func, select
from sqlalchemy.orm import defer

from app import catalogue
from app.errors import EndpointDisabled, NotFound
from app.outbound.envelopes import HEAD_BYTES, read_data, read_timestamp
from app.outbound.record import add_delivery, add_event
from app.rules.event_types import Subscription
from app.rules.json_text import parse_json
from app.store.database import Tx
from app.store.models import Delivery, Endpoint, Event
from app.wiring import Wiring

OPERATOR_TYPES = {event_type.name for event_type in catalogue.OPERATOR_TYPES}

# A page of a list would otherwise read megabytes of bodies to show none.
WITHOUT_BODY = defer(Event.body, raiseload=True)


async def find(tx: Tx, workspace_id: str, event_id: str) -> Event:
    """Return an event of the workspace.

    Raises:
        NotFound: there is none, or it belongs to another workspace.
    """
    event = await tx.scalar(select_of(workspace_id).where(Event.id == event_id))
    if event is None:
        raise NotFound("There is no event with this id.")
    return event


def select_of(workspace_id: str) -> Select[Event]:
    """Return the query of a workspace's events."""
    return select(Event).where(Event.workspace_id == workspace_id)


async def timestamps_of(tx: Tx, workspace_id: str, event_ids: Sequence[str]) -> dict[str, str]:
    """Return the timestamps of events by id, from the first bytes of their bodies."""
    head = func.substr(Event.body, 1, HEAD_BYTES)
    statement = select(Event.id, head).where(Event.workspace_id == workspace_id, Event.id.in_(event_ids))
    return {event_id: read_timestamp(bytes(start)) for event_id, start in await tx.execute(statement)}


async def deliveries_of(tx: Tx, event: Event) -> list[Delivery]:
    """Return an event's deliveries, the first one first."""
    statement = (
        select(Delivery)
        .where(Delivery.workspace_id == event.workspace_id, Delivery.event_id == event.id)
        .order_by(Delivery.id)
    )
    return list(await tx.scalars(statement))


async def unmatched(tx: Tx, event: Event, deliveries: list[Delivery]) -> list[tuple[str, str]]:
    """Return (endpoint id, reason) of today's endpoints that have no delivery of this event."""
    served = {delivery.endpoint_id for delivery in deliveries}
    statement = select(Endpoint).where(
        Endpoint.workspace_id == event.workspace_id, Endpoint.deleted_at.is_(None)
    )
    return [
        (endpoint.id, why_unmatched(endpoint, event))
        for endpoint in await tx.scalars(statement.order_by(Endpoint.id))
        if endpoint.id not in served
    ]


def why_unmatched(endpoint: Endpoint, event: Event) -> str:
    """Return why an endpoint got no delivery of an event, as far as its present state tells."""
    if endpoint.id == spoken_of(event):
        return "about_itself"
    if endpoint.created_at > event.created_at:
        return "registered_later"
    if not Subscription.of(endpoint.events).matches(event.type):
        return "not_subscribed"
    if not endpoint.enabled:
        return "disabled"
    return "not_subscribed_then"


async def send_test(tx: Tx, endpoint: Endpoint, event_type: str, *, wiring: Wiring) -> Delivery:
    """Publish an example of a type to one endpoint, whatever its subscription and state."""
    known = catalogue.find(event_type)
    example = known.example if known else {"test": True, "message": f"A test event of type {event_type}."}
    event = add_event(
        tx, event_type, orjson.dumps(dict(example)), workspace_id=endpoint.workspace_id, wiring=wiring
    )
    return add_delivery(tx, event, endpoint_id=endpoint.id, wiring=wiring, test=True)


async def replay(tx: Tx, event: Event, *, endpoint: Endpoint | None, wiring: Wiring) -> int:
    """Deliver an event again, to one endpoint or to all by today's subscriptions; returns to how many.

    Raises:
        EndpointDisabled: the one endpoint takes no deliveries.
    """
    if endpoint is not None:
        if not endpoint.enabled:
            raise EndpointDisabled("The endpoint is disabled; enable it first.")
        add_delivery(tx, event, endpoint_id=endpoint.id, wiring=wiring)
        return 1
    statement = select(Endpoint.id, Endpoint.events).where(
        Endpoint.workspace_id == event.workspace_id, Endpoint.enabled, Endpoint.deleted_at.is_(None)
    )
    besides = spoken_of(event)
    receivers = [
        id_
        for id_, patterns in await tx.execute(statement)
        if id_ != besides and Subscription.of(patterns).matches(event.type)
    ]
    for endpoint_id in receivers:
        add_delivery(tx, event, endpoint_id=endpoint_id, wiring=wiring)
    return len(receivers)


def spoken_of(event: Event) -> str | None:
    """Return the endpoint that an event about endpoints speaks of, and that never gets it; None for others."""
    if event.type not in OPERATOR_TYPES:
        return None
    endpoint_id: str = parse_json(read_data(event.body))["endpoint"]["id"]
    return endpoint_id
