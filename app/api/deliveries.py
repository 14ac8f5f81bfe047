"""Deliveries: list, one with its attempts, retry, cancel."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.api.auth import EndpointsWriter, Reader
from app.api.bodies import RawBody
from app.api.idempotency import Answer, answer_once
from app.api.paging import Order, Page, TimedListQuery, read_page
from app.api.schemas import AttemptShown, DeliveryDetail, DeliveryShown
from app.api.transactions import Parts, ReadTx
from app.outbound import deliveries
from app.rules.lifecycle import DeliveryStatus
from app.store.database import Tx
from app.store.models import Delivery

ORDER = Order(Delivery.created_at, Delivery.id, "dlv")

router = APIRouter(tags=["deliveries"])


class DeliveryQuery(TimedListQuery):
    """Filters of the delivery list."""

    status: DeliveryStatus | None = None
    endpoint_id: str | None = None
    event: str | None = None
    event_id: str | None = None


@router.get("/deliveries")
async def list_deliveries(
    caller: Reader, query: Annotated[DeliveryQuery, Query()], tx: ReadTx
) -> Page[DeliveryShown]:
    """List deliveries."""
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
async def read_delivery(caller: Reader, delivery_id: str, tx: ReadTx) -> DeliveryDetail:
    """Show a delivery with its attempts."""
    delivery = await deliveries.find(tx, caller.workspace_id, delivery_id)
    attempts = await deliveries.attempts_of(tx, delivery)
    return DeliveryDetail(
        **DeliveryShown.of(delivery).model_dump(), attempts=[AttemptShown.of(attempt) for attempt in attempts]
    )


@router.post("/deliveries/{delivery_id}/retry", status_code=202, response_model=DeliveryShown)
async def retry_delivery(
    request: Request, caller: EndpointsWriter, delivery_id: str, raw: RawBody, parts: Parts
) -> Response:
    """Try a pending delivery now, or a finished one exactly once more."""

    async def perform(tx: Tx) -> Answer:
        delivery = await deliveries.find(tx, caller.workspace_id, delivery_id, locked=True)
        await deliveries.retry(tx, delivery, now=parts.clock())
        return Answer(202, DeliveryShown.of(delivery).model_dump(mode="json"))

    return await answer_once(request, caller, raw, perform)


@router.post("/deliveries/{delivery_id}/cancel", response_model=DeliveryShown)
async def cancel_delivery(
    request: Request, caller: EndpointsWriter, delivery_id: str, raw: RawBody, parts: Parts
) -> Response:
    """End a pending delivery. An attempt that is in flight ends and is recorded."""

    async def perform(tx: Tx) -> Answer:
        delivery = await deliveries.find(tx, caller.workspace_id, delivery_id, locked=True)
        deliveries.cancel(delivery, now=parts.clock())
        return Answer(200, DeliveryShown.of(delivery).model_dump(mode="json"))

    return await answer_once(request, caller, raw, perform)
