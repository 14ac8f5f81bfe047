"""What is known of how a workspace pays."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.store.columns import Document
from app.store.models.base import Row


class BillingProfile(Row):
    """The billing profile of a workspace, whose id it has; none until somebody sets something.

    With a payment provider its signed webhooks arrive at `payments_slug` and change the profile, those about other
    customers than `payments_customer` excepted. `payments_seen` tells for each field the newest of them that spoke of
    it, `{field: {"at": Unix seconds, "event": id}}`, so that an older one that comes late changes nothing.
    """

    __tablename__ = "billing_profiles"

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    plan: Mapped[str] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(16))
    billing_email: Mapped[str | None] = mapped_column(String(254))
    company: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(500))
    tax_id: Mapped[str | None] = mapped_column(String(64))
    currency: Mapped[str | None] = mapped_column(String(3))
    updated_at: Mapped[datetime | None]
    payments_provider: Mapped[str | None] = mapped_column(String(32))
    payments_slug: Mapped[str | None] = mapped_column(unique=True)
    payments_customer: Mapped[str | None] = mapped_column(String(255))
    sealed_payments_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    payments_seen: Mapped[dict[str, Any]] = mapped_column(Document)
