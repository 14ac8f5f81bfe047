"""Workflows, their triggers and deployments, as the API shows them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from app.api.bodies import Input
from app.api.validation import Text, refuse_nul
from app.inbound.variables import Variable
from app.rules.manifest import MOST_VALUE_BYTES, Change
from app.rules.masking import HIDDEN
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


class VarShown(BaseModel):
    """A variable of a workflow's handlers."""

    name: str
    value: str | None = Field(description="`****` for a secret one that has a value; null without a value.")
    secret: bool = Field(description="Whether it is declared so, or was set beside the manifest.")
    declared: bool = Field(description="Whether the active deployment's manifest names it.")
    description: str | None
    updated_at: datetime | None = Field(
        description="When it was set beside the manifest; null if it was not."
    )

    @classmethod
    def of(cls, variable: Variable) -> "VarShown":
        """Show a variable; nothing of a secret, whose end may be the end of a password."""
        return cls(
            name=variable.name,
            value=HIDDEN if variable.is_secret and variable.is_set else variable.value,
            secret=variable.is_secret,
            declared=variable.is_declared,
            description=variable.description,
            updated_at=variable.updated_at,
        )


class WorkflowDetail(WorkflowShown):
    """A workflow with what belongs to it."""

    triggers: list[TriggerShown]
    deployments: list[DeploymentShown] = Field(description="The newest twenty, newest first.")
    vars: list[VarShown]


class VarList(BaseModel):
    """The variables of a workflow."""

    data: list[VarShown] = Field(description="In order of their names.")


WorkflowName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]


def check_value(text: str) -> str:
    """Return the value of a variable.

    Raises:
        ValueError: an environment cannot hold it.
    """
    if len(refuse_nul(text).encode()) > MOST_VALUE_BYTES:
        raise ValueError(f"must have at most {MOST_VALUE_BYTES} bytes")
    return text


class WorkflowInput(Input):
    """A workflow to be made before anything is deployed."""

    name: Annotated[
        WorkflowName,
        Field(description="As `project.name` of its manifest will be: that is how a deploy finds it."),
    ]
    description: Annotated[Text, Field(max_length=500)] | None = None


class WorkflowChange(Input):
    """Members to replace; null resets one to its default."""

    # Nothing can stand for no name, so null is refused; the default says only that it may be left out.
    name: WorkflowName = Field(default_factory=str)
    description: Annotated[Text, Field(max_length=500)] | None = None
    enabled: Annotated[
        bool | None, Field(description="A disabled workflow starts no sessions. Null is true.")
    ] = None


class VarInput(Input):
    """A variable's value."""

    value: Annotated[
        str,
        AfterValidator(check_value),
        Field(description="Kept sealed, and never shown again. At most 65,536 bytes."),
    ]


class StartInput(Input):
    """A session to be started by hand."""

    trigger: Annotated[
        Text | None,
        Field(description="The name of a trigger whose function is called; null is the only one."),
    ] = None
    call: Annotated[
        Text | None, Field(description="A function of the active deployment instead, `path.py:function`.")
    ] = None
    data: Annotated[
        dict[str, Any] | None, Field(description="What the handler gets as `event.data`; null is `{}`.")
    ] = None


class SessionStarted(BaseModel):
    """A session that will run."""

    id: str
