"""Integrations: what can be said of them, and what is shown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from app.api.bodies import Input
from app.api.description import schema_of
from app.api.validation import Text
from app.rules.integrations.http import BasicAccount, HttpConfig
from app.rules.integrations.members import NoMembers, Token, Value
from app.rules.integrations.smtp import SmtpAccount, SmtpConfig


def refuse_blank(text: str) -> str:
    """Return a name that people can see.

    Raises:
        ValueError: it is blank.
    """
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def any_of(*models: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of an object that is as one of several, as its kind wants it; some overlap."""
    return {"anyOf": [schema_of(model) for model in models]}


Name = Annotated[
    Text,
    AfterValidator(refuse_blank),
    Field(min_length=1, max_length=64, description="By which handlers ask for it; unique in the workspace."),
]
Config = Annotated[
    dict[str, Any],
    Field(
        description="What the kind needs to know; for slack nothing.",
        json_schema_extra=any_of(HttpConfig, NoMembers, SmtpConfig),
    ),
]
Credentials = Annotated[
    dict[str, Any],
    Field(
        description="Kept sealed and never shown. For http by `auth.type`: none has none, bearer has `token`, basic "
        "`username` and `password`, header and query `value`. slack has `token`, smtp `username` and `password`, or "
        "none.",
        json_schema_extra=any_of(Token, BasicAccount, Value, SmtpAccount, NoMembers),
    ),
]


class IntegrationInput(Input):
    """An integration to store."""

    name: Name
    kind: Annotated[Literal["http", "slack", "smtp"], Field(description="Cannot be changed later.")]
    config: Annotated[Config | None, Field(description="Null is an empty one.")] = None
    credentials: Annotated[Credentials | None, Field(description="Null is none.")] = None


class IntegrationChange(Input):
    """Members to replace whole; null resets one to nothing."""

    # Nothing can stand for no name, so null is refused; the default says only that it may be left out.
    name: Name = Field(default_factory=str)
    config: Config | None = None
    credentials: Credentials | None = None


class IntegrationShown(BaseModel):
    """A stored connection to an outside service."""

    id: str
    name: str
    kind: str
    config: dict[str, Any]
    credentials: Annotated[
        dict[str, str], Field(description="Which there are; their values are masked whole.")
    ]
    status: Annotated[
        Literal["disconnected", "connected", "error"],
        Field(description="Handlers can use the last two; both are checked from time to time."),
    ]
    error_code: Annotated[
        str | None,
        Field(
            description="Of the last check, if it failed: TIMEOUT, DNS, CONNECT, TLS, BLOCKED, PROTOCOL, HTTP_503 and "
            "the like, SMTP_550 and the like, SLACK_ERROR, CREDENTIALS_REFUSED."
        ),
    ]
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    checked_at: datetime | None
    connected_at: datetime | None
    disconnected_at: datetime | None
    failed_at: datetime | None
    next_check_at: datetime | None
    warnings: Annotated[list[str], Field(description="Such as a host name that does not resolve now.")] = []
