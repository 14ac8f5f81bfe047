"""Tenants and the keys that act for them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.columns import Document
from app.store.models.base import Row


class Workspace(Row):
    """A tenant; owns all other rows.

    `endpoints_version` goes up with every change that alters who gets an event. A publisher fans out
    from memory and commits only if the version it used is still the row's, so no answered change is missed.
    """

    __tablename__ = "workspaces"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    endpoints_version: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime]


class ApiKey(Row):
    """A credential of a workspace; the key itself is not kept, only its SHA-256."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "workspace_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[str]] = mapped_column(Document)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class IdempotentAnswer(Row):
    """The answer to a POST that carried an Idempotency-Key, kept for 24 hours.

    Without `status` the first request is still running, until `claimed_until` at the latest: a process
    that died in the middle does not hold the key for ever.
    """

    __tablename__ = "idempotent_answers"
    __table_args__ = (Index(None, "created_at"),)

    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    claim: Mapped[str]
    claimed_until: Mapped[datetime]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, Any] | None] = mapped_column(Document)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
