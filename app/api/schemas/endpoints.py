"""Endpoints: what can be said of them, and what is shown."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from app.api.bodies import Input
from app.api.validation import OnceShown, Text
from app.rules.event_types import is_pattern

SchemeName = Literal["aetherflow", "v1", "v1a"]

Pause = Annotated[float, Field(ge=0.1, le=604_800)]


def check_pattern(text: str) -> str:
    """Return a pattern of event types.

    Raises:
        ValueError: it is no event type, wildcard at the end, or `*`.
    """
    if not is_pattern(text):
        raise ValueError("must be an event type, such as invoice.paid, or one with * as its last part")
    return text


Pattern = Annotated[str, AfterValidator(check_pattern)]


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

    secret: OnceShown = None
