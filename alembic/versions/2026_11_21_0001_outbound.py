"""Workspaces, endpoints, events and deliveries.

Works with the code that ran before it. Never edited after its release.
"""

import sqlalchemy as sa

from alembic import op
from app.store.columns import Document, Identifier, Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "attempts",
        sa.Column("delivery_id", Identifier, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("status_code", sa.SmallInteger(), nullable=True),
        sa.Column("connect_ms", sa.Float(), nullable=True),
        sa.Column("tls_ms", sa.Float(), nullable=True),
        sa.Column("first_byte_ms", sa.Float(), nullable=True),
        sa.Column("duration_ms", sa.Float(), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=True),
        sa.Column("key_id", Identifier, nullable=True),
        sa.Column("request_headers", sa.LargeBinary(), nullable=False),
        sa.Column("response_headers", sa.LargeBinary(), nullable=False),
        sa.Column("response_body", sa.LargeBinary(), nullable=False),
        sa.Column("response_truncated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_attempts"),
    )
    op.create_table(
        "deliveries",
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("id", Identifier, nullable=False),
        sa.Column("event_id", Identifier, nullable=False),
        sa.Column("event_type", Identifier, nullable=False),
        sa.Column("endpoint_id", Identifier, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempt_count", sa.Integer(), nullable=False),
        sa.Column("single_try", sa.Boolean(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.Column("first_attempt_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_deliveries"),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["endpoint_id", "due_at"],
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_deliveries_cancelled",
        "deliveries",
        ["workspace_id", "id"],
        sqlite_where=sa.text("status = 'cancelled'"),
        postgresql_where=sa.text("status = 'cancelled'"),
    )
    op.create_index("ix_deliveries_endpoint_id_id", "deliveries", ["endpoint_id", "id"])
    op.create_index(
        "ix_deliveries_failed",
        "deliveries",
        ["workspace_id", "id"],
        sqlite_where=sa.text("status = 'failed'"),
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.create_index(
        "ix_deliveries_test",
        "deliveries",
        ["endpoint_id"],
        sqlite_where=sa.text("status = 'pending' AND test"),
        postgresql_where=sa.text("status = 'pending' AND test"),
    )
    op.create_index("ix_deliveries_event_id", "deliveries", ["event_id"])

    op.create_table(
        "events",
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("id", Identifier, nullable=False),
        sa.Column("type", Identifier, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_events"),
    )
    op.create_index("ix_events_workspace_id_created_at_id", "events", ["workspace_id", "created_at", "id"])
    op.create_index(
        "ix_events_workspace_id_type_created_at_id", "events", ["workspace_id", "type", "created_at", "id"]
    )

    op.create_table(
        "idempotent_answers",
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("route", Identifier, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("claim", Identifier, nullable=False),
        sa.Column("claimed_until", Instant(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", Document, nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "route", "key", name="pk_idempotent_answers"),
    )
    op.create_index("ix_idempotent_answers_created_at", "idempotent_answers", ["created_at"])

    op.create_table(
        "workspaces",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("endpoints_version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workspaces"),
        sa.UniqueConstraint("name", name="uq_workspaces_name"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("scopes", Document, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("last_used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_api_keys_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_workspace_id_id", "api_keys", ["workspace_id", "id"])

    op.create_table(
        "endpoints",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", Document, nullable=False),
        sa.Column("description", sa.String(length=500), nullable=True),
        sa.Column("metadata", Document, nullable=False),
        sa.Column("sealed_headers", sa.LargeBinary(), nullable=True),
        sa.Column("schemes", Document, nullable=False),
        sa.Column("timeout_seconds", sa.Float(), nullable=False),
        sa.Column("max_retries", sa.SmallInteger(), nullable=True),
        sa.Column("retry_schedule", Document, nullable=True),
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(length=16), nullable=True),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_endpoints_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_endpoints"),
    )
    op.create_index("ix_endpoints_workspace_id_id", "endpoints", ["workspace_id", "id"])

    op.create_table(
        "endpoint_secrets",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("endpoint_id", Identifier, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_ed25519", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name="fk_endpoint_secrets_endpoint_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_endpoint_secrets_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_endpoint_secrets"),
    )
    op.create_index("ix_endpoint_secrets_endpoint_id", "endpoint_secrets", ["endpoint_id"])
