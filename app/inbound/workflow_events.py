"""The events that tell of workflows, in the transaction of the verb that changes one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.catalogue import workflow as catalogue
from app.catalogue.payload import Change, Changes, Payload
from app.inbound.triggers import live_triggers
from app.outbound.record import record_event
from app.rules.manifest import Manifest
from app.store.database import Tx
from app.store.models import Deployment, Trigger, Workflow
from app.wiring import Wiring

# Paths that an event names at most: receivers read them, and an event has a largest size.
MOST_PATHS = 100

# What stands for a value that was set beside the manifest, which may be a secret.
MASK = "****"


async def publish_created(tx: Tx, workflow: Workflow, *, wiring: Wiring) -> None:
    """Tell that a workflow came into being."""
    told = catalogue.WorkflowCreated(workflow=catalogue.Workflow(**await describe(tx, workflow)))
    await record(tx, "workflow.created", told, workflow=workflow, wiring=wiring)


async def publish_updated(tx: Tx, workflow: Workflow, changes: Changes, *, wiring: Wiring) -> None:
    """Tell what changed of a workflow."""
    told = catalogue.WorkflowUpdated(
        workflow=catalogue.Workflow(**await describe(tx, workflow)), changes=changes
    )
    await record(tx, "workflow.updated", told, workflow=workflow, wiring=wiring)


async def publish_deleted(
    tx: Tx, workflow: Workflow, *, triggers: Sequence[Trigger], deleted_at: datetime, wiring: Wiring
) -> None:
    """Tell that a workflow was deleted, with the triggers that it had."""
    shown = await describe(tx, workflow, triggers=triggers)
    deleted = catalogue.DeletedWorkflow(**shown | {"status": "deleted"}, deleted_at=deleted_at)
    told = catalogue.WorkflowDeleted(workflow=deleted)
    await record(tx, "workflow.deleted", told, workflow=workflow, wiring=wiring)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Return the members that differ."""
    return {name: change(before[name], after[name]) for name in after if before[name] != after[name]}


def compare_deployments(before: Deployment | None, after: Deployment) -> Changes:
    """Return what another deployment changes: its number, triggers, variables and files, by their names."""
    old = {} if before is None else before.files
    changed = {path for path in {*old, *after.files} if old.get(path) != after.files.get(path)}
    files_before, files_after = cut(changed & {*old}), cut(changed & {*after.files})
    return {
        "version": change(None if before is None else before.version, after.version),
        **compare(names_in(before), names_in(after)),
        **({"files": change(files_before, files_after)} if changed else {}),
    }


def change(before: Any, after: Any) -> Change:
    """Return one change."""
    return Change(from_=before, to=after)


def names_in(deployment: Deployment | None) -> dict[str, list[str]]:
    """Return the names of a deployment's triggers and variables."""
    if deployment is None:
        return {"triggers": [], "vars": []}
    manifest = Manifest.model_validate(deployment.manifest)
    return {
        "triggers": sorted(trigger.name for trigger in manifest.triggers),
        "vars": sorted(var.name for var in manifest.vars),
    }


def cut(paths: Iterable[str]) -> list[str]:
    """Return paths in order, not too many."""
    return sorted(paths)[:MOST_PATHS]


async def describe(
    tx: Tx, workflow: Workflow, *, triggers: Sequence[Trigger] | None = None
) -> dict[str, Any]:
    """Return a workflow as the catalogue has it; without `triggers`, with those that it has now."""
    deployment = None
    if workflow.active_deployment_id is not None:
        deployment = await tx.get_one(Deployment, workflow.active_deployment_id)
    if triggers is None:
        triggers = await live_triggers(tx, workflow.id)
    return {
        "id": workflow.id,
        "name": workflow.name,
        "status": "enabled" if workflow.enabled else "disabled",
        "version": None if deployment is None else deployment.version,
        "triggers": [{"id": one.id, "name": one.name, "type": one.type} for one in triggers],
        "created_at": workflow.created_at,
        "updated_at": workflow.updated_at,
    }


async def record(tx: Tx, event_type: str, told: Payload, *, workflow: Workflow, wiring: Wiring) -> None:
    """Publish."""
    await record_event(tx, event_type, told.to_data(), workspace_id=workflow.workspace_id, wiring=wiring)
