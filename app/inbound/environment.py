"""The environment of a deployment's handlers: its variables, the addresses of its triggers, and little else."""

import os

from sqlalchemy import select

from app.rules.manifest import Manifest
from app.store.database import Tx
from app.store.models import Deployment, Trigger, WorkflowVar
from app.store.sealing import seal_context
from app.wiring import Wiring

# What a program may expect of the system it runs on.
INHERITED = ("PATH", "HOME", "LANG", "TZ")


async def read_environment(tx: Tx, deployment: Deployment, *, wiring: Wiring) -> dict[str, str]:
    """Return the environment as it is to be now. A variable that was never given a value is not in it."""
    manifest = Manifest.model_validate(deployment.manifest)
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    variables = [(spec.name, spec) for spec in manifest.vars]
    for connection in manifest.connections:
        variables += [(f"{connection.name}__{spec.name}", spec) for spec in connection.vars]
    values = await read_values(tx, deployment.workflow_id, wiring=wiring)
    for name, spec in variables:
        value = values.get(name, spec.value)
        if value is not None:
            environment[name] = value
    rows = await tx.execute(
        select(Trigger.name, Trigger.slug).where(
            Trigger.workflow_id == deployment.workflow_id, Trigger.deleted_at.is_(None)
        )
    )
    for name, slug in rows:
        environment[f"{name}__webhook_url"] = webhook_url(slug, base=hooks_base(wiring))
    return environment


async def read_values(tx: Tx, workflow_id: str, *, wiring: Wiring) -> dict[str, str]:
    """Return the variables that were set beside the manifest."""
    rows = await tx.scalars(select(WorkflowVar).where(WorkflowVar.workflow_id == workflow_id))
    return {row.name: open_value(row, wiring=wiring) for row in rows}


def seal_value(workspace_id: str, var_id: str, value: str, *, wiring: Wiring) -> bytes:
    """Return a variable's value as it is kept."""
    return wiring.keyring.seal(value.encode(), context=seal_context(workspace_id, var_id, "var"))


def open_value(row: WorkflowVar, *, wiring: Wiring) -> str:
    """Return a variable's value."""
    return wiring.keyring.open(
        row.sealed_value, context=seal_context(row.workspace_id, row.id, "var")
    ).decode()


def hooks_base(wiring: Wiring) -> str:
    """Return the address under which triggers are reached, as the settings have it."""
    settings = wiring.settings
    return settings.hooks_url or settings.public_url or f"http://{settings.host}:{settings.port}"


def webhook_url(slug: str, *, base: str) -> str:
    """Return the URL of a trigger."""
    return f"{base.rstrip('/')}/webhooks/{slug}"
