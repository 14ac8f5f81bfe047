"""Workflows, what was deployed of them, and the addresses and schedules that start them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.columns import Document
from app.store.models.base import Row

LIVE = text("deleted_at IS NULL")
SCHEDULED = text("due_at IS NOT NULL")


class Workflow(Row):
    """A named program of a workspace.

    `version` goes up with everything that alters how a request is received or a program is run: a deployment, a
    variable, enabling. Whoever receives from memory commits only if the version is still the row's.
    """

    __tablename__ = "workflows"
    __table_args__ = (
        Index(None, "workspace_id", "id"),
        Index(
            "uq_workflows_live_name",
            "workspace_id",
            "name",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    name: Mapped[str] = mapped_column(String(64))
    description: Mapped[str | None] = mapped_column(String(500))
    enabled: Mapped[bool]
    active_deployment_id: Mapped[str | None]
    version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class Deployment(Row):
    """An immutable state of a workflow's program: its manifest, and for each path the digest of the content."""

    __tablename__ = "deployments"
    __table_args__ = (Index(None, "workflow_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    workflow_id: Mapped[str] = mapped_column(ForeignKey("workflows.id"))
    version: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    manifest: Mapped[dict[str, Any]] = mapped_column(Document)
    files: Mapped[dict[str, str]] = mapped_column(Document)
    created_at: Mapped[datetime]


class DeploymentFile(Row):
    """The content of deployed files, once for each workspace however many deployments hold it."""

    __tablename__ = "deployment_files"

    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class WorkflowVar(Row):
    """A variable whose value was set beside the manifest, sealed.

    That of a connection is called `<connection>__<var>`, both of which may have 64 characters.
    """

    __tablename__ = "workflow_vars"
    __table_args__ = (Index(None, "workflow_id", "name", unique=True),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    workflow_id: Mapped[str] = mapped_column(ForeignKey("workflows.id"))
    name: Mapped[str] = mapped_column(String(130))
    sealed_value: Mapped[bytes] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime]


class Trigger(Row):
    """What starts sessions of a workflow: the requests to its slug, or the ticks of its schedule.

    `spec` is the trigger as the active deployment's manifest has it, `due_at` the next tick.
    """

    __tablename__ = "triggers"
    __table_args__ = (
        Index(None, "workflow_id", "id"),
        Index("ix_triggers_due", "due_at", sqlite_where=SCHEDULED, postgresql_where=SCHEDULED),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    workflow_id: Mapped[str] = mapped_column(ForeignKey("workflows.id"))
    name: Mapped[str] = mapped_column(String(64))
    type: Mapped[str] = mapped_column(String(16))
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    spec: Mapped[dict[str, Any]] = mapped_column(Document)
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class StoredValue(Row):
    """A value of a workflow's key-value store, as JSON text, so that integers of any size survive."""

    __tablename__ = "stored_values"

    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(512), primary_key=True)
    workspace_id: Mapped[str]
    value: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]
