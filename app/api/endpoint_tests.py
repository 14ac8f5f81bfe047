"""POST /endpoints/{id}/test: an example event through the real pipeline."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from app.api.auth import EndpointsWriter
from app.api.bodies import RawBody, describe_body, parse_body
from app.api.idempotency import Answer, answer_once
from app.api.schemas import AttemptShown, TestInput, TestSent
from app.api.transactions import Parts
from app.outbound import deliveries, endpoints, events
from app.store.database import Tx
from app.wiring import Wiring

# An attempt ends within 30 s; the rest is for a worker that is just starting.
WAIT_SECONDS = 40.0

# The first looks come quickly because most receivers answer at once.
FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.25

router = APIRouter(tags=["endpoints"])


class WaitQuery(BaseModel):
    """Whether to wait for the attempt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wait: bool = False


@router.post(
    "/endpoints/{endpoint_id}/test",
    status_code=202,
    response_model=TestSent,
    openapi_extra=describe_body(TestInput),
)
async def test_endpoint(
    request: Request,
    caller: EndpointsWriter,
    endpoint_id: str,
    query: Annotated[WaitQuery, Query()],
    raw: RawBody,
    parts: Parts,
) -> Response:
    """Send an example event to an endpoint, whatever it subscribes to and even if it is disabled."""

    async def perform(tx: Tx) -> Answer:
        endpoint = await endpoints.find(tx, caller.workspace_id, endpoint_id)
        given = parse_body(TestInput, raw)
        delivery = await events.send_test(tx, endpoint, given.event, wiring=parts)
        return Answer(202, {"event_id": delivery.event_id, "delivery_id": delivery.id})

    if not query.wait:
        return await answer_once(request, caller, raw, perform)
    async with parts.database.write() as tx:
        sent = await perform(tx)
    attempt = await await_attempt(parts, caller.workspace_id, sent.content["delivery_id"])
    if attempt is None:
        return sent.respond()
    return Answer(200, {**sent.content, "attempt": attempt.model_dump(mode="json")}).respond()


async def await_attempt(parts: Wiring, workspace_id: str, delivery_id: str) -> AttemptShown | None:
    """Return a delivery's attempt when it has been recorded; None if that takes too long."""
    pause = FIRST_PAUSE_SECONDS
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    while loop.time() < deadline:
        async with parts.database.read() as tx:
            delivery = await deliveries.find(tx, workspace_id, delivery_id)
            if attempts := await deliveries.attempts_of(tx, delivery):
                return AttemptShown.of(attempts[-1])
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return None
