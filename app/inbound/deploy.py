"""Deploying: from files to a workflow that takes sessions.

Everything is judged first and written then, in one transaction. Deploying the same files again changes nothing. A
new deployment takes new sessions; those of the old one go on with the old files until they end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.inbound.drafts import Draft, warn_of_requirements
from app.inbound.environment import seal_value
from app.inbound.triggers import live_triggers, set_triggers
from app.inbound.workflow_events import compare_deployments, publish_created, publish_updated
from app.rules.ids import make_id
from app.rules.manifest import Change, Manifest, plan_changes, refuse_changed_types
from app.store.database import Tx
from app.store.models import Deployment, DeploymentFile, Trigger, Workflow, WorkflowVar, Workspace
from app.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment did, or would do."""

    workflow: Workflow | None
    deployment: Deployment | None
    triggers: list[Trigger]
    plan: list[Change]
    is_created: bool
    is_changed: bool
    warnings: list[str]


async def deploy(tx: Tx, draft: Draft, *, workspace_id: str, wiring: Wiring, dry_run: bool) -> Deployed:
    """Make the draft the active deployment of the workflow that it names, or say what that would do.

    Raises:
        InvalidManifest: a trigger would become one of another type.
    """
    workflow = await find_by_name(tx, workspace_id, draft.manifest.name)
    if workflow is None and not dry_run:
        await lock_names(tx, workspace_id)
        workflow = await find_by_name(tx, workspace_id, draft.manifest.name)
    before = await active_deployment(tx, workflow)
    known = None if before is None else Manifest.model_validate(before.manifest)
    if known is not None:
        refuse_changed_types(known, draft.reading)
    plan = plan_changes(known, draft.manifest)
    warnings = [*draft.reading.warnings, *warn_of_requirements(draft.files, wiring=wiring)]
    if before is not None and before.digest == draft.digest:
        triggers = [] if workflow is None else await live_triggers(tx, workflow.id)
        return Deployed(workflow, before, triggers, plan, False, False, warnings)
    if dry_run:
        return Deployed(workflow, None, [], plan, workflow is None, True, warnings)
    is_created = workflow is None
    if workflow is None:
        workflow = add_workflow(tx, draft.manifest.name, workspace_id=workspace_id, wiring=wiring)
    await tx.flush()
    deployment = await add_deployment(tx, workflow, draft, before=before, wiring=wiring)
    await set_secrets(tx, workflow, draft.secret_values, wiring=wiring)
    triggers = await set_triggers(tx, workflow, draft.manifest, wiring=wiring)
    workflow.active_deployment_id = deployment.id
    touch(workflow, wiring=wiring)
    if is_created:
        await publish_created(tx, workflow, wiring=wiring)
    else:
        await publish_updated(tx, workflow, compare_deployments(before, deployment), wiring=wiring)
    return Deployed(workflow, deployment, triggers, plan, is_created, True, warnings)


def touch(workflow: Workflow, *, wiring: Wiring) -> None:
    """Make every process notice that the workflow is not what it was."""
    workflow.version += 1
    workflow.updated_at = wiring.clock()


async def find_by_name(tx: Tx, workspace_id: str, name: str) -> Workflow | None:
    """Return the live workflow of a name, locked."""
    statement = select(Workflow).where(
        Workflow.workspace_id == workspace_id, Workflow.name == name, Workflow.deleted_at.is_(None)
    )
    return await tx.scalar(statement.with_for_update())


async def lock_names(tx: Tx, workspace_id: str) -> None:
    """Have workflows of a workspace get their names one after the other, so that two first deploys make one."""
    await tx.get_one(Workspace, workspace_id, with_for_update={"key_share": True})


async def active_deployment(tx: Tx, workflow: Workflow | None) -> Deployment | None:
    """Return what new sessions of a workflow run, if anything was deployed."""
    if workflow is None or workflow.active_deployment_id is None:
        return None
    return await tx.get_one(Deployment, workflow.active_deployment_id)


def add_workflow(tx: Tx, name: str, *, workspace_id: str, wiring: Wiring) -> Workflow:
    """Write a workflow that has nothing deployed yet."""
    now = wiring.clock()
    workflow = Workflow(
        id=make_id("wf", wiring.chance.uuid7()),
        workspace_id=workspace_id,
        name=name,
        enabled=True,
        version=1,
        created_at=now,
        updated_at=now,
    )
    tx.add(workflow)
    return workflow


async def add_deployment(
    tx: Tx, workflow: Workflow, draft: Draft, *, before: Deployment | None, wiring: Wiring
) -> Deployment:
    """Write a deployment with those of its files that the workspace does not have."""
    insert = postgresql.insert if tx.get_bind().dialect.name == "postgresql" else sqlite.insert
    for path, digest in draft.digests.items():
        await tx.execute(
            insert(DeploymentFile)
            .values(workspace_id=workflow.workspace_id, digest=digest, content=draft.files[path])
            .on_conflict_do_nothing()
        )
    deployment = Deployment(
        id=make_id("dep", wiring.chance.uuid7()),
        workspace_id=workflow.workspace_id,
        workflow_id=workflow.id,
        version=1 if before is None else before.version + 1,
        digest=draft.digest,
        manifest=draft.manifest.model_dump(mode="json"),
        files=dict(draft.digests),
        created_at=wiring.clock(),
    )
    tx.add(deployment)
    return deployment


async def set_secrets(tx: Tx, workflow: Workflow, values: Mapping[str, str], *, wiring: Wiring) -> None:
    """Keep the values of secret variables, sealed."""
    for name, value in values.items():
        await set_var(tx, workflow, name, value, wiring=wiring)


async def set_var(tx: Tx, workflow: Workflow, name: str, value: str, *, wiring: Wiring) -> WorkflowVar:
    """Set a variable beside the manifest."""
    row = await tx.scalar(
        select(WorkflowVar).where(WorkflowVar.workflow_id == workflow.id, WorkflowVar.name == name)
    )
    if row is None:
        row = WorkflowVar(
            id=make_id("var", wiring.chance.uuid7()),
            workspace_id=workflow.workspace_id,
            workflow_id=workflow.id,
            name=name,
        )
        tx.add(row)
    row.sealed_value = seal_value(workflow.workspace_id, row.id, value, wiring=wiring)
    row.updated_at = wiring.clock()
    return row
