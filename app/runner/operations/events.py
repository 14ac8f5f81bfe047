"""Events that a handler publishes."""

import json
from typing import Any

import orjson

from app.outbound.record import record_event
from app.rules.event_types import is_reserved, is_type_name
from app.rules.hops import hops_of_event
from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking


async def emit(asking: Asking) -> None:
    """Publish an event to the endpoints of the workspace, once for each time that the handler comes here.

    Raises:
        HandlerError: the type is no name, or the service's own; the data are too large or no text.
    """
    event_type = str(asking.arguments["event_type"])
    if not is_type_name(event_type):
        raise HandlerError(
            f"{event_type!r} is no event type; write it like `invoice.paid`", kind="ValueError"
        )
    if is_reserved(event_type):
        raise HandlerError(f"{event_type!r} is published by the service itself", kind="ValueError")
    most_bytes = asking.performance.stage.wiring.settings.event_max_bytes
    data = encode(asking.arguments["data"], most_bytes=most_bytes)
    async with asking.transaction() as (tx, session):
        await record_event(
            tx,
            event_type,
            orjson.Fragment(data),
            workspace_id=session.workspace_id,
            wiring=asking.performance.stage.wiring,
            hops=hops_of_event(session.hops),
        )
        asking.record(tx, None)


def encode(data: Any, *, most_bytes: int) -> bytes:
    """Return data as compact JSON, integers of any size included.

    Raises:
        HandlerError: they are too large, or hold what JSON cannot say.
    """
    try:
        encoded = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        raise HandlerError(
            "data holds a number or a character that JSON does not know", kind="TypeError"
        ) from None
    if len(encoded) > most_bytes:
        raise HandlerError(f"an event may have {most_bytes} bytes", kind="ValueError")
    return encoded
