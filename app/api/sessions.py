"""Sessions: list, one with its steps, its log, stop, rerun."""

import json
import re
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BeforeValidator
from sqlalchemy import Select
from sqlalchemy.orm import defer

from app.api.auth import Caller, Reader, WorkflowsWriter
from app.api.bodies import parse_body, read_bytes, read_no_input
from app.api.description import describe
from app.api.idempotency import Answer, answer_once
from app.api.paging import ListQuery, Order, Page, TimedListQuery, read_page
from app.api.parameters import NoParameters, read_parameters, read_whole_number
from app.api.schemas.sessions import (
    LogEntryShown,
    LogPage,
    SessionDetail,
    SessionShown,
    SessionStatus,
    StepShown,
    StopInput,
)
from app.api.schemas.workflows import SessionStarted
from app.api.transactions import Parts, ReadTx
from app.api.validation import Text
from app.inbound import sessions, starting, stopping, workflows
from app.store.cursors import digest_list, foreign_cursor, make_cursor, read_cursor
from app.store.database import Tx
from app.store.models import LogEntry, Session
from app.wiring import Wiring

ORDER = Order(Session.created_at, Session.id, "ses")

# What lists do not show; a result can be large.
WITHOUT_RESULTS = tuple(
    defer(column)
    for column in (Session.input, Session.memo, Session.outcome, Session.result, Session.custom_data)
)

UNFINISHED = ("created", "running", "waiting")

# What Python writes and JSON does not know. It may stand inside of a string as well, so it is only a sign.
NO_NUMBER = re.compile("NaN|Infinity")

router = APIRouter(tags=["sessions"])


class SessionsOfWorkflowQuery(TimedListQuery):
    """Filters of a workflow's sessions."""

    status: SessionStatus | None = None
    trigger: Text | None = None
    request_id: Text | None = None


class SessionQuery(SessionsOfWorkflowQuery):
    """Filters of the session list."""

    workflow_id: Text | None = None


class LogQuery(ListQuery):
    """From where a log is read; who follows it passes the last `seq` on as `after`."""

    after: Annotated[int, BeforeValidator(read_whole_number)] = 0


@router.get("/sessions", openapi_extra=describe(parameters=SessionQuery))
async def list_sessions(request: Request, caller: Reader, tx: ReadTx) -> Page[SessionShown]:
    """List sessions; `trigger` is a name or an id."""
    query = read_parameters(request, SessionQuery)
    statement = sessions.select_of(caller.workspace_id)
    if query.workflow_id is not None:
        statement = statement.where(Session.workflow_id == query.workflow_id)
    return await read_sessions(tx, caller, statement, query)


@router.get("/workflows/{workflow_id}/sessions", openapi_extra=describe(parameters=SessionsOfWorkflowQuery))
async def list_sessions_of_workflow(
    request: Request, caller: Reader, workflow_id: str, tx: ReadTx
) -> Page[SessionShown]:
    """List the sessions of a workflow; `trigger` is a name or an id."""
    workflow = await workflows.find(tx, caller.workspace_id, workflow_id)
    query = read_parameters(request, SessionsOfWorkflowQuery)
    statement = sessions.select_of(caller.workspace_id).where(Session.workflow_id == workflow.id)
    return await read_sessions(tx, caller, statement, query)


@router.get("/sessions/{session_id}", response_model=SessionDetail)
async def read_session(request: Request, caller: Reader, session_id: str, tx: ReadTx) -> Response:
    """Show a session: its steps, what it answered, returned and attached, and why it ended."""
    session = await sessions.find(tx, caller.workspace_id, session_id)
    read_parameters(request, NoParameters)
    names = await sessions.trigger_names(tx, [session.trigger_id])
    steps = [StepShown.of(step) for step in await sessions.steps_of(tx, session)]
    content = {
        **SessionShown.of(session, names.get(session.trigger_id)).model_dump(mode="json"),
        "outcome": show_json(session.outcome),
        "result": show_json(session.result),
        "steps": [step.model_dump(mode="json") for step in steps],
        "custom_data": show_json(session.custom_data),
        "memo": session.memo,
    }
    return Answer(200, content).respond()


@router.get("/sessions/{session_id}/log", response_model=LogPage, openapi_extra=describe(parameters=LogQuery))
async def read_log(request: Request, caller: Reader, session_id: str, tx: ReadTx) -> Response:
    """Show a session's log, the oldest entry first; `after` leaves out the entries up to that `seq`."""
    session = await sessions.find(tx, caller.workspace_id, session_id)
    query = read_parameters(request, LogQuery)
    digest = digest_list(["log", session.id, query.after])
    after = max(query.after, 0 if query.cursor is None else read_position(query.cursor, digest))
    entries = await sessions.log_of(tx, session, after=after, limit=query.limit + 1)
    shown, rest = entries[: query.limit], entries[query.limit :]
    cursor = make_cursor(digest, [shown[-1].seq]) if rest else None
    content = {"data": [show_entry(entry) for entry in shown], "next_cursor": cursor}
    return Answer(200, content).respond()


