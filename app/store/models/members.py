"""The people of a workspace and those who are asked to join."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.columns import Document
from app.store.models.base import Row


class Member(Row):
    """A person in a workspace. The address is kept in lower case; the password only as its argon2id hash."""

    __tablename__ = "members"
    __table_args__ = (
        Index(None, "workspace_id", "id"),
        Index("uq_members_workspace_id_email", "workspace_id", "email", unique=True),
        Index(None, "email"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Invitation(Row):
    """A single-use link into a workspace, of which only the SHA-256 of its token is kept.

    `user_id` is the id that the member will have, so that whoever hears of both the invitation and the joining
    knows that they speak of one person.
    """

    __tablename__ = "invitations"
    __table_args__ = (Index(None, "workspace_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    user_id: Mapped[str]
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str | None] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    invited_by: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
