"""GET /events, one event with who got it, and its replay."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.api.auth import EndpointsWriter, Reader
from app.api.bodies import RawBody, describe_body, parse_body
from app.api.idempotency import Answer, answer_once
from app.api.paging import Order, Page, TimedListQuery, read_page
from app.api.schemas import (
    EventDelivery,
    EventDetail,
    EventSummary,
    ReplayAccepted,
    ReplayInput,
    Unmatched,
)
from app.api.transactions import Parts, ReadTx
from app.outbound import endpoints, events
from app.store.database import Tx
from app.store.models import Event

# Callers choose ids of events, so these say nothing about when.
ORDER = Order(Event.created_at, Event.id, None)

router = APIRouter(tags=["events"])


class EventQuery(TimedListQuery):
    """Filters of the event list."""

    event: str | None = None


@router.get("/events")
async def list_events(
    caller: Reader, query: Annotated[EventQuery, Query()], tx: ReadTx
) -> Page[EventSummary]:
    """List events."""
    statement = events.select_of(caller.workspace_id)
    if query.event is not None:
        statement = statement.where(Event.type == query.event)
    return await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=EventSummary.of
    )


@router.get("/events/{event_id}")
async def read_event(caller: Reader, event_id: str, tx: ReadTx) -> EventDetail:
    """Show an event: the payload, the exact text that was signed, who got it and who did not."""
    event = await events.find(tx, caller.workspace_id, event_id)
    deliveries = await events.deliveries_of(tx, event)
    return EventDetail(
        **EventSummary.of(event).model_dump(),
        payload=orjson.loads(event.body),
        body=event.body.decode(),
        deliveries=[EventDelivery(id=d.id, endpoint_id=d.endpoint_id, status=d.status) for d in deliveries],
        unmatched=[
            Unmatched(endpoint_id=id_, reason=reason)
            for id_, reason in await events.unmatched(tx, event, deliveries)
        ],
    )


@router.post(
    "/events/{event_id}/replay",
    status_code=202,
    response_model=ReplayAccepted,
    openapi_extra=describe_body(ReplayInput),
)
async def replay_event(
    request: Request, caller: EndpointsWriter, event_id: str, raw: RawBody, parts: Parts
) -> Response:
    """Deliver an event again, to one endpoint whatever its subscription, or to all by today's."""

    async def perform(tx: Tx) -> Answer:
        event = await events.find(tx, caller.workspace_id, event_id)
        wanted = parse_body(ReplayInput, raw).endpoint_id
        endpoint = None if wanted is None else await endpoints.find(tx, caller.workspace_id, wanted)
        count = await events.replay(tx, event, endpoint=endpoint, wiring=parts)
        return Answer(202, {"deliveries": count})

    return await answer_once(request, caller, raw, perform)