@router.post(
    "/sessions/{session_id}/stop",
    status_code=202,
    response_model=SessionShown,
    openapi_extra=describe(body=StopInput),
)
async def stop_session(request: Request, caller: WorkflowsWriter, session_id: str, parts: Parts) -> Response:
    """Stop a session: politely, and by force when the grace is over. One that nobody performs ends at once."""
    await require(caller, session_id, parts)
    read_parameters(request, NoParameters)
    raw = await read_bytes(request)

    async def perform(tx: Tx) -> Answer:
        given = parse_body(StopInput, raw)
        session = await sessions.find(tx, caller.workspace_id, session_id, locked=True)
        await stopping.stop(tx, session, reason=given.reason, force=given.force, wiring=parts)
        names = await sessions.trigger_names(tx, [session.trigger_id])
        shown = SessionShown.of(session, names.get(session.trigger_id))
        return Answer(202, shown.model_dump(mode="json"))

    return await answer_once(request, caller, raw, perform)


@router.post("/sessions/{session_id}/rerun", status_code=202, response_model=SessionStarted)
async def rerun_session(request: Request, caller: WorkflowsWriter, session_id: str, parts: Parts) -> Response:
    """Start a session of the same request or input on the active deployment."""
    await require(caller, session_id, parts)
    read_parameters(request, NoParameters)
    raw = await read_no_input(request)

    async def perform(tx: Tx) -> Answer:
        session = await sessions.find(tx, caller.workspace_id, session_id)
        again = await starting.rerun(tx, session, wiring=parts)
        return Answer(202, {"id": again.id}, {"Location": f"/api/v1/sessions/{again.id}"})

    return await answer_once(request, caller, raw, perform)


async def require(caller: Caller, session_id: str, parts: Wiring) -> None:
    """Make sure that the session of the path is there before the rest of the request is looked at.

    Raises:
        NotFound: it is not.
    """
    async with parts.database.read() as tx:
        await sessions.find(tx, caller.workspace_id, session_id)


async def read_sessions(
    tx: Tx, caller: Caller, statement: Select[Session], query: SessionsOfWorkflowQuery
) -> Page[SessionShown]:
    """Return the page of sessions that a query asks for."""
    if query.status is not None:
        statement = statement.where(Session.status == query.status)
        if query.status in UNFINISHED:
            # There is an index of these.
            statement = statement.where(Session.finished_at.is_(None))
    if query.request_id is not None:
        statement = statement.where(Session.request_id == query.request_id)
    if query.trigger is not None:
        named = await sessions.triggers_named(tx, caller.workspace_id, query.trigger)
        statement = statement.where(
            Session.trigger_id.in_([trigger.id for trigger in named]),
            # Sessions have an index by workflow.
            Session.workflow_id.in_({trigger.workflow_id for trigger in named}),
        )
    page = await read_page(
        tx,
        statement.options(*WITHOUT_RESULTS),
        query,
        workspace_id=caller.workspace_id,
        order=ORDER,
        show=lambda session: session,
    )
    names = await sessions.trigger_names(tx, [session.trigger_id for session in page.data])
    shown = [SessionShown.of(session, names.get(session.trigger_id)) for session in page.data]
    return Page(data=shown, next_cursor=page.next_cursor)


def read_position(cursor: str, digest: str) -> int:
    """Return the `seq` in a cursor of a log.

    Raises:
        InvalidCursor: it is of another list.
    """
    try:
        (seq,) = read_cursor(cursor, digest)
    except (ValueError, TypeError):
        raise foreign_cursor() from None
    if not isinstance(seq, int) or seq.bit_length() > 31:
        raise foreign_cursor()
    return seq


def show_entry(entry: LogEntry) -> dict[str, Any]:
    """Return an entry as answers show it."""
    shown = LogEntryShown.model_validate(
        {"seq": entry.seq, "at": entry.at, "kind": entry.kind, "text": entry.text}
    ).model_dump(mode="json", exclude_none=True)
    return shown if entry.data is None else {**shown, "data": show_json(entry.data)}


def show_json(text: str | None) -> Any:
    """Return stored JSON for an answer as it stands: reading and writing it again would change some numbers."""
    if text is not None and NO_NUMBER.search(text):
        text = json.dumps(json.loads(text, parse_constant=lambda _: None))
    return None if text is None else orjson.Fragment(text)
