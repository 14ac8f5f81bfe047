"""What requests hold and what answers show."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from app.api.bodies import Input
from app.api.validation import Moment, Text
from app.rules.event_types import is_pattern
from app.store.models import ApiKey, Attempt, Delivery, Event
from app.workspaces.keys import Scope

SchemeName = Literal["aetherflow", "v1", "v1a"]
Pause = Annotated[float, Field(ge=0.1, le=604_800)]

# What publishing checks by itself, for the description.
TypeName = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=128)]
EventId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def check_pattern(text: str) -> str:
    """Return a pattern of event types.

    Raises:
        ValueError: it is no event type, wildcard at the end, or `*`.
    """
    if not is_pattern(text):
        raise ValueError("must be an event type, such as invoice.paid, or one with * as its last part")
    return text


Pattern = Annotated[str, AfterValidator(check_pattern)]


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


class RetryInput(Input):
    """When a failed delivery is tried again."""

    max_retries: Annotated[
        Annotated[int, Field(ge=0, le=20)] | None,
        Field(description="Attempts after the first one; null is the length of the schedule."),
    ] = None
    schedule: Annotated[
        Annotated[list[Pause], Field(min_length=1, max_length=20)] | None,
        Field(
            description="Seconds before each retry, 0.1 to 604800, each varied by up to a fifth; the last one "
            "repeats; null is 10, 60, 600."
        ),
    ] = None


class EndpointMembers(Input):
    """What can be said of an endpoint at registration and later."""

    events: Annotated[
        list[Pattern] | None,
        Field(
            description="Types to subscribe to; the last part may be `*`. Null, `[]` and `*` are all types."
        ),
    ] = None
    description: Annotated[Text, Field(max_length=500)] | None = None
    headers: Annotated[
        dict[str, str] | None,
        Field(description="Up to 20 headers of your own for each delivery, kept sealed."),
    ] = None
    timeout_seconds: Annotated[
        Annotated[float, Field(ge=1, le=30)] | None,
        Field(
            description="For a whole attempt, from resolving the name to the end of the answer; null is 10."
        ),
    ] = None
    retry: Annotated[RetryInput | None, Field(description="Null is three retries.")] = None
    concurrency: Annotated[
        Annotated[int, Field(ge=1, le=256)] | None,
        Field(description="Attempts in flight at once in each process; null finds it by trying."),
    ] = None
    schemes: Annotated[
        Annotated[list[SchemeName], Field(min_length=1)] | None,
        Field(description="How deliveries are signed; null is `aetherflow` and `v1`."),
    ] = None
    enabled: Annotated[bool | None, Field(description="Null is true.")] = None
    metadata: Annotated[
        Annotated[dict[Text, Text], Field(max_length=50)] | None,
        Field(description="Strings of your own, for you alone."),
    ] = None


class EndpointInput(EndpointMembers):
    """An endpoint to register."""

    url: Annotated[str, Field(description="At most 2,048 characters, stored as given.")]
    secret: Annotated[
        str | None,
        Field(
            description="A signing secret of your own: `whsec_` and base64 of 24 to 64 bytes; null makes one."
        ),
    ] = None
    ed25519_secret: Annotated[
        str | None, Field(description="An Ed25519 pair of your own, `whsk_...`, for the scheme `v1a`.")
    ] = None

    @field_validator("ed25519_secret")
    @classmethod
    def check_import(cls, ed25519_secret: str | None, info: ValidationInfo) -> str | None:
        """Refuse a key that would sign nothing."""
        if ed25519_secret is not None and "v1a" not in (info.data.get("schemes") or []):
            raise ValueError("needs v1a among the schemes")
        return ed25519_secret


class EndpointChange(EndpointMembers):
    """Members to replace; null resets one to its default."""

    # Nothing can stand for no URL, so null is refused; the default says only that it may be left out.
    url: str = Field(default_factory=str)


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
    headers: Annotated[
        dict[str, str], Field(description="Values of headers that are named like a credential are masked.")
    ]
    timeout_seconds: float
    retry: RetryShown
    concurrency: int | None
    schemes: list[str]
    enabled: bool
    disabled_reason: Annotated[
        str | None, Field(description="`manual`, or `gone` after an answer 410; null while enabled.")
    ]
    disabled_at: datetime | None
    metadata: dict[str, str]
    public_key: Annotated[
        str | None,
        Field(description="`whpk_...`, to verify `v1a` signatures with, where the endpoint asks for them."),
    ] = None
    created_at: datetime
    updated_at: datetime
    warnings: Annotated[list[str], Field(description="Such as a host name that does not resolve now.")] = []


class EndpointCreated(EndpointShown):
    """A registered endpoint with its secret, which is shown this once."""

    secret: Annotated[
        str | None, Field(description="Shown this once: neither later nor in a repeated answer.")
    ] = None


class TestInput(Input):
    """Which type's example to send."""

    event: Annotated[str, Field(description="Any type; what is not built in gets a small example.")] = (
        "workflow.completed"
    )


