"""Requests that a handler makes through an integration."""

from app.runner.handler_errors import HandlerError
from app.runner.operations.asking import Asking


async def use_integration(asking: Asking) -> None:
    """Refuse: no workspace can have a connected integration yet.

    Raises:
        HandlerError: always.
    """
    raise HandlerError(f"integration {asking.arguments.get('name')!r} is not connected")
