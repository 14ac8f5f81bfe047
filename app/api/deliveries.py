"""Deliveries: list, one with its attempts, retry, cancel."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.auth import Caller, EndpointsWriter, Reader
from app.api.bodies import read_no_input
from app.api.description import describe
from app.api.idempotency import Answer, answer_once
from app.api.paging import Order, Page, TimedListQuery, read_page
from app.api.parameters import NoParameters, read_parameters
from app.api.schemas.deliveries import AttemptShown, DeliveryDetail, DeliveryShown
from app.api.transactions import Parts, ReadTx
from app.api.validation import Text
from app.outbound import deliveries
from app.rules.lifecycle import DeliveryStatus
from app.store.database import Tx
from app.store.models import Delivery
from app.wiring import Wiring

ORDER = Order(Delivery.created_at, Delivery.id, "dlv")

router = APIRouter(tags=["deliveries"])


class DeliveryQuery(TimedListQuery):
    """Filters of the delivery list."""

    status: DeliveryStatus | None = None
    endpoint_id: Text | None = None
    event: Text | None = None
    event_id: Text | None = None


@router.get("/deliveries", openapi_extra=describe(parameters=DeliveryQuery))
async def list_deliveries(request: Request, caller: Reader, tx: ReadTx) -> Page[DeliveryShown]:
    """List deliveries."""
    query = read_parameters(request, DeliveryQuery)
    filters = {
        Delivery.status: query.status,
        Delivery.endpoint_id: query.endpoint_id,
        Delivery.event_type: query.event,
        Delivery.event_id: query.event_id,
    }
    statement = deliveries.select_of(caller.workspace_id)
    for column, value in filters.items():
        if value is not None:
            statement = statement.where(column == value)
    return await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=DeliveryShown.of
    )


@router.get("/deliveries/{delivery_id}")
async def read_delivery(request: Request, caller: Reader, delivery_id: str, tx: ReadTx) -> DeliveryDetail:
    """Show a delivery with its attempts."""
    delivery = await deliveries.find(tx, caller.workspace_id, delivery_id)
    read_parameters(request, NoParameters)
    attempts = await deliveries.attempts_of(tx, delivery)
    return DeliveryDetail(
        **DeliveryShown.of(delivery).model_dump(), attempts=[AttemptShown.of(attempt) for attempt in attempts]
    )


@router.post("/deliveries/{delivery_id}/retry", status_code=202, response_model=DeliveryShown)
async def retry_delivery(
    request: Request, caller: EndpointsWriter, delivery_id: str, parts: Parts
) -> Response:
    """Try a pending delivery now, or a finished one exactly once more."""
    raw = await read_command(request, caller, delivery_id, parts)

    async def perform(tx: Tx) -> Answer:
        delivery = await deliveries.find(tx, caller.workspace_id, delivery_id, locked=True)
        await deliveries.retry(tx, delivery, now=parts.clock())
        return Answer(202, DeliveryShown.of(delivery).model_dump(mode="json"))

    return await answer_once(request, caller, raw, perform)


@router.post("/deliveries/{delivery_id}/cancel", response_model=DeliveryShown)
async def cancel_delivery(
    request: Request, caller: EndpointsWriter, delivery_id: str, parts: Parts
) -> Response:
    """End a pending delivery. An attempt that is in flight ends and is recorded."""
    raw = await read_command(request, caller, delivery_id, parts)

    async def perform(tx: Tx) -> Answer:
        delivery = await deliveries.find(tx, caller.workspace_id, delivery_id, locked=True)
        deliveries.cancel(delivery, now=parts.clock())
        return Answer(200, DeliveryShown.of(delivery).model_dump(mode="json"))

    return await answer_once(request, caller, raw, perform)


async def read_command(request: Request, caller: Caller, delivery_id: str, parts: Wiring) -> bytes:
    """Return the body of a request that says everything by its path; its delivery is looked for first.

    Raises:
        NotFound, Invalid: in this order.
    """
    async with parts.database.read() as tx:
        await deliveries.find(tx, caller.workspace_id, delivery_id)
    read_parameters(request, NoParameters)
    return await read_no_input(request)
