"""Events, their deliveries and the attempts made: the outbound half's facts.

These tables take thousands of rows a second, so they have the indexes that their lists and the claim
need and no foreign keys: one statement writes an event with its deliveries, or neither.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Float, Index, Integer, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.models.base import Row

PENDING = text("status = 'pending'")
PENDING_TEST = text("status = 'pending' AND test")
FAILED = text("status = 'failed'")
CANCELLED = text("status = 'cancelled'")


class Event(Row):
    """An immutable fact. `body` is the exact text that is signed and sent, kept once whatever the fan-out.

    `hops` counts the sessions that led to it: see `app.rules.hops`.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "workspace_id", "created_at", "id"),
        Index(None, "workspace_id", "type", "created_at", "id"),
    )

    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    hops: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    created_at: Mapped[datetime]


class Delivery(Row):
    """One event for one endpoint.

    The outbox is the pending rows, and a partial index holds just these, by endpoint and due time, so that
    claiming costs the same however many finished rows there are. `leased_until` in the future means that
    a process has the delivery in hand; `lease_token` tells whose settlement counts.

    Only the primary key leads with the workspace: a second index that did would be as good in the eyes of a
    planner that knows no sizes yet, and it would read a workspace's every row to find one.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "endpoint_id", "due_at", sqlite_where=PENDING, postgresql_where=PENDING),
        Index("ix_deliveries_test", "endpoint_id", sqlite_where=PENDING_TEST, postgresql_where=PENDING_TEST),
        Index("ix_deliveries_failed", "workspace_id", "id", sqlite_where=FAILED, postgresql_where=FAILED),
        Index(
            "ix_deliveries_cancelled",
            "workspace_id",
            "id",
            sqlite_where=CANCELLED,
            postgresql_where=CANCELLED,
        ),
        Index(None, "endpoint_id", "id"),
        Index(None, "event_id"),
    )

    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str]
    event_type: Mapped[str]
    endpoint_id: Mapped[str]
    status: Mapped[str] = mapped_column(String(16))
    attempt_count: Mapped[int] = mapped_column(Integer)
    single_try: Mapped[bool]
    test: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    lease_token: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    first_attempt_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Attempt(Row):
    """One try, never changed afterwards; numbered from 1 without gaps."""

    __tablename__ = "attempts"

    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    workspace_id: Mapped[str]
    started_at: Mapped[datetime]
    result: Mapped[str] = mapped_column(String(16))
    error: Mapped[str | None] = mapped_column(Text)
    status_code: Mapped[int | None] = mapped_column(SmallInteger)
    connect_ms: Mapped[float | None] = mapped_column(Float)
    tls_ms: Mapped[float | None] = mapped_column(Float)
    first_byte_ms: Mapped[float | None] = mapped_column(Float)
    duration_ms: Mapped[float] = mapped_column(Float)
    peer: Mapped[str | None] = mapped_column(String(64))
    key_id: Mapped[str | None]
    request_headers: Mapped[bytes] = mapped_column(LargeBinary)
    response_headers: Mapped[bytes] = mapped_column(LargeBinary)
    response_body: Mapped[bytes] = mapped_column(LargeBinary)
    response_truncated: Mapped[bool]
