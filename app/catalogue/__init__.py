"""The event types that this service knows of itself, beside those that workspaces declare. Pure.

A new type is a model and one entry of `TYPES` in the file of its family; a new family is one file and
one line here.
"""

from app.catalogue import billing, endpoint, integration, user, workflow
from app.catalogue.check import check_data
from app.catalogue.event_type import EventType

__all__ = ["BUILT_IN", "EVENT_TYPES", "OPERATOR_TYPES", "EventType", "check_data", "find"]

BUILT_IN = (
    *workflow.TYPES,
    *integration.TYPES,
    *user.TYPES,
    *billing.TYPES,
)
"""What happens in a workspace."""

OPERATOR_TYPES = endpoint.TYPES
"""What the service tells about its own deliveries."""

EVENT_TYPES = BUILT_IN + OPERATOR_TYPES

_BY_NAME = {event_type.name: event_type for event_type in EVENT_TYPES}


def find(name: str) -> EventType | None:
    """Return the built-in type of this name, if there is one."""
    return _BY_NAME.get(name)