class AttemptShown(BaseModel):
    """One try. Times in milliseconds; headers as sent and received, custom header values masked."""

    number: Annotated[int, Field(description="From 1, without gaps.")]
    started_at: datetime
    connect_ms: Annotated[float | None, Field(description="Null on a connection that was open already.")]
    tls_ms: float | None
    first_byte_ms: Annotated[float | None, Field(description="From the beginning of the attempt.")]
    duration_ms: float
    peer: Annotated[str | None, Field(description="Address and port that the attempt went to.")]
    status_code: int | None
    result: Annotated[
        str,
        Field(description="2xx, 3xx, 4xx, 429, 5xx, timeout, dns, connect, tls, blocked or protocol."),
    ]
    error: Annotated[str | None, Field(description="What went wrong, when no answer came.")]
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    response_body: Annotated[str, Field(description="The first 16 KiB.")]
    response_truncated: Annotated[bool, Field(description="Whether the answer had more.")]
    key_id: Annotated[str | None, Field(description="The signing key that was used.")]

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
    """A test event on its way."""

    event_id: str
    delivery_id: str


class TestAttempted(TestSent):
    """A test event that was sent, be it in vain."""

    attempt: AttemptShown


class DeliveryShown(BaseModel):
    """A delivery."""

    id: str
    event_id: str
    event: str
    endpoint_id: str
    status: Annotated[str, Field(description="pending, succeeded, failed or cancelled.")]
    attempt_count: int
    next_attempt_at: Annotated[datetime | None, Field(description="Null unless pending.")]
    reason: Annotated[
        str | None,
        Field(
            description="Why it failed or was cancelled: retries_exhausted, single_attempt, gone, aborted, cancelled "
            "or endpoint_disabled."
        ),
    ]
    test: Annotated[bool, Field(description="Whether it is a test event.")]
    created_at: datetime
    claimed_at: Annotated[datetime | None, Field(description="When a process first took it.")]
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

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    scopes: Annotated[
        list[Annotated[Scope, Field(strict=False)]],
        Field(min_length=1, description="No more than your own key has."),
    ]
    expires_at: Annotated[Moment | None, Field(description="Null is never.")] = None


class KeyShown(BaseModel):
    """An API key; the key itself is shown when it is issued and never again."""

    id: str
    name: str
    prefix: Annotated[str, Field(description="How the key begins.")]
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

    key: Annotated[
        str | None, Field(description="Shown this once: neither later nor in a repeated answer.")
    ] = None


class WorkspaceInput(Input):
    """A workspace to create."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]


class WorkspaceCreated(BaseModel):
    """A new workspace with its first key, of the scope admin and shown this once."""

    workspace_id: str
    api_key: Annotated[
        str | None, Field(description="Shown this once: neither later nor in a repeated answer.")
    ] = None


def read_header_lines(lines: bytes) -> dict[str, str]:
    """Return header lines as a mapping; what stands twice is joined as RFC 9110 section 5.3 has it."""
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
