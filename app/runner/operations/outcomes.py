"""Answers, outcomes and custom data of a session."""

import json
from base64 import b64decode
from typing import Any

import orjson
from sqlalchemy import select

from app.inbound.answers import Answer
from app.rules.answer_headers import keep_sendable
from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking
from app.store.hot.session_rows import NewOutcome
from app.store.models import FinalOutcome, ReceivedRequest, Session

# The largest body of an answer, in bytes. The author's package refuses more before it is sent here.
MOST_BODY_BYTES = 6 * 1024 * 1024

# Of a longer body the log has the beginning, or one answer would be all that fits into it.
MOST_SHOWN_CHARACTERS = 16_384


async def give_outcome(asking: Asking) -> None:
    """Answer the request of the session, or another one that waits, or note a value."""
    if asking.arguments["kind"] == "value":
        value = asking.arguments["value"]
        asking.performance.notes.log("outcome", None, {"value": value})
        asking.performance.notes.show_outcome(
            asking.performance.notes.outcome or json.dumps({"value": value})
        )
    else:
        await answer_request(asking)
    await asking.record_result(None)


async def answer_request(asking: Asking) -> None:
    """Answer the session's request, or another one, with a status, headers and a body."""
    arguments, performance = asking.arguments, asking.performance
    notes, session = performance.notes, performance.session
    body = b64decode(arguments.get("body_base64") or "")
    if len(body) > MOST_BODY_BYTES:
        raise HandlerError(f"a body may have {MOST_BODY_BYTES} bytes", kind="ValueError")
    headers, dropped = keep_sendable([(str(name), str(value)) for name, value in arguments["headers"]])
    status_code = int(arguments["status_code"])
    if not 200 <= status_code <= 599:
        raise HandlerError("a status code is from 200 to 599", kind="ValueError")
    shown = show_outcome(status_code, headers, body)
    if dropped:
        notes.log("outcome", f"headers that the server sets itself were dropped: {', '.join(dropped)}")
    request_id = arguments.get("event_id") or session.request_id
    is_own = request_id == session.request_id
    if not is_own and not await is_waited_for(asking, str(request_id)):
        notes.log("outcome", f"ignored: nobody waits for an answer to {request_id}", shown)
        return
    if arguments.get("more"):
        notes.log("outcome", "more", shown)
        if request_id is not None:
            performance.stage.waiters.tell_part(request_id, Answer(status_code, tuple(headers), body))
        return
    if is_own and notes.is_answered:
        notes.log("outcome", "ignored: the request had been answered before", shown)
        return
    notes.is_answered |= is_own
    notes.log("outcome", None if is_own else f"to {request_id}", shown)
    outcome = NewOutcome(
        request_id or session.id,
        session.workspace_id,
        session.id,
        status_code,
        orjson.dumps(headers),
        body,
        performance.stage.wiring.clock(),
    )
    notes.answer(outcome, shown=json.dumps(shown) if is_own else None)


async def is_waited_for(asking: Asking, request_id: str) -> bool:
    """Whether a request is one of the workspace whose caller waits, or may have waited until a moment ago."""
    statement = (
        select(Session.is_sync)
        .join(ReceivedRequest, ReceivedRequest.session_id == Session.id)
        .outerjoin(FinalOutcome, FinalOutcome.request_id == ReceivedRequest.id)
        .where(
            ReceivedRequest.id == request_id,
            ReceivedRequest.workspace_id == asking.workspace_id,
            Session.finished_at.is_(None),
            FinalOutcome.request_id.is_(None),
        )
    )
    async with asking.performance.stage.wiring.database.read() as tx:
        return bool(await tx.scalar(statement))


def show_outcome(status_code: int, headers: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
    """Return an answer as logs and the API show it: the beginning of a long body, the length of one that is no text."""
    shown: dict[str, Any] = {"status_code": status_code, "headers": dict(headers)}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {**shown, "body_bytes": len(body)}
    if len(text) > MOST_SHOWN_CHARACTERS:
        return {
            **shown,
            "body": text[:MOST_SHOWN_CHARACTERS],
            "body_bytes": len(body),
            "body_truncated": True,
        }
    return {**shown, "body": text}


async def attach_custom_data(asking: Asking) -> None:
    """Attach values to the session."""
    asking.performance.notes.attach(asking.arguments["values"])
    await asking.record_result(None)
