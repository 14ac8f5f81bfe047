"""What a handler can ask of the service. One line an operation.

An operation is a coroutine function of an `Asking`. It returns a JSON value, or raises `HandlerError` for what the
handler did wrong; in a durable session it records what it returns in the transaction of its effect.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from app.errors import AetherFlowError, Unavailable
from app.runner.handler_errors import HandlerError, HandlerStopped
from app.runner.operations.asking import Asking
from app.runner.operations.events import emit
from app.runner.operations.integrations import send_email, use_integration
from app.runner.operations.outcomes import attach_custom_data, give_outcome
from app.runner.operations.plain_texts import check_texts
from app.runner.operations.sessions import send_signal, start_session
from app.runner.operations.subscriptions import subscribe, unsubscribe
from app.runner.operations.values import use_value
from app.runner.operations.waits import next_event, next_signal, sleep
from app.runner.performance import Performance

# Pause before the database is tried again.
AWAY_SECONDS = 0.5

Operation = Callable[[Asking], Awaitable[Any]]

OPERATIONS: dict[str, Operation] = {
    "outcome": give_outcome,
    "custom_data": attach_custom_data,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "next_event": next_event,
    "next_signal": next_signal,
    "sleep": sleep,
    "start": start_session,
    "signal": send_signal,
    "value": use_value,
    "emit": emit,
    "integration": use_integration,
    "send_email": send_email,
}


async def operate(performance: Performance, message: dict[str, Any]) -> dict[str, Any]:
    """Carry out what a handler asks for and return the message that answers it.

    Raises:
        SessionEnds, LeaseLost: see their classes.
    """
    asking = Asking(
        performance,
        str(message["perform"]),
        str(message.get("name", "")),
        message.get("seq"),
        message["arguments"],
    )
    operation = OPERATIONS.get(asking.operation)
    try:
        if operation is None:
            raise HandlerError(f"this service does not know the operation {asking.operation!r}")
        check_texts(asking.arguments)
        return {"result": await insist(operation, asking)}
    except HandlerStopped as stopped:
        return {"stop": str(stopped)}
    except HandlerError as error:
        return await refuse(asking, {"type": error.kind, "message": str(error), **error.details})
    except AetherFlowError as error:
        return await refuse(asking, {"type": "AetherFlowError", "message": error.detail})


async def insist(operation: Operation, asking: Asking) -> Any:
    """Carry an operation out, and wait while the database is away: the handler could do no better.

    Raises:
        HandlerStopped: the session is to stop.
    """
    while True:
        asking.performance.check_stop()
        try:
            return await operation(asking)
        except Unavailable:
            await asyncio.sleep(AWAY_SECONDS)


async def refuse(asking: Asking, error: dict[str, Any]) -> dict[str, Any]:
    """Return the message that has the handler raise an error, and do so again when it runs again."""
    await asking.record_error(error)
    return {"error": error}
