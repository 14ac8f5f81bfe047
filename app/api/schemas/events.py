"""Events: what publishing and replaying take, and what is shown."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from app.api.bodies import Input
from app.api.validation import Moment, Text
from app.store.models import Event

# What publishing checks by itself, for the description.
TypeName = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=128)]

EventId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class EventInput(Input):
    """An event to publish."""

    event: Annotated[TypeName, Field(description="The type, a dotted name of `a-z`, `0-9` and `_`.")]
    data: Annotated[
        dict[str, Any],
        Field(description="Reaches receivers with keys, numbers and strings exactly as written."),
    ]
    id: Annotated[
        EventId | None,
        Field(description="1 to 64 of `A-Za-z0-9_-`, unique in the workspace; null makes one."),
    ] = None
    timestamp: Annotated[
        Moment | None, Field(description="When it happened, RFC 3339; converted to UTC; null is now.")
    ] = None


class BatchInput(Input):
    """Events to publish together."""

    events: Annotated[
        list[EventInput], Field(min_length=1, max_length=1_000, description="All are published, or none.")
    ]


class EventAccepted(BaseModel):
    """A published event."""

    id: str
    event: str
    timestamp: str
    deliveries: Annotated[int, Field(description="How many endpoints get it.")]
    warnings: Annotated[
        list[str] | None,
        Field(description="Such as a type that nobody has declared; absent when there is none."),
    ] = None


class BatchAccepted(BaseModel):
    """A published batch; `ids` are in the order given."""

    accepted: int
    ids: Annotated[list[str], Field(description="In the order given.")]
    warnings: Annotated[
        list[str] | None,
        Field(description="Such as a type that nobody has declared; absent when there is none."),
    ] = None


class EventSummary(BaseModel):
    """An event in a list."""

    id: str
    event: str
    timestamp: str
    created_at: datetime

    @classmethod
    def of(cls, event: Event, *, timestamp: str) -> Self:
        """Show an event."""
        return cls(id=event.id, event=event.type, timestamp=timestamp, created_at=event.created_at)


class EventDelivery(BaseModel):
    """Who gets an event."""

    id: str
    endpoint_id: str
    status: str


class Unmatched(BaseModel):
    """Who does not get an event, and why."""

    endpoint_id: str
    reason: Annotated[
        str, Field(description="registered_later, not_subscribed, disabled or not_subscribed_then.")
    ]


class EventDetail(EventSummary):
    """An event with its payload, parsed and as the exact text, and who got it."""

    payload: Annotated[Any, Field(description="The whole body, parsed.")]
    body: Annotated[str, Field(description="The exact text that is signed and sent.")]
    deliveries: list[EventDelivery]
    unmatched: Annotated[
        list[Unmatched], Field(description="Today's endpoints that have no delivery of this event.")
    ]


class ReplayInput(Input):
    """Where to deliver an event again; without an endpoint to all who subscribe today."""

    endpoint_id: Annotated[
        Text | None,
        Field(description="Whatever its subscription; null is all endpoints that subscribe today."),
    ] = None


class ReplayAccepted(BaseModel):
    """How many deliveries a replay made."""

    deliveries: int
