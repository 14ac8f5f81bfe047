"""Sessions: runs of a handler, with all that they did and left."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Index, Integer, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.columns import Document
from app.store.models.base import Row

UNFINISHED = text("finished_at IS NULL")

# The rare ends, which people look for among the many.
FAILED = text("status = 'failed'")
STOPPED = text("status = 'stopped'")


class Session(Row):
    """A run of a handler: leased work, like a delivery.

    While `due_at` is in the past and no lease holds, any worker may take it up. A parked session has no lease, and
    `due_at` is the end of its wait, or nothing. Whoever brings what it waits for raises `wakes` and makes it due;
    a session parks only if `wakes` is still what it saw, so nothing that comes in between is slept through.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_due", "due_at", sqlite_where=UNFINISHED, postgresql_where=UNFINISHED),
        Index(None, "workspace_id", "id"),
        Index("ix_sessions_failed", "workspace_id", "id", sqlite_where=FAILED, postgresql_where=FAILED),
        Index("ix_sessions_stopped", "workspace_id", "id", sqlite_where=STOPPED, postgresql_where=STOPPED),
        Index(None, "workflow_id", "id"),
        Index(None, "request_id"),
        Index(
            "ix_sessions_deployment",
            "deployment_id",
            sqlite_where=UNFINISHED,
            postgresql_where=UNFINISHED,
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    workflow_id: Mapped[str]
    deployment_id: Mapped[str]
    trigger_id: Mapped[str | None]
    request_id: Mapped[str | None]
    parent_id: Mapped[str | None]
    hops: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    call: Mapped[str] = mapped_column(Text)
    input: Mapped[str | None] = mapped_column(Text)
    memo: Mapped[dict[str, Any] | None] = mapped_column(Document)
    is_durable: Mapped[bool]
    is_sync: Mapped[bool]
    status: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[int] = mapped_column(Integer)
    deaths: Mapped[int] = mapped_column(SmallInteger)
    active_seconds: Mapped[float] = mapped_column(Float)
    due_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    lease_token: Mapped[int | None] = mapped_column(BigInteger)
    wakes: Mapped[int] = mapped_column(BigInteger)
    wait: Mapped[str | None] = mapped_column(Text)
    stop_reason: Mapped[str | None] = mapped_column(Text)
    stop_forced: Mapped[bool]
    stopping_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    custom_data: Mapped[str | None] = mapped_column(Text)
    log_length: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class LogEntry(Row):
    """What a session said and what happened to it, in order."""

    __tablename__ = "session_log"

    session_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(16))
    text: Mapped[str | None] = mapped_column(Text)
    data: Mapped[str | None] = mapped_column(Text)


class Step(Row):
    """A named part of a session's work and how long it took."""

    __tablename__ = "steps"

    session_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime]
    duration_ms: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(Text)


class JournalEntry(Row):
    """A recorded result of a durable session, which comes back instead of being worked out again."""

    __tablename__ = "journal"

    session_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(Text)
    result: Mapped[bytes] = mapped_column(LargeBinary)


class Signal(Row):
    """What one session tells another; taken once."""

    __tablename__ = "signals"
    __table_args__ = (Index(None, "session_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str]
    session_id: Mapped[str]
    name: Mapped[str] = mapped_column(Text)
    payload: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
