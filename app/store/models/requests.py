"""Requests that came to triggers, what came of them, and who waits for more of them."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.models.base import Row

KEYED = text("dedupe_key IS NOT NULL")
UNMATCHED = text("reason IS NOT NULL")


class ReceivedRequest(Row):
    """A request as it came. `headers` is a JSON list of pairs; `reason` says why no session started.

    `dedupe_key` is that of the first request only, and is taken from it when its day is over.
    """

    __tablename__ = "requests"
    __table_args__ = (
        Index(None, "workspace_id", "id"),
        Index(None, "trigger_id", "id"),
        Index(
            "ix_requests_unmatched",
            "workspace_id",
            "id",
            sqlite_where=UNMATCHED,
            postgresql_where=UNMATCHED,
        ),
        Index(
            "uq_requests_dedupe",
            "trigger_id",
            "dedupe_key",
            unique=True,
            sqlite_where=KEYED,
            postgresql_where=KEYED,
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    workflow_id: Mapped[str]
    trigger_id: Mapped[str]
    method: Mapped[str] = mapped_column(Text)
    raw_url: Mapped[str] = mapped_column(Text)
    suffix: Mapped[str] = mapped_column(Text)
    headers: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
    peer: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str | None]
    redispatch_of: Mapped[str | None]
    dedupe_key: Mapped[str | None] = mapped_column(String(64))


class FinalOutcome(Row):
    """The answer to a request: the primary key lets the first one win. `headers` is a JSON list of pairs."""

    __tablename__ = "outcomes"

    request_id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    session_id: Mapped[str]
    status_code: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class TriggerSubscription(Row):
    """A session's wish for the requests that come to a trigger from now on."""

    __tablename__ = "subscriptions"
    __table_args__ = (Index(None, "trigger_id", "id"), Index(None, "session_id"))

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    session_id: Mapped[str]
    trigger_id: Mapped[str]
    filter: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class Arrival(Row):
    """A request that a subscription has not taken yet."""

    __tablename__ = "arrivals"

    subscription_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[str] = mapped_column(primary_key=True)
