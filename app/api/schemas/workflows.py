"""Workflows, their triggers and deployments, as the API shows them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.api.bodies import Input
from app.rules.manifest import Change
from app.store.models import Deployment, Trigger, Workflow


class WorkflowShown(BaseModel):
    """A workflow."""

    id: str
    name: str
    description: str | None
    enabled: bool
    active_deployment_id: str | None = Field(
        description="What new sessions run; null before the first deploy."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Workflow) -> "WorkflowShown":
        """Show a row."""
        return cls(
            id=row.id,
            name=row.name,
            description=row.description,
            enabled=row.enabled,
            active_deployment_id=row.active_deployment_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class TriggerShown(BaseModel):
    """What starts sessions of a workflow."""

    id: str
    name: str
    type: str
    url: str | None = Field(description="Where requests go; null for a schedule.")
    slug: str | None
    is_sync: bool
    is_durable: bool
    event_type: str | None
    filter: str | None
    call: str | None
    schedule: str | None
    timezone: str
    next_tick_at: datetime | None = Field(description="When a schedule fires next.")

    @classmethod
    def of(cls, row: Trigger, base: str) -> "TriggerShown":
        """Show a row; `base` is the address that triggers have."""
        spec: dict[str, Any] = row.spec
        is_webhook = row.type == "webhook"
        return cls(
            id=row.id,
            name=row.name,
            type=row.type,
            url=f"{base.rstrip('/')}/webhooks/{row.slug}" if is_webhook else None,
            slug=row.slug if is_webhook else None,
            is_sync=spec["is_sync"],
            is_durable=spec["is_durable"],
            event_type=spec["event_type"],
            filter=spec["filter"],
            call=spec["call"],
            schedule=spec["schedule"],
            timezone=spec["timezone"],
            next_tick_at=row.due_at,
        )


class DeploymentShown(BaseModel):
    """A state of a workflow's program."""

    id: str
    version: int
    status: str = Field(description="`active`, `draining` while sessions of it go on, or `inactive`.")
    created_at: datetime

    @classmethod
    def of(cls, row: Deployment, status: str) -> "DeploymentShown":
        """Show a row."""
        return cls(id=row.id, version=row.version, status=status, created_at=row.created_at)


class ChangeShown(BaseModel):
    """What a deployment does to one thing."""

    action: str
    kind: str
    name: str

    @classmethod
    def of(cls, change: Change) -> "ChangeShown":
        """Show a change."""
        return cls(action=change.action, kind=change.kind, name=change.name)


class DeployAnswer(BaseModel):
    """What a deployment did, or with `dry_run` would do."""

    workflow: WorkflowShown | None = Field(description="Null in a dry run of a new workflow.")
    deployment: DeploymentShown | None = Field(description="Null in a dry run that would make one.")
    triggers: list[TriggerShown]
    plan: list[ChangeShown]
    changed: bool
    warnings: list[str]


class WorkflowInput(Input):
    """A workflow to be made before anything is deployed."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    description: Annotated[str, Field(max_length=500)] | None = None


class WorkflowChange(Input):
    """Members to replace."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")] = ""
    description: Annotated[str, Field(max_length=500)] | None = None
    enabled: bool = True


class VarInput(Input):
    """A variable's value."""

    value: Annotated[str, Field(max_length=65_536)]


class StartInput(Input):
    """A session to be started by hand: the trigger whose function is called, or a function of the deployment."""

    trigger: str | None = None
    call: str | None = None
    data: dict[str, Any] | None = None
