"""The tables. Importing this package registers all of them with `Row.metadata`."""

from app.store.models.base import Row
from app.store.models.endpoints import Endpoint, EndpointSecret
from app.store.models.events import Attempt, Delivery, Event
from app.store.models.workspaces import ApiKey, IdempotentAnswer, Workspace

__all__ = [
    "ApiKey",
    "Attempt",
    "Delivery",
    "Endpoint",
    "EndpointSecret",
    "Event",
    "IdempotentAnswer",
    "Row",
    "Workspace",
]
