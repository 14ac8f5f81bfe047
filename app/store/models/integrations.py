"""Stored connections to outside services."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.columns import Document
from app.store.models.base import Row

LIVE = text("deleted_at IS NULL")
CHECKED = text("check_due_at IS NOT NULL")


class Integration(Row):
    """A connection of a workspace, with how its last check went.

    `check_due_at` is when it is to be looked at next; whoever takes up a check moves it on, which is a lease.
    `error_code` and `error_message` tell of the failure that `status` stands for.
    """

    __tablename__ = "integrations"
    __table_args__ = (
        Index(None, "workspace_id", "id"),
        Index(
            "uq_integrations_live_name",
            "workspace_id",
            "name",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
        Index("ix_integrations_check", "check_due_at", sqlite_where=CHECKED, postgresql_where=CHECKED),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    config: Mapped[dict[str, Any]] = mapped_column(Document)
    sealed_credentials: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(String(16))
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    connected_at: Mapped[datetime | None]
    disconnected_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    check_due_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
