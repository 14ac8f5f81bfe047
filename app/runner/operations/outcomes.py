"""Answers, outcomes and custom data of a session."""

import json
from base64 import b64decode
from typing import Any

import orjson

from app.inbound.answers import Answer
from app.rules.answer_headers import keep_sendable
from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking
from app.store.hot.session_rows import NewOutcome

# The largest body of an answer, in bytes. The author's package refuses more before it is sent here.
MOST_BODY_BYTES = 6 * 1024 * 1024


async def give_outcome(asking: Asking) -> None:
    """Answer the request of the session, or another one that waits, or note a value."""
    if asking.arguments["kind"] == "value":
        value = asking.arguments["value"]
        asking.performance.notes.log("outcome", None, {"value": value})
        asking.performance.notes.show_outcome(
            asking.performance.notes.outcome or json.dumps({"value": value})
        )
    else:
        answer_request(asking)
    await asking.record_result(None)


def answer_request(asking: Asking) -> None:
    """Answer a request with a status, headers and a body."""
    arguments, performance = asking.arguments, asking.performance
    body = b64decode(arguments.get("body_base64") or "")
    if len(body) > MOST_BODY_BYTES:
        raise HandlerError(f"a body may have {MOST_BODY_BYTES} bytes", kind="ValueError")
    headers, dropped = keep_sendable([(str(name), str(value)) for name, value in arguments["headers"]])
    status_code = int(arguments["status_code"])
    if not 200 <= status_code <= 599:
        raise HandlerError("a status code is from 200 to 599", kind="ValueError")
    shown = show_outcome(status_code, headers, body)
    if dropped:
        performance.notes.log(
            "outcome", f"headers that the server sets itself were dropped: {', '.join(dropped)}"
        )
    if arguments.get("more"):
        performance.notes.log("outcome", "more", shown)
        if (request_id := performance.session.request_id) is not None:
            performance.stage.waiters.tell_part(request_id, Answer(status_code, tuple(headers), body))
        return
    request_id = arguments.get("event_id") or performance.session.request_id
    if request_id == performance.session.request_id:
        if performance.notes.is_answered:
            performance.notes.log("outcome", "ignored: the request had been answered before", shown)
            return
        performance.notes.is_answered = True
    performance.notes.log("outcome", None, shown)
    outcome = NewOutcome(
        request_id or performance.session.id,
        performance.session.workspace_id,
        performance.session.id,
        status_code,
        orjson.dumps(headers),
        body,
        performance.stage.wiring.clock(),
    )
    performance.notes.answer(outcome, shown=json.dumps(shown))


def show_outcome(status_code: int, headers: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
    """Return an answer as logs and the API show it."""
    shown: dict[str, Any] = {"status_code": status_code, "headers": dict(headers)}
    try:
        shown["body"] = body.decode()
    except UnicodeDecodeError:
        shown["body_bytes"] = len(body)
    return shown


async def attach_custom_data(asking: Asking) -> None:
    """Attach values to the session."""
    asking.performance.notes.attach(asking.arguments["values"])
    await asking.record_result(None)
