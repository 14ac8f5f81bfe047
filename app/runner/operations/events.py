"""Events that a handler publishes."""

from app.outbound.record import record_event
from app.rules.event_types import is_reserved, is_type_name
from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking


async def emit(asking: Asking) -> None:
    """Publish an event to the endpoints of the workspace, once for each time that the handler comes here.

    Raises:
        HandlerError: the type is no name, or the service's own.
    """
    event_type, data = str(asking.arguments["event_type"]), asking.arguments["data"]
    if not is_type_name(event_type):
        raise HandlerError(
            f"{event_type!r} is no event type; write it like `invoice.paid`", kind="ValueError"
        )
    if is_reserved(event_type):
        raise HandlerError(f"{event_type!r} is published by the service itself", kind="ValueError")
    async with asking.transaction() as (tx, session):
        await record_event(
            tx,
            event_type,
            data,
            workspace_id=session.workspace_id,
            wiring=asking.performance.stage.wiring,
        )
        asking.record(tx, None)
