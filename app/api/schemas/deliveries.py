"""Deliveries with their attempts, and tests, which are deliveries asked for."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field

from app.api.bodies import Input
from app.store.models import Attempt, Delivery


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


class TestInput(Input):
    """Which type's example to send."""

    event: Annotated[str, Field(description="Any type; what is not built in gets a small example.")] = (
        "workflow.completed"
    )


class TestSent(BaseModel):
    """A test event on its way."""

    event_id: str
    delivery_id: str


class TestAttempted(TestSent):
    """A test event that was sent, be it in vain."""

    attempt: AttemptShown


def read_header_lines(lines: bytes) -> dict[str, str]:
    """Return header lines as a mapping; what stands twice is joined as RFC 9110 section 5.3 has it."""
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
