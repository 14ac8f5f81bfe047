"""Requests that came to triggers: list, one with why something ran or nothing did, redispatch."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import defer

from app.api.auth import Reader, WorkflowsWriter
from app.api.bodies import parse_body, read_bytes
from app.api.description import describe
from app.api.idempotency import Answer, answer_once
from app.api.paging import Order, Page, TimedListQuery, read_page
from app.api.parameters import Flag, NoParameters, read_parameters
from app.api.schemas.requests import Redispatched, RedispatchInput, RequestDetail, RequestShown
from app.api.transactions import Parts, ReadTx
from app.api.validation import Text
from app.inbound import redispatch, requests, sessions
from app.store.database import Tx
from app.store.models import ReceivedRequest

ORDER = Order(ReceivedRequest.received_at, ReceivedRequest.id, "req")

WITHOUT_CONTENT = (defer(ReceivedRequest.headers), defer(ReceivedRequest.body))

router = APIRouter(tags=["requests"])


class RequestQuery(TimedListQuery):
    """Filters of the request list."""

    workflow_id: Text | None = None
    trigger: Text | None = None
    matched: Flag | None = None


@router.get("/requests", openapi_extra=describe(parameters=RequestQuery))
async def list_requests(request: Request, caller: Reader, tx: ReadTx) -> Page[RequestShown]:
    """List requests that came to triggers; `trigger` is a name or an id."""
    query = read_parameters(request, RequestQuery)
    statement = requests.select_of(caller.workspace_id).options(*WITHOUT_CONTENT)
    if query.workflow_id is not None:
        ids = await requests.trigger_ids_of(tx, caller.workspace_id, query.workflow_id)
        statement = statement.where(ReceivedRequest.trigger_id.in_(ids))
    if query.trigger is not None:
        named = await sessions.triggers_named(tx, caller.workspace_id, query.trigger)
        statement = statement.where(ReceivedRequest.trigger_id.in_([trigger.id for trigger in named]))
    if query.matched is not None:
        is_null = ReceivedRequest.reason.is_(None)
        statement = statement.where(is_null if query.matched else ~is_null)
    page = await read_page(
        tx, statement, query, workspace_id=caller.workspace_id, order=ORDER, show=lambda row: row
    )
    names = await sessions.trigger_names(tx, [row.trigger_id for row in page.data])
    shown = [RequestShown.of(row, names.get(row.trigger_id)) for row in page.data]
    return Page(data=shown, next_cursor=page.next_cursor)


@router.get("/requests/{request_id}")
async def read_request(request: Request, caller: Reader, request_id: str, tx: ReadTx) -> RequestDetail:
    """Show a request as it came, why something ran or nothing did, and what was answered."""
    row = await requests.find(tx, caller.workspace_id, request_id)
    read_parameters(request, NoParameters)
    names = await sessions.trigger_names(tx, [row.trigger_id])
    return RequestDetail.whole(row, names.get(row.trigger_id), await requests.outcome_of(tx, row))


@router.post(
    "/requests/{request_id}/redispatch",
    status_code=202,
    response_model=Redispatched,
    openapi_extra=describe(body=RedispatchInput),
)
async def redispatch_request(
    request: Request, caller: WorkflowsWriter, request_id: str, parts: Parts
) -> Response:
    """Receive a request again, by the active deployment or a chosen one. It is judged anew."""
    async with parts.database.read() as tx:
        await requests.find(tx, caller.workspace_id, request_id)
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)

    async def perform(tx: Tx) -> Answer:
        given = parse_body(RedispatchInput, raw)
        row = await requests.find(tx, caller.workspace_id, request_id)
        again, session = await redispatch.redispatch(tx, row, deployment_id=given.deployment_id, wiring=parts)
        content = {"request_id": again.id, "session_id": None if session is None else session.id}
        return Answer(202, content, {"Location": f"/api/v1/requests/{again.id}"})

    return await answer_once(request, caller, raw, perform)
