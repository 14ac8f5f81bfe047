"""POST /endpoints/{id}/test: an example event through the real pipeline."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.api.auth import EndpointsWriter
from app.api.bodies import parse_body, read_bytes
from app.api.description import describe
from app.api.endpoints import require
from app.api.event_types import check_type_name, refuse
from app.api.idempotency import Answer, answer_once, answer_once_committed
from app.api.parameters import Flag, Parameters, read_parameters
from app.api.schemas.deliveries import AttemptShown, TestAttempted, TestInput, TestSent
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


class WaitQuery(Parameters):
    """Whether to wait for the attempt."""

    wait: Flag = False


@router.post(
    "/endpoints/{endpoint_id}/test",
    status_code=202,
    response_model=TestSent,
    responses={200: {"model": TestAttempted, "description": "With `wait=true`: the attempt was made."}},
    openapi_extra=describe(body=TestInput, parameters=WaitQuery),
)
async def test_endpoint(
    request: Request, caller: EndpointsWriter, endpoint_id: str, parts: Parts
) -> Response:
    """Send an example event to an endpoint, whatever it subscribes to and even if it is disabled."""
    await require(caller, endpoint_id, parts)
    query = read_parameters(request, WaitQuery)
    raw = await read_bytes(request)

    async def send(tx: Tx) -> Answer:
        endpoint = await endpoints.find(tx, caller.workspace_id, endpoint_id)
        given = parse_body(TestInput, raw)
        refuse(check_type_name(given.event, "/event"))
        delivery = await events.send_test(tx, endpoint, given.event, wiring=parts)
        return Answer(202, {"event_id": delivery.event_id, "delivery_id": delivery.id})

    async def send_and_wait(_: str | None) -> Answer:
        async with parts.database.write() as tx:
            sent = await send(tx)
        attempt = await await_attempt(parts, caller.workspace_id, sent.content["delivery_id"])
        if attempt is None:
            return sent
        return Answer(200, {**sent.content, "attempt": attempt.model_dump(mode="json")})

    if query.wait:
        return await answer_once_committed(request, caller, raw, send_and_wait)
    return await answer_once(request, caller, raw, send)


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
