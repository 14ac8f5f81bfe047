"""What requests hold and what answers show."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, field_validator, model_validator

from app.api.bodies import Input
from app.outbound.envelopes import read_timestamp
from app.rules.event_types import is_pattern, is_type_name
from app.store.models import ApiKey, Attempt, Delivery, Event
from app.workspaces.keys import Scope

SchemeName = Literal["aetherflow", "v1", "v1a"]
Pause = Annotated[float, Field(ge=0.1, le=604_800)]


class EventInput(Input):
    """An event to publish."""

    event: str
    data: dict[str, Any]
    id: str | None = None
    timestamp: str | None = None


class BatchInput(Input):
    """Events to publish together."""

    events: Annotated[list[EventInput], Field(min_length=1, max_length=1_000)]


class EventAccepted(BaseModel):
    """A published event."""

    id: str
    event: str
    timestamp: str
    deliveries: int
    warnings: list[str] | None = None


class BatchAccepted(BaseModel):
    """A published batch; `ids` are in the order given."""

    accepted: int
    ids: list[str]
    warnings: list[str] | None = None


class EventSummary(BaseModel):
    """An event in a list."""

    id: str
    event: str
    timestamp: str
    created_at: datetime

    @classmethod
    def of(cls, event: Event) -> Self:
        """Show an event."""
        return cls(
            id=event.id, event=event.type, timestamp=read_timestamp(event.body), created_at=event.created_at
        )


class EventDelivery(BaseModel):
    """Who gets an event."""

    id: str
    endpoint_id: str
    status: str


class Unmatched(BaseModel):
    """Who does not get an event, and why."""

    endpoint_id: str
    reason: str


class EventDetail(EventSummary):
    """An event with its payload, parsed and as the exact text, and who got it."""

    payload: Any
    body: str
    deliveries: list[EventDelivery]
    unmatched: list[Unmatched]


class ReplayInput(Input):
    """Where to deliver an event again; without an endpoint to all who subscribe today."""

    endpoint_id: str | None = None


class ReplayAccepted(BaseModel):
    """How many deliveries a replay made."""

    deliveries: int


class RetryInput(Input):
    """When a failed delivery is tried again."""

    max_retries: Annotated[int, Field(ge=0, le=20)] | None = None
    schedule: Annotated[list[Pause], Field(min_length=1, max_length=20)] | None = None


class EndpointMembers(Input):
    """What can be said of an endpoint at registration and later."""

    events: list[str] | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    headers: dict[str, str] | None = None
    timeout_seconds: Annotated[float, Field(ge=1, le=30)] | None = None
    retry: RetryInput | None = None
    concurrency: Annotated[int, Field(ge=1, le=256)] | None = None
    schemes: list[SchemeName] | None = None
    enabled: bool | None = None
    metadata: Annotated[dict[str, str], Field(max_length=50)] | None = None

    @field_validator("events")
    @classmethod
    def check_events(cls, events: list[str] | None) -> list[str] | None:
        """Refuse what is no event type, wildcard at the end, or `*`."""
        for pattern in events or []:
            if not is_pattern(pattern):
                raise ValueError(f"{pattern!r} is no event type, nor one with * as its last part")
        return events

    @field_validator("schemes")
    @classmethod
    def check_schemes(cls, schemes: list[str] | None) -> list[str] | None:
        """Refuse an empty list; null is the default."""
        if schemes == []:
            raise ValueError("must name at least one scheme")
        return schemes


class EndpointInput(EndpointMembers):
    """An endpoint to register."""

    url: str
    secret: str | None = None
    ed25519_secret: str | None = None

    @model_validator(mode="after")
    def check_import(self) -> Self:
        """Refuse a key that would sign nothing."""
        if self.ed25519_secret is not None and "v1a" not in (self.schemes or []):
            raise ValueError("ed25519_secret needs v1a among the schemes")
        return self


class EndpointChange(EndpointMembers):
    """Members to replace; null resets one to its default."""

    url: str | None = None


class RetryShown(BaseModel):
    """The retry policy in force."""

    max_retries: int
    schedule: list[float]


class EndpointShown(BaseModel):
    """A registered endpoint."""

    id: str
    url: str
    events: list[str]
    description: str | None
    headers: dict[str, str]
    timeout_seconds: float
    retry: RetryShown
    concurrency: int | None
    schemes: list[str]
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    metadata: dict[str, str]
    public_key: str | None = None
    created_at: datetime
    updated_at: datetime
    warnings: list[str] = []


class EndpointCreated(EndpointShown):
    """A registered endpoint with its secret, which is shown this once."""

    secret: str


class TestInput(Input):
    """Which type's example to send."""

    event: str = "workflow.completed"

    @field_validator("event")
    @classmethod
    def check_event(cls, event: str) -> str:
        """Refuse what is no event type."""
        if not is_type_name(event):
            raise ValueError("must be a dotted name of a-z, 0-9 and _")
        return event


