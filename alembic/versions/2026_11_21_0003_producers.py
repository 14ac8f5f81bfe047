"""Members, invitations, integrations and billing profiles; hops of events and sessions.

Works with the code that ran before it. Never edited after its release.
"""

import sqlalchemy as sa

from alembic import op
from app.store.columns import Document, Identifier, Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("events", sa.Column("hops", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "sessions", sa.Column("hops", sa.SmallInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.create_table(
        "members",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_members_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_members"),
    )
    op.create_index("ix_members_email", "members", ["email"])
    op.create_index("ix_members_workspace_id_id", "members", ["workspace_id", "id"])
    op.create_index("uq_members_workspace_id_email", "members", ["workspace_id", "email"], unique=True)
    op.create_table(
        "invitations",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("user_id", Identifier, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", Document, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_invitations_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("digest", name="uq_invitations_digest"),
    )
    op.create_index("ix_invitations_workspace_id_id", "invitations", ["workspace_id", "id"])
    op.create_table(
        "integrations",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("config", Document, nullable=False),
        sa.Column("sealed_credentials", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("checked_at", Instant(), nullable=True),
        sa.Column("connected_at", Instant(), nullable=True),
        sa.Column("disconnected_at", Instant(), nullable=True),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.Column("check_due_at", Instant(), nullable=True),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_integrations_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_integrations"),
    )
    op.create_index(
        "ix_integrations_check",
        "integrations",
        ["check_due_at"],
        sqlite_where=sa.text("check_due_at IS NOT NULL"),
        postgresql_where=sa.text("check_due_at IS NOT NULL"),
    )
    op.create_index("ix_integrations_workspace_id_id", "integrations", ["workspace_id", "id"])
    op.create_index(
        "uq_integrations_live_name",
        "integrations",
        ["workspace_id", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "billing_profiles",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("plan", sa.String(length=100), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("billing_email", sa.String(length=254), nullable=True),
        sa.Column("company", sa.String(length=200), nullable=True),
        sa.Column("address", sa.String(length=500), nullable=True),
        sa.Column("tax_id", sa.String(length=64), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("updated_at", Instant(), nullable=True),
        sa.Column("payments_provider", sa.String(length=32), nullable=True),
        sa.Column("payments_slug", Identifier, nullable=True),
        sa.Column("payments_customer", sa.String(length=255), nullable=True),
        sa.Column("sealed_payments_secret", sa.LargeBinary(), nullable=True),
        sa.Column("payments_seen", Document, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_billing_profiles_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_billing_profiles"),
        sa.UniqueConstraint("payments_slug", name="uq_billing_profiles_payments_slug"),
    )
