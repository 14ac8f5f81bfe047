"""Where deliveries go, and the keys that sign them."""

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.columns import Document
from app.store.models.base import Row


class Endpoint(Row):
    """A registered receiver. A deleted one stays as a row, because its deliveries stay readable."""

    __tablename__ = "endpoints"
    __table_args__ = (Index(None, "workspace_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(Document)
    description: Mapped[str | None] = mapped_column(String(500))
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", Document)
    sealed_headers: Mapped[bytes | None] = mapped_column(LargeBinary)
    schemes: Mapped[list[str]] = mapped_column(Document)
    timeout_seconds: Mapped[float] = mapped_column(Float)
    max_retries: Mapped[int | None] = mapped_column(SmallInteger)
    retry_schedule: Mapped[list[float] | None] = mapped_column(Document)
    concurrency: Mapped[int | None] = mapped_column(Integer)
    enabled: Mapped[bool]
    disabled_reason: Mapped[str | None] = mapped_column(String(16))
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class EndpointSecret(Row):
    """A signing key of an endpoint: the symmetric secret and, sealed beside it, the Ed25519 pair."""

    __tablename__ = "endpoint_secrets"
    __table_args__ = (Index(None, "endpoint_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoints.id"))
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_ed25519: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
