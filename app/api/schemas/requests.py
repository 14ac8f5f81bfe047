"""Requests that came to triggers, as the API shows them."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Self

import orjson
from aetherflow.data import join_pairs
from pydantic import BaseModel, Field

from app.api.bodies import Input
from app.api.validation import Text
from app.rules.headers import mask_headers
from app.store.models import FinalOutcome, ReceivedRequest


class MatchShown(BaseModel):
    """Whether a trigger started a session for a request, and if not, why."""

    trigger: str | None
    matched: bool
    reason: Annotated[str | None, Field(description="Why nothing ran; null when something did.")]
    session_id: str | None


class RequestShown(BaseModel):
    """A request in a list."""

    id: str
    workflow_id: str
    trigger_id: str
    trigger: Annotated[str | None, Field(description="The trigger's name.")]
    method: str
    url: Annotated[str, Field(description="Path and query as they were sent.")]
    received_at: datetime
    peer: Annotated[str | None, Field(description="The address that it came from.")]
    matches: list[MatchShown]
    redispatch_of: Annotated[str | None, Field(description="The request of which this is a repetition.")]

    @classmethod
    def of(cls, row: ReceivedRequest, trigger: str | None) -> Self:
        """Show a row; `trigger` is the name."""
        return cls(**members_of(row, trigger))


class OutcomeShown(BaseModel):
    """What a handler answered."""

    session_id: str
    status_code: int
    headers: dict[str, str]
    body: Annotated[str | None, Field(description="Null when it is not UTF-8.")]
    body_base64: Annotated[str | None, Field(description="The body when it is not UTF-8, else null.")]
    created_at: datetime

    @classmethod
    def of(cls, row: FinalOutcome) -> Self:
        """Show a row."""
        body, body_base64 = show_bytes(row.body)
        return cls(
            session_id=row.session_id,
            status_code=row.status_code,
            headers=show_headers(row.headers),
            body=body,
            body_base64=body_base64,
            created_at=row.created_at,
        )


class RequestDetail(RequestShown):
    """A request as it came, and what was answered."""

    headers: Annotated[
        dict[str, str],
        Field(
            description="Repeated ones joined by a comma; the values of those that hold credentials masked."
        ),
    ]
    body: Annotated[str | None, Field(description="Null when it is not UTF-8.")]
    body_base64: Annotated[str | None, Field(description="The body when it is not UTF-8, else null.")]
    outcome: Annotated[OutcomeShown | None, Field(description="What a handler answered; null if none did.")]

    @classmethod
    def whole(cls, row: ReceivedRequest, trigger: str | None, outcome: FinalOutcome | None) -> Self:
        """Show a row with its body."""
        body, body_base64 = show_bytes(row.body)
        return cls(
            **members_of(row, trigger),
            headers=show_headers(row.headers),
            body=body,
            body_base64=body_base64,
            outcome=None if outcome is None else OutcomeShown.of(outcome),
        )


class RedispatchInput(Input):
    """How to receive a request again."""

    deployment_id: Annotated[
        Text | None, Field(description="A deployment of the workflow; null is the active one.")
    ] = None


class Redispatched(BaseModel):
    """A request that was received again."""

    request_id: str
    session_id: Annotated[str | None, Field(description="Null when nothing runs; the request says why.")]


def members_of(row: ReceivedRequest, trigger: str | None) -> dict[str, object]:
    """Return what lists show of a request."""
    match = MatchShown(
        trigger=trigger, matched=row.reason is None, reason=row.reason, session_id=row.session_id
    )
    return {
        "id": row.id,
        "workflow_id": row.workflow_id,
        "trigger_id": row.trigger_id,
        "trigger": trigger,
        "method": row.method,
        "url": row.raw_url,
        "received_at": row.received_at,
        "peer": row.peer,
        "matches": [match],
        "redispatch_of": row.redispatch_of,
    }


def show_headers(pairs: bytes) -> dict[str, str]:
    """Return stored headers by name."""
    return mask_headers(join_pairs(orjson.loads(pairs)))


def show_bytes(content: bytes) -> tuple[str | None, str | None]:
    """Return bytes as text, or else as base64."""
    try:
        return content.decode(), None
    except UnicodeDecodeError:
        return None, b64encode(content).decode()
