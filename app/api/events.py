"""GET /events, one event with who got it, and its replay."""

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.auth import EndpointsWriter, Reader
from app.api.bodies import parse_body, read_bytes
from app.api.description import describe
from app.api.idempotency import Answer, answer_once
from app.api.paging import Order, Page, TimedListQuery, read_page
from app.api.parameters import NoParameters, read_parameters
from app.api.schemas.events import EventDetail, EventSummary, ReplayAccepted, ReplayInput
from app.api.transactions import Parts, ReadTx
from app.api.validation import Text
from app.errors import NotFound, Problem
from app.outbound import endpoints, events
from app.outbound.envelopes import read_timestamp
from app.store.database import Tx
from app.store.models import Endpoint, Event

# Callers choose ids of events, so these say nothing about when.
ORDER = Order(Event.created_at, Event.id, None)

router = APIRouter(tags=["events"])


class EventQuery(TimedListQuery):
    """Filters of the event list."""

    event: Text | None = None


@router.get("/events", openapi_extra=describe(parameters=EventQuery))
async def list_events(request: Request, caller: Reader, tx: ReadTx) -> Page[EventSummary]:
    """List events."""
    query = read_parameters(request, EventQuery)
    statement = events.select_of(caller.workspace_id).options(events.WITHOUT_BODY)
    if query.event is not None:
        statement = statement.where(Event.type == query.event)
    page = await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=lambda event: event
    )
    stamps = await events.timestamps_of(tx, caller.workspace_id, [event.id for event in page.data])
    summaries = [EventSummary.of(event, timestamp=stamps[event.id]) for event in page.data]
    return Page(data=summaries, next_cursor=page.next_cursor)


@router.get("/events/{event_id}", response_model=EventDetail)
async def read_event(request: Request, caller: Reader, event_id: str, tx: ReadTx) -> Response:
    """Show an event: the payload, the exact text that was signed, who got it and who did not."""
    event = await events.find(tx, caller.workspace_id, event_id)
    read_parameters(request, NoParameters)
    deliveries = await events.deliveries_of(tx, event)
    summary = EventSummary.of(event, timestamp=read_timestamp(event.body))
    content = {
        **summary.model_dump(mode="json"),
        # As it stands: reading and writing it again would change some numbers.
        "payload": orjson.Fragment(event.body),
        "body": event.body.decode(),
        "deliveries": [{"id": d.id, "endpoint_id": d.endpoint_id, "status": d.status} for d in deliveries],
        "unmatched": [
            {"endpoint_id": endpoint_id, "reason": reason}
            for endpoint_id, reason in await events.unmatched(tx, event, deliveries)
        ],
    }
    return Answer(200, content).respond()


@router.post(
    "/events/{event_id}/replay",
    status_code=202,
    response_model=ReplayAccepted,
    openapi_extra=describe(body=ReplayInput),
)
async def replay_event(request: Request, caller: EndpointsWriter, event_id: str, parts: Parts) -> Response:
    """Deliver an event again, to one endpoint whatever its subscription, or to all by today's."""
    async with parts.database.read() as tx:
        await events.find(tx, caller.workspace_id, event_id)
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)

    async def perform(tx: Tx) -> Answer:
        event = await events.find(tx, caller.workspace_id, event_id)
        wanted = parse_body(ReplayInput, raw).endpoint_id
        endpoint = None if wanted is None else await find_receiver(tx, caller.workspace_id, wanted)
        count = await events.replay(tx, event, endpoint=endpoint, wiring=parts)
        return Answer(202, {"deliveries": count})

    return await answer_once(request, caller, raw, perform)


async def find_receiver(tx: Tx, workspace_id: str, endpoint_id: str) -> Endpoint:
    """Return the endpoint that a replay is for, be it deleted.

    Raises:
        NotFound: there never was one, or it belongs to another workspace.
    """
    try:
        return await endpoints.find(tx, workspace_id, endpoint_id, even_deleted=True)
    except NotFound as error:
        raise NotFound(
            error.detail, problems=[Problem("/endpoint_id", "is unknown", NotFound.code)]
        ) from None