class AttemptShown(BaseModel):
    """One try. Times in milliseconds; headers as sent and received, custom header values masked."""

    number: int
    started_at: datetime
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    duration_ms: float
    peer: str | None
    status_code: int | None
    result: str
    error: str | None
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    response_body: str
    response_truncated: bool
    key_id: str | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Show an attempt; bytes that are no UTF-8 are replaced."""
        return cls(
            number=attempt.number,
            started_at=attempt.started_at,
            connect_ms=attempt.connect_ms,
            tls_ms=attempt.tls_ms,
            first_byte_ms=attempt.first_byte_ms,
            duration_ms=attempt.duration_ms,
            peer=attempt.peer,
            status_code=attempt.status_code,
            result=attempt.result,
            error=attempt.error,
            request_headers=read_header_lines(attempt.request_headers.partition(b"\r\n")[2]),
            response_headers=read_header_lines(attempt.response_headers),
            response_body=attempt.response_body.decode(errors="replace"),
            response_truncated=attempt.response_truncated,
            key_id=attempt.key_id,
        )


class TestSent(BaseModel):
    """A test event on its way; with `wait=true` also its attempt."""

    event_id: str
    delivery_id: str
    attempt: AttemptShown | None = None


class DeliveryShown(BaseModel):
    """A delivery."""

    id: str
    event_id: str
    event: str
    endpoint_id: str
    status: str
    attempt_count: int
    next_attempt_at: datetime | None
    reason: str | None
    test: bool
    created_at: datetime
    claimed_at: datetime | None
    first_attempt_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Show a delivery."""
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            event=delivery.event_type,
            endpoint_id=delivery.endpoint_id,
            status=delivery.status,
            attempt_count=delivery.attempt_count,
            next_attempt_at=delivery.due_at if delivery.status == "pending" else None,
            reason=delivery.reason,
            test=delivery.test,
            created_at=delivery.created_at,
            claimed_at=delivery.claimed_at,
            first_attempt_at=delivery.first_attempt_at,
            finished_at=delivery.finished_at,
        )


class DeliveryDetail(DeliveryShown):
    """A delivery with its attempts, the first one first."""

    attempts: list[AttemptShown]


class KeyInput(Input):
    """An API key to issue."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[str], Field(min_length=1)]
    expires_at: Annotated[AwareDatetime, Field(strict=False)] | None = None

    @field_validator("scopes")
    @classmethod
    def check_scopes(cls, scopes: list[str]) -> list[str]:
        """Refuse unknown scopes."""
        for scope in scopes:
            if scope not in set(Scope):
                raise ValueError(f"{scope!r} is none of {', '.join(Scope)}")
        return scopes


class KeyShown(BaseModel):
    """An API key; the key itself is shown when it is issued and never again."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Show a key."""
        return cls(**{name: getattr(key, name) for name in cls.model_fields})


class KeyIssued(KeyShown):
    """A new API key."""

    key: str


class WorkspaceInput(Input):
    """A workspace to create."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class WorkspaceCreated(BaseModel):
    """A new workspace with its first key, which has the scope admin."""

    workspace_id: str
    api_key: str


def read_header_lines(lines: bytes) -> dict[str, str]:
    """Return header lines as a mapping; what stands twice is joined as RFC 9110 section 5.3 has it."""
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
