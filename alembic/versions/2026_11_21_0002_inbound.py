"""Workflows, deployments, triggers, requests and sessions.

Works with the code that ran before it. Never edited after its release.
"""

import sqlalchemy as sa

from alembic import op
from app.store.columns import Document, Identifier, Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "workflows",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("active_deployment_id", Identifier, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_workflows_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workflows"),
    )
    op.create_index("ix_workflows_workspace_id_id", "workflows", ["workspace_id", "id"])
    op.create_index(
        "uq_workflows_live_name",
        "workflows",
        ["workspace_id", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "deployments",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("workflow_id", Identifier, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("manifest", Document, nullable=False),
        sa.Column("files", Document, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name="fk_deployments_workflow_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_deployments_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_deployments"),
    )
    op.create_index("ix_deployments_workflow_id_id", "deployments", ["workflow_id", "id"])
    op.create_table(
        "deployment_files",
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "digest", name="pk_deployment_files"),
    )
    op.create_table(
        "workflow_vars",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("workflow_id", Identifier, nullable=False),
        sa.Column("name", sa.String(length=130), nullable=False),
        sa.Column("sealed_value", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name="fk_workflow_vars_workflow_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_workflow_vars_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workflow_vars"),
    )
    op.create_index(
        "ix_workflow_vars_workflow_id_name", "workflow_vars", ["workflow_id", "name"], unique=True
    )
    op.create_table(
        "triggers",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("workflow_id", Identifier, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("spec", Document, nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("deleted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name="fk_triggers_workflow_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_triggers_workspace_id"),
        sa.PrimaryKeyConstraint("id", name="pk_triggers"),
        sa.UniqueConstraint("slug", name="uq_triggers_slug"),
    )
    op.create_index(
        "ix_triggers_due",
        "triggers",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_triggers_workflow_id_id", "triggers", ["workflow_id", "id"])
    op.create_table(
        "stored_values",
        sa.Column("workflow_id", Identifier, nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "key", name="pk_stored_values"),
    )
    op.create_table(
        "requests",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("workflow_id", Identifier, nullable=False),
        sa.Column("trigger_id", Identifier, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("raw_url", sa.Text(), nullable=False),
        sa.Column("suffix", sa.Text(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("session_id", Identifier, nullable=True),
        sa.Column("redispatch_of", Identifier, nullable=True),
        sa.Column("dedupe_key", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    op.create_index("ix_requests_trigger_id_id", "requests", ["trigger_id", "id"])
    op.create_index("ix_requests_workspace_id_id", "requests", ["workspace_id", "id"])
    op.create_index(
        "ix_requests_unmatched",
        "requests",
        ["workspace_id", "id"],
        sqlite_where=sa.text("reason IS NOT NULL"),
        postgresql_where=sa.text("reason IS NOT NULL"),
    )
    op.create_index(
        "uq_requests_dedupe",
        "requests",
        ["trigger_id", "dedupe_key"],
        unique=True,
        sqlite_where=sa.text("dedupe_key IS NOT NULL"),
        postgresql_where=sa.text("dedupe_key IS NOT NULL"),
    )
    op.create_table(
        "outcomes",
        sa.Column("request_id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("session_id", Identifier, nullable=False),
        sa.Column("status_code", sa.SmallInteger(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_outcomes"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("session_id", Identifier, nullable=False),
        sa.Column("trigger_id", Identifier, nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
    )
    op.create_index("ix_subscriptions_session_id", "subscriptions", ["session_id"])
    op.create_index("ix_subscriptions_trigger_id_id", "subscriptions", ["trigger_id", "id"])
    op.create_table(
        "arrivals",
        sa.Column("subscription_id", Identifier, nullable=False),
        sa.Column("request_id", Identifier, nullable=False),
        sa.PrimaryKeyConstraint("subscription_id", "request_id", name="pk_arrivals"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("workflow_id", Identifier, nullable=False),
        sa.Column("deployment_id", Identifier, nullable=False),
        sa.Column("trigger_id", Identifier, nullable=True),
        sa.Column("request_id", Identifier, nullable=True),
        sa.Column("parent_id", Identifier, nullable=True),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=True),
        sa.Column("memo", Document, nullable=True),
        sa.Column("is_durable", sa.Boolean(), nullable=False),
        sa.Column("is_sync", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.SmallInteger(), nullable=False),
        sa.Column("active_seconds", sa.Float(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), nullable=True),
        sa.Column("wakes", sa.BigInteger(), nullable=False),
        sa.Column("wait", sa.Text(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("stop_forced", sa.Boolean(), nullable=False),
        sa.Column("stopping_at", Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("custom_data", sa.Text(), nullable=True),
        sa.Column("log_length", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index(
        "ix_sessions_deployment",
        "sessions",
        ["deployment_id"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "ix_sessions_due",
        "sessions",
        ["due_at"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    for status in ("failed", "stopped"):
        op.create_index(
            f"ix_sessions_{status}",
            "sessions",
            ["workspace_id", "id"],
            sqlite_where=sa.text(f"status = '{status}'"),
            postgresql_where=sa.text(f"status = '{status}'"),
        )
    op.create_index("ix_sessions_request_id", "sessions", ["request_id"])
    op.create_index("ix_sessions_workflow_id_id", "sessions", ["workflow_id", "id"])
    op.create_index("ix_sessions_workspace_id_id", "sessions", ["workspace_id", "id"])
    op.create_table(
        "session_log",
        sa.Column("session_id", Identifier, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", "seq", name="pk_session_log"),
    )
    op.create_table(
        "steps",
        sa.Column("session_id", Identifier, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", "number", name="pk_steps"),
    )
    op.create_table(
        "journal",
        sa.Column("session_id", Identifier, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "seq", name="pk_journal"),
    )
    op.create_table(
        "signals",
        sa.Column("id", Identifier, nullable=False),
        sa.Column("workspace_id", Identifier, nullable=False),
        sa.Column("session_id", Identifier, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signals"),
    )
    op.create_index("ix_signals_session_id_id", "signals", ["session_id", "id"])
